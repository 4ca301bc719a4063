/* Conversations with the server that are kept in files: what a client sends, and what has to come
 * back. tests/conversations/README.md says how they are written. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include <glob.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the files are, seen from the root of the repository, in which make runs the tests. */
#define CONVERSATIONS_DIRECTORY "tests/conversations"

/* What becomes of the connection after the last response. */
enum conversation_end {
    CONVERSATION_KEPT,   /* the next request is answered */
    CONVERSATION_CLOSED, /* the server closes it, and the last response says so */
    CONVERSATION_ENDED,  /* the server closes it, as the client has ended its side */
};

enum conversation_content {
    CONVERSATION_NOTHING, /* neither content nor a Content-Length */
    CONVERSATION_LENGTH,
    CONVERSATION_PAGE, /* of an error; however long */
};

enum { CONVERSATION_FIELDS_MAX = 8 };

struct conversation_response {
    int status;
    bool optional; /* an interim response, which depends on what has arrived together */
    bool to_head;  /* the content is announced, and does not come */
    enum conversation_content content;
    size_t length;     /* CONVERSATION_LENGTH only */
    struct slice text; /* the content; ptr NULL: any */
    /* "Name: value", or "-Name" for one that must be absent; NULL behind the last. */
    const char *fields[CONVERSATION_FIELDS_MAX + 1];
};

enum conversation_step_kind {
    CONVERSATION_SEND,
    CONVERSATION_EXPECT,
    CONVERSATION_HALF_CLOSE, /* the client ends its side */
};

struct conversation_step {
    enum conversation_step_kind kind;
    struct slice bytes;                    /* CONVERSATION_SEND */
    struct conversation_response response; /* CONVERSATION_EXPECT */
};

struct conversation {
    const char *name;
    const char *place; /* "file:line" */
    bool whole;        /* what comes back depends on what arrives together: not to be split */
    enum conversation_end end;
    const struct conversation_step *steps;
    size_t count; /* of steps */
};

struct conversations {
    struct conversation *items;
    size_t count;
    struct conversation_step *steps; /* of all */
    size_t steps_count;
    struct buf text; /* all that the others point to */
    glob_t files;
};

/* Reads all files of CONVERSATIONS_DIRECTORY. `etag` is what {etag} stands for in them. Fails the
 * test, and says in which line, where something is not as it should be written. */
void conversations_read(struct conversations *conversations, const char *etag);

/* Frees it. Idempotent. */
void conversations_free(struct conversations *conversations);
