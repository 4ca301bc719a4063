/* Every call fails, each time in a run of its own, with every error that it has. PRONTO_FAULTS=all
 * tries them all; otherwise a sample is tried, another one every day. PRONTO_FAULTS_ONLY="CALL
 * PROCESS POSITION ERRNO" tries one, as it is named where it is not survived. */
#include "session.h"

#include "support/note.h"
#include "support/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    JOBS = 8, /* at a time: a run mostly waits */
    ERRORS_MAX = 16,
    RUN_MAX_MS = 180000,
    UNREACHED = 3,   /* exit code of a run in which the call was not made */
    NEWS_RUNS = 500, /* so often it is told how far it has come */
};

struct call {
    const char *name;
    int errors[ERRORS_MAX]; /* ends with 0 */
};

static const struct call calls[CALL_COUNT] = {
#define CALL(name, ...) {#name, {__VA_ARGS__}},
#include "calls.def"
#undef CALL
};

/* What fails in a run. */
struct fault {
    enum fault_call call;
    unsigned process;
    unsigned position;
    int error;
};

struct job {
    struct session session;
    struct fault fault;
    struct process process; /* in which it runs; pid -1: none */
    int64_t deadline_ms;
};

static struct session right;
static struct job jobs[JOBS];
static struct {
    unsigned tried;
    unsigned unreached;
    unsigned failed[CALL_COUNT];
    unsigned all_failed;
    unsigned positions; /* calls at all */
} sum;

/* Running */

static void run_job(void *context) {
    struct job *job = context;
    struct fault_plan *plan = job->session.plan;
    /* Here a failed check ends the process, and not only a test. */
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
    plan->call = job->fault.call;
    plan->process = job->fault.process;
    plan->position = job->fault.position;
    plan->error = job->fault.error;
    if (!session_try(&job->session, &right))
        exit(UNREACHED);
}

/* The fault was not survived. */
static void blame(const struct job *job, const char *what) {
    char *text = process_text(job->process.err_fd);
    sum.failed[job->fault.call]++;
    sum.all_failed++;
    note_say("%s %u %u %d (%s): %s: %s", calls[job->fault.call].name, job->fault.process,
             job->fault.position, job->fault.error, strerrorname_np(job->fault.error), what, text);
    free(text);
}

/* Takes note of how a run ended. */
static void judge(struct job *job) {
    int code = process_exit_code(&job->process);
    sum.tried += code != UNREACHED;
    sum.unreached += code == UNREACHED;
    if (code != 0 && code != UNREACHED)
        blame(job, "not survived");
    if (code != UNREACHED && sum.tried % NEWS_RUNS == 0)
        note_say("%u tried, now %s", sum.tried, calls[job->fault.call].name);
}

/* Ends runs that are done. Returns one that is free, or NULL. */
static struct job *find_free(void) {
    struct job *free_job = NULL;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &jobs[i];
        bool late = note_now_ms() > job->deadline_ms;
        if (job->process.pid > 0 && process_wait(&job->process, 0)) {
            judge(job);
            process_deinit(&job->process);
        } else if (job->process.pid > 0 && late) {
            blame(job, "hangs");
            process_deinit(&job->process);
        }
        if (job->process.pid <= 0)
            free_job = job;
    }
    return free_job;
}

static void begin(const struct fault *fault) {
    struct job *job;
    while ((job = find_free()) == NULL)
        note_pause_ms(2);
    job->fault = *fault;
    job->deadline_ms = note_now_ms() + RUN_MAX_MS;
    process_fork(&job->process, run_job, job);
}

static void finish(void) {
    for (size_t i = 0; i < JOBS; i++) {
        while (jobs[i].process.pid > 0) {
            (void)find_free();
            note_pause_ms(2);
        }
    }
}

/* Choosing */

static bool wants_all(void) {
    const char *wish = getenv("PRONTO_FAULTS");
    return wish != NULL && strcmp(wish, "all") == 0;
}

/* One position of each call in each process, with one error. */
static bool is_in_sample(const struct fault *fault, unsigned positions, size_t index,
                         size_t errors) {
    unsigned day = (unsigned)(time(NULL) / 86400);
    unsigned one = (day * 7919 + (unsigned)fault->call * 31 + fault->process) % positions + 1;
    return fault->position == one && (day + fault->position) % errors == index;
}

static size_t count_errors(const struct call *call) {
    size_t count = 0;
    while (call->errors[count] != 0)
        count++;
    return count;
}

static void begin_all_errors(struct fault *fault, unsigned positions) {
    size_t count = count_errors(&calls[fault->call]);
    for (size_t i = 0; i < count; i++) {
        fault->error = calls[fault->call].errors[i];
        if (wants_all() || is_in_sample(fault, positions, i, count))
            begin(fault);
    }
}

static void begin_all_positions(enum fault_call call) {
    struct fault fault = {.call = call};
    for (fault.process = 0; fault.process < FAULT_PROCESSES; fault.process++) {
        unsigned positions = right.plan->counts[fault.process][call];
        sum.positions += positions;
        for (fault.position = 1; fault.position <= positions; fault.position++)
            begin_all_errors(&fault, positions);
    }
}

/* All have been tried before, many at a time. */
static void test_call(void **state) {
    const struct call *call = *state;
    assert_int_equal(sum.failed[call - calls], 0);
}

/* Around */

static void prepare(void) {
    session_make(&right);
    session_learn(&right);
    for (size_t i = 0; i < JOBS; i++) {
        session_make(&jobs[i].session);
        jobs[i].process = (struct process)PROCESS_INIT;
    }
}

static int setup(void **state) {
    (void)state;
    prepare();
    for (size_t i = 0; i < CALL_COUNT; i++)
        begin_all_positions((enum fault_call)i);
    finish();
    return 0;
}

static int teardown(void **state) {
    unsigned errors = 0;
    (void)state;
    for (size_t i = 0; i < CALL_COUNT; i++)
        errors += (unsigned)count_errors(&calls[i]);
    note_say("%d calls x %u errors x %u positions: %u tried%s, %s", CALL_COUNT, errors,
             sum.positions, sum.tried, wants_all() ? "" : " (a sample)",
             sum.all_failed == 0 ? "all green" : "not all green");
    if (sum.unreached > 0)
        note_say("%u more were not reached, or not possible there", sum.unreached);
    for (size_t i = 0; i < JOBS; i++)
        session_remove(&jobs[i].session);
    session_remove(&right);
    return 0;
}

static int try_one(const char *text) {
    char name[32];
    struct fault fault = {.call = 0};
    if (sscanf(text, "%31s %u %u %d", name, &fault.process, &fault.position, &fault.error) != 4)
        return 1;
    while (fault.call < CALL_COUNT && strcmp(calls[fault.call].name, name) != 0)
        fault.call++;
    if (fault.call == CALL_COUNT)
        return 1;
    prepare();
    begin(&fault);
    finish();
    (void)teardown(NULL);
    return sum.all_failed == 0 ? 0 : 1;
}

int main(void) {
    struct CMUnitTest tests[CALL_COUNT];
    const char *only = getenv("PRONTO_FAULTS_ONLY");
    if (only != NULL)
        return try_one(only);
    for (size_t i = 0; i < CALL_COUNT; i++)
        tests[i] = (struct CMUnitTest){.name = calls[i].name,
                                       .test_func = test_call,
                                       .initial_state = (void *)(uintptr_t)&calls[i]};
    return _cmocka_run_group_tests("faults", tests, CALL_COUNT, setup, teardown);
}
