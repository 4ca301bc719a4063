/* Status codes (RFC 9110 §15), and the short page that an error carries. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

enum status {
#define STATUS(name, code, reason, explanation) STATUS_##name,
#include "http/status.def"
#undef STATUS
    STATUS_COUNT,
};

/* The three-digit code. */
unsigned status_code(enum status status);

/* "HTTP/1.1 200 OK" and its CRLF; static. The version is the sender's own, also in answers to
 * HTTP/1.0 (RFC 9110 §2.5). */
struct slice status_line(enum status status);

/* Writes a small HTML page that says what the status means. */
void status_page(struct buf *buf, enum status status);
