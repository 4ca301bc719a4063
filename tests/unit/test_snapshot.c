#include "store/snapshot.h"

#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Allocations until one fails; negative: none does. */
static int until_failure = -1;

void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_realloc(void *ptr, size_t size) {
    if (until_failure == 0)
        return NULL;
    until_failure -= until_failure > 0 ? 1 : 0;
    return __real_realloc(ptr, size);
}

static struct snapshot snapshot = SNAPSHOT_INIT;
static const struct stat file = {.st_mode = S_IFREG | 0644, .st_size = 7};
static const struct stat directory = {.st_mode = S_IFDIR | 0755, .st_size = 4096};

static int teardown(void **state) {
    (void)state;
    until_failure = -1;
    snapshot_deinit(&snapshot);
    snapshot_deinit(&snapshot); /* idempotent */
    return 0;
}

static void add(uint32_t parent, const char *name) {
    bool is_directory = name[strlen(name) - 1] == '/';
    struct slice text = slice_of(name, strlen(name) - (is_directory ? 1 : 0));
    row_assert_number(name,
                      snapshot_add(&snapshot, parent, text, is_directory ? &directory : &file),
                      SNAPSHOT_ADDED);
}

static void sort(uint32_t parent) {
    for (uint32_t left = snapshot.members[parent].children.count; left > 0; left--)
        snapshot_sort(&snapshot, parent, left);
}

/* The paths in the order of the archive, each with a space behind it. */
static const char *order(void) {
    static char text[512];
    struct buf buf = BUF_INIT(text, sizeof text);
    for (uint32_t member = 0; member < snapshot.count; member = snapshot_next(&snapshot, member)) {
        snapshot_put_path(&snapshot, member, &buf);
        buf_put_char(&buf, ' ');
    }
    buf_put_char(&buf, '\0');
    assert_false(buf.overflow);
    return text;
}

static void test_order(void **state) {
    (void)state;
    add(0, "top/");
    assert_string_equal(order(), " ");
    add(0, "z");
    add(0, "b/");
    add(0, "c/");
    add(0, "B/");
    add(0, "b.txt");
    sort(0);
    assert_string_equal(order(), " B b b.txt c z ");
    add(2, "y");
    add(2, "x/");
    sort(2);
    add(4, "only/");
    sort(4);
    add(6, "deep");
    sort(6);
    add(8, "last");
    sort(8);
    assert_string_equal(order(), " B b b/x b/x/deep b/y b.txt c c/only c/only/last z ");
    assert_int_equal(snapshot_depth(&snapshot, 0), 0);
    assert_int_equal(snapshot_depth(&snapshot, 2), 1);
    assert_int_equal(snapshot_depth(&snapshot, 9), 3);
}

static void test_find(void **state) {
    (void)state;
    test_order(state);
    uint64_t offset = 0;
    for (uint32_t member = 0; member < snapshot.count; member = snapshot_next(&snapshot, member)) {
        snapshot.members[member].offset = offset;
        offset += 10;
    }
    uint32_t member = 0;
    for (uint64_t at = 0; at < offset; at++) {
        if (at > 0 && at % 10 == 0)
            member = snapshot_next(&snapshot, member);
        row_assert_number(row_at("offset", at), snapshot_find(&snapshot, at), member);
    }
}

/* Any number of names in any order: sorted by their bytes, as unsigned ones, shorter ones first. */
static void test_sort(void **state) {
    (void)state;
    srandom(20261121);
    for (unsigned count = 0; count < 200; count++) {
        snapshot_deinit(&snapshot);
        add(0, "top/");
        for (unsigned i = 0; i < count; i++) {
            char name[8] = "";
            for (long len = random() % 7; len >= 0; len--)
                name[len] = (char)"ab\x01\xff"[random() % 4];
            add(0, name);
        }
        sort(0);
        for (uint32_t i = 2; i <= count; i++) {
            char before[8] = "";
            char after[8] = "";
            struct slice name = snapshot_name(&snapshot, i - 1);
            memcpy(before, name.ptr, name.len);
            name = snapshot_name(&snapshot, i);
            memcpy(after, name.ptr, name.len);
            row_assert(row_at("member", i), strcmp(before, after) <= 0);
        }
    }
}

