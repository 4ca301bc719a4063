#include "store/rulebook.h"

#include "support/memory.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int open_error; /* errno of openat2(); 0: none */
static int read_error; /* the same of read() */
static size_t reads;   /* of files */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);
ssize_t __real_read(int fd, void *ptr, size_t len);
ssize_t __wrap_read(int fd, void *ptr, size_t len);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (open_error == 0)
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

ssize_t __wrap_read(int fd, void *ptr, size_t len) {
    reads++;
    if (read_error == 0)
        return __real_read(fd, ptr, len);
    errno = read_error;
    return -1;
}

enum { OLD_S = 900000000 };

static struct tree tree;
static struct docroot docroot = DOCROOT_INIT;
static struct names names;
static struct rulebook rulebook;
static size_t mistakes; /* of the last reading */
static char said[8192]; /* on stderr by the last reading */
static long blocks_before;
static size_t fds_before;

static void open_root(const char *root) {
    struct err err = ERR_INIT;
    assert_int_equal(docroot_open(&docroot, root, &names, false, BENEATH_LINKS_INSIDE, &err), 0);
    rulebook = (struct rulebook){.docroot = &docroot};
}

static int setup(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    blocks_before = blocks;
    fds_before = process_count_fds(getpid());
    assert_int_equal(names_parse("index.html", &names, &err), 0);
    tree_make(&tree);
    open_root(tree.path);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    open_error = 0;
    read_error = 0;
    rulebook_deinit(&rulebook);
    rulebook_deinit(&rulebook); /* idempotent */
    docroot_deinit(&docroot);
    tree_remove(&tree);
    assert_int_equal(blocks, blocks_before);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void date(const char *name, int64_t time_s) {
    const struct timespec times[2] = {{.tv_sec = time_s}, {.tv_sec = time_s}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&tree, name), times, 0), 0);
}

/* Writes a file that is not going to change any more, as far as can be told. */
static void write_old(const char *name, const char *text) {
    tree_text(&tree, name, text);
    date(name, OLD_S);
}

/* Reads what changed, and notes what is said of it. */
static bool read_rules(void) {
    int memory_fd = memfd_create("stderr", MFD_CLOEXEC);
    int stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(memory_fd >= 0 && stderr_fd >= 0);
    assert_true(dup2(memory_fd, STDERR_FILENO) >= 0);
    bool changed = rulebook_read(&rulebook, &mistakes);
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    ssize_t len = pread(memory_fd, said, sizeof said - 1, 0);
    assert_true(len >= 0);
    said[len] = '\0';
    (void)close(memory_fd);
    (void)close(stderr_fd);
    return changed;
}

/* Fails unless reading brings that, and nothing is said. */
static void expect(const char *row, bool changed, size_t redirects, size_t fields) {
    row_assert_number(row, read_rules(), changed);
    row_assert_number(row, mistakes, 0);
    row_assert_slice(row, slice_of_text(said), SLICE(""));
    row_assert_number(row, rulebook.redirects.count, redirects);
    row_assert_number(row, rulebook.headers.fields_count, fields);
}

static void test_reading(void **state) {
    (void)state;
    expect("none", false, 0, 0);
    write_old("_redirects", "/a /b\n/c /d\n");
    expect("redirects", true, 2, 0);
    write_old("_headers", "/a\n X: y\n");
    expect("headers", true, 2, 1);
    expect("again", false, 2, 1);
    assert_int_equal(remove(tree_path(&tree, "_redirects")), 0);
    expect("redirects vanished", true, 0, 1);
    assert_int_equal(remove(tree_path(&tree, "_headers")), 0);
    expect("headers vanished", true, 0, 0);
    expect("none again", false, 0, 0);
    write_old("_redirects", "");
    expect("an empty one", true, 0, 0);
}

static void test_what_did_not_change_is_not_read(void **state) {
    (void)state;
    write_old("_redirects", "/a /b\n");
    write_old("_headers", "/a\n X: y\n");
    expect("read", true, 1, 1);
    reads = 0;
    expect("not read", false, 1, 1);
    assert_int_equal(reads, 0);
    date("_headers", OLD_S + 1);
    expect("read, and the same", false, 1, 1);
    assert_true(reads > 0);
    reads = 0;
    expect("not read again", false, 1, 1);
    assert_int_equal(reads, 0);
}

