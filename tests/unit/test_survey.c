/* What is in an archive, and what is not; when there can be none. Surveyed through archives, as
 * that is how they are used. */
#include "store/survey.h"

#include "support/archived.h"
#include "support/user.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* errno of the calls to come; 0: none. */
static int open_error; /* of openat2() for `open_path` */
static const char *open_path;
static int stat_error;
static int access_error;
static int read_error;
static size_t stats;
static bool gone; /* names that are read are gone when they are looked at */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);
int __real_fstatat(int fd, const char *path, struct stat *stat, int flags);
int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags);
int __real_faccessat(int fd, const char *path, int mode, int flags);
int __wrap_faccessat(int fd, const char *path, int mode, int flags);
struct dirent *__real_readdir(DIR *names);
struct dirent *__wrap_readdir(DIR *names);

static int fail_with(int error) {
    errno = error;
    return -1;
}

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (open_error != 0 && strcmp(path, open_path) == 0)
        return fail_with(open_error);
    return __real_syscall(number, fd, path, how, size);
}

int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags) {
    stats++;
    if (gone || stat_error != 0)
        return fail_with(gone ? ENOENT : stat_error);
    return __real_fstatat(fd, path, stat, flags);
}

int __wrap_faccessat(int fd, const char *path, int mode, int flags) {
    return access_error != 0 ? fail_with(access_error) : __real_faccessat(fd, path, mode, flags);
}

struct dirent *__wrap_readdir(DIR *names) {
    errno = read_error;
    return read_error != 0 ? NULL : __real_readdir(names);
}

static int setup(void **state) {
    (void)state;
    open_error = 0;
    open_path = "";
    stat_error = 0;
    access_error = 0;
    read_error = 0;
    gone = false;
    archived_make_tree();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    user_return();
    open_error = 0;
    stat_error = 0;
    access_error = 0;
    read_error = 0;
    gone = false;
    archived_end();
    return 0;
}

/* The members of an archive, but for the first one, in its order, each with a space behind it. */
static const char *members_of(const char *path) {
    static char text[4096];
    struct snapshot snapshot = SNAPSHOT_INIT;
    struct survey survey = SURVEY_INIT;
    struct buf buf = BUF_INIT(text, sizeof text);
    enum survey_outcome outcome;
    survey_init(&survey, &archived.docroot, slice_of_text(path), SLICE("root"), &snapshot);
    while ((outcome = survey_step(&survey)) == SURVEY_MORE)
        continue;
    row_assert_number(path, outcome, SURVEY_DONE);
    for (uint32_t i = snapshot_next(&snapshot, 0); i < snapshot.count;
         i = snapshot_next(&snapshot, i)) {
        snapshot_put_path(&snapshot, i, &buf);
        buf_put_char(&buf, ' ');
    }
    buf_put_char(&buf, '\0');
    assert_false(buf.overflow);
    survey_deinit(&survey);
    survey_deinit(&survey); /* idempotent */
    snapshot_deinit(&snapshot);
    return text;
}

