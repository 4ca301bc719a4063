#include "serve/exchange.h"

#include "base/check.h"
#include "http/head.h"
#include "http/multipart.h"
#include "serve/respond.h"

/* What a response is made from; `resource` is NULL unless something was looked up, `entry` unless a
 * file was found. */
struct exchange {
    const struct request *request; /* NULL: there was none that could be read */
    enum method method;
    struct target target;
    struct resource *resource; /* borrowed from the store */
    struct entry *entry;       /* borrowed from the resource */
    struct response response;
    struct range_set *ranges; /* filled in with RESPONSE_RANGES only */
    bool persist;
};

static void put_page(struct buf *buf, const struct exchange *exchange) {
    char memory[1024];
    struct buf page = BUF_INIT(memory, sizeof memory);
    status_page(&page, exchange->response.status);
    CHECK(!page.overflow);
    head_page(buf, page.len);
    head_end(buf);
    if (exchange->method != METHOD_HEAD)
        buf_put(buf, buf_slice(&page));
}

/* RFC 9112 §9.3, §9.6: said wherever the client could think otherwise. */
static enum head_connection connection_of(const struct exchange *exchange) {
    if (!exchange->persist)
        return HEAD_CONNECTION_CLOSE;
    return exchange->request->minor_version == 0 ? HEAD_CONNECTION_KEEP_ALIVE
                                                 : HEAD_CONNECTION_IMPLIED;
}

/* The fields that answer a question which the request asked. */
static void put_particulars(struct buf *buf, const struct exchange *exchange) {
    if (exchange->response.allow)
        head_field(buf, SLICE("Allow"), method_allow());
    if (exchange->response.location) {
        buf_put(buf, SLICE("Location: "));
        target_write_directory(buf, &exchange->target);
        buf_put(buf, SLICE("\r\n"));
    }
    if (exchange->response.vary)
        head_vary(buf);
    if (exchange->response.unsatisfied_range) {
        CHECK(exchange->entry != NULL);
        head_unsatisfied_range(buf, exchange->entry->representation.length);
    }
}

static void queue_file(struct outq *output, const struct exchange *exchange, size_t start) {
    struct entry *entry = exchange->entry;
    CHECK(entry != NULL);
    buf_put(&output->bytes, entry->fields);
    head_end(&output->bytes);
    outq_push_bytes(output, start);
    if (exchange->method == METHOD_GET)
        outq_push_content(output, entry, 0, entry->representation.length);
}

/* Several ranges: each behind the head of its part. */
static void queue_parts(struct outq *output, const struct exchange *exchange, struct slice boundary,
                        size_t start) {
    struct buf *buf = &output->bytes;
    const struct representation *representation = &exchange->entry->representation;
    const struct range_set *ranges = exchange->ranges;
    head_multipart(buf, representation, boundary, multipart_length(representation, ranges));
    head_end(buf);
    for (size_t i = 0; i < ranges->count; i++) {
        multipart_write_part(buf, boundary, representation, ranges, i);
        outq_push_bytes(output, start);
        outq_push_content(output, exchange->entry, ranges->items[i].first, ranges->items[i].len);
        start = buf->len;
    }
    multipart_write_end(buf, boundary);
    outq_push_bytes(output, start);
}

static void queue_ranges(struct server *server, const struct exchange *exchange, size_t start) {
    struct outq *output = &server->output;
    struct entry *entry = exchange->entry;
    const struct range *first = &exchange->ranges->items[0];
    CHECK(entry != NULL && exchange->ranges->count > 0);
    if (exchange->ranges->count > 1) {
        queue_parts(output, exchange, slice_of(server->boundary, sizeof server->boundary), start);
        return;
    }
    head_partial(&output->bytes, &entry->representation, first);
    head_end(&output->bytes);
    outq_push_bytes(output, start);
    outq_push_content(output, entry, first->first, first->len);
}

/* Writes the head, and queues what stands behind it. */
static void render(struct server *server, const struct exchange *exchange) {
    const struct response *response = &exchange->response;
    struct outq *output = &server->output;
    struct buf *buf = &output->bytes;
    size_t start = buf->len;

    head_start(buf, response->status, server_date_line(server), connection_of(exchange));
    put_particulars(buf, exchange);
    switch (response->content) {
    case RESPONSE_LOOK_UP: /* decided by now */
    case RESPONSE_NOTHING:
        if (exchange->entry != NULL)
            buf_put(buf, exchange->entry->validators);
        head_end(buf);
        outq_push_bytes(output, start);
        break;
    case RESPONSE_PAGE:
        put_page(buf, exchange);
        outq_push_bytes(output, start);
        break;
    case RESPONSE_FILE:
        queue_file(output, exchange, start);
        break;
    case RESPONSE_RANGES:
        queue_ranges(server, exchange, start);
        break;
    }
}

