/* Conditional requests (RFC 9110 §13). */
#pragma once

#include "http/representation.h"
#include "http/request.h"

enum precondition_outcome {
    PRECONDITION_PASSED,
    PRECONDITION_NOT_MODIFIED, /* 304 */
    PRECONDITION_FAILED,       /* 412 */
};

/* Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 §13.2.2, against the
 * representation that would be sent with 200. `now_s` is the time of day, in seconds since the
 * epoch. */
enum precondition_outcome precondition_evaluate(const struct request *request,
                                                const struct representation *representation,
                                                int64_t now_s);

/* Whether a Range field is to be looked at: there is no If-Range field, or it holds the
 * representation's strong entity tag or its exact date (RFC 9110 §13.1.5). */
bool precondition_range_applies(const struct request *request,
                                const struct representation *representation, int64_t now_s);
