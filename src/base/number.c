#include "base/number.h"

#include "base/ascii.h"

bool number_parse(struct slice text, uint64_t max, uint64_t *value) {
    uint64_t sum = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]) || __builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text.ptr[i] - '0'), &sum) || sum > max)
            return false;
    }
    *value = sum;
    return true;
}
