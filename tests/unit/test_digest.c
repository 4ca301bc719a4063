#include "serve/digest.h"

#include "support/guard.h"
#include "support/row.h"

static void add(struct digest *digest, enum status status, uint64_t bytes, int64_t took_us) {
    const struct log_record record = {.status = status, .content_bytes = bytes, .took_us = took_us};
    digest_add(digest, &record);
}

static void assert_put(const struct digest *digest, struct slice kind, bool coloured,
                       const char *text) {
    char *room = guard_room(DIGEST_TEXT_MAX);
    struct buf buf = BUF_INIT(room, DIGEST_TEXT_MAX);
    digest_put(&buf, digest, kind, coloured);
    row_assert(text, !buf.overflow);
    row_assert_slice(text, buf_slice(&buf), slice_of_text(text));
    guard_free(room, DIGEST_TEXT_MAX);
}

static void test_requests_are_added(void **state) {
    (void)state;
    struct digest digest = {0};
    add(&digest, STATUS_OK, 1000, 100);
    add(&digest, STATUS_NOT_MODIFIED, 0, 100);
    assert_int_equal(digest.errors, 0);
    add(&digest, STATUS_NOT_FOUND, 500, 100);
    add(&digest, STATUS_INTERNAL_ERROR, 0, 2000000);
    assert_int_equal(digest.requests, 4);
    assert_int_equal(digest.errors, 2);
    assert_int_equal(digest.bytes, 1500);
    assert_int_equal(histogram_count(&digest.times), 4);
    assert_int_equal(digest.times.sum_ns, 2000300000);
}

/* What several workers have counted, and what of it is new. */
static void test_sums_and_differences(void **state) {
    (void)state;
    struct digest one = {0};
    struct digest other = {0};
    struct digest sum = {0};
    add(&one, STATUS_OK, 1, 1);
    digest_read(&sum, &one);
    const struct digest before = sum;
    add(&one, STATUS_OK, 20, 1);
    add(&other, STATUS_NOT_FOUND, 300, 1000);
    sum = (struct digest){0};
    digest_read(&sum, &one);
    digest_read(&sum, &other);
    const struct digest since = digest_since(&sum, &before);
    assert_int_equal(sum.requests, 3);
    assert_int_equal(since.requests, 2);
    assert_int_equal(since.errors, 1);
    assert_int_equal(since.bytes, 320);
    assert_int_equal(histogram_count(&since.times), 2);
    assert_int_equal(since.times.sum_ns, 1001000);
}

static void test_all_that_was_tallied(void **state) {
    (void)state;
    static struct tally tally;
    tally.answers[METHOD_GET][STATUS_OK] = 200;
    tally.answers[METHOD_HEAD][STATUS_NOT_MODIFIED] = 11;
    tally.answers[METHOD_GET][STATUS_NOT_FOUND] = 2;
    tally.answers[METHOD_UNKNOWN][STATUS_NOT_IMPLEMENTED] = 1;
    tally.sent_bytes = 3100000;
    histogram_observe(&tally.request_times, 80000, 214);
    const struct digest digest = digest_of_tally(&tally);
    assert_put(&digest, SLICE(""), false, "214 requests, 3.1 MB, 3 errors, p50 0.1 ms, p99 0.1 ms");
}

static void test_how_they_are_written(void **state) {
    (void)state;
    struct digest digest = {0};
    assert_put(&digest, SLICE(""), true, "0 requests, 0 B, 0 errors");
    digest.requests = 1;
    digest.bytes = 1234;
    assert_put(&digest, SLICE("more "), true, "1 more request, 1.2 kB, 0 errors");
    digest.requests = 2;
    digest.errors = 1;
    assert_put(&digest, SLICE("more "), false, "2 more requests, 1.2 kB, 1 error");
    assert_put(&digest, SLICE(""), true, "2 requests, 1.2 kB, \x1b[31m1 error\x1b[0m");
}

static void test_the_longest_fits(void **state) {
    (void)state;
    struct digest digest = {UINT64_MAX, UINT64_MAX, UINT64_MAX, {{0}, 0}};
    char *room = guard_room(DIGEST_TEXT_MAX);
    struct buf buf = BUF_INIT(room, DIGEST_TEXT_MAX);
    histogram_observe(&digest.times, UINT64_MAX, 1);
    digest_put(&buf, &digest, SLICE("more "), true);
    assert_false(buf.overflow);
    guard_free(room, DIGEST_TEXT_MAX);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_added),   cmocka_unit_test(test_sums_and_differences),
        cmocka_unit_test(test_all_that_was_tallied), cmocka_unit_test(test_how_they_are_written),
        cmocka_unit_test(test_the_longest_fits),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
