/* Every answer is accounted for once, with the bytes that were really sent, however the network
 * takes them. */
#include "serve/ledger.h"

#include "support/dialogue.h"
#include "support/disturbed.h"
#include "support/memory.h"
#include "support/still.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

enum { ANSWERS_MAX = 70, LOG_MAX = 64 * 1024 };

/* A line of the log. */
struct line {
    struct slice request; /* as the log has it */
    unsigned status;
    uint64_t bytes;
    bool aborted;
};

/* Where an answer is in what the undisturbed client received. */
struct span {
    struct line line;
    uint64_t start;
    uint64_t head_end;
    uint64_t end;
};

static struct visitor other;
static int log_fd; /* a memory file; the ledger has another descriptor of it */
static char log_text[LOG_MAX];
static struct line lines[ANSWERS_MAX];
static size_t line_count;
static char span_text[LOG_MAX];
static struct span spans[ANSWERS_MAX];
static size_t span_count;

static int setup(void **state) {
    (void)state;
    undisturbed();
    visitor.fd = -1;
    other.fd = -1;
    log_fd = memfd_create("log", MFD_CLOEXEC);
    (void)fcntl(log_fd, F_SETFL, O_APPEND);
    int second = fcntl(log_fd, F_DUPFD_CLOEXEC, 0);
    stage_open(&stage);
    tree_file(&stage.tree, "tree/large", 4, STREAM_PIECE_BYTES + 1000); /* by sendfile */
    stage.options.log_format = LOG_FORMAT_JSON;
    return ledger_init(&stage.server.ledger, &stage.loop, &stage.options, second);
}

static int teardown(void **state) {
    (void)state;
    undisturbed();
    visitor_leave(&visitor);
    visitor_leave(&other);
    stage.fds--; /* the ledger closes its own */
    stage_close(&stage);
    (void)close(log_fd);
    return 0;
}

#define HOST      " HTTP/1.1\r\nHost: a\r\n"
#define GET(path) "GET /" path HOST "\r\n"

static const struct dialogue dialogues[] = {
    {"one request", GET("small"), CLOSE_PEER_CLOSED, "200 "},
    {"large file", GET("big"), CLOSE_PEER_CLOSED, "200 "},
    {"pipelined",
     GET("small") "HEAD /big" HOST "\r\n" GET("nothing") GET("middle")
         GET("directory") "OPTIONS *" HOST "\r\n" GET("small") GET("big") GET("small"),
     CLOSE_PEER_CLOSED, "200 200 404 200 301 204 200 200 200 "},
    {"a range", "GET /big" HOST "Range: bytes=100-20099\r\n\r\n" GET("small"), CLOSE_PEER_CLOSED,
     "206 200 "},
    {"ranges", "GET /big" HOST "Range: bytes=0-99,200-299\r\n\r\n" GET("small"), CLOSE_PEER_CLOSED,
     "206 200 "},
    {"not modified", "GET /small" HOST "If-None-Match: *\r\n\r\n" GET("small"), CLOSE_PEER_CLOSED,
     "304 200 "},
    {"rfc9112-9.6 close", "GET /small" HOST "Connection: close\r\n\r\n" GET("small"),
     CLOSE_ANSWERED, "200 "},
    {"refused", GET("small") "GET / HTTP/1.1\r\n\r\n" GET("small"), CLOSE_REFUSED, "200 400 "},
    {"content too large", "GET /" HOST "Content-Length: 99999999\r\n\r\nabc", CLOSE_REFUSED,
     "413 "},
    {"rfc9112-8 incomplete head", GET("small") "GET /small HTT", CLOSE_REFUSED, "200 400 "},
    {"a listing between files", GET("small") GET("directory/") GET("big"), CLOSE_PEER_CLOSED,
     "200 200 200 "},
    {"archives between files",
     GET("small") GET("tree/?archive=tar") "HEAD /tree/?archive=tar" HOST "\r\n" GET("middle"),
     CLOSE_PEER_CLOSED, "200 200 200 200 "},
    {"rfc9112-6.3 a listing in 1.0", "GET /directory/?format=text HTTP/1.0\r\n\r\n", CLOSE_ANSWERED,
     "200 "},
};

/* Reading the log */

static void empty_log(void) {
    assert_int_equal(ftruncate(log_fd, 0), 0);
}

