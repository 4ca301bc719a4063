#include "sys/netstat.h"

#include "support/note.h"
#include "support/row.h"

#include <errno.h>
#include <stdlib.h>

static const char whole[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n"
                            "TcpExt: 1 22 333\n"
                            "IpExt: InNoRoutes ListenDrops\n"
                            "IpExt: 7 8\n";

static const struct {
    const char *name;
    const char *text;
    const char *wanted;
    bool found;
    uint64_t value;
} rows[] = {
    {"the first", whole, "SyncookiesSent", true, 1},
    {"a middle one", whole, "ListenOverflows", true, 22},
    {"the last", whole, "ListenDrops", true, 333},
    {"of another group", whole, "InNoRoutes", false, 0},
    {"part of a name", whole, "Listen", false, 0},
    {"no name", whole, "", false, 0},
    {"nothing", "", "ListenDrops", false, 0},
    {"names only", "TcpExt: ListenDrops\n", "ListenDrops", false, 0},
    {"too few numbers", "TcpExt: A ListenDrops\nTcpExt: 1\n", "ListenDrops", false, 0},
    {"no number", "TcpExt: ListenDrops\nTcpExt: x\n", "ListenDrops", false, 0},
    {"behind another group", "IpExt: A\nIpExt: 1\nTcpExt: ListenDrops\nTcpExt: 5\n", "ListenDrops",
     true, 5},
    {"without its last line end", "TcpExt: ListenDrops\nTcpExt: 5", "ListenDrops", true, 5},
};

static void test_find(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        uint64_t value = 0;
        bool found =
            netstat_find(slice_of_text(rows[i].text), slice_of_text(rows[i].wanted), &value);
        row_assert_number(rows[i].name, found, rows[i].found);
        row_assert_number(rows[i].name, value, rows[i].value);
    }
}

static void test_the_kernel_has_them(void **state) {
    struct netstat netstat = {UINT64_MAX, UINT64_MAX};
    (void)state;
    int result = netstat_read(&netstat);
    if (result == -ENOENT) {
        note_cannot_test("there is no /proc/net/netstat here");
        return;
    }
    assert_int_equal(result, 0);
    assert_true(netstat.listen_overflows < UINT64_MAX);
    assert_true(netstat.listen_drops >= netstat.listen_overflows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_the_kernel_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
