#include "http/forwarded.h"

#include "base/number.h"

#include <stdint.h>

bool forwarded_next(struct slice *rest, struct slice *element) {
    while (slice_cut(rest, ',', element)) {
        *element = slice_trim(*element);
        if (element->len > 0)
            return true;
    }
    return false;
}

/* Whether what follows an address is nothing, or a port with its colon. */
static bool is_port(struct slice rest) {
    uint64_t port;
    return rest.len == 0 ||
           (rest.ptr[0] == ':' && number_parse(slice_after(rest, 1), UINT16_MAX, &port));
}

static bool parse_bracketed(struct slice element, struct ip *ip) {
    size_t end = slice_find(element, ']');
    if (end == element.len)
        return false;
    struct slice address = slice_of(element.ptr + 1, end - 1);
    return slice_find(address, ':') < address.len && ip_parse(address, ip) &&
           is_port(slice_after(element, end + 1));
}

bool forwarded_parse(struct slice element, struct ip *ip) {
    if (element.len > 0 && element.ptr[0] == '[')
        return parse_bracketed(element, ip);
    if (ip_parse(element, ip))
        return true;
    size_t colon = slice_find(element, ':');
    return ip_parse(slice_of(element.ptr, colon), ip) && is_port(slice_after(element, colon));
}
