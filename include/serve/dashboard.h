/* The status page: what the tallies say, for people. Pure; style and script are in the page, and
 * nothing is fetched for it but the events that keep it up to date. Without the script it shows
 * what is so when it is loaded. */
#pragma once

#include "base/buf.h"
#include "serve/metrics.h"
#include "serve/trend.h"

#include <stddef.h>
#include <stdint.h>

/* Workers that have a row of their own. */
enum { DASHBOARD_WORKERS_MAX = 64 };

/* All pointers are borrowed. */
struct dashboard {
    const struct metrics_state *state;
    enum metrics_phase phase;
    const struct tally *all;
    const struct tally *workers; /* by their numbers */
    size_t worker_count;
    const struct trend *trend;
    int64_t now_s; /* the time of day */
};

/* A word for the phase: "serving"; static. */
struct slice dashboard_phase(enum metrics_phase phase);

void dashboard_put_page(struct buf *buf, const struct dashboard *dashboard);

/* Writes the value of the Content-Security-Policy that the page is to be sent with. */
void dashboard_put_policy(struct buf *buf);

/* Server-Sent Events (HTML standard, "Server-sent events"), each with a JSON object for its data.
 * The start of a stream: how long to wait before another one is asked for, and "past", an array of
 * the points of the trend. */
void dashboard_put_past(struct buf *buf, const struct dashboard *dashboard);

/* What is so now: of type "now". */
void dashboard_put_now(struct buf *buf, const struct dashboard *dashboard);
