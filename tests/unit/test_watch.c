#include "sys/watch.h"

#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"
#include "support/unwatchable.h"
#include "support/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int interruptions; /* of read() */
static bool overflows;    /* the next read() says that events were lost */

ssize_t __real_read(int fd, void *ptr, size_t len);
ssize_t __wrap_read(int fd, void *ptr, size_t len);

ssize_t __wrap_read(int fd, void *ptr, size_t len) {
    static const struct inotify_event lost = {.wd = -1, .mask = IN_Q_OVERFLOW};
    if (interruptions > 0) {
        interruptions--;
        return deny(EINTR);
    }
    if (!overflows)
        return __real_read(fd, ptr, len);
    overflows = false;
    memcpy(ptr, &lost, sizeof lost);
    return sizeof lost;
}

static struct tree tree;
static struct watch watch = {.fd = -1};
static int directory_fd = -1;
static int descriptor;
static int file_fd = -1; /* "in/open", for writing */
static size_t fds_before;

static int open_directory(const char *name) {
    int fd = open(tree_path(&tree, name), O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Two directories, of which "in" is watched. */
static int setup(void **state) {
    (void)state;
    watchable();
    interruptions = 0;
    type = 0;
    overflows = false;
    fds_before = process_count_fds(getpid());
    tree_make(&tree);
    tree_text(&tree, "in/file", "file");
    tree_text(&tree, "in/open", "open");
    tree_text(&tree, "in/sub/deep", "deep");
    tree_text(&tree, "out/file", "file");
    tree_directory(&tree, "out/sub");
    file_fd = open(tree_path(&tree, "in/open"), O_RDWR | O_CLOEXEC);
    directory_fd = open_directory("in");
    assert_int_equal(watch_open(&watch), 0);
    descriptor = watch_add(&watch, directory_fd);
    return descriptor > 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    user_return();
    (void)close(directory_fd);
    (void)close(file_fd);
    watch_close(&watch);
    watch_close(&watch); /* idempotent */
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* What happens */

static void rename_to(const char *from, const char *to) {
    assert_int_equal(rename(tree_path(&tree, from), tree_path(&tree, to)), 0);
}

static void create(void) {
    int fd = open(tree_path(&tree, "in/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void write_some(void) {
    assert_int_equal(write(file_fd, "x", 1), 1);
}

static void write_twice(void) {
    write_some();
    write_some();
}

static void cut(void) {
    assert_int_equal(truncate(tree_path(&tree, "in/file"), 1), 0);
}

static void read_some(void) {
    char byte;
    int fd = open(tree_path(&tree, "in/file"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(__real_read(fd, &byte, 1), 1);
    (void)close(fd);
}

static void remove_file(void) {
    assert_int_equal(unlink(tree_path(&tree, "in/file")), 0);
}

static void rename_inside(void) {
    rename_to("in/file", "in/other");
}

static void replace(void) {
    rename_to("in/file", "in/open");
}

static void exchange(void) {
    assert_int_equal(renameat2(AT_FDCWD, tree_path(&tree, "in/file"), AT_FDCWD,
                               tree_path(&tree, "in/sub"), RENAME_EXCHANGE),
                     0);
}

static void move_in(void) {
    rename_to("out/file", "in/came");
}

static void move_out(void) {
    rename_to("in/file", "out/went");
}

static void hard_link(void) {
    assert_int_equal(link(tree_path(&tree, "out/file"), tree_path(&tree, "in/hard")), 0);
}

static void symbolic_link(void) {
    tree_link(&tree, "in/soft", "nowhere");
}

static void change_mode(void) {
    tree_mode(&tree, "in/file", 0600);
}

static void change_time(void) {
    static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&tree, "in/file"), times, 0), 0);
}

static void make_directory(void) {
    assert_int_equal(mkdir(tree_path(&tree, "in/dir"), 0755), 0);
}

static void move_directory_in(void) {
    rename_to("out/sub", "in/dir");
}

static void move_directory_out(void) {
    rename_to("in/sub", "out/dir");
}

static void remove_directory(void) {
    assert_int_equal(unlink(tree_path(&tree, "in/sub/deep")), 0);
    assert_int_equal(rmdir(tree_path(&tree, "in/sub")), 0);
}

static void change_deep(void) {
    tree_text(&tree, "in/sub/deep", "changed");
    tree_text(&tree, "in/sub/new", "new");
}

static void lock_sub(void) {
    tree_mode(&tree, "in/sub", 0700);
}

static void lock_itself(void) {
    tree_mode(&tree, "in", 0700);
}

static void move_itself(void) {
    rename_to("in", "moved");
}

/* A directory that is open, or in which something is, stays, without a name. */
static void remove_itself(void) {
    (void)close(file_fd);
    (void)close(directory_fd);
    file_fd = -1;
    directory_fd = -1;
    remove_file();
    assert_int_equal(unlink(tree_path(&tree, "in/open")), 0);
    remove_directory();
    assert_int_equal(rmdir(tree_path(&tree, "in")), 0);
}

static void write_unlinked(void) {
    assert_int_equal(unlink(tree_path(&tree, "in/open")), 0);
    write_some();
}

static void write_outside(void) {
    tree_text(&tree, "out/file", "changed");
}

static void write_mapped(void) {
    char *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file_fd, 0);
    assert_true(map != MAP_FAILED);
    map[0] = 'X';
    assert_int_equal(munmap(map, 1), 0);
}

static void nothing(void) {}

static const struct {
    const char *name;
    void (*happens)(void);
    /* C: content, N: name, G: gone, L: lost; "/": a directory; and the name. */
    const char *events;
} rows[] = {
    {"nothing", nothing, ""},
    {"create", create, "N new "},
    {"write", write_some, "C open "},
    {"two writes are one event", write_twice, "C open "},
    {"truncate", cut, "C file "},
    {"read", read_some, ""},
    {"remove", remove_file, "N file "},
    {"rename", rename_inside, "N file N other "},
    {"rename over another", replace, "N file N open "},
    {"exchange a file and a directory", exchange, "N file N sub N/ sub N/ file "},
    {"move in", move_in, "N came "},
    {"move out", move_out, "N file "},
    {"hard link", hard_link, "N hard "},
    {"symbolic link", symbolic_link, "N soft "},
    {"mode", change_mode, "N file "},
    {"time", change_time, "N file "},
    {"make a directory", make_directory, "N/ dir "},
    {"move a directory in", move_directory_in, "N/ dir "},
    {"move a directory out", move_directory_out, "N/ sub "},
    {"remove a directory", remove_directory, "N/ sub "},
    {"something in a directory below", change_deep, ""},
    {"mode of a directory", lock_sub, "N/ sub "},
    {"mode of the directory itself", lock_itself, "N/  "},
    {"move the directory itself", move_itself, "G  "},
    {"remove the directory itself", remove_itself, "N file N open N/ sub G  G  "},
    {"write to what is no longer there", write_unlinked, "N open "},
    {"something elsewhere", write_outside, ""},
    {"a write through a mapping goes unnoticed", write_mapped, ""},
};

/* Writes all events there are as in the table. */
static const char *take_events(void) {
    static char text[4096];
    static const char letters[] = {
        [WATCH_CONTENT] = 'C', [WATCH_NAME] = 'N', [WATCH_GONE] = 'G', [WATCH_LOST] = 'L'};
    struct watch_event event;
    size_t len = 0;
    text[0] = '\0';
    while (watch_next(&watch, &event)) {
        assert_int_equal(event.descriptor, event.change == WATCH_LOST ? -1 : descriptor);
        len += (size_t)snprintf(text + len, sizeof text - len, "%c%s %.*s ", letters[event.change],
                                event.is_directory ? "/" : "", (int)event.name.len, event.name.ptr);
        assert_in_range(len, 0, sizeof text - 1);
    }
    return text;
}

static void test_events(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        rows[i].happens();
        row_assert_slice(rows[i].name, slice_of_text(take_events()), slice_of_text(rows[i].events));
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

/* What happened before is not reported, also if it happened in the directory's youth. */
static void test_from_now_on(void **state) {
    (void)state;
    struct watch_event event;
    tree_text(&tree, "out/before", "before");
    int fd = open_directory("out");
    int other = watch_add(&watch, fd);
    (void)close(fd);
    assert_true(other > 0 && other != descriptor);
    assert_false(watch_next(&watch, &event));
    tree_mode(&tree, "out/before", 0600);
    assert_true(watch_next(&watch, &event));
    assert_int_equal(event.descriptor, other);
    row_assert_slice("name", event.name, SLICE("before"));
}

static void test_one_descriptor_for_one_directory(void **state) {
    (void)state;
    int fd = open_directory("in");
    assert_int_equal(watch_add(&watch, fd), descriptor);
    (void)close(fd);
    create();
    assert_string_equal(take_events(), "N new ");
}

/* A path would lead to another directory by now. */
static void test_watches_what_is_open(void **state) {
    (void)state;
    struct watch_event event;
    int fd = open_directory("out");
    rename_to("out", "elsewhere");
    tree_directory(&tree, "out");
    int other = watch_add(&watch, fd);
    (void)close(fd);
    tree_text(&tree, "out/wrong", "");
    assert_false(watch_next(&watch, &event));
    tree_mode(&tree, "elsewhere/file", 0600);
    assert_true(watch_next(&watch, &event));
    assert_int_equal(event.descriptor, other);
}

static void test_removed(void **state) {
    (void)state;
    create();
    watch_remove(&watch, descriptor);
    remove_file();
    assert_string_equal(take_events(), "N new G  ");
    watch_remove(&watch, descriptor); /* twice does no harm */
    assert_string_equal(take_events(), "");
}

/* More than one buffer holds, with names of all lengths. */
static void test_many_events(void **state) {
    (void)state;
    enum { NAME_LEN_MAX = 255 };
    struct watch_event event;
    char name[NAME_LEN_MAX + sizeof "in/"] = "in/";
    for (size_t len = 1; len <= NAME_LEN_MAX; len++) {
        memset(name + 3, 'n', len);
        name[3 + len] = '\0';
        assert_int_equal(mkdir(tree_path(&tree, name), 0755), 0);
    }
    for (size_t len = 1; len <= NAME_LEN_MAX; len++) {
        row_assert(row_at("event", len), watch_next(&watch, &event));
        row_assert_slice(row_at("event", len), event.name, slice_of(name + 3, len));
    }
    assert_false(watch_next(&watch, &event));
}

static void test_interrupted(void **state) {
    (void)state;
    create();
    interruptions = 3;
    assert_string_equal(take_events(), "N new ");
}

static void test_lost(void **state) {
    (void)state;
    overflows = true;
    create();
    assert_string_equal(take_events(), "L  N new ");
}

static void test_can_not_open(void **state) {
    (void)state;
    struct watch other;
    init_error = EMFILE;
    assert_int_equal(watch_open(&other), -EMFILE);
    assert_int_equal(other.fd, -1);
    watch_close(&other);
}

static void test_can_not_add(void **state) {
    (void)state;
    int fd = open(tree_path(&tree, "in/file"), O_PATH | O_CLOEXEC);
    assert_int_equal(watch_add(&watch, fd), -ENOTDIR);
    (void)close(fd);
    add_error = ENOSPC;
    assert_int_equal(watch_add(&watch, directory_fd), -ENOSPC);
}

static void test_must_be_readable(void **state) {
    (void)state;
    tree_mode(&tree, "out", 0711);
    int fd = open_directory("out");
    if (user_become_ordinary() && geteuid() != getuid())
        assert_int_equal(watch_add(&watch, fd), -EACCES);
    (void)close(fd);
}

static const struct {
    const char *name;
    long type;
    bool is_remote;
} types[] = {
    {"ext4", 0xef53, false},
    {"btrfs", 0x9123683e, false},
    {"xfs", 0x58465342, false},
    {"tmpfs", 0x01021994, false},
    {"overlayfs", 0x794c7630, false},
    {"NFS", 0x6969, true},
    {"FUSE", 0x65735546, true},
    {"9P", 0x01021997, true},
    {"SMB 2", 0xfe534d42, true},
    {"SMB 2, with a sign", (long)(int32_t)0xfe534d42, true},
    {"CIFS, with a sign", (long)(int32_t)0xff534d42, true},
};

static void test_remote(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(types); i++) {
        type = types[i].type;
        row_assert_number(types[i].name, watch_add(&watch, directory_fd),
                          types[i].is_remote ? -EREMOTE : descriptor);
    }
    type = 0;
    stat_error = EIO; /* what nothing is known of is not trusted */
    assert_int_equal(watch_add(&watch, directory_fd), -EIO);
    stat_error = ENOSYS; /* and never will be */
    assert_int_equal(watch_add(&watch, directory_fd), -EREMOTE);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_events),
        test(test_from_now_on),
        test(test_one_descriptor_for_one_directory),
        test(test_watches_what_is_open),
        test(test_removed),
        test(test_many_events),
        test(test_interrupted),
        test(test_lost),
        test(test_can_not_open),
        test(test_can_not_add),
        test(test_must_be_readable),
        test(test_remote),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
