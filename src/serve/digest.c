#include "serve/digest.h"

#include "base/counter.h"
#include "serve/spell.h"
#include "serve/trend.h"
#include "store/size.h"

void digest_add(struct digest *digest, const struct log_record *record) {
    counter_add(&digest->requests, 1);
    counter_add(&digest->errors, status_code(record->status) >= 400 ? 1 : 0);
    counter_add(&digest->bytes, record->content_bytes);
    histogram_observe(&digest->times, (uint64_t)record->took_us * 1000, 1);
}

enum { NUMBERS = sizeof(struct digest) / sizeof(uint64_t) };

static const uint64_t *numbers_of(const struct digest *digest) {
    return (const uint64_t *)(const void *)digest;
}

void digest_read(struct digest *sum, const struct digest *shared) {
    uint64_t *to = (uint64_t *)(void *)sum;
    for (size_t i = 0; i < NUMBERS; i++)
        to[i] += counter_read(&numbers_of(shared)[i]);
}

struct digest digest_since(const struct digest *sum, const struct digest *before) {
    struct digest since = *sum;
    uint64_t *to = (uint64_t *)(void *)&since;
    for (size_t i = 0; i < NUMBERS; i++)
        to[i] -= numbers_of(before)[i];
    return since;
}

struct digest digest_of_tally(const struct tally *tally) {
    return (struct digest){.requests = trend_count_answers(tally),
                           .errors = trend_count_class(tally, 4) + trend_count_class(tally, 5),
                           .bytes = tally->sent_bytes,
                           .times = tally->request_times};
}

/* "3 errors" */
static void put_count(struct buf *buf, uint64_t count, struct slice kind, struct slice noun) {
    buf_put_number(buf, count);
    buf_put_char(buf, ' ');
    buf_put(buf, kind);
    buf_put(buf, noun);
    if (count != 1)
        buf_put_char(buf, 's');
}

static void put_errors(struct buf *buf, uint64_t errors, bool coloured) {
    bool red = coloured && errors > 0;
    if (red)
        buf_put(buf, SLICE("\x1b[31m"));
    put_count(buf, errors, SLICE(""), SLICE("error"));
    if (red)
        buf_put(buf, SLICE("\x1b[0m"));
}

static void put_quantile(struct buf *buf, const struct histogram *times, unsigned permille,
                         struct slice name) {
    buf_put(buf, name);
    spell_duration(buf, histogram_quantile_ns(times, permille) / 1000);
}

void digest_put(struct buf *buf, const struct digest *digest, struct slice kind, bool coloured) {
    put_count(buf, digest->requests, kind, SLICE("request"));
    buf_put(buf, SLICE(", "));
    size_put(buf, digest->bytes);
    buf_put(buf, SLICE(", "));
    put_errors(buf, digest->errors, coloured);
    if (histogram_count(&digest->times) == 0)
        return;
    put_quantile(buf, &digest->times, 500, SLICE(", p50 "));
    put_quantile(buf, &digest->times, 990, SLICE(", p99 "));
}
