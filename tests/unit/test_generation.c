#include "proc/generation.h"

#include "proc/worker.h"
#include "sys/channel.h"

#include "support/no_process.h"
#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tree tree;
static struct loop loop;
static struct generation *generation;
static size_t fds_before;

/* Two workers, for two addresses of their own. */
static struct generation *make(const struct listeners *before) {
    char *const words[] = {"pronto",      "--listen",        "127.0.0.1:0", "--listen",
                           "127.0.0.1:0", "--workers",       "2",           "--drain-timeout",
                           "3s",          "--ready-timeout", "7s",          tree.path};
    const struct command_line line = {12, words};
    struct err err = ERR_INIT;
    struct setup *setup = setup_load(&line, &err);
    if (setup == NULL)
        fail_msg("%s", err.text);
    struct generation *new = generation_new(setup, before, loop.now_ms, &err);
    if (new == NULL)
        fail_msg("%s", err.text);
    return new;
}

static int setup(void **state) {
    static const struct listeners none;
    struct err err = ERR_INIT;
    (void)state;
    no_process = false;
    fds_before = process_count_fds(getpid());
    tree_make(&tree);
    assert_int_equal(loop_init(&loop, &err), 0);
    loop.now_ms = 1000000;
    generation = make(&none);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    generation_free(generation);
    loop_deinit(&loop);
    tree_remove(&tree);
    process_kill_all();
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* The addresses that nobody takes over, a bit for each. */
static int await_retirement(int channel) {
    int alone = 0;
    for (;;) {
        char order;
        int passed;
        switch (channel_receive(channel, &order, &passed)) {
        case CHANNEL_EMPTY:
            (void)usleep(1000);
            break;
        case CHANNEL_BYTE:
            if (order == WORKER_RETIRE)
                return alone;
            alone |= 1 << (order - WORKER_ALONE);
            break;
        case CHANNEL_END:
            return 99;
        }
    }
}

/* Starts a worker that says what it is told to say, and ends with what the master says. */
static pid_t start_worker(size_t index, const char *words) {
    int channel = -1;
    pid_t pid = generation_spawn(generation, index, NULL, &loop, &channel);
    if (pid > 0)
        return pid;
    if (pid < 0)
        fail_msg("no worker can be started");
    for (; *words != '\0'; words++)
        (void)!write(channel, words, 1);
    _exit(await_retirement(channel));
}

/* Turns until the condition holds. */
#define await(condition)                                                 \
    for (int turns = 0; !(condition); turns++) {                         \
        row_assert(#condition, turns < 1000);                            \
        assert_int_equal(loop_turn(&loop, 10), 0);                       \
        loop.now_ms = 1000000; /* the clock of this test stands still */ \
    }

static void test_is_ready_when_all_are(void **state) {
    (void)state;
    assert_int_equal(generation_due(generation, loop.now_ms), 0);
    (void)start_worker(0, "r");
    assert_int_equal(generation_due(generation, loop.now_ms), 1);
    await(generation->slots[0].ready);
    assert_false(generation_is_ready(generation));
    (void)start_worker(1, "r");
    assert_int_equal(generation_due(generation, loop.now_ms), -1);
    await(generation_is_ready(generation));
    assert_false(generation_is_retired(generation));
    assert_false(generation_is_gone(generation));
}

/* Each is told of the addresses that nobody takes over: here, of one of two. */
static void test_retires(void **state) {
    (void)state;
    struct listeners others;
    struct options options = generation->setup->options;
    struct err err = ERR_INIT;
    int wait_status;
    pid_t pids[2] = {start_worker(0, "r"), start_worker(1, "rx")};
    await(generation_is_ready(generation));
    options.listen.count = 1;
    assert_int_equal(listeners_open(&others, &options, 1, &generation->listeners, &err), 0);
    generation_retire(generation, &others, loop.now_ms);
    listeners_deinit(&others);
    assert_int_equal(generation->listeners.count, 0);
    assert_int_equal(generation->deadline_ms, loop.now_ms + 3000 + GENERATION_KILL_GRACE_MS);
    assert_int_equal(generation_wait_ms(generation, -1, loop.now_ms),
                     3000 + GENERATION_KILL_GRACE_MS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pids[i], &wait_status, 0), pids[i]);
        assert_int_equal(WEXITSTATUS(wait_status), 1 << 1);
    }
    assert_false(generation_is_retired(generation)); /* the first has not said so */
    assert_int_equal(generation_lose(generation, generation_find(generation, pids[0]), &loop),
                     GENERATION_LEFT);
    await(generation->slots[1].retired);
    assert_true(generation_is_retired(generation));
    assert_false(generation_is_gone(generation));
    assert_int_equal(generation_lose(generation, generation_find(generation, pids[1]), &loop),
                     GENERATION_LEFT);
    assert_true(generation_is_gone(generation));
    assert_int_equal(generation_due(generation, INT64_MAX), -1);
}

