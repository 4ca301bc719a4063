#include "mdns/domain.h"

#include "support/guard.h"
#include "support/row.h"

#define LABEL_63 \
    "\x3f"       \
    "123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *name;
    struct slice message;
    size_t at;
    struct slice domain;
    size_t end; /* where it goes on behind it */
} good[] = {
    {"root", SLICE_INIT("\0"), 0, SLICE_INIT("\0"), 1},
    {"one label", SLICE_INIT("\5local\0"), 0, SLICE_INIT("\5local\0"), 7},
    {"two labels", SLICE_INIT("\1a\5local\0..."), 0, SLICE_INIT("\1a\5local\0"), 9},
    {"any bytes", SLICE_INIT("\3.\0\xff\0"), 0, SLICE_INIT("\3.\0\xff\0"), 5},
    {"RFC 1035 4.1.4: pointer", SLICE_INIT("\5local\0\xc0\0."), 7, SLICE_INIT("\5local\0"), 9},
    {"pointer behind a label", SLICE_INIT("\5local\0\1a\xc0\0."), 7, SLICE_INIT("\1a\5local\0"),
     11},
    {"pointer into a name", SLICE_INIT("\1b\5local\0\1a\xc0\2"), 9, SLICE_INIT("\1a\5local\0"), 13},
    {"pointer to a pointer", SLICE_INIT("\1c\0\1b\xc0\0\1a\xc0\3"), 7, SLICE_INIT("\1a\1b\1c\0"),
     11},
    {"the longest label", SLICE_INIT(LABEL_63 "\0"), 0, SLICE_INIT(LABEL_63 "\0"), 65},
    {"the longest name",
     SLICE_INIT(LABEL_63 LABEL_63 LABEL_63
                "\x3d"
                "1234567890123456789012345678901234567890123456789012345678901\0"),
     0,
     SLICE_INIT(LABEL_63 LABEL_63 LABEL_63
                "\x3d"
                "1234567890123456789012345678901234567890123456789012345678901\0"),
     255},
};

static const struct {
    const char *name;
    struct slice message;
    size_t at;
} bad[] = {
    {"nothing", SLICE_INIT(""), 0},
    {"no end", SLICE_INIT("\5local"), 0},
    {"label that is cut", SLICE_INIT("\5loca"), 0},
    {"a length alone", SLICE_INIT("\5"), 0},
    {"pointer that is cut", SLICE_INIT("\5local\0\xc0"), 7},
    {"pointer to itself", SLICE_INIT("\xc0\0"), 0},
    {"pointer to itself, behind a label", SLICE_INIT("\1a\xc0\0"), 0},
    {"pointer forwards", SLICE_INIT("\xc0\2\1a\0"), 0},
    {"pointer beyond the end", SLICE_INIT("\0\xc0\x7f"), 1},
    {"pointers in a ring", SLICE_INIT("\1a\xc0\4\1b\xc0\0"), 4},
    {"label of a kind that is not used",
     SLICE_INIT("\x41"
                "1234567890123456789012345678901234567890"
                "1234567890123456789012345\0"),
     0},
    {"label of the other kind", SLICE_INIT("\x80\0"), 0},
    {"too long by one",
     SLICE_INIT(LABEL_63 LABEL_63 LABEL_63
                "\x3e"
                "12345678901234567890123456789012345678901234567890123456789012\0"),
     0},
};

static bool read_guarded(struct slice message, size_t *at, struct domain *domain) {
    char *copy = guard_copy(message);
    bool result = domain_read(slice_of(copy, message.len), at, domain);
    guard_free(copy, message.len);
    return result;
}

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct domain domain;
        size_t at = good[i].at;
        row_assert(good[i].name, read_guarded(good[i].message, &at, &domain));
        row_assert_slice(good[i].name, domain_slice(&domain), good[i].domain);
        row_assert_number(good[i].name, at, good[i].end);
    }
}

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct domain domain;
        size_t at = bad[i].at;
        row_assert(bad[i].name, !read_guarded(bad[i].message, &at, &domain));
        row_assert_number(bad[i].name, at, bad[i].at);
    }
}

/* What ends sooner is no name. */
static void test_each_prefix_is_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        for (size_t len = good[i].at; len < good[i].end; len++) {
            struct domain domain;
            size_t at = good[i].at;
            row_assert(row_at(good[i].name, len),
                       !read_guarded(slice_of(good[i].message.ptr, len), &at, &domain));
        }
    }
}

static void test_of_text(void **state) {
    (void)state;
    struct domain local = domain_of_text(SLICE("local"));
    struct domain service = domain_of_text(SLICE("_http._tcp.local"));
    struct domain instance = domain_beneath(SLICE("a.b"), &service);
    row_assert_slice("one", domain_slice(&local), SLICE("\5local\0"));
    row_assert_slice("three", domain_slice(&service), SLICE("\5_http\4_tcp\5local\0"));
    row_assert_slice("dot", domain_slice(&instance), SLICE("\3a.b\5_http\4_tcp\5local\0"));
}

static void test_rfc6762_16_case_of_letters_is_no_difference(void **state) {
    (void)state;
    struct domain a = domain_of_text(SLICE("Pronto.LOCAL"));
    struct domain b = domain_of_text(SLICE("pronto.local"));
    struct domain c = domain_of_text(SLICE("pronto.locas"));
    struct domain d = domain_of_text(SLICE("pronto.local.x"));
    assert_true(domain_equal(&a, &b));
    assert_false(domain_equal(&b, &c));
    assert_false(domain_equal(&b, &d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_each_prefix_is_bad),
        cmocka_unit_test(test_of_text),
        cmocka_unit_test(test_rfc6762_16_case_of_letters_is_no_difference),
    };
    return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
