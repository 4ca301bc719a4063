#include "base/histogram.h"

#include "support/row.h"

#define US 1000ull
#define MS (1000 * US)
#define S  (1000 * MS)

static void test_bounds_grow(void **state) {
    (void)state;
    assert_int_equal(histogram_bound_ns(0), 10 * US);
    assert_int_equal(histogram_bound_ns(HISTOGRAM_BOUNDS - 1), 10 * S);
    for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++) {
        uint64_t before = histogram_bound_ns(i - 1);
        assert_in_range(histogram_bound_ns(i), 2 * before, 5 * before / 2);
    }
}

/* A bound belongs to what is below it, as "le" says. */
static const struct {
    const char *name;
    uint64_t duration_ns;
    unsigned bucket;
} durations[] = {
    {"none", 0, 0},
    {"short", 1, 0},
    {"the first bound", 10 * US, 0},
    {"beyond the first bound", 10 * US + 1, 1},
    {"a middle one", 3 * MS, 8},
    {"a middle bound", 5 * MS, 8},
    {"the last bound", 10 * S, HISTOGRAM_BOUNDS - 1},
    {"beyond the last bound", 10 * S + 1, HISTOGRAM_BOUNDS},
    {"for ever", UINT64_MAX, HISTOGRAM_BOUNDS},
};

static void test_each_duration_has_its_bucket(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(durations); i++) {
        struct histogram histogram = {0};
        histogram_observe(&histogram, durations[i].duration_ns, 1);
        for (unsigned j = 0; j <= HISTOGRAM_BOUNDS; j++)
            row_assert_number(row_at(durations[i].name, j), histogram.counts[j],
                              j == durations[i].bucket);
        row_assert(durations[i].name, histogram.sum_ns == durations[i].duration_ns);
        row_assert_number(durations[i].name, histogram_count(&histogram), 1);
    }
}

static void test_several_at_once(void **state) {
    struct histogram histogram = {0};
    (void)state;
    histogram_observe(&histogram, 30 * US, 16);
    histogram_observe(&histogram, 40 * US, 4);
    assert_int_equal(histogram.counts[2], 20);
    assert_int_equal(histogram.sum_ns, 16 * 30 * US + 4 * 40 * US);
    assert_int_equal(histogram_count(&histogram), 20);
}

/* What is observed: so many of so long each. */
struct observed {
    uint64_t times;
    uint64_t duration_ns;
};

static const struct {
    const char *name;
    struct observed observed[3];
    unsigned permille;
    uint64_t quantile_ns;
} quantiles[] = {
    {"nothing", {{0}}, 500, 0},
    {"one is what it is", {{1, 19 * US}}, 500, 19 * US},
    {"one, all of it", {{1, 13 * US}}, 1000, 13 * US},
    {"two, of which one is longer", {{1, 50 * US}, {1, 120 * US}}, 990, 150 * US},
    {"two, and the shorter one", {{1, 50 * US}, {1, 120 * US}}, 500, 50 * US},
    {"a few", {{3, 120 * US}, {1, 800 * US}}, 990, 860 * US},
    {"many", {{1001, 1}}, 1000, 10 * US},
    {"all of one bucket, half", {{100, 15 * US}}, 500, 15 * US},
    {"all of one bucket, a tenth", {{100, 15 * US}}, 100, 11 * US},
    {"all of one bucket, all", {{100, 15 * US}}, 1000, 20 * US},
    {"from the first bucket on", {{2000, 1}}, 250, 10 * US / 4},
    {"no longer than all together", {{100, 1}}, 250, 100},
    {"between two", {{50, 1}, {50, 15 * US}}, 500, 10 * US},
    {"in the second of two", {{50, 1}, {50, 15 * US}}, 750, 15 * US},
    {"empty ones are passed over", {{50, 1}, {50, 300 * US}}, 750, 350 * US},
    {"the slowest of a hundred", {{99, 1}, {1, 15 * MS}}, 990, 10 * US},
    {"beyond that", {{99, 1}, {1, 15 * MS}}, 1000, 15 * MS + 99},
    {"one of them beyond all bounds", {{99, 1}, {1, 100 * S}}, 500, 5050},
    {"beyond all bounds", {{1, 100 * S}}, 1000, 10 * S},
    {"half of them beyond", {{50, 1}, {50, 100 * S}}, 900, 10 * S},
    {"more than fit into 54 bits", {{1ull << 60, 15 * US}}, 500, 15 * US},
};

static void test_quantiles(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(quantiles); i++) {
        struct histogram histogram = {0};
        for (size_t j = 0; j < ROWS_COUNT(quantiles[i].observed); j++)
            histogram_observe(&histogram, quantiles[i].observed[j].duration_ns,
                              quantiles[i].observed[j].times);
        row_assert_number(quantiles[i].name,
                          histogram_quantile_ns(&histogram, quantiles[i].permille),
                          quantiles[i].quantile_ns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_grow),
        cmocka_unit_test(test_each_duration_has_its_bucket),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
