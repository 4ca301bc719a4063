/* How much is kept, and what happens where there is nothing left. */
#include "store/store.h"

#include "support/content.h"
#include "support/memory.h"
#include "support/stock.h"

#include <stdlib.h>
#include <sys/syscall.h>

static int open_error;        /* errno of the next openat2(); 0: none */
static int opens_until_error; /* that succeed before */
static int errors_left = -1;  /* how many fail then; negative: all */
static int random_error;      /* errno of the next getrandom(); 0: none */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);
ssize_t __real_getrandom(void *ptr, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *ptr, size_t len, unsigned flags);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (open_error == 0 || opens_until_error-- > 0 || errors_left == 0)
        return __real_syscall(number, fd, path, how, size);
    errors_left -= errors_left > 0 ? 1 : 0;
    errno = open_error;
    return -1;
}

ssize_t __wrap_getrandom(void *ptr, size_t len, unsigned flags) {
    if (random_error == 0)
        return __real_getrandom(ptr, len, flags);
    errno = random_error;
    return -1;
}

enum { COUNT = 100, CACHE_BYTES = 64 * 1024 };

static const char *name_of(const char *format, size_t i) {
    static char names[4][32];
    static unsigned next;
    char *name = names[next++ % 4];
    (void)snprintf(name, sizeof names[0], "%s%zu", format, i);
    return name;
}

/* Files of which a hundred do not fit into memory, and larger ones. */
static int setup_group(void **state) {
    (void)state;
    stock_make_tree();
    for (size_t i = 0; i < COUNT; i++) {
        tree_file(&stock.tree, name_of("small", i), i, STOCK_MEMORY_MAX);
        stock_date(name_of("small", i), STOCK_OLD_S);
        tree_file(&stock.tree, name_of("large", i), i, STOCK_MEMORY_MAX + 1);
        stock_date(name_of("large", i), STOCK_OLD_S);
    }
    stock_write("with", "plain");
    stock_write("with.gz", "gzip");
    stock_write("dir/file", "file");
    return 0;
}

static int teardown_group(void **state) {
    (void)state;
    tree_remove(&stock.tree);
    return 0;
}

static int setup(void **state) {
    (void)state;
    allocations_until_failure = -1;
    open_error = 0;
    opens_until_error = 0;
    errors_left = -1;
    random_error = 0;
    blocks = 0;
    stock_open(CACHE_BYTES);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    allocations_until_failure = -1;
    open_error = 0;
    stock_shut();
    assert_int_equal(blocks, 0);
    return 0;
}

static size_t cached_bytes(void) {
    return stock.store.cache.small_bytes + stock.store.cache.main_bytes;
}

/* The root, the watch, and what is kept open. */
static size_t open_fds(void) {
    return process_count_fds(getpid()) - stock.fds - 2;
}

static void get_and_check(const char *kind, size_t i) {
    char want[64];
    const char *name = name_of(kind, i);
    content_fill(i, 0, want, sizeof want);
    row_assert_slice(name, slice_of(stock_get(name), 63), slice_of(want, 63));
}

static void test_bytes(void **state) {
    (void)state;
    size_t most = 0;
    for (size_t times = 0; times < 3; times++) {
        for (size_t i = 0; i < COUNT; i++) {
            get_and_check("small", i);
            row_assert(row_at("bytes", i), cached_bytes() <= CACHE_BYTES);
            most = cached_bytes() > most ? cached_bytes() : most;
        }
    }
    assert_in_range(most, CACHE_BYTES - 2 * STOCK_MEMORY_MAX, CACHE_BYTES);
}

static void test_bytes_of_what_is_absent(void **state) {
    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        row_assert_slice(row_at("absent", i), slice_of_text(stock_get(name_of("absent", i))),
                         SLICE("ABSENT"));
        row_assert(row_at("absent", i), cached_bytes() <= CACHE_BYTES);
    }
    assert_in_range(cached_bytes(), CACHE_BYTES / 2, CACHE_BYTES);
    assert_true(blocks < CACHE_BYTES / 100);
}

/* What does not fit at all is sent all the same. */
static void test_one_that_is_larger_than_the_cache(void **state) {
    (void)state;
    stock_shut();
    stock_open(100);
    for (size_t i = 0; i < COUNT; i++) {
        get_and_check("small", i);
        assert_int_equal(cached_bytes(), 0);
        get_and_check("large", i);
        assert_int_equal(stock.store.fds, 0);
        assert_int_equal(open_fds(), 0);
    }
}

