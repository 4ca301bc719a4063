#include "serve/admin.h"

#include "http/head.h"
#include "http/target.h"
#include "serve/dashboard.h"
#include "serve/exposition.h"
#include "sys/netstat.h"

#include <stdlib.h>

enum { TEXT_BYTES = 32 * 1024, TEXT_BYTES_MAX = 64 << 20 };

/* What was read of the metrics, at one time. */
struct reading {
    struct metrics_state state;
    enum metrics_phase phase;
    struct tally all;
    struct tally *workers; /* owned; NULL: nobody asked for them */
    size_t worker_count;
};

/* What is written into the text, and what it takes. */
struct answer {
    const struct admin *admin;
    const struct reading *reading;
    enum status status;
    bool persist;
    bool to_head;
    int64_t now_s;
};

/* How much is read for an answer. */
enum need { NEED_STATE, NEED_WORKERS, NEED_WORKERS_IF_ASKED };

struct route {
    struct slice path;
    struct slice content_type;
    void (*put)(struct buf *buf, const struct answer *answer);
    enum need need;
    bool has_policy;
    bool streams;
};

/* Reading */

static bool read_workers(struct reading *reading, const struct metrics *metrics) {
    reading->worker_count = metrics_numbers(metrics);
    reading->workers = calloc(reading->worker_count + 1, sizeof *reading->workers);
    for (size_t i = 0; i < reading->worker_count && reading->workers != NULL; i++)
        metrics_read_worker(metrics, i, &reading->workers[i]);
    return reading->workers != NULL;
}

/* What only the kernel knows; 0 where it does not say. */
static void read_host(struct metrics_state *state) {
    struct netstat netstat;
    if (netstat_read(&netstat) < 0)
        return;
    state->listen_overflows = netstat.listen_overflows;
    state->listen_drops = netstat.listen_drops;
}

/* Whether a query has that word among those that '&' separates. */
static bool asks_for(struct slice query, struct slice word) {
    struct slice part;
    while (query.ptr != NULL && slice_cut(&query, '&', &part)) {
        if (slice_equal(part, word))
            return true;
    }
    return false;
}

/* Returns false where there is no memory. */
static bool read_metrics(struct reading *reading, const struct metrics *metrics, enum need need,
                         struct slice query) {
    bool per_worker = need == NEED_WORKERS ||
                      (need == NEED_WORKERS_IF_ASKED && asks_for(query, SLICE("per=worker")));
    reading->phase = metrics_phase(metrics);
    reading->workers = NULL;
    reading->worker_count = 0;
    metrics_read_state(metrics, &reading->state);
    if (need == NEED_STATE)
        return true;
    read_host(&reading->state);
    metrics_read_all(metrics, &reading->all);
    return !per_worker || read_workers(reading, metrics);
}

/* Pages */

static struct dashboard dashboard_of(const struct answer *answer) {
    const struct reading *reading = answer->reading;
    return (struct dashboard){.state = &reading->state,
                              .phase = reading->phase,
                              .all = &reading->all,
                              .workers = reading->workers,
                              .worker_count = reading->worker_count,
                              .trend = &answer->admin->trend,
                              .now_s = answer->now_s};
}

static void put_page(struct buf *buf, const struct answer *answer) {
    const struct dashboard dashboard = dashboard_of(answer);
    dashboard_put_page(buf, &dashboard);
}

static void put_metrics(struct buf *buf, const struct answer *answer) {
    const struct reading *reading = answer->reading;
    bool per_worker = reading->workers != NULL;
    const struct exposition exposition = {
        .state = &reading->state,
        .tallies = per_worker ? reading->workers : &reading->all,
        .count = per_worker ? reading->worker_count : 1,
        .per_worker = per_worker,
    };
    exposition_write(buf, &exposition);
}

/* Whether pronto answers requests, and will answer those to come. */
static bool is_healthy(const struct reading *reading) {
    return reading->phase == METRICS_SERVING && reading->state.workers > 0;
}

static void put_health(struct buf *buf, const struct answer *answer) {
    const struct reading *reading = answer->reading;
    if (is_healthy(reading))
        buf_put(buf, SLICE("ok"));
    else if (reading->phase == METRICS_SERVING)
        buf_put(buf, SLICE("without workers"));
    else
        buf_put(buf, dashboard_phase(reading->phase));
    buf_put_char(buf, '\n');
}

static void put_events(struct buf *buf, const struct answer *answer) {
    const struct dashboard dashboard = dashboard_of(answer);
    dashboard_put_past(buf, &dashboard);
    dashboard_put_now(buf, &dashboard);
}

static void put_event(struct buf *buf, const struct answer *answer) {
    const struct dashboard dashboard = dashboard_of(answer);
    dashboard_put_now(buf, &dashboard);
}

static void put_error(struct buf *buf, const struct answer *answer) {
    status_page(buf, answer->status);
}

static const struct route routes[] = {
    {SLICE_INIT(""), SLICE_INIT("text/html; charset=utf-8"), put_page, NEED_WORKERS, true, false},
    {SLICE_INIT("metrics"), SLICE_INIT(EXPOSITION_TYPE), put_metrics, NEED_WORKERS_IF_ASKED, false,
     false},
    {SLICE_INIT("healthz"), SLICE_INIT("text/plain; charset=utf-8"), put_health, NEED_STATE, false,
     false},
    {SLICE_INIT("events"), SLICE_INIT("text/event-stream"), put_events, NEED_WORKERS, false, true},
};

static const struct route error_route = {
    .content_type = SLICE_INIT("text/html; charset=utf-8"), .put = put_error, .need = NEED_STATE};

static const struct route event_route = {.put = put_event, .need = NEED_WORKERS};

/* Deciding */

