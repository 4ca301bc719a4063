#include "store/lookup.h"

#include "store/attributes.h"
#include "store/siblings.h"

struct lookup_place lookup_place(const struct roots *roots, struct slice path, bool as_directory) {
    struct lookup_place place = {.as_directory = as_directory};
    place.docroot = roots_choose(roots, path, &place.path);
    return place;
}

/* Watching */

/* The paths that will be looked at. */
struct candidates {
    size_t count;
    size_t longest;
};

static size_t candidate(const struct lookup_place *place, size_t index, char text[PATH_MAX]) {
    return docroot_candidate(place->docroot, place->path, place->as_directory, index, text);
}

static void count_candidates(const struct lookup_place *place, struct candidates *candidates) {
    char text[PATH_MAX];
    size_t len;
    for (size_t i = 0; (len = candidate(place, i, text)) > 0; i++) {
        candidates->count++;
        if (len > candidates->longest)
            candidates->longest = len;
    }
}

/* From here on, changes of a path are noticed; false where they are not. */
static bool depend_on(const struct lookup *lookup, struct resource *resource,
                      const struct docroot *docroot, struct slice path,
                      struct dependency *dependency) {
    size_t root = (size_t)(docroot - lookup->roots->items);
    switch (directories_reach(lookup->directories, root, path, dependency)) {
    case DIRECTORIES_WATCHED:
        break;
    case DIRECTORIES_REMOTE:
        resource->unwatched = true;
        break;
    case DIRECTORIES_BLIND:
        return false;
    }
    return true;
}

/* The same for what will be found at the places. */
static bool depend(const struct lookup *lookup, struct resource *resource,
                   const struct lookup_place *places, size_t count) {
    struct dependency *dependency = resource->dependencies;
    for (size_t i = 0; i < count; i++) {
        char text[PATH_MAX];
        size_t len;
        for (size_t j = 0; (len = candidate(&places[i], j, text)) > 0; j++) {
            if (!depend_on(lookup, resource, places[i].docroot, slice_of(text, len), dependency++))
                return false;
        }
    }
    return true;
}

struct resource *lookup_begin(const struct lookup *lookup, struct slice key,
                              const struct lookup_place *places, size_t count) {
    struct candidates candidates = {0};
    for (size_t i = 0; i < count; i++)
        count_candidates(&places[i], &candidates);
    struct resource *resource =
        resource_new(places[count - 1].docroot, key, candidates.count, candidates.longest);
    if (resource != NULL)
        resource->kept = lookup->directories != NULL && depend(lookup, resource, places, count);
    return resource;
}

/* Finding */

/* A directory that is watched tells whether it is worth looking for siblings in it. */
static bool may_have_siblings(const struct lookup *lookup, const struct resource *resource) {
    if (resource->docroot->only.ptr != NULL || lookup->follows)
        return false;
    if (lookup->directories == NULL || resource->unwatched)
        return true;
    for (unsigned i = 0; i < resource->dependency_count; i++) {
        if (directories_may_have_siblings(&resource->dependencies[i]))
            return true;
    }
    return false;
}

static void take_siblings(struct resource *resource, const struct stat *plain) {
    const struct siblings siblings = siblings_find(resource->docroot, resource->path, plain);
    resource->available |= siblings.available;
    resource->unwatched |= siblings.linked;
    resource->unsettled |= siblings.unsettled;
    resource->changed |= siblings.unknown;
}

static void take_file(const struct lookup *lookup, struct resource *resource,
                      const struct docroot_file *file) {
    resource_set_path(resource, slice_of(file->path, file->path_len));
    resource->available = 1u << CODING_IDENTITY;
    resource->unsettled = !attributes_are_settled(&file->stat);
    if (may_have_siblings(lookup, resource))
        take_siblings(resource, &file->stat);
}

/* A directory that is listed changes with every name in it. Who asks again gets it made anew
 * anyhow; who does not is to be told. */
static void depend_on_names(const struct lookup *lookup, struct resource *resource) {
    if (lookup->follows && resource->kept && resource->dependency_count > 0)
        directories_widen(&resource->dependencies[resource->dependency_count - 1]);
}

enum docroot_outcome lookup_find(const struct lookup *lookup, struct resource *resource,
                                 const struct lookup_place *place, struct docroot_file *file) {
    resource->outcome = docroot_find(place->docroot, place->path, place->as_directory, file);
    if (resource->outcome == DOCROOT_EXHAUSTED)
        return resource->outcome;
    resource->unwatched |= file->linked;
    if (resource->outcome == DOCROOT_FILE)
        take_file(lookup, resource, file);
    else if (resource->outcome == DOCROOT_DIRECTORY)
        depend_on_names(lookup, resource);
    return resource->outcome;
}
