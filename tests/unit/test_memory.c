#include "sys/memory.h"

#include "support/row.h"
#include "support/tree.h"

static const struct {
    const char *name;
    const char *text;
    const char *group; /* NULL: none */
} groups[] = {
    {"unified", "0::/system.slice/pronto.service\n", "/system.slice/pronto.service"},
    {"the root", "0::/\n", "/"},
    {"beside others", "12:memory:/a\n1:name=systemd:/b\n0::/c\n", "/c"},
    {"others only", "12:memory:/a\n1:name=systemd:/b\n", NULL},
    {"a number that ends like it", "10::/a\n", NULL},
    {"nothing", "", NULL},
};

static void test_group(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(groups); i++) {
        struct slice group = memory_cgroup(slice_of_text(groups[i].text));
        struct slice expected =
            groups[i].group != NULL ? slice_of_text(groups[i].group) : SLICE_NONE;
        row_assert_slice(groups[i].name, group, expected);
    }
}

static const struct {
    const char *name;
    const char *group;
    uint64_t bytes;
} limits[] = {
    {"its own", "/small", 1000},
    {"of what it is in", "/small/max", 1000},
    {"its own is less", "/small/smaller", 500},
    {"what it is in is less", "/small/larger", 1000},
    {"of what that is in", "/small/none/none", 1000},
    {"no limit", "/max", UINT64_MAX},
    {"no file", "/none", UINT64_MAX},
    {"no number", "/odd", UINT64_MAX},
    {"no group", "", UINT64_MAX},
};

static void test_limit(void **state) {
    struct tree tree;
    (void)state;
    tree_make(&tree);
    tree_text(&tree, "small/memory.max", "1000\n");
    tree_text(&tree, "small/max/memory.max", "max\n");
    tree_text(&tree, "small/smaller/memory.max", "500\n");
    tree_text(&tree, "small/larger/memory.max", "2000\n");
    tree_text(&tree, "max/memory.max", "max\n");
    tree_text(&tree, "odd/memory.max", "1000 bytes\n");
    for (size_t i = 0; i < ROWS_COUNT(limits); i++)
        row_assert_number(limits[i].name, memory_limit(tree.path, slice_of_text(limits[i].group)),
                          limits[i].bytes);
    tree_text(&tree, "memory.max", "700\n"); /* of a container, whose root it is */
    row_assert_number("the root", memory_limit(tree.path, SLICE("/small")), 700);
    row_assert_number("the root alone", memory_limit(tree.path, SLICE("/")), 700);
    tree_remove(&tree);
}

static void test_there_is_some(void **state) {
    (void)state;
    assert_true(memory_usable() > 0 && memory_usable() < UINT64_MAX);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_there_is_some),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
