#include "proc/listeners.h"

#include "sys/socket.h"
#include "sys/steering.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { STANDARD_PORT = 8080, PORTS_TRIED = 100 };

/* Opens the first socket of an address; it reserves the address, and finds out the port. */
static int open_first(struct listeners *listeners, size_t index, struct err *err) {
    int fd = socket_listen(&listeners->addresses.items[index], SOCKET_FIRST, err);
    if (fd < 0)
        return fd;
    listeners->sockets[index] = fd;
    return 0;
}

/* Nobody asked for the standard port, so any one near it will do. */
static int open_standard(struct listeners *listeners, bool lan, struct err *err) {
    struct address *address = &listeners->addresses.items[0];
    int result = -EADDRINUSE;
    listeners->addresses.count = 1;
    for (int i = 0; i < PORTS_TRIED && result == -EADDRINUSE; i++) {
        result = address_parse(lan ? "*:0" : "127.0.0.1:0", address, err);
        address_set_port(address, (uint16_t)(STANDARD_PORT + i));
        if (result == 0)
            result = open_first(listeners, 0, err);
        if (result == 0 && i > 0)
            listeners->taken_port = STANDARD_PORT;
    }
    return result;
}

static int open_given(struct listeners *listeners, const struct options *options, struct err *err) {
    int result = 0;
    listeners->addresses = options->listen;
    for (size_t i = 0; i < listeners->addresses.count && result == 0; i++)
        result = open_first(listeners, i, err);
    return result;
}

static int open_others(struct listeners *listeners, struct err *err) {
    size_t count = listeners->addresses.count;
    for (size_t i = count; i < listeners->workers * count; i++) {
        struct address *address = &listeners->addresses.items[i % count];
        listeners->sockets[i] = socket_listen(address, SOCKET_BESIDE, err);
        if (listeners->sockets[i] < 0)
            return listeners->sockets[i];
    }
    return 0;
}

/* Steers the connections to an address, where that fits. Where it can't be done, the kernel goes on
 * dealing them out, which is no error. */
static bool steer(const struct listeners *listeners, size_t index) {
    struct steering_facts facts = {
        .address = listeners->addresses.items[index],
        .workers = listeners->workers,
    };
    int fd = listeners->sockets[index];
    return steering_learn(&facts, fd) == 0 && steering_fits(&facts) && steering_attach(fd) == 0;
}

int listeners_open(struct listeners *listeners, const struct options *options, size_t workers,
                   struct err *err) {
    const size_t room = workers * OPTIONS_ADDRESSES_MAX;
    *listeners = (struct listeners){.workers = workers, .sockets = malloc(room * sizeof(int))};
    if (listeners->sockets == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    for (size_t i = 0; i < room; i++)
        listeners->sockets[i] = -1;
    int result = options->listen.count > 0 ? open_given(listeners, options, err)
                                           : open_standard(listeners, options->lan, err);
    if (result == 0)
        result = open_others(listeners, err);
    if (result < 0)
        listeners_deinit(listeners);
    for (size_t i = 0; i < listeners->addresses.count && result == 0; i++)
        listeners->steered |= steer(listeners, i);
    return result;
}

void listeners_hand_over(struct listeners *listeners, size_t worker,
                         int sockets[OPTIONS_ADDRESSES_MAX]) {
    size_t count = listeners->addresses.count;
    int *own = listeners->sockets + worker * count;
    for (size_t i = 0; i < count; i++) {
        sockets[i] = own[i];
        own[i] = -1;
    }
    listeners_deinit(listeners);
}

void listeners_deinit(struct listeners *listeners) {
    if (listeners->sockets == NULL)
        return;
    for (size_t i = 0; i < listeners->workers * listeners->addresses.count; i++) {
        if (listeners->sockets[i] >= 0)
            (void)close(listeners->sockets[i]);
    }
    free(listeners->sockets);
    listeners->sockets = NULL;
}
