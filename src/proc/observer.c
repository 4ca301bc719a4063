#include "proc/observer.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "serve/visits.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { RETRY_MS = 1000 };

/* The master's side */

int observer_listen(struct observer *observer, struct err *err) {
    for (size_t i = observer->socket_count; i < observer->addresses.count; i++) {
        int fd = socket_listen(&observer->addresses.items[i], SOCKET_FIRST, err);
        if (fd < 0)
            return fd;
        observer->sockets[observer->socket_count++] = fd;
    }
    return 0;
}

int observer_open(struct observer *observer, const struct options *options, struct err *err) {
    *observer = (struct observer)OBSERVER_INIT;
    observer->addresses = options->admin;
    return options->admin.count > 0 ? metrics_open(&observer->metrics, clock_time_s(), err) : 0;
}

bool observer_is_due(const struct observer *observer, int64_t now_ms) {
    return observer->socket_count > 0 && observer->helper.pid == 0 &&
           observer->start_at_ms <= now_ms;
}

int64_t observer_wait_ms(const struct observer *observer, int64_t now_ms, int64_t wait_ms) {
    if (observer->socket_count == 0 || observer->helper.pid != 0)
        return wait_ms;
    return deadline_sooner_ms(wait_ms, observer->start_at_ms, now_ms);
}

bool observer_fork(struct observer *observer, int64_t now_ms, int *channel) {
    int result = helper_fork(&observer->helper, channel);
    observer->start_at_ms = now_ms + RETRY_MS;
    if (result < 0)
        diag_message("cannot start what answers on --admin: %s", strerror(-result));
    return result > 0;
}

static void close_sockets(struct observer *observer) {
    for (size_t i = 0; i < observer->socket_count; i++)
        (void)close(observer->sockets[i]);
    observer->socket_count = 0;
}

void observer_leave(struct observer *observer) {
    helper_leave(&observer->helper);
    close_sockets(observer);
}

bool observer_ended(struct observer *observer, pid_t pid, const char *how, int64_t now_ms) {
    if (!helper_ended(&observer->helper, pid))
        return false;
    observer->start_at_ms = now_ms + RETRY_MS;
    diag_message("process %d, which answers on --admin, %s; another takes its place", (int)pid,
                 how);
    return true;
}

void observer_stop(struct observer *observer) {
    helper_end(&observer->helper);
    close_sockets(observer);
}

void observer_close(struct observer *observer) {
    observer_stop(observer);
    metrics_close(observer->metrics);
    observer->metrics = NULL;
}

/* The process */

struct process {
    struct loop loop;
    struct visits visits;
    struct helper_end end;
};

static int init(struct process *process, const struct observer *observer, int channel,
                struct err *err) {
    int result = loop_init(&process->loop, err);
    if (result < 0)
        return result;
    result = helper_end_await(&process->end, &process->loop, channel);
    if (result == 0)
        result = visits_init(&process->visits, &process->loop, observer->metrics, observer->sockets,
                             observer->socket_count);
    return result < 0 ? err_set(err, -result, "cannot answer on --admin: %s", strerror(-result))
                      : 0;
}

static int serve(struct process *process, struct err *err) {
    while (!process->end.is_here) {
        int result = loop_turn(&process->loop, visits_wait_ms(&process->visits));
        if (result < 0)
            return err_set(err, -result, "cannot wait for events on --admin: %s",
                           strerror(-result));
        visits_tick(&process->visits);
    }
    return 0;
}

/* The signals that stop pronto are the master's, and stay blocked here: who sends them to all of
 * its processes, as a terminal does, does not end this one before the workers. */
int observer_run(struct observer *observer, int channel) {
    (void)prctl(PR_SET_NAME, "pronto-admin");
    struct process process = {.loop = LOOP_INIT, .end.source.fd = -1};
    struct err err = ERR_INIT;
    int result = init(&process, observer, channel, &err);
    if (result == 0)
        result = serve(&process, &err);
    if (result < 0)
        diag_message("%s", err.text);
    visits_deinit(&process.visits);
    helper_end_close(&process.end);
    loop_deinit(&process.loop);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
