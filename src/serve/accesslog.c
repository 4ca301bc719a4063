#include "serve/accesslog.h"

#include "base/check.h"
#include "base/deadline.h"
#include "base/diag.h"
#include "sys/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 64 * 1024,
    INTERVAL_MS = 1000,
    /* A slow reader makes room soon, a full disk does not. */
    RETRY_SLOW_MS = 10,
    RETRY_FULL_MS = 1000,
    /* A reader that now keeps up and now does not is told of once. */
    CALM_MS = 5000,
};

/* What suits a kind of sink. Whoever looks on, and a receiver of datagrams, which are dropped where
 * many come at once, get their lines with each turn. */
static const struct manner {
    struct logline_limits limits; /* of target, referer, user agent */
    size_t line_max;
    int64_t interval_ms;
} manners[] = {
    [SINK_FILE] = {{8192, 4096, 1024}, 16 * 1024, INTERVAL_MS},
    [SINK_STREAM] = {{2048, 896, 512}, SINK_STREAM_LINE_MAX, INTERVAL_MS},
    [SINK_TERMINAL] = {{2048, 896, 512}, SINK_STREAM_LINE_MAX, 0},
    [SINK_SOCKET] = {{2048, 896, 512}, SINK_STREAM_LINE_MAX, INTERVAL_MS},
    /* RFC 5424 §6.1: what receivers should be able to take. */
    [SINK_DATAGRAM] = {{928, 384, 256}, 2048, 0},
};

_Static_assert(LOGLINE_FRAME_MAX + 8192 + 4096 + 1024 <= 16 * 1024, "fits");
_Static_assert(LOGLINE_FRAME_MAX + 2048 + 896 + 512 <= SINK_STREAM_LINE_MAX, "fits");
_Static_assert(LOGLINE_FRAME_MAX + 928 + 384 + 256 <= 2048, "fits");

/* Opening */

static enum destination_kind kind_of(const struct options *options) {
    if (options->access_log.kind != DESTINATION_UNSAID)
        return options->access_log.kind;
    return !options->quiet && isatty(STDOUT_FILENO) ? DESTINATION_STDOUT : DESTINATION_OFF;
}

bool accesslog_is_for_show(const struct options *options) {
    return options->access_log.kind == DESTINATION_UNSAID && kind_of(options) == DESTINATION_STDOUT;
}

/* What would help against `errnum`, as the end of a sentence. */
static const char *advice(int errnum) {
    switch (errnum) {
    case ENOENT:
        return " (its directory must be there)";
    case EACCES:
    case EROFS:
        return " (--access-log names another, or - for stdout)";
    case EISDIR:
        return " (name a file in it)";
    default:
        return "";
    }
}

static int open_file(const char *path, struct err *err) {
    int fd = sink_open_file(path);
    return fd >= 0 ? fd
                   : err_set(err, -fd, "cannot open the access log %s: %s%s", path, strerror(-fd),
                             advice(-fd));
}

static int open_stdout(struct err *err) {
    int fd = sink_open_stdout();
    return fd >= 0 ? fd
                   : err_set(err, -fd, "cannot write the access log to the standard output: %s",
                             strerror(-fd));
}

static int open_syslog(const struct address *receiver, struct err *err) {
    char text[ADDRESS_TEXT_MAX];
    int fd = sink_open_datagrams(receiver);
    if (fd >= 0)
        return fd;
    address_format(receiver, text);
    return err_set(err, -fd, "cannot send the access log to %s: %s", text, strerror(-fd));
}

int accesslog_open(const struct options *options, int *fd, struct err *err) {
    *fd = -1;
    int result = 0;
    switch (kind_of(options)) {
    case DESTINATION_UNSAID:
    case DESTINATION_OFF:
        return 0;
    case DESTINATION_STDOUT:
        result = open_stdout(err);
        break;
    case DESTINATION_FILE:
        result = open_file(options->access_log.path, err);
        break;
    case DESTINATION_SYSLOG:
        result = open_syslog(&options->access_log.address, err);
        break;
    }
    if (result < 0)
        return result;
    *fd = result;
    return 0;
}

bool accesslog_can_rotate(const struct options *options) {
    return options->access_log.kind == DESTINATION_FILE;
}

static void add_syslog(struct accesslog *log) {
    char host[LOGLINE_HOST_MAX + 1] = "";
    (void)gethostname(host, sizeof host - 1);
    logline_add_syslog(&log->logline, slice_of_text(host), (uint64_t)getpid());
}

/* Writes to a descriptor from now on, in the manner that suits it. */
static void take(struct accesslog *log, int fd) {
    log->sink = sink_of_fd(fd);
    const struct manner *manner = &manners[log->sink.kind];
    log->logline.limits = manner->limits;
    log->line_max = manner->line_max;
    log->interval_ms = manner->interval_ms;
    log->retry_ms = 0;
}

