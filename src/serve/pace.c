#include "serve/pace.h"

static void begin_second(struct pace *pace, int64_t now_ms) {
    if (pace->lines <= PACE_CALM || now_ms - pace->last_ms >= PACE_PAUSE_MS)
        pace->pours = false;
    pace->untold = pace->pours;
    pace->second = now_ms / 1000;
    pace->lines = 0;
}

bool pace_allows(struct pace *pace, int64_t now_ms) {
    if (now_ms / 1000 != pace->second)
        begin_second(pace, now_ms);
    if (pace->lines == PACE_BURST && !pace->pours) {
        pace->pours = true;
        pace->untold = true;
    }
    pace->lines++;
    pace->last_ms = now_ms;
    return !pace->pours;
}

bool pace_tell(struct pace *pace) {
    bool untold = pace->untold;
    pace->untold = false;
    return untold;
}
