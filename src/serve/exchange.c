#include "serve/exchange.h"

#include "base/placement.h"
#include "serve/render.h"
#include "serve/route.h"

/* What is answered, and what of the store it is made from. */
struct exchange {
    struct answer answer;
    struct resource *resource; /* borrowed; NULL: nothing was looked up, or there was no memory */
    struct ruling *ruling;     /* what answer.ruling is: a reference, as its resource may go */
};

/* The target without its query: by this the store knows what it names. Of use only where the
 * target is taken: a query must not hide a fragment. */
static bool has_key(const struct request *request, struct slice *key) {
    struct slice target = request->target;
    *key = slice_of(target.ptr, slice_find(target, '?'));
    struct slice query = slice_after(target, key->len);
    return slice_find(query, '#') == query.len;
}

/* The file in the best coding that the client takes; no entry where it takes none. A sibling that
 * has just vanished is no loss as long as it takes another one. */
static HOT enum docroot_outcome choose_entry(struct server *server, const struct exchange *exchange,
                                             struct entry **entry) {
    struct resource *resource = exchange->resource;
    enum docroot_outcome outcome;
    enum coding coding;
    do {
        coding = respond_coding(exchange->answer.request, resource->available);
        if (coding == CODING_COUNT)
            return DOCROOT_FILE;
        outcome = store_entry(&server->store, resource, coding, server->loop->time_s, entry);
    } while (outcome != DOCROOT_FILE && coding != CODING_IDENTITY);
    return outcome;
}

/* What is made of a directory. Returns false where that is not known yet. */
static COLD bool choose_folder(struct server *server, struct exchange *exchange) {
    struct answer *answer = &exchange->answer;
    int64_t now_s = server->loop->time_s;
    enum folder_outcome outcome =
        folder_open(server->store.roots, answer->request, &answer->target, &server->deliveries,
                    answer->folder, answer->delivery);
    if (outcome == FOLDER_LATER)
        return false;
    if (outcome == FOLDER_READY) {
        folder_follow(answer->folder, store_policy(&server->store, exchange->resource),
                      &server->store.policy);
        answer->representation = &answer->folder->representation;
    }
    if (live_is_on(&server->live) && outcome == FOLDER_READY)
        folder_append(answer->folder, *answer->delivery, live_appendix());
    answer->response =
        respond_folder(answer->request, outcome, answer->representation, now_s, answer->ranges);
    return true;
}

/* What was found has ready for the request. */
static HOT void choose_file(struct server *server, struct exchange *exchange,
                            enum docroot_outcome outcome) {
    struct answer *answer = &exchange->answer;
    if (outcome == DOCROOT_FILE)
        outcome = choose_entry(server, exchange, &answer->entry);
    if (answer->entry != NULL)
        answer->representation = &answer->entry->representation;
    answer->response = respond_found(answer->request, outcome, answer->representation,
                                     server->loop->time_s, answer->ranges);
}

static enum docroot_outcome outcome_of(const struct exchange *exchange) {
    return exchange->resource != NULL ? exchange->resource->outcome
                                      : DOCROOT_EXHAUSTED; /* there was no memory */
}

static struct ruling *ruling_of(const struct exchange *exchange) {
    return exchange->resource != NULL ? exchange->resource->ruling : NULL;
}

static bool is_sent_elsewhere(const struct exchange *exchange) {
    const struct ruling *ruling = ruling_of(exchange);
    return ruling != NULL && ruling->location.ptr != NULL;
}

static COLD void choose_redirect(struct exchange *exchange) {
    const struct ruling *ruling = ruling_of(exchange);
    size_t query_len = sizeof "?" - 1 + exchange->answer.target.query.len;
    exchange->answer.response =
        respond_redirect(ruling->redirect->status, ruling->location.len + query_len);
}