static void test_descriptors(void **state) {
    (void)state;
    stock.store.fds_max = 10;
    for (size_t times = 0; times < 3; times++) {
        for (size_t i = 0; i < COUNT; i++) {
            get_and_check("large", i);
            row_assert(row_at("descriptors", i), open_fds() <= 10);
            row_assert_number(row_at("descriptors", i), open_fds(), stock.store.fds);
        }
    }
    assert_int_equal(stock.store.fds, 10);
    stock.store.fds_max = 5;
    get_and_check("large", 0);
    assert_int_equal(open_fds(), 5);
}

static void test_descriptors_of_what_is_asked_for_stay(void **state) {
    (void)state;
    size_t recalled = 0;
    stock.store.fds_max = 10;
    for (size_t i = 1; i < COUNT; i++) {
        get_and_check("large", 0);
        recalled += stock.recalled ? 1 : 0;
        get_and_check("large", i);
    }
    assert_int_equal(recalled, COUNT - 2);
}

static void test_no_descriptors(void **state) {
    (void)state;
    stock.store.fds_max = 0;
    for (size_t i = 0; i < COUNT; i++) {
        get_and_check("large", i);
        assert_int_equal(open_fds(), 0);
    }
    get_and_check("small", 0);
    get_and_check("small", 0);
    assert_true(stock.recalled);
}

/* What changed gives back what it held. */
static void test_descriptors_of_what_changes(void **state) {
    (void)state;
    for (size_t i = 0; i < 20; i++)
        get_and_check("large", i);
    assert_int_equal(stock.store.fds, 20);
    for (size_t i = 0; i < 20; i++)
        stock_date(name_of("large", i), STOCK_OLD_S);
    store_notice(&stock.store);
    assert_int_equal(stock.store.fds, 0);
    assert_int_equal(open_fds(), 0);
    assert_int_equal(cached_bytes(), 0);
}

/* A share of what the process may have open. */
static void test_descriptors_by_default(void **state) {
    (void)state;
    assert_in_range(stock.store.fds_max, 1, 1024);
}

static void test_without_a_cache(void **state) {
    (void)state;
    static const char *const paths[] = {"small1", "large1", "dir", "dir/", "absent", "dir/file"};
    stock_shut();
    stock_open(0);
    assert_false(store_is_watched(&stock.store, 0));
    assert_int_equal(store_fd(&stock.store), -1);
    store_notice(&stock.store);
    long before = blocks;
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < ROWS_COUNT(paths); i++) {
            (void)stock_get(paths[i]);
            row_assert(paths[i], !stock.recalled);
            row_assert_number(paths[i], blocks, before);
            row_assert_number(paths[i], process_count_fds(getpid()), stock.fds + 1);
        }
    }
    assert_string_equal(stock_get_coded("with", CODING_GZIP), "gzip");
}

static const struct {
    const char *name;
    int error;
    const char *outcome;
} faults[] = {
    {"no descriptors", EMFILE, "EXHAUSTED"},
    {"no descriptors at all", ENFILE, "EXHAUSTED"},
    {"no memory in the kernel", ENOMEM, "EXHAUSTED"},
    {"fault", EIO, "FAULT"},
    {"stale", ESTALE, "FAULT"},
};

/* What may be otherwise the next time is not kept. */
static void test_faults_are_not_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(faults); i++) {
        const char *name = name_of("small", i);
        open_error = faults[i].error;
        stock_expect(faults[i].name, name, faults[i].outcome, false);
        open_error = 0;
        get_and_check("small", i);
        row_assert(faults[i].name, !stock.recalled);
        get_and_check("small", i);
        row_assert(faults[i].name, stock.recalled);
    }
}

/* The same while another coding is read; what was ready is lost, but nothing else. */
static void test_faults_when_it_is_read(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("with");
    stock_return(resource);
    open_error = EMFILE;
    stock_expect("no descriptors", "with", "EXHAUSTED", true);
    open_error = 0;
    stock_expect("looked up again", "with", "plain", false);
    open_error = EMFILE;
    assert_string_equal(stock_get_coded("with", CODING_GZIP), "EXHAUSTED");
    open_error = 0;
    assert_string_equal(stock_get_coded("with", CODING_GZIP), "gzip");
    assert_false(stock.recalled);
}

