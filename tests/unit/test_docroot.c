#include "store/docroot.h"

#include "support/rooted.h"
#include "support/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* errno of every openat2() and of every fstat(); 0: none. */
static int open_error;
static int stat_error;
static bool out_of_memory;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);
int __real_fstat(int fd, struct stat *stat);
int __wrap_fstat(int fd, struct stat *stat);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (open_error == 0)
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

int __wrap_fstat(int fd, struct stat *stat) {
    if (stat_error == 0)
        return __real_fstat(fd, stat);
    errno = stat_error;
    return -1;
}

char *__wrap_strdup(const char *text) {
    errno = ENOMEM;
    return out_of_memory ? NULL : __real_strdup(text);
}

static void make_socket(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", tree_path(&rooted.tree, name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
}

static int setup(void **state) {
    (void)state;
    tree_make(&rooted.tree);
    tree_text(&rooted.tree, "file.txt", "a file");
    tree_text(&rooted.tree, "index.html", "top");
    tree_text(&rooted.tree, "plain/file", "no index here");
    tree_text(&rooted.tree, "second/index.htm", "second choice");
    tree_text(&rooted.tree, "both/index.htm", "second choice");
    tree_text(&rooted.tree, "both/index.html", "first choice");
    tree_text(&rooted.tree, "odd/index.html/inner", "an index that is a directory");
    tree_text(&rooted.tree, "odd/index.htm", "behind it");
    tree_text(&rooted.tree, "locked-index/index.html", "secret");
    tree_mode(&rooted.tree, "locked-index/index.html", 0);
    tree_text(&rooted.tree, "locked/file", "behind a locked door");
    tree_mode(&rooted.tree, "locked", 0);
    tree_text(&rooted.tree, "secret", "secret");
    tree_mode(&rooted.tree, "secret", 0);
    tree_text(&rooted.tree, ".hidden", "hidden");
    tree_text(&rooted.tree, ".git/config", "hidden");
    tree_text(&rooted.tree, "plain/.hidden", "hidden");
    tree_text(&rooted.tree, "plain/.well-known/x", "only at the top");
    tree_text(&rooted.tree, ".well-known/acme", "acme");
    tree_text(&rooted.tree, ".well-known/.x", "hidden");
    tree_text(&rooted.tree, ".well-knownish", "hidden");
    tree_text(&rooted.tree, "..name", "hidden");
    tree_text(&rooted.tree, "_headers", "rules");
    tree_text(&rooted.tree, "_redirects.gz", "rules");
    tree_text(&rooted.tree, "plain/_headers", "no rules here");
    tree_link(&rooted.tree, "link", "file.txt");
    tree_link(&rooted.tree, "link-dir", "second");
    tree_link(&rooted.tree, "out", "/etc/passwd");
    tree_link(&rooted.tree, "loop", "loop");
    assert_int_equal(mkfifo(tree_path(&rooted.tree, "fifo"), 0644), 0);
    assert_int_equal(mkfifo(tree_path(&rooted.tree, "odd/fifo"), 0644), 0);
    make_socket("socket");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&rooted.tree);
    return 0;
}

static int each_setup(void **state) {
    (void)state;
    open_error = 0;
    stat_error = 0;
    out_of_memory = false;
    rooted_begin();
    return 0;
}

static int each_teardown(void **state) {
    (void)state;
    open_error = 0;
    stat_error = 0;
    user_return();
    rooted_end();
    return 0;
}

struct row {
    const char *name;
    const char *path;
    bool as_directory;
    enum docroot_outcome outcome;
    const char *content;    /* with DOCROOT_FILE */
    const char *path_found; /* the same */
};

static void check_file(const struct row *row, struct docroot_file *file) {
    char bytes[64];
    struct stat stat;
    ssize_t len = read(file->fd, bytes, sizeof bytes);
    row_assert(row->name, len >= 0);
    row_assert_slice(row->name, slice_of(bytes, (size_t)len), slice_of_text(row->content));
    row_assert_slice(row->name, slice_of(file->path, file->path_len),
                     slice_of_text(row->path_found));
    row_assert_number(row->name, fstat(file->fd, &stat), 0);
    row_assert_number(row->name, file->stat.st_ino, stat.st_ino);
    row_assert_number(row->name, file->stat.st_size, len);
    (void)close(file->fd);
}

static void check_rows(const struct row *rows, size_t count) {
    (void)alarm(10); /* a FIFO must not block */
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct docroot_file file = {.fd = -7};
        enum docroot_outcome outcome =
            docroot_find(&rooted.docroot, slice_of_text(row->path), row->as_directory, &file);
        row_assert_number(row->name, outcome, row->outcome);
        if (outcome == DOCROOT_FILE)
            check_file(row, &file);
        else
            row_assert(row->name, file.fd < 0);
    }
    (void)alarm(0);
}