/* Whether a rule has what was found sent as the page of a 404. */
static bool is_page_by_rule(const struct exchange *exchange) {
    const struct ruling *ruling = ruling_of(exchange);
    return ruling != NULL && ruling->redirect != NULL &&
           ruling->redirect->status == STATUS_NOT_FOUND;
}

/* Returns false where it is not known yet what is answered. */
static HOT bool choose(struct server *server, struct exchange *exchange) {
    enum docroot_outcome outcome = outcome_of(exchange);
    if (is_sent_elsewhere(exchange)) {
        choose_redirect(exchange);
        return true;
    }
    if (is_page_by_rule(exchange) && outcome == DOCROOT_FILE) {
        choose_file(server, exchange, DOCROOT_ABSENT);
        (void)choose_entry(server, exchange, &exchange->answer.page);
        return true;
    }
    if (outcome == DOCROOT_DIRECTORY && server->listing)
        return choose_folder(server, exchange);
    choose_file(server, exchange, outcome);
    return true;
}

/* Takes a target apart, which `exchange->answer.target` borrows from. */
static enum target_outcome parse_target(struct server *server, struct exchange *exchange,
                                        struct slice raw) {
    struct buf path = BUF_INIT(server->path, REQUEST_TARGET_MAX);
    return target_parse(exchange->answer.method, raw, &path, &exchange->answer.target);
}

static COLD void look_up(struct server *server, struct exchange *exchange, struct slice key) {
    const struct target *target = &exchange->answer.target;
    exchange->resource = store_look_up(&server->store, key, target->path, target->trailing_slash,
                                       server->loop->now_ms);
}

/* What is known of the target, by its key. One that was taken before is one, and needs no second
 * look. */
static struct resource *recall_target(struct server *server, const struct request *request,
                                      struct slice *key) {
    if (!has_key(request, key) || respond_request(request, TARGET_PATH).content != RESPONSE_LOOK_UP)
        return NULL;
    return store_recall(&server->store, *key, server->loop->now_ms);
}

/* Whether the answer needs what the target has beside its key: it is sent back with its query. */
static bool needs_target(const struct exchange *exchange) {
    enum docroot_outcome outcome = outcome_of(exchange);
    return outcome == DOCROOT_NEEDS_SLASH || outcome == DOCROOT_DIRECTORY ||
           is_sent_elsewhere(exchange);
}

/* What pages are loaded again by (--live). */
static COLD void choose_live(struct server *server, struct exchange *exchange,
                             enum live_part part) {
    struct answer *answer = &exchange->answer;
    enum docroot_outcome outcome = DOCROOT_FILE;
    answer->folder = NULL;
    if (part == LIVE_SCRIPT) {
        answer->entry = server->live.script;
        answer->representation = &answer->entry->representation;
    } else {
        answer->representation = live_events();
        *answer->delivery = live_listen(&server->live);
        if (*answer->delivery == NULL)
            outcome = DOCROOT_EXHAUSTED;
    }
    answer->response = respond_found(answer->request, outcome, answer->representation,
                                     server->loop->time_s, answer->ranges);
}

/* Decides what is answered. Returns false where that cannot be done yet. */
static bool decide(struct server *server, struct exchange *exchange, struct slice key) {
    struct answer *answer = &exchange->answer;
    const struct request *request = answer->request;
    if (exchange->resource != NULL) {
        if (needs_target(exchange))
            (void)parse_target(server, exchange, request->target);
        return choose(server, exchange);
    }
    enum target_outcome target = parse_target(server, exchange, request->target);
    answer->response = respond_request(request, target);
    if (answer->response.content != RESPONSE_LOOK_UP)
        return true;
    enum live_part part = live_is_on(&server->live) ? live_find(&answer->target) : LIVE_NONE;
    if (part != LIVE_NONE) {
        choose_live(server, exchange, part);
        return true;
    }
    look_up(server, exchange, key);
    return choose(server, exchange);
}

