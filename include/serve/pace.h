/* How many lines a person can read: where more come than that, none are shown until fewer do. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_BURST = 100,    /* lines within a second: a page with all that belongs to it */
    PACE_CALM = 20,      /* after a second with more, lines go on to be withheld, ... */
    PACE_PAUSE_MS = 200, /* ... unless nothing came for so long before the next */
};

/* All zero: at rest. */
struct pace {
    int64_t second;  /* that is counted in */
    unsigned lines;  /* that came in it, shown or not */
    int64_t last_ms; /* when the last of all came */
    bool pours;      /* lines are withheld */
    bool untold;     /* the first one of this second was withheld since pace_tell() */
};

/* Whether a line that comes now is shown. `now_ms` must never run backwards. */
bool pace_allows(struct pace *pace, int64_t now_ms);

/* Whether lines were withheld and nobody has been told in this second; now somebody is. */
bool pace_tell(struct pace *pace);
