/* A target of which the answer changes, because the files do. What it has to be is read from the
 * tree, by a second way than the server's: as an ordinary user opens the path that the target
 * names. Directories have no index file but index.html and, where that is absent, index.htm; what
 * is absent has the content of 404.html in the root, if there is one. */
#pragma once

#include "support/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct page_state {
    int status;       /* 0: not looked at yet */
    struct stat stat; /* of the file, where the status is 200; else all 0 */
    char *bytes;      /* its content, or that of the site's page for the status; NULL: any */
    size_t len;
    char etag[64]; /* as the first answer had it; empty: none has come */
};

struct page {
    char target[128];
    struct page_state now;
    struct page_state before; /* another one: what a stale answer shows */
};

/* How a page is asked for. A stale entry may be found by one way and not by the other. */
struct page_ask {
    const char *method;
    const char *prefix; /* written before and behind the target, and of no meaning; "/again" is
                           where the root is mounted once more */
    const char *suffix;
    bool if_changed; /* with If-None-Match and the former ETag, if there is one */
};

/* `number` as any; 0 is the plain GET. */
const struct page_ask *page_ask_of(uint64_t number);

/* Notes what the answer has to be from now on. Returns whether it is another one. */
bool page_look(struct page *page, const char *root);

/* Asks for it. */
void page_send(const struct page *page, const struct page_ask *ask, struct client *client);

/* Reads the answer; fails, with `context` and the words "stale answer" where it is what `before`
 * says or content with a lower serial number, unless it is what `now` says. Content that has
 * changed must come with another ETag, if the file system gave the file another time, size or
 * inode. */
void page_read(struct page *page, const struct page_ask *ask, struct client *client,
               const char *context);

void page_deinit(struct page *page);
