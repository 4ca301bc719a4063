/* Request methods (RFC 9110 §9). */
#pragma once

#include "base/slice.h"

enum method {
#define METHOD(name, allowed) METHOD_##name,
#include "http/method.def"
#undef METHOD
    METHOD_UNKNOWN,
};

/* Names are compared with their case (RFC 9110 §9.1). */
enum method method_parse(struct slice name);

/* The name of a method other than METHOD_UNKNOWN; static. */
struct slice method_name(enum method method);

/* Whether pronto serves the method at all; false for METHOD_UNKNOWN. */
bool method_is_allowed(enum method method);

/* The value of an Allow field that lists the methods served (RFC 9110 §10.2.1); static. */
struct slice method_allow(void);
