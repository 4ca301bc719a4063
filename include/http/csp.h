/* Content-Security-Policy, as pages of the server's own need it (CSP Level 3 §2.3.1). */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* Writes that a directive allows what has that SHA-256, in base64, and nothing else. */
static inline void csp_put_hash(struct buf *buf, struct slice directive, struct slice hash) {
    buf_put(buf, directive);
    buf_put(buf, SLICE(" 'sha256-"));
    buf_put(buf, hash);
    buf_put(buf, SLICE("'; "));
}
