#include "proc/listeners.h"

#include "base/ascii.h"
#include "base/check.h"
#include "sys/socket.h"
#include "sys/steering.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The letters of listeners_describe(). */
static const char letters[] = {
    [BINDING_EACH] = 'e',
    [BINDING_SHARED] = 's',
    [BINDING_GIVEN] = 'g',
};

/* Adds a binding without sockets, with room for `count`. */
static struct binding *add(struct listeners *listeners, const struct address *address,
                           enum binding_kind kind, size_t count) {
    CHECK(listeners->count < OPTIONS_ADDRESSES_MAX);
    struct binding *binding = &listeners->items[listeners->count];
    *binding = (struct binding){.address = *address, .kind = kind};
    binding->sockets = malloc(count * sizeof(int));
    if (binding->sockets == NULL)
        return NULL;
    listeners->count++;
    return binding;
}

/* Remembers the file of a local socket, to remove no other. */
static void note_file(struct binding *binding) {
    struct stat stat;
    const char *path = address_path(&binding->address);
    if (binding->kind != BINDING_SHARED || path == NULL || lstat(path, &stat) < 0)
        return;
    binding->device = stat.st_dev;
    binding->inode = stat.st_ino;
}

/* Opening */

static int take(struct binding *binding, int fd) {
    if (fd >= 0)
        binding->sockets[binding->count++] = fd;
    return fd < 0 ? fd : 0;
}

static int keep_sockets(struct binding *binding, const struct binding *before, size_t count,
                        struct err *err) {
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        int fd = fcntl(before->sockets[i], F_DUPFD_CLOEXEC, 0);
        result = fd < 0 ? err_set(err, errno, "cannot keep a socket: %s", strerror(errno))
                        : take(binding, fd);
    }
    return result;
}

/* Opens the first socket of an address; it reserves the address, and finds out the port. */
static int open_first(struct binding *binding, const struct socketplan_step *step,
                      const struct options *options, struct err *err) {
    if (step->kind == BINDING_SHARED)
        return take(binding, socket_listen_local(&binding->address, options->unix_mode, err));
    return take(binding,
                socket_listen(&binding->address, step->beside ? SOCKET_BESIDE : SOCKET_FIRST, err));
}

/* Nobody asked for the standard port, so any one near it will do. */
static int open_standard(struct listeners *listeners, struct binding *binding,
                         const struct socketplan_step *step, const struct options *options,
                         struct err *err) {
    int result = -EADDRINUSE;
    for (int i = 0; i < SOCKETPLAN_PORTS && result == -EADDRINUSE; i++) {
        binding->address = socketplan_standard(options->lan);
        address_set_port(&binding->address, (uint16_t)(SOCKETPLAN_PORT + i));
        result = open_first(binding, step, options, err);
        if (result == 0 && i > 0)
            listeners->taken_port = SOCKETPLAN_PORT;
    }
    return result;
}

/* The others of an address. Until there are workers for them, connections go to those that were
 * there; but one socket alone can't be told so before there is a second. */
static int open_others(struct binding *binding, size_t kept, size_t count, struct err *err) {
    int result = 0;
    while (result == 0 && binding->count < count) {
        if (kept > 0)
            (void)steering_spread(binding->sockets[0], kept);
        result = take(binding, socket_listen(&binding->address, SOCKET_BESIDE, err));
    }
    if (kept > 0 && count > kept)
        (void)steering_spread(binding->sockets[0], kept);
    return result;
}

/* Steers the connections to an address, where that fits. Where it can't be done, the kernel goes on
 * dealing them out, which is no error. With another number of workers, it is done when all are
 * there. */
static bool steer(const struct binding *binding, size_t workers) {
    struct steering_facts facts = {.address = binding->address, .workers = workers};
    int fd = binding->sockets[0];
    if (binding->kind != BINDING_EACH || steering_learn(&facts, fd) < 0 || !steering_fits(&facts))
        return false;
    return binding->is_resized || steering_attach(fd) == 0;
}

