#include "conf/destination.h"

#include "support/note.h"
#include "support/row.h"

#include <errno.h>

static const struct {
    const char *name;
    const char *text;
    enum destination_kind kind;
    const char *address; /* of a receiver */
} good[] = {
    {"off", "off", DESTINATION_OFF, NULL},
    {"stdout", "-", DESTINATION_STDOUT, NULL},
    {"file", "access.log", DESTINATION_FILE, NULL},
    {"absolute file", "/var/log/pronto.log", DESTINATION_FILE, NULL},
    {"file called off", "./off", DESTINATION_FILE, NULL},
    {"file that starts with a dash", "-x", DESTINATION_FILE, NULL},
    {"file called syslog", "syslog", DESTINATION_FILE, NULL},
    {"syslog", "syslog:192.0.2.1:5514", DESTINATION_SYSLOG, "192.0.2.1:5514"},
    {"rfc5426-3.3 port", "syslog:192.0.2.1", DESTINATION_SYSLOG, "192.0.2.1:514"},
    {"syslog, IPv6", "syslog:[2001:db8::1]:515", DESTINATION_SYSLOG, "[2001:db8::1]:515"},
    {"syslog, IPv6 without port", "syslog:[::1]", DESTINATION_SYSLOG, "[::1]:514"},
    {"syslog, longest", "syslog:[2001:db8:1111:2222:3333:4444:5555:6666]:65535", DESTINATION_SYSLOG,
     "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"},
    {"syslog, localhost", "syslog:localhost", DESTINATION_SYSLOG, "127.0.0.1:514"},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        const char *row = good[i].name;
        struct destination destination;
        struct err err = ERR_INIT;
        char text[ADDRESS_TEXT_MAX];
        row_assert_number(row, destination_parse(good[i].text, &destination, &err), 0);
        row_assert_number(row, destination.kind, good[i].kind);
        if (destination.kind == DESTINATION_FILE)
            row_assert(row, destination.path == good[i].text);
        if (destination.kind == DESTINATION_SYSLOG) {
            address_format(&destination.address, text);
            row_assert_slice(row, slice_of_text(text), slice_of_text(good[i].address));
        }
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *message;
} bad[] = {
    {"empty", "", "the name of the file is empty"},
    {"no receiver", "syslog:", "'syslog:' is no receiver"},
    {"name", "syslog:example.org:514", "is no receiver"},
    {"all", "syslog:*:514", "is no receiver"},
    {"any IPv4", "syslog:0.0.0.0", "is no receiver"},
    {"port 0", "syslog:192.0.2.1:0", "is no receiver"},
    {"port too large", "syslog:192.0.2.1:65536", "is no receiver"},
    {"no port behind the colon", "syslog:192.0.2.1:", "is no receiver"},
    {"IPv6 without brackets", "syslog:::1", "is no receiver"},
    {"port alone", "syslog:514", "is no receiver"},
    {"too long", "syslog:1111111111111111111111111111111111111111111111111111111111111111111:1",
     "is no receiver"},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct destination destination;
        struct err err = ERR_INIT;
        row_assert_number(bad[i].name, destination_parse(bad[i].text, &destination, &err), -EINVAL);
        note_assert_contains(err.text, bad[i].message);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
