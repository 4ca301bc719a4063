#include "proc/handover.h"

#include "base/ascii.h"
#include "base/number.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static bool parse(const char *text, uint64_t max, uint64_t *value) {
    return text != NULL && number_parse(slice_of_text(text), max, value);
}

static bool is_capital(char c) {
    return ascii_lower(c) != c;
}

/* CHANNEL:KINDS */
static void parse_upgrade(const char *text, struct handover *handover) {
    struct slice kinds = slice_of_text(text);
    struct slice number;
    uint64_t channel;
    if (slice_cut(&kinds, ':', &number) && kinds.len == handover->sockets &&
        number_parse(number, INT_MAX, &channel) && channel >= HANDOVER_FIRST) {
        handover->channel = (int)channel;
        handover->kinds = kinds.ptr;
        while (kinds.len > 0 && is_capital(kinds.ptr[kinds.len - 1]))
            kinds.len--;
        handover->admin = handover->sockets - kinds.len;
    }
}

struct handover handover_parse(const struct handover_words *words, pid_t pid) {
    struct handover handover = {.sockets = 0, .channel = -1};
    uint64_t meant_for;
    uint64_t sockets;
    if (!parse(words->pid, INT_MAX, &meant_for) || meant_for != (uint64_t)pid ||
        !parse(words->sockets, INT_MAX - HANDOVER_FIRST, &sockets))
        return handover;
    handover.sockets = (size_t)sockets;
    if (words->upgrade != NULL)
        parse_upgrade(words->upgrade, &handover);
    return handover;
}

struct handover handover_take(void) {
    static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                        "PRONTO_UPGRADE"};
    const struct handover_words words = {getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                                         getenv("PRONTO_UPGRADE")};
    struct handover handover = handover_parse(&words, getpid());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    return handover;
}