static void make_socket(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s",
                   tree_path(&archived.tree, name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
}

static void test_files_and_directories_only(void **state) {
    (void)state;
    tree_text(&archived.tree, "d/file", "");
    tree_directory(&archived.tree, "d/empty");
    make_socket("d/socket");
    assert_int_equal(mkfifo(tree_path(&archived.tree, "d/fifo"), 0644), 0);
    (void)mknod(tree_path(&archived.tree, "d/null"), S_IFCHR | 0666, 0x103); /* as root */
    assert_int_equal(link(tree_path(&archived.tree, "d/file"), tree_path(&archived.tree, "d/same")),
                     0);
    archived_serve(false, BENEATH_LINKS_INSIDE);
    (void)alarm(10); /* a FIFO must not block */
    assert_string_equal(members_of("d"), "empty file same ");
    (void)alarm(0);
}

static const struct {
    const char *name;
    const char *path;
    bool hidden;
    const char *members;
} dots[] = {
    {"root", "", false, ".well-known .well-known/acme _other d d/seen x x/_headers "},
    {"root, hidden ones, too", "", true,
     "..name .git .git/config .well-known .well-known/.x .well-known/acme "
     "_other d d/.hidden d/.well-known d/.well-known/y d/seen x x/_headers "},
    {"directory", "d", false, "seen "},
    {"directory, hidden ones, too", "d", true, ".hidden .well-known .well-known/y seen "},
    {"well-known", ".well-known", false, "acme "},
    {"files of rules, where they are none", "x", false, "_headers "},
};

/* Those, and files of rules. */
static void test_names_that_start_with_a_dot(void **state) {
    (void)state;
    tree_text(&archived.tree, "_headers", "");
    tree_text(&archived.tree, "_redirects", "");
    tree_text(&archived.tree, "_redirects.gz", "");
    tree_text(&archived.tree, "_other", "");
    tree_text(&archived.tree, "x/_headers", "");
    tree_text(&archived.tree, ".git/config", "");
    tree_text(&archived.tree, "..name", "");
    tree_text(&archived.tree, ".well-known/acme", "");
    tree_text(&archived.tree, ".well-known/.x", "");
    tree_text(&archived.tree, "d/.hidden", "");
    tree_text(&archived.tree, "d/.well-known/y", "");
    tree_text(&archived.tree, "d/seen", "");
    for (size_t i = 0; i < ROWS_COUNT(dots); i++) {
        archived_serve(dots[i].hidden, BENEATH_LINKS_INSIDE);
        row_assert_slice(dots[i].name, slice_of_text(members_of(dots[i].path)),
                         slice_of_text(dots[i].members));
        docroot_deinit(&archived.docroot);
    }
}

/* Links to files are files; links to directories are left out, and so are those that lead out of
 * the root, to nothing, or in circles. */
static void test_links(void **state) {
    (void)state;
    struct taken taken;
    char absolute[PATH_MAX];
    tree_text(&archived.tree, "d/file", "text");
    tree_text(&archived.tree, "beside", "beside");
    tree_text(&archived.tree, "e/f", "");
    (void)snprintf(absolute, sizeof absolute, "%s", tree_path(&archived.tree, "beside"));
    tree_link(&archived.tree, "d/absolute", absolute);
    tree_link(&archived.tree, "d/circle", "circle");
    tree_link(&archived.tree, "d/here", ".");
    tree_link(&archived.tree, "d/inside", "file");
    tree_link(&archived.tree, "d/nothing", "nowhere");
    tree_link(&archived.tree, "d/other", "../e");
    tree_link(&archived.tree, "d/out", "/etc/passwd");
    tree_link(&archived.tree, "d/slash", "/");
    tree_link(&archived.tree, "d/sub/up", "..");
    tree_link(&archived.tree, "d/twice", "inside");
    tree_link(&archived.tree, "d/up", "../beside");
    tree_link(&archived.tree, "linked", "d");
    archived_serve(false, BENEATH_LINKS_INSIDE);
    assert_string_equal(members_of("d"), "absolute file inside sub twice up ");
    assert_string_equal(members_of("linked"), "absolute file inside sub twice up ");
    archived_plan("linked");
    taken_whole(&taken);
    assert_non_null(memmem(taken.bytes, (size_t)taken.len, "beside", strlen("beside")));
    for (uint64_t at = 0; at < taken.len; at += 512)
        assert_true(memcmp(taken.bytes + at + 257, "ustar", 5) != 0 ||
                    strchr("05x", taken.bytes[at + 156]) != NULL);
    taken_free(&taken);
    docroot_deinit(&archived.docroot);
    archived_serve(false, BENEATH_LINKS_NONE);
    assert_string_equal(members_of("d"), "file sub ");
    assert_int_equal(archived_try("linked"), SURVEY_ABSENT);
}

static void test_what_may_not_be_read_is_left_out(void **state) {
    (void)state;
    tree_text(&archived.tree, "d/public", "");
    tree_text(&archived.tree, "d/secret", "");
    tree_text(&archived.tree, "d/locked/file", "");
    tree_text(&archived.tree, "d/unsearchable/file", "");
    tree_text(&archived.tree, "d/blind/file", "");
    tree_text(&archived.tree, "locked/file", "");
    tree_link(&archived.tree, "d/link", "secret");
    tree_mode(&archived.tree, "d/secret", 0);
    tree_mode(&archived.tree, "d/locked", 0);
    tree_mode(&archived.tree, "d/unsearchable", 0444);
    tree_mode(&archived.tree, "d/blind", 0111);
    tree_mode(&archived.tree, "locked", 0);
    archived_serve(false, BENEATH_LINKS_INSIDE);
    if (!user_become_ordinary())
        return;
    assert_string_equal(members_of("d"), "public ");
    archived_plan("d");
    assert_int_equal(archive_left_out(archived.archive), 5);
    assert_int_equal(archived_try("locked"), SURVEY_FORBIDDEN);
}

static const struct {
    const char *name;
    const char *path;
    bool hidden;
    enum survey_outcome outcome;
} absents[] = {
    {"directory", "d", false, SURVEY_DONE},
    {"nothing", "nothing", false, SURVEY_ABSENT},
    {"a file", "d/f", false, SURVEY_ABSENT},
    {"beneath a file", "d/f/g", false, SURVEY_ABSENT},
    {"hidden", ".git", false, SURVEY_ABSENT},
    {"hidden, but served", ".git", true, SURVEY_DONE},
    {"out of the root", "..", true, SURVEY_ABSENT},
    {"up and back", "d/..", true, SURVEY_ABSENT},
    {"here", ".", true, SURVEY_ABSENT},
    {"here, beneath", "d/.", true, SURVEY_ABSENT},
    {"a link out", "out", false, SURVEY_ABSENT},
};

static void test_no_such_directory(void **state) {
    (void)state;
    tree_text(&archived.tree, "d/f", "");
    tree_text(&archived.tree, ".git/config", "");
    tree_link(&archived.tree, "out", "/etc");
    for (size_t i = 0; i < ROWS_COUNT(absents); i++) {
        archived_serve(absents[i].hidden, BENEATH_LINKS_INSIDE);
        row_assert_number(absents[i].name, archived_try(absents[i].path), absents[i].outcome);
        archived_forget();
        docroot_deinit(&archived.docroot);
    }
}

static void test_names_that_are_none(void **state) {
    (void)state;
    static char long_path[PATH_MAX + 10];
    tree_directory(&archived.tree, "d");
    archived_serve(false, BENEATH_LINKS_INSIDE);
    memset(long_path, 'n', sizeof long_path - 1);
    assert_int_equal(archived_try(long_path), SURVEY_ABSENT);
    long_path[256] = '\0';
    assert_int_equal(archived_try(long_path), SURVEY_ABSENT);
    archived_forget();
    assert_int_equal(
        archive_open(&archived.docroot, SLICE("d\0x"), SLICE("root"), &archived.archive), 0);
    assert_int_equal(archive_plan(archived.archive), STREAM_FAULT);
    assert_int_equal(archive_problem(archived.archive), SURVEY_ABSENT);
}

static void test_a_single_file_is_no_directory(void **state) {
    (void)state;
    static struct names none;
    struct err err = ERR_INIT;
    tree_text(&archived.tree, "f", "");
    assert_int_equal(docroot_open(&archived.docroot, tree_path(&archived.tree, "f"), &none, false,
                                  BENEATH_LINKS_INSIDE, &err),
                     0);
    assert_int_equal(archived_try(""), SURVEY_ABSENT);
}

static void make_deep(unsigned depth, const char *name) {
    char path[PATH_MAX] = "";
    size_t len = 0;
    for (unsigned i = 0; i < depth; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "%s/", name);
    path[len - 1] = '\0';
    tree_directory(&archived.tree, path);
}

static void test_depth_is_bounded(void **state) {
    (void)state;
    make_deep(SURVEY_DEPTH_MAX, "d");
    archived_serve(false, BENEATH_LINKS_INSIDE);
    archived_plan("");
    make_deep(SURVEY_DEPTH_MAX + 1, "d");
    assert_int_equal(archived_try(""), SURVEY_TOO_DEEP);
    archived_plan("d"); /* from there on, it is one less */
}

/* A path of up to 4095 bytes can be opened, and served; more cannot. */
static void test_paths_are_bounded(void **state) {
    (void)state;
    char name[251];
    char at[PATH_MAX];
    char before[PATH_MAX];
    struct taken taken;
    assert_non_null(getcwd(before, sizeof before));
    (void)snprintf(at, sizeof at, "%s", archived.tree.path);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(chdir(at), 0);
    for (int i = 0; i < 16; i++) { /* 16 * 251 = 4016 bytes with their slashes */
        assert_int_equal(mkdir(name, 0755), 0);
        assert_int_equal(chdir(name), 0);
    }
    name[4095 - 4016] = '\0';
    assert_int_equal(mkdir(name, 0755), 0);
    archived_serve(false, BENEATH_LINKS_INSIDE);
    archived_plan("");
    taken_whole(&taken);
    taken_free(&taken);
    name[4095 - 4016] = 'n';
    name[4095 - 4016 + 1] = '\0';
    assert_int_equal(symlink("anything", name), 0);
    assert_int_equal(archived_try(""), SURVEY_TOO_DEEP);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0755), 0);
    assert_int_equal(archived_try(""), SURVEY_TOO_DEEP);
    assert_int_equal(rmdir(name), 0);
    name[4095 - 4016] = '\0';
    assert_int_equal(rmdir(name), 0);
    name[4095 - 4016] = 'n';
    name[4095 - 4016 + 1] = 'n';
    for (int i = 0; i < 16; i++) { /* for tree_remove(), whose paths are longer */
        assert_int_equal(chdir(".."), 0);
        assert_int_equal(rmdir(name), 0);
    }
    assert_int_equal(chdir(before), 0);
}

