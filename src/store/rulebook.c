#include "store/rulebook.h"

#include "base/diag.h"
#include "base/hash.h"
#include "conf/types.h"
#include "store/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FAULTS_TOLD = 20,
    LOCATION_MAX = 24 * 1024 + 1, /* more than respond_redirect() takes */
    CHANGES_MAX = 256,            /* for one path; each is compared with those before it */
};

/* Reading */

void rulebook_tell(enum rules_file file, const struct rules_faults *faults) {
    struct slice name = rules_file_name(file);
    for (size_t i = 0; i < faults->count && i < faults->capacity; i++) {
        char memory[512];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        rules_fault_write(&buf, &faults->items[i]);
        diag_message("%.*s: %.*s", (int)name.len, name.ptr, (int)buf.len, buf.ptr);
    }
    if (faults->count > faults->capacity)
        diag_message("%.*s: and %zu more", (int)name.len, name.ptr,
                     faults->count - faults->capacity);
}

static void tell(const struct rulebook *rulebook, enum rules_file file,
                 const struct rules_faults *faults) {
    struct slice name = rules_file_name(file);
    if (rulebook->silent)
        return;
    rulebook_tell(file, faults);
    if (faults->count > 0 && rulebook->texts[file].bytes != NULL)
        diag_message("%.*s: the rules that were read before stay in force", (int)name.len,
                     name.ptr);
}

static void tell_of_recovery(const struct rulebook *rulebook, enum rules_file file) {
    struct slice name = rules_file_name(file);
    if (!rulebook->silent)
        diag_message("%.*s: no mistake is left; its rules are in force", (int)name.len, name.ptr);
}

/* Reads all of an open file; a byte more than rules may have, so that what is too long is seen to
 * be. NULL: no memory, or it cannot be read. */
