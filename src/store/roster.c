#include "store/roster.h"

#include "base/ascii.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* An entry as it is kept, followed by its name and, up to the next multiple of 8, nothing. */
struct item {
    uint64_t size;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint8_t name_len;
    bool directory;
    char name[];
};

enum { ITEM_BYTES_MAX = (offsetof(struct item, name) + ROSTER_NAME_MAX + 7) / 8 * 8 };

/* Items behind each other; in order, once the run is closed. */
struct roster_run {
    size_t count;
    size_t at;  /* offset of the first item that is left */
    size_t len; /* bytes */
    _Alignas(struct item) char bytes[];
};

static size_t item_bytes(size_t name_len) {
    return (offsetof(struct item, name) + name_len + 7) / 8 * 8;
}

static const struct item *item_at(const struct roster_run *run, size_t at) {
    return (const struct item *)(const void *)(run->bytes + at);
}

static struct slice item_name(const struct item *item) {
    return slice_of(item->name, item->name_len);
}

/* Comparisons: less than, equal to, or greater than 0. */

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_times(const struct item *a, const struct item *b) {
    int order = (a->mtime_s > b->mtime_s) - (a->mtime_s < b->mtime_s);
    return order != 0 ? order : compare_numbers(a->mtime_ns, b->mtime_ns);
}

static int compare_bytes(struct slice a, struct slice b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : compare_numbers(a.len, b.len);
}

/* Cuts the digits off the front, without the zeros that lead. */
static struct slice take_digits(struct slice *text) {
    size_t end = 0;
    size_t zeros = 0;
    while (end < text->len && ascii_is_digit(text->ptr[end])) {
        if (zeros == end && text->ptr[end] == '0')
            zeros++;
        end++;
    }
    struct slice digits = slice_of(text->ptr + zeros, end - zeros);
    *text = slice_after(*text, end);
    return digits;
}

/* Numbers of any length: the longer one is the greater one. */
static int compare_digits(struct slice a, struct slice b) {
    int order = compare_numbers(a.len, b.len);
    return order != 0 ? order : compare_bytes(a, b);
}

static int compare_names(struct slice a, struct slice b) {
    struct slice rest_a = a;
    struct slice rest_b = b;
    int order = 0;
    while (order == 0 && rest_a.len > 0 && rest_b.len > 0) {
        if (ascii_is_digit(rest_a.ptr[0]) && ascii_is_digit(rest_b.ptr[0])) {
            struct slice digits = take_digits(&rest_a);
            order = compare_digits(digits, take_digits(&rest_b));
        } else {
            order = compare_numbers((unsigned char)ascii_lower(rest_a.ptr[0]),
                                    (unsigned char)ascii_lower(rest_b.ptr[0]));
            rest_a = slice_after(rest_a, 1);
            rest_b = slice_after(rest_b, 1);
        }
    }
    if (order == 0)
        order = compare_numbers(rest_a.len, rest_b.len);
    return order != 0 ? order : compare_bytes(a, b);
}

static int compare_keys(enum view_sort sort, const struct item *a, const struct item *b) {
    switch (sort) {
    case VIEW_BY_SIZE:
        return a->directory ? 0 : compare_numbers(a->size, b->size);
    case VIEW_BY_TIME:
        return compare_times(a, b);
    case VIEW_BY_NAME:
    case VIEW_SORTS:
        break;
    }
    return compare_names(item_name(a), item_name(b));
}

static int compare_items(const struct roster *roster, const struct item *a, const struct item *b) {
    if (a->directory != b->directory)
        return a->directory ? -1 : 1;
    int order = compare_keys(roster->sort, a, b);
    if (order != 0)
        return roster->descending ? -order : order;
    return compare_names(item_name(a), item_name(b));
}

void roster_init(struct roster *roster, enum view_sort sort, bool descending, size_t entries_max,
                 size_t bytes_max) {
    *roster = (struct roster){
        .sort = sort,
        .descending = descending,
        .entries_max = entries_max,
        .bytes_max = bytes_max,
    };
}

void roster_deinit(struct roster *roster) {
    for (size_t i = 0; i < roster->heap_count; i++)
        free(roster->heap[i]);
    free(roster->heap);
    free(roster->open);
    *roster = (struct roster){.heap = NULL};
}

/* The heap: each run's first item is not less than that of the run at half its index. */

static bool goes_before(const struct roster *roster, size_t i, size_t j) {
    const struct roster_run *a = roster->heap[i];
    const struct roster_run *b = roster->heap[j];
    return compare_items(roster, item_at(a, a->at), item_at(b, b->at)) < 0;
}

static void swap_runs(struct roster *roster, size_t i, size_t j) {
    struct roster_run *run = roster->heap[i];
    roster->heap[i] = roster->heap[j];
    roster->heap[j] = run;
}