static const struct {
    const char *name;
    const char *words; /* of the worker */
    enum generation_phase phase;
    enum generation_loss loss;
} losses[] = {
    {"before it was ready", "", GENERATION_STARTING, GENERATION_FAILED},
    {"after it was ready", "r", GENERATION_STARTING, GENERATION_REPLACED},
    {"while serving, before it was ready", "", GENERATION_SERVING, GENERATION_REPLACED},
    {"while serving", "r", GENERATION_SERVING, GENERATION_REPLACED},
    {"while draining", "rx", GENERATION_DRAINING, GENERATION_LEFT},
};

/* Its word counts, even if it was not read before its end. */
static void test_loses_a_worker(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(losses); i++) {
        pid_t pid = start_worker(0, losses[i].words);
        int64_t deadline = note_now_ms() + 10000;
        while (losses[i].words[0] != '\0' && note_now_ms() < deadline) {
            char byte;
            if (recv(generation->slots[0].channel.fd, &byte, 1, MSG_PEEK) == 1)
                break;
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        generation->phase = losses[i].phase;
        row_assert_number(losses[i].name,
                          generation_lose(generation, generation_find(generation, pid), &loop),
                          losses[i].loss);
        row_assert(losses[i].name, generation_is_gone(generation));
        row_assert(losses[i].name, generation_find(generation, pid) == NULL);
        generation->phase = GENERATION_STARTING;
    }
}

/* Those that die soon are replaced after 100 ms, 200 ms, and so on, but for 5 s at most; one that
 * has lived for a second starts anew, at once. */
static void test_delays(void **state) {
    (void)state;
    int64_t expected_ms = 100;
    struct slot *slot = &generation->slots[0];
    generation->phase = GENERATION_SERVING;
    slot->started_ms = loop.now_ms;
    for (int i = 0; i < 10; i++) {
        slot->pid = 1;
        loop.now_ms = slot->started_ms + 999;
        (void)generation_lose(generation, slot, &loop);
        slot->pid = 0;
        generation->slots[1].start_at_ms = INT64_MAX;
        assert_int_equal(slot->start_at_ms, slot->started_ms + 999 + expected_ms);
        assert_int_equal(generation_due(generation, slot->start_at_ms - 1), -1);
        assert_int_equal(generation_due(generation, slot->start_at_ms), 0);
        assert_int_equal(generation_wait_ms(generation, -1, slot->start_at_ms - 7), 7);
        expected_ms = expected_ms * 2 < 5000 ? expected_ms * 2 : 5000;
        slot->started_ms = slot->start_at_ms;
    }
    slot->pid = 1;
    loop.now_ms = slot->started_ms + 1000;
    (void)generation_lose(generation, slot, &loop);
    assert_int_equal(slot->start_at_ms, slot->started_ms + 1000);
}

static void test_no_process_to_be_had(void **state) {
    (void)state;
    int channel = -1;
    no_process = true;
    assert_int_equal(generation_spawn(generation, 0, NULL, &loop, &channel), -EAGAIN);
    assert_int_equal(generation->slots[0].pid, 0);
    assert_int_equal(generation->slots[0].channel.fd, -1);
    assert_int_equal(generation->slots[0].start_at_ms, loop.now_ms + 100);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* How many of so many connections to the first address come to the second worker's socket. */
static size_t connections_to_second(size_t count) {
    const struct binding *binding = &generation->listeners.items[0];
    size_t found = 0;
    int clients[32];
    for (size_t i = 0; i < count; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(
            connect(clients[i], &binding->address.socket.any, sizeof binding->address.socket.v4),
            0);
        assert_int_equal(send(clients[i], "G", 1, 0), 1); /* else it is held back */
    }
    note_pause_ms(50);
    for (int fd; (fd = accept4(binding->sockets[1], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;
         found++)
        (void)close(fd);
    for (size_t i = 0; i < count; i++)
        (void)close(clients[i]);
    return found;
}

/* A reload that fails gives the sockets back to who has them, but not to who dies at once. */
static void test_spared_after_a_failed_reload(void **state) {
    (void)state;
    generation->slots[0].ready = true;
    generation_regain(generation);
    assert_in_range(connections_to_second(32), 1, 31);
    generation->slots[1].delay_ms = 800;
    generation_spare_failing(generation);
    assert_true(generation->slots[1].spared);
    assert_int_equal(connections_to_second(32), 0);
    generation_regain(generation);
    assert_int_equal(connections_to_second(32), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_is_ready_when_all_are), test(test_retires),
        test(test_loses_a_worker),        test(test_delays),
        test(test_no_process_to_be_had),  test(test_spared_after_a_failed_reload),
    };
    return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