static int open_binding(struct listeners *listeners, const struct socketplan *plan,
                        const struct socketplan_step *step, const struct options *options,
                        const struct listeners *before, struct err *err) {
    size_t count = step->kept + step->opened;
    struct binding *binding = add(listeners, &step->address, step->kind, count);
    if (binding == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    int result = 0;
    binding->is_new = step->from == SOCKETPLAN_NONE;
    if (!binding->is_new) {
        const struct binding *from = &before->items[step->from];
        binding->is_resized =
            from->is_resized || count > listeners->workers || before->workers != listeners->workers;
        result = keep_sockets(binding, from, step->kept, err);
    } else if (plan->standard) {
        result = open_standard(listeners, binding, step, options, err);
    } else {
        result = open_first(binding, step, options, err);
    }
    if (result == 0)
        note_file(binding);
    if (result == 0 && step->kind == BINDING_EACH)
        result = open_others(binding, step->kept, count, err);
    if (result == 0)
        binding->is_steered = steer(binding, listeners->workers);
    listeners->is_steered |= binding->is_steered;
    return result;
}

static int open_all(struct listeners *listeners, const struct options *options,
                    const struct socketplan_wish *wish, const struct listeners *before,
                    struct err *err) {
    struct socketplan_binding there[OPTIONS_ADDRESSES_MAX];
    struct socketplan plan;
    int result = 0;
    for (size_t i = 0; i < before->count; i++)
        there[i] = (struct socketplan_binding){before->items[i].address, before->items[i].kind,
                                               before->items[i].count};
    socketplan_make(&plan, wish, there, before->count);
    *listeners = (struct listeners){.workers = wish->workers};
    for (size_t i = 0; i < plan.count && result == 0; i++)
        result = open_binding(listeners, &plan, &plan.steps[i], options, before, err);
    if (result < 0) {
        listeners_remove_new_files(listeners);
        listeners_deinit(listeners);
    }
    return result;
}

int listeners_open(struct listeners *listeners, const struct options *options, size_t workers,
                   const struct listeners *before, struct err *err) {
    const struct socketplan_wish wish = {
        .addresses = &options->listen, .workers = workers, .any = true, .lan = options->lan};
    return open_all(listeners, options, &wish, before, err);
}

int listeners_open_admin(struct listeners *listeners, const struct options *options,
                         const struct listeners *before, struct err *err) {
    const struct socketplan_wish wish = {.addresses = &options->admin, .workers = 1};
    return open_all(listeners, options, &wish, before, err);
}

/* Handing on */

static bool find_kind(char letter, enum binding_kind *kind) {
    for (size_t i = 0; i < sizeof letters; i++) {
        if (letters[i] == ascii_lower(letter)) {
            *kind = (enum binding_kind)i;
            return true;
        }
    }
    return false;
}

/* The binding that a socket belongs to, a new one or the last one: those of the workers follow each
 * other. There is room in it for `room` sockets. */
static struct binding *binding_for(struct listeners *listeners, const struct address *address,
                                   enum binding_kind kind, size_t room, struct err *err) {
    struct binding *last = listeners->count > 0 ? &listeners->items[listeners->count - 1] : NULL;
    if (last != NULL && kind == BINDING_EACH && last->kind == kind &&
        address_equal(&last->address, address))
        return last;
    if (listeners->count == OPTIONS_ADDRESSES_MAX) {
        (void)err_set(err, E2BIG, "more than %d sockets were passed", OPTIONS_ADDRESSES_MAX);
        return NULL;
    }
    last = add(listeners, address, kind, room);
    if (last == NULL)
        (void)err_set(err, ENOMEM, "not enough memory");
    return last;
}

int listeners_adopt(struct listeners *listeners, int first, size_t count, const char *kinds,
                    struct err *err) {
    int result = 0;
    *listeners = (struct listeners){.workers = 0};
    for (size_t i = 0; i < count && result == 0; i++) {
        struct address address;
        enum binding_kind kind = BINDING_GIVEN;
        int fd = first + (int)i;
        result = socket_adopt(fd, &address, err);
        if (result == 0 && kinds != NULL && !find_kind(kinds[i], &kind))
            result = err_set(err, EINVAL, "descriptor %d was passed as a '%c'", fd, kinds[i]);
        if (result < 0)
            break;
        struct binding *binding = binding_for(listeners, &address, kind, count - i, err);
        result = binding == NULL ? -E2BIG : take(binding, fd);
        if (result == 0)
            note_file(binding);
    }
    if (result < 0)
        listeners_deinit(listeners);
    return result;
}

size_t listeners_count(const struct listeners *listeners) {
    size_t count = 0;
    for (size_t i = 0; i < listeners->count; i++)
        count += listeners->items[i].count;
    return count;
}

void listeners_describe(const struct listeners *listeners, int *fds, char *kinds) {
    for (size_t i = 0; i < listeners->count; i++) {
        const struct binding *binding = &listeners->items[i];
        for (size_t j = 0; j < binding->count; j++) {
            *fds++ = binding->sockets[j];
            *kinds++ = letters[binding->kind];
        }
    }
    *kinds = '\0';
}

/* A socket that is alone needs none of it, and is refused. */
static void settle(const struct binding *binding, size_t workers) {
    if (binding->is_steered)
        (void)steering_attach(binding->sockets[0]);
    else if (binding->kind == BINDING_EACH)
        (void)steering_spread(binding->sockets[0], workers);
}

void listeners_settle(const struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].is_resized)
            settle(&listeners->items[i], listeners->workers);
    }
}

void listeners_regain(const struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++)
        settle(&listeners->items[i], listeners->workers);
}

