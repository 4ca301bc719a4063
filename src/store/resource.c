#include "store/resource.h"

#include "base/check.h"
#include "base/placement.h"
#include "http/mime.h"
#include "store/attributes.h"
#include "store/siblings.h"

#include <stdlib.h>
#include <string.h>

/* Life */

static char *texts_of(struct resource *resource) {
    return (char *)&resource->dependencies[resource->dependency_count];
}

/* Keeps a NUL-terminated copy. */
static struct slice keep_text(char *at, struct slice text) {
    memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    return slice_of(at, text.len);
}

struct resource *resource_new(const struct docroot *docroot, struct slice key,
                              size_t dependency_count, size_t path_max) {
    size_t dependencies_size = dependency_count * sizeof(struct dependency);
    size_t size = sizeof(struct resource) + dependencies_size + key.len + path_max + 2;
    struct resource *resource = calloc(1, size);
    if (resource == NULL)
        return NULL;
    resource->docroot = docroot;
    resource->borrowed = true;
    resource->dependency_count = (uint8_t)dependency_count;
    resource->cached.key = keep_text(texts_of(resource), key);
    resource->cached.size_bytes = size + RESOURCE_PIECE_BYTES;
    list_init(&resource->holder);
    for (size_t i = 0; i < dependency_count; i++)
        resource->dependencies[i].owner = resource;
    return resource;
}

void resource_free(struct resource *resource) {
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if (resource->entries[i] != NULL)
            entry_unref(resource->entries[i]);
    }
    ruling_unref(resource->ruling);
    free(resource);
}

void resource_set_path(struct resource *resource, struct slice path) {
    CHECK(resource->path.ptr == NULL);
    resource->path = keep_text(texts_of(resource) + resource->cached.key.len + 1, path);
}

/* Media types */

static struct slice type_by_name(const struct types *types, struct slice name) {
    struct slice type = types_of_name(types, name);
    return type.ptr != NULL ? type : mime_of_name(name);
}

struct slice resource_named_type(const struct resource *resource, const struct types *types) {
    const struct ruling *ruling = resource->ruling;
    if (ruling != NULL && ruling->policy.content_type.ptr != NULL)
        return ruling->policy.content_type;
    return type_by_name(types, docroot_name_of(resource->path));
}

struct slice resource_type(const struct resource *resource, const struct types *types) {
    const struct entry *entry = resource->entries[CODING_IDENTITY];
    struct slice type;
    if (resource->outcome == DOCROOT_DIRECTORY || resource->outcome == DOCROOT_NEEDS_SLASH)
        type = SLICE("text/html");
    else if (entry != NULL)
        type = entry->representation.content_type;
    else if (resource->outcome == DOCROOT_FILE)
        type = resource_named_type(resource, types);
    else
        type = type_by_name(types, docroot_name_of(resource->cached.key));
    return type.ptr != NULL ? type : SLICE("");
}

/* Checking */

static bool look_at(const struct resource *resource, enum coding coding, struct stat *stat) {
    char path[PATH_MAX];
    return siblings_path(resource->path, coding, path) > 0 &&
           docroot_stat(resource->docroot, path, stat) == 0;
}

/* Whether an entry would not be true to a file whose content changed and nothing else. */
static bool remembers_content(const struct resource *resource, const struct types *types,
                              const struct entry *entry) {
    return entry->fd < 0 || resource_named_type(resource, types).ptr == NULL;
}

/* What is not there has no attributes; it may be there by now without notice, where something was
 * mounted. */
APART bool resource_is_still_true(const struct resource *resource, const struct types *types) {
    struct stat plain;
    if (resource->unwatched || resource->outcome != DOCROOT_FILE ||
        !look_at(resource, CODING_IDENTITY, &plain))
        return false;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        const struct entry *entry = resource->entries[i];
        if (entry == NULL)
            continue;
        if (resource->unsettled && remembers_content(resource, types, entry))
            return false;
        struct stat stat = plain;
        if (i != CODING_IDENTITY && !look_at(resource, (enum coding)i, &stat))
            return false;
        if (!entry_is_of(entry, &stat) || attributes_are_older(&stat, &plain))
            return false;
    }
    return true;
}
