/* Names of files, which are any bytes but NUL and '/', in texts that are not: HTML, JSON, a URI,
 * the lines of a terminal. What is no UTF-8 is shown by a sign that stands for it; only URIs and
 * the lines say which bytes it was. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* How much longer the text may become: a byte is written as at most that many. */
enum { ESCAPE_HTML_MAX = 6, ESCAPE_JSON_MAX = 6, ESCAPE_REFERENCE_MAX = 3, ESCAPE_LINE_MAX = 4 };

/* For text and for attribute values in quotes of either kind. Control characters become their
 * pictures (U+2400 and on), so that they are seen, and what is no UTF-8 becomes U+FFFD, as do the
 * controls of C1. */
void escape_html(struct buf *buf, struct slice text);

/* For a string, without its quotes (RFC 8259 §7). What is no UTF-8 becomes U+FFFD. */
void escape_json(struct buf *buf, struct slice text);

/* The relative reference to `name` in the directory of the document, "./a%20b": with its dot it can
 * be taken neither for a scheme nor for a host (RFC 3986 §4.2). Directories end in a slash. In a
 * URI all bytes can be written, so it names exactly this file. 3 bytes come with it. */
void escape_reference(struct buf *buf, struct slice name, bool directory);

/* For a line that is shown by a terminal, and can be read back: a backslash is doubled, and what
 * could break or reorder the line or command the terminal, or is no UTF-8, is written as \xNN. */
void escape_line(struct buf *buf, struct slice text);
