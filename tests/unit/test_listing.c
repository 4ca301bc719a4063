#include "store/listing.h"

#include "store/html.h"
#include "support/guard.h"
#include "support/nasty_names.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"
#include "support/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory that is not there: `fake_count` files with names of `fake_len` bytes. */
static size_t fake_count;
static size_t fake_len;
static size_t fake_next;
static size_t reads;         /* calls of readdir() */
static size_t looks;         /* calls of fstatat() */
static size_t read_fails_at; /* the call of readdir() that fails; 0: none */
static const char *gone;     /* the name of a file that goes away between readdir() and fstatat() */
static int gone_error;       /* with which that is told, or something worse */
static bool out_of_memory;   /* for a directory */

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
int __real_fstatat(int fd, const char *path, struct stat *stat, int flags);
int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags);
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);

/* Names that are numbers, in an order that looks like none. */
static struct dirent *fake_entry(void) {
    static struct dirent entry;
    if (fake_next == fake_count)
        return NULL;
    (void)snprintf(entry.d_name, sizeof entry.d_name, "%0*zu", (int)fake_len,
                   fake_next++ * 7919 % fake_count);
    return &entry;
}

struct dirent *__wrap_readdir(DIR *dir) {
    if (++reads == read_fails_at) {
        errno = EIO;
        return NULL;
    }
    return fake_count > 0 ? fake_entry() : __real_readdir(dir);
}

int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags) {
    looks++;
    if (gone != NULL && strcmp(path, gone) == 0) {
        errno = gone_error;
        return -1;
    }
    if (fake_count == 0)
        return __real_fstatat(fd, path, stat, flags);
    *stat = (struct stat){.st_mode = S_IFREG | 0644, .st_size = 1};
    return 0;
}

DIR *__wrap_fdopendir(int fd) {
    errno = ENOMEM;
    return out_of_memory ? NULL : __real_fdopendir(fd);
}

static struct tree tree;
static struct docroot docroot = DOCROOT_INIT;
static const struct names no_index;
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    fds_before = process_count_fds(getpid());
    fake_count = fake_next = reads = looks = read_fails_at = 0;
    gone = NULL;
    gone_error = ENOENT;
    out_of_memory = false;
    tree_make(&tree);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fake_count = 0; /* descriptors are counted by readdir(), too */
    read_fails_at = 0;
    docroot_deinit(&docroot);
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void open_root(const char *root, bool hidden, enum beneath_links links) {
    struct err err = ERR_INIT;
    if (docroot_open(&docroot, root, &no_index, hidden, links, &err) < 0)
        fail_msg("%s", err.text);
}

static struct stream *open_listing(const char *path, const char *query) {
    struct view view = view_parse(slice_of_text(query));
    struct stream *stream = NULL;
    char *copy = guard_copy(slice_of_text(path));
    assert_int_equal(listing_open(&docroot, slice_of(copy, strlen(path)), &view, &stream),
                     DOCROOT_DIRECTORY);
    guard_free(copy, strlen(path)); /* it is not borrowed */
    return stream;
}

struct output {
    char *text; /* NUL-terminated */
    size_t len;
    size_t capacity;
    size_t pieces;
    size_t pauses;
};

/* Takes the next piece, in a room of exactly the size that is promised. */
static enum stream_outcome take_piece(struct stream *stream, struct output *output) {
    struct stretch stretch;
    struct buf buf = BUF_INIT(guard_room(STREAM_PIECE_BYTES), STREAM_PIECE_BYTES);
    size_t reads_before = reads;
    enum stream_outcome outcome = stream_next(stream, &buf, &stretch);
    assert_false(buf.overflow);
    assert_int_equal(outcome == STREAM_BYTES, buf.len > 0);
    assert_in_range(reads - reads_before, 0, LISTING_STEP);
    if (output->len + buf.len >= output->capacity) {
        output->capacity = 2 * (output->len + STREAM_PIECE_BYTES);
        output->text = realloc(output->text, output->capacity);
        assert_non_null(output->text);
    }
    memcpy(output->text + output->len, buf.ptr, buf.len);
    output->len += buf.len;
    output->text[output->len] = '\0';
    output->pieces += outcome == STREAM_BYTES ? 1 : 0;
    output->pauses += outcome == STREAM_PAUSE ? 1 : 0;
    guard_free(buf.ptr, STREAM_PIECE_BYTES);
    return outcome;
}

