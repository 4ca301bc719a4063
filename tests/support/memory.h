/* Memory that is counted, and runs out when the test says so.
 *
 * For one test program, which includes this itself: that makes the linker put the functions in
 * place. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

static long allocations_until_failure = -1; /* negative: none fails */
static long blocks;                         /* in use */
static size_t largest_block;                /* by malloc(); bytes */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_reallocarray(void *ptr, size_t count, size_t size);
void __real_free(void *ptr);
void __wrap_free(void *ptr);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static inline bool may_allocate(void) {
    return allocations_until_failure < 0 || allocations_until_failure-- > 0;
}

static inline void *count_block(void *ptr) {
    blocks += ptr != NULL ? 1 : 0;
    return ptr;
}

void *__wrap_malloc(size_t size) {
    if (size > largest_block)
        largest_block = size;
    return count_block(may_allocate() ? __real_malloc(size) : NULL);
}

void *__wrap_calloc(size_t count, size_t size) {
    return count_block(may_allocate() ? __real_calloc(count, size) : NULL);
}

void *__wrap_realloc(void *ptr, size_t size) {
    void *larger = may_allocate() ? __real_realloc(ptr, size) : NULL;
    blocks += ptr == NULL && larger != NULL ? 1 : 0;
    return larger;
}

void *__wrap_reallocarray(void *ptr, size_t count, size_t size) {
    return __wrap_realloc(ptr, count * size);
}

void __wrap_free(void *ptr) {
    blocks -= ptr != NULL ? 1 : 0;
    __real_free(ptr);
}

/* These two allocate without being asked whether they may. */

char *__wrap_realpath(const char *path, char *resolved) {
    return count_block(__real_realpath(path, resolved));
}

char *__wrap_strdup(const char *text) {
    return count_block(__real_strdup(text));
}
