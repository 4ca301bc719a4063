#include "serve/exposition.h"

#include "base/ascii.h"
#include "conf/version.h"

#include <stdio.h>
#include <string.h>

/* The labels of a series: pairs that a comma follows, but for the last. */
struct series {
    const char *name;
    const char *suffix; /* of the name: "", "_bucket", "_sum", "_count" */
    bool has_worker;
    size_t worker;
};

void exposition_put_seconds(struct buf *buf, uint64_t duration_ns) {
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%llu.%09llu",
                       (unsigned long long)(duration_ns / 1000000000),
                       (unsigned long long)(duration_ns % 1000000000));
    while (digits[len - 1] == '0')
        len--;
    if (digits[len - 1] == '.')
        len--;
    buf_put(buf, slice_of(digits, (size_t)len));
}

static void put_text(struct buf *buf, const char *text) {
    buf_put(buf, slice_of_text(text));
}

/* Labels are lower case, as Prometheus' own are. */
static void put_lower(struct buf *buf, const char *name) {
    for (; *name != '\0'; name++)
        buf_put_char(buf, ascii_lower(*name));
}

static const char *type_of(enum metric_shape shape, enum metric_kind kind) {
    if (shape == METRIC_TIMES)
        return "histogram";
    return kind == METRIC_COUNTER ? "counter" : "gauge";
}

/* The help texts have nothing in them that would have to be escaped. */
static void put_family(struct buf *buf, const char *name, const char *help, const char *type) {
    put_text(buf, "# HELP ");
    put_text(buf, name);
    buf_put_char(buf, ' ');
    put_text(buf, help);
    put_text(buf, "\n# TYPE ");
    put_text(buf, name);
    buf_put_char(buf, ' ');
    put_text(buf, type);
    buf_put_char(buf, '\n');
}

static void put_label(struct buf *buf, const char *name, size_t *labels) {
    buf_put_char(buf, (*labels)++ == 0 ? '{' : ',');
    put_text(buf, name);
    put_text(buf, "=\"");
}

/* Starts a sample: its name and, where it has that, the label that all have. Returns how many
 * labels there are. */
static size_t start_sample(struct buf *buf, const struct series *series) {
    size_t labels = 0;
    put_text(buf, series->name);
    put_text(buf, series->suffix);
    if (series->has_worker) {
        put_label(buf, "worker", &labels);
        buf_put_number(buf, series->worker);
        buf_put_char(buf, '"');
    }
    return labels;
}

static void end_labels(struct buf *buf, size_t labels) {
    if (labels > 0)
        buf_put_char(buf, '}');
    buf_put_char(buf, ' ');
}

static void put_sample(struct buf *buf, const struct series *series, uint64_t value) {
    end_labels(buf, start_sample(buf, series));
    buf_put_number(buf, value);
    buf_put_char(buf, '\n');
}

static void put_seconds(struct buf *buf, const struct series *series, uint64_t duration_ns) {
    end_labels(buf, start_sample(buf, series));
    exposition_put_seconds(buf, duration_ns);
    buf_put_char(buf, '\n');
}

/* A sample with a label whose value is a name in upper case. */
static void put_named(struct buf *buf, const struct series *series, const char *label,
                      const char *name, uint64_t value) {
    size_t labels = start_sample(buf, series);
    put_label(buf, label, &labels);
    put_lower(buf, name);
    buf_put_char(buf, '"');
    end_labels(buf, labels);
    buf_put_number(buf, value);
    buf_put_char(buf, '\n');
}

static void put_reasons(struct buf *buf, const struct series *series, const uint64_t *numbers) {
    for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
        put_named(buf, series, "reason", tally_reason_name((enum close_reason)i), numbers[i]);
}

