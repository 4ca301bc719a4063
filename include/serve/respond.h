/* Decides what is answered. Pure: what it is told is a request, what its target names, and what was
 * found there. */
#pragma once

#include "http/negotiate.h"
#include "http/range.h"
#include "http/representation.h"
#include "http/request.h"
#include "http/target.h"
#include "serve/folder.h"
#include "store/docroot.h"

#include <stdbool.h>

/* What the response carries behind its head. A response to HEAD has the same head, and nothing
 * behind it. */
enum response_content {
    RESPONSE_LOOK_UP, /* not decided: look the path up, then call respond_found() */
    RESPONSE_NOTHING,
    RESPONSE_PAGE,   /* the status's page */
    RESPONSE_FILE,   /* the whole file, or what is made of a directory */
    RESPONSE_RANGES, /* parts of it */
};

/* What its head says beside what it has of the representation; bits. */
enum {
    SAYS_PREFLIGHT = 1 << 0, /* what scripts of other origins may send, where they may */
    SAYS_ALLOW = 1 << 1,     /* the methods (RFC 9110 §10.2.1) */
    SAYS_LOCATION = 1 << 2,  /* the target as a directory (§10.2.2), or what a rule says */
    SAYS_VARY = 1 << 3,      /* that another Accept-Encoding could get another answer (§12.5.5) */
    SAYS_VARY_ACCEPT = 1 << 4,     /* that another Accept field could */
    SAYS_COMPLETE_LENGTH = 1 << 5, /* how long the file is of which no range was (§15.5.17) */
};

struct response {
    enum response_content content;
    enum status status;
    unsigned says; /* bits of the above */
    bool close;    /* the connection must not persist */
};

/* What can be said without a look at the files. */
struct response respond_request(const struct request *request, enum target_outcome target);

/* The coding that is sent, of those for which `available` has the bit 1 << coding set;
 * CODING_COUNT: none is acceptable (RFC 9110 §12.5.3). */
enum coding respond_coding(const struct request *request, unsigned available);

/* Whether a request has no preconditions (RFC 9110 §13.1) and no range (§14.2): what is found is
 * answered as a whole. */
bool respond_wants_whole(const struct request *request);

/* What is answered to a GET or HEAD, given what was found; `representation` with DOCROOT_FILE, or
 * NULL where none is acceptable. `now_s` is the time of day, in seconds since the epoch. `ranges`
 * is written to only where there is a Range field, and means something only with RESPONSE_RANGES.
 */
struct response respond_found(const struct request *request, enum docroot_outcome outcome,
                              const struct representation *representation, int64_t now_s,
                              struct range_set *ranges);

/* The same for a directory that is listed or archived; `representation` with FOLDER_READY. */
struct response respond_folder(const struct request *request, enum folder_outcome outcome,
                               const struct representation *representation, int64_t now_s,
                               struct range_set *ranges);

/* What a rule sends elsewhere, by a Location of up to `location_len` bytes; one for which there is
 * no room comes of a target that is too long. */
enum { RESPOND_LOCATION_MAX = 24 * 1024 };
struct response respond_redirect(enum status status, size_t location_len);

/* A refused request: its status, and a close. */
struct response respond_refusal(enum refusal refusal);
