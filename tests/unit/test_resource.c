/* What is known of a resource: its media type, and whether it is still true. */
#include "store/resource.h"

#include "support/row.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const struct head_policy plain_policy;

/* What docroot_stat() finds: the time of the last modification by path; 0: nothing is there. */
static time_t plain_s;
static time_t coded_s;
static bool is_other; /* entries were made of other files */

int __wrap_docroot_stat(const struct docroot *docroot, const char *path, struct stat *stat);
bool __wrap_entry_is_of(const struct entry *entry, const struct stat *stat);

int __wrap_docroot_stat(const struct docroot *docroot, const char *path, struct stat *stat) {
    size_t len = strlen(path);
    bool is_coded = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    (void)docroot;
    *stat = (struct stat){.st_mtim.tv_sec = is_coded ? coded_s : plain_s};
    return stat->st_mtim.tv_sec != 0 ? 0 : -ENOENT;
}

bool __wrap_entry_is_of(const struct entry *entry, const struct stat *stat) {
    (void)entry;
    (void)stat;
    return !is_other;
}

static struct resource *resource_named(const char *key, const char *path) {
    struct resource *resource = resource_new(NULL, slice_of_text(key), 2, 32);
    assert_non_null(resource);
    if (path != NULL)
        resource_set_path(resource, slice_of_text(path));
    return resource;
}

static struct entry *entry_of_type(const char *type) {
    const struct representation about = {
        .policy = &plain_policy, .content_type = slice_of_text(type), .etag = SLICE("\"tag\"")};
    struct entry *entry = entry_of_content(SLICE("content"), &about);
    assert_non_null(entry);
    return entry;
}

/* Life */

static void test_texts_are_copied_behind_the_dependencies(void **state) {
    (void)state;
    char key[] = "/a/key";
    char path[] = "a/path";
    struct resource *resource = resource_named(key, path);
    memset(key, 'x', sizeof key - 1);
    memset(path, 'x', sizeof path - 1);
    memset(resource->dependencies, 0xff, 2 * sizeof *resource->dependencies);
    row_assert_slice("key", resource->cached.key, SLICE("/a/key"));
    row_assert_slice("path", resource->path, SLICE("a/path"));
    assert_int_equal(resource->path.ptr[resource->path.len], '\0');
    resource_free(resource);
}

/* Media types */

static struct types types;

static const struct {
    const char *name;
    const char *key;
    const char *path; /* NULL: no file was found */
    enum docroot_outcome outcome;
    const char *ruled;     /* Content-Type of a rule, or NULL */
    const char *built;     /* that of the entry, or NULL */
    const char *type;      /* of it all */
    const char *from_name; /* of a file; NULL: for its content */
} type_rows[] = {
    {"by name", "/a", "a.css", DOCROOT_FILE, NULL, NULL, "text/css; charset=utf-8",
     "text/css; charset=utf-8"},
    {"not by its target", "/a.css", "a.png", DOCROOT_FILE, NULL, NULL, "image/png", "image/png"},
    {"as the operator says", "/a", "a.mine", DOCROOT_FILE, NULL, NULL, "text/mine", "text/mine"},
    {"no name for it", "/a", "a.unknown", DOCROOT_FILE, NULL, NULL, "", NULL},
    {"as its content said", "/a", "a.unknown", DOCROOT_FILE, NULL, "text/seen", "text/seen", NULL},
    {"by a rule", "/a", "a.css", DOCROOT_FILE, "text/rule", NULL, "text/rule", "text/rule"},
    {"by a rule of other things", "/a", "a.png", DOCROOT_FILE, "", NULL, "image/png", "image/png"},
    {"a directory", "/a.png/", NULL, DOCROOT_DIRECTORY, NULL, NULL, "text/html", NULL},
    {"without its slash", "/a.png", NULL, DOCROOT_NEEDS_SLASH, NULL, NULL, "text/html", NULL},
    {"absent", "/a/b.png", NULL, DOCROOT_ABSENT, NULL, NULL, "image/png", NULL},
    {"absent, without a name for it", "/a/b", NULL, DOCROOT_ABSENT, NULL, NULL, "", NULL},
};

static struct ruling *ruling_of(const char *type) {
    struct ruling *ruling = calloc(1, sizeof *ruling);
    assert_non_null(ruling);
    ruling->references = 1;
    if (type[0] != '\0')
        ruling->policy.content_type = slice_of_text(type);
    return ruling;
}

