/* What the clients that measure (connect.c, pipeline.c) have in common: options, connections, heads
 * of answers, and the report. They are programs that end with the first thing that their machine
 * does not let them do; what the server does is counted. */
#pragma once

#include "base/slice.h"
#include "conf/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_MAX = 1024,
    GRACE_S = 5, /* for what is under way when time is up */
};

static const uint64_t ns_per_s = 1000000000;

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* Says what failed, and why (errno), and ends the program. */
_Noreturn void fail(const char *what);

/* reallocarray(3) that does not fail. */
void *take_memory(void *old, size_t count, size_t size);

/* Options */

enum option_kind {
    OPTION_ADDRESS, /* struct address */
    OPTION_TEXT,    /* const char *, borrowed from the arguments */
    OPTION_NUMBER,  /* uint64_t, up to 10 million */
    OPTION_COUNT,   /* the same, from 1 */
    OPTION_FLAG,    /* bool; takes no argument */
};

enum { OPTIONS_MAX = 16 };

struct option_row {
    const char *name; /* behind "--" */
    enum option_kind kind;
    void *value; /* left alone where the option is not given */
};

/* Reads all arguments into the values of `count` rows, OPTIONS_MAX at most. Returns false where an
 * argument is none of them, or its value none of its kind. */
bool options_parse(int argc, char *argv[], const struct option_row *rows, size_t count);

/* As many descriptors as we may have. */
void raise_descriptor_limit(void);

/* Connections */

/* 127.0.0.1:8080, for where no other address is given. */
struct address default_address(void);

/* A socket for connections to `address` that never waits. */
int open_socket(const struct address *address);

/* Begins to connect. Over loopback a connection stands, or is refused, as soon as that returns,
 * whatever it says. Returns false where it cannot succeed any more. */
bool begin_connection(int fd, const struct address *address);

/* Writes a request for `path`, with the header lines `fields`, each with its CRLF, to `request`.
 * Returns its length. */
size_t make_request(const struct address *address, const char *path, const char *fields,
                    char request[REQUEST_MAX]);

enum answer_state {
    ANSWER_INCOMPLETE, /* its head is */
    ANSWER_GOOD,
    ANSWER_BAD, /* something else than 200 with a Content-Length */
};

struct answer {
    size_t head_bytes; /* up to its content */
    uint64_t content_bytes;
    bool closes; /* it is the last one on its connection (RFC 9112 §9.6) */
};

/* Reads the head that `input` begins with; `answer` is filled in where it is a good one. */
enum answer_state answer_read(struct slice input, struct answer *answer);

/* Reports */

struct failures {
    uint64_t count;
    const char *first; /* static text; NULL: none */
};

void failures_add(struct failures *failures, const char *what);

/* Times, of which percentiles are printed. */
struct samples {
    uint64_t *ns;
    size_t count;
    size_t room;
};

void samples_add(struct samples *samples, uint64_t ns);

/* For percentiles. */
void samples_sort(struct samples *samples);

/* Print the percentiles of sorted samples in microseconds: as a line of text, or as a member of a
 * JSON object behind others. */
void print_text_samples(const char *name, const struct samples *samples);
void print_json_samples(const char *name, const struct samples *samples);

/* Print failures as the end of a line of text, or as members of a JSON object behind others. */
void print_text_failures(const struct failures *failures);
void print_json_failures(const struct failures *failures);

/* Events per second between two times; 0 where no time has passed. */
double rate_of(uint64_t count, uint64_t begin_ns, uint64_t end_ns);
