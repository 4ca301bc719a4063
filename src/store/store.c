#include "store/store.h"

#include "base/placement.h"
#include "http/request.h"
#include "store/lookup.h"
#include "store/siblings.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    DIRECTORIES_MAX = 8192, /* the kernel needs about 1 KiB for each */
    FDS_MAX = 1024,
    FDS_SHARE = 8, /* one descriptor in this many is for kept files */
};

/* Dropping */

static APART void drop(struct store *store, struct resource *resource) {
    for (unsigned i = 0; i < resource->dependency_count; i++)
        directories_leave(&store->directories, &resource->dependencies[i]);
    if (resource->kept) {
        cache_remove(&store->cache, &resource->cached);
        store->fds -= resource->fds;
    }
    list_remove(&resource->holder);
    resource_free(resource);
}

static struct resource *resource_of(struct cached *cached) {
    return list_entry(cached, struct resource, cached);
}

/* Tells that what was found has changed; of what is sent for any target, that everything has. */
static void tell_change(const struct store *store, const struct resource *resource) {
    if (store->changes == NULL)
        return;
    if (resource == NULL || resource->stands_in)
        changes_note_all(store->changes);
    else
        changes_note(store->changes, resource->cached.key, resource_type(resource, store->types));
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

static HOT void shed_bytes(struct store *store) {
    struct cached *victim;
    while ((victim = cache_victim(&store->cache)) != NULL)
        drop(store, resource_of(victim));
}

/* Gives back what is held open, and keeps what is known: so it is still told of when it changes. */
static COLD void close_entries(struct store *store, struct resource *resource) {
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        struct entry *entry = resource->entries[i];
        if (entry == NULL || entry->fd < 0)
            continue;
        cache_shrink(&store->cache, &resource->cached, entry->size_bytes + RESOURCE_PIECE_BYTES);
        entry_unref(entry);
        resource->entries[i] = NULL;
    }
    resource->usual = NULL; /* it may have been one of these */
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

/* Of those that hold descriptors; one that was asked for lately is given another round. */
static APART void judge_oldest(struct store *store) {
    struct resource *oldest = list_entry(store->holders.next, struct resource, holder);
    if (oldest->cached.hits == 0) {
        release_fds(store, oldest);
    } else {
        oldest->cached.hits--;
        list_remove(&oldest->holder);
        list_append(&store->holders, &oldest->holder);
    }
}

static HOT void shed_fds(struct store *store) {
    while (store->fds > store->fds_max)
        judge_oldest(store);
}

/* Gives descriptors back, for lack of which something could not be opened: all that are held and
 * not at work just now. Whether there were any. */
static COLD bool give_back_fds(struct store *store) {
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
static COLD void read_rules(struct store *store) {
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

/* Looks something up at the last of the places; what is at the others could change that. NULL: no
 * memory. */
static struct resource *look_up_at(struct store *store, struct slice key,
                                   const struct lookup_place *places, size_t count,
                                   int64_t now_ms) {
    const struct lookup lookup = {
        .roots = store->roots,
        .directories = store->keeps ? &store->directories : NULL,
        .follows = store->changes != NULL,
    };
    struct resource *resource = lookup_begin(&lookup, key, places, count);
    if (resource == NULL)
        return NULL;
    while (lookup_find(&lookup, resource, &places[count - 1], &store->opened) ==
               DOCROOT_EXHAUSTED &&
           give_back_fds(store))
        continue;
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
static struct resource *rewrite(struct store *store, struct slice key,
                                const struct lookup_place *asked,
                                const struct redirect_match *match, int64_t now_ms) {
    char raw_memory[REQUEST_TARGET_MAX];
    char path_memory[REQUEST_TARGET_MAX];
    struct buf raw = BUF_INIT(raw_memory, sizeof raw_memory);
    struct buf path = BUF_INIT(path_memory, sizeof path_memory);
    struct target target;
    struct lookup_place places[] = {*asked, *asked};
    bool is_path = redirect_rewrite(match, &raw, &path, &target) == TARGET_PATH;
    if (is_path)
        places[1] = lookup_place(store->roots, target.path, target.trailing_slash);
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
        resource->cached.size_bytes += resource->ruling->size_bytes + RESOURCE_PIECE_BYTES;
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
    const struct lookup_place asked = lookup_place(store->roots, path, as_directory);
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
        cache_grow(&store->cache, &resource->cached, entry->size_bytes + RESOURCE_PIECE_BYTES);
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
    file->path_len = siblings_path(resource->path, coding, file->path);
    if (file->path_len > 0) {
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
    struct slice type = resource_named_type(resource, store->types);
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

HOT struct resource *store_recall(struct store *store, struct slice key, int64_t now_ms) {
    check_rules(store, now_ms);
    struct cached *cached = store->keeps ? cache_find(&store->cache, key) : NULL;
    if (cached == NULL) {
        store->counts.misses++;
        return NULL;
    }
    struct resource *resource = resource_of(cached);
    if (now_ms - resource->checked_ms >= STORE_CHECK_MS) {
        if (!resource_is_still_true(resource, store->types)) {
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

HOT void store_release(struct store *store, struct resource *resource) {
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

APART void store_notice(struct store *store) {
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

void store_be_silent(struct store *store) {
    store->rulebook.silent = true;
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
