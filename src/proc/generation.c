/* Master and worker hold the ends of a channel. The worker says through it what it has come to, and
 * the master that it is to retire. Otherwise the worker only waits for the end of it, which comes
 * when the master is gone, however it went: no worker outlives its master. */
#include "proc/generation.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/worker.h"
#include "serve/accesslog.h"
#include "sys/channel.h"
#include "sys/memory.h"
#include "sys/steering.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* A worker that dies sooner than this after its start is not replaced at once, but after a
       delay that doubles. */
    STABLE_MS = 1000,
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 5000,
    /* From this delay on, it has died so often that its connections are others' to serve. */
    SPARED_DELAY_MS = 4 * DELAY_MIN_MS,
};

/* The CPUs this process may use. */
static size_t count_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than fit into the set */
    return online > 0 ? (size_t)online : 1;
}

/* A page and those who are told of changes must meet in one process: each notices what was asked of
 * itself. */
static size_t choose_workers(const struct options *options) {
    if (options->live)
        return 1;
    return options->workers > 0 ? (size_t)options->workers : count_cpus();
}

/* Works out what the operator has left to pronto. */
static void complete(struct options *options, size_t workers) {
    if (options->cache_size == OPTION_AUTO)
        options->cache_size = setup_cache_size(memory_usable(), workers);
}

struct generation *generation_new(struct setup *setup, const struct listeners *before,
                                  int64_t now_ms, struct err *err) {
    size_t workers = choose_workers(&setup->options);
    struct generation *generation = calloc(1, sizeof *generation);
    struct slot *slots = calloc(workers, sizeof *slots);
    if (generation == NULL || slots == NULL) {
        (void)err_set(err, ENOMEM, "not enough memory");
        free(generation);
        free(slots);
        setup_free(setup);
        return NULL;
    }
    *generation = (struct generation){
        .setup = setup,
        .slots = slots,
        .workers = workers,
        .log_fd = -1,
        .deadline_ms = now_ms + setup->options.ready_timeout,
    };
    complete(&setup->options, workers);
    list_init(&generation->place);
    for (size_t i = 0; i < workers; i++)
        slots[i].channel.fd = -1;
    if (accesslog_open(&setup->options, &generation->log_fd, err) == 0 &&
        listeners_open(&generation->listeners, &setup->options, workers, before, err) == 0)
        return generation;
    generation_free(generation);
    return NULL;
}

void generation_free(struct generation *generation) {
    if (generation == NULL)
        return;
    for (size_t i = 0; i < generation->workers; i++)
        source_close(&generation->slots[i].channel);
    listeners_deinit(&generation->listeners);
    if (generation->log_fd >= 0)
        (void)close(generation->log_fd);
    setup_free(generation->setup);
    free(generation->slots);
    free(generation);
}

/* Workers */

static void on_channel(struct source *source) {
    struct slot *slot = list_entry(source, struct slot, channel);
    char word = 0;
    ssize_t len;
    source->ready = 0;
    while ((len = read(source->fd, &word, 1)) == 1 || (len < 0 && errno == EINTR)) {
        slot->ready |= len == 1 && word == WORKER_READY;
        slot->retired |= len == 1 && word == WORKER_RETIRED;
    }
}

ssize_t generation_due(const struct generation *generation, int64_t now_ms) {
    if (generation->phase == GENERATION_DRAINING)
        return -1;
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].pid == 0 && generation->slots[i].start_at_ms <= now_ms)
            return (ssize_t)i;
    }
    return -1;
}

/* Replaces the worker of a slot after a delay. */
static void schedule_start(struct slot *slot, int64_t now_ms) {
    bool stable = now_ms - slot->started_ms >= STABLE_MS;
    if (stable)
        slot->delay_ms = 0;
    else if (slot->delay_ms == 0)
        slot->delay_ms = DELAY_MIN_MS;
    else
        slot->delay_ms = slot->delay_ms * 2 < DELAY_MAX_MS ? slot->delay_ms * 2 : DELAY_MAX_MS;
    slot->start_at_ms = now_ms + slot->delay_ms;
}

