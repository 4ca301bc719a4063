#include "proc/announcer.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "mdns/responder.h"
#include "sys/interfaces.h"
#include "sys/multicast.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RETRY_MS = 1000,
    DEATHS_MAX = 5,
    FAMILIES = 2,
    ADDRESSES_MAX = 128, /* of all interfaces */
    PACKETS_MAX = 64,    /* that are taken in a turn */
};

/* RFC 6762 §3: 224.0.0.251 and ff02::fb. */
static const struct multicast_group groups[FAMILIES] = {
    {{{224, 0, 0, 251}, IP_V4_LEN}, MESSAGE_PORT},
    {{{0xff, 0x02, [15] = 0xfb}, IP_V6_LEN}, MESSAGE_PORT},
};

/* The master's side */

static void want(struct announcer *announcer, const struct announcement *wanted) {
    announcer->wanted = *wanted;
    announcer->deaths = 0;
    announcer->failed = false;
    announcer->start_at_ms = 0;
    helper_dismiss(&announcer->helper);
}

void announcer_set(struct announcer *announcer, const struct setup *setup,
                   const struct listeners *listeners, int64_t now_ms) {
    struct announcement wanted;
    if (!announcement_make(&wanted, &setup->options, listeners))
        diag_message("nothing is announced, as nobody else can reach what this listens on; "
                     "--lan lets others in");
    bool goes_on = announcer->helper.channel >= 0;
    if (goes_on && announcement_equal(&announcer->wanted, &wanted) &&
        sandbox_equal(&announcer->sandbox, &setup->sandbox))
        return;
    want(announcer, &wanted);
    announcer->sandbox = setup->sandbox;
    announcer->start_at_ms = now_ms;
}

void announcer_unset(struct announcer *announcer) {
    const struct announcement nothing = {.count = 0};
    want(announcer, &nothing);
}

/* One that takes its leave is waited for: two would contend for the name. */
static bool lacks_process(const struct announcer *announcer) {
    return announcer->wanted.count > 0 && !announcer->failed && announcer->helper.pid == 0;
}

bool announcer_is_due(const struct announcer *announcer, int64_t now_ms) {
    return lacks_process(announcer) && announcer->start_at_ms <= now_ms;
}

int64_t announcer_wait_ms(const struct announcer *announcer, int64_t now_ms, int64_t wait_ms) {
    return lacks_process(announcer) ? deadline_sooner_ms(wait_ms, announcer->start_at_ms, now_ms)
                                    : wait_ms;
}

bool announcer_fork(struct announcer *announcer, int64_t now_ms, int *channel) {
    int result = helper_fork(&announcer->helper, channel);
    announcer->start_at_ms = now_ms + RETRY_MS;
    if (result < 0)
        diag_message("cannot start what announces: %s", strerror(-result));
    return result > 0;
}

bool announcer_ended(struct announcer *announcer, pid_t pid, int wait_status, const char *how,
                     int64_t now_ms) {
    bool dismissed = announcer->helper.channel < 0;
    if (!helper_ended(&announcer->helper, pid))
        return false;
    if (dismissed)
        return true;
    announcer->start_at_ms = now_ms + RETRY_MS;
    announcer->deaths++;
    /* One that ends by itself has said why, and the next one would, too. */
    announcer->failed = WIFEXITED(wait_status) || announcer->deaths > DEATHS_MAX;
    diag_message("process %d, which announces, %s; %s", (int)pid, how,
                 announcer->failed ? "nothing is announced until the next reload"
                                   : "another takes its place");
    return true;
}

void announcer_leave(struct announcer *announcer) {
    helper_leave(&announcer->helper);
}

void announcer_close(struct announcer *announcer) {
    announcer_unset(announcer);
    helper_end(&announcer->helper);
}

/* The process */

struct process;

struct ear {
    struct source source;
    const struct multicast_group *group;
    struct process *process;
};

