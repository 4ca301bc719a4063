/* What is sent is what is on disk: a request that is sent after a change has completed, on a
 * connection with nothing outstanding, sees it. Whatever a worker keeps of the files, it must have
 * heard of every change by then. What can't be heard of is in test_fresh_soon.c. */
#include "support/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHANGES = 10000 };

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

static bool change_overwrite(struct world *world, struct spot *spot) {
    return world_overwrite(world, world_inside(spot, "file.txt"), spot->size);
}

static bool change_rewrite(struct world *world, struct spot *spot) {
    size_t len = spot->size + world_random(world, spot->size);
    return world_write(world, world_inside(spot, "file.txt"), len);
}

static bool change_append(struct world *world, struct spot *spot) {
    const char *path = world_inside(spot, "file.txt");
    size_t len = 1 + world_random(world, 100);
    off_t size = world_size(path);
    if (size < 0 || (size_t)size > 2 * spot->size)
        return world_write(world, path, spot->size);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, world_content(world, len), len), len);
    return close(fd) == 0;
}

/* Shortens the file, or lengthens it with zeros. */
static bool change_truncate(struct world *world, struct spot *spot) {
    const char *path = world_inside(spot, "file.txt");
    if (world_size(path) < 0 || world_random(world, 4) == 0)
        return world_write(world, path, spot->size);
    return truncate(path, (off_t)world_random(world, 2 * spot->size)) == 0;
}

static bool change_replace(struct world *world, struct spot *spot) {
    const char *new =
        world_random(world, 2) == 0 ? world_inside(spot, "new") : world_outside(spot, "new");
    return world_write(world, new, spot->size) && rename(new, world_inside(spot, "file.txt")) == 0;
}

/* Unlinked, created; or both at once, so that the file may get the inode that it had. */
static bool change_recreate(struct world *world, struct spot *spot) {
    const char *path = world_inside(spot, "file.txt");
    bool is_gone = unlink(path) == 0;
    return (is_gone && world_random(world, 2) == 0) || world_write(world, path, spot->size);
}

/* A file that is renamed to its place while it is open, and written to there; and so it goes on
 * while another takes its place. */
static bool change_held(struct world *world, struct spot *spot) {
    const char *content = world_content(world, spot->size);
    if (spot->fd >= 0 && world_random(world, 3) > 0)
        return pwrite(spot->fd, content, spot->size, 0) == (ssize_t)spot->size;
    if (spot->fd >= 0)
        (void)close(spot->fd);
    const char *path = world_outside(spot, "held");
    assert_true(world_write(world, path, spot->size));
    spot->fd = open(path, O_WRONLY | O_CLOEXEC);
    return rename(path, world_inside(spot, "file.txt")) == 0;
}

/* Times set by hand. Neither the past nor the same second must make two files alike. */
static bool change_touch(struct world *world, struct spot *spot) {
    const char *path = world_inside(spot, "file.txt");
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1700000000}};
    times[1].tv_sec += (time_t)world_random(world, 3);
    times[1].tv_nsec = (long)world_random(world, 1000000000);
    return (is_there(path) || world_write(world, path, spot->size)) &&
           utimensat(AT_FDCWD, path, times, 0) == 0;
}

/* The directory, its index file, and the one that stands in for that. */
static bool change_index(struct world *world, struct spot *spot) {
    const char *directory = world_inside(spot, "sub");
    const char *index = world_inside(spot, "sub/index.html");
    const char *second = world_inside(spot, "sub/index.htm");
    switch (world_random(world, 6)) {
    case 0:
        return mkdir(directory, 0755) == 0;
    case 1:
        return rmdir(directory) == 0;
    case 2:
        return unlink(index) == 0;
    case 3:
        return unlink(second) == 0;
    case 4:
        return world_write(world, second, spot->size);
    default:
        return world_write(world, index, spot->size);
    }
}

static bool make_tree(struct world *world, const char *top, size_t len) {
    char path[WORLD_PATH_MAX + 64];
    (void)mkdir(top, 0755);
    (void)snprintf(path, sizeof path, "%s/deep", top);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/deep/file.txt", top);
    return world_write(world, path, len);
}

static bool remove_tree(const char *top) {
    char path[WORLD_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/deep/file.txt", top);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/deep", top);
    (void)rmdir(path);
    return rmdir(top) == 0;
}