/* Two writes within a tick of the kernel's clock leave the same attributes. */
static void test_a_change_without_a_trace(void **state) {
    (void)state;
    const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    tree_text(&tree, "_headers", "/a\n X: 1\n");
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&tree, "_headers"), now, 0), 0);
    expect("one", true, 0, 1);
    tree_text(&tree, "_headers", "/a\n X: 2\n");
    struct docroot_file file = {.path = "_headers", .path_len = 8};
    assert_int_equal(docroot_open_file(&docroot, &file), DOCROOT_FILE);
    (void)close(file.fd);
    rulebook.texts[RULES_HEADERS].stat = file.stat; /* as if it had been the same tick */
    expect("two", true, 0, 1);
    row_assert_slice("two", rulebook.headers.fields[0].value, SLICE("2"));
    expect("two, again", false, 0, 1);
}

#define STAYS(file) "pronto: " file ": the rules that were read before stay in force\n"

static void test_mistakes(void **state) {
    (void)state;
    write_old("_redirects", "/a /b\n");
    expect("good", true, 1, 0);
    write_old("_redirects", "/a /b\n/c\nd /e\n");
    for (int times = 0; times < 2; times++) {
        assert_false(read_rules());
        assert_int_equal(mistakes, times == 0 ? 2 : 0);
        row_assert_slice(
            "told once", slice_of_text(said),
            slice_of_text(times > 0
                              ? ""
                              : "pronto: _redirects: line 2: '/c' has no target: "
                                "write FROM TO, as in /old /new\n"
                                "pronto: _redirects: line 3: 'd' is no path: write it "
                                "with a slash at its start, as in /a/b\n" STAYS("_redirects")));
        assert_int_equal(rulebook.redirects.count, 1); /* what it said before */
        row_assert_slice("what holds", rulebook.redirects.items[0].to, SLICE("/b"));
    }
    date("_redirects", OLD_S + 1);
    assert_false(read_rules());
    assert_int_equal(mistakes, 0); /* the same text is told of once */
    write_old("_redirects", "/a /b\n/c /d\n");
    assert_true(read_rules());
    assert_int_equal(rulebook.redirects.count, 2);
    assert_string_equal(said, "pronto: _redirects: no mistake is left; its rules are in force\n");
}

static void test_mistakes_in_one_file_leave_the_other(void **state) {
    (void)state;
    write_old("_redirects", "a b\n");
    write_old("_headers", "/a\n X: y\n");
    assert_true(read_rules());
    assert_int_equal(mistakes, 1);
    assert_int_equal(rulebook.redirects.count, 0);
    assert_int_equal(rulebook.headers.fields_count, 1);
}

static void test_silent(void **state) {
    (void)state;
    rulebook.silent = true;
    write_old("_headers", "X: y\n");
    assert_false(read_rules());
    assert_int_equal(mistakes, 1);
    assert_string_equal(said, "");
    open_error = EACCES;
    assert_false(read_rules());
    assert_int_equal(mistakes, 2); /* of both files */
    assert_string_equal(said, "");
}

static void test_many_mistakes(void **state) {
    (void)state;
    static const char more[] = "pronto: _headers: and 5 more\n";
    char text[256] = "";
    for (int i = 0; i < 25; i++)
        strcat(text, "X: y\n");
    write_old("_headers", text);
    assert_false(read_rules());
    assert_int_equal(mistakes, 25);
    assert_string_equal(said + strlen(said) - strlen(more), more);
}

static void test_too_large(void **state) {
    (void)state;
    tree_file(&tree, "_headers", 1, RULES_TEXT_MAX + 1);
    date("_headers", OLD_S);
    assert_false(read_rules());
    assert_int_equal(mistakes, 1);
    assert_string_equal(said, "pronto: _headers: the file is larger than 1048576 bytes\n");
    tree_file(&tree, "_headers", 1, 64 * 1024 * 1024);
    assert_false(read_rules());
}

static const struct {
    const char *name;
    int error;
} errors[] = {
    {"no permission", EACCES},
    {"no descriptors", EMFILE},
    {"fault", EIO},
};

/* What cannot be opened is told of once, and what it said holds. */
static void test_what_cannot_be_opened(void **state) {
    (void)state;
    write_old("_headers", "/a\n X: y\n");
    write_old("_redirects", "/a /b\n");
    expect("good", true, 1, 1);
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        open_error = errors[i].error;
        row_assert(errors[i].name, !read_rules());
        row_assert_number(errors[i].name, mistakes, 2);
        row_assert_slice(errors[i].name, slice_of_text(said),
                         SLICE("pronto: _redirects: the file cannot be read: let the user that "
                               "runs pronto read it\n" STAYS(
                                   "_redirects") "pronto: _headers: the file cannot be read: let "
                                                 "the user that runs "
                                                 "pronto read it\n" STAYS("_headers")));
        expect(errors[i].name, false, 1, 1);
        open_error = 0;
        expect(errors[i].name, false, 1, 1);
    }
    open_error = ENOENT;
    expect("gone", true, 0, 0);
}

