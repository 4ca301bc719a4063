#include "sys/outside.h"

#include "support/row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

enum { INTERFACES_MAX = 8, UP = IFF_UP | IFF_RUNNING };

/* The machine's interfaces, as the test has them, and the address that the kernel would send from.
 */
static struct ifaddrs machine[INTERFACES_MAX];
static union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} addresses[INTERFACES_MAX];
static size_t machine_count;
static const char *preferred; /* NULL: there is no way to the world */

int __wrap_getifaddrs(struct ifaddrs **first);
void __wrap_freeifaddrs(struct ifaddrs *first);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len);

int __wrap_getifaddrs(struct ifaddrs **first) {
    for (size_t i = 0; i + 1 < machine_count; i++)
        machine[i].ifa_next = &machine[i + 1];
    *first = machine_count > 0 ? machine : NULL;
    return 0;
}

void __wrap_freeifaddrs(struct ifaddrs *first) {
    assert_ptr_equal(first, machine_count > 0 ? machine : NULL);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len) {
    (void)fd;
    (void)address;
    (void)len;
    errno = ENETUNREACH;
    return preferred != NULL ? 0 : -1;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len) {
    (void)fd;
    (void)len;
    assert_int_equal(
        inet_pton(AF_INET, preferred, &((struct sockaddr_in *)(void *)address)->sin_addr), 1);
    return 0;
}

static int setup(void **state) {
    (void)state;
    memset(machine, 0, sizeof machine);
    memset(addresses, 0, sizeof addresses);
    machine_count = 0;
    preferred = NULL;
    return 0;
}

/* An interface; `text` NULL: it has no address. */
static void give(const char *text, unsigned flags) {
    size_t i = machine_count++;
    bool v6 = text != NULL && strchr(text, ':') != NULL;
    machine[i].ifa_flags = flags;
    if (text == NULL)
        return;
    machine[i].ifa_addr = &addresses[i].any;
    addresses[i].any.sa_family = v6 ? AF_INET6 : AF_INET;
    void *to = v6 ? (void *)&addresses[i].v6.sin6_addr : (void *)&addresses[i].v4.sin_addr;
    assert_int_equal(inet_pton(addresses[i].any.sa_family, text, to), 1);
}

/* Fails unless these are found, separated by blanks. */
static void expect(const char *row, bool v6_too, const char *expected) {
    struct address found[INTERFACES_MAX];
    char text[INTERFACES_MAX * (ADDRESS_TEXT_MAX + 1)] = "";
    size_t count = outside_find(v6_too, found, INTERFACES_MAX);
    for (size_t i = 0; i < count; i++) {
        char one[ADDRESS_TEXT_MAX];
        address_format(&found[i], one);
        (void)strcat(strcat(text, i > 0 ? " " : ""), one);
    }
    row_assert_slice(row, slice_of_text(text), slice_of_text(expected));
}

static void test_what_others_cannot_use_is_left_out(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *address;
        unsigned flags;
    } rows[] = {
        {"the loopback", "127.0.0.1", UP | IFF_LOOPBACK},
        {"the loopback of IPv6", "::1", UP | IFF_LOOPBACK},
        {"down", "10.0.0.1", 0},
        {"without a carrier", "172.17.0.1", IFF_UP},
        {"link-local", "fe80::1", UP},
        {"without an address", NULL, UP},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        (void)setup(NULL);
        give(rows[i].address, rows[i].flags);
        expect(rows[i].name, true, "");
    }
}

static void test_order(void **state) {
    (void)state;
    give("2001:db8::2", UP);
    give("10.0.0.1", UP);
    give("fd00::1", UP);
    give("192.168.1.7", UP);
    give("172.17.0.1", UP);
    expect("no way to the world", true,
           "10.0.0.1:0 192.168.1.7:0 172.17.0.1:0 [2001:db8::2]:0 [fd00::1]:0");
    preferred = "192.168.1.7";
    expect("with one", true, "192.168.1.7:0 10.0.0.1:0 172.17.0.1:0 [2001:db8::2]:0 [fd00::1]:0");
    expect("IPv4 alone", false, "192.168.1.7:0 10.0.0.1:0 172.17.0.1:0");
    preferred = "203.0.113.9";
    expect("by an address that is none of these", false, "10.0.0.1:0 192.168.1.7:0 172.17.0.1:0");
}

static void test_no_more_than_there_is_room_for(void **state) {
    struct address found[2];
    (void)state;
    for (int i = 0; i < 5; i++)
        give("10.0.0.1", UP);
    assert_int_equal(outside_find(true, found, 2), 2);
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_others_cannot_use_is_left_out),
        test(test_order),
        test(test_no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests_name("outside", tests, NULL, NULL);
}
