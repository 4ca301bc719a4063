/* A server's life in short, in which one call fails: it starts, is asked for all kinds of things,
 * sees a file change, reloads, is asked again and stops. Every run is the same, so that a call has
 * the same number in each. */
#pragma once

#include "plan.h"
#include "support/server.h"
#include "support/tree.h"

#include <stdbool.h>
#include <stddef.h>

enum { SESSION_ANSWERS_MAX = 64 };

struct session_answer {
    const char *target; /* that was asked for; borrowed */
    int status;         /* 0: none came as a whole */
    bool is_encoded;
    char *body; /* owned; NULL: none */
    size_t body_len;
};

/* A place where it happens; one run at a time. */
struct session {
    struct tree tree;
    struct fault_plan *plan; /* shared with the server */
    struct server server;
    struct session_answer answers[SESSION_ANSWERS_MAX];
    size_t answer_count;
    size_t fds; /* of all processes, at the end */
};

/* Makes the place. */
void session_make(struct session *session);
void session_remove(struct session *session);

/* Runs it without a fault, and notes what is answered. Fails the test where anything is amiss. */
void session_learn(struct session *session);

/* Runs it with the fault that is planned; `right` is what was learned. Fails the test unless the
 * server lives and answers as it should, or ends and says why; nothing that it sends is wrong, and
 * nothing is leaked. Returns whether the fault happened. */
bool session_try(struct session *session, const struct session *right);
