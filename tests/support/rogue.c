#include "support/rogue.h"

#include "support/client.h"
#include "support/row.h"

#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 512 };

void rogue_start(struct server *server, const char *const words[]) {
    char program[PATH_MAX];
    (void)snprintf(program, sizeof program, "%s-rogue", server_binary());
    if (access(program, X_OK) != 0)
        fail_msg("there is no %s, which `make test` builds", program);
    server->rogue = true;
    server_start_as(server, NULL, 1, program, words);
}

static void write_line(char line[LINE_MAX_LEN], const char *name, const char *argument) {
    (void)snprintf(line, LINE_MAX_LEN, "TRY %s %s\n", name, argument);
}

/* -1 is said where the rogue knows no such attempt. */
static int result_of(const char *name, const char *answer) {
    int result = (int)strtol(answer, NULL, 10);
    row_assert(name, result != -1);
    return result;
}

int rogue_try(uint16_t port, const char *name, const char *argument) {
    char line[LINE_MAX_LEN];
    struct client client;
    write_line(line, name, argument);
    client_open(&client, port);
    client_send_text(&client, line);
    client_receive_all(&client);
    int result = client.len > 0 ? result_of(name, client.data + client.start) : ROGUE_KILLED;
    client_close(&client);
    return result;
}

/* Returns the socket. */
static int send_datagram(uint16_t port, const char *name, const char *argument) {
    char line[LINE_MAX_LEN];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    write_line(line, name, argument);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(sendto(fd, line, strlen(line), 0, (struct sockaddr *)&to, sizeof to),
                     strlen(line));
    return fd;
}

void rogue_tell_udp(uint16_t port, const char *name, const char *argument) {
    (void)close(send_datagram(port, name, argument));
}

int rogue_try_udp(uint16_t port, const char *name, const char *argument) {
    char answer[64];
    struct pollfd wait = {.fd = send_datagram(port, name, argument), .events = POLLIN};
    row_assert(name, poll(&wait, 1, CLIENT_TIMEOUT_MS) == 1);
    ssize_t len = recv(wait.fd, answer, sizeof answer - 1, 0);
    row_assert(name, len > 0);
    answer[len] = '\0';
    (void)close(wait.fd);
    return result_of(name, answer);
}
