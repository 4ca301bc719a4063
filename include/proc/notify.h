/* What the service manager is told (sd_notify(3), sd_watchdog_enabled(3)): datagrams of lines
 * NAME=VALUE, to the socket that it names. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    struct sockaddr_un address;
    socklen_t address_len;  /* 0: nobody wants to know */
    int64_t watchdog_us;    /* the manager's patience; 0: it has no watchdog */
    int64_t watchdog_at_ms; /* when it is to hear again that all is well */
};

/* Reads NOTIFY_SOCKET, a path or "@" and an abstract name, and WATCHDOG_USEC, unless WATCHDOG_PID
 * says that it is meant for another process; and takes them out of the environment. */
void notify_init(struct notify *notify, int64_t now_ms);

/* Puts them into the environment again, for this process: before it becomes another program. */
void notify_export(const struct notify *notify);

/* Sends lines, separated by line ends. Nothing is done where nobody wants to know; what can't be
 * sent is lost. */
__attribute__((format(printf, 2, 3))) void notify_send(const struct notify *notify,
                                                       const char *format, ...);

/* Tells the watchdog, at half of its time, that all is well. */
void notify_watchdog(struct notify *notify, int64_t now_ms);

/* Until that is due, but no longer than `wait_ms` (negative: forever). */
int64_t notify_wait_ms(const struct notify *notify, int64_t wait_ms, int64_t now_ms);