struct process {
    struct loop loop;
    struct helper_end end;
    struct ear ears[FAMILIES]; /* .source.fd -1: the host has no such protocol */
    struct source interfaces;
    struct responder responder;
    const struct announcement *announcement;
    char told[RESPONDER_NAME_MAX]; /* the name that the operator was told */
    size_t told_len;
    char packet[MESSAGE_RECEIVED_MAX];
};

/* What cannot be sent is lost, as packets are; it is said more than once. */
static void send_packet(void *context, const struct responder_packet *packet) {
    const struct process *process = context;
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct ip *to = packet->to.len > 0 ? &packet->to : &groups[i].ip;
        int fd = process->ears[i].source.fd;
        if (fd >= 0 && groups[i].ip.len == packet->ip_len)
            (void)multicast_send(fd, packet->link, to, packet->port, packet->bytes);
    }
}

/* Which one matters little; so does that they are not quite equally likely. */
static int64_t choose_number(void *context, int64_t min, int64_t max) {
    uint32_t number = 0;
    struct err err = ERR_INIT;
    (void)context;
    (void)random_fill(&number, sizeof number, &err);
    return min + (int64_t)number % (max - min + 1);
}

/* Takes one packet; returns false where there is none. What is no packet, such as the error of one
 * that was sent, is passed over. */
static bool take_packet(struct ear *ear) {
    struct process *process = ear->process;
    struct multicast_sender from = {.to_group = false};
    ssize_t len = multicast_receive(ear->source.fd, ear->group, process->packet,
                                    sizeof process->packet, &from);
    if (len == -EAGAIN)
        return false;
    const struct link_sender sender = {from.interface, from.ip, from.port, from.to_group};
    if (len > 0)
        responder_receive(&process->responder, &sender, slice_of(process->packet, (size_t)len),
                          process->loop.now_ms);
    return true;
}

static void on_packets(struct source *source) {
    struct ear *ear = list_entry(source, struct ear, source);
    size_t count = 0;
    while (count < PACKETS_MAX && take_packet(ear))
        count++;
    if (count == PACKETS_MAX)
        loop_again(&ear->process->loop, source);
}

static void look_at_interfaces(struct process *process) {
    struct interface_address addresses[ADDRESSES_MAX];
    struct links links;
    ssize_t count = interfaces_list(addresses, ADDRESSES_MAX);
    if (count < 0)
        return; /* what was there may still be */
    announcement_find_links(process->announcement, addresses, (size_t)count, &links);
    for (size_t i = 0; i < links.count * FAMILIES; i++) {
        const struct link *link = &links.items[i / FAMILIES];
        const struct ear *ear = &process->ears[i % FAMILIES];
        if (ear->source.fd >= 0 && link_has_family(link, ear->group->ip.len))
            (void)multicast_join(ear->source.fd, ear->group, link->index);
    }
    responder_set_links(&process->responder, &links, process->loop.now_ms);
}

static void on_interfaces(struct source *source) {
    interfaces_drain(source->fd);
    look_at_interfaces(list_entry(source, struct process, interfaces));
}

/* Returns 0, or -errno where there is no such protocol, or somebody has the port for himself. */
static int open_ear(struct process *process, size_t family) {
    struct ear *ear = &process->ears[family];
    int fd = multicast_open(&groups[family]);
    ear->group = &groups[family];
    ear->process = process;
    source_init(&ear->source, fd < 0 ? -1 : fd, on_packets);
    return fd < 0 ? fd : loop_add(&process->loop, &ear->source, EPOLLIN);
}

static int open_ears(struct process *process, struct err *err) {
    int result = 0;
    bool any = false;
    for (size_t i = 0; i < FAMILIES; i++) {
        int opened = open_ear(process, i);
        any |= opened == 0;
        result = opened < 0 ? opened : result;
    }
    return any ? 0
               : err_set(err, -result, "cannot announce on UDP port %d: %s%s", MESSAGE_PORT,
                         strerror(-result),
                         result == -EADDRINUSE ? " (another program has it for itself)" : "");
}

