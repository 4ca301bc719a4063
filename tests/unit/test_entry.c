#include "store/entry.h"

#include "http/sniff.h"
#include "support/content.h"
#include "support/no_memory.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE  "text/plain; charset=utf-8"
#define NOW_S ((int64_t)4000000000) /* after everything that a test writes */

enum { SEED = 5, PLAN_MAX = 8, UNTIL_END = -1000 };

/* What the next calls of pread() return: that many bytes at most, or -errno. Behind the last one,
 * and for UNTIL_END, what was asked for. */
static struct {
    int results[PLAN_MAX];
    size_t count;
    size_t next;
} plan;
static struct tree tree;
static int stat_error;
static off_t shrinks_to; /* what fstat() makes of the file; -1: nothing */

ssize_t __real_pread(int fd, void *ptr, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *ptr, size_t len, off_t offset);
int __real_fstat(int fd, struct stat *stat);
int __wrap_fstat(int fd, struct stat *stat);

ssize_t __wrap_pread(int fd, void *ptr, size_t len, off_t offset) {
    int result = plan.next < plan.count ? plan.results[plan.next++] : UNTIL_END;
    if (result == UNTIL_END || (result > 0 && (size_t)result >= len))
        return __real_pread(fd, ptr, len, offset);
    if (result > 0)
        return __real_pread(fd, ptr, (size_t)result, offset);
    errno = -result;
    return result < 0 ? -1 : 0;
}

int __wrap_fstat(int fd, struct stat *stat) {
    if (shrinks_to >= 0)
        assert_int_equal(truncate(tree_path(&tree, "file"), shrinks_to), 0);
    if (stat_error == 0)
        return __real_fstat(fd, stat);
    errno = stat_error;
    return -1;
}

static size_t fds_before;

enum { MEMORY_MAX = 32 * 1024 };

static const struct head_policy policy = {.cache_control = SLICE_INIT("no-cache")};
static const struct entry_terms terms = {.memory_max = MEMORY_MAX};
static const struct representation about = {.policy = &policy, .content_type = SLICE_INIT(TYPE)};

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    plan.count = 0;
    plan.next = 0;
    out_of_memory = false;
    stat_error = 0;
    shrinks_to = -1;
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    out_of_memory = false;
    stat_error = 0;
    shrinks_to = -1;
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void open_file(uint64_t size, struct docroot_file *file) {
    tree_file(&tree, "file", SEED, size);
    file->fd = open(tree_path(&tree, "file"), O_RDONLY | O_CLOEXEC);
    assert_true(file->fd >= 0);
    assert_int_equal(__real_fstat(file->fd, &file->stat), 0);
}

static void must_build(struct docroot_file *file, struct entry **entry) {
    assert_int_equal(entry_build(file, &about, &terms, NOW_S, entry), 0);
    assert_int_equal(file->fd, -1);
    assert_int_equal((*entry)->references, 1);
}

/* Fails unless the entry holds `size` bytes of the content, wherever it holds them. */
static void assert_content(const char *row, const struct entry *entry, uint64_t size) {
    static char bytes[2 * MEMORY_MAX];
    const char *content = entry->content;
    row_assert_number(row, entry->representation.length, size);
    row_assert_number(row, entry->fd < 0, size <= MEMORY_MAX);
    row_assert_number(row, content != NULL, size <= MEMORY_MAX);
    if (content == NULL) {
        row_assert_number(row, __real_pread(entry->fd, bytes, sizeof bytes, 0), size);
        content = bytes;
    }
    content_assert(SEED, 0, content, size);
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t size;
    } rows[] = {
        {"empty", 0},
        {"one byte", 1},
        {"some bytes", 4097},
        {"the last that is kept in memory", MEMORY_MAX},
        {"the first that is not", MEMORY_MAX + 1},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(rows[i].size, &file);
        must_build(&file, &entry);
        assert_content(rows[i].name, entry, rows[i].size);
        bool in_memory = rows[i].size <= MEMORY_MAX;
        row_assert_number(rows[i].name, process_count_fds(getpid()),
                          fds_before + (in_memory ? 0 : 1));
        entry_unref(entry);
        row_assert_number(rows[i].name, process_count_fds(getpid()), fds_before);
    }
}

