/* Times, as people read them. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum { SPELL_TEXT_MAX = 48 }; /* bytes that each of these writes at most */

/* A duration to two or three digits: "0.02 ms", "12.5 ms", "999 ms", "1.0 s", "100 s". */
void spell_duration(struct buf *buf, uint64_t us);

/* How long something went on, in its two largest units: "41 s", "3 min 20 s", "2 h 5 min". */
void spell_elapsed(struct buf *buf, uint64_t s);

/* A time of day where the operator is: "08:49:37". `time_s` is in seconds since the epoch. */
void spell_clock(struct buf *buf, int64_t time_s);
