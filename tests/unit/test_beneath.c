#include "sys/beneath.h"

#include "support/oldkernel.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* How often openat2() is to say EAGAIN before it does what it is asked for. */
static int races;
static int calls;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    calls++;
    if (races == 0)
        return __real_syscall(number, fd, path, how, size);
    races--;
    errno = EAGAIN;
    return -1;
}

static struct tree tree;
static struct beneath root = {.fd = -1};
static size_t fds_before;

static void link_to(const char *name, const char *target) {
    tree_link(&tree, name, target);
}

/* A link whose target is absolute: into the tree. */
static void link_into_tree(const char *name, const char *target) {
    tree_link(&tree, name, tree_path(&tree, target));
}

static void make_files(void) {
    tree_text(&tree, "outside", "outside");
    tree_text(&tree, "rootlike/file", "rootlike");
    tree_text(&tree, "root/file", "file");
    tree_text(&tree, "root/dir/inner", "inner");
    tree_text(&tree, "root/dir/deep/est", "deepest");
    tree_text(&tree, "root/..hidden", "dots");
    assert_int_equal(mkfifo(tree_path(&tree, "root/fifo"), 0644), 0);
}

static void make_links(void) {
    char magic[PATH_MAX];
    link_to("root/to-file", "file");
    link_to("root/to-dir", "dir");
    link_to("root/dir/up", "../file");
    link_to("root/dir/deep/up2", "../../file");
    link_to("root/to-nothing", "nothing");
    link_to("root/out", "../outside");
    link_to("root/out-dir", "..");
    link_to("root/out-like", "../rootlike/file");
    link_to("root/out-absolute", "/etc/passwd");
    link_into_tree("root/out-absolute-near", "outside");
    link_into_tree("root/out-absolute-like", "rootlike/file");
    link_into_tree("root/in-absolute", "root/file");
    link_into_tree("root/in-absolute-dir", "root/dir");
    link_into_tree("root/in-absolute-root", "root");
    link_to("root/out-and-in", "../root/file");
    link_to("root/dir/out-and-in", "../../root/dir/inner");
    link_to("root/chain1", "chain2");
    link_to("root/chain2", "dir/chain3");
    link_to("root/dir/chain3", "../in-absolute");
    link_to("root/chain-out", "chain-out2");
    link_to("root/chain-out2", "out");
    link_to("root/loop1", "loop2");
    link_to("root/loop2", "loop1");
    link_to("root/self", "self");
    link_to("root/to-fifo", "fifo");
    link_to("root/magic", "/proc/self/root");
    link_to("root/magic-cwd", "/proc/self/cwd");
    (void)snprintf(magic, sizeof magic, "/proc/self/root%s", tree_path(&tree, "root/file"));
    link_to("root/magic-in", magic);
    /* A link to the link tree_link() makes outside, which leads in again. */
    link_into_tree("back", "root/file");
    link_to("root/over-outside-link", "../back");
}

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    make_files();
    make_links();
    root.fd = open(tree_path(&tree, "root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root.fd >= 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    (void)close(root.fd);
    tree_remove(&tree);
    return 0;
}

static int setup_for(enum beneath_way way) {
    races = 0;
    calls = 0;
    root.way = way;
    fds_before = process_count_fds(getpid());
    return 0;
}

static int setup_at_once(void **state) {
    (void)state;
    return setup_for(BENEATH_AT_ONCE);
}

static int setup_steps(void **state) {
    (void)state;
    return setup_for(BENEATH_STEPS);
}

static int each_teardown(void **state) {
    (void)state;
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

#define DIRECTORY "(directory)"

static const struct {
    const char *name;
    const char *path;
    const char *inside; /* its content with links followed; NULL: `inside_error` */
    int inside_error;
    const char *none; /* the same without */
    int none_error;
} rows[] = {
    {"file", "file", "file", 0, "file", 0},
    {"root", "", DIRECTORY, 0, DIRECTORY, 0},
    {"directory", "dir", DIRECTORY, 0, DIRECTORY, 0},
    {"deep file", "dir/deep/est", "deepest", 0, "deepest", 0},
    {"dots in a name", "..hidden", "dots", 0, "dots", 0},
    {"nothing", "nothing", NULL, ENOENT, NULL, ENOENT},
    {"file as a directory", "file/x", NULL, ENOTDIR, NULL, ENOTDIR},
    {"..", "..", NULL, EXDEV, NULL, EXDEV},
    {".. to a file outside", "../outside", NULL, EXDEV, NULL, EXDEV},
    {"deep .. to a file outside", "dir/../../outside", NULL, EXDEV, NULL, EXDEV},
    {"absolute path", "/etc/passwd", NULL, EXDEV, NULL, EXDEV},
    {"link", "to-file", "file", 0, NULL, ELOOP},
    {"link to a directory", "to-dir", DIRECTORY, 0, NULL, ELOOP},
    {"link on the way", "to-dir/inner", "inner", 0, NULL, ELOOP},
    {"link up", "dir/up", "file", 0, NULL, ELOOP},
    {"link up twice", "dir/deep/up2", "file", 0, NULL, ELOOP},
    {"link up behind a link", "to-dir/up", "file", 0, NULL, ELOOP},
    {"link to nothing", "to-nothing", NULL, ENOENT, NULL, ELOOP},
    {"link out", "out", NULL, EXDEV, NULL, ELOOP},
    {"link to the parent", "out-dir", NULL, EXDEV, NULL, ELOOP},
    {"path over a link to the parent", "out-dir/outside", NULL, EXDEV, NULL, ELOOP},
    {"link out to a name that starts like the root's", "out-like", NULL, EXDEV, NULL, ELOOP},
    {"absolute link out", "out-absolute", NULL, EXDEV, NULL, ELOOP},
    {"absolute link out, near", "out-absolute-near", NULL, EXDEV, NULL, ELOOP},
    {"absolute link out, alike", "out-absolute-like", NULL, EXDEV, NULL, ELOOP},
    {"absolute link in", "in-absolute", "file", 0, NULL, ELOOP},
    {"absolute link to a directory", "in-absolute-dir", DIRECTORY, 0, NULL, ELOOP},
    {"path over an absolute link", "in-absolute-dir/deep/est", "deepest", 0, NULL, ELOOP},
    {"absolute link to the root", "in-absolute-root", DIRECTORY, 0, NULL, ELOOP},
    {"path over an absolute link to the root", "in-absolute-root/file", "file", 0, NULL, ELOOP},
    {"link out and in again", "out-and-in", "file", 0, NULL, ELOOP},
    {"deep link out and in again", "dir/out-and-in", "inner", 0, NULL, ELOOP},
    {"link to a link outside that leads in", "over-outside-link", "file", 0, NULL, ELOOP},
    {"path over the parent and in again", "out-dir/root/file", "file", 0, NULL, ELOOP},
    {"chain", "chain1", "file", 0, NULL, ELOOP},
    {"chain out", "chain-out", NULL, EXDEV, NULL, ELOOP},
    {"loop", "loop1", NULL, ELOOP, NULL, ELOOP},
    {"link to itself", "self", NULL, ELOOP, NULL, ELOOP},
    {"path over a loop", "loop1/file", NULL, ELOOP, NULL, ELOOP},
    {"magic link out", "magic", NULL, EXDEV, NULL, ELOOP},
    {"path over a magic link", "magic/etc/passwd", NULL, EXDEV, NULL, ELOOP},
    {"magic link to the working directory", "magic-cwd", NULL, EXDEV, NULL, ELOOP},
    {"magic link out and in again", "magic-in", "file", 0, NULL, ELOOP},
};

static void check(const char *row, const char *path, enum beneath_links links, const char *content,
                  int error) {
    struct stat stat;
    char bytes[64];
    bool linked;
    root.links = links;
    int fd = beneath_open(&root, path, &linked);
    if (content == NULL) {
        row_assert_number(row, fd, -error);
        return;
    }
    row_assert(row, fd >= 0);
    row_assert(row, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    row_assert_number(row, fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    row_assert_number(row, fstat(fd, &stat), 0);
    if (S_ISDIR(stat.st_mode)) {
        row_assert_slice(row, SLICE(DIRECTORY), slice_of_text(content));
    } else {
        ssize_t len = read(fd, bytes, sizeof bytes);
        row_assert(row, len >= 0);
        row_assert_slice(row, slice_of(bytes, (size_t)len), slice_of_text(content));
    }
    (void)close(fd);
}

static void test_links_inside(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        check(rows[i].name, rows[i].path, BENEATH_LINKS_INSIDE, rows[i].inside,
              rows[i].inside_error);
}

static void test_links_none(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        check(rows[i].name, rows[i].path, BENEATH_LINKS_NONE, rows[i].none, rows[i].none_error);
}

/* Nobody writes to it; alarm(2) ends the test if that blocks. */
static void test_fifo_does_not_block(void **state) {
    (void)state;
    static const char *const names[] = {"fifo", "to-fifo"};
    (void)alarm(10);
    for (size_t i = 0; i < ROWS_COUNT(names); i++) {
        bool linked;
        root.links = BENEATH_LINKS_INSIDE;
        int fd = beneath_open(&root, names[i], &linked);
        row_assert(names[i], fd >= 0);
        row_assert_number(names[i], linked, i == 1);
        (void)close(fd);
    }
    (void)alarm(0);
}

static void test_socket_can_not_be_opened(void **state) {
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s",
                   tree_path(&tree, "root/socket"));
    bool linked;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(beneath_open(&root, "socket", &linked), -ENXIO);
    assert_int_equal(unlink(address.sun_path), 0);
    (void)close(fd);
}

static bool is_linked(const char *path, enum beneath_links links) {
    bool linked;
    root.links = links;
    int fd = beneath_open(&root, path, &linked);
    if (fd >= 0)
        (void)close(fd);
    return linked;
}

/* With links, exactly what can't be opened without them for that reason is linked. */
static void test_linked(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        bool linked = rows[i].none == NULL && rows[i].none_error == ELOOP;
        row_assert_number(rows[i].name, is_linked(rows[i].path, BENEATH_LINKS_INSIDE), linked);
        row_assert_number(rows[i].name, is_linked(rows[i].path, BENEATH_LINKS_NONE), linked);
    }
}

static const struct {
    const char *name;
    const char *path;
    int error; /* 0: it is a directory */
} directories[] = {
    {"root", "", 0},
    {"directory", "dir", 0},
    {"deep directory", "dir/deep", 0},
    {"with a slash behind", "dir/deep/", 0},
    {"file", "file", ENOTDIR},
    {"below a file", "file/x", ENOTDIR},
    {"FIFO", "fifo", ENOTDIR},
    {"nothing", "nothing", ENOENT},
    {"below nothing", "nothing/x", ENOENT},
    {"link on the way", "to-dir/deep", ELOOP},
    {"absolute link on the way", "in-absolute-root/dir", ELOOP},
    {"loop on the way", "loop1/x", ELOOP},
    {"..", "..", EXDEV},
    {"absolute path", "/etc", EXDEV},
};

static void test_open_directory(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(directories); i++) {
        int fd = beneath_open_directory(&root, directories[i].path);
        if (directories[i].error != 0) {
            row_assert_number(directories[i].name, fd, -directories[i].error);
            continue;
        }
        row_assert(directories[i].name, fd >= 0);
        row_assert(directories[i].name, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        row_assert_number(directories[i].name, fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        (void)close(fd);
    }
}

/* Some kernels say that a link is no directory, others that it is a link too many. */
static void test_links_are_no_directories(void **state) {
    (void)state;
    static const char *const names[] = {"to-dir",     "in-absolute-dir", "to-file",
                                        "to-nothing", "out-dir",         "loop1"};
    for (size_t i = 0; i < ROWS_COUNT(names); i++) {
        int fd = beneath_open_directory(&root, names[i]);
        row_assert(names[i], fd == -ELOOP || fd == -ENOTDIR);
    }
}

static void test_open_directory_behind_a_race(void **state) {
    (void)state;
    races = 3;
    int fd = beneath_open_directory(&root, "dir");
    assert_true(fd >= 0);
    (void)close(fd);
    races = 1000;
    assert_int_equal(beneath_open_directory(&root, "dir"), -EAGAIN);
}

static void test_removed_root(void **state) {
    (void)state;
    bool linked;
    tree_directory(&tree, "gone");
    const struct beneath gone = {
        .fd = open(tree_path(&tree, "gone"), O_PATH | O_DIRECTORY | O_CLOEXEC), .way = root.way};
    assert_int_equal(rmdir(tree_path(&tree, "gone")), 0);
    assert_int_equal(beneath_open(&gone, "file", &linked), -ENOENT);
    (void)close(gone.fd);
}

/* Everything is beneath "/", and no link leads out of it. */
static void test_root_of_all(void **state) {
    (void)state;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int saved = root.fd;
    root.fd = fd;
    check("path", tree_path(&tree, "root/file") + 1, BENEATH_LINKS_INSIDE, "file", 0);
    check("link", tree_path(&tree, "root/in-absolute") + 1, BENEATH_LINKS_INSIDE, "file", 0);
    check("link out", tree_path(&tree, "root/out") + 1, BENEATH_LINKS_INSIDE, "outside", 0);
    root.fd = saved;
    (void)close(fd);
}

static void test_tries_again_behind_a_race(void **state) {
    (void)state;
    races = 3;
    check("3 races", "file", BENEATH_LINKS_INSIDE, "file", 0);
    assert_int_equal(calls, 4);
}

static void test_gives_up_in_the_end(void **state) {
    (void)state;
    races = 1000;
    check("1000 races", "file", BENEATH_LINKS_INSIDE, NULL, EAGAIN);
    assert_true(calls < 100);
}

/* A kernel, or a container, without openat2(2): the way is found out, and leads to the same. */

static void check_all(void) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        check(rows[i].name, rows[i].path, BENEATH_LINKS_INSIDE, rows[i].inside,
              rows[i].inside_error);
        check(rows[i].name, rows[i].path, BENEATH_LINKS_NONE, rows[i].none, rows[i].none_error);
    }
}

static void run_without_openat2(void *context) {
    const int *errnum = context;
    if (!forbid_openat2(*errnum))
        _exit(2);
    assert_int_equal(beneath_open(&root, "file", &(bool){false}), -*errnum);
    root.way = beneath_probe();
    assert_int_equal(root.way, BENEATH_STEPS);
    check_all();
    test_open_directory(NULL);
}

static void test_without_openat2(void **state) {
    (void)state;
    static const int errnums[] = {ENOSYS, EPERM};
    assert_int_equal(beneath_probe(), BENEATH_AT_ONCE);
    for (size_t i = 0; i < ROWS_COUNT(errnums); i++) {
        struct process process = PROCESS_INIT;
        int errnum = errnums[i];
        process_fork(&process, run_without_openat2, &errnum);
        assert_true(process_wait(&process, 60000));
        row_assert_number(strerror(errnum), process_exit_code(&process), 0);
        process_deinit(&process);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup_at_once, each_teardown)
#define steps(f) \
    { #f ", by steps", f, setup_steps, each_teardown, NULL }

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_links_inside),
        steps(test_links_inside),
        test(test_links_none),
        steps(test_links_none),
        test(test_fifo_does_not_block),
        steps(test_fifo_does_not_block),
        test(test_socket_can_not_be_opened),
        steps(test_socket_can_not_be_opened),
        test(test_linked),
        steps(test_linked),
        test(test_open_directory),
        steps(test_open_directory),
        test(test_links_are_no_directories),
        steps(test_links_are_no_directories),
        test(test_open_directory_behind_a_race),
        test(test_removed_root),
        steps(test_removed_root),
        test(test_root_of_all),
        steps(test_root_of_all),
        test(test_tries_again_behind_a_race),
        test(test_gives_up_in_the_end),
        test(test_without_openat2),
    };
    return cmocka_run_group_tests_name("beneath", tests, setup, teardown);
}
