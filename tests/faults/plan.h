/* Which call of a server's is to fail: shared memory of the server under test (inject.c) and of the
 * test that wants it to fail. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

enum fault_call {
#define CALL(name, ...) CALL_##name,
#include "calls.def"
#undef CALL
    CALL_COUNT,
    CALL_NONE = -1,
};

/* Processes that are told apart, in the order of their start. That of what is forked in a run is
 * always the same, as the master forks one after the other. */
enum { FAULT_PROCESSES = 6 };

struct fault_plan {
    enum fault_call call;  /* CALL_NONE: none fails */
    unsigned process;      /* number of the process in which it does */
    unsigned position;     /* number of the call of that kind in the process, from 1 on */
    int error;             /* errno */
    bool lasts;            /* it always does, in that process and all that are started later */
    atomic_uint fired;     /* how often it did */
    atomic_uint processes; /* started so far */
    atomic_uint counts[FAULT_PROCESSES][CALL_COUNT]; /* calls so far */
};

/* The environment variable that names the file. */
#define FAULT_PLAN_VARIABLE "PRONTO_FAULT_PLAN"
