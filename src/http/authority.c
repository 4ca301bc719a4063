#include "http/authority.h"

#include "base/ascii.h"

/* unreserved / sub-delims (RFC 3986 §2) */
static bool is_name_char(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) ||
           (c != '\0' && memchr("-._~!$&'()*+,;=", c, sizeof "-._~!$&'()*+,;=" - 1) != NULL);
}

/* Bytes of `text` that are an IP literal, from '[' to ']', or 0. */
static size_t ip_literal_len(struct slice text) {
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ']')
            return i > 1 ? i + 1 : 0;
        if (!is_name_char(c) && c != ':')
            return 0;
    }
    return 0;
}

/* Bytes at the start of `text` that are a registered name or an IPv4 address. */
static size_t name_len(struct slice text) {
    size_t i = 0;
    while (i < text.len) {
        if (text.ptr[i] == '%') {
            if (text.len - i < 3 || ascii_hex_value(text.ptr[i + 1]) < 0 ||
                ascii_hex_value(text.ptr[i + 2]) < 0)
                break;
            i += 3;
        } else if (is_name_char(text.ptr[i])) {
            i++;
        } else {
            break;
        }
    }
    return i;
}

bool authority_is_valid(struct slice text) {
    size_t host_len;
    if (text.len > 0 && text.ptr[0] == '[') {
        host_len = ip_literal_len(text);
        if (host_len == 0)
            return false;
    } else {
        host_len = name_len(text);
    }
    struct slice port = slice_after(text, host_len);
    if (port.len == 0)
        return true;
    if (port.ptr[0] != ':')
        return false;
    for (size_t i = 1; i < port.len; i++) {
        if (!ascii_is_digit(port.ptr[i]))
            return false;
    }
    return true;
}