/* Rather than refuse, what is held is given back. */
static void test_descriptors_are_given_back(void **state) {
    (void)state;
    get_and_check("large", 0);
    get_and_check("large", 1);
    assert_int_equal(stock.store.fds, 2);
    opens_until_error = 0;
    errors_left = 1;
    open_error = EMFILE;
    get_and_check("large", 2);
    assert_int_equal(errors_left, 0);
    assert_int_equal(stock.store.fds, 1);
    assert_int_equal(open_fds(), 1);

    (void)stock_get("with"); /* the same where it is a sibling that is opened */
    errors_left = 1;
    assert_string_equal(stock_get_coded("with", CODING_GZIP), "gzip");
    assert_int_equal(errors_left, 0);
    assert_int_equal(open_fds(), 0);

    get_and_check("large", 0); /* and where it does not help */
    errors_left = -1;
    stock_expect("none at all", "large1", "EXHAUSTED", false);
    assert_int_equal(open_fds(), 0);
}

/* The same while siblings are looked for: what could not be opened is not known to be absent. */
static void test_faults_when_siblings_are_looked_for(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(faults); i++) {
        opens_until_error = 1; /* the plain file's */
        open_error = faults[i].error;
        stock_return(stock_borrow("with"));
        open_error = 0;
        row_assert(faults[i].name, strcmp(stock_get_coded("with", CODING_GZIP), "gzip") == 0);
        row_assert(faults[i].name, !stock.recalled);
        stock_shut();
        stock_open(CACHE_BYTES);
    }
}

/* Every allocation fails once. */
static void test_no_memory(void **state) {
    (void)state;
    static const char *const paths[] = {"small5", "large5", "dir/file", "absent", "with"};
    for (size_t i = 0; i < ROWS_COUNT(paths); i++) {
        bool failed = true;
        for (long until = 0; failed; until++) {
            stock_shut();
            stock_open(CACHE_BYTES);
            allocations_until_failure = until;
            struct resource *resource = stock_borrow(paths[i]);
            if (resource != NULL) {
                (void)stock_read(resource, CODING_GZIP);
                stock_return(resource);
            }
            failed = allocations_until_failure < 0; /* there were more */
            allocations_until_failure = -1;
            row_assert_number(row_at(paths[i], (size_t)until), open_fds(), stock.store.fds);
            (void)stock_get(paths[i]);
        }
    }
}

static void test_no_memory_at_the_start(void **state) {
    (void)state;
    bool failed = true;
    for (long until = 0; failed; until++) {
        struct store other;
        struct err err = ERR_INIT;
        long before = blocks;
        allocations_until_failure = until;
        int result = store_init(&other, &stock.roots, &stock.options, &err);
        failed = allocations_until_failure < 0;
        allocations_until_failure = -1;
        row_assert_number(row_at("allocation", (size_t)until), result, failed ? -ENOMEM : 0);
        row_assert(row_at("allocation", (size_t)until), !failed || err.text[0] != '\0');
        store_deinit(&other);
        row_assert_number(row_at("allocation", (size_t)until), blocks, before);
    }
}

static void test_no_random_numbers(void **state) {
    (void)state;
    struct store other;
    struct err err = ERR_INIT;
    random_error = ENOSYS;
    assert_int_equal(store_init(&other, &stock.roots, &stock.options, &err), -ENOSYS);
    random_error = 0;
    store_deinit(&other);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_bytes),
        test(test_bytes_of_what_is_absent),
        test(test_one_that_is_larger_than_the_cache),
        test(test_descriptors),
        test(test_descriptors_of_what_is_asked_for_stay),
        test(test_no_descriptors),
        test(test_descriptors_of_what_changes),
        test(test_descriptors_by_default),
        test(test_without_a_cache),
        test(test_faults_are_not_kept),
        test(test_faults_when_it_is_read),
        test(test_descriptors_are_given_back),
        test(test_faults_when_siblings_are_looked_for),
        test(test_no_memory),
        test(test_no_memory_at_the_start),
        test(test_no_random_numbers),
    };
    return cmocka_run_group_tests_name("store, bounds", tests, setup_group, teardown_group);
}
