#include "store/store.h"

#include "http/mime.h"
#include "http/request.h"
#include "store/attributes.h"
#include "store/siblings.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    DIRECTORIES_MAX = 8192, /* the kernel needs about 1 KiB for each */
    ALLOCATION_BYTES = 16,  /* what malloc(3) adds to a piece */
    FDS_MAX = 1024,
    FDS_SHARE = 8, /* one descriptor in this many is for kept files */
};

/* Dropping */

static void drop(struct store *store, struct resource *resource) {
    for (unsigned i = 0; i < resource->dependency_count; i++)
        directories_leave(&store->directories, &resource->dependencies[i]);
    if (resource->kept) {
        cache_remove(&store->cache, &resource->cached);
        store->fds -= resource->fds;
    }
    list_remove(&resource->holder);
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if (resource->entries[i] != NULL)
            entry_unref(resource->entries[i]);
    }
    ruling_unref(resource->ruling);
    free(resource);
}

static struct resource *resource_of(struct cached *cached) {
    return list_entry(cached, struct resource, cached);
}

/* The media type as far as a name says it; SLICE_NONE: nothing. */
static struct slice type_by_name(const struct store *store, struct slice name) {
    struct slice type = types_of_name(store->types, name);
    return type.ptr != NULL ? type : mime_of_name(name);
}

/* The same of the plain file that was found: where its name says nothing, its content does. */
static struct slice type_of_name(const struct store *store, const struct resource *resource) {
    const struct head_policy *policy = store_policy(store, resource);
    return policy->content_type.ptr != NULL ? policy->content_type
                                            : type_by_name(store, docroot_name_of(resource->path));
}

/* The media type of what was found, or of what is absent would have, as far as that is known
 * without a look at it; else empty. */
static struct slice type_of(const struct store *store, const struct resource *resource) {
    const struct entry *entry = resource->entries[CODING_IDENTITY];
    struct slice type;
    if (resource->outcome == DOCROOT_DIRECTORY || resource->outcome == DOCROOT_NEEDS_SLASH)
        type = SLICE("text/html");
    else if (entry != NULL)
        type = entry->representation.content_type;
    else if (resource->outcome == DOCROOT_FILE)
        type = type_of_name(store, resource);
    else
        type = type_by_name(store, docroot_name_of(resource->cached.key));
    return type.ptr != NULL ? type : SLICE("");
}

/* Tells that what was found has changed; of what is sent for any target, that everything has. */
static void tell_change(const struct store *store, const struct resource *resource) {
    if (store->changes == NULL)
        return;
    if (resource == NULL || resource->stands_in)
        changes_note_all(store->changes);
    else
        changes_note(store->changes, resource->cached.key, type_of(store, resource));
}

static void on_change(struct directories *directories, struct dependency *dependency) {
    struct store *store = list_entry(directories, struct store, directories);
    struct resource *resource = dependency->owner;
    tell_change(store, resource);
    if (resource == NULL) {
        store->rules_stale = true;
        directories_leave(directories, dependency);
        return;
    }
    resource->changed = true;
    store->counts.invalidations++;
    if (resource->borrowed)
        directories_leave(directories, dependency);
    else
        drop(store, resource);
}

/* Keeping within bounds */

static void shed_bytes(struct store *store) {
    struct cached *victim;
    while ((victim = cache_victim(&store->cache)) != NULL)
        drop(store, resource_of(victim));
}

/* Gives back what is held open, and keeps what is known: so it is still told of when it changes. */
static void close_entries(struct store *store, struct resource *resource) {
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        struct entry *entry = resource->entries[i];
        if (entry == NULL || entry->fd < 0)
            continue;
        cache_shrink(&store->cache, &resource->cached, entry->size_bytes + ALLOCATION_BYTES);
        entry_unref(entry);
        resource->entries[i] = NULL;
    }
    store->fds -= resource->fds;
    resource->fds = 0;
    list_remove(&resource->holder);
}