static void put_refusals(struct buf *buf, const struct series *series, const uint64_t *numbers) {
    for (unsigned i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        put_named(buf, series, "reason", refusal_name((enum refusal)i), numbers[i]);
}

static void put_answer(struct buf *buf, const struct series *series, enum method method,
                       enum status status, uint64_t value) {
    size_t labels = start_sample(buf, series);
    put_label(buf, "method", &labels);
    buf_put(buf, method == METHOD_UNKNOWN ? SLICE("other") : method_name(method));
    buf_put_char(buf, '"');
    put_label(buf, "code", &labels);
    buf_put_number(buf, status_code(status));
    buf_put_char(buf, '"');
    end_labels(buf, labels);
    buf_put_number(buf, value);
    buf_put_char(buf, '\n');
}

/* What was answered to a method with the code of a status, which may have several statuses: 0 but
 * for the first one of them. */
static uint64_t count_code(const uint64_t *numbers, unsigned status) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        if (status_code((enum status)i) != status_code((enum status)status))
            continue;
        if (i < status)
            return 0;
        sum += numbers[i];
    }
    return sum;
}

static void put_answers(struct buf *buf, const struct series *series, const uint64_t *numbers) {
    for (unsigned method = 0; method <= METHOD_UNKNOWN; method++) {
        for (unsigned status = 0; status < STATUS_COUNT; status++) {
            uint64_t value = count_code(numbers + method * STATUS_COUNT, status);
            if (value > 0)
                put_answer(buf, series, (enum method)method, (enum status)status, value);
        }
    }
}

static void put_bucket(struct buf *buf, const struct series *series, unsigned i, uint64_t below) {
    size_t labels = start_sample(buf, series);
    put_label(buf, "le", &labels);
    if (i < HISTOGRAM_BOUNDS)
        exposition_put_seconds(buf, histogram_bound_ns(i));
    else
        put_text(buf, "+Inf");
    buf_put_char(buf, '"');
    end_labels(buf, labels);
    buf_put_number(buf, below);
    buf_put_char(buf, '\n');
}

/* Buckets have all that is below their bound, and the last one all there is. */
static void put_times(struct buf *buf, const struct series *series,
                      const struct histogram *histogram) {
    uint64_t below = 0;
    struct series part = *series;
    part.suffix = "_bucket";
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        below += histogram->counts[i];
        put_bucket(buf, &part, i, below);
    }
    part.suffix = "_sum";
    put_seconds(buf, &part, histogram->sum_ns);
    part.suffix = "_count";
    put_sample(buf, &part, below);
}

static void put_row(struct buf *buf, const struct metric_row *row, const struct series *series,
                    const struct tally *tally) {
    const uint64_t *numbers = tally_numbers(tally, row);
    switch (row->shape) {
    case METRIC_PLAIN:
        put_sample(buf, series, *numbers);
        break;
    case METRIC_SECONDS:
        put_seconds(buf, series, *numbers);
        break;
    case METRIC_REASONS:
        put_reasons(buf, series, numbers);
        break;
    case METRIC_REFUSALS:
        put_refusals(buf, series, numbers);
        break;
    case METRIC_ANSWERS:
        put_answers(buf, series, numbers);
        break;
    case METRIC_TIMES:
        put_times(buf, series, (const struct histogram *)(const void *)numbers);
        break;
    }
}

static void put_state(struct buf *buf, const struct metrics_state *state) {
    for (const struct metrics_state_row *row = metrics_state_rows(); row->name != NULL; row++) {
        const struct series series = {.name = row->name, .suffix = ""};
        uint64_t value;
        memcpy(&value, (const char *)state + row->offset, sizeof value);
        put_family(buf, row->name, row->help, type_of(METRIC_PLAIN, row->kind));
        put_sample(buf, &series, value);
    }
}

static void put_build(struct buf *buf) {
    static const char name[] = "pronto_build_info";
    put_family(buf, name, "The version of pronto, as a label; always 1.", "gauge");
    put_text(buf, name);
    put_text(buf, "{version=\"" VERSION "\"} 1\n");
}

void exposition_write(struct buf *buf, const struct exposition *exposition) {
    put_build(buf);
    put_state(buf, exposition->state);
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++) {
        struct series series = {
            .name = row->name, .suffix = "", .has_worker = exposition->per_worker};
        put_family(buf, row->name, row->help, type_of(row->shape, row->kind));
        for (size_t i = 0; i < exposition->count; i++) {
            series.worker = i;
            put_row(buf, row, &series, &exposition->tallies[i]);
        }
    }
}
