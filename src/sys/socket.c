#include "sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds that a connection without a byte is held back; it is handed over then all the same, so
 * that its deadline can start. */
enum { DEFER_ACCEPT_S = 1 };

static int set(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* SO_REUSEPORT would let a second pronto of the same user bind the same address unnoticed. So the
 * first socket is bound without it and listens, which fails if anyone else does there, and has it
 * set only then, which lets the others join. */
static int bind_in_place(int fd, const struct address *address, enum socket_place place) {
    int result = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && address->socket.any.sa_family == AF_INET6)
        result = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, address->both_families ? 0 : 1);
    if (result == 0 && place == SOCKET_BESIDE)
        result = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && bind(fd, &address->socket.any, address_len(address)) < 0)
        result = -errno;
    return result;
}

/* The kernel lowers the backlog to net.core.somaxconn. */
enum { BACKLOG = 65535 };

static int set_tcp_options(int fd) {
    int result = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return result == 0 ? set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S) : result;
}

static int start_listening(int fd) {
    int result = set_tcp_options(fd);
    if (result == 0 && listen(fd, BACKLOG) < 0)
        result = -errno;
    return result;
}

/* The address of the socket itself; what getsockname(2) does not tell stays as it is. */
static int look_up_own(int fd, struct address *address) {
    socklen_t len = sizeof address->socket;
    return getsockname(fd, &address->socket.any, &len) < 0 ? -errno : 0;
}

static int learn_port(int fd, struct address *address) {
    struct address bound = *address;
    int result = look_up_own(fd, &bound);
    if (result == 0)
        address_set_port(address, address_port(&bound));
    return result;
}

static int open_socket(struct address *address, enum socket_place place) {
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = bind_in_place(fd, address, place);
    if (result == 0)
        result = start_listening(fd);
    if (result == 0 && place == SOCKET_FIRST)
        result = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && place == SOCKET_FIRST)
        result = learn_port(fd, address);
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    return fd;
}

/* The same for a local address. */
static const char *local_advice(const struct address *address, int errnum) {
    struct stat stat;
    const char *path = address_path(address);
    switch (errnum) {
    case EADDRINUSE:
        if (path != NULL && lstat(path, &stat) == 0 && !S_ISSOCK(stat.st_mode))
            return " (that file is no socket; remove it, or give another path)";
        return " (something listens there already)";
    case ENOENT:
        return " (its directory is not there)";
    case EACCES:
        return " (the user that runs pronto must be allowed to write to its directory)";
    default:
        return "";
    }
}

/* What would help against `errnum`, as the end of a sentence. */
static const char *advice(int errnum) {
    switch (errnum) {
    case EADDRINUSE:
        return " (something listens there already; try another port, or 0 for any free one)";
    case EACCES:
        return " (ports below 1024 need root; try --listen 8080)";
    case EADDRNOTAVAIL:
        return " (no interface has that address; try 127.0.0.1, or * for all)";
    case EAFNOSUPPORT:
        return " (this machine has no such address family)";
    default:
        return "";
    }
}

int socket_listen(struct address *address, enum socket_place place, struct err *err) {
    char text[ADDRESS_TEXT_MAX];
    int fd = open_socket(address, place);
    if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && address->both_families) {
        uint16_t port = address_port(address);
        *address = (struct address){.socket.v4.sin_family = AF_INET};
        address_set_port(address, port);
        fd = open_socket(address, place);
    }
    if (fd >= 0)
        return fd;
    address_format(address, text);
    return err_set(err, -fd, "cannot listen on %s: %s%s", text, strerror(-fd), advice(-fd));
}

/* Local sockets */

/* Whether nobody listens on a socket's file any more. */
static bool is_left_over(const struct address *address) {
    struct stat stat;
    const char *path = address_path(address);
    if (path == NULL || lstat(path, &stat) < 0 || !S_ISSOCK(stat.st_mode))
        return false;
    /* Where the queue of somebody who listens is full, it does not wait. */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, &address->socket.any, address_len(address)) < 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        (void)close(fd);
    return refused;
}

/* bind(2) makes the file, and the umask decides its mode: so nobody can connect who may not, not
 * even for a moment. */
