#include "serve/render.h"

#include "base/check.h"
#include "base/placement.h"
#include "http/head.h"
#include "http/multipart.h"

/* RFC 9112 §9.3, §9.6: said wherever the client could think otherwise. */
static enum head_connection connection_of(const struct answer *answer) {
    if (!answer->persist)
        return HEAD_CONNECTION_CLOSE;
    return answer->request->minor_version == 0 ? HEAD_CONNECTION_KEEP_ALIVE
                                               : HEAD_CONNECTION_IMPLIED;
}

/* What a rule says of other origins, it says instead of the server. */
static bool is_shared(const struct server *server, const struct answer *answer) {
    return server->cors && (answer->ruling == NULL || !answer->ruling->replaces_cors);
}

static COLD void put_location(struct buf *buf, const struct answer *answer) {
    buf_put(buf, SLICE("Location: "));
    if (answer->ruling != NULL && answer->ruling->location.ptr != NULL)
        redirect_add_query(buf, answer->ruling->location, answer->target.query);
    else
        target_write_directory(buf, &answer->target);
    buf_put(buf, SLICE("\r\n"));
}

/* Of what is made, a 304 says only what a cache needs (RFC 9110 §15.4.5). */
static void put_folder(struct buf *buf, const struct answer *answer) {
    if (answer->entry != NULL || answer->representation == NULL || answer->folder == NULL)
        return;
    folder_write_vary(buf, answer->folder);
    if (answer->response.content != RESPONSE_NOTHING)
        folder_write_fields(buf, answer->folder);
}

/* Whether there may be more to say than what the entry has ready: if there is none, of a folder. */
static bool has_particulars(const struct answer *answer) {
    return answer->response.says != 0 || answer->entry == NULL;
}

/* The fields that answer a question which the request asked. */
static APART void put_particulars(const struct server *server, struct buf *buf,
                                  const struct answer *answer) {
    unsigned says = answer->response.says;
    if ((says & SAYS_PREFLIGHT) != 0 && server->cors)
        head_preflight(buf);
    if ((says & SAYS_ALLOW) != 0)
        head_field(buf, SLICE("Allow"), method_allow());
    if ((says & SAYS_LOCATION) != 0)
        put_location(buf, answer);
    if ((says & SAYS_VARY_ACCEPT) != 0)
        head_field(buf, SLICE("Vary"), SLICE("Accept"));
    if ((says & SAYS_VARY) != 0)
        head_vary(buf);
    if ((says & SAYS_COMPLETE_LENGTH) != 0) {
        CHECK(answer->representation != NULL);
        head_unsatisfied_range(buf, answer->representation->length);
    }
    if (answer->response.content != RESPONSE_PAGE)
        put_folder(buf, answer);
}

/* Content of unknown length ends with its last chunk, or with the connection (RFC 9112 §6.3). */
static void put_framing(struct buf *buf, const struct answer *answer) {
    if (answer->representation->length != REPRESENTATION_LENGTH_UNKNOWN ||
        answer->request->minor_version == 0)
        return;
    head_field(buf, SLICE("Transfer-Encoding"), SLICE("chunked"));
    (*answer->delivery)->chunked = true;
}

/* The head is whole, and was begun when the output had `start` bytes of its own. */
static void end_head(struct outq *output, size_t start) {
    head_end(&output->bytes);
    outq_push_head(output, start);
}

/* The whole of what is made while it is sent: the delivery has it. */
static COLD void queue_made(struct outq *output, const struct answer *answer, size_t start) {
    head_representation(&output->bytes, answer->representation);
    put_framing(&output->bytes, answer);
    end_head(output, start);
}

/* The whole of an entry. */
static void queue_entry(struct outq *output, struct entry *entry, bool with_content, size_t start) {
    if (with_content && outq_push_rest(output, start, entry))
        return;
    buf_put(&output->bytes, entry->fields);
    end_head(output, start);
    if (with_content)
        outq_push_content(output, entry, 0, entry->representation.length);
}

static void queue_file(struct outq *output, const struct answer *answer, size_t start) {
    if (answer->entry != NULL)
        queue_entry(output, answer->entry, answer->method == METHOD_GET, start);
    else
        queue_made(output, answer, start);
}

