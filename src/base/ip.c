#include "base/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped_prefix[IP_V6_LEN - IP_V4_LEN] = {[10] = 0xff, [11] = 0xff};

struct ip ip_of_bytes(const void *bytes, size_t len) {
    const uint8_t *from = bytes;
    if (len == IP_V6_LEN && memcmp(from, mapped_prefix, sizeof mapped_prefix) == 0) {
        from += sizeof mapped_prefix;
        len = IP_V4_LEN;
    }
    struct ip ip = {.len = (uint8_t)len};
    memcpy(ip.bytes, from, len);
    return ip;
}

bool ip_parse(struct slice text, struct ip *ip) {
    char terminated[INET6_ADDRSTRLEN];
    uint8_t bytes[IP_V6_LEN];
    if (text.len >= sizeof terminated)
        return false;
    bool is_v6 = slice_find(text, ':') < text.len;
    if (slice_find(text, '\0') < text.len)
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, bytes) != 1)
        return false;
    *ip = ip_of_bytes(bytes, is_v6 ? IP_V6_LEN : IP_V4_LEN);
    return true;
}

bool ip_has_prefix(const struct ip *ip, const struct ip *prefix, unsigned bits) {
    size_t whole = bits / 8;
    if (ip->len != prefix->len || memcmp(ip->bytes, prefix->bytes, whole) != 0)
        return false;
    unsigned differing = bits % 8 == 0 ? 0 : ip->bytes[whole] ^ prefix->bytes[whole];
    return differing >> (8 - bits % 8) == 0;
}

bool ip_is_loopback(const struct ip *ip) {
    static const struct ip v4 = {.bytes = {127}, .len = IP_V4_LEN};
    static const struct ip v6 = {.bytes = {[IP_V6_LEN - 1] = 1}, .len = IP_V6_LEN};
    return ip_has_prefix(ip, &v4, 8) || ip_has_prefix(ip, &v6, 8 * IP_V6_LEN);
}
