#include "serve/exchange.h"

#include "base/check.h"
#include "http/head.h"
#include "http/multipart.h"
#include "serve/respond.h"

/* What a response is made from. What it sends is an entry or made by the delivery's stream, or
 * there is nothing: then there is no representation. */
struct exchange {
    const struct request *request; /* NULL: there was none that could be read */
    enum method method;
    struct target target;
    struct resource *resource; /* borrowed from the store; NULL: nothing was looked up */
    struct entry *entry;       /* borrowed from the resource */
    struct folder *folder;     /* filled in with a delivery only */
    struct delivery **delivery;
    const struct representation *representation;
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

/* Of what is made, a 304 says only what a cache needs (RFC 9110 §15.4.5). */
static void put_folder(struct buf *buf, const struct exchange *exchange) {
    if (exchange->entry != NULL || exchange->representation == NULL)
        return;
    folder_write_vary(buf, exchange->folder);
    if (exchange->response.content != RESPONSE_NOTHING)
        folder_write_fields(buf, exchange->folder);
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
        CHECK(exchange->representation != NULL);
        head_unsatisfied_range(buf, exchange->representation->length);
    }
    if (exchange->response.content != RESPONSE_PAGE)
        put_folder(buf, exchange);
}

/* Content of unknown length ends with its last chunk, or with the connection (RFC 9112 §6.3). */
static void put_framing(struct buf *buf, const struct exchange *exchange) {
    if (exchange->representation->length != REPRESENTATION_LENGTH_UNKNOWN ||
        exchange->request->minor_version == 0)
        return;
    head_field(buf, SLICE("Transfer-Encoding"), SLICE("chunked"));
    (*exchange->delivery)->chunked = true;
}

/* The whole of what is made while it is sent: the delivery has it. */
static void queue_made(struct outq *output, const struct exchange *exchange, size_t start) {
    CHECK(exchange->representation != NULL);
    head_representation(&output->bytes, exchange->representation);
    put_framing(&output->bytes, exchange);
    head_end(&output->bytes);
    outq_push_bytes(output, start);
}

static void queue_file(struct outq *output, const struct exchange *exchange, size_t start) {
    struct entry *entry = exchange->entry;
    if (entry == NULL) {
        queue_made(output, exchange, start);
        return;
    }
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
    const struct range *first = &exchange->ranges->items[0];
    CHECK(exchange->representation != NULL && exchange->ranges->count > 0);
    if (exchange->ranges->count > 1) {
        queue_parts(output, exchange, slice_of(server->boundary, sizeof server->boundary), start);
        return;
    }
    head_partial(&output->bytes, exchange->representation, first);
    head_end(&output->bytes);
    outq_push_bytes(output, start);
    if (exchange->entry != NULL)
        outq_push_content(output, exchange->entry, first->first, first->len);
    else
        archive_seek(archive_of((*exchange->delivery)->stream), first->first, first->len);
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
        else if (exchange->representation != NULL)
            head_validators(buf, exchange->representation);
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

/* What is made of a directory. Returns false where that is not known yet. */
static bool choose_folder(struct server *server, struct exchange *exchange) {
    const struct request *request = exchange->request;
    int64_t now_s = server->loop->time_s;
    enum folder_outcome outcome =
        folder_open(server->store.docroot, request, &exchange->target, now_s, &server->deliveries,
                    exchange->folder, exchange->delivery);
    if (outcome == FOLDER_LATER)
        return false;
    if (outcome == FOLDER_READY)
        exchange->representation = &exchange->folder->representation;
    exchange->response =
        respond_folder(request, outcome, exchange->representation, now_s, exchange->ranges);
    return true;
}

/* What a resource has ready for the request. Returns false where that is not known yet. */
static bool choose(struct server *server, struct exchange *exchange) {
    const struct request *request = exchange->request;
    const struct resource *resource = exchange->resource;
    enum docroot_outcome outcome =
        resource != NULL ? resource->outcome : DOCROOT_EXHAUSTED; /* there was no memory */
    int64_t now_s = server->loop->time_s;
    if (outcome == DOCROOT_DIRECTORY && server->listing)
        return choose_folder(server, exchange);
    if (outcome == DOCROOT_FILE)
        outcome = choose_entry(server, exchange);
    if (exchange->entry != NULL)
        exchange->representation = &exchange->entry->representation;
    exchange->response =
        respond_found(request, outcome, exchange->representation, now_s, exchange->ranges);
    return true;
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
    if (exchange->resource->outcome == DOCROOT_NEEDS_SLASH ||
        exchange->resource->outcome == DOCROOT_DIRECTORY)
        (void)target_parse(request->method, request->target, path, &exchange->target);
    return true;
}

static void look_up(struct server *server, struct exchange *exchange, struct slice key) {
    const struct target *target = &exchange->target;
    exchange->resource = store_look_up(&server->store, key, target->path, target->trailing_slash,
                                       server->loop->now_ms);
}

/* Decides what is answered. Returns false where that cannot be done yet. */
static bool decide(struct server *server, struct exchange *exchange) {
    const struct request *request = exchange->request;
    struct buf path = BUF_INIT(server->path, REQUEST_TARGET_MAX);
    struct slice key;
    if (has_key(request, &key) && recall(server, exchange, key, &path))
        return choose(server, exchange);
    enum target_outcome target =
        target_parse(request->method, request->target, &path, &exchange->target);
    exchange->response = respond_request(request, target);
    if (exchange->response.content != RESPONSE_LOOK_UP)
        return true;
    look_up(server, exchange, key);
    return choose(server, exchange);
}

/* What is not sent needs not be made, nor what was prepared for another answer. */
static void end_delivery(struct exchange *exchange) {
    const struct response *response = &exchange->response;
    bool is_sent = exchange->method == METHOD_GET && exchange->representation != NULL &&
                   exchange->entry == NULL &&
                   (response->content == RESPONSE_FILE || response->content == RESPONSE_RANGES);
    if (is_sent)
        return;
    delivery_free(*exchange->delivery);
    *exchange->delivery = NULL;
}

/* Renders what was decided. Returns whether the connection persists. */
static bool finish(struct server *server, struct exchange *exchange, bool persist) {
    bool endless = exchange->representation != NULL && exchange->request->minor_version == 0 &&
                   exchange->representation->length == REPRESENTATION_LENGTH_UNKNOWN;
    exchange->persist = persist && exchange->request->keep_alive && !server->draining &&
                        !exchange->response.close && !endless;
    render(server, exchange);
    if (*exchange->delivery != NULL)
        end_delivery(exchange);
    return exchange->persist;
}

enum exchange_outcome exchange_answer(struct server *server, const struct request *request,
                                      bool persist, struct delivery **delivery) {
    struct range_set ranges; /* large, and mostly of no use: not among what is set to zero */
    struct folder folder;    /* the same */
    struct exchange exchange = {.request = request,
                                .method = request->method,
                                .ranges = &ranges,
                                .folder = &folder,
                                .delivery = delivery};
    enum exchange_outcome outcome = EXCHANGE_LATER;
    if (decide(server, &exchange))
        outcome = finish(server, &exchange, persist) ? EXCHANGE_PERSISTS : EXCHANGE_CLOSES;
    if (exchange.resource != NULL)
        store_release(&server->store, exchange.resource);
    return outcome;
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