static void test_find(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"file", "file.txt", false, DOCROOT_FILE, "a file", "file.txt"},
        {"file in a directory", "plain/file", false, DOCROOT_FILE, "no index here", "plain/file"},
        {"file with a slash behind", "file.txt", true, DOCROOT_ABSENT, NULL, NULL},
        {"file as a directory", "file.txt/x", false, DOCROOT_ABSENT, NULL, NULL},
        {"root", "", true, DOCROOT_FILE, "top", "index.html"},
        {"index by its name", "index.html", false, DOCROOT_FILE, "top", "index.html"},
        {"directory without its slash", "both", false, DOCROOT_NEEDS_SLASH, NULL, NULL},
        {"first index name", "both", true, DOCROOT_FILE, "first choice", "both/index.html"},
        {"second index name", "second", true, DOCROOT_FILE, "second choice", "second/index.htm"},
        {"directory without an index", "plain", true, DOCROOT_DIRECTORY, NULL, NULL},
        {"the same without its slash", "plain", false, DOCROOT_NEEDS_SLASH, NULL, NULL},
        {"index that is a directory", "odd", true, DOCROOT_FILE, "behind it", "odd/index.htm"},
        {"nothing", "nothing", false, DOCROOT_ABSENT, NULL, NULL},
        {"no directory", "nothing", true, DOCROOT_ABSENT, NULL, NULL},
        {"nothing in a directory", "plain/nothing", false, DOCROOT_ABSENT, NULL, NULL},
        {"dotfile", ".hidden", false, DOCROOT_ABSENT, NULL, NULL},
        {"dotfile in a directory", "plain/.hidden", false, DOCROOT_ABSENT, NULL, NULL},
        {"dot directory", ".git", true, DOCROOT_ABSENT, NULL, NULL},
        {"file of rules", "_headers", false, DOCROOT_ABSENT, NULL, NULL},
        {"file in a dot directory", ".git/config", false, DOCROOT_ABSENT, NULL, NULL},
        {"rfc8615-3 well-known", ".well-known/acme", false, DOCROOT_FILE, "acme",
         ".well-known/acme"},
        {"rfc8615-3 its directory", ".well-known", true, DOCROOT_DIRECTORY, NULL, NULL},
        {"well-known, not at the top", "plain/.well-known/x", false, DOCROOT_ABSENT, NULL, NULL},
        {"dotfile in well-known", ".well-known/.x", false, DOCROOT_ABSENT, NULL, NULL},
        {"file of rules", "_headers", false, DOCROOT_ABSENT, NULL, NULL},
        {"file of rules as a directory", "_headers", true, DOCROOT_ABSENT, NULL, NULL},
        {"encoded file of rules", "_redirects.gz", false, DOCROOT_ABSENT, NULL, NULL},
        {"beneath a directory of that name", "_headers/x", false, DOCROOT_ABSENT, NULL, NULL},
        {"file of rules that is not at the top", "plain/_headers", false, DOCROOT_FILE,
         "no rules here", "plain/_headers"},
        {"longer than well-known", ".well-knownish", false, DOCROOT_ABSENT, NULL, NULL},
        {"two dots before a name", "..name", false, DOCROOT_ABSENT, NULL, NULL},
        {"link", "link", false, DOCROOT_FILE, "a file", "link"},
        {"link to a directory", "link-dir", false, DOCROOT_NEEDS_SLASH, NULL, NULL},
        {"link to a directory, with its slash", "link-dir", true, DOCROOT_FILE, "second choice",
         "link-dir/index.htm"},
        {"link out", "out", false, DOCROOT_ABSENT, NULL, NULL},
        {"loop", "loop", false, DOCROOT_ABSENT, NULL, NULL},
        {"FIFO", "fifo", false, DOCROOT_ABSENT, NULL, NULL},
        {"FIFO with a slash behind", "fifo", true, DOCROOT_ABSENT, NULL, NULL},
        {"socket", "socket", false, DOCROOT_ABSENT, NULL, NULL},
    };
    rooted_open(false, BENEATH_LINKS_INSIDE);
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_hidden(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"dotfile", ".hidden", false, DOCROOT_FILE, "hidden", ".hidden"},
        {"file in a dot directory", ".git/config", false, DOCROOT_FILE, "hidden", ".git/config"},
        {"dot directory", ".git", false, DOCROOT_NEEDS_SLASH, NULL, NULL},
        {"well-known", ".well-known/.x", false, DOCROOT_FILE, "hidden", ".well-known/.x"},
    };
    rooted_open(true, BENEATH_LINKS_INSIDE);
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_without_links(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"file", "file.txt", false, DOCROOT_FILE, "a file", "file.txt"},
        {"link", "link", false, DOCROOT_ABSENT, NULL, NULL},
        {"link to a directory", "link-dir", true, DOCROOT_ABSENT, NULL, NULL},
    };
    rooted_open(false, BENEATH_LINKS_NONE);
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_forbidden(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"file", "secret", false, DOCROOT_FORBIDDEN, NULL, NULL},
        {"file in a directory", "locked/file", false, DOCROOT_FORBIDDEN, NULL, NULL},
        {"directory", "locked", true, DOCROOT_FORBIDDEN, NULL, NULL},
        {"directory without its slash", "locked", false, DOCROOT_FORBIDDEN, NULL, NULL},
        {"index", "locked-index", true, DOCROOT_FORBIDDEN, NULL, NULL},
    };
    rooted_open(false, BENEATH_LINKS_INSIDE);
    if (!user_become_ordinary())
        return;
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_long_paths(void **state) {
    (void)state;
    static char path[PATH_MAX + 2];
    rooted_open(false, BENEATH_LINKS_INSIDE);
    for (size_t len = PATH_MAX - 20; len <= PATH_MAX + 1; len++) {
        memset(path, 'a', len);
        path[len] = '\0';
        struct row row = {row_at("long", len), path, len % 2 == 0, DOCROOT_ABSENT, NULL, NULL};
        check_rows(&row, 1);
        for (size_t i = 100; i < len - 1; i += 100)
            path[i] = '/';
        check_rows(&row, 1);
    }
}