static void test_what_cannot_be_read(void **state) {
    (void)state;
    write_old("_headers", "/a\n X: y\n");
    read_error = EIO;
    expect("not read", false, 0, 0);
    read_error = 0;
    expect("tried again", true, 0, 1);
}

static void make_directory(void) {
    tree_directory(&tree, "_redirects");
}

static void make_fifo(void) {
    assert_int_equal(mkfifo(tree_path(&tree, "_redirects"), 0600), 0);
}

static void make_link_to_device(void) {
    tree_link(&tree, "_redirects", "/dev/zero");
}

static void make_link_outside(void) {
    tree_link(&tree, "_redirects", "/etc/passwd");
}

static void make_link_to_itself(void) {
    tree_link(&tree, "_redirects", "_redirects");
}

static void make_link_to_nothing(void) {
    tree_link(&tree, "_redirects", "nothing");
}

static const struct {
    const char *name;
    void (*make)(void);
} oddities[] = {
    {"directory", make_directory},
    {"fifo", make_fifo},
    {"link to a device", make_link_to_device},
    {"link outside", make_link_outside},
    {"link to itself", make_link_to_itself},
    {"link to nothing", make_link_to_nothing},
};

/* What is no file is none of rules, either. */
static void test_what_is_no_file(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(oddities); i++) {
        write_old("_redirects", "/a /b\n");
        expect(oddities[i].name, true, 1, 0);
        assert_int_equal(remove(tree_path(&tree, "_redirects")), 0);
        oddities[i].make();
        expect(oddities[i].name, true, 0, 0);
        assert_int_equal(remove(tree_path(&tree, "_redirects")), 0);
    }
}

static void test_a_link_inside(void **state) {
    (void)state;
    write_old("rules/redirects", "/a /b\n");
    tree_link(&tree, "_redirects", "rules/redirects");
    expect("link", true, 1, 0);
    write_old("rules/redirects", "/a /b\n/c /d\n");
    expect("its target", true, 2, 0);
}

static void test_a_single_file_has_no_rules(void **state) {
    (void)state;
    write_old("_redirects", "/a /b\n");
    write_old("only", "text");
    docroot_deinit(&docroot);
    open_root(tree_path(&tree, "only"));
    expect("single file", false, 0, 0);
}

/* Every allocation fails once; then it is tried again. */
static void test_no_memory_to_read(void **state) {
    (void)state;
    bool failed = true;
    write_old("_redirects", "/a /b\n");
    write_old("_headers", "/a\n X: y\n");
    for (long until = 0; failed; until++) {
        const char *row = row_at("allocation", (size_t)until);
        allocations_until_failure = until;
        bool changed = read_rules();
        failed = allocations_until_failure < 0;
        allocations_until_failure = -1;
        row_assert_number(row, mistakes, 0);
        row_assert(row, failed || changed);
        expect(row, failed, 1, 1);
        rulebook_deinit(&rulebook);
    }
}

/* Ruling */

static struct head_policy standard = {.cache_control = SLICE_INIT("no-cache")};

/* Fields of `headers` and `redirects` for a path, which is asked for with a slash behind where it
 * ends with one. NULL: there is nothing to be said, or, with `*exists`, no memory for it. */
static struct ruling *rule(const char *redirects, const char *headers, const char *path,
                           bool *exists) {
    struct redirect_match match;
    const size_t len = strlen(path);
    const bool slash = len > 0 && path[len - 1] == '/';
    const struct target target = {.path = slice_of(path, len - (slash ? 1 : 0)),
                                  .trailing_slash = slash};
    write_old("_redirects", redirects);
    write_old("_headers", headers);
    rulebook_deinit(&rulebook);
    (void)read_rules();
    row_assert_slice(path, slice_of_text(said), SLICE(""));
    bool found = redirects_find(&rulebook.redirects, &target, false, &match);
    return rulebook_rule(&rulebook, target.path, found ? &match : NULL, &standard, exists);
}

#define NONE \
    { NULL, 0 }