static void test_types(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    types = (struct types){.count = 0};
    assert_int_equal(types_add(&types, "mine=text/mine", &err), 0);
    for (size_t i = 0; i < ROWS_COUNT(type_rows); i++) {
        struct resource *resource = resource_named(type_rows[i].key, type_rows[i].path);
        resource->outcome = type_rows[i].outcome;
        if (type_rows[i].ruled != NULL)
            resource->ruling = ruling_of(type_rows[i].ruled);
        if (type_rows[i].built != NULL)
            resource->entries[CODING_IDENTITY] = entry_of_type(type_rows[i].built);
        row_assert_slice(type_rows[i].name, resource_type(resource, &types),
                         slice_of_text(type_rows[i].type));
        if (type_rows[i].outcome == DOCROOT_FILE)
            row_assert_slice(type_rows[i].name, resource_named_type(resource, &types),
                             type_rows[i].from_name != NULL ? slice_of_text(type_rows[i].from_name)
                                                            : SLICE_NONE);
        resource_free(resource);
    }
}

/* Checking */

enum { UNWATCHED = 1, UNSETTLED = 2, PLAIN = 4, CODED = 8, OTHER = 16 };

static const struct {
    const char *name;
    const char *path;
    enum docroot_outcome outcome;
    unsigned how;
    time_t plain_s;
    time_t coded_s;
    bool is_true;
} check_rows[] = {
    {"nothing built", "a.css", DOCROOT_FILE, 0, 1, 0, true},
    {"built", "a.css", DOCROOT_FILE, PLAIN | CODED, 1, 1, true},
    {"sibling newer", "a.css", DOCROOT_FILE, PLAIN | CODED, 1, 2, true},
    {"sibling older", "a.css", DOCROOT_FILE, PLAIN | CODED, 2, 1, false},
    {"sibling gone", "a.css", DOCROOT_FILE, CODED, 1, 0, false},
    {"sibling gone that was not needed", "a.css", DOCROOT_FILE, PLAIN, 1, 0, true},
    {"plain file gone", "a.css", DOCROOT_FILE, 0, 0, 1, false},
    {"another file", "a.css", DOCROOT_FILE, PLAIN | OTHER, 1, 0, false},
    {"unwatched", "a.css", DOCROOT_FILE, UNWATCHED, 1, 0, false},
    {"unsettled, not built", "a.css", DOCROOT_FILE, UNSETTLED, 1, 0, true},
    {"unsettled, in memory", "a.css", DOCROOT_FILE, UNSETTLED | PLAIN, 1, 0, false},
    {"absent", NULL, DOCROOT_ABSENT, 0, 1, 0, false},
    {"directory", NULL, DOCROOT_DIRECTORY, 0, 1, 0, false},
};

static void test_what_is_still_true(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(check_rows); i++) {
        unsigned how = check_rows[i].how;
        struct resource *resource = resource_named("/a", check_rows[i].path);
        resource->outcome = check_rows[i].outcome;
        resource->unwatched = (how & UNWATCHED) != 0;
        resource->unsettled = (how & UNSETTLED) != 0;
        if ((how & PLAIN) != 0)
            resource->entries[CODING_IDENTITY] = entry_of_type("text/css");
        if ((how & CODED) != 0)
            resource->entries[CODING_GZIP] = entry_of_type("text/css");
        plain_s = check_rows[i].plain_s;
        coded_s = check_rows[i].coded_s;
        is_other = (how & OTHER) != 0;
        row_assert_number(check_rows[i].name, resource_is_still_true(resource, &types),
                          check_rows[i].is_true);
        resource_free(resource);
    }
}

/* What is sent from a descriptor is read anew each time; but not what told its type. */
static void test_a_descriptor_remembers_no_content(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool is_true;
    } rows[] = {{"a.css", true}, {"a.unknown", false}};
    plain_s = 1;
    is_other = false;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct resource *resource = resource_named("/a", rows[i].path);
        resource->outcome = DOCROOT_FILE;
        resource->unsettled = true;
        resource->entries[CODING_IDENTITY] = entry_of_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
        assert_non_null(resource->entries[CODING_IDENTITY]);
        row_assert_number(rows[i].path, resource_is_still_true(resource, &types), rows[i].is_true);
        resource_free(resource);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_copied_behind_the_dependencies),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_what_is_still_true),
        cmocka_unit_test(test_a_descriptor_remembers_no_content),
    };
    return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