/* {"time":"...","remote":"unix",REQUEST,"status":200,"bytes":7,"duration_us":0} */
static void read_line(const char *row, struct slice text, struct line *line) {
    static const char start[] = "{\"time\":\"1994-11-06T08:49:37.000Z\",\"remote\":\"unix\",";
    const char *status = memmem(text.ptr, text.len, "\"status\":", 9);
    row_assert(row, status != NULL);
    row_assert_slice(row, slice_of(text.ptr, sizeof start - 1), slice_of(start, sizeof start - 1));
    unsigned long long bytes;
    row_assert_number(row, sscanf(status, "\"status\":%u,\"bytes\":%llu,", &line->status, &bytes),
                      2);
    line->request =
        slice_of(text.ptr + sizeof start - 1, (size_t)(status - text.ptr) - (sizeof start - 1));
    line->bytes = bytes;
    line->aborted = memmem(text.ptr, text.len, "\"aborted\":true}", 15) != NULL;
    row_assert(row, text.ptr[text.len - 1] == '}');
}

/* Reads what has been logged since the last call. */
static void read_log(const char *row) {
    struct slice line;
    accesslog_flush_due(&stage.server.ledger.log, stage.loop.now_ms + 1000);
    ssize_t len = pread(log_fd, log_text, sizeof log_text, 0);
    row_assert(row, len >= 0 && (size_t)len < sizeof log_text);
    struct slice rest = slice_of(log_text, (size_t)len);
    for (line_count = 0; rest.len > 0 && slice_cut(&rest, '\n', &line); line_count++) {
        row_assert(row, line_count < ANSWERS_MAX);
        read_line(row, line, &lines[line_count]);
    }
    row_assert(row, stage.server.ledger.count == 0);
    empty_log();
}

/* Finds where each answer is, by what the log says: there must be one behind the other, with the
 * status that was logged, and nothing behind the last. */
static void measure(const char *row) {
    uint64_t at = 0;
    read_log(row);
    memcpy(span_text, log_text, sizeof span_text);
    for (span_count = 0; span_count < line_count; span_count++) {
        struct span *span = &spans[span_count];
        const char *start = visitor.bytes + at;
        row_assert(row, at < visitor.len && memcmp(start, "HTTP/1.1 ", 9) == 0);
        const char *end = memmem(start, visitor.len - at, "\r\n\r\n", 4);
        row_assert(row, end != NULL);
        span->line = lines[span_count];
        span->line.request.ptr = span_text + (span->line.request.ptr - log_text);
        row_assert_number(row, span->line.status, atoi(start + 9));
        row_assert(row, !span->line.aborted);
        span->start = at;
        span->head_end = (uint64_t)(end - visitor.bytes) + 4;
        span->end = span->head_end + span->line.bytes;
        at = span->end;
    }
    row_assert_number(row, at, visitor.len);
}

static void assert_logged_as_expected(const char *row) {
    read_log(row);
    row_assert_number(row, line_count, span_count);
    for (size_t i = 0; i < line_count; i++) {
        row_assert_slice(row, lines[i].request, spans[i].line.request);
        row_assert_number(row, lines[i].status, spans[i].line.status);
        row_assert_number(row, lines[i].bytes, spans[i].line.bytes);
        row_assert(row, !lines[i].aborted);
    }
}

/* The connection ended when the client had `sent` bytes: what it has as a whole is logged like
 * that, and of what had been begun there are the bytes that it has. */
static void assert_logged_up_to(const char *row, uint64_t sent) {
    read_log(row);
    row_assert(row, line_count <= span_count);
    for (size_t i = 0; i < span_count; i++) {
        const struct span *span = &spans[i];
        if (i >= line_count) {
            row_assert(row, span->start >= sent);
            continue;
        }
        uint64_t content = sent > span->head_end ? sent - span->head_end : 0;
        row_assert_slice(row, lines[i].request, span->line.request);
        row_assert_number(row, lines[i].aborted, span->end > sent);
        row_assert_number(row, lines[i].bytes, span->end > sent ? content : span->line.bytes);
    }
}

/* Tests */

/* Runs a dialogue undisturbed, and then with each k that tells something new. */
static void for_every_answer(bool of_output, void (*run)(const struct dialogue *dialogue,
                                                         const char *row, size_t k)) {
    for (size_t i = 0; i < ROWS_COUNT(dialogues); i++) {
        empty_log();
        run_undisturbed(&dialogues[i]);
        measure(dialogues[i].name);
        size_t max = of_output ? expected_len : strlen(dialogues[i].text);
        for (size_t k = 1; k <= max; k += k < 600 || k + 400 > max ? 1 : 509) {
            undisturbed();
            run(&dialogues[i], row_at(dialogues[i].name, k), k);
        }
    }
}

static void log_sent_in_pieces(const struct dialogue *dialogue, const char *row, size_t k) {
    send_in_pieces(dialogue, row, k);
    assert_logged_as_expected(row);
}

