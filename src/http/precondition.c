#include "http/precondition.h"

#include "http/date.h"
#include "http/etag.h"

static bool any_line_matches(const struct request *request, enum field field, struct slice etag,
                             enum etag_comparison comparison) {
    struct slice line = SLICE_NONE;
    while (request_field_next(request, field, &line)) {
        if (etag_list_matches(line, etag, comparison))
            return true;
    }
    return false;
}

/* Whether the field is there, once, and holds a date, and there is a date to compare it with (RFC
 * 9110 §13.1.3: otherwise it is to be ignored). */
static bool has_date(const struct request *request, enum field field,
                     const struct representation *representation, int64_t now_s, int64_t *time_s) {
    struct slice value = request_hint(request, field);
    return representation_is_dated(representation) && value.ptr != NULL &&
           date_parse(value, now_s, time_s);
}

enum precondition_outcome precondition_evaluate(const struct request *request,
                                                const struct representation *representation,
                                                int64_t now_s) {
    int64_t since_s;
    if (request->fields[FIELD_IF_MATCH].ptr != NULL) { /* §13.2.2 step 1 */
        if (!any_line_matches(request, FIELD_IF_MATCH, representation->etag, ETAG_STRONG))
            return PRECONDITION_FAILED;
    } else if (has_date(request, FIELD_IF_UNMODIFIED_SINCE, representation, now_s,
                        &since_s)) { /* step 2 */
        if (representation->last_modified_s > since_s)
            return PRECONDITION_FAILED;
    }
    if (request->fields[FIELD_IF_NONE_MATCH].ptr != NULL) { /* step 3 */
        if (any_line_matches(request, FIELD_IF_NONE_MATCH, representation->etag, ETAG_WEAK))
            return PRECONDITION_NOT_MODIFIED;
    } else if (has_date(request, FIELD_IF_MODIFIED_SINCE, representation, now_s,
                        &since_s)) { /* step 4 */
        if (representation->last_modified_s <= since_s)
            return PRECONDITION_NOT_MODIFIED;
    }
    return PRECONDITION_PASSED;
}

bool precondition_range_applies(const struct request *request,
                                const struct representation *representation, int64_t now_s) {
    struct slice value = request->fields[FIELD_IF_RANGE];
    int64_t time_s;
    if (value.ptr == NULL)
        return true;
    value = request_hint(request, FIELD_IF_RANGE);
    if (value.ptr == NULL || representation->etag.ptr == NULL)
        return false;
    if (slice_equal(value, representation->etag))
        return true;
    /* RFC 9110 §8.8.2.2: a date is strong if its second was over when the client got it, which only
     * the client knows, and must not send it otherwise. It never was if it is not over now. */
    return date_parse(value, now_s, &time_s) && time_s == representation->last_modified_s &&
           time_s < now_s;
}
