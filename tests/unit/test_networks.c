#include "conf/networks.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *text;
    const char *again; /* as it is written; NULL: the same */
} good[] = {
    {"10.0.0.0/8", NULL},
    {"192.0.2.1", "192.0.2.1/32"},
    {"192.0.2.1/32", NULL},
    {"0.0.0.0/0", NULL},
    {"172.16.0.0/12", NULL},
    {"2001:db8::/32", NULL},
    {"2001:db8::1", "2001:db8::1/128"},
    {"::/0", NULL},
    {"2001:DB8:8000::/33", "2001:db8:8000::/33"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
    {"::ffff:10.0.0.1", "10.0.0.1/32"},
    {"::ffff:0.0.0.0/96", "0.0.0.0/0"},
    {"unix", NULL},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct networks networks = {.count = 0};
        struct err err = ERR_INIT;
        char text[NETWORKS_TEXT_MAX];
        row_assert_number(good[i].text, networks_add(&networks, good[i].text, &err), 0);
        assert_int_equal(networks.count, 1);
        network_format(&networks.items[0], text);
        row_assert_slice(good[i].text, slice_of_text(text),
                         slice_of_text(good[i].again != NULL ? good[i].again : good[i].text));
        row_assert_number(text, networks_add(&networks, text, &err), 0);
        assert_memory_equal(&networks.items[0], &networks.items[1], sizeof networks.items[0]);
    }
}

static const struct {
    const char *text;
    const char *message; /* a part of it */
} bad[] = {
    {"", "'' is no network (give an address, or one with its bits as in 10.0.0.0/8 or"},
    {"/8", "is no network"},
    {"10/8", "is no network"},
    {"10.0.0.0/", "is no network"},
    {"10.0.0.0/33", "is no network"},
    {"10.0.0.0/-1", "is no network"},
    {"10.0.0.0/8/8", "is no network"},
    {"10.0.0.0/255.0.0.0", "is no network"},
    {"10.0.0.0 /8", "is no network"},
    {"::/129", "is no network"},
    {"[::1]", "is no network"},
    {"fe80::1%eth0", "is no network"},
    {"::ffff:10.0.0.0/8", "is no network"},
    {"localhost", "is no network"},
    {"UNIX", "is no network"},
    {"10.0.0.1/8", "'10.0.0.1/8' is an address within a network: those behind the first 8 bits"},
    {"10.128.0.0/8", "within a network"},
    {"0.0.0.1/0", "within a network"},
    {"2001:db8::1/127", "behind the first 127 bits"},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct networks networks = {.count = 0};
        struct err err = ERR_INIT;
        row_assert_number(bad[i].text, networks_add(&networks, bad[i].text, &err), -EINVAL);
        assert_int_equal(networks.count, 0);
        if (strstr(err.text, bad[i].message) == NULL)
            fail_msg("%s: '%s' is not in '%s'", bad[i].text, bad[i].message, err.text);
    }
}

static const struct {
    const char *ip; /* "": none */
    const char *networks[3];
    bool have;
} members[] = {
    {"10.1.2.3", {"10.0.0.0/8"}, true},
    {"11.1.2.3", {"10.0.0.0/8"}, false},
    {"10.1.2.3", {"192.0.2.0/24", "10.0.0.0/8"}, true},
    {"10.1.2.3", {NULL}, false},
    {"::ffff:10.1.2.3", {"10.0.0.0/8"}, true},
    {"10.1.2.3", {"::ffff:10.0.0.0/104"}, true},
    {"10.1.2.3", {"::/0"}, false},
    {"2001:db8::1", {"0.0.0.0/0"}, false},
    {"2001:db8::1", {"2001:db8::/32"}, true},
    {"2001:db9::1", {"2001:db8::/32"}, false},
    {"", {"unix"}, true},
    {"", {"0.0.0.0/0", "::/0"}, false},
    {"0.0.0.0", {"unix"}, false},
    {"::", {"unix"}, false},
};

static void test_members(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(members); i++) {
        struct networks networks = {.count = 0};
        struct err err = ERR_INIT;
        struct ip ip = {.len = 0};
        for (size_t j = 0; j < 3 && members[i].networks[j] != NULL; j++)
            assert_int_equal(networks_add(&networks, members[i].networks[j], &err), 0);
        if (members[i].ip[0] != '\0')
            assert_true(ip_parse(slice_of_text(members[i].ip), &ip));
        row_assert_number(row_at(members[i].ip, i), networks_have(&networks, &ip), members[i].have);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
