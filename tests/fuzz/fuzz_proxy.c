/* The PROXY protocol. Input: what comes first on a connection. */
#include "http/proxy.h"

#include "fuzz/fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>

static enum proxy_outcome parse(struct slice input, struct proxy *proxy) {
    struct slice copy = fuzz_copy(input);
    enum proxy_outcome outcome = proxy_parse(copy, proxy);
    fuzz_free(copy);
    return outcome;
}

/* It wants more up to one length, and from there on says the same. */
static void check_prefixes(struct slice input, enum proxy_outcome outcome, size_t header_len) {
    for (size_t len = 0; len < input.len; len += fuzz_step(len, input.len)) {
        struct proxy proxy;
        enum proxy_outcome before = parse(slice_of(input.ptr, len), &proxy);
        CHECK(before == PROXY_MORE || before == outcome);
        if (outcome == PROXY_WHOLE)
            CHECK((before == PROXY_WHOLE) == (len >= header_len));
    }
}

/* What a header of version 1 says of the same client is read as the same. */
static void check_again(const struct proxy *proxy) {
    char ip[INET6_ADDRSTRLEN];
    char text[PROXY_V1_MAX + 1];
    bool is_v6 = proxy->ip.len == IP_V6_LEN;
    struct proxy again;
    if (proxy->ip.len == 0)
        return;
    CHECK(inet_ntop(is_v6 ? AF_INET6 : AF_INET, proxy->ip.bytes, ip, sizeof ip) != NULL);
    int len = snprintf(text, sizeof text, "PROXY %s %s %s %u 80\r\n", is_v6 ? "TCP6" : "TCP4", ip,
                       ip, (unsigned)proxy->port);
    CHECK(parse(slice_of(text, (size_t)len), &again) == PROXY_WHOLE);
    CHECK(again.len == (size_t)len && again.speaks_of && again.port == proxy->port);
    CHECK(memcmp(&again.ip, &proxy->ip, sizeof again.ip) == 0);
}

static void check_whole(const struct proxy *proxy, struct slice input) {
    bool is_v1 = input.ptr[0] == 'P';
    CHECK(proxy->len <= input.len);
    CHECK(proxy->len >= (is_v1 ? sizeof "PROXY UNKNOWN\r\n" - 1 : 16));
    CHECK(proxy->len <= (size_t)(is_v1 ? PROXY_V1_MAX : PROXY_V2_MAX));
    CHECK(proxy->ip.len == 0 || proxy->ip.len == IP_V4_LEN || proxy->ip.len == IP_V6_LEN);
    CHECK(proxy->speaks_of || (proxy->ip.len == 0 && proxy->port == 0));
    CHECK(!is_v1 || memmem(input.ptr, proxy->len, "\r\n", 2) == input.ptr + proxy->len - 2);
    check_again(proxy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_of((const char *)data, size);
    struct proxy proxy;
    enum proxy_outcome outcome = parse(input, &proxy);
    CHECK(outcome != PROXY_MORE || size < PROXY_V2_MAX);
    if (outcome == PROXY_WHOLE)
        check_whole(&proxy, input);
    check_prefixes(input, outcome, proxy.len);
    return 0;
}
