/* The server under test: the binary that the environment variable PRONTO names. */
#pragma once

#include "support/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server {
    struct process process; /* the master */
    uint16_t port;          /* of the first address that it announced */
    bool rogue;             /* it makes system calls that are refused, which others must not */
};

#define SERVER_INIT \
    { PROCESS_INIT, 0, false }

enum { SERVER_WORKERS_MAX = 64 };

/* The binary's path; fails the test where PRONTO is not set. */
const char *server_binary(void);

/* A port of 127.0.0.1 that was free a moment ago: what can't say its port must be told one. */
uint16_t server_free_port(void);

/* Whether the binary was built with AddressSanitizer. */
bool server_is_sanitized(void);

/* Starts the binary with `words`, ended by NULL, as its arguments, and waits until it announced
 * `addresses` of them. Fails the test, and shows its stderr, where it does not. */
void server_start(struct server *server, const struct process_options *options, size_t addresses,
                  const char *const words[]);

/* The same with another program, by its path. */
void server_start_as(struct server *server, const struct process_options *options, size_t addresses,
                     const char *program, const char *const words[]);

/* The port of the announced URL that starts with `prefix`, as "http://[::1]:"; 0: there is none. */
uint16_t server_port(const struct server *server, const char *prefix);

/* The port of the first address of --admin that it announced; 0: there is none. */
uint16_t server_admin_port(const struct server *server);

/* Whether the server has written `needle` to its stderr. */
bool server_says(const struct server *server, const char *needle);

/* Waits until the server has written `needle` to its stderr; fails the test after 60 s. */
void server_await_text(const struct server *server, const char *needle);

/* How often it has written that; and waits until it has `count` times. */
size_t server_times(const struct server *server, const char *needle);
void server_await_times(const struct server *server, const char *needle, size_t count);

/* After an upgrade: waits until the server has said so `count` times and the old master has ended
 * as it should, and goes on with the new one. */
void server_follow(struct server *server, size_t count);

/* Writes the ids of the workers, and returns how many there are. */
size_t server_workers(const struct server *server, pid_t workers[SERVER_WORKERS_MAX]);

/* The number of workers once there are `count`, or after 60 s. */
size_t server_await_workers(const struct server *server, pid_t workers[SERVER_WORKERS_MAX],
                            size_t count);

/* Open fds of all workers; and their number once it has not changed for a while. */
size_t server_count_fds(const struct server *server);
size_t server_settled_fds(const struct server *server);

/* Waits until the workers have no more than `count` fds open, 60 s at most. Returns the number. */
size_t server_await_fds(const struct server *server, size_t count);

/* Sends SIGTERM and waits for the end. Writes what is wrong with it to `complaint`, which is empty
 * when all is well: exit code 0, no sanitizer report, no worker left. Idempotent. */
enum { SERVER_COMPLAINT_MAX = 4096 };
void server_end(struct server *server, char complaint[SERVER_COMPLAINT_MAX]);

/* The same, and fails the test where something is wrong. */
void server_stop(struct server *server);

/* Fails the test if a sanitizer has reported anything on stderr. */
void server_assert_unreported(const struct server *server);
