/* Edge triggering, once and for all
 *
 * An edge-triggered epoll reports that something changed, not that something is so: after
 * "readable", nothing more is said until new bytes arrive, however many of the old are left. So
 * what has been reported is remembered in source.ready, and forgotten only by the one who learns
 * that it is no longer true: who gets EAGAIN, or fewer bytes than asked for. In return a descriptor
 * is registered once, for everything, and never modified.
 *
 * Who stops early, because its turn is over, gets no second report. It asks for another turn with
 * loop_again(), and while anyone has asked, the loop looks for events without sleeping. Turns are
 * bounded by those who take them; so a fast client waits for each of the others once per turn, and
 * nobody waits for it.
 *
 * Where turns take long, the others should not have to wait for all of them. So of the heavy
 * sources one runs in each turn, at its end, and then the loop looks whether anything has come for
 * the others.
 *
 * All events of a batch are noted before any source runs. A source that is freed in another one's
 * turn leaves the list, and no event that points to it is left in the batch. Nor does one come with
 * a later batch: the source is taken out of epoll before its descriptor is closed. close(2) does
 * that only where nobody else refers to what was open, and somebody may: a child that was forked,
 * whoever has taken a copy (pidfd_getfd(2)), and for a moment, whoever lists /proc/PID/fd.
 *
 * A wait that is to end at some time is ended by an alarm, not by the timeout of epoll_wait(): that
 * one has the kernel set up a timer and take it down again in every turn, while an alarm that is
 * early enough stays as it is. Most often what it was set for has been put off when it rings, and
 * it is set anew: a turn for nothing, now and then. */
#include "sys/loop.h"

#include "base/placement.h"
#include "sys/clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 256 };

static void tell_time(struct loop *loop) {
    loop->now_ns = clock_now_ns();
    loop->now_ms = loop->now_ns / 1000000;
    loop->time_s = clock_time_s();
}

/* It need not be read: setting it anew takes back what it has told. */
static void on_alarm(struct source *source) {
    (void)source;
}

int loop_init(struct loop *loop, struct err *err) {
    list_init(&loop->ready);
    list_init(&loop->heavy);
    loop->crowded = false;
    loop->turn = 0;
    loop->first = NULL;
    tell_time(loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return err_set(err, errno, "cannot create an epoll instance: %s", strerror(errno));
    loop->alarm_ms = INT64_MIN;
    source_init(&loop->alarm, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                on_alarm);
    int result = loop->alarm.fd < 0 ? -errno : loop_add(loop, &loop->alarm, EPOLLIN);
    if (result == 0)
        return 0;
    loop_deinit(loop);
    return err_set(err, -result, "cannot create a timer: %s", strerror(-result));
}

void loop_deinit(struct loop *loop) {
    source_close(&loop->alarm);
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd);
    loop->epoll_fd = -1;
}

void source_init(struct source *source, int fd, void (*run)(struct source *source)) {
    *source = (struct source){.fd = fd, .run = run};
    list_init(&source->place);
}

void loop_set_first(struct loop *loop, struct source *source) {
    loop->first = source;
}

int loop_add(struct loop *loop, struct source *source, uint32_t events) {
    struct epoll_event event = {.events = events | EPOLLET, .data.ptr = source};
    source->is_added = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
    return source->is_added ? 0 : -errno;
}

void loop_remove(struct loop *loop, struct source *source) {
    if (source->is_added)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->is_added = false;
    list_remove(&source->place);
}

void loop_close(struct loop *loop, struct source *source) {
    if (source->fd >= 0)
        loop_remove(loop, source);
    source_close(source);
}

void source_close(struct source *source) {
    if (source->fd < 0)
        return;
    list_remove(&source->place);
    (void)close(source->fd);
    source->fd = -1;
}

HOT ssize_t source_receive(struct source *source, void *to, size_t room) {
    ssize_t len;
    do
        len = recv(source->fd, to, room, 0);
    while (len < 0 && errno == EINTR);
    /* Fewer bytes than there was room for: it is drained, unless the end has been announced and is
     * still to be read. */
    if (len <= 0 || ((size_t)len < room && (source->ready & EPOLLRDHUP) == 0))
        source->ready &= ~(uint32_t)EPOLLIN;
    return len < 0 ? -errno : len;
}

void loop_again(struct loop *loop, struct source *source) {
    list_remove(&source->place);
    list_append(source->is_heavy ? &loop->heavy : &loop->ready, &source->place);
}

/* An error or a hang-up is told to whoever next reads or writes, so both are worth trying. */
static uint32_t readiness_of(uint32_t events) {
    return (events & (EPOLLERR | EPOLLHUP)) != 0 ? events | EPOLLIN | EPOLLOUT : events;
}

/* Takes note of an event. The first report after a source was added comes of its being added, not
 * of anything new, so it says nothing of when what it reports came. */
static void note(struct loop *loop, const struct epoll_event *event) {
    struct source *source = event->data.ptr;
    source->ready |= readiness_of(event->events);
    if (source->is_known && (event->events & EPOLLIN) != 0)
        source->reported_turn = loop->turn;
    source->is_known = true;
    loop_again(loop, source);
}

/* Lets the source run that goes before the others, if it has an event, or may have one that is not
 * in the batch. */
static void run_first(const struct loop *loop) {
    struct source *source = loop->first;
    if (source != NULL && (loop->crowded || !list_is_empty(&source->place))) {
        list_remove(&source->place);
        source->run(source);
    }
}

/* Runs the first of a list. */
static void run_next(struct list *sources) {
    struct source *source = list_entry(sources->next, struct source, place);
    list_remove(&source->place);
    source->run(source);
}

/* Sees to it that a wait ends at the time, unless the alarm rings before that anyhow. */
static bool set_alarm(struct loop *loop, int64_t due_ms) {
    if (due_ms >= loop->alarm_ms && loop->alarm_ms > loop->now_ms)
        return true;
    const struct itimerspec time = {
        .it_value = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000}};
    if (timerfd_settime(loop->alarm.fd, TFD_TIMER_ABSTIME, &time, NULL) < 0)
        return false;
    loop->alarm_ms = due_ms;
    return true;
}

/* The timeout for epoll_wait(2), beside the alarm. */
static int timeout_ms(struct loop *loop, int64_t wait_ms) {
    int most_ms = wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
    if (wait_ms == 0 || loop_is_busy(loop))
        return 0;
    return wait_ms < 0 || set_alarm(loop, loop->now_ms + most_ms) ? -1 : most_ms;
}

HOT int loop_turn(struct loop *loop, int64_t wait_ms) {
    struct epoll_event events[EVENTS_PER_TURN];
    struct list turn;
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timeout_ms(loop, wait_ms));
    if (count < 0 && errno != EINTR)
        return -errno;
    tell_time(loop);
    loop->crowded = count == EVENTS_PER_TURN;
    loop->turn++;
    for (int i = 0; i < count; i++)
        note(loop, &events[i]);
    list_init(&turn);
    list_splice(&turn, &loop->ready);
    run_first(loop);
    while (!list_is_empty(&turn))
        run_next(&turn);
    if (!list_is_empty(&loop->heavy))
        run_next(&loop->heavy);
    return 0;
}
