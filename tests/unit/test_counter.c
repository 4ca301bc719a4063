#include "base/counter.h"

#include "support/row.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_counts(void **state) {
    uint64_t counter = 0;
    (void)state;
    counter_add(&counter, 2);
    counter_add(&counter, 3);
    assert_int_equal(counter_read(&counter), 5);
    counter_set(&counter, 1);
    assert_int_equal(counter_read(&counter), 1);
    counter_add(&counter, UINT64_MAX); /* modulo 2^64, as all unsigned numbers */
    assert_int_equal(counter_read(&counter), 0);
}

/* Both halves of each number are the same; a reader that got half of one would see two. */
static void test_another_process_reads_whole_numbers(void **state) {
    enum { NUMBERS = 200000 };
    static const uint64_t both_halves = 0x100000001;
    (void)state;
    uint64_t *counter =
        mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(counter != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int i = 0; i < NUMBERS; i++)
            counter_add(counter, both_halves);
        _exit(0);
    }
    uint64_t value = 0;
    for (uint64_t before = 0; value < NUMBERS * both_halves; before = value) {
        value = counter_read(counter);
        assert_true(value >> 32 == (value & UINT32_MAX));
        assert_true(value >= before);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(munmap(counter, sizeof *counter), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_another_process_reads_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