static char *read_text(int fd, size_t *len) {
    size_t capacity = RULES_TEXT_MAX + 1;
    char *bytes = malloc(capacity);
    ssize_t count = 1;
    *len = 0;
    while (bytes != NULL && count > 0 && *len < capacity) {
        count = read(fd, bytes + *len, capacity - *len);
        *len += count > 0 ? (size_t)count : 0;
    }
    if (bytes != NULL && count < 0) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

/* Takes rules over in place of others, whose memory is freed. */
static bool replace_redirects(struct rulebook *rulebook, struct slice text,
                              struct rules_faults *faults) {
    struct redirects redirects =
        REDIRECTS_INIT(calloc(RULES_REDIRECTS_MAX, sizeof *redirects.items));
    if (redirects.items == NULL || !redirects_parse(text, &redirects, faults)) {
        free(redirects.items);
        return false;
    }
    free(rulebook->redirects.items);
    rulebook->redirects = redirects;
    return true;
}

static bool replace_headers(struct rulebook *rulebook, struct slice text,
                            struct rules_faults *faults) {
    struct headers headers = HEADERS_INIT(calloc(RULES_HEADERS_MAX, sizeof *headers.rules),
                                          calloc(RULES_FIELDS_MAX, sizeof *headers.fields));
    if (headers.rules == NULL || headers.fields == NULL || !headers_parse(text, &headers, faults)) {
        free(headers.rules);
        free(headers.fields);
        return false;
    }
    free(rulebook->headers.rules);
    free(rulebook->headers.fields);
    rulebook->headers = headers;
    return true;
}

/* Has the rules of a text hold, which is kept if they do. Where there are faults, they have been
 * told; where there is no memory, there are none. */
static bool replace(struct rulebook *rulebook, enum rules_file file, char *bytes, size_t len,
                    size_t *mistakes) {
    struct rules_fault items[FAULTS_TOLD];
    struct rules_faults faults = RULES_FAULTS_INIT(items, FAULTS_TOLD);
    struct slice text = slice_of(bytes, len);
    bool done = file == RULES_REDIRECTS ? replace_redirects(rulebook, text, &faults)
                                        : replace_headers(rulebook, text, &faults);
    tell(rulebook, file, &faults);
    *mistakes += faults.count;
    if (done && rulebook->texts[file].is_faulty)
        tell_of_recovery(rulebook, file);
    rulebook->texts[file].is_faulty = faults.count > 0;
    if (!done) {
        free(bytes);
        rulebook->texts[file].is_read = faults.count > 0; /* else it is tried again */
        return false;
    }
    free(rulebook->texts[file].bytes);
    rulebook->texts[file].bytes = bytes;
    return true;
}

static bool forget(struct rulebook *rulebook, enum rules_file file) {
    bool had_any = rulebook->texts[file].bytes != NULL;
    if (file == RULES_REDIRECTS) {
        free(rulebook->redirects.items);
        rulebook->redirects = (struct redirects){0};
    } else {
        free(rulebook->headers.rules);
        free(rulebook->headers.fields);
        rulebook->headers = (struct headers){0};
    }
    free(rulebook->texts[file].bytes);
    rulebook->texts[file] = (struct rulebook_text){.bytes = NULL};
    return had_any;
}

/* Nobody gains by two texts of the same digest, so that its key is no secret. */
static uint64_t digest_of(struct slice text) {
    static const struct hash_key key = {{0}};
    return hash_bytes(&key, text);
}

/* Reads a file that is open and may have changed. */
static bool read_open(struct rulebook *rulebook, enum rules_file file,
                      const struct docroot_file *opened, size_t *mistakes) {
    struct rulebook_text *known = &rulebook->texts[file];
    size_t len;
    if (known->is_read && attributes_are_same(&known->stat, &opened->stat) &&
        attributes_are_settled(&opened->stat))
        return false;
    char *bytes = read_text(opened->fd, &len);
    if (bytes == NULL) /* it is tried again */
        return false;
    uint64_t digest = digest_of(slice_of(bytes, len));
    bool is_known = known->is_read && known->digest == digest;
    known->is_read = true;
    known->stat = opened->stat;
    known->digest = digest;
    if (is_known) {
        free(bytes);
        return false;
    }
    return replace(rulebook, file, bytes, len, mistakes);
}

/* What a file said that cannot be opened now goes on to hold; it is told of once. */
static void deny(struct rulebook *rulebook, enum rules_file file, size_t *mistakes) {
    struct rules_fault fault;
    struct rules_faults faults = RULES_FAULTS_INIT(&fault, 1);
    if (rulebook->texts[file].is_denied)
        return;
    rulebook->texts[file].is_denied = true;
    rules_fault_add(&faults, 0, RULES_UNREADABLE, SLICE_NONE);
    tell(rulebook, file, &faults);
    (*mistakes)++;
}

static bool read_file(struct rulebook *rulebook, enum rules_file file, size_t *mistakes) {
    struct docroot_file opened;
    struct slice name = rules_file_name(file);
    memcpy(opened.path, name.ptr, name.len);
    opened.path[name.len] = '\0';
    opened.path_len = name.len;
    switch (docroot_open_file(rulebook->docroot, &opened)) {
    case DOCROOT_FILE: {
        rulebook->texts[file].is_denied = false;
        bool changed = read_open(rulebook, file, &opened, mistakes);
        (void)close(opened.fd);
        return changed;
    }
    case DOCROOT_DIRECTORY:
    case DOCROOT_NEEDS_SLASH:
    case DOCROOT_ABSENT:
        return forget(rulebook, file);
    case DOCROOT_FORBIDDEN:
    case DOCROOT_EXHAUSTED:
    case DOCROOT_FAULT:
        deny(rulebook, file, mistakes);
        break;
    }
    return false;
}

bool rulebook_read(struct rulebook *rulebook, size_t *mistakes) {
    bool changed = false;
    *mistakes = 0;
    if (rulebook->docroot->only.ptr != NULL)
        return false;
    for (int i = 0; i < RULES_FILES; i++)
        changed |= read_file(rulebook, (enum rules_file)i, mistakes);
    return changed;
}

void rulebook_deinit(struct rulebook *rulebook) {
    for (int i = 0; i < RULES_FILES; i++)
        (void)forget(rulebook, (enum rules_file)i);
}

/* Ruling */

/* Text that is put together before it is known how long it is. */
struct draft {
    struct slice location;
    struct head_policy policy;
    bool replaces_cors;
    struct buf text;
};

/* What becomes of a field that is said anyhow: its value is what the rules say, or what it was. */
static void take_value(struct headers_changes *changes, struct slice name, struct buf *text,
                       struct slice *value) {
    size_t start = text->len;
    switch (headers_take(changes, name, text)) {
    case HEADERS_UNTOUCHED:
        break;
    case HEADERS_REMOVED:
        *value = SLICE_NONE;
        break;
    case HEADERS_REPLACED:
        *value = slice_of(text->ptr + start, text->len - start);
        break;
    }
}

/* The fields that can be left out, but whose value is not for rules to say, or is written as it is
 * in the rules. */
static void take_unsaid(struct headers_changes *changes, struct draft *draft) {
    static const struct slice names[] = {
        [HEAD_NOSNIFF] = SLICE_INIT("X-Content-Type-Options"),
        [HEAD_ACCEPT_RANGES] = SLICE_INIT("Accept-Ranges"),
        [HEAD_ETAG] = SLICE_INIT("ETag"),
        [HEAD_LAST_MODIFIED] = SLICE_INIT("Last-Modified"),
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (headers_judge(changes, names[i]) != HEADERS_UNTOUCHED)
            draft->policy.unsaid |= 1u << i;
    }
}

static void draft_fields(struct headers_changes *changes, struct draft *draft) {
    take_value(changes, SLICE("Content-Type"), &draft->text, &draft->policy.content_type);
    if (draft->policy.content_type.len > TYPES_LEN_MAX) /* there is no room for it in parts */
        draft->policy.content_type = SLICE_NONE;
    take_value(changes, SLICE("Cache-Control"), &draft->text, &draft->policy.cache_control);
    take_unsaid(changes, draft);
    draft->replaces_cors =
        headers_judge(changes, SLICE("Access-Control-Allow-Origin")) != HEADERS_UNTOUCHED;
    size_t start = draft->text.len;
    headers_write(changes, &draft->text);
    draft->policy.lines = slice_of(draft->text.ptr + start, draft->text.len - start);
}

/* A slice of the draft's text is one of the ruling's; others last. */
static void move(const struct draft *draft, struct ruling *ruling, struct slice *slice) {
    if (slice->ptr >= draft->text.ptr && slice->ptr <= draft->text.ptr + draft->text.len)
        slice->ptr = ruling->bytes + (slice->ptr - draft->text.ptr);
}

static struct ruling *settle(const struct draft *draft, const struct redirect *redirect) {
    size_t size = sizeof(struct ruling) + draft->text.len;
    struct ruling *ruling = malloc(size);
    if (ruling == NULL)
        return NULL;
    *ruling = (struct ruling){
        .references = 1,
        .redirect = redirect,
        .location = draft->location,
        .policy = draft->policy,
        .replaces_cors = draft->replaces_cors,
        .size_bytes = size,
    };
    memcpy(ruling->bytes, draft->text.ptr, draft->text.len);
    move(draft, ruling, &ruling->location);
    move(draft, ruling, &ruling->policy.content_type);
    move(draft, ruling, &ruling->policy.cache_control);
    move(draft, ruling, &ruling->policy.lines);
    return ruling;
}

/* One that there is no room for is cut, and still longer than any response may say. */
static void draft_location(const struct redirect_match *match, struct draft *draft) {
    redirect_write_location(&draft->text, match, SLICE_NONE);
    if (draft->text.overflow || draft->text.len > LOCATION_MAX) {
        draft->text.overflow = false;
        draft->text.len = LOCATION_MAX;
    }
    draft->location = buf_slice(&draft->text);
}

/* Writes what is said to `draft`; false where that is more than there is room for. */
static bool rule(const struct rulebook *rulebook, struct slice path,
                 const struct redirect_match *match, struct headers_changes *changes,
                 struct draft *draft) {
    if (!headers_apply(&rulebook->headers, path, changes))
        return false;
    if (match != NULL && !redirect_is_rewrite(match->rule)) {
        draft_location(match, draft);
    }
    draft_fields(changes, draft);
    return !draft->text.overflow && draft->text.len - draft->location.len <= HEAD_POLICY_MAX;
}

struct ruling *rulebook_rule(const struct rulebook *rulebook, struct slice path,
                             const struct redirect_match *match, const struct head_policy *standard,
                             bool *ruling_exists) {
    size_t count = rulebook->headers.fields_count;
    size_t capacity = count < CHANGES_MAX ? count : CHANGES_MAX;
    *ruling_exists = match != NULL || count > 0;
    if (!*ruling_exists)
        return NULL;
    struct headers_change *items = calloc(capacity + 1, sizeof *items);
    char *memory = malloc(LOCATION_MAX + 2 * HEAD_POLICY_MAX);
    struct ruling *ruling = NULL;
    if (items != NULL && memory != NULL) {
        struct headers_changes changes = {
            .items = items, .capacity = capacity, .values = BUF_INIT(memory, HEAD_POLICY_MAX)};
        struct draft draft = {
            .policy = *standard,
            .text = BUF_INIT(memory + HEAD_POLICY_MAX, LOCATION_MAX + HEAD_POLICY_MAX)};
        if (rule(rulebook, path, match, &changes, &draft)) {
            *ruling_exists = match != NULL || changes.count > 0;
            if (*ruling_exists)
                ruling = settle(&draft, match != NULL ? match->rule : NULL);
        }
    }
    free(items);
    free(memory);
    return ruling;
}

struct ruling *ruling_ref(struct ruling *ruling) {
    if (ruling != NULL)
        ruling->references++;
    return ruling;
}

void ruling_unref(struct ruling *ruling) {
    if (ruling != NULL && --ruling->references == 0)
        free(ruling);
}
