#include "proc/socketplan.h"

#include "support/row.h"

#include <stdio.h>

enum { ADDRESSES_MAX = 4, WORKERS = 4 };

/* What is there, in the form "ADDRESS KIND SOCKETS": the kind is e for a socket of each worker, s
 * for a shared one, g for a given one. What is planned for four workers, step by step, in the form
 * "ADDRESS KIND FROM+KEPT+OPENED", where FROM is the place of what is there, or "new"; with
 * "beside" behind it where that is so, and "standard" behind all. */
static const struct {
    const char *name;
    bool lan;
    const char *asked[ADDRESSES_MAX];
    const char *there[ADDRESSES_MAX];
    const char *plan;
} rows[] = {
    {"start", false, {"127.0.0.1:80"}, {NULL}, "127.0.0.1:80 e new+0+4"},
    {"start, standard", false, {NULL}, {NULL}, "127.0.0.1:8080 e new+0+4 standard"},
    {"start, lan", true, {NULL}, {NULL}, "[::]:8080 e new+0+4 standard"},
    {"start, local", false, {"unix:/s"}, {NULL}, "unix:/s s new+0+1"},
    {"nothing changes", false, {"127.0.0.1:80"}, {"127.0.0.1:80 e 4"}, "127.0.0.1:80 e 0+4+0"},
    {"local, nothing changes", false, {"unix:/s"}, {"unix:/s s 1"}, "unix:/s s 0+1+0"},
    {"local, another", false, {"unix:/t"}, {"unix:/s s 1"}, "unix:/t s new+0+1"},
    {"more workers", false, {"127.0.0.1:80"}, {"127.0.0.1:80 e 3"}, "127.0.0.1:80 e 0+3+1"},
    {"fewer workers", false, {"127.0.0.1:80"}, {"127.0.0.1:80 e 6"}, "127.0.0.1:80 e 0+6+0"},
    {"one more address",
     false,
     {"127.0.0.1:80", "127.0.0.1:81"},
     {"127.0.0.1:80 e 4"},
     "127.0.0.1:80 e 0+4+0, 127.0.0.1:81 e new+0+4"},
    {"one address less",
     false,
     {"127.0.0.1:81"},
     {"127.0.0.1:80 e 4", "127.0.0.1:81 e 4"},
     "127.0.0.1:81 e 1+4+0"},
    {"another order",
     false,
     {"127.0.0.1:81", "unix:/s", "127.0.0.1:80"},
     {"127.0.0.1:80 e 4", "127.0.0.1:81 e 4", "unix:/s s 1"},
     "127.0.0.1:81 e 1+4+0, unix:/s s 2+1+0, 127.0.0.1:80 e 0+4+0"},
    {"the same twice",
     false,
     {"127.0.0.1:80", "127.0.0.1:80"},
     {"127.0.0.1:80 e 4"},
     "127.0.0.1:80 e 0+4+0, 127.0.0.1:80 e new+0+4 beside"},
    {"any port stays", false, {"127.0.0.1:0"}, {"127.0.0.1:4711 e 4"}, "127.0.0.1:4711 e 0+4+0"},
    {"two of any port stay",
     false,
     {"127.0.0.1:0", "127.0.0.1:0"},
     {"127.0.0.1:4711 e 4", "127.0.0.1:4712 e 4"},
     "127.0.0.1:4711 e 0+4+0, 127.0.0.1:4712 e 1+4+0"},
    {"any port, another host",
     false,
     {"127.0.0.2:0"},
     {"127.0.0.1:4711 e 4"},
     "127.0.0.2:0 e new+0+4"},
    {"any port, but the others first",
     false,
     {"127.0.0.1:0", "127.0.0.1:80"},
     {"127.0.0.1:80 e 4"},
     "127.0.0.1:0 e new+0+4, 127.0.0.1:80 e 0+4+0"},
    {"any port of all, without IPv6", false, {"*:0"}, {"0.0.0.0:4711 e 4"}, "0.0.0.0:4711 e 0+4+0"},
    {"all are not the IPv4 wildcard",
     false,
     {"*:80"},
     {"0.0.0.0:80 e 4"},
     "[::]:80 e new+0+4 beside"},
    {"from one to all", false, {"*:80"}, {"127.0.0.1:80 e 4"}, "[::]:80 e new+0+4 beside"},
    {"from all to one", false, {"127.0.0.1:80"}, {"*:80 e 4"}, "127.0.0.1:80 e new+0+4 beside"},
    {"to all of another port", false, {"*:81"}, {"127.0.0.1:80 e 4"}, "[::]:81 e new+0+4"},
    {"standard stays", false, {NULL}, {"127.0.0.1:8080 e 4"}, "127.0.0.1:8080 e 0+4+0"},
    {"standard that moved on stays",
     false,
     {NULL},
     {"127.0.0.1:8179 e 4"},
     "127.0.0.1:8179 e 0+4+0"},
    {"what is beyond the standard does not",
     false,
     {NULL},
     {"127.0.0.1:8180 e 4"},
     "127.0.0.1:8080 e new+0+4 standard"},
    {"what is before the standard does not",
     false,
     {NULL},
     {"127.0.0.1:8079 e 4"},
     "127.0.0.1:8080 e new+0+4 standard"},
    {"lan stays", true, {NULL}, {"*:8081 e 4"}, "[::]:8081 e 0+4+0"},
    {"lan stays, without IPv6", true, {NULL}, {"0.0.0.0:8081 e 4"}, "0.0.0.0:8081 e 0+4+0"},
    {"from standard to lan",
     true,
     {NULL},
     {"127.0.0.1:8080 e 4"},
     "[::]:8080 e new+0+4 beside standard"},
    {"all that are given",
     false,
     {NULL},
     {"127.0.0.1:80 g 1", "unix:/s g 1"},
     "127.0.0.1:80 g 0+1+0, unix:/s g 1+1+0"},
    {"given ones, and what is pronto's own",
     false,
     {NULL},
     {"127.0.0.1:8080 e 4", "unix:/s g 1"},
     "unix:/s g 1+1+0"},
    {"one of those that are given",
     false,
     {"unix:/s", "127.0.0.1:81"},
     {"127.0.0.1:80 g 1", "unix:/s g 1"},
     "unix:/s g 1+1+0, 127.0.0.1:81 e new+0+4"},
    {"a given one for any port",
     false,
     {"127.0.0.1:0"},
     {"127.0.0.1:80 g 1"},
     "127.0.0.1:80 g 0+1+0"},
    {"lan, and a given one", true, {NULL}, {"unix:/s g 1"}, "[::]:8080 e new+0+4 standard"},
};

