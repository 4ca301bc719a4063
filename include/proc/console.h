/* What the terminal shows of all workers together: a line a second while they withhold the lines of
 * requests, and a summary at the end. The master writes it, from what the workers count in memory
 * that it shares with them. */
#pragma once

#include "conf/options.h"
#include "serve/metrics.h"
#include "sys/sink.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONSOLE_LINE_MAX = 400 }; /* bytes */

struct console {
    const struct metrics *metrics; /* borrowed; NULL: there is no terminal, and all else is void */
    struct sink sink;
    bool coloured;
    int64_t started_ms;
    int64_t due_ms;      /* when the next line is; INT64_MAX: nothing is to be said */
    struct digest shown; /* what the lines so far have said */
    size_t unwritten;    /* bytes of `line` that the terminal has not taken */
    char line[CONSOLE_LINE_MAX];
};

#define CONSOLE_INIT \
    { .sink = SINK_INIT }

/* Whether somebody looks at the terminal and did not ask for quiet. */
bool console_is_wanted(const struct options *options);

/* Starts it, with metrics that are borrowed until console_close(); NULL: it shows nothing. `now_ms`
 * is the monotonic clock, here as below. */
void console_open(struct console *console, const struct metrics *metrics, int64_t now_ms);

/* Says what is due; call it in each turn. A terminal that is stopped (Ctrl-S) is not waited for:
 * what it does not take is in the next line that it does. A worker that begins to withhold lines
 * wakes the master (WORKER_POURS); as long as some do, it wakes itself. */
void console_tick(struct console *console, int64_t now_ms);
int64_t console_wait_ms(const struct console *console, int64_t wait_ms, int64_t now_ms);

/* The summary of all there was. */
void console_conclude(struct console *console, int64_t now_ms);

/* Idempotent. */
void console_close(struct console *console);
