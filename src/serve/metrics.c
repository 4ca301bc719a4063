#include "serve/metrics.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static const struct metrics_state_row state_rows[] = {
#define TALLIED(field, shape, kind, name, help)
#define STATED(field, kind, name, help) \
    {METRIC_##kind, name, help, offsetof(struct metrics_state, field)},
#include "serve/metric.def"
#undef TALLIED
#undef STATED
    {.name = NULL},
};

const struct metrics_state_row *metrics_state_rows(void) {
    return state_rows;
}

int metrics_open(struct metrics **metrics, int64_t now_s, struct err *err) {
    void *memory = mmap(NULL, sizeof **metrics, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return err_set(err, errno, "cannot share memory with the workers: %s", strerror(errno));
    *metrics = memory;
    (*metrics)->state.start_time = (uint64_t)now_s;
    (*metrics)->state.generation = 1;
    return 0;
}

void metrics_close(struct metrics *metrics) {
    if (metrics != NULL)
        (void)munmap(metrics, sizeof *metrics);
}

/* The master's part */

void metrics_set_phase(struct metrics *metrics, enum metrics_phase phase) {
    if (metrics == NULL)
        return;
    counter_set(&metrics->phase, phase);
    counter_set(&metrics->state.draining, phase == METRICS_DRAINING ? 1 : 0);
}

void metrics_next_generation(struct metrics *metrics) {
    if (metrics != NULL)
        counter_add(&metrics->state.generation, 1);
}

/* One that had a worker with that number, and has none now; or a new one. */
static struct metrics_slot *find_slot(struct metrics *metrics, size_t number) {
    for (size_t i = 0; i < metrics->slot_count; i++) {
        struct metrics_slot *slot = &metrics->slots[i];
        if (slot->number == number && slot->alive == 0)
            return slot;
    }
    if (metrics->slot_count == METRICS_SLOTS_MAX)
        return NULL;
    struct metrics_slot *slot = &metrics->slots[metrics->slot_count];
    counter_set(&slot->number, number);
    __atomic_store_n(&metrics->slot_count, metrics->slot_count + 1, __ATOMIC_RELEASE);
    return slot;
}

struct metrics_slot *metrics_worker_starts(struct metrics *metrics, size_t number) {
    struct metrics_slot *slot = metrics != NULL ? find_slot(metrics, number) : NULL;
    if (slot == NULL)
        return NULL;
    counter_set(&slot->alive, 1);
    counter_add(&metrics->state.workers, 1);
    counter_add(&metrics->state.worker_starts, 1);
    return slot;
}

void metrics_worker_ended(struct metrics *metrics, struct metrics_slot *slot, bool died) {
    if (metrics == NULL || slot == NULL)
        return;
    counter_add(&slot->tally.closed[CLOSE_WORKER_DIED], tally_open_connections(&slot->tally));
    tally_reset_gauges(&slot->tally);
    counter_set(&slot->alive, 0);
    counter_set(&metrics->state.workers, metrics->state.workers - 1);
    counter_add(&metrics->state.worker_deaths, died ? 1 : 0);
}

/* For those who ask */

enum metrics_phase metrics_phase(const struct metrics *metrics) {
    return (enum metrics_phase)counter_read(&metrics->phase);
}

void metrics_read_state(const struct metrics *metrics, struct metrics_state *state) {
    for (const struct metrics_state_row *row = state_rows; row->name != NULL; row++) {
        const char *from = (const char *)&metrics->state + row->offset;
        uint64_t value = counter_read((const uint64_t *)(const void *)from);
        memcpy((char *)state + row->offset, &value, sizeof value);
    }
}

static size_t count_slots(const struct metrics *metrics) {
    return (size_t)__atomic_load_n(&metrics->slot_count, __ATOMIC_ACQUIRE);
}

size_t metrics_numbers(const struct metrics *metrics) {
    size_t numbers = 0;
    size_t count = count_slots(metrics);
    for (size_t i = 0; i < count; i++) {
        size_t number = (size_t)counter_read(&metrics->slots[i].number);
        if (number >= numbers)
            numbers = number + 1;
    }
    return numbers;
}

void metrics_read_worker(const struct metrics *metrics, size_t number, struct tally *tally) {
    size_t count = count_slots(metrics);
    *tally = (struct tally){0};
    for (size_t i = 0; i < count; i++) {
        if (counter_read(&metrics->slots[i].number) == number)
            tally_read(tally, &metrics->slots[i].tally);
    }
}

void metrics_read_all(const struct metrics *metrics, struct tally *tally) {
    size_t count = count_slots(metrics);
    *tally = (struct tally){0};
    for (size_t i = 0; i < count; i++)
        tally_read(tally, &metrics->slots[i].tally);
}

void metrics_read_withheld(const struct metrics *metrics, struct digest *withheld) {
    size_t count = count_slots(metrics);
    *withheld = (struct digest){0};
    for (size_t i = 0; i < count; i++)
        digest_read(withheld, &metrics->slots[i].withheld);
}
