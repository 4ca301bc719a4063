/* A line of the access log: what was asked, and what came of it. No client can forge a line, part
 * of one, or a command to a terminal: what is not plain is escaped. */
#pragma once

#include "base/buf.h"
#include "conf/options.h"
#include "http/status.h"
#include "sys/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All pointers are borrowed. */
struct log_record {
    const struct peer *peer;
    int64_t time_ms;      /* when the request was there, in milliseconds since the epoch */
    int64_t took_us;      /* from then until the last byte was handed to the kernel */
    struct slice request; /* its line, as it came, without its end; empty: nothing had come */
    struct slice referer; /* SLICE_NONE: none was sent */
    struct slice user_agent;
    enum status status;
    uint64_t content_bytes; /* handed to the kernel */
    bool aborted;           /* these are not all */
};

/* How long texts may become, in bytes as they are written; what is cut ends in "...". */
struct logline_limits {
    size_t target;
    size_t referer;
    size_t user_agent;
};

/* What a line has at most beside these three texts. */
enum { LOGLINE_FRAME_MAX = 480 };

enum { LOGLINE_HOST_MAX = 64, LOGLINE_STAMP_MAX = 32 };

/* How lines look, and what many of them have in common. All zero but for what logline_init() fills
 * in. */
struct logline {
    enum option_log_format format; /* not LOG_FORMAT_AUTO */
    bool coloured;                 /* LOG_FORMAT_SHORT only */
    struct logline_limits limits;
    struct buf syslog; /* host, program and process, in `syslog_memory`; empty: no syslog */
    int64_t stamp_s;   /* what `stamp` says */
    struct buf stamp;  /* the time as the format has it, in `stamp_memory` */
    char stamp_memory[LOGLINE_STAMP_MAX];
    char syslog_memory[LOGLINE_HOST_MAX + 48];
};

/* The struct must stay where it is. */
void logline_init(struct logline *logline, enum option_log_format format, bool coloured,
                  const struct logline_limits *limits);

/* Lets each line have the header of a syslog message (RFC 5424 §6) from this host and process;
 * `host` is cut, and what may not stand in it is replaced. */
void logline_add_syslog(struct logline *logline, struct slice host, uint64_t pid);

/* Writes a line and its end, at most LOGLINE_FRAME_MAX and what the limits allow. */
void logline_put(struct logline *logline, struct buf *buf, const struct log_record *record);
