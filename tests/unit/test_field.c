#include "http/field.h"

#include "base/ascii.h"
#include "support/guard.h"
#include "support/row.h"

#include <string.h>

/* RFC 9110 §5.6.2: tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" /
 * "`" / "|" / "~" / DIGIT / ALPHA */
static bool is_tchar(int byte) {
    if (byte == 0 || byte > 127)
        return false;
    return strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                  byte) != NULL;
}

static void test_rfc9110_5_6_2_token_chars(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        row_assert_number(row_at("byte", (size_t)byte), field_is_token_char((char)byte),
                          is_tchar(byte));
        row_assert_number(row_at("byte", (size_t)byte), ascii_is_token((char)byte), is_tchar(byte));
    }
}

/* field-vchar = VCHAR / obs-text, with SP and HTAB between them. */
static void test_rfc9110_5_5_value_chars(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool vchar = byte >= 0x21 && byte <= 0x7e;
        bool obs_text = byte >= 0x80;
        row_assert_number(row_at("byte", (size_t)byte), field_is_value_char((char)byte),
                          vchar || obs_text || byte == 0x20 || byte == 0x09);
    }
}

static void test_rfc9110_5_1_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice text;
        enum field field;
    } rows[] = {
        {"as registered", SLICE_INIT("Host"), FIELD_HOST},
        {"lower case", SLICE_INIT("host"), FIELD_HOST},
        {"upper case", SLICE_INIT("CONTENT-LENGTH"), FIELD_CONTENT_LENGTH},
        {"mixed case", SLICE_INIT("tRANSFER-eNCODING"), FIELD_TRANSFER_ENCODING},
        {"Connection", SLICE_INIT("Connection"), FIELD_CONNECTION},
        {"Expect", SLICE_INIT("Expect"), FIELD_EXPECT},
        {"If-Match", SLICE_INIT("If-Match"), FIELD_IF_MATCH},
        {"If-None-Match", SLICE_INIT("If-None-Match"), FIELD_IF_NONE_MATCH},
        {"If-Modified-Since", SLICE_INIT("If-Modified-Since"), FIELD_IF_MODIFIED_SINCE},
        {"If-Unmodified-Since", SLICE_INIT("If-Unmodified-Since"), FIELD_IF_UNMODIFIED_SINCE},
        {"shorter", SLICE_INIT("Hos"), FIELD_COUNT},
        {"longer", SLICE_INIT("Host2"), FIELD_COUNT},
        {"underscore for hyphen", SLICE_INIT("Content_Length"), FIELD_COUNT},
        {"CR for hyphen, which differ in the case bit", SLICE_INIT("If\rMatch"), FIELD_COUNT},
        {"another", SLICE_INIT("Accept-Language"), FIELD_COUNT},
        {"empty", SLICE_INIT(""), FIELD_COUNT},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].text);
        row_assert_number(rows[i].name, field_of_name(slice_of(copy, rows[i].text.len)),
                          rows[i].field);
        guard_free(copy, rows[i].text.len);
    }
}

static void test_kinds(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum field field;
        enum field_kind kind;
    } rows[] = {
        {"rfc9112-3.2 Host", FIELD_HOST, FIELD_SINGLE},
        {"rfc9112-6.3 Content-Length", FIELD_CONTENT_LENGTH, FIELD_SINGLE},
        {"rfc9112-6.1 Transfer-Encoding", FIELD_TRANSFER_ENCODING, FIELD_SINGLE},
        {"rfc9110-7.6.1 Connection", FIELD_CONNECTION, FIELD_LIST},
        {"rfc9110-10.1.1 Expect", FIELD_EXPECT, FIELD_LIST},
        {"rfc9110-13.1.1 If-Match", FIELD_IF_MATCH, FIELD_LIST},
        {"rfc9110-13.1.2 If-None-Match", FIELD_IF_NONE_MATCH, FIELD_LIST},
        {"rfc9110-13.1.3 If-Modified-Since", FIELD_IF_MODIFIED_SINCE, FIELD_HINT},
        {"rfc9110-13.1.4 If-Unmodified-Since", FIELD_IF_UNMODIFIED_SINCE, FIELD_HINT},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, field_kind(rows[i].field), rows[i].kind);
}

static void test_rfc9110_5_6_1_lists(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice list;
        size_t count;
        struct slice elements[4];
    } rows[] = {
        {"one", SLICE_INIT("close"), 1, {SLICE_INIT("close")}},
        {"two", SLICE_INIT("a, b"), 2, {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"no white space", SLICE_INIT("a,b"), 2, {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"white space on all sides",
         SLICE_INIT(" \ta\t ,\t b \t"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"inner white space stays", SLICE_INIT("a b,c"), 2, {SLICE_INIT("a b"), SLICE_INIT("c")}},
        {"rfc9110-5.6.1.2 empty elements",
         SLICE_INIT(",, a ,\t, ,b,"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"only empty elements", SLICE_INIT(", ,\t,"), 0, {SLICE_INIT("")}},
        {"empty", SLICE_INIT(""), 0, {SLICE_INIT("")}},
        {"none", {NULL, 0}, 0, {SLICE_INIT("")}},
        {"a comma in a quoted string",
         SLICE_INIT("\"a,b\", c"),
         2,
         {SLICE_INIT("\"a,b\""), SLICE_INIT("c")}},
        {"an empty quoted string",
         SLICE_INIT("\"\",\"\""),
         2,
         {SLICE_INIT("\"\""), SLICE_INIT("\"\"")}},
        {"a quoted string in an element",
         SLICE_INIT("a=\"1,2\";b, c"),
         2,
         {SLICE_INIT("a=\"1,2\";b"), SLICE_INIT("c")}},
        {"a quoted string without end",
         SLICE_INIT("a, \"b, c"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("\"b, c")}},
        {"rfc9110-5.6.4 a quoted pair",
         SLICE_INIT("\"a\\\",b\", c"),
         2,
         {SLICE_INIT("\"a\\\",b\""), SLICE_INIT("c")}},
        {"a backslash out of quotes",
         SLICE_INIT("a\\, b"),
         2,
         {SLICE_INIT("a\\"), SLICE_INIT("b")}},
        {"a backslash at the very end", SLICE_INIT("\"a\\"), 1, {SLICE_INIT("\"a\\")}},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].list);
        struct slice rest =
            rows[i].list.ptr != NULL ? slice_of(copy, rows[i].list.len) : SLICE_NONE;
        struct slice element;
        size_t count = 0;
        while (field_list_next(&rest, &element)) {
            row_assert(rows[i].name, count < rows[i].count);
            row_assert_slice(rows[i].name, element, rows[i].elements[count]);
            count++;
        }
        row_assert_number(rows[i].name, count, rows[i].count);
        row_assert(rows[i].name, !field_list_next(&rest, &element)); /* the end stays the end */
        guard_free(copy, rows[i].list.len);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_5_6_2_token_chars),
        cmocka_unit_test(test_rfc9110_5_5_value_chars),
        cmocka_unit_test(test_rfc9110_5_1_names),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_rfc9110_5_6_1_lists),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
