/* Messages of multicast DNS: the format of DNS (RFC 1035 §4), in which the top bits of classes have
 * a meaning of their own (RFC 6762 §18). */
#pragma once

#include "base/buf.h"
#include "mdns/domain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MESSAGE_PORT = 5353,
    MESSAGE_HEAD_LEN = 12,
    /* What fits into a packet of Ethernet, with the heads of IPv6 and UDP (RFC 6762 §17); others
     * may send more. In bytes. */
    MESSAGE_MAX = 1452,
    MESSAGE_RECEIVED_MAX = 9000,
};

/* Flags (RFC 1035 §4.1.1). */
enum {
    MESSAGE_RESPONSE = 0x8000,
    MESSAGE_OPCODE = 0x7800,
    MESSAGE_AUTHORITATIVE = 0x0400,
    MESSAGE_TRUNCATED = 0x0200,
    MESSAGE_RCODE = 0x000f,
};

enum record_type {
    RECORD_A = 1,
    RECORD_PTR = 12,
    RECORD_TXT = 16,
    RECORD_AAAA = 28,
    RECORD_SRV = 33,
    RECORD_NSEC = 47,
    RECORD_ANY = 255, /* in questions */
};

enum { RECORD_IN = 1, RECORD_CLASS_ANY = 255 };

/* How many bytes of priority, weight and port come before the target of an SRV (RFC 2782). */
enum { RECORD_SRV_LEAD = 6 };

enum message_section { MESSAGE_QUESTIONS, MESSAGE_ANSWERS, MESSAGE_AUTHORITY, MESSAGE_ADDITIONAL };
enum { MESSAGE_SECTIONS = 4 };

struct question {
    const struct domain *name;
    uint16_t type;
    uint16_t class; /* without its top bit */
    bool unicast;   /* that bit: an answer may come by unicast (RFC 6762 §5.4) */
};

struct record {
    const struct domain *name;
    uint16_t type;
    uint16_t class; /* without its top bit */
    bool flush;     /* that bit: all of its kind are in this message (RFC 6762 §10.2) */
    uint32_t ttl_s;
    struct slice data; /* in which names are whole */
};

/* Whether they say the same, however long it holds. */
bool record_equal(const struct record *a, const struct record *b);

/* The order that decides between two who want a name: by class, type and data (RFC 6762 §8.2).
 * Negative, 0 or positive, as of memcmp(3). */
int record_compare(const struct record *a, const struct record *b);

/* Whether the question asks for a record of that name, type and class. */
bool question_matches(const struct question *question, const struct record *record);

/* A message that is read, from its start to its end. */
struct message {
    struct slice bytes; /* borrowed */
    size_t at;
    uint16_t id;
    uint16_t flags;
    uint16_t left[MESSAGE_SECTIONS];             /* how many of each are still to be read */
    struct domain name;                          /* of what was read last */
    char data[RECORD_SRV_LEAD + DOMAIN_MAX + 1]; /* the same, where names in it were made whole */
};

/* Reads the head. Returns false where there is none. */
bool message_open(struct message *message, struct slice bytes);

/* Reads the next question, or the next record and which section it is in, once there are no more
 * questions. What they point to is borrowed until the next call. Return 1, 0 at the end, or -1 for
 * what is no message from there on. */
int message_next_question(struct message *message, struct question *question);
int message_next_record(struct message *message, struct record *record,
                        enum message_section *section);

/* A message that is written. */
struct draft {
    struct buf buf;
    uint16_t counts[MESSAGE_SECTIONS];
    uint16_t names[24]; /* where labels of names are, which others may end with */
    size_t name_count;
    bool plain_targets; /* those of SRV are not compressed (RFC 6762 §18.14) */
};

/* Writes the head to `memory`, which has MESSAGE_MAX bytes and is borrowed until
 * draft_finish(). */
void draft_start(struct draft *draft, char memory[MESSAGE_MAX], uint16_t id, uint16_t flags);

/* Add what belongs to a section, and to none before that of the last one. Where there is no room,
 * nothing more is added. */
void draft_put_question(struct draft *draft, const struct question *question);
void draft_put_record(struct draft *draft, enum message_section section,
                      const struct record *record);

/* The message as it is sent; empty where nothing was put into it. */
struct slice draft_finish(struct draft *draft);