static struct address address_of(const char *row, const char *text) {
    struct address address;
    struct err err = ERR_INIT;
    row_assert_number(row, address_parse(text, &address, &err), 0);
    return address;
}

/* Reads "ADDRESS KIND SOCKETS". */
static struct socketplan_binding binding_of(const char *row, const char *text) {
    char address[64];
    char kind;
    unsigned sockets;
    row_assert_number(row, sscanf(text, "%63s %c %u", address, &kind, &sockets), 3);
    return (struct socketplan_binding){
        .address = address_of(row, address),
        .kind = kind == 'e'   ? BINDING_EACH
                : kind == 's' ? BINDING_SHARED
                              : BINDING_GIVEN,
        .sockets = sockets,
    };
}

static void write_plan(const struct socketplan *plan, char *text, size_t size) {
    static const char letters[] = {'e', 's', 'g'};
    size_t len = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct socketplan_step *step = &plan->steps[i];
        char address[ADDRESS_TEXT_MAX];
        char from[16] = "new";
        address_format(&step->address, address);
        if (step->from != SOCKETPLAN_NONE)
            (void)snprintf(from, sizeof from, "%zu", step->from);
        len += (size_t)snprintf(text + len, size - len, "%s%s %c %s+%zu+%zu%s", i > 0 ? ", " : "",
                                address, letters[step->kind], from, step->kept, step->opened,
                                step->beside ? " beside" : "");
    }
    (void)snprintf(text + len, size - len, "%s", plan->standard ? " standard" : "");
}

static void test_plans(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *row = rows[i].name;
        struct options options = {0};
        struct socketplan_binding there[ADDRESSES_MAX];
        struct socketplan plan;
        size_t count = 0;
        char text[512];
        for (; count < ADDRESSES_MAX && rows[i].asked[count] != NULL; count++)
            options.listen.items[count] = address_of(row, rows[i].asked[count]);
        options.listen.count = count;
        for (count = 0; count < ADDRESSES_MAX && rows[i].there[count] != NULL; count++)
            there[count] = binding_of(row, rows[i].there[count]);
        const struct socketplan_wish wish = {&options.listen, WORKERS, true, rows[i].lan};
        socketplan_make(&plan, &wish, there, count);
        write_plan(&plan, text, sizeof text);
        row_assert_slice(row, slice_of_text(text), slice_of_text(rows[i].plan));
    }
}

/* As it is for --admin. */
static void test_nothing_is_asked_for(void **state) {
    (void)state;
    static const struct option_addresses none;
    const struct socketplan_wish wish = {.addresses = &none, .workers = 1};
    const struct socketplan_binding there[] = {binding_of("there", "127.0.0.1:8080 e 1"),
                                               binding_of("given", "unix:/s g 1")};
    struct socketplan plan;
    socketplan_make(&plan, &wish, there, ROWS_COUNT(there));
    assert_int_equal(plan.count, 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_plans),
                                              cmocka_unit_test(test_nothing_is_asked_for)};
    return cmocka_run_group_tests_name("socketplan", tests, NULL, NULL);
}
