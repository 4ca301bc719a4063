/* What changes between the plan and its turn: an archive is ended rather than sent as something
 * that never was, and nothing leads out of the root. */
#include "store/archive.h"

#include "store/pax.h"
#include "support/archived.h"
#include "support/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* The file from which reading stops short, by its size; 0: none. */
static off_t truncated_size;
static bool interrupted;

ssize_t __real_pread(int fd, void *to, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t offset);

/* Gives one byte at a time, after an interruption each, and none of a file that is truncated after
 * it was looked at. */
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t offset) {
    struct stat stat;
    assert_int_equal(fstat(fd, &stat), 0);
    interrupted = !interrupted;
    if (interrupted) {
        errno = EINTR;
        return -1;
    }
    if (truncated_size > 0 && stat.st_size == truncated_size)
        return 0;
    return __real_pread(fd, to, len < 1 ? len : 1, offset);
}

enum { SMALL = 100, LARGE = 20000 };

static const struct timespec times[2] = {{1000, 0}, {1000, 0}};

/* Before and behind what changes there is enough for pieces of their own. */
static int setup(void **state) {
    (void)state;
    truncated_size = 0;
    archived_make_tree();
    tree_file(&archived.tree, "site/a", 1, LARGE);
    tree_file(&archived.tree, "site/m/large", 2, LARGE);
    tree_file(&archived.tree, "site/m/small", 3, SMALL);
    tree_file(&archived.tree, "site/m/zero", 4, 0);
    tree_file(&archived.tree, "site/z", 5, LARGE);
    tree_file(&archived.tree, "outside/large", 2, LARGE);
    archived_serve(false, BENEATH_LINKS_INSIDE);
    archived_plan("site");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    user_return();
    archived_end();
    return 0;
}

static const char *in_tree(const char *name) {
    return tree_path(&archived.tree, name);
}

static void move(const char *from, const char *to) {
    row_assert_number(from, rename(in_tree(from), in_tree(to)), 0);
}

static void nothing(void) {}

static void touch_large(void) {
    row_assert_number("touch", utimensat(AT_FDCWD, in_tree("site/m/large"), times, 0), 0);
}

static void touch_zero(void) {
    row_assert_number("touch", utimensat(AT_FDCWD, in_tree("site/m/zero"), times, 0), 0);
}

static void grow_zero(void) {
    tree_text(&archived.tree, "site/m/zero", "no longer");
}

static void shrink_small(void) {
    assert_int_equal(truncate(in_tree("site/m/small"), SMALL - 1), 0);
}

static void remove_small(void) {
    assert_int_equal(unlink(in_tree("site/m/small")), 0);
}

/* By one of the same size and time. */
static void replace_small(void) {
    struct stat stat;
    assert_int_equal(lstat(in_tree("site/m/small"), &stat), 0);
    const struct timespec same[2] = {stat.st_mtim, stat.st_mtim};
    tree_file(&archived.tree, "other", 3, SMALL);
    assert_int_equal(utimensat(AT_FDCWD, in_tree("other"), same, 0), 0);
    move("other", "site/m/small");
}

static void replace_small_by_fifo(void) {
    remove_small();
    assert_int_equal(mkfifo(in_tree("site/m/small"), 0644), 0);
}

static void replace_small_by_directory(void) {
    remove_small();
    tree_directory(&archived.tree, "site/m/small");
}

static void replace_large_by_link_out(void) {
    assert_int_equal(unlink(in_tree("site/m/large")), 0);
    tree_link(&archived.tree, "site/m/large", "/etc/passwd");
}

static void replace_directory_by_link_out(void) {
    move("site/m", "gone");
    tree_link(&archived.tree, "site/m", "/etc");
}

static void replace_directory_by_link_inside(void) {
    move("site/m", "gone");
    tree_link(&archived.tree, "site/m", "../outside");
}

static void remove_directory(void) {
    move("site/m", "gone");
}

static void move_site(void) {
    move("site", "moved");
}

static void replace_site(void) {
    move("site", "moved");
    tree_link(&archived.tree, "site", "outside");
}

static void truncate_while_reading(void) {
    truncated_size = SMALL;
}

static void add_more(void) {
    tree_text(&archived.tree, "site/m/more", "comes too late");
}

/* The name is a hard link to what it was, and so is the content. */
static void move_and_link(void) {
    move("site/m/small", "kept");
    assert_int_equal(link(in_tree("kept"), in_tree("site/m/small")), 0);
}

