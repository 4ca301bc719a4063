/* What an entry is of: which file, as it was then, in which coding. */
#include "store/entry.h"

#include "support/row.h"
#include "support/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE "text/plain; charset=utf-8"

static const struct head_policy policy = {.cache_control = SLICE_INIT("no-cache")};
#define NOW_S ((int64_t)4000000000) /* after everything that a test writes */

enum { MEMORY_MAX = 1000 };

static const struct entry_terms terms = {.memory_max = MEMORY_MAX};

static struct tree tree;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    return 0;
}

static void open_file(uint64_t size, struct docroot_file *file) {
    tree_file(&tree, "file", 1, size);
    file->fd = open(tree_path(&tree, "file"), O_RDONLY | O_CLOEXEC);
    assert_true(file->fd >= 0);
    assert_int_equal(fstat(file->fd, &file->stat), 0);
}

static void must_build(struct docroot_file *file, struct entry **entry) {
    static const struct representation about = {.policy = &policy,
                                                .content_type = SLICE_INIT(TYPE)};
    assert_int_equal(entry_build(file, &about, &terms, NOW_S, entry), 0);
}

static bool has_line(struct slice fields, const char *line) {
    return memmem(fields.ptr, fields.len, line, strlen(line)) != NULL;
}

static const struct {
    const char *name;
    struct slice coding; /* ptr NULL: none */
    bool negotiated;
} codings[] = {
    {"plain", {NULL, 0}, false},
    {"the plain one of several", {NULL, 0}, true},
    {"a coding", SLICE_INIT("br"), true},
    {"a coding with a longer name", SLICE_INIT("gzip"), true},
};

/* RFC 9110 §8.8.3: each has an entity tag of its own. */
static void test_rfc9110_8_8_3_codings(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(codings); i++) {
        const char *name = codings[i].name;
        struct slice coding = codings[i].coding;
        const struct representation coded = {.policy = &policy,
                                             .content_type = SLICE_INIT(TYPE),
                                             .content_coding = coding,
                                             .negotiated = codings[i].negotiated};
        struct docroot_file file;
        struct entry *entry = NULL;
        char line[64];
        open_file(10, &file);
        row_assert_number(name, entry_build(&file, &coded, &terms, NOW_S, &entry), 0);
        (void)snprintf(line, sizeof line, "Content-Encoding: %.*s\r\n", (int)coding.len,
                       coding.ptr != NULL ? coding.ptr : "");
        row_assert_number(name, has_line(entry->fields, line), coding.ptr != NULL);
        row_assert(name, coding.ptr != NULL || !has_line(entry->fields, "Content-Encoding"));
        row_assert(name, !has_line(entry->validators, "Content-Encoding"));
        (void)snprintf(line, sizeof line, "%s%.*s\"\r\n", coding.ptr != NULL ? "-" : "",
                       (int)coding.len, coding.ptr != NULL ? coding.ptr : "");
        row_assert(name, has_line(entry->validators, line));
        row_assert_number(name, has_line(entry->fields, "Vary: Accept-Encoding\r\n"),
                          codings[i].negotiated);
        row_assert_number(name, has_line(entry->validators, "Vary: Accept-Encoding\r\n"),
                          codings[i].negotiated);
        entry_unref(entry);
    }
}

static void same(struct stat *stat) {
    stat->st_atim.tv_sec++;
    stat->st_mode ^= 0700;
    stat->st_nlink++;
}

static void other_device(struct stat *stat) {
    stat->st_dev++;
}

static void other_inode(struct stat *stat) {
    stat->st_ino++;
}

static void longer(struct stat *stat) {
    stat->st_size++;
}

static void shorter(struct stat *stat) {
    stat->st_size--;
}

static void modified(struct stat *stat) {
    stat->st_mtim.tv_nsec ^= 1;
}

static void modified_a_second_later(struct stat *stat) {
    stat->st_mtim.tv_sec++;
}

static void changed(struct stat *stat) {
    stat->st_ctim.tv_nsec ^= 1;
}

static void changed_a_second_later(struct stat *stat) {
    stat->st_ctim.tv_sec++;
}

static const struct {
    const char *name;
    void (*change)(struct stat *stat);
    bool is_of;
} differences[] = {
    {"nothing that matters", same, true},
    {"device", other_device, false},
    {"inode", other_inode, false},
    {"longer", longer, false},
    {"shorter", shorter, false},
    {"modified", modified, false},
    {"modified a second later", modified_a_second_later, false},
    {"changed", changed, false},
    {"changed a second later", changed_a_second_later, false},
};

static void test_is_of(void **state) {
    (void)state;
    static const uint64_t sizes[] = {10, MEMORY_MAX + 1};
    for (size_t size = 0; size < ROWS_COUNT(sizes); size++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(sizes[size], &file);
        const struct stat stat = file.stat;
        must_build(&file, &entry);
        for (size_t i = 0; i < ROWS_COUNT(differences); i++) {
            struct stat other = stat;
            differences[i].change(&other);
            row_assert_number(differences[i].name, entry_is_of(entry, &other),
                              differences[i].is_of);
        }
        entry_unref(entry);
    }
}

/* What was read is of the second look. */
static void test_is_of_what_was_read(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(100, &file);
    struct stat before = file.stat;
    struct stat after;
    assert_int_equal(truncate(tree_path(&tree, "file"), 60), 0);
    assert_int_equal(fstat(file.fd, &after), 0);
    must_build(&file, &entry);
    assert_false(entry_is_of(entry, &before));
    assert_true(entry_is_of(entry, &after));
    entry_unref(entry);
}

static void test_size_in_memory(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(MEMORY_MAX, &file);
    must_build(&file, &entry);
    assert_in_range(entry->size_bytes, MEMORY_MAX + sizeof *entry, MEMORY_MAX + 2048);
    entry_unref(entry);
    open_file(MEMORY_MAX + 1, &file);
    must_build(&file, &entry);
    assert_in_range(entry->size_bytes, sizeof *entry, 2048);
    entry_unref(entry);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_rfc9110_8_8_3_codings),
        test(test_is_of),
        test(test_is_of_what_was_read),
        test(test_size_in_memory),
    };
    return cmocka_run_group_tests_name("entry, identity", tests, NULL, NULL);
}
