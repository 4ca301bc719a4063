/* Pages that have something appended, and content that is no file's. */
#include "store/entry.h"

#include "support/row.h"
#include "support/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_S    ((int64_t)4000000000) /* after everything that a test writes */
#define APPENDIX "<script></script>\n"

enum { MEMORY_MAX = 100 };

static const struct head_policy policy = {.cache_control = SLICE_INIT("no-cache")};
static const struct entry_terms plain = {.memory_max = MEMORY_MAX};
static const struct entry_terms appending = {.memory_max = MEMORY_MAX,
                                             .appendix = SLICE_INIT(APPENDIX)};

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

static struct entry *build(uint64_t size, const char *type, const char *coding,
                           const struct entry_terms *terms) {
    const struct representation about = {
        .policy = &policy,
        .content_type = slice_of_text(type),
        .content_coding = coding != NULL ? slice_of_text(coding) : SLICE_NONE,
    };
    struct docroot_file file;
    struct entry *entry = NULL;
    int fd = open(tree_path(&tree, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(fstat(fd, &file.stat), 0);
    file.fd = fd;
    assert_int_equal(entry_build(&file, &about, terms, NOW_S, &entry), 0);
    assert_true(entry_is_of(entry, &file.stat));
    file.stat.st_size += (off_t)(sizeof APPENDIX - 1);
    assert_false(entry_is_of(entry, &file.stat));
    return entry;
}

/* What has something appended, and is sent from memory for it. */
static void test_what_is_appended_to(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t size;
        const char *type;
        const char *coding;
        bool is_appended;
        bool in_memory;
    } rows[] = {
        {"empty page", 0, "text/html", NULL, true, true},
        {"page", MEMORY_MAX, "text/html; charset=utf-8", NULL, true, true},
        {"page that would be sent by sendfile", MEMORY_MAX + 1, "text/html", NULL, true, true},
        {"the largest page", ENTRY_PAGE_MAX, "text/html", NULL, true, true},
        {"too large a page", ENTRY_PAGE_MAX + 1, "text/html", NULL, false, false},
        {"compressed page", 10, "text/html", "gzip", false, true},
        {"style sheet", 10, "text/css", NULL, false, true},
        {"large style sheet", MEMORY_MAX + 1, "text/css", NULL, false, false},
        {"XHTML", 10, "application/xhtml+xml", NULL, false, true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct entry *entry = build(rows[i].size, rows[i].type, rows[i].coding, &appending);
        uint64_t added = rows[i].is_appended ? sizeof APPENDIX - 1 : 0;
        row_assert_number(rows[i].name, entry->representation.length, rows[i].size + added);
        row_assert_number(rows[i].name, entry->fd < 0, rows[i].in_memory);
        row_assert_number(rows[i].name, entry->content != NULL, rows[i].in_memory);
        if (rows[i].is_appended)
            row_assert_slice(rows[i].name, slice_of(entry->content + rows[i].size, added),
                             SLICE(APPENDIX));
        entry_unref(entry);
    }
}

static bool has(struct slice text, const char *what) {
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

static void test_head(void **state) {
    (void)state;
    struct entry *entry = build(10, "text/html", NULL, &appending);
    assert_true(has(entry->fields, "Content-Length: 28\r\n"));
    assert_true(has(entry->fields, "Accept-Ranges: bytes\r\n"));
    assert_true(slice_starts_with(entry->rest, entry->fields));
    assert_int_equal(entry->rest.len, entry->fields.len + 2 + 28);
    entry_unref(entry);
}

/* RFC 9110 §8.8.1: what a client has of a page with the script is never taken for the page without,
 * nor the other way round, whichever validator it has. */
static void test_rfc9110_8_8_1_validators_differ(void **state) {
    (void)state;
    struct entry *with = build(10, "text/html", NULL, &appending);
    struct entry *without = build(10, "text/html", NULL, &plain);
    assert_false(slice_equal(with->representation.etag, without->representation.etag));
    assert_true(has(with->representation.etag, "-live\""));
    assert_true(has(with->validators, "ETag: "));
    assert_false(has(with->validators, "Last-Modified: "));
    assert_true(has(without->validators, "Last-Modified: "));
    assert_false(representation_is_dated(&with->representation));
    entry_unref(with);
    entry_unref(without);
}

static void test_content_of_no_file(void **state) {
    (void)state;
    char text[] = "content";
    const struct representation about = {.policy = &policy,
                                         .content_type = SLICE("text/javascript"),
                                         .etag = SLICE("\"a\""),
                                         .last_modified_s = REPRESENTATION_UNDATED};
    struct entry *entry = entry_of_content(slice_of_text(text), &about);
    assert_non_null(entry);
    memset(text, 'x', sizeof text - 1);
    row_assert_slice("content", slice_of(entry->content, 7), SLICE("content"));
    row_assert_slice("head", entry->fields,
                     SLICE("Content-Type: text/javascript\r\nContent-Length: 7\r\n"
                           "X-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\n"
                           "ETag: \"a\"\r\nCache-Control: no-cache\r\n"));
    row_assert_slice("rest", slice_after(entry->rest, entry->fields.len), SLICE("\r\ncontent"));
    assert_int_equal(entry->fd, -1);
    entry_unref(entry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_appended_to, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rfc9110_8_8_1_validators_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(test_content_of_no_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
