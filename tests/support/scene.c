#include "support/scene.h"

#include <stdlib.h>

enum { WORDS_MAX = 32 };

int scene_setup(void **state) {
    struct scene *scene = malloc(sizeof *scene);
    assert_non_null(scene);
    *scene = (struct scene){TREE_INIT, SERVER_INIT};
    *state = scene;
    tree_make(&scene->tree);
    return 0;
}

int scene_teardown(void **state) {
    struct scene *scene = *state;
    char complaint[SERVER_COMPLAINT_MAX];
    server_end(&scene->server, complaint);
    process_kill_all();
    tree_remove(&scene->tree);
    free(scene);
    if (complaint[0] != '\0')
        fail_msg("%s", complaint);
    return 0;
}

static void serve(struct scene *scene, const struct process_options *options, va_list more) {
    const char *words[WORDS_MAX] = {"--listen", "127.0.0.1:0"};
    size_t count = 2;
    for (const char *word; (word = va_arg(more, const char *)) != NULL;) {
        assert_in_range(count, 0, WORDS_MAX - 3);
        words[count++] = word;
    }
    words[count] = scene->tree.path;
    server_start(&scene->server, options, 1, words);
}

void scene_serve(struct scene *scene, ...) {
    va_list more;
    va_start(more, scene);
    serve(scene, NULL, more);
    va_end(more);
}

void scene_serve_unprivileged(struct scene *scene, ...) {
    const struct process_options options = {.unprivileged = true};
    va_list more;
    va_start(more, scene);
    serve(scene, &options, more);
    va_end(more);
}