static const struct row {
    const char *name;
    void (*change)(void);
    const char *found; /* the member where it is found out; NULL: not at all */
} rows[] = {
    {"nothing", nothing, NULL},
    {"one more file", add_more, NULL},
    {"moved, and a hard link to it", move_and_link, NULL},
    {"a large file's time", touch_large, "site/m/large"},
    {"an empty file's time", touch_zero, "site/m/zero"},
    {"an empty file grows", grow_zero, "site/m/zero"},
    {"a small file shrinks", shrink_small, "site/m/small"},
    {"removed", remove_small, "site/m/small"},
    {"replaced, size and time alike", replace_small, "site/m/small"},
    {"now a FIFO", replace_small_by_fifo, "site/m/small"},
    {"now a directory", replace_small_by_directory, "site/m/small"},
    {"now a link out", replace_large_by_link_out, "site/m/large"},
    {"directory, now a link out", replace_directory_by_link_out, "site/m/large"},
    {"directory, now a link inside", replace_directory_by_link_inside, "site/m/large"},
    {"directory removed", remove_directory, "site/m/large"},
    {"the directory itself moved", move_site, "site/a"},
    {"the directory itself, now a link", replace_site, "site/a"},
    {"truncated while it is read", truncate_while_reading, "site/m/small"},
};

/* Where the header of a member starts, extended or not, or its content. */
static uint64_t offset_of(const struct taken *whole, const char *path, bool content) {
    uint64_t at = 0;
    while (strcmp(whole->bytes + at, path) != 0) {
        at += 512;
        row_assert(path, at < whole->len);
    }
    if (content)
        return at + 512;
    return at - (at >= 1024 && whole->bytes[at - 1024 + 156] == 'x' ? 1024 : 0);
}

/* All that is before it comes, as planned, and nothing behind it. */
static void check_row(const struct row *row, const struct taken *whole, bool in_time) {
    struct taken taken = {.room = (size_t)whole->len, .bytes = malloc((size_t)whole->len)};
    archive_seek(archived.archive, 0, whole->len);
    if (in_time)
        (void)taken_next(&taken); /* the header of the directory, and of its first file */
    row->change();
    while (taken.outcome == STREAM_BYTES || taken.outcome == STREAM_FILE)
        (void)taken_next(&taken);
    row_assert_number(row->name, taken.outcome, row->found == NULL ? STREAM_END : STREAM_FAULT);
    row_assert(row->name, memcmp(taken.bytes, whole->bytes, (size_t)taken.len) == 0);
    if (row->found == NULL)
        row_assert_number(row->name, taken.len, whole->len);
    else if (!in_time)
        row_assert_number(row->name, taken.len,
                          offset_of(whole, row->found, row->change == truncate_while_reading));
    taken_free(&taken);
}

static void test_changes(void **state) {
    for (size_t i = 0; i < 2 * ROWS_COUNT(rows); i++) {
        const struct row *row = &rows[i / 2];
        struct taken whole;
        bool in_time = i % 2 == 1;
        taken_whole(&whole);
        if (!in_time || (row->change != move_site && row->change != replace_site))
            check_row(row, &whole, in_time);
        taken_free(&whole);
        (void)teardown(state);
        (void)setup(state);
    }
}

/* A download that is resumed in the middle of a file looks at it, too. */
static void test_a_seek_into_what_has_changed(void **state) {
    (void)state;
    struct taken whole;
    taken_whole(&whole);
    uint64_t content = offset_of(&whole, "site/m/large", true);
    for (uint64_t first = content - 512; first < content + LARGE; first += 4000) {
        struct taken taken;
        touch_large();
        archive_seek(archived.archive, first, 100);
        taken_all(&taken, 100);
        assert_int_equal(taken.outcome, STREAM_FAULT);
        assert_int_equal(taken.len, 0);
        taken_free(&taken);
    }
    archive_seek(archived.archive, content + LARGE, 100); /* padding: no need to look */
    taken_free(&whole);
    taken_all(&whole, 96);
    assert_int_equal(whole.outcome, STREAM_END);
    taken_free(&whole);
}

/* Its bytes were promised; it does not matter who may read them now. */
static void test_a_file_that_may_not_be_read_any_more(void **state) {
    (void)state;
    struct taken taken;
    tree_mode(&archived.tree, "site/m/small", 0);
    if (!user_become_ordinary())
        return;
    taken_all(&taken, 0);
    assert_int_equal(taken.outcome, STREAM_FAULT);
    taken_free(&taken);
}

/* Only one is open, and only while it is its turn. */
static void test_files_are_opened_when_it_is_their_turn(void **state) {
    (void)state;
    struct taken taken = {.room = 0};
    size_t fds = process_count_fds(getpid());
    do {
        assert_in_range(process_count_fds(getpid()), fds, fds + 1);
        (void)taken_next(&taken);
    } while (taken.outcome != STREAM_END);
    assert_int_equal(process_count_fds(getpid()), fds);
}

int main(void) {
#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        test(test_changes),
        test(test_a_seek_into_what_has_changed),
        test(test_a_file_that_may_not_be_read_any_more),
        test(test_files_are_opened_when_it_is_their_turn),
    };
    return cmocka_run_group_tests_name("archive, changes", tests, NULL, NULL);
}
