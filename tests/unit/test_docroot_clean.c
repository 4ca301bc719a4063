/* Clean URLs, and files that the operator names. */
#include "store/docroot.h"

#include "support/rooted.h"
#include "support/user.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void open_root(const char *root, bool hidden) {
    struct err err = ERR_INIT;
    assert_int_equal(docroot_open(&rooted.docroot, root, &rooted.index_names, hidden,
                                  BENEATH_LINKS_INSIDE, &err),
                     0);
    assert_false(rooted.docroot.clean_urls);
    rooted.docroot.clean_urls = true;
}

static int setup(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    tree_make(&rooted.tree);
    tree_text(&rooted.tree, "index.html", "top");
    tree_text(&rooted.tree, ".html", "hidden");
    tree_text(&rooted.tree, "page.html", "page");
    tree_text(&rooted.tree, "deep/page.html", "deep page");
    tree_text(&rooted.tree, "real", "real");
    tree_text(&rooted.tree, "real.html", "not the real one");
    tree_text(&rooted.tree, "both.html", "both, page");
    tree_text(&rooted.tree, "both/index.html", "both, index");
    tree_text(&rooted.tree, "section/index.html", "section");
    tree_text(&rooted.tree, "second/index.htm", "second choice");
    tree_text(&rooted.tree, "bare/file", "no index");
    tree_text(&rooted.tree, "over.html/file", "a directory");
    tree_text(&rooted.tree, "over/index.html", "behind a directory");
    tree_text(&rooted.tree, "dotted.v1.html", "dotted");
    tree_text(&rooted.tree, ".well-known.html", "hidden");
    tree_text(&rooted.tree, ".well-known/acme.html", "acme");
    tree_text(&rooted.tree, ".dot.html", "hidden");
    tree_text(&rooted.tree, "shut.html", "shut");
    tree_mode(&rooted.tree, "shut.html", 0);
    tree_text(&rooted.tree, "shut-dir/index.html", "shut");
    tree_mode(&rooted.tree, "shut-dir/index.html", 0);
    tree_link(&rooted.tree, "link.html", "page.html");
    tree_link(&rooted.tree, "out.html", "/etc/passwd");
    assert_int_equal(names_parse("index.html,index.htm", &rooted.index_names, &err), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&rooted.tree);
    return 0;
}

static int each_setup(void **state) {
    (void)state;
    rooted_begin();
    return 0;
}

static int each_teardown(void **state) {
    (void)state;
    user_return();
    rooted_end();
    return 0;
}

struct row {
    const char *name;
    const char *path;
    bool as_directory;
    enum docroot_outcome outcome;
    const char *path_found; /* with DOCROOT_FILE */
};

static void check_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct docroot_file file;
        enum docroot_outcome outcome =
            docroot_find(&rooted.docroot, slice_of_text(row->path), row->as_directory, &file);
        row_assert_number(row->name, outcome, row->outcome);
        row_assert_number(row->name, file.fd >= 0, outcome == DOCROOT_FILE);
        if (outcome == DOCROOT_FILE) {
            row_assert_slice(row->name, slice_of(file.path, file.path_len),
                             slice_of_text(row->path_found));
            (void)close(file.fd);
        }
    }
}

static void test_find(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"page", "page", false, DOCROOT_FILE, "page.html"},
        {"page in a directory", "deep/page", false, DOCROOT_FILE, "deep/page.html"},
        {"page by its name", "page.html", false, DOCROOT_FILE, "page.html"},
        {"a real file wins", "real", false, DOCROOT_FILE, "real"},
        {"page before index", "both", false, DOCROOT_FILE, "both.html"},
        {"index with the slash", "both", true, DOCROOT_FILE, "both/index.html"},
        {"index", "section", false, DOCROOT_FILE, "section/index.html"},
        {"second index name", "second", false, DOCROOT_FILE, "second/index.htm"},
        {"directory without an index", "bare", false, DOCROOT_NEEDS_SLASH, NULL},
        {"the same with its slash", "bare", true, DOCROOT_DIRECTORY, NULL},
        {"index behind a directory of the page's name", "over", false, DOCROOT_FILE,
         "over/index.html"},
        {"directory of a page's name", "over.html", false, DOCROOT_NEEDS_SLASH, NULL},
        {"page with a slash behind", "page", true, DOCROOT_ABSENT, NULL},
        {"nothing", "nothing", false, DOCROOT_ABSENT, NULL},
        {"nothing with a slash behind", "nothing", true, DOCROOT_ABSENT, NULL},
        {"nothing in a page", "page.html/x", false, DOCROOT_ABSENT, NULL},
        {"root", "", true, DOCROOT_FILE, "index.html"},
        {"dot in its name", "dotted.v1", false, DOCROOT_FILE, "dotted.v1.html"},
        {"link", "link", false, DOCROOT_FILE, "link.html"},
        {"link out", "out", false, DOCROOT_ABSENT, NULL},
        {"dotfile", ".dot", false, DOCROOT_ABSENT, NULL},
        {"in well-known", ".well-known/acme", false, DOCROOT_FILE, ".well-known/acme.html"},
        {"dotfile beside well-known", ".well-known", false, DOCROOT_NEEDS_SLASH, NULL},
    };
    open_root(rooted.tree.path, false);
    check_rows(rows, ROWS_COUNT(rows));
}

