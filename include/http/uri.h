/* Classes of characters in URIs (RFC 3986 §2). */
#pragma once

#include <stdbool.h>

/* unreserved / sub-delims: what stands for itself in the name of a host and in a path. */
static inline bool uri_is_plain_char(char c) {
    switch (c) {
    case 'A' ... 'Z':
    case 'a' ... 'z':
    case '0' ... '9':
    case '-':
    case '.':
    case '_':
    case '~':
    case '!':
    case '$':
    case '&':
    case '\'':
    case '(':
    case ')':
    case '*':
    case '+':
    case ',':
    case ';':
    case '=':
        return true;
    default:
        return false;
    }
}