int accesslog_init(struct accesslog *log, const struct options *options, int fd) {
    *log = (struct accesslog)ACCESSLOG_INIT;
    if (fd < 0)
        return 0;
    take(log, fd);
    log->buffer = (struct buf)BUF_INIT(malloc(BUFFER_BYTES), BUFFER_BYTES);
    if (log->buffer.ptr == NULL)
        return -ENOMEM;
    bool terminal = log->sink.kind == SINK_TERMINAL;
    enum option_log_format format = (enum option_log_format)options->log_format;
    if (format == LOG_FORMAT_AUTO)
        format = terminal ? LOG_FORMAT_SHORT : LOG_FORMAT_COMBINED;
    logline_init(&log->logline, format, terminal && terminal_takes_colours(),
                 &manners[log->sink.kind].limits);
    if (log->sink.kind == SINK_DATAGRAM)
        add_syslog(log);
    log->timed = format != LOG_FORMAT_COMBINED;
    return 0;
}

/* Losing */

static void lose(struct accesslog *log, uint64_t lines, int errnum) {
    if (!log->losing) {
        log->losing = true;
        log->lost_at_start = log->lost;
        diag_message("the access log cannot be written, and lines are lost: %s",
                     errnum == EAGAIN ? "who reads it does not keep up" : strerror(errnum));
    }
    log->calm_at_ms = INT64_MAX;
    log->lost += lines;
}

static void stop_losing(struct accesslog *log) {
    uint64_t lines = log->lost - log->lost_at_start;
    log->losing = false;
    diag_message("the access log is written again; %llu line%s lost", (unsigned long long)lines,
                 lines == 1 ? " is" : "s are");
}

static uint64_t count_lines(struct slice text) {
    uint64_t count = 0;
    struct slice line;
    while (text.len > 0 && slice_cut(&text, '\n', &line))
        count++;
    return count;
}

/* Writing */

/* Takes bytes off the front of the buffer. */
static void consume(struct accesslog *log, size_t len) {
    struct buf *buffer = &log->buffer;
    buffer->len -= len;
    memmove(buffer->ptr, buffer->ptr + len, buffer->len);
}

/* Takes off what has been written. */
static void advance(struct accesslog *log, size_t written) {
    if (written == 0)
        return;
    bool ended = log->buffer.ptr[written - 1] == '\n';
    consume(log, written);
    log->torn = ended ? 0 : slice_find(buf_slice(&log->buffer), '\n') + 1;
}

/* Drops what is not written, but for the rest of a line: others go behind its end. */
static void drop(struct accesslog *log, int errnum) {
    struct slice lines = slice_after(buf_slice(&log->buffer), log->torn);
    lose(log, count_lines(lines), errnum);
    log->buffer.len = log->torn;
}

static void flush(struct accesslog *log, int64_t now_ms) {
    size_t written;
    int result = sink_write(&log->sink, buf_slice(&log->buffer), &written);
    advance(log, written);
    if (result == 0) {
        if (log->losing && log->calm_at_ms == INT64_MAX)
            log->calm_at_ms = now_ms + CALM_MS;
        return;
    }
    if (result != -EAGAIN)
        drop(log, -result);
    log->retry_ms = now_ms + (result == -EAGAIN ? RETRY_SLOW_MS : RETRY_FULL_MS);
    log->due_ms = log->retry_ms;
}

static bool has_room(const struct accesslog *log) {
    return log->buffer.capacity - log->buffer.len >= log->line_max;
}

void accesslog_withhold(struct accesslog *log, struct digest *withheld) {
    log->withheld = withheld;
}

void accesslog_add(struct accesslog *log, const struct log_record *record, int64_t now_ms) {
    if (log->withheld != NULL && !pace_allows(&log->pace, now_ms)) {
        digest_add(log->withheld, record);
        return;
    }
    if (!has_room(log) && now_ms >= log->retry_ms)
        flush(log, now_ms);
    if (!has_room(log)) {
        lose(log, 1, EAGAIN);
        return;
    }
    if (log->buffer.len == 0)
        log->due_ms = now_ms + log->interval_ms;
    logline_put(&log->logline, &log->buffer, record);
    CHECK(!log->buffer.overflow);
}

void accesslog_flush_due(struct accesslog *log, int64_t now_ms) {
    if (log->buffer.len > 0 && now_ms >= log->due_ms && now_ms >= log->retry_ms)
        flush(log, now_ms);
    if (log->losing && now_ms >= log->calm_at_ms)
        stop_losing(log);
}

int64_t accesslog_wait_ms(const struct accesslog *log, int64_t now_ms, int64_t wait_ms) {
    if (log->losing && log->calm_at_ms < INT64_MAX)
        wait_ms = deadline_sooner_ms(wait_ms, log->calm_at_ms, now_ms);
    if (log->buffer.len == 0)
        return wait_ms;
    int64_t due_ms = log->due_ms > log->retry_ms ? log->due_ms : log->retry_ms;
    return deadline_sooner_ms(wait_ms, due_ms, now_ms);
}

void accesslog_switch(struct accesslog *log, int fd) {
    if (log->torn > 0) { /* its rest would make no sense elsewhere */
        consume(log, log->torn);
        log->torn = 0;
        log->lost++;
    }
    sink_deinit(&log->sink);
    take(log, fd);
}

void accesslog_deinit(struct accesslog *log) {
    if (accesslog_is_on(log) && log->buffer.len > 0)
        flush(log, log->due_ms);
    if (log->buffer.len > log->torn) /* nobody takes them in time */
        drop(log, EAGAIN);
    if (log->losing && log->calm_at_ms < INT64_MAX)
        stop_losing(log);
    sink_deinit(&log->sink);
    free(log->buffer.ptr);
    log->buffer = (struct buf)BUF_INIT(NULL, 0);
}