static void log_arrived_in_pieces(const struct dialogue *dialogue, const char *row, size_t k) {
    arrive_in_pieces(dialogue, row, k);
    assert_logged_as_expected(row);
}

static void log_reset(const struct dialogue *dialogue, const char *row, size_t k) {
    reset_while_sending(dialogue, row, k);
    assert_logged_up_to(row, k - 1);
}

static void test_output_accepted_k_bytes_at_a_time(void **state) {
    (void)state;
    for_every_answer(true, log_sent_in_pieces);
}

static void test_input_arrives_k_bytes_at_a_time(void **state) {
    (void)state;
    for_every_answer(false, log_arrived_in_pieces);
}

static void test_reset_after_k_bytes_sent(void **state) {
    (void)state;
    for_every_answer(true, log_reset);
}

/* What was begun is accounted for also where there is no memory for it. */
static void test_out_of_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(dialogues); i++) {
        for (size_t k = 0; k < 40; k++) {
            const char *row = row_at(dialogues[i].name, k);
            undisturbed();
            run_out_of_memory(&dialogues[i], row, k);
            read_log(row);
            row_assert(row, line_count <= ROWS_COUNT(spans));
            row_assert(row, visitor.len == 0 || line_count > 0);
        }
    }
}

#define START "{\"time\":\"1994-11-06T08:49:37.000Z\",\"remote\":\"unix\","
#define END   ",\"duration_us\":0"

static void assert_log(const char *row, const char *text, const char *logged) {
    empty_log();
    visitor_connect(&visitor);
    visitor_send_text(&visitor, text);
    visitor_enter(&stage, &visitor);
    stage_settle(&stage, &visitor);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    accesslog_flush_due(&stage.server.ledger.log, stage.loop.now_ms + 1000);
    char *got = process_text(log_fd);
    row_assert_slice(row, slice_of_text(got), slice_of_text(logged));
    __real_free(got);
}

/* As much as is known of them. */
static void test_refused_requests(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *request; /* and the status */
        const char *fields;
    } rows[] = {
        {"no request", "hello\r\n\r\n", "\"request\":\"hello\",\"status\":400", ""},
        {"no version", "GET /\r\n\r\n", "\"request\":\"GET /\",\"status\":400", ""},
        {"rfc9112-2.2 empty lines", "\r\n\r\nGET / HTTP/2.0\r\n",
         "\"method\":\"GET\",\"target\":\"/\",\"protocol\":\"HTTP/2.0\",\"status\":505", ""},
        {"no host", "GET /a HTTP/1.1\r\nUser-Agent: u\r\n\r\n",
         "\"method\":\"GET\",\"target\":\"/a\",\"protocol\":\"HTTP/1.1\",\"status\":400",
         ",\"user_agent\":\"u\""},
        {"bad field behind others", "GET /a HTTP/1.1\r\nReferer: r\r\nUser-Agent: u\r\nx y\r\n\r\n",
         "\"method\":\"GET\",\"target\":\"/a\",\"protocol\":\"HTTP/1.1\",\"status\":400",
         ",\"referer\":\"r\",\"user_agent\":\"u\""},
        {"bad target", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
         "\"method\":\"GET\",\"target\":\"/%zz\",\"protocol\":\"HTTP/1.1\",\"status\":400", ""},
        {"a method of its own", "BREW /pot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
         "\"method\":\"BREW\",\"target\":\"/pot\",\"protocol\":\"HTTP/1.1\",\"status\":501", ""},
        {"bytes above ASCII", "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
         "\"method\":\"GET\",\"target\":\"/\xef\xbf\xbd\",\"protocol\":\"HTTP/1.1\","
         "\"status\":400",
         ""},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char logged[512];
        struct slice status = slice_of_text(rows[i].request);
        status = slice_after(status, status.len - 3);
        char page[1024];
        struct buf buf = BUF_INIT(page, sizeof page);
        for (unsigned s = 0; s < STATUS_COUNT && buf.len == 0; s++) {
            if (status_code((enum status)s) == (unsigned)atoi(status.ptr))
                status_page(&buf, (enum status)s);
        }
        (void)snprintf(logged, sizeof logged, START "%s,\"bytes\":%zu" END "%s}\n", rows[i].request,
                       buf.len, rows[i].fields);
        assert_log(rows[i].name, rows[i].text, logged);
    }
}

