#include "support/unserved.h"

#include "support/row.h"
#include "support/shell.h"

#include <stdlib.h>
#include <sys/stat.h>

void unserved_make(const struct tree *tree) {
    static const struct {
        const char *name;
        const char *target;
    } links[] = {
        {"root/in/to-file", "file"},
        {"root/in/to-inner", "inner"},
        {"root/in/to-itself", "."},
        {"root/in/to-outside", "../../outside"},
        {"root/in/to-secret", "../../outside/secret"},
        {"root/in/to-etc", "/etc"},
        {"root/in/to-passwd", "/etc/passwd"},
        {"root/in/to-nothing", "nothing"},
    };
    tree_text(tree, "outside/secret", "secret");
    tree_text(tree, "root/in/file", "file");
    tree_text(tree, "root/in/.hidden", "hidden");
    tree_text(tree, "root/in/inner/deep", "deep");
    for (size_t i = 0; i < ROWS_COUNT(links); i++)
        tree_link(tree, links[i].name, links[i].target);
    assert_int_equal(mkfifo(tree_path(tree, "root/in/fifo"), 0644), 0);
}

void unserved_serve(struct scene *scene, const char *symlinks) {
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--symlinks", symlinks, tree_path(&scene->tree, "root"), NULL};
    server_start(&scene->server, NULL, 1, words);
    shell_tell(scene);
}

void unserved_check(struct scene *scene, const struct unserved_row *rows, size_t count,
                    const char *script) {
    for (size_t i = 0; i < count; i++) {
        unserved_serve(scene, rows[i].symlinks);
        char *names = shell_read(script);
        row_assert_slice(rows[i].symlinks, slice_of_text(names), slice_of_text(rows[i].names));
        free(names);
        server_stop(&scene->server);
    }
}