static void test_heads(void **state) {
    (void)state;
    static const struct timespec times[2] = {{.tv_sec = 784111777, .tv_nsec = 5},
                                             {.tv_sec = 784111777, .tv_nsec = 5}};
    struct docroot_file file;
    struct entry *entry = NULL;
    char fields[512];
    char etag[64];
    open_file(10, &file);
    assert_int_equal(futimens(file.fd, times), 0);
    assert_int_equal(__real_fstat(file.fd, &file.stat), 0);
    (void)snprintf(etag, sizeof etag, "\"%llx-a-%llx\"", 784111777000000005ull,
                   (unsigned long long)file.stat.st_ino);
    (void)snprintf(fields, sizeof fields,
                   "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n"
                   "X-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\nETag: %s\r\n"
                   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n",
                   etag);
    must_build(&file, &entry);
    row_assert_slice("etag", entry->representation.etag, slice_of_text(etag));
    row_assert_slice("type", entry->representation.content_type, SLICE(TYPE));
    row_assert_number("time", entry->representation.last_modified_s, 784111777);
    row_assert_slice("fields", entry->fields, slice_of_text(fields));
    row_assert_slice("validators", entry->validators, slice_of_text(strstr(fields, "ETag: ")));
    size_t fields_len = strlen(fields);
    content_fill(SEED, 0, fields + fields_len + 2, 10);
    memcpy(fields + fields_len, "\r\n", 2);
    row_assert_slice("all behind its start", entry->rest, slice_of(fields, fields_len + 2 + 10));
    entry_unref(entry);
}

static void expect_answer(const char *row, struct entry *entry, const struct head_opening *opening,
                          bool closes, struct slice begins) {
    struct slice answer = entry_answer(entry, opening, closes);
    row_assert_slice(row, slice_of(answer.ptr, begins.len), begins);
    row_assert_slice(row, slice_after(answer, begins.len), entry->rest);
    assert_ptr_equal(answer.ptr + begins.len, entry->rest.ptr);
}

/* Whoever has not sent all of it sends what it began with: meanwhile it is not opened anew. */
static void test_answer(void **state) {
    (void)state;
    static const struct slice first_text =
        SLICE_INIT("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: pronto\r\n");
    static const struct slice closing_text =
        SLICE_INIT("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: pronto\r\n"
                   "Connection: close\r\n");
    static const struct slice second_text =
        SLICE_INIT("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\nServer: pronto\r\n");
    struct head_opening first;
    struct head_opening second;
    struct docroot_file file;
    struct entry *entry = NULL;
    head_open(&first, 784111777);
    head_open(&second, 784111778);
    open_file(10, &file);
    must_build(&file, &entry);
    expect_answer("opening", entry, &first, false, first_text);
    (void)entry_ref(entry);
    assert_null(entry_answer(entry, &second, false).ptr);
    assert_null(entry_answer(entry, &first, true).ptr);
    expect_answer("kept", entry, &first, false, first_text);
    entry_unref(entry);
    expect_answer("later", entry, &second, false, second_text);
    expect_answer("clock set", entry, &first, false, first_text);
    expect_answer("the last", entry, &first, true, closing_text);
    (void)entry_ref(entry);
    assert_null(entry_answer(entry, &first, false).ptr);
    expect_answer("the last, kept", entry, &first, true, closing_text);
    entry_unref(entry);
    expect_answer("not the last", entry, &first, false, first_text);
    entry_unref(entry);
    open_file(MEMORY_MAX + 1, &file);
    must_build(&file, &entry);
    assert_null(entry_answer(entry, &first, false).ptr);
    entry_unref(entry);
}