/* What is sent twice counts as absent; what is too long for any log is not kept as a whole. */
static void test_fields(void **state) {
    (void)state;
    assert_log("twice",
               "GET /small" HOST "User-Agent: a\r\nUser-Agent: b\r\nReferer: http://r/\r\n\r\n",
               START "\"method\":\"GET\",\"target\":\"/small\",\"protocol\":\"HTTP/1.1\","
                     "\"status\":200,\"bytes\":100" END ",\"referer\":\"http://r/\"}\n");
    assert_log("empty", "GET /small" HOST "User-Agent:\r\nReferer: \r\n\r\n",
               START "\"method\":\"GET\",\"target\":\"/small\",\"protocol\":\"HTTP/1.1\","
                     "\"status\":200,\"bytes\":100" END ",\"referer\":\"\",\"user_agent\":\"\"}\n");
}

/* A client that is too slow is answered, and that is logged, whatever it has sent. */
static void test_time_out(void **state) {
    (void)state;
    stage.server.deadlines[DEADLINE_HEAD].duration_ms = 0;
    visitor_connect(&visitor);
    visitor_send_text(&visitor, "GET /slow HTTP/1.1\r\nUser-Agent: u\r\n");
    visitor_enter(&stage, &visitor);
    stage_settle(&stage, &visitor);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    read_log("408");
    assert_int_equal(line_count, 1);
    assert_int_equal(lines[0].status, 408);
    row_assert_slice("408", lines[0].request,
                     SLICE("\"method\":\"GET\",\"target\":\"/slow\",\"protocol\":\"HTTP/1.1\","));
}

/* A turn of answers that are all sent allocates nothing for the ledger, and nothing is left. */
static void test_what_is_sent_at_once_costs_no_memory(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("small"));
    long before = blocks;
    allocations_until_failure = 2; /* the file's entry and its bytes, as nothing is cached */
    stage_ask(&stage, &visitor, GET("small"));
    allocations_until_failure = -1;
    assert_int_equal(blocks, before);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 2);
}

/* What is not sent costs a block as long as it is not. */
static void test_what_is_not_sent_is_kept(void **state) {
    (void)state;
    visitor_connect(&visitor);
    disturbed_fd = visitor.server_fd;
    visitor_enter(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("small"));
    long before = blocks;
    output = (struct feint){.step = 150, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, GET("big"));
    assert_int_equal(blocks - before, 3); /* the queue, the entry, and what the ledger keeps */
    stage_invite(&stage, &other);
    stage_ask(&stage, &other, "OPTIONS *" HOST "Referer: of another request\r\n\r\n");
    visitor_leave(&other);
    stage_settle(&stage, &visitor);
    read_log("blocked");
    assert_int_equal(line_count, 2);
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_int_equal(blocks, before);
    read_log("sent");
    assert_int_equal(line_count, 1);
    row_assert_slice("sent", lines[0].request,
                     SLICE("\"method\":\"GET\",\"target\":\"/big\",\"protocol\":\"HTTP/1.1\","));
    assert_int_equal(lines[0].bytes, STAGE_BIG);
}

/* What is logged of an answer that is not taken counts among what its connection holds: a head of
 * texts that are kept would hold more than the answer does. */
static void test_what_is_kept_is_held(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t referer_len;
        bool is_closed;
    } rows[] = {{"few texts", 10, false}, {"more than is a connection's own", 4000, true}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char text[4200];
        stage.server.held_max = 0;
        (void)snprintf(text, sizeof text, "GET /big" HOST "Referer: %0*d\r\n\r\n",
                       (int)rows[i].referer_len, 0);
        visitor_connect(&visitor);
        disturbed_fd = visitor.server_fd;
        visitor_enter(&stage, &visitor);
        output = (struct feint){.step = 10, .pauses = true};
        no_edges = true;
        visitor_send_text(&visitor, text);
        stage_turn(&stage);
        row_assert_number(rows[i].name, (long)stage.server.tally->closed[CLOSE_BUFFERS_FULL],
                          rows[i].is_closed);
        row_assert(rows[i].name,
                   (stage.server.held_bytes > rows[i].referer_len) != rows[i].is_closed);
        undisturbed();
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        row_assert_number(rows[i].name, (long)stage.server.held_bytes, 0);
        *stage.server.tally = (struct tally){0};
        read_log(rows[i].name);
        row_assert_number(rows[i].name, (long)line_count, 1);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_output_accepted_k_bytes_at_a_time),
        test(test_input_arrives_k_bytes_at_a_time),
        test(test_reset_after_k_bytes_sent),
        test(test_out_of_memory),
        test(test_refused_requests),
        test(test_fields),
        test(test_time_out),
        test(test_what_is_sent_at_once_costs_no_memory),
        test(test_what_is_not_sent_is_kept),
        test(test_what_is_kept_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
