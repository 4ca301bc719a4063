/* Steering: a connection goes to the worker of the CPU that received it, so that what the kernel
 * and the worker do for it is done on one CPU. Without it, the kernel deals connections out by a
 * hash of their addresses. */
#pragma once

#include "conf/address.h"

#include <ifaddrs.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* What speaks for steering the connections to an address, or against it. */
struct steering_facts {
    struct address address;
    size_t workers;    /* that share it */
    cpu_set_t cpus;    /* that this process may use */
    size_t interfaces; /* through which such connections come from outside */
    size_t queues_min; /* receive queues of the one with the fewest; 0: there is none */
};

/* Takes an address of an interface (getifaddrs(3)) into account, which packets reach through that
 * many receive queues. Interfaces that are down, loopback ones, and other addresses say nothing. */
void steering_count(struct steering_facts *facts, const struct ifaddrs *interface, size_t queues);

/* Fills in what is not known from `address` and `workers`; `fd` is any socket. Returns 0 or
 * -errno. */
int steering_learn(struct steering_facts *facts, int fd);

/* Whether each worker can have a CPU, and packets come to all of these CPUs. Elsewhere, steering
 * would leave workers without connections: all of a card with one queue arrive on one CPU. */
bool steering_fits(const struct steering_facts *facts);

/* Has the kernel give a connection that CPU i received to the i-th socket of those that share an
 * address, in the order in which they began to listen; `fd` is one of them. The hash goes on to
 * decide on CPUs without a socket, and for clients on this machine: the CPU that receives from them
 * is the client's, and all connections of a proxy in front could come from one. There must be two
 * sockets; one alone is no group, -EINVAL. Returns 0 or -errno (SO_ATTACH_REUSEPORT_CBPF,
 * socket(7)). */
int steering_attach(int fd);

/* Has the kernel give connections to the first `count` of those sockets only, each as often as the
 * others; otherwise the same. What is in the queues of the others stays there. */
int steering_spread(int fd, size_t count);

enum { STEERING_CHOICE_MAX = 256 };

/* The same with those of the sockets whose numbers, from 0 on, are given: at most
 * STEERING_CHOICE_MAX. */
int steering_choose(int fd, const size_t *numbers, size_t count);

/* Keeps the calling process on a CPU. Returns 0 or -errno (sched_setaffinity(2)). */
int steering_bind(size_t cpu);