static enum stream_outcome take_all(struct stream *stream, struct output *output) {
    enum stream_outcome outcome = STREAM_PAUSE;
    *output = (struct output){.text = NULL};
    while (outcome == STREAM_BYTES || outcome == STREAM_PAUSE)
        outcome = take_piece(stream, output);
    assert_int_not_equal(outcome, STREAM_FILE);
    stream_free(stream);
    return outcome;
}

/* The whole listing; the caller frees its text. */
static struct output list(const char *path, const char *query) {
    struct output output;
    assert_int_equal(take_all(open_listing(path, query), &output), STREAM_END);
    return output;
}

/* Has tests/support/listing.py compare the listing with the directory. */
static void check_with_reader(const char *format, const char *path) {
    char query[64];
    char policy_room[1024];
    char command[4096];
    struct buf policy = BUF_INIT(policy_room, sizeof policy_room);
    (void)snprintf(query, sizeof query, "format=%s", format);
    struct output output = list(path, query);
    html_put_policy(&policy, false);
    assert_false(policy.overflow);
    (void)snprintf(command, sizeof command, "python3 tests/support/listing.py %s '%s' \"%.*s\"",
                   format, tree_path(&tree, path), (int)policy.len, policy.ptr);
    FILE *reader = popen(command, "we");
    assert_non_null(reader);
    row_assert_number(command, fwrite(output.text, 1, output.len, reader), output.len);
    row_assert_number(command, pclose(reader), 0);
    free(output.text);
}

static void make_nasty(const char *directory) {
    char name[600];
    for (size_t i = 0; i < NASTY_COUNT; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", directory, nasty_names[i]);
        if (i % 3 == 0)
            tree_directory(&tree, name);
        else
            tree_file(&tree, name, i, i * i * 97);
    }
}

static void test_nasty_names(void **state) {
    (void)state;
    static const char *const listed[] = {"html", "json", "text"};
    make_nasty("some/<where>");
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    for (size_t i = 0; i < ROWS_COUNT(listed); i++) {
        check_with_reader(listed[i], "some/<where>");
        check_with_reader(listed[i], "some");
        check_with_reader(listed[i], "");
    }
}

/* Fails unless the names are listed, and no other. They are separated by spaces, and end in a slash
 * for directories. */
static void expect_names(const char *row, const char *path, const char *names) {
    struct output output = list(path, "format=text");
    char got[1024] = "";
    struct buf buf = BUF_INIT(got, sizeof got);
    struct slice rest = slice_of(output.text, output.len);
    struct slice line;
    while (slice_cut(&rest, '\n', &line) && line.len > 0) {
        if (buf.len > 0)
            buf_put_char(&buf, ' ');
        buf_put(&buf, slice_after(line, sizeof "999 kB  2026-11-22 14:03  " - 1));
    }
    row_assert_slice(row, buf_slice(&buf), slice_of_text(names));
    free(output.text);
}

static void make_kinds(void) {
    tree_text(&tree, "file", "a file");
    tree_text(&tree, ".dot", "hidden");
    tree_text(&tree, ".well-known/x", "not hidden");
    tree_text(&tree, "dir/.well-known/x", "hidden");
    tree_text(&tree, "dir/file", "a file");
    tree_link(&tree, "dir/up", "../file");
    tree_link(&tree, "link", "file");
    tree_link(&tree, "link-dir", "dir");
    tree_link(&tree, "link-out", "/etc/passwd");
    tree_link(&tree, "link-up", "..");
    tree_link(&tree, "link-none", "nothing");
    tree_link(&tree, "link-loop", "link-loop");
    tree_link(&tree, "link-fifo", "fifo");
    tree_link(&tree, "link-whole", tree_path(&tree, "file"));
    tree_text(&tree, "secret", "not readable");
    tree_mode(&tree, "secret", 0);
    tree_link(&tree, "link-secret", "secret");
    assert_int_equal(mkfifo(tree_path(&tree, "fifo"), 0644), 0);
}

