/* malloc() that fails as long as the test says so. Where it must count as well, or fail at some
 * call, see memory.h.
 *
 * For one test program, which includes this itself: that makes the linker put the function in
 * place. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

static bool out_of_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    return out_of_memory ? NULL : __real_malloc(size);
}