/* A name that starts with a dot has no second one, served or not. */
static void test_find_hidden(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"dotfile", ".dot", false, DOCROOT_ABSENT, NULL},
        {"dotfile by its name", ".dot.html", false, DOCROOT_FILE, ".dot.html"},
        {"beside well-known", ".well-known", false, DOCROOT_NEEDS_SLASH, NULL},
        {"root", "", false, DOCROOT_NEEDS_SLASH, NULL},
    };
    open_root(rooted.tree.path, true);
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_forbidden(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"page", "shut", false, DOCROOT_FORBIDDEN, NULL},
        {"index", "shut-dir", false, DOCROOT_FORBIDDEN, NULL},
    };
    open_root(rooted.tree.path, false);
    if (!user_become_ordinary())
        return;
    check_rows(rows, ROWS_COUNT(rows));
}

static void test_find_single_file(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"root", "", true, DOCROOT_FILE, "page.html"},
        {"its name", "page.html", false, DOCROOT_FILE, "page.html"},
        {"a part of it", "page", false, DOCROOT_ABSENT, NULL},
    };
    open_root(tree_path(&rooted.tree, "page.html"), false);
    check_rows(rows, ROWS_COUNT(rows));
}

/* What the cache depends on is what docroot_find() looks at. */
static void test_candidates(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        bool as_directory;
        const char *candidates[5];
    } rows[] = {
        {"page", "a/b", false, {"a/b", "a/b.html", "a/b/index.html", "a/b/index.htm"}},
        {"directory", "a/b", true, {"a/b/index.html", "a/b/index.htm"}},
        {"root", "", true, {"index.html", "index.htm"}},
        {"well-known", ".well-known", false, {".well-known"}},
        {"hidden", ".a", false, {NULL}},
    };
    open_root(rooted.tree.path, false);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char text[PATH_MAX];
        size_t len = 1;
        for (size_t j = 0; len > 0; j++) {
            const char *want = rows[i].candidates[j] != NULL ? rows[i].candidates[j] : "";
            len = docroot_candidate(&rooted.docroot, slice_of_text(rows[i].path),
                                    rows[i].as_directory, j, text);
            row_assert_slice(rows[i].name, slice_of(text, len), slice_of_text(want));
        }
    }
}

/* There is no room for ".html" behind the longest paths. */
static void test_long_paths(void **state) {
    (void)state;
    static char path[PATH_MAX + 1];
    open_root(rooted.tree.path, false);
    for (size_t len = PATH_MAX - 20; len <= PATH_MAX; len++) {
        memset(path, 'a', len);
        path[len] = '\0';
        for (size_t i = 100; i < len - 1; i += 100)
            path[i] = '/';
        struct row row = {row_at("long", len), path, false, DOCROOT_ABSENT, NULL};
        check_rows(&row, 1);
        char text[PATH_MAX];
        row_assert_number(row_at("candidate", len),
                          docroot_candidate(&rooted.docroot, slice_of(path, len), false, 1, text),
                          len + 5 < PATH_MAX ? len + 5 : 0);
    }
}

static void test_require_file(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *message; /* a part of it; NULL: there is such a file */
    } rows[] = {
        {"page.html", NULL},
        {"deep/page.html", NULL},
        {"page", NULL}, /* as a request for it would find it */
        {"nothing.html", "cannot serve nothing.html: there is no such file"},
        {"bare", "cannot serve bare: it is a directory"},
        {"out.html", "there is no such file beneath the root"},
        {".dot.html", "a name that starts with a dot is not served (see --hidden)"},
        {"shut.html", "must be allowed to read it"},
    };
    open_root(rooted.tree.path, false);
    bool ordinary = user_become_ordinary();
    for (size_t i = 0; i < ROWS_COUNT(rows) - (ordinary ? 0 : 1); i++) {
        struct err err = ERR_INIT;
        int result = docroot_require_file(&rooted.docroot, slice_of_text(rows[i].path), &err);
        row_assert_number(rows[i].path, result, rows[i].message == NULL ? 0 : -ENOENT);
        row_assert(rows[i].path,
                   rows[i].message == NULL || strstr(err.text, rows[i].message) != NULL);
    }
}

static void test_require_file_of_a_single_one(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    open_root(tree_path(&rooted.tree, "page.html"), false);
    assert_int_equal(docroot_require_file(&rooted.docroot, SLICE("page.html"), &err), 0);
    assert_int_equal(docroot_require_file(&rooted.docroot, SLICE("index.html"), &err), -ENOENT);
    assert_non_null(strstr(err.text, "there is no such file"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_find),           test(test_find_hidden),
        test(test_find_forbidden), test(test_find_single_file),
        test(test_candidates),     test(test_long_paths),
        test(test_require_file),   test(test_require_file_of_a_single_one),
    };
    return cmocka_run_group_tests_name("docroot, clean URLs", tests, setup, teardown);
}