/* In the master: takes care of a worker that was forked, or was not. */
static pid_t keep_worker(struct slot *slot, pid_t pid, int end, struct loop *loop) {
    int result = pid < 0 ? -errno : 0;
    slot->started_ms = loop->now_ms;
    slot->ready = false;
    slot->retired = false;
    source_init(&slot->channel, end, on_channel);
    if (result == 0)
        result = loop_add(loop, &slot->channel, EPOLLIN);
    if (result < 0)
        source_close(&slot->channel); /* a worker that was forked sees the end of it */
    slot->pid = pid < 0 ? 0 : pid;
    if (pid < 0)
        schedule_start(slot, loop->now_ms);
    return result < 0 ? result : pid;
}

pid_t generation_spawn(struct generation *generation, size_t index, struct metrics *metrics,
                       struct loop *loop, int *channel) {
    int ends[2];
    struct slot *slot = &generation->slots[index];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        int error = errno;
        slot->started_ms = loop->now_ms;
        schedule_start(slot, loop->now_ms);
        return -error;
    }
    slot->counted = metrics_worker_starts(metrics, index);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        *channel = ends[1];
        return 0;
    }
    if (pid < 0)
        metrics_worker_ended(metrics, slot->counted, false);
    pid_t result = keep_worker(slot, pid, ends[0], loop);
    (void)close(ends[1]);
    return result;
}

/* Takes a worker's sockets out of the listeners. */
static int take_sockets(struct generation *generation, size_t index, struct worker_config *config) {
    size_t count = listeners_count_of(&generation->listeners, index);
    struct listeners_socket *sockets = malloc(count * sizeof *sockets);
    if (sockets == NULL)
        return -ENOMEM;
    listeners_hand_over(&generation->listeners, index, sockets);
    config->sockets = sockets;
    config->socket_count = count;
    return 0;
}

int generation_work(struct generation *generation, size_t index, int channel) {
    struct metrics_slot *counted = generation->slots[index].counted;
    struct worker_config config = {
        .options = &generation->setup->options,
        .roots = &generation->setup->roots,
        .sandbox = &generation->setup->sandbox,
        .tally = counted != NULL ? &counted->tally : NULL,
        .withheld = counted != NULL && accesslog_is_for_show(&generation->setup->options)
                        ? &counted->withheld
                        : NULL,
        .log_fd = generation->log_fd,
        .channel = channel,
        .slot = index,
    };
    generation->log_fd = -1;
    for (size_t i = 0; i < generation->workers; i++)
        source_close(&generation->slots[i].channel);
    if (generation->listeners.is_steered)
        (void)steering_bind(index); /* where that is not allowed, any CPU will do */
    int status = EXIT_FAILURE;
    if (take_sockets(generation, index, &config) == 0)
        status = worker_run(&config);
    else
        diag_message("a worker cannot start: not enough memory");
    free((void *)config.sockets);
    (void)close(channel);
    return status;
}

struct slot *generation_find(struct generation *generation, pid_t pid) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].pid == pid)
            return &generation->slots[i];
    }
    return NULL;
}

enum generation_loss generation_lose(struct generation *generation, struct slot *slot,
                                     struct loop *loop) {
    if (slot->channel.fd >= 0)
        on_channel(&slot->channel); /* its word may not have been read yet */
    bool was_ready = slot->ready;
    loop_close(loop, &slot->channel);
    slot->pid = 0;
    slot->ready = false;
    if (generation->phase == GENERATION_DRAINING)
        return GENERATION_LEFT;
    if (generation->phase == GENERATION_STARTING && !was_ready)
        return GENERATION_FAILED;
    schedule_start(slot, loop->now_ms);
    return GENERATION_REPLACED;
}

static bool is_failing(const struct slot *slot) {
    return slot->delay_ms >= SPARED_DELAY_MS && !slot->ready;
}

void generation_spare_failing(struct generation *generation) {
    bool begins = false;
    bool changes = false;
    bool *spared = calloc(generation->workers, sizeof *spared);
    for (size_t i = 0; i < generation->workers && spared != NULL; i++) {
        struct slot *slot = &generation->slots[i];
        spared[i] = is_failing(slot);
        begins |= spared[i] && !slot->spared;
        changes |= spared[i] != slot->spared;
        slot->spared = spared[i];
    }
    if (changes)
        listeners_spare(&generation->listeners, spared);
    if (begins)
        diag_message(
            "workers die as soon as they start; connections go to the others, if there are "
            "any, and another one is tried after %d s at most",
            DELAY_MAX_MS / 1000);
    free(spared);
}

