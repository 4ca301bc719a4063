/* The access log of a worker: lines are gathered and written together, as a whole each, so that
 * those of several workers do not mix. Nothing waits for the log: what can't be written is lost,
 * and counted. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "conf/options.h"
#include "serve/digest.h"
#include "serve/logline.h"
#include "serve/pace.h"
#include "sys/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct accesslog {
    struct sink sink; /* fd -1: there is no log */
    struct logline logline;
    struct buf buffer;      /* lines that are not written yet; its memory is owned */
    size_t torn;            /* bytes at its start that are the rest of a line half written */
    size_t line_max;        /* bytes */
    int64_t interval_ms;    /* lines wait that long for others */
    int64_t due_ms;         /* when the buffer is written; not empty only */
    int64_t retry_ms;       /* not sooner than this */
    uint64_t lost;          /* lines, ever */
    uint64_t lost_at_start; /* of them, before those that are being lost; with `losing` */
    int64_t calm_at_ms;     /* when that is over; INT64_MAX: nothing has been written since */
    bool losing;
    bool timed;              /* lines say how long things took */
    struct digest *withheld; /* of requests whose lines are too many; NULL: each has its line */
    struct pace pace;        /* with `withheld` */
};

#define ACCESSLOG_INIT \
    { .sink = SINK_INIT }

/* Whether lines go to the terminal because somebody is there to look at them, not because a log was
 * asked for. */
bool accesslog_is_for_show(const struct options *options);

/* Opens what --access-log asks for, or what is the default: `*fd` is a descriptor, owned by the
 * caller, or -1 where there is to be no log. Returns 0, or -errno and a message. */
int accesslog_open(const struct options *options, int *fd, struct err *err);

/* Whether opening it again gives another file when it has been renamed. */
bool accesslog_can_rotate(const struct options *options);

/* Writes to what accesslog_open() has opened, perhaps in another process, and owns it; -1: there is
 * no log. The struct must stay where it is. Returns 0 or -ENOMEM. */
int accesslog_init(struct accesslog *log, const struct options *options, int fd);

static inline bool accesslog_is_on(const struct accesslog *log) {
    return log->sink.fd >= 0;
}

/* From now on, lines that are too many to be read are withheld, and their requests summed up in
 * `withheld`, which is borrowed until accesslog_deinit(). */
void accesslog_withhold(struct accesslog *log, struct digest *withheld);

/* Adds a line. `now_ms` is the monotonic clock, as for those below. */
void accesslog_add(struct accesslog *log, const struct log_record *record, int64_t now_ms);

/* Writes what is due; call it once per turn. */
void accesslog_flush_due(struct accesslog *log, int64_t now_ms);

/* How long to sleep, in milliseconds: until something is due, but no longer than `wait_ms`
 * (negative: forever). */
int64_t accesslog_wait_ms(const struct accesslog *log, int64_t now_ms, int64_t wait_ms);

/* Goes on with another descriptor, which it owns, and closes the one before. Lines that are not
 * written yet go to the new one: nothing is written to the old one any more. */
void accesslog_switch(struct accesslog *log, int fd);

/* Writes what is left, as far as that goes, and closes. Idempotent. */
void accesslog_deinit(struct accesslog *log);
