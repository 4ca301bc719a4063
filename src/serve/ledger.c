#include "serve/ledger.h"

#include "base/check.h"
#include "base/placement.h"
#include "serve/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, NS_PER_US = 1000 };

/* More than any log shows. */
enum { REQUEST_MAX = 8192 + 64, REFERER_MAX = 4096 + 1, USER_AGENT_MAX = 1024 + 1 };

/* Entries that outlive their turn. Memory of the connection's, with the texts behind them. */
struct ledger_rest {
    uint64_t sent; /* bytes of the output handed to the kernel */
    size_t size;   /* of all of this, in bytes */
    size_t first;
    size_t count; /* from `first` on */
    struct ledger_entry entries[];
};

int ledger_init(struct ledger *ledger, const struct loop *loop, const struct options *options,
                int log_fd) {
    ledger->loop = loop;
    ledger->trusted = &options->trust;
    int result = accesslog_init(&ledger->log, options, log_fd);
    ledger->is_on = accesslog_is_on(&ledger->log);
    ledger->is_timed = ledger->is_on && ledger->log.timed;
    ledger->clock_time_s = INT64_MIN;
    return result;
}

void ledger_deinit(struct ledger *ledger) {
    CHECK(ledger->count == 0);
    accesslog_deinit(&ledger->log);
    ledger->is_on = false;
    ledger->is_timed = false;
}

/* Entering */

static struct slice cut_to(struct slice text, size_t max) {
    return slice_of(text.ptr, text.len < max ? text.len : max);
}

/* The line at the start of `input`, without the empty ones before it (RFC 9112 §2.2). */
static struct slice line_of(struct slice input) {
    while (input.len > 0 && (input.ptr[0] == '\r' || input.ptr[0] == '\n'))
        input = slice_after(input, 1);
    input = cut_to(input, REQUEST_MAX);
    input.len = slice_find(input, '\n');
    return cut_to(input, slice_find(input, '\r'));
}

APART void ledger_enter(struct ledger *ledger, const struct request *request, enum status status,
                        const struct outq *output) {
    CHECK(ledger->count < LEDGER_TURN_MAX);
    struct ledger_entry *entry = &ledger->entries[ledger->count++];
    entry->begun_ns = ledger->begun_ns;
    entry->head_end = output->head_end;
    entry->end = output->queued_bytes;
    entry->method = (uint8_t)request->method;
    entry->status = (uint8_t)status;
    entry->client = client_of_request(ledger->trusted, ledger->peer, request);
    entry->request = line_of(request->head);
    entry->referer = cut_to(request_hint(request, FIELD_REFERER), REFERER_MAX);
    entry->user_agent = cut_to(request_hint(request, FIELD_USER_AGENT), USER_AGENT_MAX);
}

/* Settling */

/* A monotonic time as time of day, in milliseconds since the epoch. */
static int64_t time_of_day_ms(struct ledger *ledger, int64_t ns) {
    if (!ledger->is_timed)
        return ledger->loop->time_s * 1000;
    if (ledger->clock_time_s != ledger->loop->time_s) { /* once a second, as it may be set */
        ledger->clock_ahead_ns = clock_time_ns() - clock_now_ns();
        ledger->clock_time_s = ledger->loop->time_s;
    }
    return (ns + ledger->clock_ahead_ns) / NS_PER_MS;
}

static uint64_t content_sent(const struct ledger_entry *entry, uint64_t sent) {
    uint64_t end = sent < entry->end ? sent : entry->end;
    return end > entry->head_end ? end - entry->head_end : 0;
}

static void tell_time(struct ledger *ledger) {
    if (ledger->is_timed)
        ledger->settled_ns = clock_now_ns();
}

/* The one place that every answer comes to when it is over. `sent` is the position that the output
 * has come to. */
static void settle(struct ledger *ledger, const struct ledger_entry *entry, uint64_t sent,
                   bool aborted) {
    int64_t took_ns = ledger->is_timed ? ledger->settled_ns - entry->begun_ns : 0;
    const struct log_record record = {
        .peer = &entry->client,
        .time_ms = time_of_day_ms(ledger, entry->begun_ns),
        .took_us = took_ns / NS_PER_US,
        .request = entry->request,
        .referer = entry->referer,
        .user_agent = entry->user_agent,
        .status = (enum status)entry->status,
        .content_bytes = content_sent(entry, sent),
        .aborted = aborted,
    };
    accesslog_add(&ledger->log, &record, ledger->loop->now_ms);
}

