#include "http/proxy.h"

#include "base/ascii.h"
#include "base/number.h"

#include <string.h>

/* Version 1 (§2.1): a line of text. */

static const struct slice v1_start = SLICE_INIT("PROXY ");

/* Whether `input` and `start` are the same as far as both go. */
static bool may_start_with(struct slice input, struct slice start) {
    size_t len = input.len < start.len ? input.len : start.len;
    return memcmp(input.ptr, start.ptr, len) == 0;
}

/* Leading zeros are not written (§2.1), and two readers could read them in two ways. */
static bool parse_port(struct slice text, uint16_t *port) {
    uint64_t value;
    if ((text.len > 1 && text.ptr[0] == '0') || !number_parse(text, UINT16_MAX, &value))
        return false;
    *port = (uint16_t)value;
    return true;
}

/* An address of the family that was announced. */
static bool parse_address(struct slice text, bool is_v6, struct ip *ip) {
    bool looks_v6 = slice_find(text, ':') < text.len;
    return looks_v6 == is_v6 && ip_parse(text, ip);
}

/* "192.0.2.1 198.51.100.1 56324 443": both addresses, and both ports. */
static bool parse_addresses(struct slice rest, bool is_v6, struct proxy *proxy) {
    struct slice words[4] = {SLICE_NONE};
    struct ip local;
    uint16_t local_port;
    for (size_t i = 0; i < 4; i++) {
        if (!slice_cut(&rest, ' ', &words[i]))
            return false;
    }
    proxy->speaks_of = true;
    return rest.ptr == NULL && parse_address(words[0], is_v6, &proxy->ip) &&
           parse_address(words[1], is_v6, &local) && parse_port(words[2], &proxy->port) &&
           parse_port(words[3], &local_port);
}

/* The line without its start and its end. */
static bool parse_line(struct slice line, struct proxy *proxy) {
    for (size_t i = 0; i < line.len; i++) {
        if (ascii_is_control(line.ptr[i]))
            return false;
    }
    struct slice rest = line;
    struct slice family;
    (void)slice_cut(&rest, ' ', &family);
    if (slice_equal(family, SLICE("UNKNOWN"))) /* what follows is to be ignored */
        return true;
    if (slice_equal(family, SLICE("TCP4")))
        return parse_addresses(rest, false, proxy);
    return slice_equal(family, SLICE("TCP6")) && parse_addresses(rest, true, proxy);
}

static enum proxy_outcome parse_v1(struct slice input, struct proxy *proxy) {
    bool full = input.len >= PROXY_V1_MAX;
    struct slice text = slice_of(input.ptr, full ? PROXY_V1_MAX : input.len);
    size_t end = slice_find(text, '\n');
    if (!may_start_with(text, v1_start))
        return PROXY_BAD;
    if (end == text.len)
        return full ? PROXY_BAD : PROXY_MORE;
    if (end <= v1_start.len || text.ptr[end - 1] != '\r')
        return PROXY_BAD;
    proxy->len = end + 1;
    struct slice line = slice_of(text.ptr + v1_start.len, end - 1 - v1_start.len);
    return parse_line(line, proxy) ? PROXY_WHOLE : PROXY_BAD;
}

/* Version 2 (§2.2): 16 bytes, the addresses, and whatever else the length covers. */

static const struct slice v2_start = SLICE_INIT("\r\n\r\n\0\r\nQUIT\n");

enum {
    V2_COMMAND_AT = 12, /* with the version in its upper half */
    V2_FAMILY_AT = 13,  /* with the transport in its lower half */
    V2_LEN_AT = 14,     /* of what follows; two bytes */
    V2_HEAD_LEN = 16,
};

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };

/* The blocks of addresses: the client's, the proxy's own, and as they come, both ports. Datagrams
 * cannot carry HTTP/1.1, so their transports are as unknown as any other. */
static const struct {
    uint8_t family;
    uint8_t ip_len;
    size_t block_len;
} v2_families[] = {
    {0x11, IP_V4_LEN, 12}, {0x21, IP_V6_LEN, 36}, {0x31, 0, 216}, /* unix(7): two paths */
};

static uint16_t read_u16(const char *at) {
    return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

static bool parse_block(uint8_t family, struct slice block, struct proxy *proxy) {
    if (family == 0x00) /* UNSPEC: the client's address is not known */
        return true;
    for (size_t i = 0; i < sizeof v2_families / sizeof v2_families[0]; i++) {
        size_t ip_len = v2_families[i].ip_len;
        if (v2_families[i].family != family || block.len < v2_families[i].block_len)
            continue;
        proxy->speaks_of = true;
        proxy->ip = ip_of_bytes(block.ptr, ip_len);
        proxy->port = ip_len > 0 ? read_u16(block.ptr + 2 * ip_len) : 0;
        return true;
    }
    return false;
}

static enum proxy_outcome parse_v2(struct slice input, struct proxy *proxy) {
    if (!may_start_with(input, v2_start))
        return PROXY_BAD;
    uint8_t command = input.len > V2_COMMAND_AT ? (uint8_t)input.ptr[V2_COMMAND_AT] : V2_PROXY;
    if (command != V2_LOCAL && command != V2_PROXY)
        return PROXY_BAD;
    if (input.len < V2_HEAD_LEN)
        return PROXY_MORE;
    proxy->len = V2_HEAD_LEN + (size_t)read_u16(input.ptr + V2_LEN_AT);
    if (proxy->len > PROXY_V2_MAX)
        return PROXY_BAD;
    if (input.len < proxy->len)
        return PROXY_MORE;
    struct slice block = slice_of(input.ptr + V2_HEAD_LEN, proxy->len - V2_HEAD_LEN);
    uint8_t family = (uint8_t)input.ptr[V2_FAMILY_AT];
    bool valid = command == V2_LOCAL || parse_block(family, block, proxy);
    return valid ? PROXY_WHOLE : PROXY_BAD;
}

enum proxy_outcome proxy_parse(struct slice input, struct proxy *proxy) {
    *proxy = (struct proxy){.len = 0};
    if (input.len == 0)
        return PROXY_MORE;
    return input.ptr[0] == v2_start.ptr[0] ? parse_v2(input, proxy) : parse_v1(input, proxy);
}