static const struct {
    const char *name;
    bool hidden;
    enum beneath_links links;
    const char *path;
    const char *names;
} kinds[] = {
    {"root", false, BENEATH_LINKS_INSIDE, "",
     ".well-known/ dir/ link-dir/ file link link-secret link-whole secret"},
    {"without links", false, BENEATH_LINKS_NONE, "", ".well-known/ dir/ file secret"},
    {"with dots", true, BENEATH_LINKS_NONE, "", ".well-known/ dir/ .dot file secret"},
    {"a directory", false, BENEATH_LINKS_INSIDE, "dir", "file up"},
    {"the same, with dots", true, BENEATH_LINKS_INSIDE, "dir", ".well-known/ file up"},
    {"through a link", false, BENEATH_LINKS_INSIDE, "link-dir", "file up"},
    {"well-known", false, BENEATH_LINKS_INSIDE, ".well-known", "x"},
};

static void test_what_is_listed(void **state) {
    (void)state;
    make_kinds();
    for (size_t i = 0; i < ROWS_COUNT(kinds); i++) {
        open_root(tree.path, kinds[i].hidden, kinds[i].links);
        expect_names(kinds[i].name, kinds[i].path, kinds[i].names);
        docroot_deinit(&docroot);
    }
}

static void test_open_outcomes(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum docroot_outcome outcome;
    } rows[] = {
        {"nothing", DOCROOT_ABSENT},   {"file", DOCROOT_ABSENT}, {"fifo", DOCROOT_ABSENT},
        {".git", DOCROOT_ABSENT},      {"out", DOCROOT_ABSENT},  {"dir/nothing", DOCROOT_ABSENT},
        {"locked", DOCROOT_FORBIDDEN},
    };
    const struct view view = {.format = VIEW_HTML};
    struct stream *stream = NULL;
    tree_text(&tree, "file", "a file");
    tree_text(&tree, "dir/file", "a file");
    tree_text(&tree, ".git/config", "hidden");
    tree_link(&tree, "out", "/etc");
    tree_directory(&tree, "locked");
    tree_mode(&tree, "locked", 0);
    assert_int_equal(mkfifo(tree_path(&tree, "fifo"), 0644), 0);
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    bool ordinary = user_become_ordinary();
    for (size_t i = 0; i < ROWS_COUNT(rows) - (ordinary ? 0 : 1); i++)
        row_assert_number(rows[i].path,
                          listing_open(&docroot, slice_of_text(rows[i].path), &view, &stream),
                          rows[i].outcome);
    if (ordinary)
        user_return();
    out_of_memory = true;
    assert_int_equal(listing_open(&docroot, SLICE("dir"), &view, &stream), DOCROOT_EXHAUSTED);
    out_of_memory = false;
    docroot_deinit(&docroot);
    open_root(tree_path(&tree, "file"), false, BENEATH_LINKS_INSIDE);
    assert_int_equal(listing_open(&docroot, SLICE(""), &view, &stream), DOCROOT_ABSENT);
    assert_null(stream);
}

/* The head of a page is sent before anything is read. */
static void test_the_head_comes_at_once(void **state) {
    (void)state;
    struct output output = {.text = NULL};
    tree_text(&tree, "file", "a file");
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    struct stream *stream = open_listing("", "format=html");
    assert_int_equal(take_piece(stream, &output), STREAM_BYTES);
    assert_int_equal(reads, 0);
    assert_non_null(strstr(output.text, "<h1"));
    assert_int_equal(take_piece(stream, &output), STREAM_PAUSE);
    assert_int_equal(take_piece(stream, &output), STREAM_BYTES);
    assert_non_null(strstr(output.text, "<table>"));
    stream_free(stream);
    free(output.text);
}

static void test_empty(void **state) {
    (void)state;
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    struct output text = list("", "format=text");
    struct output json = list("", "format=json");
    assert_int_equal(text.len, 0);
    assert_string_equal(json.text, "[\n]\n");
    free(text.text);
    free(json.text);
    check_with_reader("html", "");
}

/* Many entries: in order, each once, and no step is long. */
static void test_many(void **state) {
    (void)state;
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    fake_count = 20000;
    fake_len = 8;
    struct output output = list("", "format=text");
    const char *at = output.text;
    for (size_t i = 0; i < fake_count; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "   1 B  1970-01-01 00:00  %08zu\n", i);
        row_assert_slice(row_at("line", i), slice_of(at, (size_t)len), slice_of_text(line));
        at += len;
    }
    assert_int_equal(*at, '\0');
    assert_int_equal(looks, fake_count);
    assert_in_range(output.pauses, fake_count / LISTING_STEP, fake_count / LISTING_STEP + 1);
    assert_in_range(output.pieces, output.len / STREAM_PIECE_BYTES, output.len / 4096 + 1);
    free(output.text);
}