/* Settles the first of `count` entries, as far as they have been sent; returns how many. The last
 * one is not over if there is more of it to come. */
static size_t settle_first(struct ledger *ledger, const struct account *account,
                           const struct ledger_entry *entries, size_t count, bool more) {
    uint64_t sent = account->rest != NULL ? account->rest->sent : ledger->sent;
    size_t settled = 0;
    while (settled < count - (more ? 1 : 0) && entries[settled].end <= sent)
        settle(ledger, &entries[settled++], sent, false);
    return settled;
}

/* Copying what outlives its turn */

static size_t texts_len(const struct ledger_entry *entry) {
    return entry->request.len + entry->referer.len + entry->user_agent.len;
}

static void copy_text(struct slice *text, struct buf *to) {
    size_t start = to->len;
    if (text->ptr == NULL)
        return;
    buf_put(to, *text);
    text->ptr = to->ptr + start;
}

/* Moves the entries from `first` on to the account. */
static bool keep(struct ledger *ledger, struct account *account, size_t first) {
    size_t count = ledger->count - first;
    size_t entries_size = count * sizeof *ledger->entries;
    size_t room = 0;
    for (size_t i = first; i < ledger->count; i++)
        room += texts_len(&ledger->entries[i]);
    size_t size = sizeof(struct ledger_rest) + entries_size + room;
    struct ledger_rest *rest = malloc(size);
    if (rest == NULL)
        return false;
    *rest = (struct ledger_rest){.sent = ledger->sent, .size = size, .count = count};
    struct buf texts = BUF_INIT((char *)rest->entries + entries_size, room);
    for (size_t i = 0; i < count; i++) {
        rest->entries[i] = ledger->entries[first + i];
        copy_text(&rest->entries[i].request, &texts);
        copy_text(&rest->entries[i].referer, &texts);
        copy_text(&rest->entries[i].user_agent, &texts);
    }
    account->rest = rest;
    return true;
}

/* For the turn of another connection. */
static void clear(struct ledger *ledger) {
    ledger->count = 0;
    ledger->sent = 0;
}

/* The entries of this turn. */
static bool settle_turn(struct ledger *ledger, struct account *account, uint64_t sent, bool more) {
    ledger->sent += sent;
    size_t settled = settle_first(ledger, account, ledger->entries, ledger->count, more);
    if (settled < ledger->count && !keep(ledger, account, settled)) {
        size_t left = ledger->count - settled;
        memmove(ledger->entries, ledger->entries + settled, left * sizeof *ledger->entries);
        ledger->count = left;
        return false;
    }
    clear(ledger);
    return true;
}

size_t ledger_rest_bytes(const struct ledger_rest *rest) {
    return rest->size;
}

static void free_rest(struct account *account) {
    free(account->rest);
    account->rest = NULL;
}

/* The entries of turns before. */
static void settle_kept(struct ledger *ledger, struct account *account, uint64_t queued,
                        uint64_t sent, bool more) {
    struct ledger_rest *rest = account->rest;
    struct ledger_entry *first = rest->entries + rest->first;
    first[rest->count - 1].end += queued;
    rest->sent += sent;
    size_t settled = settle_first(ledger, account, first, rest->count, more);
    rest->first += settled;
    rest->count -= settled;
    if (rest->count == 0)
        free_rest(account);
}

bool ledger_settle_sent(struct ledger *ledger, struct account *account, uint64_t queued,
                        uint64_t sent, bool more) {
    /* Nothing is read, and so nothing entered, before what was kept has been sent. */
    CHECK(ledger->count == 0 || account->rest == NULL);
    tell_time(ledger);
    if (account->rest == NULL)
        return settle_turn(ledger, account, sent, more);
    settle_kept(ledger, account, queued, sent, more);
    return true;
}

APART void ledger_settle_rest(struct ledger *ledger, struct account *account) {
    struct ledger_rest *rest = account->rest;
    tell_time(ledger);
    for (size_t i = 0; rest != NULL && i < rest->count; i++)
        settle(ledger, &rest->entries[rest->first + i], rest->sent, true);
    for (size_t i = 0; i < ledger->count; i++)
        settle(ledger, &ledger->entries[i], ledger->sent, true);
    free_rest(account);
    clear(ledger);
}
