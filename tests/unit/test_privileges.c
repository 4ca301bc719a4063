#include "sys/privileges.h"

#include "support/confined.h"
#include "support/note.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int drop(void *context) {
    (void)context;
    if (privileges_bound() != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 1;
    if (geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
        return 2;
    if (geteuid() == 0 && !privileges_are_left())
        return 3;
    if (privileges_drop() != 0 || privileges_are_left())
        return 4;
    return privileges_drop(); /* idempotent */
}

static void test_drop(void **state) {
    (void)state;
    assert_int_equal(confined_result(drop, NULL), 0);
}

/* As root without its capabilities, nobody can become another user. */
static int be_root_by_name(void *context) {
    (void)context;
    return privileges_drop() == 0 && seteuid(65534) < 0 ? 0 : 1;
}

static void test_root_by_name(void **state) {
    (void)state;
    if (geteuid() == 0)
        assert_int_equal(confined_result(be_root_by_name, NULL), 0);
    else
        note_cannot_test("what root may without capabilities, which takes root");
}

static int conceal(void *context) {
    struct rlimit limit = {1, 1};
    (void)context;
    if (privileges_conceal() != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 1;
    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0
                                                                                             : 2;
}

static void test_conceal(void **state) {
    (void)state;
    assert_int_equal(confined_result(conceal, NULL), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_root_by_name),
        cmocka_unit_test(test_conceal),
    };
    return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