static void spare(struct binding *binding, const bool *spared, size_t workers) {
    size_t numbers[STEERING_CHOICE_MAX];
    size_t count = 0;
    if (workers > STEERING_CHOICE_MAX)
        return;
    for (size_t i = 0; i < workers; i++) {
        if (!spared[i])
            numbers[count++] = i;
    }
    binding->is_resized = true; /* whoever settles it next has to say so */
    if (count == 0 || count == workers)
        settle(binding, workers);
    else
        (void)steering_choose(binding->sockets[0], numbers, count);
}

void listeners_spare(struct listeners *listeners, const bool *spared) {
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].kind == BINDING_EACH && listeners->workers > 1)
            spare(&listeners->items[i], spared, listeners->workers);
    }
}

/* Two descriptors of one socket have one inode (sockfs, socket(7)). */
static bool is_same_socket(int a, int b) {
    struct stat stats[2];
    return fstat(a, &stats[0]) == 0 && fstat(b, &stats[1]) == 0 &&
           stats[0].st_ino == stats[1].st_ino;
}

bool listeners_have(const struct listeners *listeners, const struct binding *binding,
                    size_t index) {
    for (size_t i = 0; i < listeners->count; i++) {
        const struct binding *own = &listeners->items[i];
        if (index < own->count && address_equal(&own->address, &binding->address) &&
            is_same_socket(own->sockets[index], binding->sockets[index]))
            return true;
    }
    return false;
}

static bool has_all(const struct listeners *listeners, const struct listeners *others) {
    for (size_t i = 0; i < others->count; i++) {
        for (size_t j = 0; j < others->items[i].count; j++) {
            if (!listeners_have(listeners, &others->items[i], j))
                return false;
        }
    }
    return true;
}

bool listeners_equal(const struct listeners *a, const struct listeners *b) {
    return has_all(a, b) && has_all(b, a);
}

/* The first of a binding's sockets that is a worker's; and the one behind another one of them. */
static size_t first_of(const struct binding *binding, size_t worker) {
    return binding->kind == BINDING_EACH ? worker : 0;
}

static size_t next_of(const struct binding *binding, size_t index, size_t workers) {
    return binding->kind == BINDING_EACH ? index + workers : binding->count;
}

size_t listeners_count_of(const struct listeners *listeners, size_t worker) {
    size_t count = 0;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct binding *binding = &listeners->items[i];
        for (size_t j = first_of(binding, worker); j < binding->count;
             j = next_of(binding, j, listeners->workers))
            count++;
    }
    return count;
}

void listeners_hand_over(struct listeners *listeners, size_t worker,
                         struct listeners_socket *sockets) {
    for (size_t i = 0; i < listeners->count; i++) {
        struct binding *binding = &listeners->items[i];
        for (size_t j = first_of(binding, worker); j < binding->count;
             j = next_of(binding, j, listeners->workers)) {
            *sockets++ = (struct listeners_socket){
                .fd = binding->sockets[j], .place = i, .shared = binding->kind != BINDING_EACH};
            binding->sockets[j] = -1;
        }
    }
    listeners_deinit(listeners);
}

_Static_assert(OPTIONS_ADDRESSES_MAX <= 32, "there is a bit for each");

uint32_t listeners_alone(const struct listeners *listeners, size_t worker,
                         const struct listeners *others) {
    uint32_t alone = 0;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct binding *binding = &listeners->items[i];
        for (size_t j = first_of(binding, worker); j < binding->count;
             j = next_of(binding, j, listeners->workers)) {
            if (others == NULL || !listeners_have(others, binding, j))
                alone |= UINT32_C(1) << i;
        }
    }
    return alone;
}

static void remove_file(const struct binding *binding) {
    const char *path = address_path(&binding->address);
    struct stat stat;
    if (lstat(path, &stat) == 0 && stat.st_dev == binding->device && stat.st_ino == binding->inode)
        (void)unlink(path);
}

void listeners_remove_files(const struct listeners *listeners, const struct listeners *others) {
    for (size_t i = 0; i < listeners->count; i++) {
        const struct binding *binding = &listeners->items[i];
        if (binding->inode != 0 && (others == NULL || !listeners_have(others, binding, 0)))
            remove_file(binding);
    }
}

void listeners_remove_new_files(const struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].is_new && listeners->items[i].inode != 0)
            remove_file(&listeners->items[i]);
    }
}

/* From the last one on: the kernel numbers those of an address as they came, and moves the last to
 * the place of one that is closed. */
static void close_sockets(const struct binding *binding) {
    for (size_t i = binding->count; i-- > 0;) {
        if (binding->sockets[i] >= 0)
            (void)close(binding->sockets[i]);
    }
}

void listeners_deinit(struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++) {
        close_sockets(&listeners->items[i]);
        free(listeners->items[i].sockets);
    }
    *listeners = (struct listeners){.count = 0};
}