static const struct {
    const char *name;
    const char *redirects;
    const char *headers;
    const char *path;
    struct slice location;
    struct slice content_type;
    struct slice cache_control;
    const char *lines;
    unsigned unsaid;
    bool replaces_cors;
    bool nothing;
} rows[] = {
    {.name = "nothing at all", .redirects = "", .headers = "", .path = "a", .nothing = true},
    {.name = "nothing here",
     .redirects = "/b /c\n",
     .headers = "/b\n X: y\n",
     .path = "a",
     .nothing = true},
    {"a field", "", "/a\n X: y\n", "a", NONE, NONE, SLICE_INIT("no-cache"), "X: y\r\n", 0, false,
     false},
    {"a redirect", "/a /b\n", "", "a", SLICE_INIT("/b"), NONE, SLICE_INIT("no-cache"), "", 0, false,
     false},
    {"a redirect with fields", "/a/* /b/:splat#f 302\n", "/*\n X: :splat\n", "a/c/",
     SLICE_INIT("/b/c/#f"), NONE, SLICE_INIT("no-cache"), "X: a/c\r\n", 0, false, false},
    {"a rewrite", "/a /b 200\n", "", "a", NONE, NONE, SLICE_INIT("no-cache"), "", 0, false, false},
    {"a type", "", "/a\n Content-Type: text/x\n", "a", NONE, SLICE_INIT("text/x"),
     SLICE_INIT("no-cache"), "", 0, false, false},
    {"a removed type", "", "/a\n ! Content-Type\n", "a", NONE, NONE, SLICE_INIT("no-cache"), "", 0,
     false, false},
    {"Cache-Control", "", "/a\n cache-control: max-age=1\n", "a", NONE, NONE,
     SLICE_INIT("max-age=1"), "", 0, false, false},
    {"no Cache-Control", "", "/a\n ! Cache-Control\n", "a", NONE, NONE, NONE, "", 0, false, false},
    {"removed fields", "", "/a\n ! ETag\n ! Accept-Ranges\n ! X-Content-Type-Options\n", "a", NONE,
     NONE, SLICE_INIT("no-cache"), "",
     1u << HEAD_ETAG | 1u << HEAD_ACCEPT_RANGES | 1u << HEAD_NOSNIFF, false, false},
    {"no date", "", "/a\n ! last-modified\n", "a", NONE, NONE, SLICE_INIT("no-cache"), "",
     1u << HEAD_LAST_MODIFIED, false, false},
    {"nosniff once", "", "/a\n X-Content-Type-Options: nosniff\n", "a", NONE, NONE,
     SLICE_INIT("no-cache"), "X-Content-Type-Options: nosniff\r\n", 1u << HEAD_NOSNIFF, false,
     false},
    {"other origins", "", "/a\n Access-Control-Allow-Origin: https://b\n", "a", NONE, NONE,
     SLICE_INIT("no-cache"), "Access-Control-Allow-Origin: https://b\r\n", 0, true, false},
    {"no other origins", "", "/a\n ! Access-Control-Allow-Origin\n", "a", NONE, NONE,
     SLICE_INIT("no-cache"), "", 0, true, false},
    {"no new lines", "/* /b/:splat?c=:splat\n", "/*\n X: :splat\n", "a\r\nSet-Cookie: b",
     SLICE_INIT("/b/a%0D%0ASet-Cookie:%20b?c=a%0D%0ASet-Cookie%3A%20b"), NONE,
     SLICE_INIT("no-cache"), "X: a%0D%0ASet-Cookie%3A%20b\r\n", 0, false, false},
};

static void test_ruling(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].name;
        bool exists;
        struct ruling *ruling = rule(rows[i].redirects, rows[i].headers, rows[i].path, &exists);
        row_assert_number(name, exists, !rows[i].nothing);
        row_assert_number(name, ruling == NULL, rows[i].nothing);
        if (ruling == NULL)
            continue;
        row_assert_slice(name, ruling->location, rows[i].location);
        row_assert_slice(name, ruling->policy.content_type, rows[i].content_type);
        row_assert_slice(name, ruling->policy.cache_control, rows[i].cache_control);
        row_assert_slice(name, ruling->policy.lines, slice_of_text(rows[i].lines));
        row_assert_number(name, ruling->policy.unsaid, rows[i].unsaid);
        row_assert_number(name, ruling->replaces_cors, rows[i].replaces_cors);
        row_assert_number(name, ruling->redirect != NULL, rows[i].redirects[0] != '\0');
        free(ruling);
    }
}

