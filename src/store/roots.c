#include "store/roots.h"

/* The number of the one, but for number `but`, with the longest prefix that leads to the path. All
 * paths lead into the root. */
static size_t find_longest(const struct roots *roots, struct slice path, size_t but) {
    size_t longest = 0;
    for (size_t i = 1; i < roots->count; i++) {
        if (i != but && roots->items[i].prefix.len > roots->items[longest].prefix.len &&
            docroot_path_behind(path, roots->items[i].prefix).ptr != NULL)
            longest = i;
    }
    return longest;
}

const struct docroot *roots_choose(const struct roots *roots, struct slice path,
                                   struct slice *rest) {
    const struct docroot *chosen = &roots->items[find_longest(roots, path, ROOTS_MAX)];
    *rest = docroot_path_behind(path, chosen->prefix);
    return chosen;
}

/* Tells each docroot what is mounted in it itself, and not in one of its mounts. */
static void link_mounts(struct roots *roots) {
    for (size_t i = 1; i < roots->count; i++) {
        struct docroot *mount = &roots->items[i];
        struct docroot *below = &roots->items[find_longest(roots, mount->prefix, i)];
        mount->next_mount = below->mounts;
        below->mounts = mount;
    }
}

static int open_mount(struct roots *roots, const struct options *options, size_t index,
                      enum beneath_links links, struct err *err) {
    struct err reason = ERR_INIT;
    struct slice path = options->mount.items[index].path;
    struct docroot *docroot = &roots->items[roots->count];
    int result = docroot_open(docroot, options->mount.items[index].directory, &options->index,
                              options->hidden, links, &reason);
    if (result < 0)
        return err_set(err, -result, "--mount /%.*s: %s", (int)path.len, path.ptr, reason.text);
    docroot->prefix = path;
    docroot->clean_urls = options->clean_urls;
    roots->count++;
    return 0;
}

static int require_application(const struct docroot *docroot, struct slice path, struct err *err) {
    struct err reason = ERR_INIT;
    int result = docroot_require_file(docroot, path, &reason);
    return result < 0 ? err_set(err, -result, "--spa: %s", reason.text) : 0;
}

int roots_open(struct roots *roots, const struct options *options, struct err *err) {
    enum beneath_links links =
        options->symlinks == SYMLINKS_INSIDE ? BENEATH_LINKS_INSIDE : BENEATH_LINKS_NONE;
    *roots = (struct roots)ROOTS_INIT;
    int result =
        docroot_open(&roots->items[0], options->root, &options->index, options->hidden, links, err);
    if (result < 0)
        return result;
    roots->count = 1;
    roots->items[0].clean_urls = options->clean_urls;
    if (options->spa.ptr != NULL)
        result = require_application(&roots->items[0], options->spa, err);
    for (size_t i = 0; i < options->mount.count && result == 0; i++)
        result = open_mount(roots, options, i, links, err);
    if (result < 0)
        roots_deinit(roots);
    else
        link_mounts(roots);
    return result;
}

const char *roots_path(const struct options *options, size_t index) {
    return index == 0 ? options->root : options->mount.items[index - 1].directory;
}

void roots_deinit(struct roots *roots) {
    for (size_t i = 0; i < roots->count; i++)
        docroot_deinit(&roots->items[i]);
    roots->count = 0;
}