/* Nobody can write to a file system with such times, but somebody can mount one. */
static void test_times_far_away(void **state) {
    (void)state;
    static const int64_t times_s[] = {INT64_MIN, -1, INT64_MAX / 1000000000 + 1, INT64_MAX};
    for (size_t i = 0; i < ROWS_COUNT(times_s); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(1, &file);
        file.stat.st_mtim = (struct timespec){.tv_sec = times_s[i], .tv_nsec = 999999999};
        must_build(&file, &entry);
        row_assert_number(row_at("time", i), entry->representation.last_modified_s,
                          times_s[i] < NOW_S ? times_s[i] : NOW_S);
        row_assert(row_at("time", i), entry->representation.etag.len > 2);
        entry_unref(entry);
    }
}

/* Files come from machines whose clocks are ahead. The entity tag has the time as it is, so that
 * two versions of such a file differ. */
static void test_rfc9110_8_8_2_1_modified_in_the_future(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t modified_s;
        const char *line;
    } rows[] = {
        {"before", NOW_S - 1, "Last-Modified: Tue, 02 Oct 2096 07:06:39 GMT\r\n"},
        {"now", NOW_S, "Last-Modified: Tue, 02 Oct 2096 07:06:40 GMT\r\n"},
        {"a second ahead", NOW_S + 1, "Last-Modified: Tue, 02 Oct 2096 07:06:40 GMT\r\n"},
        {"far ahead", INT64_MAX, "Last-Modified: Tue, 02 Oct 2096 07:06:40 GMT\r\n"},
    };
    char last_etag[64] = "";
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(1, &file);
        file.stat.st_mtim = (struct timespec){.tv_sec = rows[i].modified_s};
        must_build(&file, &entry);
        struct slice etag = entry->representation.etag;
        struct slice lines[] = {entry->fields, entry->validators};
        for (size_t j = 0; j < ROWS_COUNT(lines); j++)
            row_assert(rows[i].name, memmem(lines[j].ptr, lines[j].len, rows[i].line,
                                            strlen(rows[i].line)) != NULL);
        row_assert(rows[i].name, !slice_equal(etag, slice_of_text(last_etag)));
        (void)snprintf(last_etag, sizeof last_etag, "%.*s", (int)etag.len, etag.ptr);
        entry_unref(entry);
    }
}

/* Fails unless the entry says that it is text, or that it is not, in its head too. */
static void assert_type(const char *row, const struct entry *entry, bool is_text) {
    struct slice type =
        is_text ? SLICE("text/plain; charset=utf-8") : SLICE("application/octet-stream");
    struct slice name = SLICE("Content-Type: ");
    row_assert_slice(row, entry->representation.content_type, type);
    row_assert(row, slice_starts_with(entry->fields, name) &&
                        slice_starts_with(slice_after(entry->fields, name.len), type));
}

static const struct representation untyped = {.policy = &policy, .content_type = {NULL, 0}};

/* A file of `size` letters, of which those at `nul_at` and behind are NUL. */
static void open_letters(size_t size, size_t nul_at, struct docroot_file *file) {
    static char letters[MEMORY_MAX + 100];
    open_file(0, file);
    memset(letters, 'a', sizeof letters);
    if (nul_at < size)
        memset(letters + nul_at, '\0', size - nul_at);
    int fd = open(tree_path(&tree, "file"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, letters, size), size);
    assert_int_equal(close(fd), 0);
    assert_int_equal(__real_fstat(file->fd, &file->stat), 0);
}

