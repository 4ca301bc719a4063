#include "serve/pace.h"

static void begin_second(struct pace *pace, int64_t second) {
    bool calm = pace->lines <= PACE_CALM || second - pace->second > 1;
    if (calm)
        pace->pours = false;
    pace->untold = pace->pours;
    pace->second = second;
    pace->lines = 0;
}

bool pace_allows(struct pace *pace, int64_t now_ms) {
    int64_t second = now_ms / 1000;
    if (second != pace->second)
        begin_second(pace, second);
    if (pace->lines == PACE_BURST && !pace->pours) {
        pace->pours = true;
        pace->untold = true;
    }
    pace->lines++;
    return !pace->pours;
}

bool pace_tell(struct pace *pace) {
    bool untold = pace->untold;
    pace->untold = false;
    return untold;
}
