#include "serve/respond.h"

#include "base/placement.h"
#include "http/multipart.h"
#include "http/precondition.h"

static struct response page(enum status status) {
    return (struct response){.content = RESPONSE_PAGE, .status = status};
}

COLD struct response respond_refusal(enum refusal refusal) {
    struct response response = page(refusal_status(refusal));
    response.close = true;
    return response;
}

static COLD struct response respond_location(enum status status) {
    struct response response = page(status);
    response.says = SAYS_LOCATION;
    return response;
}

COLD struct response respond_redirect(enum status status, size_t location_len) {
    return location_len <= RESPOND_LOCATION_MAX ? respond_location(status)
                                                : page(STATUS_URI_TOO_LONG);
}

static struct response respond_method(enum method method) {
    struct response response = {.content = RESPONSE_LOOK_UP};
    if (method == METHOD_UNKNOWN) {
        response = page(STATUS_NOT_IMPLEMENTED);
    } else if (!method_is_allowed(method)) {
        response = page(STATUS_METHOD_NOT_ALLOWED);
        response.says = SAYS_ALLOW;
    } else if (method ==
               METHOD_OPTIONS) { /* RFC 9110 §9.3.7: of the server, and of any target, alike */
        response = (struct response){.content = RESPONSE_NOTHING,
                                     .status = STATUS_NO_CONTENT,
                                     .says = SAYS_ALLOW | SAYS_PREFLIGHT};
    }
    return response;
}

HOT struct response respond_request(const struct request *request, enum target_outcome target) {
    switch (target) {
    case TARGET_ABOVE:
    case TARGET_BAD:
        return respond_refusal(REFUSAL_BAD_TARGET);
    case TARGET_PATH:
    case TARGET_ASTERISK:
    case TARGET_AUTHORITY:
    case TARGET_ABSENT:
        break;
    }
    if (request->expects_unknown) /* RFC 9110 §10.1.1 */
        return page(STATUS_EXPECTATION_FAILED);
    struct response response = respond_method(request->method);
    if (response.content == RESPONSE_LOOK_UP && target == TARGET_ABSENT)
        response = page(STATUS_NOT_FOUND);
    return response;
}

static APART enum coding negotiate(const struct request *request, unsigned available) {
    struct codings codings;
    negotiate_codings(request, &codings);
    return negotiate_choose(&codings, available);
}

enum coding respond_coding(const struct request *request, unsigned available) {
    return request->fields[FIELD_ACCEPT_ENCODING].ptr != NULL ? negotiate(request, available)
                                                              : CODING_IDENTITY;
}

/* RFC 9110 §14.2: ranges are for GET alone, and come after the preconditions. */
static struct response respond_range(const struct request *request,
                                     const struct representation *representation, int64_t now_s,
                                     struct range_set *ranges) {
    struct response response = {.content = RESPONSE_FILE, .status = STATUS_OK};
    struct slice value = request_hint(request, FIELD_RANGE);
    if (value.ptr == NULL || request->method != METHOD_GET ||
        representation->length == REPRESENTATION_LENGTH_UNKNOWN ||
        !precondition_range_applies(request, representation, now_s))
        return response;
    enum range_outcome outcome = range_parse(value, representation->length, ranges);
    /* RFC 9110 §14.2 lets a server send the whole where parts would cost more. Of encoded content
     * it is safer: some clients would take the parts, with their heads, for what is encoded. */
    if (outcome == RANGE_SATISFIABLE && ranges->count > 1 &&
        (representation->content_coding.len > 0 || representation->sequential ||
         multipart_length(representation, ranges) > representation->length))
        outcome = RANGE_IGNORED;
    switch (outcome) {
    case RANGE_IGNORED:
        break;
    case RANGE_SATISFIABLE:
        response = (struct response){.content = RESPONSE_RANGES, .status = STATUS_PARTIAL_CONTENT};
        break;
    case RANGE_UNSATISFIABLE:
        response = page(STATUS_RANGE_NOT_SATISFIABLE);
        response.says = SAYS_COMPLETE_LENGTH;
        break;
    }
    return response;
}

/* RFC 9110 §15.5.7: a client that takes no coding that there is, not even none at all. */
static COLD struct response respond_unacceptable(void) {
    struct response response = page(STATUS_NOT_ACCEPTABLE);
    response.says = SAYS_VARY;
    return response;
}

/* The fields by which a request may get something else than the whole (RFC 9110 §13.1, §14.2). */
enum {
    SELECTING = 1u << FIELD_IF_MATCH | 1u << FIELD_IF_NONE_MATCH | 1u << FIELD_IF_MODIFIED_SINCE |
                1u << FIELD_IF_UNMODIFIED_SINCE | 1u << FIELD_RANGE
};

bool respond_wants_whole(const struct request *request) {
    return (request->present & SELECTING) == 0;
}

static APART struct response respond_selected(const struct request *request,
                                              const struct representation *representation,
                                              int64_t now_s, struct range_set *ranges) {
    switch (precondition_evaluate(request, representation, now_s)) {
    case PRECONDITION_FAILED:
        return page(STATUS_PRECONDITION_FAILED);
    case PRECONDITION_NOT_MODIFIED:
        return (struct response){.content = RESPONSE_NOTHING, .status = STATUS_NOT_MODIFIED};
    case PRECONDITION_PASSED:
        break;
    }
    return respond_range(request, representation, now_s, ranges);
}

static HOT struct response respond_file(const struct request *request,
                                        const struct representation *representation, int64_t now_s,
                                        struct range_set *ranges) {
    if (representation == NULL)
        return respond_unacceptable();
    if (respond_wants_whole(request))
        return (struct response){.content = RESPONSE_FILE, .status = STATUS_OK};
    struct response response = respond_selected(request, representation, now_s, ranges);
    /* The fields of a representation say so themselves. */
    if (response.content == RESPONSE_PAGE && representation->negotiated)
        response.says |= SAYS_VARY;
    return response;
}

HOT struct response respond_found(const struct request *request, enum docroot_outcome outcome,
                                  const struct representation *representation, int64_t now_s,
                                  struct range_set *ranges) {
    switch (outcome) {
    case DOCROOT_FILE:
        return respond_file(request, representation, now_s, ranges);
    case DOCROOT_NEEDS_SLASH:
        return respond_location(STATUS_MOVED_PERMANENTLY);
    case DOCROOT_ABSENT:
        return page(STATUS_NOT_FOUND);
    case DOCROOT_DIRECTORY:
        return page(STATUS_NO_INDEX);
    case DOCROOT_FORBIDDEN:
        return page(STATUS_FORBIDDEN);
    case DOCROOT_EXHAUSTED:
        return page(STATUS_UNAVAILABLE);
    case DOCROOT_FAULT:
        break;
    }
    return page(STATUS_INTERNAL_ERROR);
}

struct response respond_folder(const struct request *request, enum folder_outcome outcome,
                               const struct representation *representation, int64_t now_s,
                               struct range_set *ranges) {
    switch (outcome) {
    case FOLDER_READY:
        return respond_file(request, representation, now_s, ranges);
    case FOLDER_TOO_LARGE:
        return page(STATUS_TOO_LARGE_TO_ARCHIVE);
    case FOLDER_ABSENT:
        return page(STATUS_NOT_FOUND);
    case FOLDER_FORBIDDEN:
        return page(STATUS_FORBIDDEN);
    case FOLDER_EXHAUSTED:
        return page(STATUS_UNAVAILABLE);
    case FOLDER_LATER: /* it is ready by now */
    case FOLDER_FAULT:
        break;
    }
    return page(STATUS_INTERNAL_ERROR);
}
