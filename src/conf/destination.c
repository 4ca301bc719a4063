#include "conf/destination.h"

#include "base/slice.h"

#include <errno.h>
#include <stdio.h>

/* Whether there is a port behind the host, which may have colons in brackets. */
static bool has_port(const char *text) {
    const char *bracket = strrchr(text, ']');
    return strchr(bracket != NULL ? bracket : text, ':') != NULL;
}

static int parse_syslog(const char *text, struct destination *destination, struct err *err) {
    char with_port[ADDRESS_TEXT_MAX];
    struct err reason = ERR_INIT;
    struct address *address = &destination->address;
    int len = has_port(text)
                  ? snprintf(with_port, sizeof with_port, "%s", text)
                  : snprintf(with_port, sizeof with_port, "%s:%d", text, DESTINATION_SYSLOG_PORT);
    destination->kind = DESTINATION_SYSLOG;
    if ((size_t)len < sizeof with_port && address_parse(with_port, address, &reason) == 0 &&
        !address_is_wildcard(address) && address_port(address) != 0)
        return 0;
    return err_set(
        err, EINVAL,
        "'syslog:%s' is no receiver (give syslog:HOST or syslog:HOST:PORT, where HOST is "
        "an IPv4 address, [V6] or localhost)",
        text);
}

int destination_parse(const char *text, struct destination *destination, struct err *err) {
    static const char syslog[] = "syslog:";
    *destination = (struct destination){.kind = DESTINATION_FILE, .path = text};
    if (strncmp(text, syslog, sizeof syslog - 1) == 0)
        return parse_syslog(text + sizeof syslog - 1, destination, err);
    if (text[0] == '\0')
        return err_set(err, EINVAL, "the name of the file is empty (- is the standard output)");
    if (strcmp(text, "off") == 0)
        destination->kind = DESTINATION_OFF;
    else if (strcmp(text, "-") == 0)
        destination->kind = DESTINATION_STDOUT;
    return 0;
}

struct slice destination_put(const struct destination *destination, struct buf *room) {
    char text[ADDRESS_TEXT_MAX];
    switch (destination->kind) {
    case DESTINATION_UNSAID:
        break;
    case DESTINATION_OFF:
        return SLICE("off");
    case DESTINATION_STDOUT:
        return SLICE("-");
    case DESTINATION_FILE:
        return slice_of_text(destination->path);
    case DESTINATION_SYSLOG:
        address_format(&destination->address, text);
        buf_put(room, SLICE("syslog:"));
        buf_put(room, slice_of_text(text));
        return buf_slice(room);
    }
    return SLICE_NONE;
}
