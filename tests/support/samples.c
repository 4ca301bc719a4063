#include "support/samples.h"

#include "support/note.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A family of samples, while its lines are read. */
struct family {
    char name[64];
    char type[16];
    bool has_help;
    bool has_type;
};

struct reader {
    struct samples *samples;
    struct family families[256];
    size_t family_count; /* the last one is that at hand */
};

static bool is_first(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Takes a name; `colons` may be part of those of metrics. */
static bool take_name(const char **at, bool colons, char *name, size_t size) {
    size_t len = 0;
    const char *from = *at;
    while (is_first(from[len]) || (colons && from[len] == ':') ||
           (len > 0 && from[len] >= '0' && from[len] <= '9'))
        len++;
    if (len == 0 || len >= size)
        return false;
    (void)snprintf(name, size, "%.*s", (int)len, from);
    *at += len;
    return true;
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* Starts on the family, or goes on with that at hand; NULL: it has been left. */
static struct family *family_of(struct reader *reader, const char *name) {
    for (size_t i = 0; i < reader->family_count; i++) {
        struct family *family = &reader->families[i];
        if (strcmp(family->name, name) == 0)
            return i + 1 == reader->family_count ? family : NULL;
    }
    struct family *family = &reader->families[reader->family_count++];
    *family = (struct family){.name = ""};
    (void)snprintf(family->name, sizeof family->name, "%s", name);
    return family;
}

static const char *read_help(struct reader *reader, const char *line) {
    char name[64];
    if (!take_name(&line, true, name, sizeof name) || *line != ' ')
        return "HELP has no name";
    struct family *family = family_of(reader, name);
    if (family == NULL || family->has_help || family->has_type)
        return "HELP is not the first line of its family";
    for (; *line != '\0'; line++) {
        if (*line == '\\' && line[1] != '\\' && line[1] != 'n')
            return "HELP has an unknown escape";
        if (*line == '\\')
            line++;
    }
    family->has_help = true;
    return NULL;
}

static const char *read_type(struct reader *reader, const char *line) {
    char name[64];
    if (!take_name(&line, true, name, sizeof name) || *line != ' ')
        return "TYPE has no name";
    struct family *family = family_of(reader, name);
    line++;
    if (family == NULL || !family->has_help || family->has_type)
        return "TYPE does not stand once behind its HELP";
    if (strcmp(line, "counter") != 0 && strcmp(line, "gauge") != 0 &&
        strcmp(line, "histogram") != 0)
        return "TYPE is none of those that pronto has";
    if ((strcmp(line, "counter") == 0) != ends_with(name, "_total"))
        return "a counter, and nothing else, has a name that ends in _total";
    (void)snprintf(family->type, sizeof family->type, "%s", line);
    family->has_type = true;
    return NULL;
}

/* Takes a value in quotation marks. */
static bool take_value(const char **at, char *value, size_t size) {
    size_t len = 0;
    if (*(*at)++ != '"')
        return false;
    for (; **at != '"'; (*at)++) {
        if (**at == '\0' || len + 3 > size)
            return false;
        if (**at == '\\' && strchr("\\\"n", (*at)[1]) == NULL)
            return false;
        if (**at == '\\')
            value[len++] = *(*at)++;
        value[len++] = **at;
    }
    value[len] = '\0';
    (*at)++;
    return true;
}

static bool take_label(const char **at, struct sample *sample) {
    char name[64];
    char value[128];
    size_t len = strlen(sample->labels);
    if (!take_name(at, false, name, sizeof name) || *(*at)++ != '=' ||
        !take_value(at, value, sizeof value))
        return false;
    if (strcmp(name, "le") == 0)
        return snprintf(sample->bound, sizeof sample->bound, "%s", value) > 0;
    (void)snprintf(sample->labels + len, sizeof sample->labels - len, "%s%s=\"%s\"",
                   len > 0 ? "," : "", name, value);
    return true;
}

static bool take_labels(const char **at, struct sample *sample) {
    if (**at != '{')
        return true;
    do {
        (*at)++;
        if (!take_label(at, sample))
            return false;
    } while (**at == ',');
    return *(*at)++ == '}';
}

/* A number as Go reads it, of which pronto writes only decimal ones. */
static bool take_number(const char *at, double *value) {
    size_t len = strspn(at, "0123456789.");
    char *end;
    if (len == 0 || at[len] != '\0' || at[0] == '.')
        return false;
    *value = strtod(at, &end);
    return *end == '\0';
}

/* Whether a sample of that name belongs to the family. */
static bool belongs(const struct family *family, const struct sample *sample) {
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    size_t len = strlen(family->name);
    if (strcmp(family->type, "histogram") != 0)
        return strcmp(family->name, sample->name) == 0 && sample->bound[0] == '\0';
    for (size_t i = 0; i < 3; i++) {
        if (strncmp(sample->name, family->name, len) == 0 &&
            strcmp(sample->name + len, suffixes[i]) == 0)
            return (i == 0) == (sample->bound[0] != '\0');
    }
    return false;
}

static bool is_there(const struct samples *samples, const struct sample *sample) {
    for (size_t i = 0; i < samples->count; i++) {
        const struct sample *other = &samples->items[i];
        if (strcmp(other->name, sample->name) == 0 && strcmp(other->labels, sample->labels) == 0 &&
            strcmp(other->bound, sample->bound) == 0)
            return true;
    }
    return false;
}

static const char *read_sample(struct reader *reader, const char *line) {
    struct samples *samples = reader->samples;
    struct sample sample = {.name = ""};
    if (!take_name(&line, true, sample.name, sizeof sample.name))
        return "a sample has no name";
    if (!take_labels(&line, &sample))
        return "the labels of a sample are not well-formed";
    if (*line++ != ' ' || !take_number(line, &sample.value))
        return "a sample has no number behind one blank";
    if (reader->family_count == 0 || !reader->families[reader->family_count - 1].has_type ||
        !belongs(&reader->families[reader->family_count - 1], &sample))
        return "a sample does not belong to the family at hand";
    if (is_there(samples, &sample))
        return "a sample stands twice";
    samples->items = realloc(samples->items, (samples->count + 1) * sizeof *samples->items);
    assert_non_null(samples->items);
    samples->items[samples->count++] = sample;
    return NULL;
}

static const char *read_line(struct reader *reader, const char *line) {
    if (strncmp(line, "# HELP ", 7) == 0)
        return read_help(reader, line + 7);
    if (strncmp(line, "# TYPE ", 7) == 0)
        return read_type(reader, line + 7);
    if (line[0] == '#' || line[0] == '\0')
        return "a line says nothing";
    return read_sample(reader, line);
}

static double bound_of(const struct sample *sample) {
    double bound;
    if (strcmp(sample->bound, "+Inf") == 0)
        return INFINITY;
    return take_number(sample->bound, &bound) ? bound : NAN;
}

static bool same_series(const struct sample *a, const struct sample *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->labels, b->labels) == 0;
}

/* Checks the bucket at `i` against the one before it, and the last one against _sum and _count,
 * which have to follow. */
static const char *check_bucket(const struct samples *samples, size_t i) {
    const struct sample *bucket = &samples->items[i];
    const struct sample *before = i > 0 && same_series(bucket - 1, bucket) ? bucket - 1 : NULL;
    if (isnan(bound_of(bucket)))
        return "a bound is no number";
    if (before != NULL && !(bound_of(before) < bound_of(bucket)))
        return "bounds are not in order";
    if (before != NULL && before->value > bucket->value)
        return "a bucket has less than the one before it";
    if (i + 1 < samples->count && same_series(bucket, bucket + 1))
        return NULL;
    if (!isinf(bound_of(bucket)))
        return "the last bucket is not that of +Inf";
    if (i + 2 >= samples->count || !ends_with(bucket[1].name, "_sum") ||
        !ends_with(bucket[2].name, "_count") || strcmp(bucket[2].labels, bucket->labels) != 0)
        return "buckets lack their _sum and _count";
    return bucket[2].value == bucket->value ? NULL : "_count is not what the last bucket has";
}

static const char *check_histograms(const struct samples *samples) {
    for (size_t i = 0; i < samples->count; i++) {
        const char *complaint =
            samples->items[i].bound[0] != '\0' ? check_bucket(samples, i) : NULL;
        if (complaint != NULL)
            return complaint;
    }
    return NULL;
}

static const char *read_all(struct reader *reader, const char *text) {
    static char line[1024];
    for (const char *end; *text != '\0'; text = end + 1) {
        end = strchr(text, '\n');
        if (end == NULL)
            return "the last line has no end";
        (void)snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
        const char *complaint = read_line(reader, line);
        if (complaint != NULL)
            return complaint;
    }
    return check_histograms(reader->samples);
}

const char *samples_complaint(const char *text, struct samples *samples) {
    struct reader reader = {.samples = samples};
    *samples = (struct samples)SAMPLES_INIT;
    const char *complaint = read_all(&reader, text);
    if (complaint != NULL)
        samples_deinit(samples);
    return complaint;
}

void samples_read(struct samples *samples, const char *text) {
    samples_deinit(samples);
    const char *complaint = samples_complaint(text, samples);
    if (complaint != NULL)
        fail_msg("%s in:\n%s", complaint, text);
}

static const struct sample *find(const struct samples *samples, const char *name,
                                 const char *labels) {
    for (size_t i = 0; i < samples->count; i++) {
        if (strcmp(samples->items[i].name, name) == 0 &&
            strcmp(samples->items[i].labels, labels) == 0)
            return &samples->items[i];
    }
    return NULL;
}

bool samples_have(const struct samples *samples, const char *name, const char *labels) {
    return find(samples, name, labels) != NULL;
}

double samples_value(const struct samples *samples, const char *name, const char *labels) {
    const struct sample *sample = find(samples, name, labels);
    return sample != NULL ? sample->value : 0;
}

double samples_sum(const struct samples *samples, const char *name) {
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++)
        sum += strcmp(samples->items[i].name, name) == 0 ? samples->items[i].value : 0;
    return sum;
}

void samples_deinit(struct samples *samples) {
    free(samples->items);
    *samples = (struct samples)SAMPLES_INIT;
}
