/* A store of what is in a temporary tree, asked as the serve floor asks it. The time is what the
 * test says it is.
 *
 * All of it is in the header: it calls the store floor, which the tests of other floors don't link.
 */
#pragma once

#include "store/store.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STOCK_MEMORY_MAX = 1000, STOCK_NOW_S = 1000000000, STOCK_OLD_S = 900000000 };

static struct stock {
    struct tree tree;
    struct roots roots;
    struct options options; /* with mounts, where the test has set them before it opens */
    struct store store;
    size_t fds;          /* open before */
    int64_t now_ms;      /* on the monotonic clock */
    bool recalled;       /* what was asked for last was in the cache */
    unsigned available;  /* codings of it */
    unsigned built;      /* those that were ready behind it */
    bool negotiated;     /* as its representation says */
    struct slice coding; /* the same */
    struct slice type;   /* the same */
} stock;

static inline void stock_make_tree(void) {
    struct err err = ERR_INIT;
    stock.fds = process_count_fds(getpid());
    stock.now_ms = 5000;
    tree_make(&stock.tree);
    stock.options = (struct options){.cache_file_max = STOCK_MEMORY_MAX};
    assert_int_equal(names_parse("index.html,index.htm", &stock.options.index, &err), 0);
}

/* Opens the tree, or a file in it, with that much room for the cache. */
static inline void stock_open_root(const char *root, enum beneath_links links,
                                   uint64_t cache_size) {
    struct err err = ERR_INIT;
    stock.options.root = root;
    stock.options.symlinks = links == BENEATH_LINKS_INSIDE ? SYMLINKS_INSIDE : SYMLINKS_NONE;
    stock.options.cache_size = cache_size;
    assert_int_equal(roots_open(&stock.roots, &stock.options, &err), 0);
    assert_int_equal(store_init(&stock.store, &stock.roots, &stock.options, &err), 0);
}

static inline void stock_open(uint64_t cache_size) {
    stock_open_root(stock.tree.path, BENEATH_LINKS_INSIDE, cache_size);
}

static inline void stock_shut(void) {
    store_deinit(&stock.store);
    store_deinit(&stock.store); /* idempotent */
    roots_deinit(&stock.roots);
    assert_int_equal(process_count_fds(getpid()), stock.fds);
}

static inline void stock_close(void) {
    stock_shut();
    tree_remove(&stock.tree);
}

/* What a path names, which is asked for by a target like it; borrowed until stock_return(). NULL:
 * no memory. */
static inline struct resource *stock_borrow_as(const char *key, const char *path) {
    size_t len = strlen(path);
    bool as_directory = len == 0 || path[len - 1] == '/';
    struct slice name = slice_of(path, len > 0 && as_directory ? len - 1 : len);
    struct resource *resource = store_recall(&stock.store, slice_of_text(key), stock.now_ms);
    stock.recalled = resource != NULL;
    if (resource == NULL)
        resource =
            store_look_up(&stock.store, slice_of_text(key), name, as_directory, stock.now_ms);
    return resource;
}

static inline struct resource *stock_borrow(const char *path) {
    return stock_borrow_as(path, path);
}

static inline void stock_return(struct resource *resource) {
    stock.available = resource->available;
    stock.built = 0;
    for (unsigned i = 0; i < CODING_COUNT; i++)
        stock.built |= resource->entries[i] != NULL ? 1u << i : 0;
    store_release(&stock.store, resource);
    assert_int_equal(stock.store.opened.fd, -1);
}

static inline const char *stock_outcome(enum docroot_outcome outcome) {
    static const char *const names[] = {
        [DOCROOT_FILE] = "FILE",           [DOCROOT_DIRECTORY] = "DIRECTORY",
        [DOCROOT_NEEDS_SLASH] = "SLASH",   [DOCROOT_ABSENT] = "ABSENT",
        [DOCROOT_FORBIDDEN] = "FORBIDDEN", [DOCROOT_EXHAUSTED] = "EXHAUSTED",
        [DOCROOT_FAULT] = "FAULT",
    };
    return names[outcome];
}

/* The content of an entry, up to 63 bytes of it. */
static inline const char *stock_content(const struct entry *entry) {
    static char text[64];
    size_t len =
        entry->representation.length < sizeof text ? entry->representation.length : sizeof text - 1;
    if (entry->fd >= 0)
        assert_int_equal(pread(entry->fd, text, len, 0), len);
    else
        memcpy(text, entry->content, len);
    text[len] = '\0';
    stock.negotiated = entry->representation.negotiated;
    stock.coding = entry->representation.content_coding;
    stock.type = entry->representation.content_type;
    return text;
}

/* The content that is sent in a coding of what was borrowed, or why there is none. */
static inline const char *stock_read(struct resource *resource, enum coding coding) {
    struct entry *entry = NULL;
    enum docroot_outcome outcome = resource->outcome;
    if (outcome == DOCROOT_FILE)
        outcome = store_entry(&stock.store, resource, coding, STOCK_NOW_S, &entry);
    assert_int_equal(outcome == DOCROOT_FILE, entry != NULL);
    return entry != NULL ? stock_content(entry) : stock_outcome(outcome);
}

/* The same of a path. */
static inline const char *stock_get_coded(const char *path, enum coding coding) {
    struct resource *resource = stock_borrow(path);
    if (resource == NULL)
        return "no memory";
    const char *content = stock_read(resource, coding);
    stock_return(resource);
    return content;
}

static inline const char *stock_get(const char *path) {
    return stock_get_coded(path, CODING_IDENTITY);
}

/* Fails unless that is what is sent now, from the cache or not. */
static inline void stock_expect(const char *row, const char *path, const char *content,
                                bool recalled) {
    row_assert_slice(row, slice_of_text(stock_get(path)), slice_of_text(content));
    row_assert_number(row, stock.recalled, recalled);
}

/* Sets the time of a file, in seconds since the epoch. */
static inline void stock_date(const char *name, int64_t time_s) {
    const struct timespec times[2] = {{.tv_sec = time_s}, {.tv_sec = time_s}};
    row_assert_number(
        name, utimensat(AT_FDCWD, tree_path(&stock.tree, name), times, AT_SYMLINK_NOFOLLOW), 0);
}

/* Writes a file that was last modified long ago, so that it counts as settled. */
static inline void stock_write(const char *name, const char *text) {
    tree_text(&stock.tree, name, text);
    stock_date(name, STOCK_OLD_S);
}

static inline void stock_rename(const char *from, const char *to) {
    row_assert_number(from, rename(tree_path(&stock.tree, from), tree_path(&stock.tree, to)), 0);
}

static inline void stock_remove(const char *name) {
    row_assert_number(name, remove(tree_path(&stock.tree, name)), 0);
}