static int open_interfaces(struct process *process, struct err *err) {
    int result = interfaces_watch();
    source_init(&process->interfaces, result < 0 ? -1 : result, on_interfaces);
    if (result >= 0)
        result = loop_add(&process->loop, &process->interfaces, EPOLLIN);
    return result < 0 ? err_set(err, -result, "cannot announce, as the network cannot be seen: %s",
                                strerror(-result))
                      : 0;
}

static int init(struct process *process, const struct announcer *announcer, int channel,
                struct err *err) {
    const struct announcement *announcement = &announcer->wanted;
    const struct responder_ways ways = {send_packet, choose_number};
    int result = sandbox_step_down(&announcer->sandbox, err);
    if (result == 0)
        result = loop_init(&process->loop, err);
    if (result < 0)
        return result;
    process->announcement = announcement;
    responder_init(&process->responder, slice_of_text(announcement->name), announcement->port,
                   &ways, process);
    result = helper_end_await(&process->end, &process->loop, channel);
    if (result < 0)
        return err_set(err, -result, "cannot announce: %s", strerror(-result));
    result = open_ears(process, err);
    return result == 0 ? open_interfaces(process, err) : result;
}

/* Tells the operator the name, once others are told; one that was not asked for in any case. */
static void tell_name(struct process *process) {
    const struct responder *responder = &process->responder;
    struct slice name = slice_of(responder->name, responder->name_len);
    bool has_name =
        responder->phase == RESPONDER_ANNOUNCING || responder->phase == RESPONDER_SETTLED;
    if (!has_name || slice_equal(name, slice_of(process->told, process->told_len)))
        return;
    bool wished = slice_equal(name, slice_of(responder->wish, responder->wish_len));
    memcpy(process->told, name.ptr, name.len);
    process->told_len = name.len;
    if (wished && process->announcement->quiet)
        return;
    if (wished)
        diag_message("announced as http://%.*s.local:%u/", (int)name.len, name.ptr,
                     (unsigned)responder->port);
    else
        diag_message("announced as http://%.*s.local:%u/, as %s.local is another's here",
                     (int)name.len, name.ptr, (unsigned)responder->port,
                     process->announcement->name);
}

static int serve(struct process *process, struct err *err) {
    look_at_interfaces(process);
    if (process->responder.phase == RESPONDER_IDLE && !process->announcement->quiet)
        diag_message("there is no network to announce on; that is done once there is");
    while (!process->end.is_here) {
        int64_t now_ms = process->loop.now_ms;
        int result = loop_turn(&process->loop, responder_wait_ms(&process->responder, now_ms));
        if (result < 0)
            return err_set(err, -result, "cannot wait for who asks what is announced: %s",
                           strerror(-result));
        responder_tick(&process->responder, process->loop.now_ms);
        tell_name(process);
    }
    responder_stop(&process->responder);
    return 0;
}

static void deinit(struct process *process) {
    for (size_t i = 0; i < FAMILIES; i++)
        source_close(&process->ears[i].source);
    source_close(&process->interfaces);
    helper_end_close(&process->end);
    loop_deinit(&process->loop);
}

/* As in the observer, the signals that stop pronto are the master's. */
int announcer_run(const struct announcer *announcer, int channel) {
    (void)prctl(PR_SET_NAME, "pronto-announce");
    struct process process = {
        .loop = LOOP_INIT,
        .end.source.fd = -1,
        .ears = {{.source.fd = -1}, {.source.fd = -1}},
        .interfaces.fd = -1,
    };
    struct err err = ERR_INIT;
    int result = init(&process, announcer, channel, &err);
    if (result == 0) {
        /* It opens no file. */
        sandbox_close(&announcer->sandbox, SECCOMP_ANNOUNCER, NULL, 0, false);
        result = serve(&process, &err);
    }
    if (result < 0)
        diag_message("%s", err.text);
    deinit(&process);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
