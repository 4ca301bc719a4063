/* Bounds, and what can't be watched. */
#include "store/directories.h"

#include "base/buf.h"
#include "support/dependents.h"
#include "support/no_memory.h"
#include "support/note.h"
#include "support/unwatchable.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/vfs.h>

static long callocs_until_failure = -1; /* negative: none fails */
static bool overflows;                  /* the next read() says that events were lost */
static int inventions;                  /* events that the next reads make up, one each */

ssize_t __real_read(int fd, void *ptr, size_t len);
ssize_t __wrap_read(int fd, void *ptr, size_t len);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static ssize_t put_event(void *ptr, int descriptor, uint32_t mask) {
    struct inotify_event event = {.wd = descriptor, .mask = mask};
    memcpy(ptr, &event, sizeof event);
    return sizeof event;
}

ssize_t __wrap_read(int fd, void *ptr, size_t len) {
    if (overflows) {
        overflows = false;
        return put_event(ptr, -1, IN_Q_OVERFLOW);
    }
    if (inventions > 0) { /* of a watch that is not there any more */
        inventions--;
        return put_event(ptr, 1000000, IN_CREATE);
    }
    return __real_read(fd, ptr, len);
}

void *__wrap_calloc(size_t count, size_t size) {
    return callocs_until_failure < 0 || callocs_until_failure-- > 0 ? __real_calloc(count, size)
                                                                    : NULL;
}

static struct tree *const tree = &dependents.tree;

enum { MAX = 4 };

static int setup(void **state) {
    (void)state;
    watchable();
    out_of_memory = false;
    callocs_until_failure = -1;
    overflows = false;
    inventions = 0;
    dependents_make_tree();
    dependents_write("top");
    dependents_write("a/b/file");
    dependents_write("p/q/r/s/t/file");
    return dependents_watch(MAX);
}

static int teardown(void **state) {
    (void)state;
    init_error = 0;
    add_error = 0;
    out_of_memory = false;
    dependents_end();
    return 0;
}

/* Watches the root anew, or tries to. */
static int watch_anew(void) {
    directories_deinit(&dependents.directories);
    return dependents_watch(MAX);
}

/* Bounds */

static void test_the_oldest_is_replaced(void **state) {
    (void)state;
    enum { COUNT = 20 };
    static char names[COUNT][16];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "d%zu/file", i);
        dependents_write(names[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        (void)dependents_add(names[i]);
        row_assert_number(names[i], dependents.directories.count, i < MAX ? i + 1 : MAX);
        row_assert_number(names[i], dependents_count_watches(), dependents.directories.count + 1);
    }
    for (size_t i = 0; i < COUNT; i++)
        row_assert_number(names[i], dependents.items[i].told, i < COUNT - MAX);
}

/* One that is asked for again and again is not the one to go; but the first time, when nothing is
 * known of the others either. */
static void test_what_is_asked_for_stays(void **state) {
    (void)state;
    enum { COUNT = 40 };
    static char names[COUNT][16];
    size_t told = 0;
    struct dependent *busy = dependents_add("a/file");
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "d%zu/file", i);
        dependents_write(names[i]);
        (void)dependents_add(names[i]);
        told += busy->told ? 1 : 0;
        directories_leave(&dependents.directories, &busy->dependency);
        row_assert(names[i], dependents_reach(busy));
    }
    assert_in_range(told, 0, 1);
}

/* A directory stays as long as one beneath it does; what there is no room for is blind. */
static void test_deeper_than_there_is_room(void **state) {
    (void)state;
    struct dependent *deep = dependents_add("p/q/r/s/file");
    struct dependent *deeper = dependents_new("p/q/r/s/t/file");
    assert_false(dependents_reach(deeper));
    assert_false(deep->told);
    assert_int_equal(dependents.directories.count, MAX);
    /* All of them are on the way to a directory, or have been reached for just now. */
    struct dependent *other = dependents_new("a/b/file");
    (void)dependents_reach(other);
    assert_in_range(dependents.directories.count, 1, MAX);
    assert_int_equal(dependents_count_watches(), dependents.directories.count + 1);
}

/* Who asks for what is not there drives nobody out. */
static void test_absent_directories_take_no_room(void **state) {
    (void)state;
    static const char *const absent[] = {"no1/f", "no2/f", "no3/f", "no4/f", "no5/f", "top/f"};
    struct dependent *deep = dependents_add("p/q/file");
    struct dependent *other = dependents_add("a/b/file");
    assert_int_equal(dependents.directories.count, MAX);
    for (int times = 0; times < 3; times++) {
        for (size_t i = 0; i < ROWS_COUNT(absent); i++)
            (void)dependents_add(absent[i]);
    }
    assert_false(deep->told || other->told);
}

static void test_no_room_at_all(void **state) {
    (void)state;
    directories_deinit(&dependents.directories);
    assert_int_equal(dependents_watch(0), 0);
    struct dependent *top = dependents_add("top");
    assert_false(dependents_reach(dependents_new("a/file")));
    dependents_write("top");
    dependents_notice();
    assert_true(top->told);
}

