#include "sys/random.h"

#include "support/guard.h"
#include "support/row.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

static int random_error; /* errno of the next getrandom(); 0: none */

ssize_t __real_getrandom(void *ptr, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *ptr, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *ptr, size_t len, unsigned flags) {
    if (random_error == 0)
        return __real_getrandom(ptr, len, flags);
    errno = random_error;
    return -1;
}

static void test_fills_just_what_it_is_given(void **state) {
    (void)state;
    for (size_t len = 0; len <= 256; len++) {
        struct err err = ERR_INIT;
        char *room = guard_room(len);
        row_assert_number(row_at("length", len), random_fill(room, len, &err), 0);
        guard_free(room, len);
    }
}

/* Each of sixteen is there; one is missing by chance in one of 10^28 runs. */
static void test_digits(void **state) {
    (void)state;
    bool seen[256] = {false};
    size_t kinds = 0;
    struct err err = ERR_INIT;
    for (size_t len = 0; len <= RANDOM_DIGITS_MAX; len += 2) {
        char *room = guard_room(len);
        row_assert_number(row_at("length", len), random_digits(room, len, &err), 0);
        for (size_t i = 0; i < len; i++) {
            row_assert(row_at("length", len), memchr("0123456789abcdef", room[i], 16) != NULL);
            kinds += seen[(unsigned char)room[i]] ? 0 : 1;
            seen[(unsigned char)room[i]] = true;
        }
        guard_free(room, len);
    }
    assert_int_equal(kinds, 16);
}

/* Of many, no place has the same byte in all: that happens by chance once in 2^1000 times. */
static void test_every_byte_varies(void **state) {
    (void)state;
    unsigned char first[256];
    bool varies[sizeof first] = {false};
    struct err err = ERR_INIT;
    assert_int_equal(random_fill(first, sizeof first, &err), 0);
    for (int i = 0; i < 128; i++) {
        unsigned char other[sizeof first];
        assert_int_equal(random_fill(other, sizeof other, &err), 0);
        for (size_t at = 0; at < sizeof first; at++)
            varies[at] |= other[at] != first[at];
    }
    for (size_t at = 0; at < sizeof first; at++)
        row_assert(row_at("byte", at), varies[at]);
}

static void test_fails(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    char bytes[16];
    random_error = ENOSYS;
    assert_int_equal(random_digits(bytes, sizeof bytes, &err), -ENOSYS);
    assert_int_equal(random_fill(bytes, sizeof bytes, &err), -ENOSYS);
    random_error = 0;
    assert_non_null(strstr(err.text, strerror(ENOSYS)));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_just_what_it_is_given),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_every_byte_varies),
        cmocka_unit_test(test_fails),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
