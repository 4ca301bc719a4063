#include "serve/spell.h"

#include <time.h>

/* A number of units, rounded: with a tenth where it has but one or two digits before it, and with
 * hundredths where there is not even a tenth. */
static void put_units(struct buf *buf, uint64_t us, uint64_t unit_us) {
    uint64_t tenths = (us + unit_us / 20) / (unit_us / 10);
    if (tenths == 0) {
        buf_put(buf, SLICE("0.0"));
        buf_put_number(buf, (us + unit_us / 200) / (unit_us / 100));
    } else if (tenths >= 1000) {
        buf_put_number(buf, (us + unit_us / 2) / unit_us);
    } else {
        buf_put_number(buf, tenths / 10);
        buf_put_char(buf, '.');
        buf_put_number(buf, tenths % 10);
    }
}

void spell_duration(struct buf *buf, uint64_t us) {
    bool is_short = us < 999500;
    put_units(buf, us, is_short ? 1000 : 1000000);
    buf_put(buf, is_short ? SLICE(" ms") : SLICE(" s"));
}

static void put_count(struct buf *buf, uint64_t count, struct slice unit) {
    buf_put_number(buf, count);
    buf_put_char(buf, ' ');
    buf_put(buf, unit);
}

void spell_elapsed(struct buf *buf, uint64_t s) {
    static const struct {
        uint64_t s;
        struct slice name;
    } units[] = {{86400, SLICE_INIT("d")},
                 {3600, SLICE_INIT("h")},
                 {60, SLICE_INIT("min")},
                 {1, SLICE_INIT("s")}};
    const size_t last = sizeof units / sizeof units[0] - 1;
    size_t i = 0;
    while (i < last && s < units[i].s)
        i++;
    put_count(buf, s / units[i].s, units[i].name);
    if (i < last) {
        buf_put_char(buf, ' ');
        put_count(buf, s % units[i].s / units[i + 1].s, units[i + 1].name);
    }
}

void spell_clock(struct buf *buf, int64_t time_s) {
    struct tm local;
    char text[sizeof "08:49:37"];
    time_t time = (time_t)time_s;
    if (localtime_r(&time, &local) != NULL && strftime(text, sizeof text, "%H:%M:%S", &local) > 0)
        buf_put(buf, slice_of_text(text));
}