/* However many names there are, a call looks at a bounded number, and one directory is open. */
static void test_a_plan_is_made_in_steps(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(name, sizeof name, "%d/%d", i % 3, i);
        tree_text(&archived.tree, name, "");
    }
    archived_serve(false, BENEATH_LINKS_INSIDE);
    archived_open("");
    size_t fds = process_count_fds(getpid());
    enum stream_outcome outcome = STREAM_PAUSE;
    while (outcome == STREAM_PAUSE) {
        stats = 0;
        outcome = archive_plan(archived.archive);
        assert_in_range(stats, 0, 64);
        assert_in_range(process_count_fds(getpid()), fds, fds + 1);
        archived.pauses++;
    }
    assert_int_equal(outcome, STREAM_END);
    assert_in_range(archived.pauses, 4500 / 64, 3 * 4500 / 64);
    archived_open("");
    (void)archive_plan(archived.archive); /* left in the middle */
}

static const struct {
    const char *name;
    const char *path; /* of the directory that can't be opened */
    int error;
    enum survey_outcome outcome;
} failures[] = {
    {"no descriptors", ".", EMFILE, SURVEY_EXHAUSTED},
    {"no memory", ".", ENOMEM, SURVEY_EXHAUSTED},
    {"I/O error", ".", EIO, SURVEY_FAULT},
    {"no permission", ".", EACCES, SURVEY_FORBIDDEN},
    {"gone", ".", ENOENT, SURVEY_ABSENT},
    {"no descriptors later", "d", ENFILE, SURVEY_EXHAUSTED},
    {"I/O error later", "d", EIO, SURVEY_FAULT},
    {"no permission later", "d", EACCES, SURVEY_CHANGED},
    {"gone later", "d", ENOENT, SURVEY_CHANGED},
    {"a link later", "d", ELOOP, SURVEY_CHANGED},
    {"a link, no descriptors", "link", EMFILE, SURVEY_EXHAUSTED},
    {"a link, I/O error", "link", EIO, SURVEY_FAULT},
};

