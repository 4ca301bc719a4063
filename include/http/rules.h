/* Files of rules that lie beside what is served, `_redirects` and `_headers`: their lines, their
 * limits, and what is wrong in them. docs/rules.md is their reference. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Macros, so that messages can tell them. */
#define RULES_TEXT_MAX         1048576 /* bytes of a file */
#define RULES_LINE_MAX         4096    /* bytes, without the line end */
#define RULES_PLACEHOLDERS_MAX 15      /* in a path */
#define RULES_REDIRECTS_MAX    2100    /* rules in _redirects */
#define RULES_HEADERS_MAX      1000    /* paths in _headers */
#define RULES_FIELDS_MAX       4000    /* fields in _headers */

/* The files, as they are called at the root of what is served. */
enum rules_file { RULES_REDIRECTS, RULES_HEADERS, RULES_FILES };

struct slice rules_file_name(enum rules_file file);

/* Whether a path beneath the root is that of such a file, or of an encoded sibling of one, which
 * somebody may have made of all files. */
bool rules_are_at(struct slice path);

enum rules_mistake {
    RULES_OK,
#define MISTAKE(name, text) RULES_##name,
#include "http/mistake.def"
#undef MISTAKE
    RULES_MISTAKES_COUNT,
};

struct rules_fault {
    unsigned line; /* from 1; 0: the file as a whole */
    enum rules_mistake mistake;
    struct slice part; /* what it is about, of the file's text; SLICE_NONE for the line as such */
};

/* What is wrong in a file. Parsing goes on behind a fault, so that all of them can be told at once.
 */
struct rules_faults {
    struct rules_fault *items; /* the caller's */
    size_t capacity;
    size_t count; /* also of those for which there was no room */
};

#define RULES_FAULTS_INIT(memory, size) \
    { .items = (memory), .capacity = (size) }

void rules_fault_add(struct rules_faults *faults, unsigned line, enum rules_mistake mistake,
                     struct slice part);

/* Writes "line 3: '/a?b' has a query ...", without a line end and in printable ASCII; a long part
 * is cut. */
void rules_fault_write(struct buf *buf, const struct rules_fault *fault);

/* Goes through the lines of a file. */
struct rules_reader {
    struct slice rest; /* borrowed */
    struct rules_faults *faults;
    unsigned line; /* of the one that rules_next() returned, from 1 */
};

/* A byte order mark at the start is passed over. A text that is too large is a fault, and has no
 * lines. */
void rules_start(struct rules_reader *reader, struct slice text, struct rules_faults *faults);

/* Takes the next line that is neither blank nor a comment, without its line end (LF or CRLF; none
 * is needed behind the last line) and without blanks at its end. Lines that are too long or hold
 * control characters other than HTAB are faults, and passed over. Returns false at the end. */
bool rules_next(struct rules_reader *reader, struct slice *line);
