/* Fifteen thousand connections from one process, half of them idle, half of them dripping a byte of
 * a head every second: how long others wait for their answers meanwhile, beside how long they do
 * without. One worker, and a limit of 20,000 descriptors. The ratio is asserted, so this is no part
 * of `make test`. */
#include "support/client.h"
#include "support/scene.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    FDS = 20000,
    IDLE = 7500,
    DRIPPING = 7500,
    PROBES = 2000,
    PROBE_CONNECTIONS = 8,
    PROBE_PAUSE_MS = 4,
    HEAD_TIMEOUT_MS = 10000, /* by default */
    ROUNDS = 3,              /* the machine may be busy with other things in one */
    RATIO_MAX = 3,
    AT_ONCE = 50,
};

/* Another address than the one that is measured: a client that has used up its ports looks for one
 * for long, which says nothing of the server. */
#define TARGET "127.0.0.2"

#define ASK   "GET /small.bin HTTP/1.1\r\nHost: x\r\n\r\n"
#define START "GET /small.bin HTTP/1.1\r\nHost: x\r\nX: "

/* Between the test and the attacker. */
struct attack {
    uint16_t port;
    atomic_bool ends;     /* set by the test: no drip is begun any more */
    atomic_bool is_whole; /* all are open */
    atomic_uint told;     /* drips that were answered with 408 */
    atomic_uint dripping; /* that are open */
};

struct attacker {
    struct attack *attack;
    struct client idle[IDLE];
    struct client dripping[DRIPPING];
};

/* What is measured is what the server does with the attack, not what the attack, or anything else
 * that this machine has to do, takes of its processors: server and test come before all that. */
static bool set_priority(int policy) {
    const struct sched_param param = {.sched_priority = policy == SCHED_FIFO ? 1 : 0};
    return sched_setscheduler(0, policy, &param) == 0;
}

static void open_with(struct client *client, uint16_t port, const char *text) {
    client_open_at(client, TARGET, port);
    client_send_text(client, text);
}

/* A byte for one, and a look whether it has been told. */
static void drip(struct attack *attack, struct client *client) {
    if (client->fd < 0)
        return;
    (void)send(client->fd, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)client_receive(client, 0);
    if (!client->ended && client->error == 0)
        return;
    if (client->len > 0 && memcmp(client->data + client->start, "HTTP/1.1 408", 12) == 0)
        atomic_fetch_add(&attack->told, 1);
    client_close(client);
    if (atomic_load(&attack->ends))
        atomic_fetch_sub(&attack->dripping, 1);
    else
        open_with(client, attack->port, START);
}

/* All of them once, spread over a second. */
static void drip_round(struct attacker *attacker) {
    for (size_t i = 0; i < DRIPPING; i++) {
        drip(attacker->attack, &attacker->dripping[i]);
        if (i % AT_ONCE == AT_ONCE - 1)
            note_pause_ms(1000 / (DRIPPING / AT_ONCE));
    }
}

/* Spread over the time that each has, so that they are not told, and begun again, all at once. */
static void open_drips(struct attacker *attacker) {
    for (size_t i = 0; i < DRIPPING; i++) {
        open_with(&attacker->dripping[i], attacker->attack->port, START);
        if (i % AT_ONCE == AT_ONCE - 1)
            note_pause_ms(HEAD_TIMEOUT_MS / (DRIPPING / AT_ONCE));
    }
}

static void run_attacker(void *context) {
    static struct attacker attacker;
    struct attack *attack = context;
    (void)set_priority(SCHED_OTHER);
    attacker.attack = attack;
    for (size_t i = 0; i < IDLE; i++)
        open_with(&attacker.idle[i], attack->port, ASK);
    open_drips(&attacker);
    atomic_store(&attack->dripping, DRIPPING);
    atomic_store(&attack->is_whole, true);
    while (atomic_load(&attack->dripping) > 0)
        drip_round(&attacker);
    for (;;)
        note_pause_ms(1000); /* the idle ones stay until the test ends */
}

/* Who asks */

static double now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Asks, every eighth time on a new connection; returns how long it took. */
static double probe(const struct scene *scene, struct client *clients, int i) {
    struct client *client = &clients[i % PROBE_CONNECTIONS];
    struct response response;
    double start_ms = now_ms();
    if (i / PROBE_CONNECTIONS % PROBE_CONNECTIONS == i % PROBE_CONNECTIONS) {
        client_close(client);
        client_open(client, scene->server.port);
    }
    client_get(client, "/small.bin", &response);
    double took_ms = now_ms() - start_ms;
    response_assert_status(&response, 200);
    response_assert_content(&response, 2, 1000);
    response_deinit(&response);
    return took_ms;
}