/* The target without its query: by this the store knows what it names. Of use only where the
 * target is taken: a query must not hide a fragment. */
static bool has_key(const struct request *request, struct slice *key) {
    struct slice rest = request->target;
    return slice_cut(&rest, '?', key) && (rest.ptr == NULL || slice_find(rest, '#') == rest.len);
}

/* The file in the best coding that the client takes. A sibling that has just vanished is no loss as
 * long as it takes another one. */
static enum docroot_outcome choose_entry(struct server *server, struct exchange *exchange) {
    struct resource *resource = exchange->resource;
    enum docroot_outcome outcome;
    enum coding coding;
    do {
        coding = respond_coding(exchange->request, resource->available);
        if (coding == CODING_COUNT)
            return DOCROOT_FILE;
        outcome =
            store_entry(&server->store, resource, coding, server->loop->time_s, &exchange->entry);
    } while (outcome != DOCROOT_FILE && coding != CODING_IDENTITY);
    return outcome;
}

/* What a resource has ready for the request. */
static void choose(struct server *server, struct exchange *exchange) {
    const struct request *request = exchange->request;
    const struct resource *resource = exchange->resource;
    enum docroot_outcome outcome =
        resource != NULL ? resource->outcome : DOCROOT_EXHAUSTED; /* there was no memory */
    const struct representation *representation = NULL;
    int64_t now_s = server->loop->time_s;
    if (outcome == DOCROOT_FILE)
        outcome = choose_entry(server, exchange);
    if (exchange->entry != NULL)
        representation = &exchange->entry->representation;
    exchange->response = respond_found(request, outcome, representation, now_s, exchange->ranges);
}

/* A target that was taken before is one, and needs no second look, but where it is sent back with
 * its query. */
static bool recall(struct server *server, struct exchange *exchange, struct slice key,
                   struct buf *path) {
    const struct request *request = exchange->request;
    if (respond_request(request, TARGET_PATH).content != RESPONSE_LOOK_UP)
        return false;
    exchange->resource = store_recall(&server->store, key, server->loop->now_ms);
    if (exchange->resource == NULL)
        return false;
    if (exchange->resource->outcome == DOCROOT_NEEDS_SLASH)
        (void)target_parse(request->method, request->target, path, &exchange->target);
    return true;
}

static void look_up(struct server *server, struct exchange *exchange, struct slice key) {
    const struct target *target = &exchange->target;
    exchange->resource = store_look_up(&server->store, key, target->path, target->trailing_slash,
                                       server->loop->now_ms);
}

/* Decides what is answered. */
static void decide(struct server *server, struct exchange *exchange) {
    const struct request *request = exchange->request;
    struct buf path = BUF_INIT(server->path, REQUEST_TARGET_MAX);
    struct slice key;
    if (has_key(request, &key) && recall(server, exchange, key, &path)) {
        choose(server, exchange);
        return;
    }
    enum target_outcome target =
        target_parse(request->method, request->target, &path, &exchange->target);
    exchange->response = respond_request(request, target);
    if (exchange->response.content == RESPONSE_LOOK_UP) {
        look_up(server, exchange, key);
        choose(server, exchange);
    }
}

bool exchange_answer(struct server *server, const struct request *request, bool persist) {
    struct range_set ranges; /* large, and mostly of no use: not among what is set to zero */
    struct exchange exchange = {.request = request, .method = request->method, .ranges = &ranges};

    decide(server, &exchange);
    exchange.persist =
        persist && request->keep_alive && !server->draining && !exchange.response.close;
    render(server, &exchange);
    if (exchange.resource != NULL)
        store_release(&server->store, exchange.resource);
    return exchange.persist;
}

void exchange_refuse(struct server *server, enum refusal refusal, enum method method) {
    struct exchange exchange = {.method = method, .response = respond_refusal(refusal)};
    render(server, &exchange);
}

void exchange_continue(struct server *server) {
    size_t start = server->output.bytes.len;
    buf_put(&server->output.bytes, status_line(STATUS_CONTINUE));
    head_end(&server->output.bytes);
    outq_push_bytes(&server->output, start);
}
