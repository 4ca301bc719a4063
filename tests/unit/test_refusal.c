#include "http/refusal.h"

#include "support/row.h"

/* The codes that docs promise for each reason. */
static void test_codes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum refusal refusal;
        unsigned code;
    } rows[] = {
        {"rfc9112-3 request line", REFUSAL_BAD_REQUEST_LINE, 400},
        {"rfc9112-5 field line", REFUSAL_BAD_FIELD_LINE, 400},
        {"rfc9110-5.3 repeated field", REFUSAL_REPEATED_FIELD, 400},
        {"rfc9112-3.2 host", REFUSAL_BAD_HOST, 400},
        {"rfc9112-3.2 target", REFUSAL_BAD_TARGET, 400},
        {"rfc9112-6.3 content length", REFUSAL_BAD_CONTENT_LENGTH, 400},
        {"rfc9112-6.1 transfer encoding", REFUSAL_BAD_TRANSFER_ENCODING, 400},
        {"rfc9112-7.1 chunk", REFUSAL_BAD_CHUNK, 400},
        {"no PROXY header", REFUSAL_BAD_PROXY, 400},
        {"rfc9112-8 incomplete", REFUSAL_INCOMPLETE, 400},
        {"rfc9112-6.1 transfer coding", REFUSAL_UNKNOWN_TRANSFER_CODING, 501},
        {"rfc9110-15.6.6 version", REFUSAL_BAD_VERSION, 505},
        {"rfc9110-15.5.15 target too long", REFUSAL_TARGET_TOO_LONG, 414},
        {"rfc6585-5 head too large", REFUSAL_HEAD_TOO_LARGE, 431},
        {"rfc9110-15.5.14 content too large", REFUSAL_CONTENT_TOO_LARGE, 413},
        {"too many connections", REFUSAL_CROWDED, 503},
        {"rfc9110-15.5.9 timeout", REFUSAL_TIMEOUT, 408},
    };
    bool seen[REFUSAL_COUNT] = {[REFUSAL_NONE] = true};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        row_assert_number(rows[i].name, status_code(refusal_status(rows[i].refusal)), rows[i].code);
        seen[rows[i].refusal] = true;
    }
    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        row_assert(row_at("refusal without a row", i), seen[i]);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(refusal_name(REFUSAL_BAD_REQUEST_LINE), "BAD_REQUEST_LINE");
    assert_string_equal(refusal_name(REFUSAL_TIMEOUT), "TIMEOUT");
    for (unsigned i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        row_assert(row_at("refusal without a name", i), refusal_name((enum refusal)i) != NULL);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