/* What the rules say of the path that was found is what the answer says. */
static void follow_rules(struct exchange *exchange) {
    ruling_unref(exchange->ruling);
    exchange->ruling = ruling_ref(ruling_of(exchange));
    exchange->answer.ruling = exchange->ruling;
}

/* From here on it is as if this had been asked for, which has its place in the store by itself. */
static COLD enum docroot_outcome ask_instead(struct server *server, struct exchange *exchange,
                                             struct slice target) {
    if (exchange->resource != NULL)
        store_release(&server->store, exchange->resource);
    exchange->answer.entry = NULL;
    exchange->answer.representation = NULL;
    exchange->resource = store_recall(&server->store, target, server->loop->now_ms);
    if (exchange->resource == NULL) {
        (void)parse_target(server, exchange, target);
        look_up(server, exchange, target);
    }
    if (exchange->resource != NULL)
        exchange->resource->stands_in = true;
    return outcome_of(exchange);
}

/* Where the path is absent: an application in the browser answers for its routes with the file that
 * it is. */
static COLD void choose_application(struct server *server, struct exchange *exchange) {
    struct answer *answer = &exchange->answer;
    (void)parse_target(server, exchange, answer->request->target); /* what was recalled was not */
    enum route_outcome route = route_find(answer->request, answer->target.path);
    if (route == ROUTE_PAGE) {
        enum docroot_outcome outcome = ask_instead(server, exchange, buf_slice(&server->spa));
        follow_rules(exchange);
        /* A directory by now: there is no sense in a redirect to its slash. */
        choose_file(server, exchange, outcome == DOCROOT_NEEDS_SLASH ? DOCROOT_ABSENT : outcome);
    }
    if (route != ROUTE_NONE)
        answer->response.says |= SAYS_VARY_ACCEPT;
}

/* The site's own page of an error, where it has one that the client takes; the rules that hold are
 * those of the path that was asked for. */
static COLD void choose_page(struct server *server, struct exchange *exchange) {
    struct answer *answer = &exchange->answer;
    struct slice target = route_error_page(answer->response.status);
    if (target.ptr == NULL || ask_instead(server, exchange, target) != DOCROOT_FILE)
        return;
    (void)choose_entry(server, exchange, &answer->page);
    if (answer->page == NULL)
        answer->response.says |= SAYS_VARY;
}

/* What there is not has others that stand in for it. */
static void stand_in(struct server *server, struct exchange *exchange) {
    const struct response *response = &exchange->answer.response;
    if (exchange->answer.page != NULL)
        return;
    if (response->status == STATUS_NOT_FOUND && server->spa.len > 0)
        choose_application(server, exchange);
    if (response->content == RESPONSE_PAGE)
        choose_page(server, exchange);
}

/* What is not sent needs not be made, nor what was prepared for another answer. */
static COLD void end_delivery(const struct answer *answer) {
    enum response_content content = answer->response.content;
    bool is_sent = answer->method == METHOD_GET && answer->representation != NULL &&
                   answer->entry == NULL &&
                   (content == RESPONSE_FILE || content == RESPONSE_RANGES);
    if (is_sent)
        return;
    delivery_free(*answer->delivery);
    *answer->delivery = NULL;
}

/* Enters an answer, whose head has been queued, into the ledger, and counts it. The rest of it, if
 * there is more, will come from the delivery. */
static HOT void account_for(struct server *server, const struct request *request,
                            enum status status, struct delivery *delivery) {
    if (server->ledger.is_on)
        ledger_enter(&server->ledger, request, status, &server->output);
    counter_add(&server->tally->answers[request->method][status], 1);
    if (delivery == NULL)
        outq_note_end(&server->output, server->loop->now_ns);
    else
        delivery->answered_ns = server->loop->now_ns;
}

/* Notes that the usual answer is what was decided; so it is, as long as the resource lives, for who
 * asks in the same words, unless there are preconditions or a range: these are judged by the time
 * of day, too. (A resource that stands in for another target is not noted for that.) */
