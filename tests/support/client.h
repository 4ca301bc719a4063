/* A TCP client that sends exactly the bytes it is told to, and reads what comes back. Whatever
 * blocks longer than CLIENT_TIMEOUT_MS fails the test: a limit for hangs, not a measure of speed.
 */
#pragma once

#include "support/response.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_TIMEOUT_MS = 20000 };

struct client {
    int fd;
    char *data; /* received and not yet taken: from `start`, `len` bytes */
    size_t start;
    size_t len;
    size_t room;
    bool ended; /* the server closed, and all it sent has been received */
    int error;  /* errno of a failed receive, such as ECONNRESET; 0: none */
};

#define CLIENT_INIT \
    { -1, NULL, 0, 0, 0, false, 0 }

/* Connects to 127.0.0.1, with TCP_NODELAY. */
void client_open(struct client *client, uint16_t port);

/* The same to ::1; to another IPv4 address; and with a receive buffer of about `receive_bytes` in
 * the kernel. */
void client_open_v6(struct client *client, uint16_t port);
void client_open_at(struct client *client, const char *address, uint16_t port);
void client_open_narrow(struct client *client, uint16_t port, int receive_bytes);

/* Connects and returns true, or returns false if it is refused. */
bool client_try_open(struct client *client, uint16_t port);

/* Closes, and frees what was received. Idempotent. */
void client_close(struct client *client);

/* Sends it all. Meanwhile what comes is received, so that both sides never wait for each other. A
 * server that no longer takes it ends the sending without failure. */
void client_send(struct client *client, const void *ptr, size_t len);
void client_send_text(struct client *client, const char *text);

/* Sends it in pieces of that many bytes, with a pause after each. */
void client_send_pieces(struct client *client, const void *ptr, size_t len, size_t piece,
                        int pause_ms);

/* Sends "METHOD TARGET HTTP/1.1", Host, and more field lines, each with its CRLF. */
void client_send_request(struct client *client, const char *method, const char *target,
                         const char *fields);

/* Ends the sending direction. */
void client_half_close(struct client *client);

/* Receives once: what is there, or what comes within `timeout_ms`. Returns whether anything
 * happened: bytes, the end or an error. */
bool client_receive(struct client *client, int timeout_ms);

/* Takes the next response from what was received; false: it is not whole yet. */
bool client_take(struct client *client, bool to_head, struct response *response);

/* Reads the next response; fails if it does not come whole. The caller ends it with
 * response_deinit(). */
void client_read(struct client *client, bool to_head, struct response *response);

/* A request and its response. */
void client_get(struct client *client, const char *target, struct response *response);
void client_request(struct client *client, const char *method, const char *target,
                    const char *fields, struct response *response);

/* The same with a connection of its own. */
void client_get_once(uint16_t port, const char *target, struct response *response);

/* A request with a check of the status; on the connection, or with one of its own. */
void client_expect(struct client *client, const char *target, int status);
void client_expect_once(uint16_t port, const char *target, int status);

/* Fails unless the server closes cleanly and sends nothing more before it. */
void client_expect_end(struct client *client);

/* Receives until the server closes or resets the connection; what came is in `data`. */
void client_receive_all(struct client *client);
