#include "support/guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes of the pages before the guard page that hold `len` bytes. */
static size_t pages_bytes(size_t len, size_t page) {
    return (len + page - 1) / page * page;
}

static size_t page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

char *guard_room(size_t len) {
    const size_t page = page_bytes();
    const size_t usable = pages_bytes(len, page);
    char *memory =
        mmap(NULL, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + usable, page, PROT_NONE) != 0) {
        perror("guard_room");
        abort();
    }
    memset(memory, 0xa5, usable);
    return memory + usable - len;
}

char *guard_copy(struct slice text) {
    char *room = guard_room(text.len);
    if (text.len > 0)
        memcpy(room, text.ptr, text.len);
    return room;
}

void guard_free(char *ptr, size_t len) {
    const size_t page = page_bytes();
    const size_t usable = pages_bytes(len, page);
    if (munmap(ptr + len - usable, usable + page) != 0) {
        perror("guard_free");
        abort();
    }
}
