#include "serve/trend.h"

static const double NS_PER_S = 1e9;

uint64_t trend_count_class(const struct tally *tally, unsigned class) {
    uint64_t sum = 0;
    for (unsigned method = 0; method <= METHOD_UNKNOWN; method++) {
        for (unsigned status = 0; status < STATUS_COUNT; status++) {
            if (status_code((enum status)status) / 100 == class)
                sum += tally->answers[method][status];
        }
    }
    return sum;
}

uint64_t trend_count_answers(const struct tally *tally) {
    uint64_t sum = 0;
    for (unsigned class = 1; class <= 5; class ++)
        sum += trend_count_class(tally, class);
    return sum;
}

/* Counters only grow; the sum over processes is none that could have been read at once. */
static uint64_t grown(uint64_t now, uint64_t before) {
    return now > before ? now - before : 0;
}

static void subtract(struct histogram *part, const struct histogram *now,
                     const struct histogram *before) {
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        part->counts[i] = grown(now->counts[i], before->counts[i]);
}

static double share_of_hits(const struct tally *now, const struct tally *before) {
    uint64_t hits = grown(now->cache_hits, before->cache_hits);
    uint64_t misses = grown(now->cache_misses, before->cache_misses);
    return hits + misses > 0 ? (double)hits / (double)(hits + misses) : -1;
}

static struct trend_point compare(const struct tally *now, const struct tally *before, double s) {
    struct histogram times = {0};
    subtract(&times, &now->request_times, &before->request_times);
    return (struct trend_point){
        .requests_per_s = (double)grown(trend_count_answers(now), trend_count_answers(before)) / s,
        .errors_per_s = (double)grown(trend_count_class(now, 5), trend_count_class(before, 5)) / s,
        .bytes_per_s = (double)grown(now->sent_bytes, before->sent_bytes) / s,
        .hit_share = share_of_hits(now, before),
        .open = now->open,
        .requests = histogram_count(&times),
        .median_ns = histogram_quantile_ns(&times, 500),
        .p90_ns = histogram_quantile_ns(&times, 900),
        .p99_ns = histogram_quantile_ns(&times, 990),
    };
}

void trend_add(struct trend *trend, const struct tally *now, int64_t now_ns) {
    if (trend->started) {
        double s = (double)(now_ns - trend->before_ns) / NS_PER_S;
        trend->points[trend->count++ % TREND_POINTS] = compare(now, &trend->before, s);
    }
    trend->started = true;
    trend->before = *now;
    trend->before_ns = now_ns;
}

size_t trend_length(const struct trend *trend) {
    return trend->count < TREND_POINTS ? trend->count : TREND_POINTS;
}

const struct trend_point *trend_at(const struct trend *trend, size_t i) {
    return &trend->points[(trend->count - trend_length(trend) + i) % TREND_POINTS];
}
