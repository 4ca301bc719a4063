/* A site that keeps changing while it is served, by two workers and under load: spots, each a
 * directory in which one kind of change happens again and again, and the pages it shows in. Seeded,
 * so that the same changes can be made again:
 *
 *   PRONTO_FRESH_SEED=N    another seed
 *   PRONTO_FRESH_KIND=NAME this kind only
 *   PRONTO_FRESH_CHANGES=N so many changes
 */
#pragma once

#include "support/crowd.h"
#include "support/page.h"
#include "support/process.h"
#include "support/scene.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_PAGES = 4, WORLD_SPOTS_MAX = 96, WORLD_PATH_MAX = 400 };

struct world;
struct spot;

struct kind {
    const char *name;                 /* also its directory's, followed by a number */
    const char *targets[WORLD_PAGES]; /* in that directory; or, with a slash first, in the site */
    /* Makes one change, some way or other: also the first, in an empty directory. Returns false
     * where nothing has come of it. */
    bool (*change)(struct world *world, struct spot *spot);
};

struct spot {
    const struct kind *kind;
    size_t size;                  /* of a new file, in bytes */
    char inside[WORLD_PATH_MAX];  /* its directory in the site */
    char outside[WORLD_PATH_MAX]; /* one on the same file system, which is not served */
    int fd;                       /* for the kind; -1: none */
    char *map;                    /* the same; NULL: none */
    size_t map_len;
    struct page pages[WORLD_PAGES];
    size_t page_count;
};

struct world {
    char root[WORLD_PATH_MAX]; /* what is served */
    const struct server *server;
    uint64_t seed;
    uint64_t random;
    unsigned serial; /* of the last content */
    size_t changes;
    const struct page_ask *asks[2]; /* how pages are asked for before the change and after it */
    struct spot spots[WORLD_SPOTS_MAX];
    size_t spot_count;
    struct crowd crowd;
    struct process wrk;
};

/* Makes the spots, in three sizes of file for each kind: small, kept in memory, and sent by
 * sendfile; starts the server; opens connections; and starts wrk on all pages. */
void world_open(struct world *world, struct scene *scene, const struct kind *kinds, size_t count);

/* Ends wrk, and fails if it has not run until then. */
void world_close(struct world *world);

/* A number below `limit`. */
size_t world_random(struct world *world, size_t limit);

/* The number that the environment variable has, or `otherwise`. */
uint64_t world_setting(const char *name, uint64_t otherwise);

/* The path of a file, which stays valid until this has been called eight times more. */
const char *world_inside(const struct spot *spot, const char *name);
const char *world_outside(const struct spot *spot, const char *name);

/* `len` bytes, valid until the next call, that start with another serial number. */
const char *world_content(struct world *world, size_t len);

/* Writes a file anew, in place. Returns false where it can't be opened. */
bool world_write(struct world *world, const char *path, size_t len);

/* Writes content of the same length over that of the file; or a file of `len` bytes, where there is
 * none. */
bool world_overwrite(struct world *world, const char *path, size_t len);

/* The size of a regular file; -1: there is none. */
off_t world_size(const char *path);

/* Asks each worker for all pages of the spot, in two ways, so that a cache has them. */
void world_warm(struct world *world, struct spot *spot);

/* Makes one change, and notes what it changes. */
void world_change(struct world *world, struct spot *spot);

/* Asks for pages of the spot, in one of these ways: each worker for one, on a connection that waits
 * for nothing; sometimes on a new connection, too. */
void world_check(struct world *world, struct spot *spot);
