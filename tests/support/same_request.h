/* Whether two heads were understood alike. */
#pragma once

#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>

/* A request, and the input that its slices point into. */
struct parsed {
    struct slice input;
    enum request_outcome outcome;
    struct request request;
};

/* Whether both slices stand at the same place of their inputs, or nowhere. */
static inline bool parsed_is_same_place(const struct parsed *a, struct slice in_a,
                                        const struct parsed *b, struct slice in_b) {
    if (in_a.ptr == NULL || in_b.ptr == NULL)
        return in_a.ptr == in_b.ptr;
    return in_a.ptr - a->input.ptr == in_b.ptr - b->input.ptr && in_a.len == in_b.len;
}

static inline bool parsed_has_same_fields(const struct parsed *a, const struct parsed *b) {
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!parsed_is_same_place(a, a->request.fields[i], b, b->request.fields[i]))
            return false;
    }
    return a->request.present == b->request.present && a->request.repeated == b->request.repeated;
}

/* The outcome must be the same; the rest of a request that is not whole is of no use. */
static inline bool parsed_is_same(const struct parsed *a, const struct parsed *b) {
    const struct request *x = &a->request;
    const struct request *y = &b->request;
    if (a->outcome != b->outcome || x->refusal != y->refusal || x->method != y->method)
        return false;
    if (a->outcome != REQUEST_WHOLE)
        return true;
    return x->minor_version == y->minor_version && x->keep_alive == y->keep_alive &&
           x->expects_continue == y->expects_continue && x->expects_unknown == y->expects_unknown &&
           x->framing == y->framing && x->content_length == y->content_length &&
           parsed_is_same_place(a, x->head, b, y->head) &&
           parsed_is_same_place(a, x->target, b, y->target) && parsed_has_same_fields(a, b);
}
