/* The sockets that a generation of workers listens on. Each generation has descriptors of its own
 * for them, so that generations share sockets, and none closes those of another. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "proc/socketplan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What listens at an address. Where workers have become fewer, those that are left have the sockets
 * of the others besides: to close one would break the connections that are on their way to it, of
 * which nobody knows but the kernel (a handshake that is not completed, a request that is waited
 * for by TCP_DEFER_ACCEPT). */
struct binding {
    struct address address; /* as it is bound: with its port */
    enum binding_kind kind;
    int *sockets;    /* `count` descriptors, those of worker i at i, i + the number of workers, and
                        so on; or a single one for all; owned */
    size_t count;    /* -1 among them: not open, or handed over */
    bool is_new;     /* it was not there before this generation */
    bool is_resized; /* it was, with another number of workers, or has more sockets than these, or
                        the kernel may know of a choice among them */
    bool is_steered; /* connections go to the worker of the CPU that received them */
    dev_t device;    /* of the file of a local socket of pronto's own; 0: there is none */
    ino_t inode;
};

/* All zero: none. */
struct listeners {
    struct binding items[OPTIONS_ADDRESSES_MAX];
    size_t count;
    size_t workers;
    uint16_t taken_port; /* the standard port, where it was taken and the next free one is used;
                            else 0 */
    bool is_steered;     /* some binding is: worker i belongs on CPU i */
};

/* Opens them for that many workers: sockets of `before` stay, with what is in their queues, as far
 * as the options still ask for their addresses (see socketplan.h). Sockets that are added to those
 * of an address get no connections before listeners_settle(). `before` is left as it is; where
 * nothing was open, it is all zero. Returns 0, or -errno and a message. */
int listeners_open(struct listeners *listeners, const struct options *options, size_t workers,
                   const struct listeners *before, struct err *err);

/* The same for --admin, of which each address has one socket, as for one worker. */
int listeners_open_admin(struct listeners *listeners, const struct options *options,
                         const struct listeners *before, struct err *err);

/* Takes over sockets that this process was given: `count` descriptors from `first` on, each of the
 * kind that the letter at its place in `kinds` stands for, small or capital (see
 * listeners_describe()); NULL: all are given ones. They are owned from then on. Returns 0, or
 * -errno and a message. */
int listeners_adopt(struct listeners *listeners, int first, size_t count, const char *kinds,
                    struct err *err);

/* Writes all descriptors, in the order in which they can be adopted again, and a letter for the
 * kind of each to `kinds`, which a NUL ends; there is room for listeners_count() of them. */
void listeners_describe(const struct listeners *listeners, int *fds, char *kinds);
size_t listeners_count(const struct listeners *listeners);

/* Gives new connections to the first sockets of each address, one for each worker, and to no others
 * that listen there: called when there are workers for all of them. */
void listeners_settle(const struct listeners *listeners);

/* Gives no new connections to the sockets of those workers that are to be spared, as long as there
 * are others; `spared` has an answer for each worker. Shared sockets need nothing. */
void listeners_spare(struct listeners *listeners, const bool *spared);

/* As listeners_settle(), after others have tried to take over, and may have settled already. */
void listeners_regain(const struct listeners *listeners);

/* Whether both have the same sockets, but for their order. */
bool listeners_equal(const struct listeners *a, const struct listeners *b);

/* Whether the socket number `index` of another generation's binding is among these. */
bool listeners_have(const struct listeners *listeners, const struct binding *binding, size_t index);

/* A socket that a worker accepts from. */
struct listeners_socket {
    int fd;
    size_t place; /* of its binding, in `items` */
    bool shared;  /* other workers accept from it, too */
};

/* How many sockets a worker has. */
size_t listeners_count_of(const struct listeners *listeners, size_t worker);

/* In a worker's process: moves its sockets, which are as many, to `sockets`, which owns the
 * descriptors from then on, and closes the others. */
void listeners_hand_over(struct listeners *listeners, size_t worker,
                         struct listeners_socket *sockets);

/* The bindings of which a worker has sockets that are not among those of another generation, a bit
 * for the place of each; all, where `others` is NULL. */
uint32_t listeners_alone(const struct listeners *listeners, size_t worker,
                         const struct listeners *others);

/* Removes the files of local sockets that are pronto's own, but for those that are among `others`
 * (NULL: none). A file that is another one by now stays. */
void listeners_remove_files(const struct listeners *listeners, const struct listeners *others);

/* Removes the files of those only that were not there before this generation. */
void listeners_remove_new_files(const struct listeners *listeners);

/* Idempotent. */
void listeners_deinit(struct listeners *listeners);