static const struct {
    const char *name;
    size_t fields; /* of 1000 bytes in the head each */
    size_t last;   /* bytes in the head of one more */
    bool fits;
} sizes[] = {
    {"the most", 8, HEAD_POLICY_MAX - 8000, true},
    {"more", 8, HEAD_POLICY_MAX - 8000 + 1, false},
    {"much more", 20, 100, false},
};

static void test_limit_of_a_policy(void **state) {
    (void)state;
    static char text[64 * 1024];
    for (size_t i = 0; i < ROWS_COUNT(sizes); i++) {
        bool exists;
        char *at = text;
        for (size_t field = 0; field < sizes[i].fields + 1; field++) {
            at += sprintf(at, "/a\n Y%02zu: ", field);
            size_t len = field < sizes[i].fields ? 1000 : sizes[i].last;
            memset(at, 'v', len - 7);
            at += len - 7;
            at += sprintf(at, "\n");
        }
        struct ruling *ruling = rule("", text, "a", &exists);
        row_assert(sizes[i].name, exists);
        row_assert_number(sizes[i].name, ruling != NULL, sizes[i].fits);
        free(ruling);
    }
}

/* Removals count, too. */
static void test_limit_of_fields_for_a_path(void **state) {
    (void)state;
    static char text[8192];
    for (unsigned count = 256; count <= 257; count++) {
        bool exists;
        char *at = text + sprintf(text, "/b\n A: 1\n/a\n");
        for (unsigned i = 0; i < count; i++)
            at += sprintf(at, i % 2 == 0 ? " X%u: y\n" : " ! X%u\n", i);
        struct ruling *ruling = rule("", text, "a", &exists);
        row_assert(row_at("fields", count), exists);
        row_assert_number(row_at("fields", count), ruling != NULL, count <= 256);
        free(ruling);
    }
}

/* A part of several ranges has a head with little room. */
static void test_limit_of_a_type(void **state) {
    (void)state;
    static const struct {
        size_t len;
        bool fits;
    } types[] = {{255, true}, {256, false}, {4000, false}};
    for (size_t i = 0; i < ROWS_COUNT(types); i++) {
        char type[4096] = "";
        char text[4200];
        bool exists;
        memset(type, 't', types[i].len);
        (void)snprintf(text, sizeof text, "/a\n Content-Type: %s\n", type);
        struct ruling *ruling = rule("", text, "a", &exists);
        row_assert_slice(row_at("type", i), ruling->policy.content_type,
                         types[i].fits ? slice_of_text(type) : SLICE_NONE);
        free(ruling);
    }
}

static void test_no_memory_to_rule(void **state) {
    (void)state;
    bool failed = true;
    write_old("_headers", "/a\n X: y\n");
    (void)read_rules();
    for (long until = 0; failed; until++) {
        bool exists;
        allocations_until_failure = until;
        struct ruling *ruling = rulebook_rule(&rulebook, SLICE("a"), NULL, &standard, &exists);
        failed = allocations_until_failure < 0;
        allocations_until_failure = -1;
        row_assert(row_at("allocation", (size_t)until), exists);
        row_assert_number(row_at("allocation", (size_t)until), ruling == NULL, failed);
        free(ruling);
    }
}

/* As many rules as there may be. */
static void test_many_rules(void **state) {
    (void)state;
    static char redirects[RULES_REDIRECTS_MAX * 32];
    bool exists;
    char *at = redirects;
    for (unsigned i = 0; i < RULES_REDIRECTS_MAX; i++)
        at += sprintf(at, "/old/%u/:a/* /new/%u/:splat\n", i, i);
    struct ruling *ruling = rule(redirects, "", "old/2099/x/y", &exists);
    assert_non_null(ruling);
    row_assert_slice("the last", ruling->location, SLICE("/new/2099/y"));
    free(ruling);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_reading),
        test(test_what_did_not_change_is_not_read),
        test(test_a_change_without_a_trace),
        test(test_mistakes),
        test(test_mistakes_in_one_file_leave_the_other),
        test(test_silent),
        test(test_many_mistakes),
        test(test_too_large),
        test(test_what_cannot_be_opened),
        test(test_what_cannot_be_read),
        test(test_what_is_no_file),
        test(test_a_link_inside),
        test(test_a_single_file_has_no_rules),
        test(test_no_memory_to_read),
        test(test_ruling),
        test(test_limit_of_a_policy),
        test(test_limit_of_fields_for_a_path),
        test(test_limit_of_a_type),
        test(test_no_memory_to_rule),
        test(test_many_rules),
    };
    return cmocka_run_group_tests_name("rulebook", tests, NULL, NULL);
}
