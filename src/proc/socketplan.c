#include "proc/socketplan.h"

#include "base/check.h"

/* How far an address that is asked for may differ from one that is there. */
enum likeness { SAME, SAME_HOST, STANDARD_PORT };

/* "*" is bound as the IPv4 wildcard on a host without IPv6. */
static bool is_same_host(struct address asked, const struct address *there) {
    address_set_port(&asked, address_port(there));
    return address_equal(&asked, there) ||
           (asked.both_families && there->socket.any.sa_family == AF_INET &&
            address_is_wildcard(there));
}

static bool is_like(enum likeness likeness, const struct address *asked,
                    const struct address *there) {
    if (likeness == SAME || address_is_local(asked) || address_is_local(there))
        return address_equal(asked, there);
    if (!is_same_host(*asked, there))
        return false;
    return likeness == SAME_HOST ? address_port(asked) == 0
                                 : address_port(there) - SOCKETPLAN_PORT < SOCKETPLAN_PORTS &&
                                       address_port(there) >= SOCKETPLAN_PORT;
}

static bool is_taken(const struct socketplan *plan, size_t from) {
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].from == from)
            return true;
    }
    return false;
}

/* Gives the steps that have nothing yet what is like it. */
static void match(struct socketplan *plan, enum likeness likeness,
                  const struct socketplan_binding *there, size_t count) {
    for (size_t i = 0; i < plan->count; i++) {
        struct socketplan_step *step = &plan->steps[i];
        for (size_t j = 0; j < count && step->from == SOCKETPLAN_NONE; j++) {
            if (is_like(likeness, &step->address, &there[j].address) && !is_taken(plan, j))
                step->from = j;
        }
    }
}

static void add(struct socketplan *plan, const struct address *address, size_t from) {
    CHECK(plan->count < OPTIONS_ADDRESSES_MAX);
    plan->steps[plan->count++] = (struct socketplan_step){.address = *address, .from = from};
}

static void add_given(struct socketplan *plan, const struct socketplan_binding *there,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (there[i].kind == BINDING_GIVEN)
            add(plan, &there[i].address, i);
    }
}

struct address socketplan_standard(bool lan) {
    struct address address;
    struct err err = ERR_INIT;
    CHECK(address_parse(lan ? "*:0" : "127.0.0.1:0", &address, &err) == 0);
    address_set_port(&address, SOCKETPLAN_PORT);
    return address;
}

static bool overlaps(const struct address *address, const struct socketplan_binding *there,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (there[i].kind == BINDING_EACH &&
            address_port(address) == address_port(&there[i].address) &&
            (address_covers(address, &there[i].address.socket.any) ||
             address_covers(&there[i].address, &address->socket.any)))
            return true;
    }
    return false;
}

/* A step for a binding that is there: its sockets stay, and there are no fewer than workers. */
static void keep(struct socketplan_step *step, const struct socketplan_binding *there,
                 size_t workers) {
    step->address = there->address;
    step->kind = there->kind;
    step->kept = there->sockets;
    step->opened =
        there->kind == BINDING_EACH && workers > there->sockets ? workers - there->sockets : 0;
}

static void open_new(struct socketplan_step *step, size_t workers) {
    step->kind = address_is_local(&step->address) ? BINDING_SHARED : BINDING_EACH;
    step->opened = step->kind == BINDING_EACH ? workers : 1;
}

/* Nobody has asked for an address. */
static void add_any(struct socketplan *plan, bool lan, const struct socketplan_binding *there,
                    size_t count) {
    if (!lan)
        add_given(plan, there, count);
    if (plan->count > 0)
        return;
    struct address standard = socketplan_standard(lan);
    add(plan, &standard, SOCKETPLAN_NONE);
    match(plan, STANDARD_PORT, there, count);
    plan->standard = plan->steps[0].from == SOCKETPLAN_NONE;
}

void socketplan_make(struct socketplan *plan, const struct socketplan_wish *wish,
                     const struct socketplan_binding *there, size_t count) {
    *plan = (struct socketplan){.count = 0};
    for (size_t i = 0; i < wish->addresses->count; i++)
        add(plan, &wish->addresses->items[i], SOCKETPLAN_NONE);
    if (plan->count == 0 && wish->any)
        add_any(plan, wish->lan, there, count);
    match(plan, SAME, there, count);
    match(plan, SAME_HOST, there, count);
    for (size_t i = 0; i < plan->count; i++) {
        struct socketplan_step *step = &plan->steps[i];
        if (step->from != SOCKETPLAN_NONE)
            keep(step, &there[step->from], wish->workers);
        else
            open_new(step, wish->workers);
        step->beside = step->from == SOCKETPLAN_NONE && overlaps(&step->address, there, count);
    }
}
