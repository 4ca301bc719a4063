#include "base/histogram.h"

#include "base/counter.h"

#define US 1000ull
#define MS (1000 * US)
#define S  (1000 * MS)

enum { FEW = 1000 }; /* more tell nothing of one of them by their sum */

/* Each is about twice the one before: so that a quantile is not off by more than that, wherever it
 * is. */
static const uint64_t bounds_ns[HISTOGRAM_BOUNDS] = {
    10 * US, 20 * US, 50 * US,  100 * US, 200 * US, 500 * US, 1 * MS, 2 * MS, 5 * MS, 10 * MS,
    20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, 1 * S,    2 * S,  5 * S,  10 * S,
};

uint64_t histogram_bound_ns(unsigned i) {
    return bounds_ns[i];
}

/* From the front: most things are short. */
static unsigned bucket_of(uint64_t duration_ns) {
    unsigned i = 0;
    while (i < HISTOGRAM_BOUNDS && duration_ns > bounds_ns[i])
        i++;
    return i;
}

void histogram_observe(struct histogram *histogram, uint64_t duration_ns, uint64_t times) {
    counter_add(&histogram->counts[bucket_of(duration_ns)], times);
    counter_add(&histogram->sum_ns, duration_ns * times);
}

uint64_t histogram_count(const struct histogram *histogram) {
    uint64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        count += counter_read(&histogram->counts[i]);
    return count;
}

static uint64_t lower_ns(unsigned bucket) {
    return bucket > 0 ? bounds_ns[bucket - 1] : 0;
}

/* The sum tells how far all together are above the least that they can be, and below the most; so
 * none alone is further from that. */
static uint64_t as_sum_allows(const struct histogram *histogram, unsigned bucket, uint64_t ns) {
    uint64_t sum_ns = counter_read(&histogram->sum_ns);
    uint64_t least_ns = 0;
    uint64_t most_ns = 0;
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        uint64_t count = counter_read(&histogram->counts[i]);
        least_ns += count * lower_ns(i);
        most_ns += count * bounds_ns[i];
    }
    if (counter_read(&histogram->counts[HISTOGRAM_BOUNDS]) > 0 || sum_ns < least_ns ||
        sum_ns > most_ns)
        return ns;
    uint64_t highest_ns = lower_ns(bucket) + (sum_ns - least_ns);
    uint64_t below_ns = most_ns - sum_ns;
    uint64_t lowest_ns = bounds_ns[bucket] > below_ns ? bounds_ns[bucket] - below_ns : 0;
    return ns > highest_ns ? highest_ns : ns < lowest_ns ? lowest_ns : ns;
}

/* The time that is reached when that share of a bucket has been passed. */
static uint64_t place_within(unsigned bucket, double share) {
    uint64_t lower = lower_ns(bucket);
    return lower + (uint64_t)((double)(bounds_ns[bucket] - lower) * share);
}

uint64_t histogram_quantile_ns(const struct histogram *histogram, unsigned permille) {
    uint64_t total = histogram_count(histogram);
    double rank = (double)total * permille / 1000;
    if (total == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        double count = (double)counter_read(&histogram->counts[i]);
        if (count > 0 && rank <= count) {
            uint64_t ns = place_within(i, rank / count);
            return total <= FEW ? as_sum_allows(histogram, i, ns) : ns;
        }
        rank -= count;
    }
    return bounds_ns[HISTOGRAM_BOUNDS - 1];
}
