#include "base/hash.h"

#include "support/guard.h"
#include "support/row.h"

/* Of the bytes 0, 1, 2, ... under the key 0, 1, ... 15, by their number. These numbers, and those
 * below, were computed by another program, which agrees with the paper on SipHash-2-4 and with
 * CPython on SipHash-1-3. */
static const uint64_t counting[] = {
    0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
    0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
    0x369095118d299a8e, 0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
    0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34, 0xd320d86d2a519956,
    0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c, 0x8ffc389cb473e63e, 0xf21f9de58d297d1c,
    0xc0dc2f46a6cce040, 0xb992abfe2b45f844, 0x7ffe7b9ba320872e, 0x525a0e7fdae6c123,
    0xf464aeb267349c8c, 0x45cd5928705b0979, 0x3a3e35e3ca9913a5, 0xa91dc74e4ade3b35,
    0xfb0bed02ef6cd00d, 0x88d93cb44ab1e1f4, 0x540f11d643c5e663, 0x2370dd1f8c21d1bc,
    0x81157b6c16a7b60d, 0x4d54b9e57a8ff9bf, 0x759f12781f2a753e, 0xcea1a3bebf186b91,
    0x2cf508d3ada26206, 0xb6101c2da3c33057, 0xb3f47496ae3a36a1, 0x626b57547b108392,
    0xc1d2363299e41531, 0x667cc1923f1ad944, 0x65704ffec8138825, 0x24f280d1c28949a6,
    0xc2ca1cedfaf8876b, 0xc2164bfc9f042196, 0xa16e9c9368b1d623, 0x49fb169c8b5114fd,
    0x9f3143f8df074c46, 0xc6fdaf2412cc86b3, 0x7eaf49d10a52098f, 0x1cf313559d292f9a,
    0xc44a30dda2f41f12, 0x36fae98943a71ed0, 0x318fb34c73f0bce6, 0xa27abf3670a7e980,
    0xb4bcc0db243c6d75, 0x23f8d852fdb71513, 0x8f035f4da67d8a08, 0xd89cd0e5b7e8f148,
    0xf6f4e6bcf7a644ee, 0xaec59ad80f1837f2, 0xc3b2f6154b6694e0, 0x9d199062b7bbb3a8,
    0xf17997ec4b4a6065,
};

static const struct hash_key counting_key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

static void test_every_length(void **state) {
    (void)state;
    char bytes[ROWS_COUNT(counting)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t len = 0; len < ROWS_COUNT(counting); len++) {
        char *guarded = guard_copy(slice_of(bytes, len));
        uint64_t hash = hash_bytes(&counting_key, slice_of(guarded, len));
        row_assert_number(row_at("length", len), hash, counting[len]);
        guard_free(guarded, len);
    }
}

static const struct {
    const char *name;
    struct hash_key key;
    struct slice bytes;
    uint64_t hash;
} rows[] = {
    {"empty", {{0, 0}}, SLICE_INIT(""), 0xd1fba762150c532c},
    {"one byte", {{0, 0}}, SLICE_INIT("a"), 0x407448d2b89b1813},
    {"three bytes", {{0, 0}}, SLICE_INIT("abc"), 0xc03bc3a0042630f2},
    {"the first word of the key", {{1, 0}}, SLICE_INIT("abc"), 0x4906c540b563bdaf},
    {"the second word of the key", {{0, 1}}, SLICE_INIT("abc"), 0x6a9ae43b6c66bbc0},
    {"one word", {{0, 0}}, SLICE_INIT("12345678"), 0x3489982430560a87},
    {"seven zeros", {{0, 0}}, SLICE_INIT("\0\0\0\0\0\0\0"), 0x897ea795b1b7b7ac},
    {"eight zeros", {{0, 0}}, SLICE_INIT("\0\0\0\0\0\0\0\0"), 0xbd60acb658c79e45},
    {"all bits of the key",
     {{UINT64_MAX, UINT64_MAX}},
     SLICE_INIT("/index.html"),
     0xed77cb942b208575},
    {"bytes have no sign",
     {{0x0706050403020100, 0x0f0e0d0c0b0a0908}},
     SLICE_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
     0xd353e4e06177c946},
};

static void test_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, hash_bytes(&rows[i].key, rows[i].bytes), rows[i].hash);
}

/* The length goes into the hash by its last eight bits. */
static void test_more_than_256_bytes(void **state) {
    (void)state;
    static const struct hash_key key;
    char bytes[300];
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(hash_bytes(&key, slice_of(bytes, sizeof bytes)), 0x2f58903130dc04e4);
}

static void test_where_the_bytes_are_does_not_matter(void **state) {
    (void)state;
    char room[64 + 8];
    for (size_t at = 0; at < 8; at++) {
        for (size_t i = 0; i < 64; i++)
            room[at + i] = (char)i;
        row_assert_number(row_at("offset", at), hash_bytes(&counting_key, slice_of(room + at, 64)),
                          counting[64]);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_more_than_256_bytes),
        cmocka_unit_test(test_where_the_bytes_are_does_not_matter),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
