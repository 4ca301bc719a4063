#include "serve/client.h"

#include "support/row.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct peer peer_of_text(const char *ip, uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (strcmp(ip, "unix") == 0)
        return (struct peer){.port = 0};
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
        return peer_of_address((const struct sockaddr *)&v4);
    row_assert_number(ip, inet_pton(AF_INET6, ip, &v6.sin6_addr), 1);
    return peer_of_address((const struct sockaddr *)&v6);
}

static void assert_peer(const char *row, const struct peer *got, const char *ip, uint16_t port) {
    struct peer expected = peer_of_text(ip, port);
    char memory[PEER_TEXT_MAX];
    struct buf text = BUF_INIT(memory, sizeof memory);
    peer_put_address(&text, got);
    row_assert_slice(row, buf_slice(&text), slice_of_text(ip));
    row_assert(row, memcmp(&got->ip, &expected.ip, sizeof expected.ip) == 0);
    row_assert_number(row, got->port, expected.port);
}

static struct networks networks_of(const char *const texts[]) {
    struct networks networks = {.count = 0};
    struct err err = ERR_INIT;
    for (; *texts != NULL; texts++)
        row_assert_number(*texts, networks_add(&networks, *texts, &err), 0);
    return networks;
}

static void test_trust(void **state) {
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "2001:db8::/32", NULL};
    static const char *const with_unix[] = {"unix", NULL};
    static const char *const none[] = {NULL};
    static const struct {
        const char *ip;
        bool trusted;
    } rows[] = {{"10.1.2.3", true}, {"11.1.2.3", false}, {"2001:db8::1", true},
                {"::1", false},     {"unix", false},     {"::ffff:10.1.2.3", true}};
    struct networks networks = networks_of(texts);
    struct networks unix_alone = networks_of(with_unix);
    struct networks nobody = networks_of(none);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct peer peer = peer_of_text(rows[i].ip, 80);
        row_assert_number(rows[i].ip, client_is_trusted(&networks, &peer), rows[i].trusted);
        row_assert_number(rows[i].ip, client_is_trusted(&unix_alone, &peer),
                          strcmp(rows[i].ip, "unix") == 0);
        row_assert(rows[i].ip, !client_is_trusted(&nobody, &peer));
    }
}

static void test_proxied_connections(void **state) {
    (void)state;
    static const struct {
        const char *header;
        const char *ip;
        uint16_t port;
    } rows[] = {
        {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "192.0.2.1", 56324},
        {"PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n", "2001:db8::1", 1},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 443\r\n", "192.0.2.1", 1},
        {"PROXY UNKNOWN\r\n", "127.0.0.1", 4711},
    };
    struct peer peer = peer_of_text("127.0.0.1", 4711);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct proxy proxy;
        assert_int_equal(proxy_parse(slice_of_text(rows[i].header), &proxy), PROXY_WHOLE);
        struct peer client = client_of_proxy(&peer, &proxy);
        assert_peer(rows[i].header, &client, rows[i].ip, rows[i].port);
    }
    struct proxy by_unix = {.speaks_of = true};
    struct peer client = client_of_proxy(&peer, &by_unix);
    assert_peer("a unix socket", &client, "unix", 0);
}

