#include "mdns/domain.h"

#include "base/check.h"

/* Appends a label, or the empty one; returns false where the name would be too long. */
static bool add_label(struct domain *domain, struct slice label) {
    if (label.len > DOMAIN_LABEL_MAX || domain->len + 1 + label.len > DOMAIN_MAX)
        return false;
    domain->bytes[domain->len] = (char)label.len;
    if (label.len > 0)
        memcpy(domain->bytes + domain->len + 1, label.ptr, label.len);
    domain->len = (uint8_t)(domain->len + 1 + label.len);
    return true;
}

struct domain domain_of_text(struct slice text) {
    struct domain domain = {.len = 0};
    struct slice label;
    while (slice_cut(&text, '.', &label))
        CHECK(label.len > 0 && add_label(&domain, label));
    CHECK(add_label(&domain, SLICE("")));
    return domain;
}

struct domain domain_beneath(struct slice label, const struct domain *parent) {
    struct domain domain = {.len = 0};
    CHECK(add_label(&domain, label) && domain.len + parent->len <= DOMAIN_MAX);
    memcpy(domain.bytes + domain.len, parent->bytes, parent->len);
    domain.len = (uint8_t)(domain.len + parent->len);
    return domain;
}

/* Where the name goes on, which lies before `limit`; returns false where the message ends, or the
 * pointer leads elsewhere. */
static bool follow(struct slice message, size_t *at, size_t limit) {
    if (*at + 1 >= message.len)
        return false;
    size_t target = ((size_t)(uint8_t)message.ptr[*at] & ~(size_t)DOMAIN_POINTER) << 8 |
                    (uint8_t)message.ptr[*at + 1];
    *at = target;
    return target < limit;
}

/* Takes a label; returns false where there is none. */
static bool take_label(struct slice message, size_t *at, struct domain *domain) {
    size_t len = (uint8_t)message.ptr[*at];
    if (len >= message.len - *at || !add_label(domain, slice_of(message.ptr + *at + 1, len)))
        return false;
    *at += 1 + len;
    return true;
}

bool domain_read(struct slice message, size_t *at, struct domain *domain) {
    size_t here = *at;
    size_t limit = here; /* the next pointer leads before that */
    size_t end = 0;      /* behind the first one */
    domain->len = 0;
    while (here < message.len) {
        uint8_t head = (uint8_t)message.ptr[here];
        if (head >= DOMAIN_POINTER) {
            end = end > 0 ? end : here + 2;
            if (!follow(message, &here, limit))
                return false;
            limit = here;
            continue;
        }
        if (!take_label(message, &here, domain))
            return false;
        if (head == 0) {
            *at = end > 0 ? end : here;
            return true;
        }
    }
    return false;
}

bool domain_equal(const struct domain *a, const struct domain *b) {
    return slice_equal_nocase(domain_slice(a), domain_slice(b));
}
