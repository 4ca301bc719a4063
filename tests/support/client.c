#include "support/client.h"

#include "support/note.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_MAX = 1 << 18 };

static bool try_connect(struct client *client, const struct sockaddr *address, socklen_t len,
                        int receive_bytes) {
    const int on = 1;
    *client = (struct client)CLIENT_INIT;
    client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail_msg("socket: %s", strerror(errno));
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_bytes > 0)
        (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (connect(client->fd, address, len) == 0)
        return true;
    int reason = errno;
    client_close(client);
    errno = reason;
    return false;
}

static bool try_connect_v4(struct client *client, uint16_t port, int receive_bytes) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return try_connect(client, (const struct sockaddr *)&address, sizeof address, receive_bytes);
}

void client_open(struct client *client, uint16_t port) {
    client_open_narrow(client, port, 0);
}

void client_open_narrow(struct client *client, uint16_t port, int receive_bytes) {
    if (!try_connect_v4(client, port, receive_bytes))
        fail_msg("connect to port %u: %s", port, strerror(errno));
}

void client_open_v6(struct client *client, uint16_t port) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    address.sin6_addr = in6addr_loopback;
    if (!try_connect(client, (const struct sockaddr *)&address, sizeof address, 0))
        fail_msg("connect to [::1]:%u: %s", port, strerror(errno));
}

void client_open_at(struct client *client, const char *address, uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
    if (!try_connect(client, (const struct sockaddr *)&v4, sizeof v4, 0))
        fail_msg("connect to %s:%u: %s", address, port, strerror(errno));
}

bool client_try_open(struct client *client, uint16_t port) {
    if (try_connect_v4(client, port, 0))
        return true;
    if (errno != ECONNREFUSED)
        fail_msg("connect to port %u: %s", port, strerror(errno));
    return false;
}

void client_close(struct client *client) {
    if (client->fd >= 0)
        (void)close(client->fd);
    free(client->data);
    *client = (struct client)CLIENT_INIT;
}

/* Makes room for RECEIVE_MAX bytes behind what was received. */
static void make_room(struct client *client) {
    if (client->start > 0 && client->len == 0)
        client->start = 0;
    size_t used = client->start + client->len;
    if (client->room - used >= RECEIVE_MAX)
        return;
    client->room = client->room * 2 + RECEIVE_MAX;
    client->data = realloc(client->data, client->room);
    assert_non_null(client->data);
}

bool client_receive(struct client *client, int timeout_ms) {
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    if (client->ended || client->error != 0 || poll(&poll_fd, 1, timeout_ms) <= 0)
        return false;
    make_room(client);
    ssize_t count = recv(client->fd, client->data + client->start + client->len, RECEIVE_MAX, 0);
    if (count > 0)
        client->len += (size_t)count;
    client->ended = count == 0;
    client->error = count < 0 ? errno : 0;
    return true;
}

void client_send(struct client *client, const void *ptr, size_t len) {
    const char *at = ptr;
    while (len > 0) {
        struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN | POLLOUT};
        if (client->ended || client->error != 0)
            poll_fd.events = POLLOUT;
        if (poll(&poll_fd, 1, CLIENT_TIMEOUT_MS) <= 0)
            fail_msg("the server does not take the last %zu bytes", len);
        if ((poll_fd.revents & POLLIN) != 0)
            (void)client_receive(client, 0);
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        at += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
}

void client_send_text(struct client *client, const char *text) {
    client_send(client, text, strlen(text));
}

void client_send_pieces(struct client *client, const void *ptr, size_t len, size_t piece,
                        int pause_ms) {
    const char *at = ptr;
    while (len > 0) {
        size_t count = len < piece ? len : piece;
        client_send(client, at, count);
        if (pause_ms > 0)
            note_pause_ms(pause_ms);
        at += count;
        len -= count;
    }
}

void client_send_request(struct client *client, const char *method, const char *target,
                         const char *fields) {
    char text[16384];
    int len = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method,
                       target, fields);
    assert_in_range(len, 1, sizeof text - 1);
    client_send(client, text, (size_t)len);
}

void client_half_close(struct client *client) {
    if (shutdown(client->fd, SHUT_WR) != 0)
        fail_msg("shutdown: %s", strerror(errno));
}

bool client_take(struct client *client, bool to_head, struct response *response) {
    if (client->len == 0)
        return false;
    size_t taken = response_parse(client->data + client->start, client->len, to_head, response);
    client->start += taken;
    client->len -= taken;
    return taken > 0;
}

/* Fails for a response that is not whole, and shows what there is of its head. */
static void fail_unfinished(const struct client *client, const char *reason) {
    const char *data = client->len > 0 ? client->data + client->start : "";
    const char *end = memmem(data, client->len, "\r\n\r\n", 4);
    size_t len = end != NULL ? (size_t)(end - data) : client->len;
    fail_msg("no whole response: %s after %zu bytes:\n%.*s", reason, client->len,
             (int)(len < 1024 ? len : 1024), data);
}

/* It takes as long to look whether a response is whole as it is long; so a long one is looked at
 * again when a good part of it has come, or nothing more comes for a moment. */
static bool receive_some(struct client *client) {
    enum { MOMENT_MS = 20 };
    size_t enough = client->len + client->len / 4;
    if (!client_receive(client, CLIENT_TIMEOUT_MS))
        return false;
    while (client->len < enough && !client->ended && client->error == 0 &&
           client_receive(client, MOMENT_MS))
        continue;
    return true;
}

void client_read(struct client *client, bool to_head, struct response *response) {
    while (!client_take(client, to_head, response)) {
        if (client->ended)
            fail_unfinished(client, "closed");
        if (client->error != 0)
            fail_unfinished(client, strerror(client->error));
        if (!receive_some(client))
            fail_unfinished(client, "nothing more comes");
    }
}

void client_request(struct client *client, const char *method, const char *target,
                    const char *fields, struct response *response) {
    client_send_request(client, method, target, fields);
    client_read(client, strcmp(method, "HEAD") == 0, response);
}

void client_get(struct client *client, const char *target, struct response *response) {
    client_request(client, "GET", target, "", response);
}

void client_get_once(uint16_t port, const char *target, struct response *response) {
    struct client client;
    client_open(&client, port);
    client_get(&client, target, response);
    client_close(&client);
}

void client_expect(struct client *client, const char *target, int status) {
    struct response response;
    client_get(client, target, &response);
    if (response.status != status)
        fail_msg("GET %s: expected %d, got:\n%s", target, status, response.head);
    if (status >= 400)
        response_assert_page(&response);
    response_deinit(&response);
}

void client_expect_once(uint16_t port, const char *target, int status) {
    struct client client;
    client_open(&client, port);
    client_expect(&client, target, status);
    client_close(&client);
}

void client_expect_end(struct client *client) {
    while (!client->ended && client->error == 0) {
        if (!client_receive(client, CLIENT_TIMEOUT_MS))
            fail_msg("the server does not close the connection");
    }
    if (client->error != 0)
        fail_msg("not a clean end: %s", strerror(client->error));
    if (client->len > 0)
        fail_msg("more before the end: %.*s", (int)(client->len < 1024 ? client->len : 1024),
                 client->data + client->start);
}

void client_receive_all(struct client *client) {
    while (!client->ended && client->error == 0) {
        if (!client_receive(client, CLIENT_TIMEOUT_MS))
            fail_msg("the server does not close the connection");
    }
}