/* 10.0.0.0/8, 2001:db8::/32 and unix are trusted. The peer's port is 4711. */
static const struct {
    const char *name;
    const char *peer;
    const char *lines[3]; /* values of X-Forwarded-For */
    const char *client;
} requests[] = {
    {"no field", "10.0.0.1", {NULL}, "10.0.0.1"},
    {"an empty field", "10.0.0.1", {""}, "10.0.0.1"},
    {"nothing but commas", "10.0.0.1", {" , ,"}, "10.0.0.1"},
    {"a peer that is not trusted", "192.0.2.9", {"192.0.2.1"}, "192.0.2.9"},
    {"no peer that is trusted, but its neighbour",
     "192.0.2.9",
     {"192.0.2.1, 10.0.0.2"},
     "192.0.2.9"},
    {"one address", "10.0.0.1", {"192.0.2.1"}, "192.0.2.1"},
    {"an address of IPv6", "10.0.0.1", {"2001:db9::1"}, "2001:db9::1"},
    {"by a unix socket", "unix", {"192.0.2.1"}, "192.0.2.1"},
    {"by IPv6", "2001:db8::1", {"192.0.2.1"}, "192.0.2.1"},
    {"with a port", "10.0.0.1", {"192.0.2.1:80"}, "192.0.2.1"},
    {"with brackets and a port", "10.0.0.1", {"[2001:db9::1]:80"}, "2001:db9::1"},
    {"the last of two", "10.0.0.1", {"192.0.2.1, 192.0.2.2"}, "192.0.2.2"},
    {"what a client makes up", "10.0.0.1", {"10.0.0.7, 127.0.0.1, 192.0.2.2"}, "192.0.2.2"},
    {"before one that is trusted", "10.0.0.1", {"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
    {"before two that are trusted", "10.0.0.1", {"192.0.2.1, 10.0.0.3, 10.0.0.2"}, "192.0.2.1"},
    {"the last that is not", "10.0.0.1", {"192.0.2.1, 10.0.0.3, 192.0.2.2, 10.0.0.2"}, "192.0.2.2"},
    {"all are trusted", "10.0.0.1", {"10.0.0.4, 10.0.0.3, 10.0.0.2"}, "10.0.0.4"},
    {"garbage alone", "10.0.0.1", {"unknown"}, "10.0.0.1"},
    {"garbage at the end", "10.0.0.1", {"192.0.2.1, unknown"}, "10.0.0.1"},
    {"garbage behind one that is trusted",
     "10.0.0.1",
     {"192.0.2.1, unknown, 10.0.0.2"},
     "10.0.0.2"},
    {"garbage behind two that are trusted",
     "10.0.0.1",
     {"192.0.2.1, unknown, 10.0.0.3, 10.0.0.2"},
     "10.0.0.3"},
    {"garbage before", "10.0.0.1", {"unknown, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
    {"a quote of the client's", "10.0.0.1", {"\"a, 192.0.2.1"}, "192.0.2.1"},
    {"two lines", "10.0.0.1", {"192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
    {"two lines, the other order", "10.0.0.1", {"10.0.0.2", "192.0.2.1"}, "192.0.2.1"},
    {"two lines of clients", "10.0.0.1", {"192.0.2.1", "192.0.2.2"}, "192.0.2.2"},
    {"a line with two", "10.0.0.1", {"192.0.2.1", "192.0.2.2, 10.0.0.2"}, "192.0.2.2"},
    {"garbage between lines", "10.0.0.1", {"192.0.2.1", "x"}, "10.0.0.1"},
    {"an empty line behind", "10.0.0.1", {"192.0.2.1", ""}, "192.0.2.1"},
};

static void test_requests(void **state) {
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "2001:db8::/32", "unix", NULL};
    struct networks networks = networks_of(texts);
    for (size_t i = 0; i < ROWS_COUNT(requests); i++) {
        char text[512];
        struct request request;
        struct peer peer = peer_of_text(requests[i].peer, 4711);
        bool is_peer = strcmp(requests[i].client, requests[i].peer) == 0;
        size_t len = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (size_t j = 0; j < 3 && requests[i].lines[j] != NULL; j++)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "X-FORWARDED-For: %s\r\nX-Other: 192.0.2.77\r\n",
                                    requests[i].lines[j]);
        len += (size_t)snprintf(text + len, sizeof text - len, "\r\n");
        row_assert_number(requests[i].name, request_parse(slice_of(text, len), 512, &request),
                          REQUEST_WHOLE);
        struct peer client = client_of_request(&networks, &peer, &request);
        assert_peer(requests[i].name, &client, requests[i].client, is_peer ? peer.port : 0);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_proxied_connections),
        cmocka_unit_test(test_requests),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