/* The time that 99 of 100 answers come within, in milliseconds. */
static double measure(const struct scene *scene) {
    static double took_ms[PROBES];
    struct client clients[PROBE_CONNECTIONS];
    for (int i = 0; i < PROBE_CONNECTIONS; i++)
        client_open(&clients[i], scene->server.port);
    for (int i = 0; i < PROBES; i++) {
        took_ms[i] = probe(scene, clients, i);
        note_pause_ms(PROBE_PAUSE_MS);
    }
    for (int i = 0; i < PROBE_CONNECTIONS; i++)
        client_close(&clients[i]);
    qsort(took_ms, PROBES, sizeof took_ms[0], compare);
    return took_ms[PROBES * 99 / 100];
}

static struct attack *share_attack(uint16_t port) {
    struct attack *attack =
        mmap(NULL, sizeof *attack, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(attack != MAP_FAILED);
    attack->port = port;
    return attack;
}

/* Waits until it says so, for a minute at most. */
static void await_whole(struct attack *attack) {
    int64_t deadline = note_now_ms() + 60000;
    while (!atomic_load(&attack->is_whole) && note_now_ms() < deadline)
        note_pause_ms(10);
    assert_true(atomic_load(&attack->is_whole));
}

/* Waits until no drip is left, for twice as long as one may take. Returns how long it took. */
static int64_t await_end(struct attack *attack) {
    int64_t start_ms = note_now_ms();
    atomic_store(&attack->ends, true);
    while (atomic_load(&attack->dripping) > 0 && note_now_ms() - start_ms < 2 * HEAD_TIMEOUT_MS)
        note_pause_ms(10);
    assert_int_equal(atomic_load(&attack->dripping), 0);
    return note_now_ms() - start_ms;
}

/* With them, in rounds of which the best counts, against `without_ms`. */
static double compare_rounds(const struct scene *scene, struct attack *attack,
                             struct process *attacker, double without_ms) {
    double best = 0;
    process_fork(attacker, run_attacker, attack);
    await_whole(attack);
    size_t fds = server_count_fds(&scene->server);
    assert_true(fds > IDLE + DRIPPING / 8); /* a busy machine lets it open them slowly */
    for (int i = 0; i < ROUNDS && (best == 0 || best > RATIO_MAX); i++) {
        double with_ms = measure(scene);
        note_say("p99 without them %.3f ms, with %zu descriptors in use %.3f ms: %.2f times",
                 without_ms, server_count_fds(&scene->server), with_ms, with_ms / without_ms);
        if (best == 0 || with_ms / without_ms < best)
            best = with_ms / without_ms;
    }
    return best;
}

static void test_slowloris(void **state) {
    struct scene *scene = *state;
    struct process attacker = PROCESS_INIT;
    const struct rlimit limit = {FDS, FDS};
    const struct process_options options = {.max_fds = FDS};
    const char *const words[] = {"--listen", "0.0.0.0:0", "--workers", "1", scene->tree.path, NULL};
    tree_file(&scene->tree, "small.bin", 2, 1000);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        note_cannot_test("%d descriptors are not to be had", FDS);
        return;
    }
    if (!set_priority(SCHED_FIFO))
        note_say("no priority over others is to be had: what they do is measured, too");
    server_start(&scene->server, &options, 1, words);
    struct attack *attack = share_attack(scene->server.port);
    double ratio = compare_rounds(scene, attack, &attacker, measure(scene));
    int64_t gone_ms = await_end(attack);
    note_say("the drips were gone %.1f s after the last one began; %u were told 408",
             (double)gone_ms / 1000, atomic_load(&attack->told));
    assert_true(atomic_load(&attack->told) >= DRIPPING);
    assert_in_range(server_count_fds(&scene->server), IDLE, IDLE + 100);
    assert_true(ratio <= RATIO_MAX);
    process_deinit(&attacker);
    client_expect_once(scene->server.port, "/small.bin", 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {scene_test(test_slowloris)};
    return cmocka_run_group_tests_name("slowloris", tests, NULL, NULL);
}
