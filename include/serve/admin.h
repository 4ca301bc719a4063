/* What is answered on --admin, request by request: the status page, /events that keep it up to
 * date, /metrics and /healthz. It knows the metrics and the time, and nothing of sockets. */
#pragma once

#include "base/buf.h"
#include "http/request.h"
#include "serve/metrics.h"
#include "serve/trend.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admin {
    const struct metrics *metrics; /* borrowed */
    struct trend trend;
};

enum admin_outcome {
    ADMIN_ANSWERED, /* the whole answer is there */
    ADMIN_STREAM,   /* its start is: events follow, and the end of the connection is its end */
    ADMIN_NO_MEMORY,
};

/* What is to be sent; memory is owned, and freed with free(3). */
struct admin_text {
    char *ptr; /* NULL: nothing */
    size_t len;
};

/* Answers a request. `persist` says whether the connection does, and `now_s` is the time of day. A
 * stream is for those only for whom there is room: `streams_left`, else it is 503. With
 * ADMIN_NO_MEMORY there is no text. */
enum admin_outcome admin_answer(const struct admin *admin, const struct request *request,
                                bool persist, size_t streams_left, int64_t now_s,
                                struct admin_text *text);

/* Answers a message that is refused; the connection closes. */
enum admin_outcome admin_refuse(enum refusal refusal, int64_t now_s, struct admin_text *text);

/* Adds a point to the trend, as is due once a second; `now_ns` is on the monotonic clock. */
void admin_look(struct admin *admin, int64_t now_ns);

/* The event that tells what is so now, for all streams. Returns ADMIN_ANSWERED or ADMIN_NO_MEMORY.
 */
enum admin_outcome admin_tell(const struct admin *admin, int64_t now_s, struct admin_text *text);
