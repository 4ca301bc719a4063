/* What is sent is what is on disk, a moment later: changes that happen where nobody listens for
 * them, behind links or without a call that the kernel could tell of, are seen by every
 * request two seconds later, of which the server takes one, and a busy machine some. */
#include "support/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 6, MOMENT_MS = 2000 };

/* Makes the directories of hidden names, which are not served, and where files are behind links. */
static void make_behind(struct spot *spot) {
    (void)mkdir(world_inside(spot, ".one"), 0755);
    (void)mkdir(world_inside(spot, ".two"), 0755);
    (void)mkdir(world_inside(spot, ".links"), 0755);
}

/* Makes `path` a link to `to`, whatever it was. */
static bool swap_link(struct spot *spot, const char *path, const char *to) {
    const char *new = world_outside(spot, "new");
    return symlink(to, new) == 0 && rename(new, path) == 0;
}

static const char *pick_file(struct world *world, struct spot *spot) {
    return world_inside(spot, world_random(world, 2) == 0 ? ".one/file.txt" : ".two/file.txt");
}

/* Changes one of the files. */
static bool change_behind(struct world *world, struct spot *spot) {
    const char *file = pick_file(world, spot);
    const char *new = world_outside(spot, "new");
    switch (world_random(world, 4)) {
    case 0:
        return unlink(file) == 0;
    case 1:
        return world_write(world, new, spot->size) && rename(new, file) == 0;
    default:
        return world_overwrite(world, file, spot->size);
    }
}

static bool change_link(struct world *world, struct spot *spot) {
    make_behind(spot);
    const char *to = world_random(world, 2) == 0 ? ".one/file.txt" : ".two/file.txt";
    bool is_linked = access(world_inside(spot, "link.txt"), F_OK) == 0;
    if (is_linked && world_random(world, 2) == 0)
        return change_behind(world, spot);
    return world_overwrite(world, world_inside(spot, to), spot->size) &&
           swap_link(spot, world_inside(spot, "link.txt"), to);
}

/* By its whole path. */
static bool change_absolute(struct world *world, struct spot *spot) {
    make_behind(spot);
    const char *file = pick_file(world, spot);
    bool is_linked = access(world_inside(spot, "link.txt"), F_OK) == 0;
    if (is_linked && world_random(world, 2) == 0)
        return change_behind(world, spot);
    return world_overwrite(world, file, spot->size) &&
           swap_link(spot, world_inside(spot, "link.txt"), file);
}

/* A link to a link, of which the second changes. */
static bool change_chain(struct world *world, struct spot *spot) {
    make_behind(spot);
    const char *to = world_random(world, 2) == 0 ? "../.one/file.txt" : "../.two/file.txt";
    bool is_new = symlink(".links/middle", world_inside(spot, "link.txt")) == 0;
    if (!is_new && world_random(world, 2) == 0)
        return change_behind(world, spot);
    return swap_link(spot, world_inside(spot, ".links/middle"), to);
}

static bool change_directory(struct world *world, struct spot *spot) {
    make_behind(spot);
    bool is_linked = access(world_inside(spot, "linked"), F_OK) == 0;
    if (is_linked && world_random(world, 2) == 0)
        return change_behind(world, spot);
    return swap_link(spot, world_inside(spot, "linked"),
                     world_random(world, 2) == 0 ? ".one" : ".two");
}

/* Writes through another name of file.txt. */
static bool change_alias(struct world *world, struct spot *spot, const char *alias) {
    const char *file = world_inside(spot, "file.txt");
    if (access(file, F_OK) != 0)
        return world_write(world, file, spot->size) && link(file, alias) == 0;
    return world_random(world, 3) > 0 ? world_overwrite(world, alias, spot->size)
                                      : world_write(world, alias, spot->size + 1);
}

static bool change_outer(struct world *world, struct spot *spot) {
    return change_alias(world, spot, world_outside(spot, "alias.txt"));
}

static bool change_beside(struct world *world, struct spot *spot) {
    return change_alias(world, spot, world_inside(spot, "alias.txt"));
}

static bool change_inner(struct world *world, struct spot *spot) {
    (void)mkdir(world_inside(spot, "sub"), 0755);
    return change_alias(world, spot, world_inside(spot, "sub/alias.txt"));
}

/* Writes to a file by a name that is gone. */
static bool change_nameless(struct world *world, struct spot *spot) {
    const char *path = world_outside(spot, "nameless");
    const char *content = world_content(world, spot->size);
    if (spot->fd >= 0)
        return pwrite(spot->fd, content, spot->size, 0) == (ssize_t)spot->size;
    spot->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return write(spot->fd, content, spot->size) == (ssize_t)spot->size &&
           link(path, world_inside(spot, "file.txt")) == 0 && unlink(path) == 0;
}

/* Writes to the file's pages in memory. The first time the kernel stops the writer, and notes the
 * time; then no more, until it has written the pages to the disk. */
static bool change_mapped(struct world *world, struct spot *spot) {
    if (spot->map == NULL) {
        const char *path = world_inside(spot, "file.txt");
        assert_true(world_write(world, path, spot->size));
        spot->fd = open(path, O_RDWR | O_CLOEXEC);
        spot->map = mmap(NULL, spot->size, PROT_READ | PROT_WRITE, MAP_SHARED, spot->fd, 0);
        assert_true(spot->map != MAP_FAILED);
        spot->map_len = spot->size;
    }
    memcpy(spot->map, world_content(world, spot->size), spot->size);
    return true;
}

static bool change_synced(struct world *world, struct spot *spot) {
    return change_mapped(world, spot) && msync(spot->map, spot->map_len, MS_SYNC) == 0;
}

static const struct kind kinds[] = {
    {"link", {"link.txt"}, change_link},
    {"absolute", {"link.txt"}, change_absolute},
    {"chain", {"link.txt"}, change_chain},
    {"directory", {"linked/file.txt", "linked/", "linked/absent.txt"}, change_directory},
    {"outer", {"file.txt"}, change_outer},
    {"beside", {"file.txt", "alias.txt"}, change_beside},
    {"inner", {"file.txt"}, change_inner},
    {"both", {"file.txt", "sub/alias.txt"}, change_inner},
    {"nameless", {"file.txt"}, change_nameless},
    {"mapped", {"file.txt"}, change_mapped},
    {"synced", {"file.txt"}, change_synced},
};

static void test_every_change_is_seen_soon(void **state) {
    static struct world world;
    world_open(&world, *state, kinds, sizeof kinds / sizeof kinds[0]);
    for (int round = 0; round < ROUNDS; round++) {
        /* Whatever is done once a second happens at another time of the round. */
        note_pause_ms((int64_t)world_random(&world, 800));
        for (size_t i = 0; i < world.spot_count; i++) {
            world_warm(&world, &world.spots[i]);
            world_change(&world, &world.spots[i]);
        }
        note_pause_ms(MOMENT_MS);
        for (size_t i = 0; i < world.spot_count; i++)
            world_check(&world, &world.spots[i]);
    }
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_every_change_is_seen_soon),
    };
    return cmocka_run_group_tests_name("fresh soon", tests, NULL, NULL);
}