static void release_fds(struct store *store, struct resource *resource) {
    if (store->changes != NULL)
        close_entries(store, resource);
    else
        drop(store, resource);
}

/* Those that were asked for lately are given another round. */
static void shed_fds(struct store *store) {
    while (store->fds > store->fds_max) {
        struct resource *oldest = list_entry(store->holders.next, struct resource, holder);
        if (oldest->cached.hits == 0) {
            release_fds(store, oldest);
        } else {
            oldest->cached.hits--;
            list_remove(&oldest->holder);
            list_append(&store->holders, &oldest->holder);
        }
    }
}

/* Gives descriptors back, for lack of which something could not be opened: all that are held and
 * not at work just now. Whether there were any. */
static bool give_back_fds(struct store *store) {
    size_t before = store->fds;
    list_for_each(link, &store->holders) {
        struct resource *resource = list_entry(link, struct resource, holder);
        if (!resource->borrowed)
            release_fds(store, resource);
    }
    return store->fds < before;
}

/* Rules */

static void drop_everything(struct store *store) {
    uint64_t max_bytes = store->cache.max_bytes;
    store->cache.max_bytes = 0;
    shed_bytes(store);
    store->cache.max_bytes = max_bytes;
}

/* Has the files of rules read where they may have changed: watches them first, so that no change
 * falls in between. That is when somebody asks, not when the change is noticed: then most programs
 * are still writing, and what they have truncated says nothing. What was found by other rules is
 * forgotten; nobody may be at work with it. */
static void read_rules(struct store *store) {
    size_t mistakes;
    bool told = store->rules_stale; /* when it was noticed */
    store->rules_stale = false;
    for (int i = 0; i < RULES_FILES && store->keeps; i++) {
        directories_leave(&store->directories, &store->rule_files[i]);
        (void)directories_reach(&store->directories, 0, rules_file_name((enum rules_file)i),
                                &store->rule_files[i]);
    }
    if (!rulebook_read(&store->rulebook, &mistakes) || !store->keeps)
        return;
    drop_everything(store);
    if (!told)
        tell_change(store, NULL);
}

static void check_rules(struct store *store, int64_t now_ms) {
    if (!store->rules_stale && now_ms - store->rules_checked_ms < STORE_CHECK_MS)
        return;
    store->rules_checked_ms = now_ms;
    read_rules(store);
}

/* Looking up */

/* Keeps a NUL-terminated copy at `*at`, and moves it on. */
static struct slice keep_text(char **at, struct slice text) {
    char *copy = *at;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return slice_of(copy, text.len);
}

/* Where something is looked for. */
struct place {
    const struct docroot *docroot;
    struct slice path; /* beneath it */
    bool as_directory;
};

static struct place place_of(const struct store *store, struct slice path, bool as_directory) {
    struct place place = {.as_directory = as_directory};
    place.docroot = roots_choose(store->roots, path, &place.path);
    return place;
}

/* The paths that will be looked at. */
struct candidates {
    size_t count;
    size_t longest;
};

static void survey(const struct place *place, struct candidates *candidates) {
    char text[PATH_MAX];
    size_t len;
    for (size_t i = 0;
         (len = docroot_candidate(place->docroot, place->path, place->as_directory, i, text)) > 0;
         i++) {
        candidates->count++;
        if (len > candidates->longest)
            candidates->longest = len;
    }
}

/* A resource of which only the key is known, with room for the rest. NULL: no memory. */
static struct resource *make_resource(const struct docroot *docroot, struct slice key,
                                      const struct candidates *candidates, char **texts) {
    size_t fixed = sizeof(struct resource) + candidates->count * sizeof(struct dependency);
    size_t size = fixed + key.len + candidates->longest + 2;
    struct resource *resource = calloc(1, size);
    if (resource == NULL)
        return NULL;
    *texts = (char *)resource + fixed;
    resource->docroot = docroot;
    resource->borrowed = true;
    resource->cached.key = keep_text(texts, key);
    resource->cached.size_bytes = size + ALLOCATION_BYTES;
    resource->dependency_count = (uint8_t)candidates->count;
    list_init(&resource->holder);
    for (size_t i = 0; i < candidates->count; i++)
        resource->dependencies[i].owner = resource;
    return resource;
}