/* What was absent for want of a directory far above comes all at once, and goes. */
static bool change_tree(struct world *world, struct spot *spot) {
    const char *top = world_inside(spot, "top");
    const char *ready = world_outside(spot, "ready");
    switch (world_random(world, 6)) {
    case 0:
        return remove_tree(top);
    case 1:
        return mkdir(top, 0755) == 0;
    case 2:
        return unlink(world_inside(spot, "top/deep/file.txt")) == 0;
    case 3:
        return rename(top, ready) == 0;
    case 4:
        return (is_there(ready) || make_tree(world, ready, spot->size)) && rename(ready, top) == 0;
    default:
        return make_tree(world, top, spot->size);
    }
}

/* Two directories and three places for them, one of which is not served. */
static bool change_move(struct world *world, struct spot *spot) {
    const char *const places[] = {world_inside(spot, "a"), world_inside(spot, "b"),
                                  world_outside(spot, "c")};
    const char *here = places[world_random(world, 3)];
    const char *there = places[world_random(world, 3)];
    int count = is_there(places[0]) + is_there(places[1]) + is_there(places[2]);
    if (here == there)
        return (count < 2 || is_there(here)) && make_tree(world, here, spot->size);
    if (is_there(there))
        return renameat2(AT_FDCWD, here, AT_FDCWD, there, RENAME_EXCHANGE) == 0;
    return rename(here, there) == 0;
}

static bool toggle_mode(const char *path, mode_t one, mode_t other) {
    struct stat stat;
    return lstat(path, &stat) == 0 && chmod(path, (stat.st_mode & 0777) == one ? other : one) == 0;
}

static bool change_mode(struct world *world, struct spot *spot) {
    const char *directory = world_inside(spot, "shut");
    const char *file = world_inside(spot, "shut/file.txt");
    if (mkdir(directory, 0755) == 0)
        return world_write(world, file, spot->size);
    switch (world_random(world, 3)) {
    case 0:
        return toggle_mode(directory, 0755, 0000);
    case 1:
        return toggle_mode(directory, 0755, 0311);
    default:
        return toggle_mode(file, 0644, 0000);
    }
}

/* A directory that may be searched but not read: inotify(7) refuses to watch it. */
static bool change_unwatchable(struct world *world, struct spot *spot) {
    const char *directory = world_inside(spot, "blind");
    const char *file = world_inside(spot, "blind/file.txt");
    if (mkdir(directory, 0311) == 0)
        return chmod(directory, 0311) == 0;
    switch (world_random(world, 3)) {
    case 0:
        return unlink(file) == 0;
    case 1:
        return world_overwrite(world, file, spot->size);
    default:
        return world_write(world, world_inside(spot, "blind/new"), spot->size) &&
               rename(world_inside(spot, "blind/new"), file) == 0;
    }
}

/* Names beside a file's, which a client that accepts no coding must not notice. */
static bool change_sibling(struct world *world, struct spot *spot) {
    const char *file = world_inside(spot, "file.txt");
    const char *sibling =
        world_inside(spot, world_random(world, 2) == 0 ? "file.txt.gz" : "file.txt.br");
    if (!is_there(file) || world_random(world, 4) == 0)
        return world_overwrite(world, file, spot->size);
    return unlink(sibling) == 0 || world_write(world, sibling, spot->size);
}

/* A name that is a file's now and a directory's then. */
static bool change_turn(struct world *world, struct spot *spot) {
    const char *thing = world_inside(spot, "thing");
    const char *other = world_inside(spot, "other");
    switch (world_random(world, 4)) {
    case 0:
        return unlink(thing) == 0 && mkdir(thing, 0755) == 0;
    case 1:
        return rmdir(thing) == 0 && world_write(world, thing, spot->size);
    case 2:
        return (is_there(other) || mkdir(other, 0755) == 0) &&
               renameat2(AT_FDCWD, thing, AT_FDCWD, other, RENAME_EXCHANGE) == 0;
    default:
        return world_overwrite(world, thing, spot->size);
    }
}

/* The root itself is a directory, too. */
static bool change_top(struct world *world, struct spot *spot) {
    const char *file = world_inside(spot, world_random(world, 2) == 0 ? "index.html" : "top.txt");
    const char *new = world_outside(spot, "new");
    switch (world_random(world, 3)) {
    case 0:
        return unlink(file) == 0;
    case 1:
        return world_overwrite(world, file, spot->size);
    default:
        return world_write(world, new, spot->size) && rename(new, file) == 0;
    }
}