static const struct route *find_route(struct slice path) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (slice_equal(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

/* What is answered with, as far as it depends on the request; `route` is where it leads. */
static enum status decide(const struct request *request, enum target_outcome target,
                          const struct route *route, size_t streams_left) {
    if (request->method == METHOD_UNKNOWN)
        return STATUS_NOT_IMPLEMENTED;
    if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        return STATUS_METHOD_NOT_ALLOWED;
    if (target == TARGET_BAD || target == TARGET_ABOVE)
        return STATUS_BAD_REQUEST;
    if (route == NULL)
        return STATUS_NOT_FOUND;
    return route->streams && streams_left == 0 ? STATUS_UNAVAILABLE : STATUS_OK;
}

/* Rendering */

static void put_head(struct buf *buf, const struct answer *answer, const struct route *route,
                     size_t content_len) {
    struct head_opening opening;
    head_open(&opening, answer->now_s);
    head_start(buf, answer->status, &opening, false,
               answer->persist ? HEAD_CONNECTION_IMPLIED : HEAD_CONNECTION_CLOSE);
    head_field(buf, SLICE("Content-Type"), route->content_type);
    if (!route->streams)
        head_field_number(buf, SLICE("Content-Length"), content_len);
    head_field(buf, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
    head_field(buf, SLICE("Cache-Control"), SLICE("no-store"));
    if (answer->status == STATUS_METHOD_NOT_ALLOWED)
        head_field(buf, SLICE("Allow"), SLICE("GET, HEAD"));
    if (route->has_policy) {
        buf_put(buf, SLICE("Content-Security-Policy: "));
        dashboard_put_policy(buf);
        buf_put(buf, SLICE("\r\n"));
    }
    head_end(buf);
}

/* Writes with more and more memory, until it has been enough. Returns the memory, which the caller
 * owns, and the text in it; NULL: there is none. */
static char *write_content(const struct answer *answer, const struct route *route,
                           struct slice *content) {
    for (size_t capacity = TEXT_BYTES; capacity <= TEXT_BYTES_MAX; capacity *= 2) {
        struct buf buf = BUF_INIT(malloc(capacity), capacity);
        if (buf.ptr == NULL)
            return NULL;
        route->put(&buf, answer);
        *content = buf_slice(&buf);
        if (!buf.overflow)
            return buf.ptr;
        free(buf.ptr);
    }
    return NULL;
}

enum { HEAD_BYTES = 2048 };

static enum admin_outcome write_answer(const struct answer *answer, const struct route *route,
                                       struct admin_text *text) {
    struct slice content;
    char *memory = write_content(answer, route, &content);
    struct buf buf = BUF_INIT(NULL, 0);
    *text = (struct admin_text){NULL, 0};
    if (memory != NULL)
        buf = (struct buf)BUF_INIT(malloc(HEAD_BYTES + content.len), HEAD_BYTES + content.len);
    if (buf.ptr != NULL) {
        put_head(&buf, answer, route, content.len);
        if (!answer->to_head)
            buf_put(&buf, content);
        *text = (struct admin_text){buf.ptr, buf.len};
    }
    free(memory);
    if (buf.ptr == NULL)
        return ADMIN_NO_MEMORY;
    return route->streams && !answer->to_head ? ADMIN_STREAM : ADMIN_ANSWERED;
}

/* Decides the rest, by what was read, and answers. */
static enum admin_outcome finish(struct answer *answer, const struct route *route,
                                 struct admin_text *text) {
    if (route->put == put_health && !is_healthy(answer->reading))
        answer->status = STATUS_UNAVAILABLE;
    return write_answer(answer, route, text);
}

enum admin_outcome admin_answer(const struct admin *admin, const struct request *request,
                                bool persist, size_t streams_left, int64_t now_s,
                                struct admin_text *text) {
    char path_memory[REQUEST_TARGET_MAX];
    struct buf path = BUF_INIT(path_memory, sizeof path_memory);
    struct target target = {.query = SLICE_NONE};
    struct reading reading;
    enum target_outcome outcome = target_parse(request->method, request->target, &path, &target);
    const struct route *route = outcome == TARGET_PATH ? find_route(target.path) : NULL;
    struct answer answer = {.admin = admin,
                            .reading = &reading,
                            .status = decide(request, outcome, route, streams_left),
                            .to_head = request->method == METHOD_HEAD,
                            .now_s = now_s};
    if (answer.status != STATUS_OK)
        route = &error_route;
    answer.persist = persist && !route->streams;
    enum admin_outcome result = ADMIN_NO_MEMORY;
    if (read_metrics(&reading, admin->metrics, route->need, target.query))
        result = finish(&answer, route, text);
    free(reading.workers);
    return result;
}

enum admin_outcome admin_refuse(enum refusal refusal, int64_t now_s, struct admin_text *text) {
    const struct answer answer = {.status = refusal_status(refusal), .now_s = now_s};
    return write_answer(&answer, &error_route, text);
}

void admin_look(struct admin *admin, int64_t now_ns) {
    struct tally all;
    metrics_read_all(admin->metrics, &all);
    trend_add(&admin->trend, &all, now_ns);
}

enum admin_outcome admin_tell(const struct admin *admin, int64_t now_s, struct admin_text *text) {
    struct reading reading;
    const struct answer answer = {.admin = admin, .reading = &reading, .now_s = now_s};
    struct slice content = SLICE_NONE;
    char *memory = NULL;
    if (read_metrics(&reading, admin->metrics, event_route.need, SLICE_NONE))
        memory = write_content(&answer, &event_route, &content);
    free(reading.workers);
    *text = (struct admin_text){memory, content.len};
    return memory != NULL ? ADMIN_ANSWERED : ADMIN_NO_MEMORY;
}
