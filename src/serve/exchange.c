#include "serve/exchange.h"

#include "base/check.h"
#include "http/head.h"
#include "http/mime.h"
#include "serve/respond.h"
#include "sys/clock.h"

#include <errno.h>

/* What a response is made from; `entry` is NULL unless a file was found. */
struct exchange {
    const struct request *request; /* NULL: there was none that could be read */
    enum method method;
    struct target target;
    struct entry *entry;
    struct response response;
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

static void render(struct server *server, const struct exchange *exchange) {
    const struct response *response = &exchange->response;
    struct outq *output = &server->output;
    struct buf *buf = &output->bytes;
    size_t start = buf->len;

    CHECK(response->content != RESPONSE_FILE || exchange->entry != NULL);
    head_start(buf, response->status, server_date(server), connection_of(exchange));
    if (response->allow)
        head_field(buf, SLICE("Allow"), method_allow());
    if (response->location) {
        buf_put(buf, SLICE("Location: "));
        target_write_directory(buf, &exchange->target);
        buf_put(buf, SLICE("\r\n"));
    }
    switch (response->content) {
    case RESPONSE_LOOK_UP: /* decided by now */
    case RESPONSE_NOTHING:
        if (exchange->entry != NULL)
            buf_put(buf, exchange->entry->validators);
        head_end(buf);
        break;
    case RESPONSE_PAGE:
        put_page(buf, exchange);
        break;
    case RESPONSE_FILE:
        buf_put(buf, exchange->entry->fields);
        head_end(buf);
        break;
    }
    outq_push_bytes(output, start);
    if (response->content == RESPONSE_FILE && exchange->method == METHOD_GET)
        outq_push_content(output, exchange->entry, 0, exchange->entry->representation.length);
}

static enum docroot_outcome outcome_of(int errnum) {
    return errnum == ENOMEM ? DOCROOT_EXHAUSTED : DOCROOT_FAULT;
}

/* Finds what the target names, and decides what is answered. */
static void look_up(struct server *server, struct exchange *exchange) {
    struct docroot_file file;
    const struct representation *representation = NULL;
    const struct target *target = &exchange->target;
    enum docroot_outcome outcome =
        docroot_find(server->docroot, target->path, target->trailing_slash, &file);
    if (outcome == DOCROOT_FILE) {
        int result = entry_build(&file, mime_of_name(file.name), &exchange->entry);
        if (result < 0)
            outcome = outcome_of(-result);
        else
            representation = &exchange->entry->representation;
    }
    exchange->response = respond_found(exchange->request, outcome, representation, clock_time_s());
}

bool exchange_answer(struct server *server, const struct request *request, bool persist) {
    struct exchange exchange = {.request = request, .method = request->method};
    struct buf path = BUF_INIT(server->path, REQUEST_TARGET_MAX);
    enum target_outcome target =
        target_parse(request->method, request->target, &path, &exchange.target);

    exchange.response = respond_request(request, target);
    if (exchange.response.content == RESPONSE_LOOK_UP)
        look_up(server, &exchange);
    exchange.persist =
        persist && request->keep_alive && !server->draining && !exchange.response.close;
    render(server, &exchange);
    if (exchange.entry != NULL)
        entry_unref(exchange.entry);
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