static const struct {
    const char *name;
    mode_t mode;
    off_t size;
    ino_t inode;
    unsigned major;
    unsigned minor;
    struct timespec mtime;
    bool same;
    bool unchanged;
} changes[] = {
    {"none", S_IFREG | 0644, 7, UINT64_MAX, 0xfff, 0xfffff, {-5, 999999999}, true, true},
    {"mode", S_IFREG | 0600, 7, UINT64_MAX, 0xfff, 0xfffff, {-5, 999999999}, true, true},
    {"size", S_IFREG | 0644, 8, UINT64_MAX, 0xfff, 0xfffff, {-5, 999999999}, true, false},
    {"seconds", S_IFREG | 0644, 7, UINT64_MAX, 0xfff, 0xfffff, {-4, 999999999}, true, false},
    {"nanoseconds", S_IFREG | 0644, 7, UINT64_MAX, 0xfff, 0xfffff, {-5, 999999998}, true, false},
    {"inode", S_IFREG | 0644, 7, UINT64_MAX - 1, 0xfff, 0xfffff, {-5, 999999999}, false, false},
    {"upper half", S_IFREG | 0644, 7, UINT32_MAX, 0xfff, 0xfffff, {-5, 999999999}, false, false},
    {"major", S_IFREG | 0644, 7, UINT64_MAX, 0x7ff, 0xfffff, {-5, 999999999}, false, false},
    {"minor", S_IFREG | 0644, 7, UINT64_MAX, 0xfff, 0x7ffff, {-5, 999999999}, false, false},
    {"type", S_IFDIR | 0644, 7, UINT64_MAX, 0xfff, 0xfffff, {-5, 999999999}, false, false},
};

static struct stat stat_of(size_t row) {
    return (struct stat){
        .st_mode = changes[row].mode,
        .st_size = changes[row].size,
        .st_ino = changes[row].inode,
        .st_dev = makedev(changes[row].major, changes[row].minor),
        .st_mtim = changes[row].mtime,
    };
}

static void test_changes(void **state) {
    (void)state;
    struct stat stat = stat_of(0);
    add(0, "top/");
    assert_int_equal(snapshot_add(&snapshot, 0, SLICE("f"), &stat), SNAPSHOT_ADDED);
    for (size_t i = 0; i < ROWS_COUNT(changes); i++) {
        stat = stat_of(i);
        row_assert_number(changes[i].name, snapshot_is_same(&snapshot, 1, &stat), changes[i].same);
        row_assert_number(changes[i].name, snapshot_is_of(&snapshot, 1, &stat),
                          changes[i].unchanged);
    }
    assert_int_equal(snapshot_size(&snapshot, 0), 0);
    assert_int_equal(snapshot_size(&snapshot, 1), 7);
}

/* Only permission bits are kept. */
static void test_modes(void **state) {
    (void)state;
    const struct stat special = {.st_mode = S_IFDIR | 07751};
    assert_int_equal(snapshot_add(&snapshot, 0, SLICE("d"), &special), SNAPSHOT_ADDED);
    assert_int_equal(snapshot.members[0].mode, 0751);
    snapshot_update(&snapshot, 0, &directory);
    assert_int_equal(snapshot.members[0].mode, 0755);
}

static void test_members_are_bounded(void **state) {
    (void)state;
    add(0, "top/");
    for (uint32_t i = 1; i < SNAPSHOT_MEMBERS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "file-%06u.txt", i);
        add(0, name);
    }
    assert_int_equal(snapshot_add(&snapshot, 0, SLICE("x"), &file), SNAPSHOT_FULL);
    assert_int_equal(snapshot.count, SNAPSHOT_MEMBERS_MAX);
    snapshot_trim(&snapshot);
    print_message("%d members: %zu bytes\n", SNAPSHOT_MEMBERS_MAX, snapshot_bytes(&snapshot));
    assert_in_range(snapshot_bytes(&snapshot), 1, 10 * 1024 * 1024 - 1);
}

static void test_memory_is_bounded(void **state) {
    (void)state;
    char name[255];
    enum snapshot_outcome outcome = SNAPSHOT_ADDED;
    memset(name, 'n', sizeof name);
    add(0, "top/");
    while (outcome == SNAPSHOT_ADDED) {
        assert_in_range(snapshot.count * sizeof *snapshot.members + snapshot.names_len, 0,
                        SNAPSHOT_BYTES_MAX);
        outcome = snapshot_add(&snapshot, 0, slice_of(name, sizeof name), &file);
    }
    assert_int_equal(outcome, SNAPSHOT_LARGE);
    assert_in_range(snapshot.count, 50000, SNAPSHOT_MEMBERS_MAX - 1);
}

/* What fails leaves what there was. */
static void test_no_memory(void **state) {
    (void)state;
    for (int failing = 0; failing < 6; failing++) {
        enum snapshot_outcome outcome = SNAPSHOT_ADDED;
        snapshot_deinit(&snapshot);
        until_failure = failing;
        while (outcome == SNAPSHOT_ADDED && snapshot.count < 1000)
            outcome = snapshot_add(&snapshot, 0, SLICE("directory"), &directory);
        row_assert_number(row_at("allocation", (size_t)failing), outcome, SNAPSHOT_EXHAUSTED);
        snapshot_trim(&snapshot);
        for (uint32_t i = 0; i < snapshot.count; i++)
            row_assert_slice("name", snapshot_name(&snapshot, i), SLICE("directory"));
    }
}

int main(void) {
#define test(f) cmocka_unit_test_teardown(f, teardown)
    static const struct CMUnitTest tests[] = {
        test(test_order),
        test(test_find),
        test(test_sort),
        test(test_changes),
        test(test_modes),
        test(test_members_are_bounded),
        test(test_memory_is_bounded),
        test(test_no_memory),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