static void note_usual(const struct exchange *exchange) {
    const struct answer *answer = &exchange->answer;
    struct resource *resource = exchange->resource;
    if (resource == NULL || answer->request->wording == 0 || !respond_wants_whole(answer->request))
        return;
    resource->usual = answer->entry;
    resource->usual_wording = answer->request->wording;
}

static void render(struct server *server, const struct exchange *exchange) {
    const struct answer *answer = &exchange->answer;
    if (!render_is_usual(server, answer)) {
        render_answer(server, answer);
        return;
    }
    note_usual(exchange);
    render_usual(server, answer->entry, answer->persist);
}

/* Renders what was decided. Returns whether the connection persists. */
static bool finish(struct server *server, struct exchange *exchange, bool persist) {
    struct answer *answer = &exchange->answer;
    bool endless = answer->representation != NULL && answer->request->minor_version == 0 &&
                   answer->representation->length == REPRESENTATION_LENGTH_UNKNOWN;
    answer->persist = persist && !answer->response.close && !endless;
    render(server, exchange);
    if (*answer->delivery != NULL)
        end_delivery(answer);
    account_for(server, answer->request, answer->response.status, *answer->delivery);
    return answer->persist;
}

/* Of `resource`, which is its own: what is known of the key; NULL: nothing. */
static APART enum exchange_outcome answer_anew(struct server *server, const struct request *request,
                                               bool persist, struct delivery **delivery,
                                               struct slice key, struct resource *resource) {
    struct range_set ranges; /* large, and mostly of no use: not among what is set to zero */
    struct folder folder;    /* the same */
    struct exchange exchange = {.answer = {.request = request,
                                           .method = request->method,
                                           .ranges = &ranges,
                                           .folder = &folder,
                                           .delivery = delivery},
                                .resource = resource};
    enum exchange_outcome outcome = EXCHANGE_LATER;
    if (decide(server, &exchange, key)) {
        follow_rules(&exchange);
        stand_in(server, &exchange);
        outcome = finish(server, &exchange, persist) ? EXCHANGE_PERSISTS : EXCHANGE_CLOSES;
    }
    if (exchange.resource != NULL)
        store_release(&server->store, exchange.resource);
    ruling_unref(exchange.ruling);
    return outcome;
}

/* Whether that is what the request was answered with before: most ask in the same words as the last
 * one for what was asked for in these before. */
static bool is_usual_to(const struct resource *resource, const struct request *request) {
    return resource->usual != NULL && resource->usual_wording == request->wording &&
           request->method == METHOD_GET;
}

HOT enum exchange_outcome exchange_answer(struct server *server, const struct request *request,
                                          bool persist, struct delivery **delivery) {
    struct slice key;
    struct resource *resource = recall_target(server, request, &key);
    persist = persist && request->keep_alive && !server->draining;
    /* What was being prepared when the request was put off is for answer_anew() to end. */
    if (resource == NULL || !is_usual_to(resource, request) || *delivery != NULL)
        return answer_anew(server, request, persist, delivery, key, resource);
    render_usual(server, resource->usual, persist);
    account_for(server, request, STATUS_OK, NULL);
    store_release(&server->store, resource);
    return persist ? EXCHANGE_PERSISTS : EXCHANGE_CLOSES;
}

COLD void exchange_refuse(struct server *server, enum refusal refusal,
                          const struct request *request) {
    const struct answer answer = {.method = request->method, .response = respond_refusal(refusal)};
    render_answer(server, &answer);
    account_for(server, request, answer.response.status, NULL);
    counter_add(&server->tally->refused[refusal], 1);
}

COLD void exchange_continue(struct server *server) {
    size_t start = server->output.bytes.len;
    buf_put(&server->output.bytes, status_line(STATUS_CONTINUE));
    head_end(&server->output.bytes);
    outq_push_bytes(&server->output, start);
}
