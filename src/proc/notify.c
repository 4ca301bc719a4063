#include "proc/notify.h"

#include "base/deadline.h"
#include "base/number.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 };

static void set_address(struct notify *notify, const char *name) {
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof notify->address.sun_path)
        return;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, len);
    if (name[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int64_t read_watchdog(void) {
    const char *patience = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t number;
    if (pid != NULL &&
        (!number_parse(slice_of_text(pid), INT_MAX, &number) || number != (uint64_t)getpid()))
        return 0;
    if (patience == NULL || !number_parse(slice_of_text(patience), INT64_MAX, &number))
        return 0;
    return (int64_t)number;
}

void notify_init(struct notify *notify, int64_t now_ms) {
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    const char *socket = getenv(names[0]);
    *notify = (struct notify){.watchdog_us = read_watchdog(), .watchdog_at_ms = now_ms};
    if (socket != NULL)
        set_address(notify, socket);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

void notify_export(const struct notify *notify) {
    char text[32];
    char path[sizeof notify->address.sun_path];
    if (notify->address_len == 0)
        return;
    size_t len = notify->address_len - offsetof(struct sockaddr_un, sun_path);
    memcpy(path, notify->address.sun_path, len);
    path[len] = '\0';
    if (path[0] == '\0')
        path[0] = '@';
    (void)setenv("NOTIFY_SOCKET", path, 1);
    if (notify->watchdog_us == 0)
        return;
    (void)snprintf(text, sizeof text, "%lld", (long long)notify->watchdog_us);
    (void)setenv("WATCHDOG_USEC", text, 1);
    (void)snprintf(text, sizeof text, "%d", (int)getpid());
    (void)setenv("WATCHDOG_PID", text, 1);
}

void notify_send(const struct notify *notify, const char *format, ...) {
    char message[MESSAGE_MAX];
    va_list arguments;
    if (notify->address_len == 0)
        return;
    va_start(arguments, format);
    int len = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (len > 0)
        (void)!sendto(fd, message, (size_t)len < sizeof message ? (size_t)len : sizeof message - 1,
                      MSG_NOSIGNAL, (const struct sockaddr *)&notify->address, notify->address_len);
    (void)close(fd);
}

static int64_t interval_ms(const struct notify *notify) {
    int64_t half_ms = notify->watchdog_us / 2000;
    return half_ms > 0 ? half_ms : 1;
}

void notify_watchdog(struct notify *notify, int64_t now_ms) {
    if (notify->watchdog_us == 0 || notify->address_len == 0 || now_ms < notify->watchdog_at_ms)
        return;
    notify->watchdog_at_ms = now_ms + interval_ms(notify);
    notify_send(notify, "WATCHDOG=1");
}

int64_t notify_wait_ms(const struct notify *notify, int64_t wait_ms, int64_t now_ms) {
    return notify->watchdog_us == 0 || notify->address_len == 0
               ? wait_ms
               : deadline_sooner_ms(wait_ms, notify->watchdog_at_ms, now_ms);
}
