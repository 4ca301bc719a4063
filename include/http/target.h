/* What a request target names (RFC 9112 §3.2, RFC 3986 §3.3): a path beneath the root, and a query.
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "http/method.h"

#include <stdbool.h>

enum target_outcome {
    TARGET_PATH,
    TARGET_ASTERISK,  /* "*", the server as a whole; OPTIONS only */
    TARGET_AUTHORITY, /* what CONNECT takes */
    TARGET_ABSENT,    /* well-formed, but can name nothing: an encoded slash */
    TARGET_ABOVE,     /* 400: ".." leads above the root */
    TARGET_BAD,       /* 400: anything else that is wrong */
};

struct target {
    struct slice authority; /* of the absolute form, which replaces Host; else SLICE_NONE */
    struct slice path;      /* decoded, "a/b": no slash at either end; "" is the root */
    struct slice query;     /* raw, behind the '?'; SLICE_NONE without one */
    bool trailing_slash;    /* the path named a directory: it ended in "/", "/." or "/.." */
};

/* Takes a target apart. The path is percent-decoded once; then "." and ".." are resolved and
 * repeated slashes merged (RFC 3986 §5.2.4), ".." above the root being refused; what is left is
 * written to `path`, whose capacity must be at least raw.len. `target` borrows from `raw` and
 * `path`. */
enum target_outcome target_parse(enum method method, struct slice raw, struct buf *path,
                                 struct target *target);

/* Writes the path-absolute reference to the directory `target`, percent-encoded, with a trailing
 * slash and the query:
 * "/a%20b/?q". It starts with exactly one slash, so that it stays on this host. */
void target_write_directory(struct buf *buf, const struct target *target);

/* Writes `text` with everything but unreserved characters and sub-delims percent-encoded; '/'
 * stays. */
void target_write_encoded(struct buf *buf, struct slice text);
