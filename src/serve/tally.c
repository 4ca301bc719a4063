#include "serve/tally.h"

static const struct metric_row rows[] = {
#define TALLIED(field, shape, kind, name, help) \
    {METRIC_##shape,                            \
     METRIC_##kind,                             \
     name,                                      \
     help,                                      \
     offsetof(struct tally, field),             \
     sizeof((struct tally *)0)->field},
#define STATED(field, kind, name, help)
#include "serve/metric.def"
#undef TALLIED
#undef STATED
    {.name = NULL},
};

const struct metric_row *tally_rows(void) {
    return rows;
}

static uint64_t *numbers_of(struct tally *tally, const struct metric_row *row) {
    return (uint64_t *)(void *)((char *)tally + row->offset);
}

static void read_row(const struct metric_row *row, struct tally *sum, const struct tally *shared) {
    uint64_t *to = numbers_of(sum, row);
    const uint64_t *from = tally_numbers(shared, row);
    for (size_t i = 0; i < tally_count(row); i++) {
        uint64_t value = counter_read(&from[i]);
        if (row->kind != METRIC_HIGHEST)
            to[i] += value;
        else if (value > to[i])
            to[i] = value;
    }
}

void tally_read(struct tally *sum, const struct tally *shared) {
    for (const struct metric_row *row = rows; row->name != NULL; row++)
        read_row(row, sum, shared);
    sum->open += tally_open_connections(shared);
}

void tally_reset_gauges(struct tally *tally) {
    for (const struct metric_row *row = rows; row->name != NULL; row++) {
        for (size_t i = 0; i < tally_count(row) && row->kind != METRIC_COUNTER; i++)
            counter_set(&numbers_of(tally, row)[i], 0);
    }
}

/* A connection that closes while this reads may be seen as closed and not yet as accepted. */
uint64_t tally_open_connections(const struct tally *tally) {
    uint64_t closed = 0;
    for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
        closed += counter_read(&tally->closed[i]);
    uint64_t accepted = counter_read(&tally->accepted);
    return accepted > closed ? accepted - closed : 0;
}

const char *tally_reason_name(enum close_reason reason) {
    static const char *const names[] = {
#define CLOSE_REASON(name) #name,
#include "serve/close_reason.def"
#undef CLOSE_REASON
    };
    return names[reason];
}