static void test_failures(void **state) {
    (void)state;
    tree_directory(&archived.tree, "d");
    tree_text(&archived.tree, "f", "");
    tree_link(&archived.tree, "link", "f");
    archived_serve(false, BENEATH_LINKS_INSIDE);
    for (size_t i = 0; i < ROWS_COUNT(failures); i++) {
        open_path = failures[i].path;
        open_error = failures[i].error;
        row_assert_number(failures[i].name, archived_try(""), failures[i].outcome);
    }
    open_error = 0;
    stat_error = EIO;
    assert_int_equal(archived_try(""), SURVEY_FAULT);
    stat_error = 0;
    access_error = EIO; /* that it must not be read would be left out, and told */
    assert_int_equal(archived_try(""), SURVEY_FAULT);
    access_error = 0;
    read_error = EIO;
    assert_int_equal(archived_try(""), SURVEY_FAULT);
    read_error = 0;
    gone = true;
    assert_string_equal(members_of(""), "");
}

int main(void) {
#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        test(test_files_and_directories_only),
        test(test_names_that_start_with_a_dot),
        test(test_links),
        test(test_what_may_not_be_read_is_left_out),
        test(test_no_such_directory),
        test(test_names_that_are_none),
        test(test_a_single_file_is_no_directory),
        test(test_depth_is_bounded),
        test(test_paths_are_bounded),
        test(test_a_plan_is_made_in_steps),
        test(test_failures),
    };
    return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
