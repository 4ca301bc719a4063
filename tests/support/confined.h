/* What confines a process cannot be undone, so it is tried in one that ends afterwards. */
#pragma once

#include "support/process.h"
#include "support/row.h"

#include <unistd.h>

struct confined {
    int (*attempt)(void *context);
    void *context;
};

static inline void confined_attempt(void *context) {
    const struct confined *confined = context;
    _exit(confined->attempt(confined->context));
}

/* What attempt(context), 0 to 255, returns in another process; or minus the signal that killed it.
 */
static inline int confined_result(int (*attempt)(void *context), void *context) {
    struct process process = PROCESS_INIT;
    struct confined confined = {attempt, context};
    process_fork(&process, confined_attempt, &confined);
    assert_true(process_wait(&process, 60000));
    int result = process_exit_code(&process);
    process_deinit(&process);
    return result;
}
