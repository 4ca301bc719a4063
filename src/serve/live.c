#include "serve/live.h"

#include "base/deadline.h"
#include "base/embedded.h"
#include "http/escape.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>

EMBEDDED_DECLARE(live_js);

#define SCRIPT ".pronto/live.js"
#define EVENTS ".pronto/live"

/* A stream of events. */
struct news {
    struct stream stream;
    struct live *live; /* borrowed */
    uint64_t told;     /* number of the last change that has been told of */
    int64_t said_ms;   /* when something was written last */
};

/* What a message says */

static void put_change(struct buf *buf, const struct change *change, int64_t now_ms) {
    buf_put_char(buf, '[');
    buf_put_number(buf, change->number);
    buf_put_char(buf, ',');
    buf_put_number(buf, (uint64_t)(now_ms - change->at_ms));
    if (change->target.ptr == NULL) {
        buf_put(buf, SLICE(",null,\"\"]"));
        return;
    }
    buf_put(buf, SLICE(",\""));
    escape_json(buf, change->target);
    buf_put(buf, SLICE("\",\""));
    escape_json(buf, change->type);
    buf_put(buf, SLICE("\"]"));
}

static void put_start(struct buf *buf, const struct live *live) {
    buf_put(buf, SLICE("data: {\"server\":\""));
    buf_put(buf, slice_of(live->name, sizeof live->name));
    buf_put(buf, SLICE("\",\"changes\":["));
}

static void put_end(struct buf *buf) {
    buf_put(buf, SLICE("]}\n\n"));
}

/* All that can be told behind that change, one by one. */
static void put_changes(struct buf *buf, const struct live *live, uint64_t after) {
    const struct change *change;
    int64_t now_ms = *live->changes.now_ms;
    put_start(buf, live);
    for (uint64_t last = after; (change = changes_next(&live->changes, last)) != NULL;
         last = change->number) {
        if (last > after)
            buf_put_char(buf, ',');
        put_change(buf, change, now_ms);
    }
    put_end(buf);
}

/* The same as one change of everything, where there is no room to say more. */
static void put_summary(struct buf *buf, const struct live *live, uint64_t after) {
    struct change all = {.number = after};
    const struct change *change;
    while ((change = changes_next(&live->changes, all.number)) != NULL)
        all = (struct change){.number = change->number, .at_ms = change->at_ms};
    put_start(buf, live);
    put_change(buf, &all, *live->changes.now_ms);
    put_end(buf);
}

/* An event (HTML standard, "Server-sent events"). */
static void put_event(struct buf *bytes, const struct live *live, uint64_t after) {
    struct buf room = BUF_INIT(bytes->ptr + bytes->len, STREAM_PIECE_BYTES);
    put_changes(&room, live, after);
    if (room.overflow) {
        room.len = 0;
        room.overflow = false;
        put_summary(&room, live, after);
    }
    (void)buf_claim(bytes, room.len);
}

/* Streams */

static enum stream_outcome news_next(struct stream *stream, struct buf *bytes,
                                     struct stretch *stretch) {
    struct news *news = (struct news *)stream;
    const struct live *live = news->live;
    int64_t now_ms = *live->changes.now_ms;
    (void)stretch;
    if (live->ending)
        return STREAM_END;
    if (changes_next(&live->changes, news->told) != NULL) {
        put_event(bytes, live, news->told);
        news->told = live->changes.told;
    } else if (now_ms - news->said_ms >= LIVE_BEAT_MS) {
        buf_put(bytes, SLICE(":\n\n")); /* a comment */
    } else {
        return STREAM_WAIT;
    }
    news->said_ms = now_ms;
    return STREAM_BYTES;
}

static void news_free(struct stream *stream) {
    free(stream);
}

static const struct stream_type news_type = {.next = news_next, .free = news_free};

struct delivery *live_listen(struct live *live) {
    struct news *news = live->streams < LIVE_STREAMS_MAX ? malloc(sizeof *news) : NULL;
    if (news == NULL)
        return NULL;
    *news = (struct news){.stream = {&news_type}, .live = live};
    return delivery_new(&news->stream, &live->streams);
}

const struct representation *live_events(void) {
    static const struct head_policy policy = {.cache_control = SLICE_INIT("no-store")};
    static const struct representation events = {
        .policy = &policy,
        .content_type = SLICE_INIT("text/event-stream"),
        .length = REPRESENTATION_LENGTH_UNKNOWN,
        .sequential = true,
    };
    return &events;
}

/* The rest */

static struct entry *make_script(void) {
    static const struct head_policy policy = {.cache_control = SLICE_INIT("no-cache")};
    char memory[EMBEDDED_SHA256_LEN + 2];
    struct buf etag = BUF_INIT(memory, sizeof memory);
    buf_put_char(&etag, '"');
    buf_put(&etag, EMBEDDED_SHA256(live_js));
    buf_put_char(&etag, '"');
    const struct representation about = {
        .policy = &policy,
        .content_type = SLICE("text/javascript; charset=utf-8"),
        .etag = buf_slice(&etag),
        .last_modified_s = REPRESENTATION_UNDATED,
    };
    return entry_of_content(EMBEDDED(live_js), &about);
}

int live_init(struct live *live, const int64_t *now_ms, struct err *err) {
    *live = (struct live){.script = make_script()};
    if (live->script == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    changes_init(&live->changes, now_ms);
    return random_digits(live->name, sizeof live->name, err);
}

void live_deinit(struct live *live) {
    if (live->script != NULL)
        entry_unref(live->script);
    live->script = NULL;
    changes_deinit(&live->changes);
}

struct slice live_appendix(void) {
    return SLICE("<script async src=\"/" SCRIPT "\"></script>\n");
}

enum live_part live_find(const struct target *target) {
    if (target->trailing_slash)
        return LIVE_NONE;
    if (slice_equal(target->path, SLICE(SCRIPT)))
        return LIVE_SCRIPT;
    return slice_equal(target->path, SLICE(EVENTS)) ? LIVE_EVENTS : LIVE_NONE;
}

int64_t live_wait_ms(const struct live *live, int64_t wait_ms) {
    int64_t due_ms = live_is_on(live) ? changes_due_ms(&live->changes) : INT64_MAX;
    return due_ms < INT64_MAX ? deadline_sooner_ms(wait_ms, due_ms, *live->changes.now_ms)
                              : wait_ms;
}