/* Several ranges: each behind the head of its part. */
static COLD void queue_parts(struct outq *output, const struct answer *answer,
                             struct slice boundary, size_t start) {
    struct buf *buf = &output->bytes;
    const struct representation *representation = &answer->entry->representation;
    const struct range_set *ranges = answer->ranges;
    head_multipart(buf, representation, boundary, multipart_length(representation, ranges));
    end_head(output, start);
    for (size_t i = 0; i < ranges->count; i++) {
        start = buf->len;
        multipart_write_part(buf, boundary, representation, ranges, i);
        outq_push_bytes(output, start);
        outq_push_content(output, answer->entry, ranges->items[i].first, ranges->items[i].len);
    }
    start = buf->len;
    multipart_write_end(buf, boundary);
    outq_push_bytes(output, start);
}

static APART void queue_ranges(struct server *server, const struct answer *answer, size_t start) {
    struct outq *output = &server->output;
    const struct range *first = &answer->ranges->items[0];
    CHECK(answer->representation != NULL && answer->ranges->count > 0);
    if (answer->ranges->count > 1) {
        queue_parts(output, answer, slice_of(server->boundary, sizeof server->boundary), start);
        return;
    }
    head_partial(&output->bytes, answer->representation, first);
    end_head(output, start);
    if (answer->entry != NULL)
        outq_push_content(output, answer->entry, first->first, first->len);
    else
        archive_seek(archive_of((*answer->delivery)->stream), first->first, first->len);
}

/* The rest of an error's head, whose fields are those of the path that was asked for. */
static COLD void queue_page_head(struct outq *output, const struct answer *answer,
                                 const struct representation *page, size_t start) {
    static const struct head_policy none = {.unsaid = 0};
    struct representation representation = *page;
    representation.policy = answer->ruling != NULL ? &answer->ruling->policy : &none;
    head_page(&output->bytes, &representation);
    end_head(output, start);
}

static COLD void queue_built_in_page(struct server *server, const struct answer *answer,
                                     size_t start) {
    char memory[1024];
    struct buf text = BUF_INIT(memory, sizeof memory);
    struct outq *output = &server->output;
    status_page(&text, answer->response.status);
    if (live_is_on(&server->live))
        buf_put(&text, live_appendix());
    CHECK(!text.overflow);
    const struct representation page = {.content_type = SLICE("text/html; charset=utf-8"),
                                        .length = text.len};
    queue_page_head(output, answer, &page, start);
    start = output->bytes.len;
    if (answer->method != METHOD_HEAD)
        buf_put(&output->bytes, slice_of(memory, text.len));
    outq_push_bytes(output, start);
}

static COLD void queue_page(struct server *server, const struct answer *answer, size_t start) {
    struct outq *output = &server->output;
    struct entry *page = answer->page;
    if (page == NULL) {
        queue_built_in_page(server, answer, start);
        return;
    }
    queue_page_head(output, answer, &page->representation, start);
    if (answer->method != METHOD_HEAD)
        outq_push_content(output, page, 0, page->representation.length);
}

bool render_is_usual(const struct server *server, const struct answer *answer) {
    return answer->method == METHOD_GET && answer->response.content == RESPONSE_FILE &&
           !has_particulars(answer) && !is_shared(server, answer) &&
           answer->request->minor_version > 0;
}

/* Where the entry does not have all of it ready in one piece. */
static APART void render_in_pieces(struct server *server, struct entry *entry, bool persist) {
    struct outq *output = &server->output;
    size_t start = output->bytes.len;
    head_start(&output->bytes, STATUS_OK, server_opening(server), false,
               persist ? HEAD_CONNECTION_IMPLIED : HEAD_CONNECTION_CLOSE);
    queue_entry(output, entry, true, start);
}

HOT void render_usual(struct server *server, struct entry *entry, bool persist) {
    struct slice text = entry_answer(entry, server_opening(server), !persist);
    if (text.ptr == NULL || !outq_push_answer(&server->output, entry, text))
        render_in_pieces(server, entry, persist);
}

HOT void render_answer(struct server *server, const struct answer *answer) {
    const struct response *response = &answer->response;
    struct outq *output = &server->output;
    struct buf *buf = &output->bytes;
    size_t start = buf->len;

    head_start(buf, response->status, server_opening(server), is_shared(server, answer),
               connection_of(answer));
    if (has_particulars(answer))
        put_particulars(server, buf, answer);
    switch (response->content) {
    case RESPONSE_LOOK_UP: /* decided by now */
    case RESPONSE_NOTHING:
        if (answer->entry != NULL)
            buf_put(buf, answer->entry->validators);
        else if (answer->representation != NULL)
            head_validators(buf, answer->representation);
        end_head(output, start);
        break;
    case RESPONSE_PAGE:
        queue_page(server, answer, start);
        break;
    case RESPONSE_FILE:
        queue_file(output, answer, start);
        break;
    case RESPONSE_RANGES:
        queue_ranges(server, answer, start);
        break;
    }
}
