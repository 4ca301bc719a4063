#include "http/method.h"

static const struct {
    struct slice name;
    bool allowed;
} methods[] = {
#define METHOD(name, allowed) {SLICE_INIT(#name), allowed},
#include "http/method.def"
#undef METHOD
};

enum method method_parse(struct slice name) {
    for (unsigned i = 0; i < METHOD_UNKNOWN; i++) {
        if (slice_equal(name, methods[i].name))
            return (enum method)i;
    }
    return METHOD_UNKNOWN;
}

struct slice method_name(enum method method) {
    return methods[method].name;
}

bool method_is_allowed(enum method method) {
    return method < METHOD_UNKNOWN && methods[method].allowed;
}

/* Joins the names of the rows that are allowed, at compile time: each comes with a comma before it,
 * and the value starts behind the first. */
#define ALLOWED_true(name)  ", " #name
#define ALLOWED_false(name) ""
static const char allow[] =
#define METHOD(name, allowed) ALLOWED_##allowed(name)
#include "http/method.def"
#undef METHOD
    ;

struct slice method_allow(void) {
    const size_t comma_len = 2;
    return slice_of(allow + comma_len, sizeof allow - 1 - comma_len);
}