static int bind_local(int fd, const struct address *address, mode_t mode) {
    mode_t before = umask(~mode & 0777);
    int result = bind(fd, &address->socket.any, address_len(address)) < 0 ? -errno : 0;
    (void)umask(before);
    return result;
}

static int open_local(const struct address *address, mode_t mode) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = bind_local(fd, address, mode);
    if (result == -EADDRINUSE && is_left_over(address)) {
        (void)unlink(address_path(address));
        result = bind_local(fd, address, mode);
    }
    if (result == 0 && listen(fd, BACKLOG) < 0)
        result = -errno;
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    return fd;
}

int socket_listen_local(const struct address *address, mode_t mode, struct err *err) {
    char text[ADDRESS_TEXT_MAX];
    int fd = open_local(address, mode);
    if (fd >= 0)
        return fd;
    address_format(address, text);
    return err_set(err, -fd, "cannot listen on %s: %s%s", text, strerror(-fd),
                   local_advice(address, -fd));
}

/* Sockets of others */

static int get(int fd, int level, int name, int *value) {
    socklen_t len = sizeof *value;
    return getsockopt(fd, level, name, value, &len) < 0 ? -errno : 0;
}

/* Whether it is a stream socket that listens, and on what. */
static int learn_address(int fd, struct address *address) {
    int type = 0;
    int listens = 0;
    int v6_only = 1;
    *address = (struct address){0};
    int result = get(fd, SOL_SOCKET, SO_TYPE, &type);
    if (result == 0)
        result = get(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens);
    if (result == 0 && (type != SOCK_STREAM || listens == 0))
        result = -EINVAL;
    if (result == 0)
        result = look_up_own(fd, address);
    switch (result == 0 ? address->socket.any.sa_family : AF_UNSPEC) {
    case AF_INET6:
        result = get(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only);
        address->both_families = v6_only == 0 && address_is_wildcard(address);
        return result;
    case AF_INET:
    case AF_UNIX:
        return 0;
    default:
        return result < 0 ? result : -EAFNOSUPPORT;
    }
}

int socket_adopt(int fd, struct address *address, struct err *err) {
    int result = learn_address(fd, address);
    if (result < 0)
        return err_set(err, -result,
                       "descriptor %d, which was passed (LISTEN_FDS), is no stream socket that "
                       "listens: %s",
                       fd, strerror(-result));
    if (!address_is_local(address))
        result = set_tcp_options(fd);
    int flags = fcntl(fd, F_GETFL);
    if (result == 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
                        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0))
        result = -errno;
    return result < 0
               ? err_set(err, -result, "cannot listen on descriptor %d, which was passed: %s", fd,
                         strerror(-result))
               : 0;
}

size_t socket_unacked_bytes(int fd) {
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void socket_forget_unsent(int fd) {
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int socket_limit_rate(int fd, uint64_t bytes_per_s) {
    unsigned long rate = ~0ul; /* what stands for none */
    if (bytes_per_s > 0 && bytes_per_s < rate)
        rate = (unsigned long)bytes_per_s;
    return setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate) < 0 ? -errno : 0;
}

int socket_look_at_queue(int fd, struct socket_queue *queue) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -errno;
    *queue = (struct socket_queue){.length = info.tcpi_unacked, .limit = info.tcpi_sacked};
    return 0;
}

bool socket_is_loopback(int fd) {
    struct address own = {.both_families = false};
    return look_up_own(fd, &own) == 0 && address_is_loopback(&own);
}

static int accept_any(int fd, struct sockaddr *address, socklen_t *len) {
    int accepted = accept4(fd, address, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepted < 0 ? -errno : accepted;
}

int socket_accept(int fd, struct peer *peer) {
    /* Room for the families that have a peer; others are cut, and unix(7) is of any length. */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof address;
    if (peer == NULL) /* the kernel has less to do */
        return accept_any(fd, NULL, NULL);
    address.any.sa_family = AF_UNSPEC;
    int accepted = accept_any(fd, &address.any, &len);
    *peer = peer_of_address(&address.any);
    return accepted;
}
