/* Where a log is to go, as the operator writes it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "conf/address.h"

enum destination_kind {
    DESTINATION_UNSAID, /* up to the caller */
    DESTINATION_OFF,
    DESTINATION_STDOUT,
    DESTINATION_FILE,
    DESTINATION_SYSLOG,
};

/* All zero: DESTINATION_UNSAID. */
struct destination {
    enum destination_kind kind;
    const char *path;       /* DESTINATION_FILE; borrowed from the text */
    struct address address; /* DESTINATION_SYSLOG */
};

enum { DESTINATION_SYSLOG_PORT = 514 }; /* RFC 5426 §3.3 */

/* Reads "off", "-", "syslog:HOST" with or without ":PORT", where HOST is an IPv4 address, "[V6]" or
 * "localhost", or else the name of a file. Returns 0, or -EINVAL and a message. */
int destination_parse(const char *text, struct destination *destination, struct err *err);

/* As it would be written; in `room`, which takes ADDRESS_TEXT_MAX bytes and eight more, or
 * borrowed. SLICE_NONE: DESTINATION_UNSAID. */
struct slice destination_put(const struct destination *destination, struct buf *room);
