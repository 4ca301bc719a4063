#include "conf/quantity.h"

#include "base/number.h"

#include <string.h>

enum { UNITS_MAX = 5 };

/* Smaller ones first; ended by one without a name. */
static const struct unit {
    const char *name;
    uint64_t factor;
} units_of[][UNITS_MAX] = {
    [QUANTITY_COUNT] = {{"", 1}},
    [QUANTITY_SIZE] = {{"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}},
    [QUANTITY_DURATION] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}},
};

bool quantity_parse(const char *text, enum quantity_kind kind, uint64_t *value) {
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    uint64_t product;
    if (!number_parse(slice_of(text, digits), UINT64_MAX, &number))
        return false;
    for (const struct unit *unit = units_of[kind]; unit->name != NULL; unit++) {
        if (strcmp(text + digits, unit->name) != 0)
            continue;
        if (__builtin_mul_overflow(number, unit->factor, &product))
            return false;
        *value = product;
        return true;
    }
    return false;
}

void quantity_put(struct buf *buf, uint64_t value, enum quantity_kind kind) {
    const struct unit *largest = units_of[kind];
    for (const struct unit *unit = largest; unit->name != NULL; unit++) {
        if (value > 0 && value % unit->factor == 0)
            largest = unit;
    }
    buf_put_number(buf, value / largest->factor);
    buf_put(buf, slice_of_text(largest->name));
}
