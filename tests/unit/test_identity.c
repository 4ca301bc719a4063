#include "sys/identity.h"

#include "support/confined.h"
#include "support/note.h"
#include "support/row.h"

#include <errno.h>
#include <grp.h>

static const char users_text[] = "root:x:0:0:root:/root:/bin/sh\n"
                                 "www:x:33:34:www:/srv:/bin/false\n"
                                 "alone:x:50:50::/:/bin/false\n"
                                 "4711:x:60:60:a name like a number:/:/bin/false\n";

static const char groups_text[] = "root:x:0:\n"
                                  "www:x:34:www\n"
                                  "logs:x:40:other,www\n"
                                  "more:x:41:www\n"
                                  "wwwx:x:42:wwwx\n";

static int parse(struct identity *identity, const char *text, const char *more_groups,
                 struct err *err) {
    char groups[4096];
    (void)snprintf(groups, sizeof groups, "%s%s", groups_text, more_groups);
    FILE *users_file = fmemopen((void *)(uintptr_t)users_text, sizeof users_text - 1, "r");
    FILE *groups_file = fmemopen(groups, strlen(groups), "r");
    assert_non_null(users_file);
    assert_non_null(groups_file);
    int result = identity_parse(identity, text, users_file, groups_file, err);
    (void)fclose(users_file);
    (void)fclose(groups_file);
    return result;
}

static const struct {
    const char *text;
    uid_t user;
    gid_t group;
    size_t count;
    gid_t groups[2];
    const char *message; /* NULL: it is fine */
} rows[] = {
    {"www", 33, 34, 2, {40, 41}, NULL},
    {"33", 33, 34, 2, {40, 41}, NULL},
    {"alone", 50, 50, 0, {0}, NULL},
    {"root", 0, 0, 0, {0}, NULL},
    {"www:logs", 33, 40, 0, {0}, NULL},
    {"www:40", 33, 40, 0, {0}, NULL},
    {"33:logs", 33, 40, 0, {0}, NULL},
    {"1000:1000", 1000, 1000, 0, {0}, NULL},
    {"4711", 60, 60, 0, {0}, NULL}, /* a name goes before a number */
    {"4711:0", 60, 0, 0, {0}, NULL},
    {"nobody", 0, 0, 0, {0}, "user 'nobody' is not in /etc/passwd (a number would do"},
    {"ww", 0, 0, 0, {0}, "user 'ww' is not in"},
    {"1000", 0, 0, 0, {0}, "needs a group, as in 1000:1000"},
    {"www:", 0, 0, 0, {0}, "group '' is not in /etc/group"},
    {"www:none", 0, 0, 0, {0}, "group 'none' is not in /etc/group"},
    {":logs", 0, 0, 0, {0}, "user '' is not in"},
    {"", 0, 0, 0, {0}, "user '' is not in"},
    {"4294967295:0", 0, 0, 0, {0}, "user '4294967295' is not in"}, /* setresuid(2): "no change" */
    {"1000:4294967295", 0, 0, 0, {0}, "group '4294967295' is not in"},
};

static void test_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct identity identity;
        struct err err = ERR_INIT;
        int result = parse(&identity, rows[i].text, "", &err);
        if (rows[i].message != NULL) {
            row_assert_number(rows[i].text, result, -ENOENT);
            row_assert(rows[i].text, strstr(err.text, rows[i].message) != NULL);
            continue;
        }
        row_assert_number(rows[i].text, result, 0);
        row_assert(rows[i].text, identity.given);
        row_assert_number(rows[i].text, identity.user, rows[i].user);
        row_assert_number(rows[i].text, identity.group, rows[i].group);
        row_assert_number(rows[i].text, identity.group_count, rows[i].count);
        for (size_t j = 0; j < rows[i].count; j++)
            row_assert_number(rows[i].text, identity.groups[j], rows[i].groups[j]);
    }
}

static void test_too_many_groups(void **state) {
    (void)state;
    char groups[4096] = "";
    struct identity identity;
    struct err err = ERR_INIT;
    size_t len = 0;
    for (int i = 0; i < IDENTITY_GROUPS_MAX - 2; i++)
        len += (size_t)snprintf(groups + len, sizeof groups - len, "g%d:x:%d:www\n", i, 100 + i);
    assert_int_equal(parse(&identity, "www", groups, &err), 0);
    assert_int_equal(identity.group_count, IDENTITY_GROUPS_MAX);
    (void)snprintf(groups + len, sizeof groups - len, "last:x:99:www\n");
    assert_int_equal(parse(&identity, "www", groups, &err), -E2BIG);
    assert_int_equal(parse(&identity, "www:last", groups, &err), 0);
}

static void test_own_files(void **state) {
    (void)state;
    struct identity identity;
    struct err err = ERR_INIT;
    assert_int_equal(identity_find(&identity, "root", &err), 0);
    assert_int_equal(identity.user, 0);
    assert_int_equal(identity_find(&identity, "no-such-user", &err), -ENOENT);
}

/* 0: all is as it should be. */
static int assume(void *context) {
    const struct identity *identity = context;
    struct err err = ERR_INIT;
    gid_t groups[8];
    uid_t users[3];
    if (identity_assume(identity, &err) != 0)
        return 1;
    if (getresuid(&users[0], &users[1], &users[2]) < 0 || users[0] != 65534 || users[1] != 65534 ||
        users[2] != 65534 || getgid() != 65533)
        return 2;
    if (getgroups(8, groups) != 1 || groups[0] != 65532)
        return 3;
    return identity_assume(identity, &err) == 0 ? 0 : 4; /* it is already */
}

static int assume_root(void *context) {
    const struct identity root = {.given = true};
    struct err err = ERR_INIT;
    (void)context;
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresuid(65534, 65534, 65534) < 0))
        return 1;
    return identity_assume(&root, &err) == -EPERM && strstr(err.text, "only root can") != NULL ? 0
                                                                                               : 2;
}

static void test_assume(void **state) {
    (void)state;
    struct identity identity = {
        .given = true, .user = 65534, .group = 65533, .groups = {65532}, .group_count = 1};
    struct identity none = {.given = false};
    struct err err = ERR_INIT;
    assert_int_equal(identity_assume(&none, &err), 0);
    assert_int_equal(confined_result(assume_root, NULL), 0);
    if (geteuid() == 0)
        assert_int_equal(confined_result(assume, &identity), 0);
    else
        note_cannot_test("becoming another user, which takes root");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_too_many_groups),
        cmocka_unit_test(test_own_files),
        cmocka_unit_test(test_assume),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