static void test_types_by_content(void **state) {
    (void)state;
    enum { NEVER = MEMORY_MAX + 100 };
    static const struct {
        const char *name;
        size_t size;
        size_t nul_at;
        bool is_text;
    } rows[] = {
        {"empty", 0, NEVER, true},
        {"text", 1, NEVER, true},
        {"binary", 1, 0, false},
        {"the last byte is binary", SNIFF_BYTES - 1, SNIFF_BYTES - 2, false},
        {"the last byte that is looked at", SNIFF_BYTES + 1, SNIFF_BYTES - 1, false},
        {"the first byte that is not", SNIFF_BYTES + 1, SNIFF_BYTES, true},
        {"the largest text in memory", MEMORY_MAX, NEVER, true},
        {"text behind a descriptor", MEMORY_MAX + 1, NEVER, true},
        {"binary behind a descriptor", MEMORY_MAX + 1, 0, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_letters(rows[i].size, rows[i].nul_at, &file);
        row_assert_number(rows[i].name, entry_build(&file, &untyped, &terms, NOW_S, &entry), 0);
        assert_type(rows[i].name, entry, rows[i].is_text);
        row_assert_number(rows[i].name, entry->representation.length, rows[i].size);
        row_assert_number(rows[i].name, entry->fd >= 0, rows[i].size > MEMORY_MAX);
        entry_unref(entry);
    }
}

/* A name that says something is not questioned. */
static void test_a_type_that_is_given_is_kept(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_letters(100, 0, &file);
    must_build(&file, &entry);
    assert_type("NUL", entry, true);
    entry_unref(entry);
}

/* What was seen of the file before it shrank is not what is sent. */
static void test_the_type_is_found_anew_with_each_try(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_letters(100, 50, &file);
    plan.results[0] = UNTIL_END; /* the sample, which is binary */
    plan.results[1] = 0;         /* the content, which is gone */
    plan.count = 2;
    shrinks_to = 50;
    assert_int_equal(entry_build(&file, &untyped, &terms, NOW_S, &entry), 0);
    assert_type("shrunk", entry, true);
    assert_int_equal(entry->representation.length, 50);
    entry_unref(entry);
}

/* The longest of each, at once: what is built has to hold the policy twice. */
static void test_the_longest_type_and_policy_fit(void **state) {
    (void)state;
    static char lines[HEAD_POLICY_MAX];
    char type[256];
    char value[256];
    struct docroot_file file;
    struct entry *entry = NULL;
    memset(type, 't', sizeof type);
    memset(value, 'v', sizeof value);
    memset(lines, 'l', sizeof lines);
    open_file(1, &file);
    const struct head_policy most = {.cache_control = slice_of(value, sizeof value),
                                     .lines = slice_of(lines, sizeof lines)};
    const struct representation longest = {.policy = &most,
                                           .content_type = slice_of(type, sizeof type),
                                           .content_coding = SLICE("zstd"),
                                           .negotiated = true};
    assert_int_equal(entry_build(&file, &longest, &terms, NOW_S, &entry), 0);
    entry_unref(entry);
}

static void test_references(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(MEMORY_MAX + 1, &file);
    must_build(&file, &entry);
    assert_ptr_equal(entry_ref(entry), entry);
    assert_int_equal(entry->references, 2);
    entry_unref(entry);
    assert_content("after the first unref", entry, MEMORY_MAX + 1);
    entry_unref(entry);
    assert_int_equal(process_count_fds(getpid()), fds_before);
}

static void test_short_reads(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(100, &file);
    plan.results[0] = 1;
    plan.results[1] = -EINTR;
    plan.results[2] = 50;
    plan.results[3] = -EINTR;
    plan.count = 4;
    must_build(&file, &entry);
    assert_content("short reads", entry, 100);
    assert_int_equal(plan.next, 4);
    entry_unref(entry);
}

/* It is looked at again, and what is announced is what is left. */
static void test_shrinks_between_stat_and_read(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(100, &file);
    assert_int_equal(truncate(tree_path(&tree, "file"), 60), 0);
    must_build(&file, &entry);
    assert_content("shrunk", entry, 60);
    entry_unref(entry);
}

static void test_shrinks_while_it_is_read(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(100, &file);
    plan.results[0] = 40;
    plan.results[1] = 0;
    plan.count = 2;
    must_build(&file, &entry);
    assert_content("read anew", entry, 100);
    entry_unref(entry);
}

/* What the second look finds decides where the content is sent from. */
static void test_grows_after_it_shrank(void **state) {
    (void)state;
    struct docroot_file file;
    struct entry *entry = NULL;
    open_file(100, &file);
    tree_file(&tree, "file", SEED, MEMORY_MAX + 7);
    plan.results[0] = 0;
    plan.count = 1;
    must_build(&file, &entry);
    assert_content("grown", entry, MEMORY_MAX + 7);
    entry_unref(entry);
}

static void must_not_build(const char *row, struct docroot_file *file, int error) {
    struct entry *entry = NULL;
    row_assert_number(row, entry_build(file, &about, &terms, NOW_S, &entry), -error);
    row_assert_number(row, file->fd, -1);
    row_assert(row, entry == NULL);
    row_assert_number(row, process_count_fds(getpid()), fds_before);
}

static void test_shrinks_for_ever(void **state) {
    (void)state;
    struct docroot_file file;
    open_file(100, &file);
    plan.count = PLAN_MAX;
    for (size_t i = 0; i < PLAN_MAX; i++)
        plan.results[i] = 0;
    must_not_build("shrinks for ever", &file, ENODATA);
    assert_true(plan.next > 1 && plan.next < PLAN_MAX);
}

static void test_read_fails(void **state) {
    (void)state;
    struct docroot_file file;
    open_file(100, &file);
    plan.results[0] = 40;
    plan.results[1] = -EIO;
    plan.count = 2;
    must_not_build("EIO", &file, EIO);
}

static void test_second_look_fails(void **state) {
    (void)state;
    struct docroot_file file;
    open_file(100, &file);
    plan.results[0] = 0;
    plan.count = 1;
    stat_error = ESTALE;
    must_not_build("ESTALE", &file, ESTALE);
}

static void test_the_sample_cannot_be_read(void **state) {
    (void)state;
    static const uint64_t sizes[] = {100, MEMORY_MAX + 1};
    for (size_t i = 0; i < ROWS_COUNT(sizes); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(sizes[i], &file);
        plan.results[0] = 40;
        plan.results[1] = -EIO;
        plan.count = 2;
        plan.next = 0;
        row_assert_number(row_at("size", i), entry_build(&file, &untyped, &terms, NOW_S, &entry),
                          -EIO);
        row_assert_number(row_at("size", i), process_count_fds(getpid()), fds_before);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, MEMORY_MAX, MEMORY_MAX + 1};
    for (size_t i = 0; i < ROWS_COUNT(sizes); i++) {
        struct docroot_file file;
        struct entry *entry = NULL;
        open_file(sizes[i], &file);
        out_of_memory = true;
        int result = entry_build(&file, &about, &terms, NOW_S, &entry);
        out_of_memory = false;
        row_assert_number(row_at("no memory", i), result, -ENOMEM);
        row_assert_number(row_at("no memory", i), process_count_fds(getpid()), fds_before);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_sizes),
        test(test_heads),
        test(test_answer),
        test(test_times_far_away),
        test(test_rfc9110_8_8_2_1_modified_in_the_future),
        test(test_types_by_content),
        test(test_a_type_that_is_given_is_kept),
        test(test_the_type_is_found_anew_with_each_try),
        test(test_the_sample_cannot_be_read),
        test(test_the_longest_type_and_policy_fit),
        test(test_references),
        test(test_short_reads),
        test(test_shrinks_between_stat_and_read),
        test(test_shrinks_while_it_is_read),
        test(test_grows_after_it_shrank),
        test(test_shrinks_for_ever),
        test(test_read_fails),
        test(test_second_look_fails),
        test(test_no_memory),
    };
    return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
