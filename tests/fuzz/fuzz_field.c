/* The values of fields. Input: a letter that says how the rest is to be read. */
#include "http/field.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "base/number.h"
#include "fuzz/fuzz.h"
#include "http/authority.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/forwarded.h"
#include "http/mime.h"
#include "http/sniff.h"
#include "http/target.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Dates */

static const int64_t first_s = -62167219200; /* of the year 0 */
static const int64_t last_s = 253402300799;  /* of the year 9999 */

static int64_t clamp(int64_t time_s) {
    return time_s < first_s ? first_s : time_s > last_s ? last_s : time_s;
}

/* Against the C library's calendar. */
static void check_format(int64_t time_s) {
    char text[DATE_LEN];
    char expected[80];
    time_t clamped = (time_t)clamp(time_s);
    struct tm tm;
    int64_t again_s;
    CHECK(gmtime_r(&clamped, &tm) != NULL);
    size_t len = strftime(expected, sizeof expected, "%a, %d %b ", &tm);
    (void)snprintf(expected + len, sizeof expected - len, "%04d %02d:%02d:%02d GMT",
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    date_format(time_s, text);
    CHECK(slice_equal(slice_of(text, sizeof text), slice_of_text(expected)));
    CHECK(date_parse(slice_of(text, sizeof text), 0, &again_s));
    CHECK(again_s == clamp(time_s));
}

static void check_date(struct slice text) {
    static const int64_t nows_s[] = {0, 784111777, 1900000000, 4102444799};
    for (size_t i = 0; i < sizeof nows_s / sizeof nows_s[0]; i++) {
        const int64_t slack_s = 86400;
        int64_t time_s;
        if (!date_parse(text, nows_s[i], &time_s))
            continue;
        CHECK(time_s >= first_s && time_s <= last_s + 1); /* a leap second */
        check_format(time_s);
        /* RFC 9110 §5.6.7: a year of two digits is never more than 50 years ahead. */
        if (slice_find(text, '-') < text.len)
            CHECK(time_s <= nows_s[i] + 50 * (365 * 86400 + 6 * 3600) + slack_s);
    }
}

/* Where calendars go wrong: the second a month starts with, and the one before. */
static void check_month(uint64_t number) {
    struct tm tm = {
        .tm_year = (int)(number / 12 % 10000) - 1900, .tm_mon = (int)(number % 12), .tm_mday = 1};
    time_t start_s = timegm(&tm);
    check_format(start_s);
    check_format(start_s - 1);
}

static void check_time(struct slice text) {
    int64_t time_s;
    if (text.len < sizeof time_s)
        return;
    memcpy(&time_s, text.ptr, sizeof time_s);
    check_month((uint64_t)time_s);
    check_month((uint64_t)time_s * 0x9e3779b97f4a7c15u >> 20);
    check_format(time_s);
    check_format(time_s >> 25); /* about as far as calendars reach */
}

/* Entity tags */

static bool matches(struct slice before, struct slice list, struct slice after, struct slice etag,
                    enum etag_comparison comparison) {
    size_t capacity = before.len + list.len + after.len;
    char *memory = malloc(capacity + 1);
    struct buf buf = BUF_INIT(memory, capacity);
    CHECK(memory != NULL);
    buf_put(&buf, before);
    buf_put(&buf, list);
    buf_put(&buf, after);
    struct slice copy = fuzz_copy(buf_slice(&buf));
    bool result = etag_list_matches(copy, etag, comparison);
    fuzz_free(copy);
    free(memory);
    return result;
}

static void check_etags(struct slice list) {
    const struct slice none = SLICE("");
    const struct slice etag = SLICE("\"1-2\"");
    bool strong = matches(none, list, none, etag, ETAG_STRONG);
    bool weak = matches(none, list, none, etag, ETAG_WEAK);
    bool any = slice_equal(slice_trim(list), SLICE("*"));
    CHECK(!strong || weak);
    CHECK(!any || strong);
    CHECK(!weak || any || memmem(list.ptr, list.len, etag.ptr, etag.len) != NULL);
    CHECK(etag_list_matches(list, SLICE_NONE, ETAG_WEAK) == any);
    /* Blanks around it make no difference, and neither does a tag before it. */
    CHECK(matches(SLICE("\t "), list, SLICE(" "), etag, ETAG_WEAK) == weak);
    CHECK(matches(SLICE("\"1-2\","), list, none, etag, ETAG_STRONG));
    CHECK(matches(SLICE("W/\"1-2\","), list, none, etag, ETAG_WEAK));
    CHECK(any || matches(SLICE("\"x,\\\" , "), list, none, etag, ETAG_STRONG) == strong);
}

/* Numbers */

static void check_number(struct slice text) {
    static const uint64_t limits[] = {0, 9, INT64_MAX, UINT64_MAX};
    bool digits = text.len > 0;
    bool fits = true;
    uint64_t expected = 0;
    for (size_t i = 0; i < text.len; i++) {
        digits = digits && ascii_is_digit(text.ptr[i]);
        fits = fits && !__builtin_mul_overflow(expected, 10u, &expected) &&
               !__builtin_add_overflow(expected, (uint64_t)(text.ptr[i] & 15), &expected);
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t value = 12345;
        bool parsed = number_parse(text, limits[i], &value);
        CHECK(parsed == (digits && fits && expected <= limits[i]));
        CHECK(value == (parsed ? expected : 12345));
    }
}

/* Lists */

static void check_list(struct slice list) {
    struct slice rest = list;
    struct slice element;
    const char *at = list.ptr;
    const char *end = list.ptr + list.len;
    while (field_list_next(&rest, &element)) {
        CHECK(element.len > 0);
        CHECK(slice_trim(element).len == element.len);
        CHECK(element.ptr >= at && element.ptr + element.len <= end);
        for (; at < element.ptr; at++) /* nothing but separators is left out */
            CHECK(*at == ',' || ascii_is_blank(*at));
        at = element.ptr + element.len;
        CHECK(slice_find(element, '"') < element.len || slice_find(element, ',') == element.len);
    }
    for (; at < end; at++)
        CHECK(*at == ',' || ascii_is_blank(*at));
    CHECK(rest.len == 0);
}

/* Addresses behind proxies */

static bool is_same(const char *before, const char *address, const char *after, struct ip ip) {
    char text[128];
    struct ip again = {.len = 0};
    int len = snprintf(text, sizeof text, "%s%s%s", before, address, after);
    return forwarded_parse(slice_of(text, (size_t)len), &again) &&
           memcmp(&again, &ip, sizeof ip) == 0;
}

/* An address is the same one in every form in which a proxy may write it. */
static void check_forwarded_address(struct slice element) {
    char address[INET6_ADDRSTRLEN];
    struct ip ip;
    if (!forwarded_parse(element, &ip))
        return;
    CHECK(ip.len == IP_V4_LEN || ip.len == IP_V6_LEN);
    CHECK(inet_ntop(ip.len == IP_V6_LEN ? AF_INET6 : AF_INET, ip.bytes, address, sizeof address) !=
          NULL);
    CHECK(is_same("", address, "", ip));
    CHECK(ip.len == IP_V4_LEN || is_same("[", address, "]", ip));
    CHECK(is_same(ip.len == IP_V6_LEN ? "[" : "", address, ip.len == IP_V6_LEN ? "]:1" : ":1", ip));
}

static void check_forwarded(struct slice list) {
    struct slice rest = list;
    struct slice element;
    const char *at = list.ptr;
    while (forwarded_next(&rest, &element)) {
        CHECK(element.len > 0 && slice_trim(element).len == element.len);
        CHECK(slice_find(element, ',') == element.len);
        CHECK(element.ptr >= at && fuzz_is_within(element, list));
        at = element.ptr + element.len;
        check_forwarded_address(element);
    }
    CHECK(rest.ptr == NULL);
}

/* Authorities */

/* The same authority in an absolute target. */
static void check_absolute(struct slice authority) {
    size_t capacity = authority.len + 16;
    char *memory = malloc(2 * capacity);
    struct buf raw = BUF_INIT(memory, capacity);
    struct buf path = BUF_INIT(memory + capacity, capacity);
    struct target target;
    CHECK(memory != NULL);
    buf_put(&raw, SLICE("http://"));
    buf_put(&raw, authority);
    buf_put(&raw, SLICE("/x"));
    CHECK(target_parse(METHOD_GET, buf_slice(&raw), &path, &target) == TARGET_PATH);
    CHECK(slice_equal(target.authority, authority));
    CHECK(slice_equal(target.path, SLICE("x")));
    free(memory);
}

static void check_authority(struct slice text) {
    if (!authority_is_valid(text))
        return;
    for (size_t i = 0; i < text.len; i++) {
        CHECK(text.ptr[i] > ' ' && text.ptr[i] < 0x7f);
        CHECK(memchr("/?#@\\\"<>^`{|}", text.ptr[i], 13) == NULL);
    }
    CHECK((slice_find(text, '[') < text.len) == (slice_find(text, ']') < text.len));
    CHECK(slice_find(text, '[') == text.len || text.ptr[0] == '[');
    if (text.len > 0 && text.ptr[0] != ':')
        check_absolute(text);
}

/* Media types */

static void check_mime(struct slice name) {
    struct slice type = mime_of_name(name);
    if (type.ptr == NULL)
        return;
    CHECK(type.len > 0 && slice_find(type, '/') < type.len);
    for (size_t i = 0; i < type.len; i++)
        CHECK(field_is_value_char(type.ptr[i]));
}

/* What is text has no binary bytes where it was looked at, and stays text with a letter more. */
static void check_sniff(struct slice sample) {
    struct slice text = SLICE("text/plain; charset=utf-8");
    if (!slice_equal(sniff_type(sample), text)) {
        CHECK(slice_equal(sniff_type(sample), SLICE("application/octet-stream")));
        return;
    }
    for (size_t i = 0; i < sample.len; i++)
        CHECK(!ascii_is_control(sample.ptr[i]) ||
              memchr("\t\n\f\r\x1b\x7f", sample.ptr[i], 6) != NULL);
    if (sample.len >= SNIFF_BYTES)
        return;
    char memory[SNIFF_BYTES];
    struct buf more = BUF_INIT(memory, sizeof memory);
    buf_put(&more, sample);
    buf_put_char(&more, 'a');
    CHECK(slice_equal(sniff_type(buf_slice(&more)), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct slice value = fuzz_copy(slice_of((const char *)data + 1, size - 1));
    switch (data[0]) {
    case 'd':
        check_date(value);
        break;
    case 't':
        check_time(value);
        break;
    case 'e':
        check_etags(value);
        break;
    case 'n':
        check_number(value);
        break;
    case 'l':
        check_list(value);
        break;
    case 'f':
        check_forwarded(value);
        break;
    case 'a':
        check_authority(value);
        break;
    case 'm':
        check_mime(value);
        break;
    case 's':
        check_sniff(value);
        break;
    }
    fuzz_free(value);
    return 0;
}