static void sift_up(struct roster *roster, size_t i) {
    for (; i > 0 && goes_before(roster, i, (i - 1) / 2); i = (i - 1) / 2)
        swap_runs(roster, i, (i - 1) / 2);
}

static void sift_down(struct roster *roster) {
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            if (child < roster->heap_count && goes_before(roster, child, least))
                least = child;
        }
        if (least == i)
            return;
        swap_runs(roster, i, least);
        i = least;
    }
}

static bool grow_heap(struct roster *roster) {
    if (roster->heap_count < roster->heap_capacity)
        return true;
    size_t capacity = roster->heap_capacity == 0 ? 16 : 2 * roster->heap_capacity;
    struct roster_run **heap = reallocarray(roster->heap, capacity, sizeof(struct roster_run *));
    if (heap == NULL)
        return false;
    roster->heap = heap;
    roster->heap_capacity = capacity;
    return true;
}

/* Runs */

static bool open_run(struct roster *roster) {
    if (roster->open == NULL) {
        roster->open = malloc(sizeof *roster->open + (size_t)ROSTER_RUN * ITEM_BYTES_MAX);
        if (roster->open != NULL)
            *roster->open = (struct roster_run){0};
    }
    return roster->open != NULL;
}

static int compare_sorted(const void *a, const void *b, void *roster) {
    return compare_items(roster, *(const struct item *const *)a, *(const struct item *const *)b);
}

/* Copies the items of `from` in order. */
static void sort_into(struct roster *roster, const struct roster_run *from, struct roster_run *to) {
    const struct item *items[ROSTER_RUN];
    size_t at = 0;
    for (size_t i = 0; i < from->count; i++) {
        items[i] = item_at(from, at);
        at += item_bytes(items[i]->name_len);
    }
    qsort_r(items, from->count, sizeof(const struct item *), compare_sorted, roster);
    for (size_t i = 0; i < from->count; i++) {
        size_t bytes = item_bytes(items[i]->name_len);
        memcpy(to->bytes + to->len, items[i], bytes);
        to->len += bytes;
    }
    to->count = from->count;
}

/* Sorts the open run, and puts what it holds on the heap, in no more memory than it needs. */
static bool close_run(struct roster *roster) {
    struct roster_run *open = roster->open;
    struct roster_run *run = malloc(sizeof *run + open->len);
    if (run == NULL || !grow_heap(roster)) {
        free(run);
        return false;
    }
    *run = (struct roster_run){0};
    sort_into(roster, open, run);
    *open = (struct roster_run){0};
    roster->heap[roster->heap_count++] = run;
    sift_up(roster, roster->heap_count - 1);
    return true;
}

static void put_item(struct roster_run *run, const struct roster_entry *entry) {
    struct item *item = (struct item *)(void *)(run->bytes + run->len);
    size_t bytes = item_bytes(entry->name.len);
    memset(item, 0, bytes); /* what is behind the name is copied, too */
    item->size = entry->size;
    item->mtime_s = entry->mtime_s;
    item->mtime_ns = entry->mtime_ns;
    item->directory = entry->directory;
    item->name_len = (uint8_t)entry->name.len;
    memcpy(item->name, entry->name.ptr, entry->name.len);
    run->len += bytes;
    run->count++;
}

bool roster_add(struct roster *roster, const struct roster_entry *entry) {
    CHECK(entry->name.len > 0 && entry->name.len <= ROSTER_NAME_MAX);
    size_t bytes = item_bytes(entry->name.len);
    if (roster->entries == roster->entries_max || bytes > roster->bytes_max - roster->bytes)
        return false;
    if (!open_run(roster))
        return false;
    if (roster->open->count == ROSTER_RUN && !close_run(roster))
        return false;
    put_item(roster->open, entry);
    roster->entries++;
    roster->bytes += bytes;
    return true;
}

bool roster_close(struct roster *roster) {
    bool closed = roster->open == NULL || roster->open->count == 0 || close_run(roster);
    free(roster->open);
    roster->open = NULL;
    return closed;
}

bool roster_first(const struct roster *roster, struct roster_entry *entry) {
    if (roster->heap_count == 0)
        return false;
    const struct item *item = item_at(roster->heap[0], roster->heap[0]->at);
    *entry = (struct roster_entry){
        .name = item_name(item),
        .size = item->size,
        .mtime_s = item->mtime_s,
        .mtime_ns = item->mtime_ns,
        .directory = item->directory,
    };
    return true;
}

void roster_drop_first(struct roster *roster) {
    struct roster_run *run = roster->heap[0];
    run->at += item_bytes(item_at(run, run->at)->name_len);
    if (run->at == run->len) {
        free(run);
        roster->heap[0] = roster->heap[--roster->heap_count];
    }
    sift_down(roster);
}
