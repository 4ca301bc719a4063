/* What a path names, looked up anew: first what could change it is watched, then it is looked for.
 * Of what is kept, and of rules, this knows nothing. */
#pragma once

#include "store/directories.h"
#include "store/docroot.h"
#include "store/resource.h"
#include "store/roots.h"

#include <stdbool.h>
#include <stddef.h>

/* Where something is looked for. */
struct lookup_place {
    const struct docroot *docroot; /* borrowed */
    struct slice path;             /* beneath it, decoded, without slashes at its ends; borrowed */
    bool as_directory;             /* the target ended in a slash */
};

struct lookup {
    const struct roots *roots;       /* borrowed */
    struct directories *directories; /* borrowed; NULL: nothing is watched */
    bool follows; /* --live: whoever has asked is told of changes, and siblings are of no use */
};

/* Where a path is looked for that is not yet beneath one of the roots; borrows from it. */
struct lookup_place lookup_place(const struct roots *roots, struct slice path, bool as_directory);

/* Has a resource depend on what is at any of the places, of which the last is where it will be
 * looked for. If it is `kept`, all that could change what will be found is noticed; else it must
 * not be. Returns NULL where there is no memory. */
struct resource *lookup_begin(const struct lookup *lookup, struct slice key,
                              const struct lookup_place *places, size_t count);

/* Looks for the resource at the last of the places, and says so in it; `file` is filled in as
 * docroot_find() does. With DOCROOT_EXHAUSTED, it may be called again. */
enum docroot_outcome lookup_find(const struct lookup *lookup, struct resource *resource,
                                 const struct lookup_place *place, struct docroot_file *file);
