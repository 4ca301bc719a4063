#include "proc/urls.h"

#include "support/row.h"
#include "sys/outside.h"

#include <string.h>

/* Stands before the one of sys/interfaces: two addresses, one of them of IPv6. */
size_t __wrap_outside_find(bool v6_too, struct address *addresses, size_t max);

size_t __wrap_outside_find(bool v6_too, struct address *addresses, size_t max) {
    struct err err = ERR_INIT;
    assert_int_equal(max, URLS_MAX);
    assert_int_equal(address_parse("192.168.1.7:0", &addresses[0], &err), 0);
    assert_int_equal(address_parse("[2001:db8::7]:0", &addresses[1], &err), 0);
    return v6_too ? 2 : 1;
}

static const struct {
    const char *name;
    const char *listens[3];
    const char *urls; /* each behind L, N or S, for its kind */
} rows[] = {
    {"localhost", {"8080"}, "L http://localhost:8080/"},
    {"another of the loopback's", {"127.0.0.2:80"}, "L http://127.0.0.2:80/"},
    {"the loopback of IPv6", {"[::1]:8080"}, "L http://[::1]:8080/"},
    {"an address", {"192.0.2.1:80"}, "N http://192.0.2.1:80/"},
    {"all of both families",
     {"*:8081"},
     "L http://localhost:8081/ N http://192.168.1.7:8081/ N http://[2001:db8::7]:8081/"},
    {"all of IPv4", {"0.0.0.0:80"}, "L http://localhost:80/ N http://192.168.1.7:80/"},
    {"all of IPv6",
     {"[::]:80"},
     "L http://[::1]:80/ N http://192.168.1.7:80/ N http://[2001:db8::7]:80/"},
    {"a local socket", {"unix:/run/x"}, "S unix:/run/x"},
    {"several",
     {"unix:/run/x", "192.0.2.1:81", "82"},
     "S unix:/run/x N http://192.0.2.1:81/ L http://localhost:82/"},
};

static void listen_on(struct listeners *listeners, const char *const texts[3]) {
    struct err err = ERR_INIT;
    *listeners = (struct listeners){.count = 0};
    for (size_t i = 0; i < 3 && texts[i] != NULL; i++)
        assert_int_equal(
            address_parse(texts[i], &listeners->items[listeners->count++].address, &err), 0);
}

static void test_urls_of_listeners(void **state) {
    static const char letters[] = {[URL_LOCAL] = 'L', [URL_NETWORK] = 'N', [URL_SOCKET] = 'S'};
    static struct listeners listeners;
    static struct urls urls;
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char text[1024] = "";
        listen_on(&listeners, rows[i].listens);
        urls_find(&urls, &listeners);
        for (size_t j = 0; j < urls.count; j++) {
            const char letter[] = {letters[urls.items[j].kind], ' ', '\0'};
            (void)strcat(strcat(strcat(text, j > 0 ? " " : ""), letter), urls.items[j].text);
        }
        row_assert_slice(rows[i].name, slice_of_text(text), slice_of_text(rows[i].urls));
    }
}

static void test_the_first_of_a_kind(void **state) {
    static const char *const texts[3] = {"unix:/run/x", "192.0.2.1:81", "82"};
    static struct listeners listeners;
    static struct urls urls;
    (void)state;
    listen_on(&listeners, texts);
    urls_find(&urls, &listeners);
    assert_string_equal(urls_first(&urls, URL_LOCAL), "http://localhost:82/");
    assert_string_equal(urls_first(&urls, URL_NETWORK), "http://192.0.2.1:81/");
    listeners.count = 1;
    urls_find(&urls, &listeners);
    assert_null(urls_first(&urls, URL_LOCAL));
}

/* As many addresses as there may be, on all interfaces each. */
static void test_their_number_is_bounded(void **state) {
    static struct listeners listeners;
    static struct urls urls;
    struct err err = ERR_INIT;
    (void)state;
    listeners.count = OPTIONS_ADDRESSES_MAX;
    for (size_t i = 0; i < listeners.count; i++)
        assert_int_equal(address_parse("*:80", &listeners.items[i].address, &err), 0);
    urls_find(&urls, &listeners);
    assert_int_equal(urls.count, 3 * OPTIONS_ADDRESSES_MAX);
    assert_true(urls.count <= URLS_MAX);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_of_listeners),
        cmocka_unit_test(test_the_first_of_a_kind),
        cmocka_unit_test(test_their_number_is_bounded),
    };
    return cmocka_run_group_tests_name("urls", tests, NULL, NULL);
}
