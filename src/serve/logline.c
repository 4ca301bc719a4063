#include "serve/logline.h"

#include "base/ascii.h"
#include "base/utf8.h"
#include "http/date.h"
#include "serve/spell.h"
#include "store/size.h"

enum { METHOD_LIMIT = 32, PROTOCOL_LIMIT = 16 };

/* Texts */

/* What stands for itself in every format. */
static const bool plain[256] = {[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

static size_t plain_len(struct slice text) {
    size_t len = 0;
    while (len < text.len && plain[(unsigned char)text.ptr[len]])
        len++;
    return len;
}

/* Writes the character at the start of `text`, which is not plain; returns its length in bytes. */
typedef size_t put_odd(struct buf *buf, struct slice text);

/* Any byte that is not plain, for a line of ASCII. */
static size_t put_odd_byte(struct buf *buf, struct slice text) {
    buf_put(buf, SLICE("\\x"));
    buf_put_hex_byte(buf, (unsigned char)text.ptr[0]);
    return 1;
}

/* RFC 8259 §7. Controls of C1, which command some terminals, are escaped, too; what is no UTF-8
 * becomes U+FFFD. */
static size_t put_odd_character(struct buf *buf, struct slice text) {
    uint32_t code;
    size_t len = utf8_read(text, &code);
    if (len == 0) {
        buf_put(buf, SLICE("\xef\xbf\xbd"));
        return 1;
    }
    if (code == '"' || code == '\\') {
        buf_put_char(buf, '\\');
        buf_put_char(buf, (char)code);
    } else if (code < 0xa0) {
        buf_put(buf, SLICE("\\u00"));
        buf_put_hex_byte(buf, (unsigned char)code);
    } else {
        buf_put(buf, slice_of(text.ptr, len));
    }
    return len;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Writes a text in at most `max` bytes; one that is longer is cut between two characters, and ends
 * in "...". */
static void put_text(struct buf *buf, struct slice text, size_t max, put_odd *put) {
    static const struct slice cut = SLICE_INIT("...");
    const size_t start = buf->len;
    const size_t last = start + max - cut.len; /* where it may be cut */
    size_t keep = start; /* the last place up to there where a character ends */
    while (text.len > 0 && buf->len - start <= max) {
        size_t before = buf->len;
        size_t len = smaller(plain_len(text), max + 1 - (before - start));
        buf_put(buf, slice_of(text.ptr, len));
        if (before <= last)
            keep = smaller(buf->len, last);
        text = slice_after(text, len);
        if (len > 0 || text.len == 0)
            continue;
        len = put(buf, text);
        if (before <= last)
            keep = buf->len <= last ? buf->len : before;
        text = slice_after(text, len);
    }
    if (buf->len - start > max) {
        buf->len = keep;
        buf_put(buf, cut);
    }
}

/* A request line taken apart. */
struct parts {
    struct slice method;
    struct slice target;
    struct slice protocol;
};

/* False: it has no such parts. The target of a line that was refused may have blanks. */
static bool split(struct slice line, struct parts *parts) {
    size_t first = slice_find(line, ' ');
    const char *last = line.len > 0 ? memrchr(line.ptr, ' ', line.len) : NULL;
    if (last == NULL || last == line.ptr + first)
        return false;
    parts->method = slice_of(line.ptr, first);
    parts->target = slice_of(line.ptr + first + 1, (size_t)(last - line.ptr) - first - 1);
    parts->protocol = slice_after(line, (size_t)(last - line.ptr) + 1);
    return parts->method.len <= METHOD_LIMIT && parts->protocol.len <= PROTOCOL_LIMIT;
}

/* Combined: as Apache's mod_log_config has it, but for its escapes */

/* Pieces of an IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". */
static void put_combined_stamp(struct buf *buf, int64_t time_s) {
    char date[DATE_LEN];
    date_format(time_s, date);
    buf_put_char(buf, '[');
    buf_put(buf, slice_of(date + 5, 2));
    buf_put_char(buf, '/');
    buf_put(buf, slice_of(date + 8, 3));
    buf_put_char(buf, '/');
    buf_put(buf, slice_of(date + 12, 4));
    buf_put_char(buf, ':');
    buf_put(buf, slice_of(date + 17, 8));
    buf_put(buf, SLICE(" +0000]"));
}

static void put_request(struct buf *buf, struct slice line, size_t limit) {
    struct parts parts;
    if (!split(line, &parts)) {
        put_text(buf, line.len > 0 ? line : SLICE("-"), limit, put_odd_byte);
        return;
    }
    put_text(buf, parts.method, METHOD_LIMIT, put_odd_byte);
    buf_put_char(buf, ' ');
    put_text(buf, parts.target, limit, put_odd_byte);
    buf_put_char(buf, ' ');
    put_text(buf, parts.protocol, PROTOCOL_LIMIT, put_odd_byte);
}

static void put_quoted(struct buf *buf, struct slice text, size_t limit) {
    buf_put(buf, SLICE(" \""));
    put_text(buf, text.ptr != NULL ? text : SLICE("-"), limit, put_odd_byte);
    buf_put_char(buf, '"');
}

static void put_combined(struct buf *buf, const struct logline *logline,
                         const struct log_record *record) {
    peer_put_address(buf, record->peer);
    buf_put(buf, SLICE(" - - "));
    buf_put(buf, buf_slice(&logline->stamp));
    buf_put(buf, SLICE(" \""));
    put_request(buf, record->request, logline->limits.target);
    buf_put(buf, SLICE("\" "));
    buf_put_number(buf, status_code(record->status));
    buf_put_char(buf, ' ');
    if (record->content_bytes > 0)
        buf_put_number(buf, record->content_bytes);
    else
        buf_put_char(buf, '-');
    put_quoted(buf, record->referer, logline->limits.referer);
    put_quoted(buf, record->user_agent, logline->limits.user_agent);
}

/* JSON: an object per line; what is not known is left out */

/* RFC 3339, up to the seconds: "1994-11-06T08:49:37". */
static void put_json_stamp(struct buf *buf, int64_t time_s) {
    char stamp[DATE_STAMP_LEN];
    date_format_stamp(time_s, stamp);
    buf_put(buf, slice_of(stamp, sizeof stamp - 1));
}

/* The rest of it: ".123Z". */
static void put_milliseconds(struct buf *buf, int64_t time_ms) {
    unsigned ms = (unsigned)(time_ms % 1000);
    buf_put_char(buf, '.');
    buf_put_char(buf, (char)('0' + ms / 100));
    buf_put_char(buf, (char)('0' + ms / 10 % 10));
    buf_put_char(buf, (char)('0' + ms % 10));
    buf_put_char(buf, 'Z');
}

static void put_name(struct buf *buf, struct slice name) {
    buf_put(buf, SLICE(",\""));
    buf_put(buf, name);
    buf_put(buf, SLICE("\":"));
}

static void put_string(struct buf *buf, struct slice name, struct slice text, size_t limit) {
    if (text.ptr == NULL)
        return;
    put_name(buf, name);
    buf_put_char(buf, '"');
    put_text(buf, text, limit, put_odd_character);
    buf_put_char(buf, '"');
}

static void put_number(struct buf *buf, struct slice name, uint64_t value) {
    put_name(buf, name);
    buf_put_number(buf, value);
}

static void put_json_request(struct buf *buf, struct slice line, size_t limit) {
    struct parts parts;
    if (split(line, &parts)) {
        put_string(buf, SLICE("method"), parts.method, METHOD_LIMIT);
        put_string(buf, SLICE("target"), parts.target, limit);
        put_string(buf, SLICE("protocol"), parts.protocol, PROTOCOL_LIMIT);
    } else if (line.len > 0) {
        put_string(buf, SLICE("request"), line, limit);
    }
}

static void put_json(struct buf *buf, const struct logline *logline,
                     const struct log_record *record) {
    buf_put(buf, SLICE("{\"time\":\""));
    buf_put(buf, buf_slice(&logline->stamp));
    put_milliseconds(buf, record->time_ms);
    buf_put(buf, SLICE("\",\"remote\":\""));
    peer_put_address(buf, record->peer);
    buf_put_char(buf, '"');
    put_json_request(buf, record->request, logline->limits.target);
    put_number(buf, SLICE("status"), status_code(record->status));
    put_number(buf, SLICE("bytes"), record->content_bytes);
    put_number(buf, SLICE("duration_us"), (uint64_t)record->took_us);
    put_string(buf, SLICE("referer"), record->referer, logline->limits.referer);
    put_string(buf, SLICE("user_agent"), record->user_agent, logline->limits.user_agent);
    if (record->aborted) {
        put_name(buf, SLICE("aborted"));
        buf_put(buf, SLICE("true"));
    }
    buf_put_char(buf, '}');
}

/* Short: for people, in columns as long as the target is not too long for its own */

enum { REQUEST_COLUMN = 36, SIZE_COLUMN = 6, DURATION_COLUMN = 7 };

static void put_blanks(struct buf *buf, size_t count) {
    for (; count > 0; count--)
        buf_put_char(buf, ' ');
}

/* Ends a column that was begun when the buffer had `start` bytes, and the gap behind it. */
static void fill_column(struct buf *buf, size_t start, size_t width) {
    size_t len = buf->len - start;
    put_blanks(buf, (len < width ? width - len : 0) + 2);
}

/* A text at the right of its column. */
static void put_right(struct buf *buf, struct slice text, size_t width) {
    put_blanks(buf, text.len < width ? width - text.len : 0);
    buf_put(buf, text);
    put_blanks(buf, 2);
}

static void put_size_column(struct buf *buf, uint64_t bytes) {
    char memory[SIZE_TEXT_MAX];
    struct buf text = BUF_INIT(memory, sizeof memory);
    size_put(&text, bytes);
    put_right(buf, slice_of(memory, text.len), SIZE_COLUMN);
}

static void put_duration_column(struct buf *buf, int64_t took_us) {
    char memory[SPELL_TEXT_MAX];
    struct buf text = BUF_INIT(memory, sizeof memory);
    spell_duration(&text, (uint64_t)took_us);
    put_right(buf, slice_of(memory, text.len), DURATION_COLUMN);
}

static void put_status(struct buf *buf, const struct logline *logline, unsigned code) {
    static const struct slice colours[] = {
        [1] = SLICE_INIT("\x1b[37m"), [2] = SLICE_INIT("\x1b[32m"), [3] = SLICE_INIT("\x1b[36m"),
        [4] = SLICE_INIT("\x1b[33m"), [5] = SLICE_INIT("\x1b[31m"),
    };
    if (logline->coloured)
        buf_put(buf, colours[code / 100]);
    buf_put_number(buf, code);
    if (logline->coloured)
        buf_put(buf, SLICE("\x1b[0m"));
    put_blanks(buf, 2);
}

static void put_short(struct buf *buf, const struct logline *logline,
                      const struct log_record *record) {
    struct parts parts;
    buf_put(buf, buf_slice(&logline->stamp));
    put_blanks(buf, 2);
    put_status(buf, logline, status_code(record->status));
    size_t start = buf->len;
    if (split(record->request, &parts)) {
        put_text(buf, parts.method, METHOD_LIMIT, put_odd_byte);
        buf_put_char(buf, ' ');
        put_text(buf, parts.target, logline->limits.target, put_odd_byte);
    } else {
        put_request(buf, record->request, logline->limits.target);
    }
    fill_column(buf, start, REQUEST_COLUMN);
    put_size_column(buf, record->content_bytes);
    put_duration_column(buf, record->took_us);
    peer_put_address(buf, record->peer);
    if (record->aborted)
        buf_put(buf, SLICE("  aborted"));
}

/* Syslog */

/* Facility local0, which is the site's to use; by the status, the severity is error, notice or
 * informational (RFC 5424 §6.2.1). */
static unsigned priority_of(enum status status) {
    enum { LOCAL0 = 16, ERROR = 3, NOTICE = 5, INFORMATIONAL = 6 };
    unsigned class = status_code(status) / 100;
    return LOCAL0 * 8 + (class == 5 ? ERROR : class == 4 ? NOTICE : INFORMATIONAL);
}

static void put_syslog_header(struct buf *buf, const struct logline *logline,
                              const struct log_record *record) {
    buf_put_char(buf, '<');
    buf_put_number(buf, priority_of(record->status));
    buf_put(buf, SLICE(">1 "));
    put_json_stamp(buf, record->time_ms / 1000);
    put_milliseconds(buf, record->time_ms);
    buf_put(buf, buf_slice(&logline->syslog));
}

/* Lines */

static const struct {
    void (*put_stamp)(struct buf *buf, int64_t time_s);
    void (*put)(struct buf *buf, const struct logline *logline, const struct log_record *record);
} formats[] = {
    [LOG_FORMAT_COMBINED] = {put_combined_stamp, put_combined},
    [LOG_FORMAT_JSON] = {put_json_stamp, put_json},
    [LOG_FORMAT_SHORT] = {spell_clock, put_short},
};

void logline_init(struct logline *logline, enum option_log_format format, bool coloured,
                  const struct logline_limits *limits) {
    *logline = (struct logline){
        .format = format, .coloured = coloured, .limits = *limits, .stamp_s = INT64_MIN};
    logline->stamp = (struct buf)BUF_INIT(logline->stamp_memory, sizeof logline->stamp_memory);
    logline->syslog = (struct buf)BUF_INIT(logline->syslog_memory, sizeof logline->syslog_memory);
}

/* " HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA " (RFC 5424 §6.2.4 to §6.3). */
void logline_add_syslog(struct logline *logline, struct slice host, uint64_t pid) {
    struct buf *buf = &logline->syslog;
    buf_put_char(buf, ' ');
    for (size_t i = 0; i < host.len && i < LOGLINE_HOST_MAX; i++)
        buf_put_char(buf, host.ptr[i] > ' ' && host.ptr[i] < 0x7f ? host.ptr[i] : '?');
    buf_put(buf, host.len > 0 ? SLICE(" pronto ") : SLICE("- pronto "));
    buf_put_number(buf, pid);
    buf_put(buf, SLICE(" access - "));
}

void logline_put(struct logline *logline, struct buf *buf, const struct log_record *record) {
    int64_t time_s = record->time_ms / 1000;
    if (time_s != logline->stamp_s) {
        logline->stamp.len = 0;
        formats[logline->format].put_stamp(&logline->stamp, time_s);
        logline->stamp_s = time_s;
    }
    if (logline->syslog.len > 0)
        put_syslog_header(buf, logline, record);
    formats[logline->format].put(buf, logline, record);
    buf_put_char(buf, '\n');
}
