#include "store/size.h"

/* 10^3 to 10^18 bytes; there are no larger ones in 64 bits. */
static const char units[] = "kMGTPE";

/* Rounds half up, and does not overflow. */
static uint64_t divide_rounded(uint64_t value, uint64_t by) {
    return value / by + (value % by >= by - value % by ? 1 : 0);
}

void size_put(struct buf *buf, uint64_t bytes) {
    uint64_t unit = 1;
    size_t index = 0; /* of the unit behind this one */
    while (units[index] != '\0' && bytes >= 1000 * unit - unit / 2) {
        unit *= 1000;
        index++;
    }
    uint64_t tenths = unit == 1 ? 0 : divide_rounded(bytes, unit / 10);
    if (unit > 1 && tenths < 100) {
        buf_put_number(buf, tenths / 10);
        buf_put_char(buf, '.');
        buf_put_number(buf, tenths % 10);
    } else {
        buf_put_number(buf, divide_rounded(bytes, unit));
    }
    buf_put_char(buf, ' ');
    if (index > 0)
        buf_put_char(buf, units[index - 1]);
    buf_put_char(buf, 'B');
}
