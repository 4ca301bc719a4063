/* Domain names, as they are in messages: labels, each behind a byte with its length, and an empty
 * one at the end (RFC 1035 §3.1). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 1035 §2.3.4, in bytes. */
enum { DOMAIN_MAX = 255, DOMAIN_LABEL_MAX = 63 };

/* What begins a pointer to the rest of a name that is in the message already (RFC 1035 §4.1.4). */
enum { DOMAIN_POINTER = 0xc0 };

struct domain {
    uint8_t len; /* with the empty label */
    char bytes[DOMAIN_MAX];
};

/* The name that `text` writes with dots between its labels, all of which are short enough, as
 * "_http._tcp.local". */
struct domain domain_of_text(struct slice text);

/* The name that has one more label before those of `parent`, for which there is room. */
struct domain domain_beneath(struct slice label, const struct domain *parent);

/* Reads the name at `*at` of a message, and moves `*at` behind it. Pointers lead ever further
 * towards the start, so that none makes a loop. Returns false, and leaves `*at` alone, for what is
 * no name, or reaches beyond the message. */
bool domain_read(struct slice message, size_t *at, struct domain *domain);

/* Without regard to the case of ASCII letters (RFC 6762 §16). */
bool domain_equal(const struct domain *a, const struct domain *b);

static inline struct slice domain_slice(const struct domain *domain) {
    return slice_of(domain->bytes, domain->len);
}
