/* Sockets that listen (tcp(7), ip(7), ipv6(7), unix(7)). */
#pragma once

#include "base/err.h"
#include "conf/address.h"
#include "sys/peer.h"

#include <sys/types.h>

enum socket_place {
    SOCKET_FIRST,  /* must have the address for itself */
    SOCKET_BESIDE, /* shares it with a SOCKET_FIRST of this process's */
};

/* Opens a non-blocking TCP socket that listens on `address`; the kernel spreads connections over
 * all sockets that share one (SO_REUSEPORT). Connections are held back until their first bytes are
 * there (TCP_DEFER_ACCEPT), and those accepted from it have TCP_NODELAY. For SOCKET_FIRST, a port
 * of 0 in `address` is replaced by the one the kernel chose, and "*" by the IPv4 wildcard on a host
 * without IPv6. Returns the descriptor, owned by the caller, or -errno and a message. */
int socket_listen(struct address *address, enum socket_place place, struct err *err);

/* The same for a local address, whose file gets `mode`, whatever the umask. A file that is left
 * over from a process that is gone, on which connect(2) is refused, is replaced; any other stays,
 * and is -EADDRINUSE. */
int socket_listen_local(const struct address *address, mode_t mode, struct err *err);

/* Takes over a socket that another process has opened: fails unless it is a stream socket that
 * listens, on TCP or a local address; makes it as the others are; and writes its address. It stays
 * the caller's. Returns 0, or -errno and a message that names the descriptor. */
int socket_adopt(int fd, struct address *address, struct err *err);

/* Bytes that have been sent but not acknowledged by the other side (SIOCOUTQ, tcp(7)). */
size_t socket_unacked_bytes(int fd);

/* Lets close(2) reset the connection, and free what its other side has not taken: the kernel would
 * go on sending that, at a pace that is up to the other side (SO_LINGER, socket(7)). */
void socket_forget_unsent(int fd);

/* Bounds what is sent per second on each connection that is accepted from `fd`; 0: no bound any
 * more. TCP paces it in the kernel (SO_MAX_PACING_RATE, socket(7)); on other sockets it does
 * nothing. Returns 0 or -errno. */
int socket_limit_rate(int fd, uint64_t bytes_per_s);

/* The accept queue of a socket that listens. */
struct socket_queue {
    uint32_t length; /* connections that wait in it */
    uint32_t limit;  /* that fit */
};

/* Looks at it (TCP_INFO, tcp(7): tcpi_unacked and tcpi_sacked of such a socket). Returns 0 or
 * -errno; of a socket that is not TCP's there is nothing to know, -EOPNOTSUPP. */
int socket_look_at_queue(int fd, struct socket_queue *queue);

/* Whether the socket's own address is reached from this machine alone, unless the operator has
 * packets redirected to it; false, too, where that cannot be known. */
bool socket_is_loopback(int fd);

/* Accepts a connection as a non-blocking socket, and says who it is from, unless `peer` is NULL.
 * Returns its descriptor, owned by the caller, or -errno (accept4(2)). */
int socket_accept(int fd, struct peer *peer);