/* From here on, changes of a path are noticed; false where they are not. */
static bool depend_on(struct store *store, struct resource *resource, const struct docroot *docroot,
                      struct slice path, struct dependency *dependency) {
    size_t root = (size_t)(docroot - store->roots->items);
    switch (directories_reach(&store->directories, root, path, dependency)) {
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
static bool depend(struct store *store, struct resource *resource, const struct place *places,
                   size_t count) {
    struct dependency *dependency = resource->dependencies;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        char text[PATH_MAX];
        size_t len;
        for (size_t j = 0; (len = docroot_candidate(place->docroot, place->path,
                                                    place->as_directory, j, text)) > 0;
             j++) {
            if (!depend_on(store, resource, place->docroot, slice_of(text, len), dependency++))
                return false;
        }
    }
    return true;
}

/* A directory that is watched tells whether it is worth looking for siblings in it. */
static bool may_have_siblings(const struct store *store, const struct resource *resource) {
    if (resource->docroot->only.ptr != NULL || store->changes != NULL)
        return false;
    if (!store->keeps || resource->unwatched)
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

static void find(struct store *store, struct resource *resource, const struct place *place,
                 char *texts) {
    struct docroot_file *file = &store->opened;
    do
        resource->outcome = docroot_find(place->docroot, place->path, place->as_directory, file);
    while (resource->outcome == DOCROOT_EXHAUSTED && give_back_fds(store));
    resource->unwatched |= file->linked;
    if (resource->outcome != DOCROOT_FILE)
        return;
    resource->path = keep_text(&texts, slice_of(file->path, file->path_len));
    resource->available = 1u << CODING_IDENTITY;
    resource->unsettled = !attributes_are_settled(&file->stat);
    if (may_have_siblings(store, resource))
        take_siblings(resource, &file->stat);
}

/* A directory that is listed changes with every name in it. Who asks again gets it made anew
 * anyhow; who does not is to be told. */
static void depend_on_names(const struct store *store, struct resource *resource) {
    if (store->changes != NULL && resource->kept && resource->outcome == DOCROOT_DIRECTORY &&
        resource->dependency_count > 0)
        directories_widen(&resource->dependencies[resource->dependency_count - 1]);
}

/* Looks something up at the last of the places; what is at the others could change that. NULL: no
 * memory. */
static struct resource *look_up_at(struct store *store, struct slice key,
                                   const struct place *places, size_t count, int64_t now_ms) {
    char *texts;
    struct candidates candidates = {0};
    for (size_t i = 0; i < count; i++)
        survey(&places[i], &candidates);
    struct resource *resource = make_resource(places[count - 1].docroot, key, &candidates, &texts);
    if (resource == NULL)
        return NULL;
    resource->kept = store->keeps && depend(store, resource, places, count);
    find(store, resource, &places[count - 1], texts);
    depend_on_names(store, resource);
    resource->checked_ms = now_ms;
    return resource;
}

/* Forgets what was found, before it is kept. */
static void forget(struct store *store, struct resource *resource) {
    resource->kept = false;
    store_release(store, resource);
}

/* What a rule serves instead of what was asked for: a file, or nothing. It stands for a directory,
 * too, whose index file is meant. */
static struct resource *rewrite(struct store *store, struct slice key, const struct place *asked,
                                const struct redirect_match *match, int64_t now_ms) {
    char raw_memory[REQUEST_TARGET_MAX];
    char path_memory[REQUEST_TARGET_MAX];
    struct buf raw = BUF_INIT(raw_memory, sizeof raw_memory);
    struct buf path = BUF_INIT(path_memory, sizeof path_memory);
    struct target target;
    struct place places[] = {*asked, *asked};
    bool is_path = redirect_rewrite(match, &raw, &path, &target) == TARGET_PATH;
    if (is_path)
        places[1] = place_of(store, target.path, target.trailing_slash);
    struct resource *resource = look_up_at(store, key, places, 2, now_ms);
    if (is_path && resource != NULL && resource->outcome == DOCROOT_NEEDS_SLASH) {
        forget(store, resource);
        places[1].as_directory = true;
        resource = look_up_at(store, key, places, 2, now_ms);
    }
    if (resource != NULL && (!is_path || resource->outcome == DOCROOT_DIRECTORY))
        resource->outcome = DOCROOT_ABSENT;
    return resource;
}

/* Finds the redirect that applies where that was found. */
static bool is_redirected(const struct store *store, const struct target *target,
                          const struct resource *resource, struct redirect_match *match) {
    return redirects_find(&store->rulebook.redirects, target, resource->outcome != DOCROOT_ABSENT,
                          match);
}

/* Adds what the rules say. Returns the resource, or NULL: no memory. */
static struct resource *apply_rules(struct store *store, struct resource *resource,
                                    struct slice path, const struct redirect_match *match) {
    bool exists;
    resource->ruling = rulebook_rule(&store->rulebook, path, match, &store->policy, &exists);
    if (resource->ruling != NULL) {
        resource->cached.size_bytes += resource->ruling->size_bytes + ALLOCATION_BYTES;
    } else if (exists) {
        forget(store, resource);
        return NULL;
    }
    return resource;
}

static bool may_be_kept(const struct resource *resource) {
    return resource->kept && resource->outcome != DOCROOT_EXHAUSTED &&
           resource->outcome != DOCROOT_FAULT;
}

struct resource *store_look_up(struct store *store, struct slice key, struct slice path,
                               bool as_directory, int64_t now_ms) {
    const struct target target = {.path = path, .trailing_slash = as_directory};
    struct redirect_match match;
    check_rules(store, now_ms);
    const struct place asked = place_of(store, path, as_directory);
    struct resource *resource = look_up_at(store, key, &asked, 1, now_ms);
    bool redirected = resource != NULL && is_redirected(store, &target, resource, &match);
    if (redirected && redirect_is_rewrite(match.rule)) {
        forget(store, resource);
        resource = rewrite(store, key, &asked, &match, now_ms);
    }
    if (resource != NULL)
        resource = apply_rules(store, resource, path, redirected ? &match : NULL);
    if (resource == NULL)
        return NULL;
    resource->kept = may_be_kept(resource);
    if (resource->kept)
        cache_insert(&store->cache, &resource->cached);
    return resource;
}

/* Making ready */

static void hold_fd(struct store *store, struct resource *resource) {
    resource->fds++;
    if (!resource->kept)
        return;
    store->fds++;
    if (list_is_empty(&resource->holder))
        list_append(&store->holders, &resource->holder);
}

static enum docroot_outcome outcome_of(int errnum) {
    return errnum == ENOMEM ? DOCROOT_EXHAUSTED : DOCROOT_FAULT;
}

/* Builds the entry of the open file. `type` is SLICE_NONE where its content is to decide it. */
static enum docroot_outcome build(struct store *store, struct resource *resource,
                                  enum coding coding, struct slice type, int64_t now_s) {
    const struct representation about = {
        .policy = store_policy(store, resource),
        .content_type = type,
        .content_coding = coding == CODING_IDENTITY ? SLICE_NONE : coding_token(coding),
        .negotiated = resource->available != 1u << CODING_IDENTITY,
    };
    struct entry *entry = NULL;
    int result = entry_build(&store->opened, &about, &store->terms, now_s, &entry);
    if (result < 0)
        return outcome_of(-result);
    resource->entries[coding] = entry;
    if (entry->fd >= 0)
        hold_fd(store, resource);
    if (resource->kept)
        cache_grow(&store->cache, &resource->cached, entry->size_bytes + ALLOCATION_BYTES);
    return DOCROOT_FILE;
}

/* Opens the file in that coding, unless it still is. */
static enum docroot_outcome open_coding(struct store *store, struct resource *resource,
                                        enum coding coding) {
    struct docroot_file *file = &store->opened;
    if (coding == CODING_IDENTITY && file->fd >= 0)
        return DOCROOT_FILE;
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    enum docroot_outcome outcome = DOCROOT_ABSENT;
    if (siblings_name(file, resource->path, coding)) {
        do
            outcome = docroot_open_file(resource->docroot, file);
        while (outcome == DOCROOT_EXHAUSTED && give_back_fds(store));
    }
    return outcome;
}

/* A sibling has the type of the plain file (RFC 9110 §8.4). Where that is for the content to say,
 * the plain file is made ready first. */
static enum docroot_outcome make_ready(struct store *store, struct resource *resource,
                                       enum coding coding, int64_t now_s) {
    enum docroot_outcome outcome = DOCROOT_FILE;
    struct slice type = type_of_name(store, resource);
    if (type.ptr == NULL && coding != CODING_IDENTITY) {
        struct entry *plain = NULL;
        outcome = store_entry(store, resource, CODING_IDENTITY, now_s, &plain);
        if (outcome == DOCROOT_FILE)
            type = plain->representation.content_type;
    }
    if (outcome == DOCROOT_FILE)
        outcome = open_coding(store, resource, coding);
    return outcome == DOCROOT_FILE ? build(store, resource, coding, type, now_s) : outcome;
}

enum docroot_outcome store_entry(struct store *store, struct resource *resource, enum coding coding,
                                 int64_t now_s, struct entry **entry) {
    enum docroot_outcome outcome = DOCROOT_FILE;
    if (resource->entries[coding] == NULL) {
        outcome = make_ready(store, resource, coding, now_s);
        if (outcome != DOCROOT_FILE) {
            resource->changed = true;
            resource->available &= (uint8_t) ~(1u << coding);
        }
    }
    *entry = resource->entries[coding];
    return outcome;
}

/* Recalling */

static bool look_at(const struct resource *resource, enum coding coding, struct stat *stat) {
    struct docroot_file file;
    return siblings_name(&file, resource->path, coding) &&
           docroot_stat(resource->docroot, file.path, stat) == 0;
}

/* Whether an entry would not be true to a file whose content changed and nothing else. */
static bool remembers_content(const struct store *store, const struct resource *resource,
                              const struct entry *entry) {
    return entry->fd < 0 || type_of_name(store, resource).ptr == NULL;
}

/* Looks at the attributes of the plain file, and of those that entries were made of. What is not
 * there has none; it may be there by now without notice, where something was mounted. */
static bool is_still_true(const struct store *store, const struct resource *resource) {
    struct stat plain;
    if (resource->unwatched || resource->outcome != DOCROOT_FILE ||
        !look_at(resource, CODING_IDENTITY, &plain))
        return false;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        const struct entry *entry = resource->entries[i];
        if (entry == NULL)
            continue;
        if (resource->unsettled && remembers_content(store, resource, entry))
            return false;
        struct stat stat = plain;
        if (i != CODING_IDENTITY && !look_at(resource, (enum coding)i, &stat))
            return false;
        if (!entry_is_of(entry, &stat) || attributes_are_older(&stat, &plain))
            return false;
    }
    return true;
}

struct resource *store_recall(struct store *store, struct slice key, int64_t now_ms) {
    check_rules(store, now_ms);
    struct cached *cached = store->keeps ? cache_find(&store->cache, key) : NULL;
    if (cached == NULL) {
        store->counts.misses++;
        return NULL;
    }
    struct resource *resource = resource_of(cached);
    if (now_ms - resource->checked_ms >= STORE_CHECK_MS) {
        if (!is_still_true(store, resource)) {
            store->counts.misses++;
            store->counts.invalidations++;
            drop(store, resource);
            return NULL;
        }
        resource->checked_ms = now_ms;
    }
    store->counts.hits++;
    resource->borrowed = true;
    return resource;
}

const struct head_policy *store_policy(const struct store *store, const struct resource *resource) {
    return resource != NULL && resource->ruling != NULL ? &resource->ruling->policy
                                                        : &store->policy;
}

void store_release(struct store *store, struct resource *resource) {
    resource->borrowed = false;
    if (store->opened.fd >= 0)
        (void)close(store->opened.fd);
    store->opened.fd = -1;
    /* What may be removed unnoticed is not kept open. */
    if (!resource->kept || resource->changed || (resource->unwatched && resource->fds > 0))
        drop(store, resource);
    if (store->keeps) {
        shed_bytes(store);
        shed_fds(store);
    }
}

/* Noticing */

bool store_is_watched(const struct store *store, size_t root) {
    return directories_is_watched(&store->directories, root);
}

int store_fd(const struct store *store) {
    return store->directories.watch.fd;
}

void store_notice(struct store *store) {
    uint64_t events = store->directories.events;
    if (store->directories.watch.fd >= 0)
        directories_notice(&store->directories);
    if (store->changes != NULL && store->directories.events != events)
        changes_stir(store->changes);
}

/* Life */

static size_t max_fds(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return limit.rlim_cur / FDS_SHARE < FDS_MAX ? limit.rlim_cur / FDS_SHARE : FDS_MAX;
}

/* What cannot be watched is for directories_reach() to say. Returns 0 or -ENOMEM. */
static int watch_roots(struct store *store, const struct hash_key *key) {
    int result = directories_init(&store->directories, key, DIRECTORIES_MAX, on_change);
    for (size_t i = 0; i < store->roots->count && result != -ENOMEM; i++)
        result = directories_add_root(&store->directories, &store->roots->items[i].root);
    return result == -ENOMEM ? result : 0;
}

static int init_keeping(struct store *store, uint64_t max_bytes, struct err *err) {
    struct hash_key key;
    int result = random_fill(&key, sizeof key, err);
    if (result < 0)
        return result;
    result = watch_roots(store, &key);
    if (result == -ENOMEM || cache_init(&store->cache, &key, max_bytes) < 0)
        return err_set(err, ENOMEM, "not enough memory");
    store->keeps = true;
    return 0;
}

int store_init(struct store *store, const struct roots *roots, const struct options *options,
               struct err *err) {
    *store = (struct store)STORE_INIT;
    store->roots = roots;
    store->types = &options->mime;
    store->policy.cache_control = options->cache_control;
    store->rulebook.docroot = &roots->items[0];
    store->rulebook.silent = true; /* they have been told of when the process started */
    store->terms.memory_max = options->cache_file_max;
    store->fds_max = max_fds();
    list_init(&store->holders);
    int result = options->cache_size > 0 ? init_keeping(store, options->cache_size, err) : 0;
    if (result < 0)
        store_deinit(store);
    else
        read_rules(store);
    store->rulebook.silent = false;
    return result;
}

void store_go_live(struct store *store, struct changes *changes, struct slice appendix) {
    store->changes = changes;
    store->terms.appendix = appendix;
}

void store_deinit(struct store *store) {
    store->changes = NULL;
    if (store->keeps)
        drop_everything(store);
    store->keeps = false;
    for (int i = 0; i < RULES_FILES; i++)
        directories_leave(&store->directories, &store->rule_files[i]);
    rulebook_deinit(&store->rulebook);
    cache_deinit(&store->cache);
    directories_deinit(&store->directories);
}
