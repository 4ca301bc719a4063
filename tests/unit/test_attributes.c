#include "store/attributes.h"

#include "support/row.h"
#include "sys/clock.h"

static const struct stat base = {
    .st_dev = 1,
    .st_ino = 2,
    .st_size = 3,
    .st_mtim = {.tv_sec = 4, .tv_nsec = 5},
    .st_ctim = {.tv_sec = 6, .tv_nsec = 7},
    .st_mode = S_IFREG | 0600,
};

static void test_same(void **state) {
    (void)state;
    const struct {
        const char *name;
        struct stat other;
        bool same;
    } rows[] = {
        {"all", base, true},
        {"device", {.st_dev = 9}, false},
        {"inode", {.st_ino = 9}, false},
        {"size", {.st_size = 9}, false},
        {"seconds of the content", {.st_mtim.tv_sec = 9}, false},
        {"nanoseconds of the content", {.st_mtim.tv_nsec = 9}, false},
        {"seconds of the inode", {.st_ctim.tv_sec = 9}, false},
        {"nanoseconds of the inode", {.st_ctim.tv_nsec = 9}, false},
        {"read lately", {.st_atim.tv_sec = 9}, true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct stat *set = &rows[i].other;
        struct stat other = base;
        other.st_dev = set->st_dev != 0 ? set->st_dev : base.st_dev;
        other.st_ino = set->st_ino != 0 ? set->st_ino : base.st_ino;
        other.st_size = set->st_size != 0 ? set->st_size : base.st_size;
        if (set->st_mtim.tv_sec + set->st_mtim.tv_nsec != 0)
            other.st_mtim = set->st_mtim;
        if (set->st_ctim.tv_sec + set->st_ctim.tv_nsec != 0)
            other.st_ctim = set->st_ctim;
        row_assert(rows[i].name, attributes_are_same(&base, &other) == rows[i].same);
        row_assert(rows[i].name, attributes_are_same(&other, &base) == rows[i].same);
    }
}

static void test_settled(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int age_s;
        bool settled;
    } rows[] = {
        {"in the future", -1000, false}, {"now", 0, false},           {"lately", 80, false},
        {"before long", 100, true},      {"long ago", 1000000, true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct stat stat = {.st_mtim.tv_sec = clock_time_s() - rows[i].age_s};
        row_assert(rows[i].name, attributes_are_settled(&stat) == rows[i].settled);
    }
}

static void test_older(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct timespec one;
        struct timespec other;
        bool older;
    } rows[] = {
        {"as old", {4, 5}, {4, 5}, false},
        {"by a second", {3, 5}, {4, 5}, true},
        {"by a second, not by nanoseconds", {3, 9}, {4, 5}, true},
        {"by a nanosecond", {4, 4}, {4, 5}, true},
        {"younger by a nanosecond", {4, 6}, {4, 5}, false},
        {"younger by a second", {5, 0}, {4, 5}, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct stat one = {.st_mtim = rows[i].one};
        const struct stat other = {.st_mtim = rows[i].other};
        row_assert(rows[i].name, attributes_are_older(&one, &other) == rows[i].older);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_older),
    };
    return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
