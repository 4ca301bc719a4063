#include "http/authority.h"

#include "base/ascii.h"
#include "http/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_future_address(struct slice text) {
    size_t dot = slice_find(text, '.');
    if (dot < 2 || dot + 1 >= text.len)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (i < dot ? ascii_hex_value(c) < 0 : !uri_is_plain_char(c) && c != ':')
            return false;
    }
    return true;
}

/* inet_pton() takes the IPv6address of RFC 3986 §3.2.2, and nothing else. */
static bool is_ipv6_address(struct slice text) {
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    if (text.len >= sizeof address || slice_find(text, '\0') < text.len)
        return false;
    memcpy(address, text.ptr, text.len);
    address[text.len] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1;
}

/* Bytes of `text` that are an IP literal, from '[' to ']', or 0. */
static size_t ip_literal_len(struct slice text) {
    const size_t end = slice_find(text, ']');
    if (end == text.len || end < 2)
        return 0;
    struct slice address = slice_of(text.ptr + 1, end - 1);
    bool valid =
        ascii_lower(address.ptr[0]) == 'v' ? is_future_address(address) : is_ipv6_address(address);
    return valid ? end + 1 : 0;
}

/* Bytes at the start of `text` that are a registered name or an IPv4 address. */
static size_t name_len(struct slice text) {
    size_t i = 0;
    for (;;) {
        while (i < text.len && uri_is_plain_char(text.ptr[i]))
            i++;
        if (uri_escaped_byte(slice_after(text, i)) < 0)
            return i;
        i += sizeof "%41" - 1;
    }
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
    size_t i = 1;
    while (i < port.len && ascii_is_digit(port.ptr[i]))
        i++;
    return i == port.len;
}