/* The page of what is absent, which is a file, too. */
static bool change_error_page(struct world *world, struct spot *spot) {
    const char *file = world_inside(spot, "404.html");
    const char *new = world_outside(spot, "new");
    switch (world_random(world, 4)) {
    case 0:
        return unlink(file) == 0;
    case 1:
        return unlink(file) == 0 && mkdir(file, 0755) == 0;
    case 2:
        (void)rmdir(file);
        return world_overwrite(world, file, spot->size);
    default:
        return world_write(world, new, spot->size) && rename(new, file) == 0;
    }
}

static const struct kind kinds[] = {
    {"overwrite", {"file.txt"}, change_overwrite},
    {"rewrite", {"file.txt"}, change_rewrite},
    {"append", {"file.txt"}, change_append},
    {"truncate", {"file.txt"}, change_truncate},
    {"replace", {"file.txt"}, change_replace},
    {"recreate", {"file.txt"}, change_recreate},
    {"held", {"file.txt"}, change_held},
    {"touch", {"file.txt"}, change_touch},
    {"index", {"sub", "sub/", "sub/index.html", "sub/index.htm"}, change_index},
    {"tree", {"top/deep/file.txt", "top/deep/", "top", "top/other/absent.txt"}, change_tree},
    {"move", {"a/deep/file.txt", "b/deep/file.txt", "a/", "b/absent.txt"}, change_move},
    {"mode", {"shut/file.txt", "shut/"}, change_mode},
    {"unwatchable", {"blind/file.txt"}, change_unwatchable},
    {"sibling", {"file.txt", "file.txt.gz"}, change_sibling},
    {"turn", {"thing", "thing/"}, change_turn},
    {"top", {"/top.txt", "/", "/index.html"}, change_top},
    {"error", {"/absent.txt", "/404.html", "/absent/"}, change_error_page},
};

static void test_every_change_is_seen_at_once(void **state) {
    static struct world world;
    world_open(&world, *state, kinds, sizeof kinds / sizeof kinds[0]);
    size_t changes = world_setting("PRONTO_FRESH_CHANGES", CHANGES);
    while (world.changes < changes) {
        struct spot *spot = &world.spots[world_random(&world, world.spot_count)];
        world_warm(&world, spot);
        world_change(&world, spot);
        world_check(&world, spot);
    }
    world_close(&world);
}

/* While a worker does not run, more happens than the kernel keeps for it (inotify(7),
 * IN_Q_OVERFLOW; fs.inotify.max_queued_events is 16384 by default). */
static void test_a_change_is_seen_behind_too_many_others(void **state) {
    enum { OTHERS = 40000 };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    pid_t worker[SERVER_WORKERS_MAX];
    tree_text(&scene->tree, "a.txt", "first");
    tree_text(&scene->tree, "b.txt", "other");
    scene_serve(scene, "--workers", "1", NULL);
    assert_int_equal(server_workers(&scene->server, worker), 1);
    client_open(&client, scene->server.port);
    for (int i = 0; i < 4; i++)
        client_expect(&client, i % 2 == 0 ? "/a.txt" : "/later.txt", i % 2 == 0 ? 200 : 404);
    assert_int_equal(kill(worker[0], SIGSTOP), 0);
    /* In turns: an event that repeats the last one is not queued. */
    for (int i = 0; i < OTHERS; i++)
        assert_int_equal(truncate(tree_path(&scene->tree, i % 2 == 0 ? "a.txt" : "b.txt"), i), 0);
    tree_text(&scene->tree, "a.txt", "second");
    tree_text(&scene->tree, "later.txt", "now there");
    client_send_request(&client, "GET", "/a.txt", "");
    assert_int_equal(kill(worker[0], SIGCONT), 0);
    client_read(&client, false, &response);
    response_assert_text(&response, "second");
    response_deinit(&response);
    client_expect(&client, "/later.txt", 200);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_every_change_is_seen_at_once),
        scene_test(test_a_change_is_seen_behind_too_many_others),
    };
    return cmocka_run_group_tests_name("fresh", tests, NULL, NULL);
}