void generation_regain(struct generation *generation) {
    bool any = false;
    bool *spared = calloc(generation->workers, sizeof *spared);
    listeners_regain(&generation->listeners);
    for (size_t i = 0; i < generation->workers && spared != NULL; i++) {
        spared[i] = generation->slots[i].spared;
        any |= spared[i];
    }
    if (any)
        listeners_spare(&generation->listeners, spared);
    free(spared);
}

/* All of them */

void generation_reopen_log(struct generation *generation) {
    struct err err = ERR_INIT;
    int fd;
    if (!accesslog_can_rotate(&generation->setup->options))
        return;
    if (accesslog_open(&generation->setup->options, &fd, &err) < 0) {
        diag_message("%s; the one that is open is written to as before", err.text);
        return;
    }
    (void)close(generation->log_fd);
    generation->log_fd = fd;
    for (size_t i = 0; i < generation->workers; i++) {
        const struct slot *slot = &generation->slots[i];
        int result = slot->channel.fd >= 0 ? channel_send(slot->channel.fd, WORKER_LOG, fd) : 0;
        if (result < 0)
            diag_message("worker %d cannot be told of the new access log: %s", (int)slot->pid,
                         strerror(-result));
    }
}

bool generation_is_ready(const struct generation *generation) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (!generation->slots[i].ready)
            return false;
    }
    return true;
}

bool generation_is_retired(const struct generation *generation) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].pid != 0 && !generation->slots[i].retired)
            return false;
    }
    return true;
}

bool generation_is_gone(const struct generation *generation) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].pid != 0)
            return false;
    }
    return true;
}

static void signal_workers(const struct generation *generation, int number) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].pid != 0)
            (void)kill(generation->slots[i].pid, number);
    }
}

/* The kernel stops accepting for a socket when the workers have closed theirs, too. */
static void begin_draining(struct generation *generation, int64_t now_ms) {
    generation->phase = GENERATION_DRAINING;
    generation->deadline_ms =
        now_ms + generation->setup->options.drain_timeout + GENERATION_KILL_GRACE_MS;
    listeners_deinit(&generation->listeners);
}

/* Who does not hear it is gone, which is seen. */
static void order_to_retire(int channel, uint32_t alone) {
    for (int place = 0; place < OPTIONS_ADDRESSES_MAX; place++) {
        if ((alone >> place & 1) != 0)
            (void)channel_send(channel, (char)(WORKER_ALONE + place), -1);
    }
    (void)channel_send(channel, WORKER_RETIRE, -1);
}

void generation_retire(struct generation *generation, const struct listeners *others,
                       int64_t now_ms) {
    for (size_t i = 0; i < generation->workers; i++) {
        if (generation->slots[i].channel.fd >= 0)
            order_to_retire(generation->slots[i].channel.fd,
                            listeners_alone(&generation->listeners, i, others));
    }
    begin_draining(generation, now_ms);
}

void generation_stop(struct generation *generation, int64_t now_ms) {
    signal_workers(generation, SIGTERM);
    if (generation->phase != GENERATION_DRAINING)
        begin_draining(generation, now_ms);
}

void generation_kill(struct generation *generation) {
    generation->killed = true;
    signal_workers(generation, SIGKILL);
}

int64_t generation_wait_ms(const struct generation *generation, int64_t wait_ms, int64_t now_ms) {
    if (generation->phase != GENERATION_SERVING && !generation->killed)
        wait_ms = deadline_sooner_ms(wait_ms, generation->deadline_ms, now_ms);
    for (size_t i = 0; i < generation->workers && generation->phase != GENERATION_DRAINING; i++) {
        if (generation->slots[i].pid == 0)
            wait_ms = deadline_sooner_ms(wait_ms, generation->slots[i].start_at_ms, now_ms);
    }
    return wait_ms;
}
