/* What a client says and what comes back, disturbed at every byte in every way that a network has:
 * it must come to the same as undisturbed, or end, with the right reason and nothing left.
 *
 * For one test program, as disturbed.h is. */
#pragma once

#include "support/disturbed.h"
#include "support/stage.h"

#include <string.h>

/* Each ends with the client's shutting its side. */
struct dialogue {
    const char *name;
    const char *text;
    enum close_reason reason;
    const char *statuses; /* of the answers */
};

/* All that a test program has; what the state of the tests below points to. */
struct dialogues {
    const struct dialogue *items;
    size_t count;
};

static struct stage stage;
static struct visitor visitor;

/* The answers of the undisturbed run. */
static char expected[sizeof visitor.bytes];
static size_t expected_len;

/* How input arrives: `piece` bytes at a time; 0: all of it before the connection is accepted. */
static inline void speak(const char *row, const char *text, size_t piece) {
    size_t len = strlen(text);
    size_t at = 0;
    visitor_connect(&visitor);
    disturbed_fd = visitor.server_fd;
    if (piece == 0) {
        row_assert_number(row, visitor_send(&visitor, text, len), len);
        visitor_half_close(&visitor);
        visitor_enter(&stage, &visitor);
        stage_settle(&stage, &visitor);
        return;
    }
    visitor_enter(&stage, &visitor);
    while (at < len && visitor_send(&visitor, text + at, 1) == 1) {
        size_t more = len - at - 1 < piece - 1 ? len - at - 1 : piece - 1;
        at += 1 + visitor_send(&visitor, text + at + 1, more);
        stage_turn(&stage);
        (void)visitor_receive(&visitor);
    }
    (void)shutdown(visitor.fd, SHUT_WR);
    stage_settle(&stage, &visitor);
}

/* The visitor has gone, and nothing may be left of the connection. */
static inline void assert_gone(const char *row, long blocks_before) {
    row_assert_number(row, stage.server.connections, 0);
    row_assert(row, outq_is_empty(&stage.server.output) && stage.server.output.bytes.len == 0);
    row_assert_number(row, disturbed_fd, -1);
    row_assert_number(row, blocks, blocks_before);
    visitor_leave(&visitor);
    row_assert_number(row, process_count_fds(getpid()), stage.fds_open);
}

static inline void assert_as_expected(const char *row, enum close_reason reason,
                                      long blocks_before) {
    row_assert_number(row, visitor.len, expected_len);
    row_assert(row, memcmp(visitor.bytes, expected, expected_len) == 0);
    row_assert(row, visitor.ended);
    assert_gone(row, blocks_before);
    stage_assert_closed(&stage, row, reason);
}

/* Whether the answers have these statuses, in this order. */
static inline void assert_statuses(const char *row, const char *statuses) {
    static const char start[] = "HTTP/1.1 ";
    const char *at = visitor.bytes;
    const char *end = visitor.bytes + visitor.len;
    for (; *statuses != '\0'; statuses += 4) {
        at = memmem(at, (size_t)(end - at), start, sizeof start - 1);
        row_assert(row, at != NULL);
        at += sizeof start - 1;
        row_assert_slice(row, slice_of(at, 3), slice_of(statuses, 3));
    }
    row_assert(row, memmem(at, (size_t)(end - at), start, sizeof start - 1) == NULL);
}

static inline void run_undisturbed(const struct dialogue *dialogue) {
    long before = blocks;
    undisturbed();
    speak(dialogue->name, dialogue->text, 0);
    assert_statuses(dialogue->name, dialogue->statuses);
    expected_len = visitor.len;
    memcpy(expected, visitor.bytes, expected_len);
    assert_as_expected(dialogue->name, dialogue->reason, before);
}

/* Calls run() for each k that tells something new about the bytes of the input, or of the output:
 * for all at first and in the end, and for some in between. */
