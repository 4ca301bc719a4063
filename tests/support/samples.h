/* Metrics in the text format of Prometheus, version 0.0.4, read more strictly than a collector
 * would: what it would merely complain of, fails the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sample {
    char name[64];
    char labels[256]; /* as they were written: a="b",c="d"; without le= in `labels` of buckets */
    char bound[32];   /* the value of le; empty: there is none */
    double value;
};

struct samples {
    struct sample *items; /* owned */
    size_t count;
};

#define SAMPLES_INIT \
    { NULL, 0 }

/* What is wrong with the text; NULL: nothing. Then, and only then, `samples` is filled in. Each
 * family has HELP and TYPE once and before its samples, which stand together; counters end in
 * _total; no sample stands twice; numbers are such; buckets are in order, grow, and end with +Inf,
 * which is what _count says. Static. */
const char *samples_complaint(const char *text, struct samples *samples);

/* The same; fails the test where something is wrong, and shows the text. Replaces what `samples`
 * had. */
void samples_read(struct samples *samples, const char *text);

/* The sample of that name and exactly these labels; and whether there is one. 0 where there is
 * none. */
double samples_value(const struct samples *samples, const char *name, const char *labels);
bool samples_have(const struct samples *samples, const char *name, const char *labels);

/* The sum of all samples of that name. */
double samples_sum(const struct samples *samples, const char *name);

/* Idempotent. */
void samples_deinit(struct samples *samples);
