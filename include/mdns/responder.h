/* A responder of multicast DNS (RFC 6762) for one zone: it finds a name that nobody has, announces
 * what has that name, answers those who ask, and takes its leave. It has no sockets, no clock and
 * no dice: packets and times are given to it, and it gives packets back. */
#pragma once

#include "mdns/link.h"
#include "mdns/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum responder_phase {
    RESPONDER_IDLE,       /* there is no link */
    RESPONDER_PROBING,    /* asks whether anyone has the name (RFC 6762 §8.1) */
    RESPONDER_ANNOUNCING, /* has the name, and says so (§8.3) */
    RESPONDER_SETTLED,
    RESPONDER_STOPPED,
};

enum { RESPONDER_NAME_MAX = DOMAIN_LABEL_MAX };

/* A packet that is sent. */
struct responder_packet {
    unsigned link;  /* the interface */
    uint8_t ip_len; /* IP_V4_LEN or IP_V6_LEN: by which protocol */
    struct ip to;   /* .len 0: the group of all who speak multicast DNS by that protocol */
    uint16_t port;
    struct slice bytes; /* borrowed for the call */
};

/* What it does on a link. */
struct responder_link {
    uint32_t answers;                  /* to be sent to all: a bit for each place in the zone */
    int64_t answer_at_ms;              /* when, where there are any */
    bool in_defence;                   /* somebody wants the name, and must hear of it soon */
    struct ip asker;                   /* who they are for */
    bool for_several;                  /* they are for others, too */
    int64_t said_ms[ZONE_RECORDS_MAX]; /* when all were told of each the last time */
};

/* What it cannot do itself. */
struct responder_ways {
    void (*send)(void *context, const struct responder_packet *packet);
    int64_t (*choose)(void *context, int64_t min, int64_t max); /* any number from min to max */
};

struct responder {
    struct zone zone;
    struct links links;
    struct responder_link states[LINKS_MAX]; /* of the link at the same place */
    struct links announced;        /* as they were when the name was announced on them; none, where
                                      somebody has claimed it since */
    char wish[RESPONDER_NAME_MAX]; /* the name that it would have */
    size_t wish_len;
    char name[RESPONDER_NAME_MAX]; /* that it has, or is trying */
    size_t name_len;
    unsigned number; /* behind the name, from 2 on; 1: none */
    uint16_t port;
    enum responder_phase phase;
    unsigned steps;      /* probes or announcements that were sent in this phase */
    int64_t due_ms;      /* when the next is; INT64_MAX: never */
    unsigned conflicts;  /* in a row */
    int64_t conflict_ms; /* when the last one was */
    struct responder_ways ways;
    void *context;
};

/* For a server on that port; `name` is a label, with room for a number behind it. `context` is
 * given to the ways, which are copied. Times are in milliseconds, on a clock that never runs
 * backwards. */
void responder_init(struct responder *responder, struct slice name, uint16_t port,
                    const struct responder_ways *ways, void *context);

/* The links are these from now on, which are copied; where they have changed, whether the name is
 * still its own is asked again (RFC 6762 §8). */
void responder_set_links(struct responder *responder, const struct links *links, int64_t now_ms);

/* A packet was received. What is no message, or from who is not on the link, is ignored. */
void responder_receive(struct responder *responder, const struct link_sender *sender,
                       struct slice bytes, int64_t now_ms);

/* Sends what is due. */
void responder_tick(struct responder *responder, int64_t now_ms);

/* How long until something is, or negative: not before something is received. */
int64_t responder_wait_ms(const struct responder *responder, int64_t now_ms);

/* Tells everybody that what was announced is no more, and is silent from then on. Idempotent. */
void responder_stop(struct responder *responder);