static const struct {
    const char *name;
    int error;
    enum docroot_outcome outcome;
} errors[] = {
    {"EACCES", EACCES, DOCROOT_FORBIDDEN},
    {"EPERM", EPERM, DOCROOT_FORBIDDEN},
    {"EMFILE", EMFILE, DOCROOT_EXHAUSTED},
    {"ENFILE", ENFILE, DOCROOT_EXHAUSTED},
    {"ENOMEM", ENOMEM, DOCROOT_EXHAUSTED},
    {"EAGAIN", EAGAIN, DOCROOT_EXHAUSTED},
    {"EIO", EIO, DOCROOT_FAULT},
    {"ESTALE", ESTALE, DOCROOT_FAULT},
    {"ENOENT", ENOENT, DOCROOT_ABSENT},
    {"ENOTDIR", ENOTDIR, DOCROOT_ABSENT},
    {"ELOOP", ELOOP, DOCROOT_ABSENT},
    {"ENXIO", ENXIO, DOCROOT_ABSENT},
    {"ENAMETOOLONG", ENAMETOOLONG, DOCROOT_ABSENT},
};

static void test_errors_of_open(void **state) {
    (void)state;
    rooted_open(false, BENEATH_LINKS_INSIDE);
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        const struct row rows[] = {
            {errors[i].name, "file.txt", false, errors[i].outcome, NULL, NULL},
            {errors[i].name, "both", true, errors[i].outcome, NULL, NULL},
        };
        open_error = errors[i].error;
        check_rows(rows, ROWS_COUNT(rows));
    }
}

static void test_error_of_stat(void **state) {
    (void)state;
    static const struct row row = {"EIO", "file.txt", false, DOCROOT_FAULT, NULL, NULL};
    rooted_open(false, BENEATH_LINKS_INSIDE);
    stat_error = EIO;
    check_rows(&row, 1);
}

static const struct row single[] = {
    {"root", "", true, DOCROOT_FILE, "a file", "file.txt"},
    {"its name", "file.txt", false, DOCROOT_FILE, "a file", "file.txt"},
    {"its name with a slash behind", "file.txt", true, DOCROOT_ABSENT, NULL, NULL},
    {"a part of its name", "file", false, DOCROOT_ABSENT, NULL, NULL},
    {"a neighbour", "index.html", false, DOCROOT_ABSENT, NULL, NULL},
    {"a neighbour in a directory", "plain/file", false, DOCROOT_ABSENT, NULL, NULL},
};

static void test_single_file(void **state) {
    (void)state;
    rooted_open_at(tree_path(&rooted.tree, "file.txt"), "index.html", false, BENEATH_LINKS_INSIDE);
    check_rows(single, ROWS_COUNT(single));
}