/* More than there is memory for: it is said where it is seen first. */
static void test_cut(void **state) {
    (void)state;
    struct output output = {.text = NULL};
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    fake_count = 260000;
    fake_len = 255;
    struct stream *stream = open_listing("", "format=html");
    while (output.pieces < 2)
        assert_int_not_equal(take_piece(stream, &output), STREAM_END);
    assert_in_range(looks, LISTING_BYTES_MAX / 300, LISTING_BYTES_MAX / 255);
    assert_non_null(strstr(output.text, "Not all entries are shown"));
    assert_int_equal(take_piece(stream, &output), STREAM_BYTES);
    assert_non_null(strstr(output.text, "<tr><td><a href=\"./0000"));
    stream_free(stream);
    free(output.text);
}

static void test_changes_while_it_is_read(void **state) {
    (void)state;
    struct output output = {.text = NULL};
    tree_text(&tree, "dir/a", "a file");
    tree_text(&tree, "dir/b", "another");
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    gone = "a";
    expect_names("an entry goes away", "dir", "b");
    struct stream *stream = open_listing("dir", "format=text");
    assert_int_equal(remove(tree_path(&tree, "dir/a")), 0);
    assert_int_equal(remove(tree_path(&tree, "dir/b")), 0);
    assert_int_equal(remove(tree_path(&tree, "dir")), 0);
    assert_int_equal(take_all(stream, &output), STREAM_END);
    assert_int_equal(output.len, 0);
    free(output.text);
}

static void test_reading_fails(void **state) {
    (void)state;
    struct output output;
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    fake_count = 1000;
    fake_len = 4;
    read_fails_at = 700;
    assert_int_equal(take_all(open_listing("", "format=html"), &output), STREAM_FAULT);
    assert_int_equal(output.pauses, read_fails_at / LISTING_STEP);
    free(output.text);
}

static const struct {
    const char *name;
    int error;
    enum stream_outcome outcome;
} looks_that_fail[] = {
    {"gone", ENOENT, STREAM_END},
    {"a directory that may only be read", EACCES, STREAM_END},
    {"a link in a circle", ELOOP, STREAM_END},
    {"a bad disk", EIO, STREAM_FAULT},
    {"a file handle of old", ESTALE, STREAM_FAULT},
    {"no memory", ENOMEM, STREAM_FAULT},
    {"a size that does not fit", EOVERFLOW, STREAM_FAULT},
};

/* What may be there all the same is not left out as if it were not. */
static void test_looking_fails(void **state) {
    (void)state;
    tree_text(&tree, "a", "a file");
    tree_text(&tree, "b", "another");
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    gone = "a";
    for (size_t i = 0; i < ROWS_COUNT(looks_that_fail); i++) {
        struct output output;
        gone_error = looks_that_fail[i].error;
        row_assert_number(looks_that_fail[i].name,
                          take_all(open_listing("", "format=text"), &output),
                          looks_that_fail[i].outcome);
        free(output.text);
    }
}

/* Wherever it is left, nothing is leaked; teardown() counts descriptors. */
static void test_left_anywhere(void **state) {
    (void)state;
    enum stream_outcome outcome = STREAM_PAUSE;
    open_root(tree.path, false, BENEATH_LINKS_INSIDE);
    fake_count = 1000;
    fake_len = 100;
    for (size_t calls = 0; outcome != STREAM_END; calls++) {
        struct output output = {.text = NULL};
        struct stream *stream = open_listing("", "format=html&sort=size");
        fake_next = 0;
        for (size_t i = 0; i < calls; i++)
            outcome = take_piece(stream, &output);
        stream_free(stream);
        free(output.text);
    }
    stream_free(NULL);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_nasty_names),   test(test_what_is_listed),
        test(test_open_outcomes), test(test_the_head_comes_at_once),
        test(test_empty),         test(test_many),
        test(test_cut),           test(test_changes_while_it_is_read),
        test(test_reading_fails), test(test_looking_fails),
        test(test_left_anywhere),
    };
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