static inline void for_every_k(const struct dialogues *all, bool of_output,
                               void (*run)(const struct dialogue *dialogue, const char *row,
                                           size_t k)) {
    for (size_t i = 0; i < all->count; i++) {
        const struct dialogue *dialogue = &all->items[i];
        run_undisturbed(dialogue);
        size_t max = of_output ? expected_len : strlen(dialogue->text);
        for (size_t k = 1; k <= max; k += k < 600 || k + 400 > max ? 1 : 509) {
            undisturbed();
            run(dialogue, row_at(dialogue->name, k), k);
        }
    }
}

static inline void arrive_in_pieces(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    speak(row, dialogue->text, k);
    assert_as_expected(row, dialogue->reason, before);
}

static inline void read_in_pieces(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    input = (struct feint){.step = k, .pauses = true, .interrupts = true};
    speak(row, dialogue->text, 0);
    assert_as_expected(row, dialogue->reason, before);
}

static inline void send_in_pieces(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    output = (struct feint){.step = k, .pauses = true, .interrupts = true};
    if (k < 4) /* most of it is the same again and again */
        output.step = 4 + k;
    speak(row, dialogue->text, k % 3 == 0 ? 7 : 0);
    assert_as_expected(row, dialogue->reason, before);
}

static inline void disturb_both_ways(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    input = (struct feint){.step = k, .pauses = true};
    output = (struct feint){.step = 3 * k + 40, .pauses = true};
    speak(row, dialogue->text, k % 2 == 0 ? 0 : 11);
    assert_as_expected(row, dialogue->reason, before);
}

/* Who is not told to close by what it reads, learns of the reset. */
static inline void reset_while_reading(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    input = (struct feint){.error = ECONNRESET, .error_after = k - 1};
    speak(row, dialogue->text, 0);
    row_assert(row, visitor.len <= expected_len);
    row_assert(row, memcmp(visitor.bytes, expected, visitor.len) == 0);
    assert_gone(row, before);
    bool answered = visitor.len == expected_len && dialogue->reason != CLOSE_PEER_CLOSED;
    if (answered && stage.server.tally->closed[CLOSE_PEER_GONE] == 0)
        stage_assert_closed(&stage, row, dialogue->reason);
    else
        stage_assert_closed(&stage, row, CLOSE_PEER_GONE);
}

static inline void reset_while_sending(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    output = (struct feint){.error = k % 2 == 0 ? EPIPE : ECONNRESET, .error_after = k - 1};
    speak(row, dialogue->text, 0);
    row_assert_number(row, visitor.len, k - 1);
    row_assert(row, memcmp(visitor.bytes, expected, visitor.len) == 0);
    assert_gone(row, before);
    stage_assert_closed(&stage, row, CLOSE_PEER_GONE);
}

/* The client closes for good after k bytes, with its answers unread. */
static inline void leave_early(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    visitor_connect(&visitor);
    disturbed_fd = visitor.server_fd;
    output = (struct feint){.step = 50, .pauses = true};
    row_assert_number(row, visitor_send(&visitor, dialogue->text, k), k);
    visitor_enter(&stage, &visitor);
    stage_turn(&stage);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    assert_gone(row, before);
    *stage.server.tally = (struct tally){0};
}

/* An allocation fails, the one behind `k`: there is an end to it, and nothing is left. */
static inline void run_out_of_memory(const struct dialogue *dialogue, const char *row, size_t k) {
    long before = blocks;
    uint64_t closes = 0;
    output = (struct feint){.step = 70, .pauses = true};
    allocations_until_failure = (long)k;
    speak(row, dialogue->text, k % 2 == 0 ? 0 : 30);
    allocations_until_failure = -1;
    assert_gone(row, before);
    for (unsigned reason = 0; reason < CLOSE_REASON_COUNT; reason++)
        closes += stage.server.tally->closed[reason];
    row_assert_number(row, closes, 1);
    *stage.server.tally = (struct tally){0};
}