/* As deep as a path can be. */
static void test_deep_paths(void **state) {
    (void)state;
    enum { DEPTH = 200 };
    static char path[2 * DEPTH + sizeof "file"];
    struct buf buf = BUF_INIT(path, sizeof path);
    for (size_t i = 0; i < DEPTH; i++)
        buf_put(&buf, SLICE("d/"));
    buf_put(&buf, slice_of("file", sizeof "file"));
    directories_deinit(&dependents.directories);
    assert_int_equal(dependents_watch(1000), 0);
    dependents_write(path);
    struct dependent *dependent = dependents_add(path);
    assert_int_equal(dependents.directories.count, DEPTH);
    dependents_write(path);
    dependents_notice();
    assert_true(dependent->told);
    assert_true(dependents_reach(dependent));
    dependents_rename("d", "went");
    dependents_notice();
    assert_true(dependent->told);
    assert_int_equal(dependents.directories.count, 0);
}

static void test_paths_too_long(void **state) {
    (void)state;
    static char path[PATH_MAX + 1];
    memset(path, 'n', PATH_MAX);
    assert_false(dependents_reach(dependents_new(path)));
    path[PATH_MAX - 1] = '\0'; /* one long name, of which the root can tell that it is absent */
    assert_true(dependents_reach(dependents_new(path)));
    memcpy(path + 300, "/x", 3);
    assert_false(dependents_reach(dependents_new(path)));
}

/* What can't be watched */

static void test_no_instance(void **state) {
    (void)state;
    init_error = EMFILE;
    assert_int_equal(watch_anew(), -EMFILE);
    assert_false(directories_is_watched(&dependents.directories, 0));
    assert_false(dependents_reach(dependents_new("top")));
}

static void test_root_can_not_be_watched(void **state) {
    (void)state;
    static const int errors[] = {ENOSPC, EACCES, ENOMEM};
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        add_error = errors[i];
        row_assert_number(row_at("error", i), watch_anew(), -errors[i]);
        row_assert(row_at("error", i), !dependents_reach(dependents_new("top")));
        dependents_notice(); /* nothing to notice */
    }
}

static void test_directory_can_not_be_watched(void **state) {
    (void)state;
    static const int errors[] = {ENOSPC, EACCES, ENOMEM};
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        add_error = errors[i];
        struct dependent *blind = dependents_new("a/b/file");
        row_assert(row_at("error", i), !dependents_reach(blind));
        struct dependent *top = dependents_add("top");
        add_error = 0;
        directories_leave(&dependents.directories, &top->dependency);
        row_assert(row_at("error", i), dependents_reach(blind)); /* it tries each time */
        assert_int_equal(watch_anew(), 0);
    }
}

/* The root is told of what it sees, but not what it doesn't. */
static void test_lower_directory_can_not_be_watched(void **state) {
    (void)state;
    struct dependent *upper = dependents_add("a/file");
    add_error = ENOSPC;
    assert_false(dependents_reach(dependents_new("a/b/file")));
    dependents_write("a/file");
    dependents_notice();
    assert_true(upper->told);
}

/* Why it is not watched. */
static void test_outcomes(void **state) {
    (void)state;
    struct dependent *dependent = dependents_new("a/b/file");
    type = TYPE_NFS;
    assert_int_equal(dependents_try(dependent), DIRECTORIES_REMOTE);
    assert_int_equal(watch_anew(), -EREMOTE);
    assert_int_equal(dependents_try(dependent), DIRECTORIES_REMOTE);
    type = 0;
    add_error = ENOSPC;
    assert_int_equal(watch_anew(), -ENOSPC);
    assert_int_equal(dependents_try(dependent), DIRECTORIES_BLIND);
    add_error = 0;
    init_error = EMFILE;
    assert_int_equal(watch_anew(), -EMFILE);
    assert_int_equal(dependents_try(dependent), DIRECTORIES_BLIND);
    init_error = 0;
    assert_int_equal(watch_anew(), 0);
    add_error = ENOSPC;
    assert_int_equal(dependents_try(dependent), DIRECTORIES_BLIND);
    add_error = 0;
    assert_int_equal(dependents_try(dependent), DIRECTORIES_WATCHED);
}

static void test_no_memory(void **state) {
    (void)state;
    for (long i = 0; i < 3; i++) {
        callocs_until_failure = i;
        row_assert_number(row_at("table", (size_t)i), watch_anew(), -ENOMEM);
        callocs_until_failure = -1;
    }
    out_of_memory = true;
    assert_int_equal(watch_anew(), -ENOMEM);
    assert_int_equal(dependents_count_watches(), 0);
    out_of_memory = false;
    assert_int_equal(watch_anew(), 0);
    out_of_memory = true;
    assert_false(dependents_reach(dependents_new("a/b/file")));
    out_of_memory = false;
    assert_int_equal(dependents_count_watches(), 1);
    (void)dependents_add("a/b/file");
}