/* The link of the operator is followed in any case, and the name is that of where it ends. */
static void test_single_file_over_a_link(void **state) {
    (void)state;
    rooted_open_at(tree_path(&rooted.tree, "link"), "index.html", false, BENEATH_LINKS_NONE);
    check_rows(single, ROWS_COUNT(single));
}

static void test_single_file_that_changes(void **state) {
    (void)state;
    static const struct row gone = {"gone", "", true, DOCROOT_ABSENT, NULL, NULL};
    static const struct row back = {"another", "", true, DOCROOT_FILE, "another", "single"};
    tree_text(&rooted.tree, "single", "one");
    rooted_open_at(tree_path(&rooted.tree, "single"), "index.html", false, BENEATH_LINKS_INSIDE);
    assert_int_equal(unlink(tree_path(&rooted.tree, "single")), 0);
    check_rows(&gone, 1);
    tree_text(&rooted.tree, "single", "another");
    check_rows(&back, 1);
    assert_int_equal(unlink(tree_path(&rooted.tree, "single")), 0);
    tree_directory(&rooted.tree, "single");
    check_rows(&gone, 1);
    assert_int_equal(rmdir(tree_path(&rooted.tree, "single")), 0);
}

static void test_single_hidden_file(void **state) {
    (void)state;
    static const struct row row = {"hidden", "", true, DOCROOT_FILE, "hidden", ".hidden"};
    rooted_open_at(tree_path(&rooted.tree, ".hidden"), "index.html", false, BENEATH_LINKS_INSIDE);
    check_rows(&row, 1);
}

static void test_root_over_a_link(void **state) {
    (void)state;
    static const struct row row = {"root", "", true, DOCROOT_FILE, "second choice", "index.htm"};
    rooted_open_at(tree_path(&rooted.tree, "link-dir"), "index.htm", false, BENEATH_LINKS_NONE);
    check_rows(&row, 1);
}

static void must_not_open(const char *row, const char *root, int error, const char *message) {
    struct err err = ERR_INIT;
    int result =
        docroot_open(&rooted.docroot, root, &rooted.index_names, false, BENEATH_LINKS_INSIDE, &err);
    row_assert_number(row, result, -error);
    row_assert(row, strstr(err.text, message) != NULL);
    row_assert_number(row, rooted.docroot.root.fd, -1);
}

static void test_bad_roots(void **state) {
    (void)state;
    must_not_open("absent", tree_path(&rooted.tree, "nothing"), ENOENT, "give the path of");
    must_not_open("FIFO", tree_path(&rooted.tree, "fifo"), ENOTSUP, "neither a directory nor");
    must_not_open("socket", tree_path(&rooted.tree, "socket"), ENOTSUP, "neither a directory nor");
    must_not_open("below a file", tree_path(&rooted.tree, "file.txt/x"), ENOTDIR, "cannot serve ");
    must_not_open("loop", tree_path(&rooted.tree, "loop"), ELOOP, "cannot serve ");
}

static void test_old_kernel(void **state) {
    (void)state;
    static const struct row row = {"root", "", true, DOCROOT_FILE, "second choice", "index.htm"};
    open_error = ENOSYS;
    rooted_open_at(tree_path(&rooted.tree, "link-dir"), "index.htm", false, BENEATH_LINKS_INSIDE);
    assert_int_equal(rooted.docroot.root.way, BENEATH_STEPS);
    check_rows(&row, 1);
}

static void test_forbidden_roots(void **state) {
    (void)state;
    if (!user_become_ordinary())
        return;
    must_not_open("file", tree_path(&rooted.tree, "secret"), EACCES, "must be allowed to read it");
    must_not_open("directory", tree_path(&rooted.tree, "locked"), EACCES, "must be allowed");
    must_not_open("below", tree_path(&rooted.tree, "locked/file"), EACCES, "must be allowed");
}

static void test_no_memory_for_the_name(void **state) {
    (void)state;
    out_of_memory = true;
    must_not_open("single file", tree_path(&rooted.tree, "file.txt"), ENOMEM, "cannot serve ");
    out_of_memory = false;
}

#define test(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_find),
        test(test_find_hidden),
        test(test_find_without_links),
        test(test_find_forbidden),
        test(test_find_long_paths),
        test(test_errors_of_open),
        test(test_error_of_stat),
        test(test_single_file),
        test(test_single_file_over_a_link),
        test(test_single_file_that_changes),
        test(test_single_hidden_file),
        test(test_root_over_a_link),
        test(test_bad_roots),
        test(test_old_kernel),
        test(test_forbidden_roots),
        test(test_no_memory_for_the_name),
    };
    return cmocka_run_group_tests_name("docroot", tests, setup, teardown);
}