/* Losses */

static int epoll_of_watch(void) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(epoll_ctl(fd, EPOLL_CTL_ADD, dependents.directories.watch.fd, &event), 0);
    return fd;
}

static int count_edges(int epoll_fd) {
    struct epoll_event event;
    return epoll_wait(epoll_fd, &event, 1, 0);
}

static const struct {
    const char *name;
    bool overflows;
    int inventions;
    bool told;
} losses[] = {
    {"nothing", false, 0, false},
    {"overflow", true, 0, true},
    {"overflow, and many more", true, 100000, true},
    {"many events", false, 1000, false},
    {"too many events", false, 100000, true},
};

/* Everybody is told, and everything goes on: whoever waits for the descriptor is woken, too. */
static void test_lost_events(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(losses); i++) {
        const char *name = losses[i].name;
        struct dependent *deep = dependents_add("a/b/file");
        struct dependent *top = dependents_add("top");
        int epoll_fd = epoll_of_watch();
        overflows = losses[i].overflows;
        inventions = losses[i].inventions;
        dependents_notice();
        row_assert_number(name, deep->told, losses[i].told);
        row_assert_number(name, top->told, losses[i].told);
        row_assert_number(name, inventions, 0);
        row_assert_number(name, dependents_count_watches(), dependents.directories.count + 1);
        directories_leave(&dependents.directories, &deep->dependency);
        row_assert(name, dependents_reach(deep));
        (void)count_edges(epoll_fd);
        dependents_notice();
        row_assert_number(name, count_edges(epoll_fd), 0);
        dependents_write("a/b/file");
        row_assert_number(name, count_edges(epoll_fd), 1);
        dependents_notice();
        row_assert(name, deep->told);
        (void)close(epoll_fd);
        directories_leave(&dependents.directories, &top->dependency);
    }
}

/* What is still in the queue is of the old watches. */
static void test_lost_with_changes_in_the_queue(void **state) {
    (void)state;
    struct dependent *dependent = dependents_add("a/b/file");
    dependents_write("a/b/file");
    overflows = true;
    dependents_notice();
    assert_true(dependent->told);
    assert_true(dependents_reach(dependent));
    dependents_notice();
    assert_false(dependent->told);
}

static void test_lost_and_not_found_again(void **state) {
    (void)state;
    struct dependent *dependent = dependents_add("a/b/file");
    overflows = true;
    add_error = ENOSPC;
    dependents_notice();
    assert_true(dependent->told);
    assert_false(dependents_reach(dependent));
    dependents_notice();
    add_error = 0; /* somebody else has given theirs back */
    assert_true(dependents_reach(dependent));
    dependents_write("a/b/file");
    dependents_notice();
    assert_true(dependent->told);
}

/* Mounts */

/* Goes to a mount namespace of its own, as far as it may. */
static bool may_mount(void) {
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return true;
    note_cannot_test("a directory in two places: mounts need root");
    return false;
}

static void test_one_directory_in_two_places(void **state) {
    if (!may_mount())
        return;
    (void)teardown(state); /* what is open is of the other namespace */
    assert_int_equal(setup(state), 0);
    tree_directory(tree, "m");
    assert_int_equal(mount(tree_path(tree, "a"), tree_path(tree, "m"), NULL, MS_BIND, NULL), 0);
    struct dependent *here = dependents_add("a/file");
    struct dependent *there = dependents_add("m/file");
    assert_int_equal(dependents_count_watches(), 2);
    dependents_write("a/file");
    dependents_notice();
    assert_true(here->told && there->told);
    assert_true(dependents_reach(here) && dependents_reach(there));
    dependents_write("m/file");
    dependents_notice();
    assert_true(here->told && there->told);
    /* One of them goes, and the other is still watched. */
    assert_true(dependents_reach(here) && dependents_reach(there));
    assert_int_equal(umount(tree_path(tree, "m")), 0);
    tree_mode(tree, "m", 0700);
    dependents_notice();
    assert_true(there->told && !here->told);
    dependents_write("a/file");
    dependents_notice();
    assert_true(here->told);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_the_oldest_is_replaced),
        test(test_what_is_asked_for_stays),
        test(test_deeper_than_there_is_room),
        test(test_absent_directories_take_no_room),
        test(test_no_room_at_all),
        test(test_deep_paths),
        test(test_paths_too_long),
        test(test_no_instance),
        test(test_root_can_not_be_watched),
        test(test_directory_can_not_be_watched),
        test(test_lower_directory_can_not_be_watched),
        test(test_outcomes),
        test(test_no_memory),
        test(test_lost_events),
        test(test_lost_with_changes_in_the_queue),
        test(test_lost_and_not_found_again),
        test(test_one_directory_in_two_places),
    };
    return cmocka_run_group_tests_name("directories, limits", tests, NULL, NULL);
}
