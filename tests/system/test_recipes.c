/* docs/recipes.md and docs/getting-started.md: what is to be typed there is typed, on a network of
 * the test's own, where every port is free and this machine has the address that the documents have
 * for it. */
#include "support/network.h"
#include "support/recipe.h"
#include "support/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char cookbook[] = "docs/recipes.md";
static const char first_steps[] = "docs/getting-started.md";

static char obstacle[512];

/* The far end of the cable is in nobody's use. */
static const char network[] = "set -e\n"
                              "ip link set lo up\n"
                              "ip link add lan0 type veth peer name far0 netns \"$1\"\n"
                              "ip address add 192.168.178.21/24 dev lan0\n"
                              "ip link set lan0 up\n"
                              "ip address show dev lan0 | grep -q 192.168.178.21\n";

static int group_setup(void **state) {
    (void)state;
    if (!network_make() || !network_run(NETWORK_NEAR, network) ||
        !network_run(NETWORK_FAR, "ip link set far0 up"))
        (void)snprintf(obstacle, sizeof obstacle, "%s", network_complaint());
    return 0;
}

/* What people have before they begin */

static void make_site(const struct tree *tree) {
    tree_text(tree, "site/index.html", "<h1>Hello</h1>\n");
}

static void make_pages(const struct tree *tree) {
    tree_text(tree, "public/about.html", "<h1>About</h1>\n");
    tree_text(tree, "public/404.html", "<h1>Not here</h1>\n");
    tree_text(tree, "public/new/page.html", "<h1>Page</h1>\n");
}

static void make_styled_site(const struct tree *tree) {
    tree_text(tree, "site/index.html",
              "<link rel=\"stylesheet\" href=\"/style.css\">\n<h1>Hello</h1>\n");
    tree_text(tree, "site/style.css", "h1 { color: red }\n");
}

static void make_application(const struct tree *tree) {
    tree_text(tree, "dist/index.html", "<div id=app></div>\n");
}

static void make_build(const struct tree *tree) {
    static char script[8192];
    char here[PATH_MAX];
    char compressor[PATH_MAX + 32];
    memset(script, ';', sizeof script - 1);
    make_application(tree);
    tree_directory(tree, "public");
    tree_text(tree, "dist/assets/index-D4f8a1b2.js", script);
    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(compressor, sizeof compressor, "%s/docs/precompress.sh", here);
    tree_link(tree, "docs/precompress.sh", compressor);
}

static void make_videos(const struct tree *tree) {
    tree_file(tree, "Videos/holiday.mp4", 1, 500000);
    tree_file(tree, "Videos/wedding.mkv", 2, 5000);
    tree_text(tree, "Videos/notes.txt", "none\n");
}

static void make_package(const struct tree *tree) {
    tree_directory(tree, "debs");
    tree_text(tree, "package/DEBIAN/control",
              "Package: hello-pronto\nVersion: 1.0\nArchitecture: all\n"
              "Maintainer: a <a@example.org>\nDescription: says hello\n");
    tree_mode(tree, "package/DEBIAN", 0755);
    shell_run("dpkg-deb --build \"$TREE/package\" \"$TREE/debs\"");
}

static void make_downloads(const struct tree *tree) {
    tree_text(tree, "downloads/release-1.2/notes.txt", "All is new.\n");
    tree_file(tree, "downloads/release-1.2/tool.bin", 3, 300000);
}

/* Fresh sources, and a shell that knows nothing of the make that runs the test. What is built is
 * not that fast, but sooner. And something that opens URLs. */
static void make_sources(const struct tree *tree) {
    static const char *const variables[] = {"BUILD",         "CC",     "COVERAGE",  "DESTDIR",
                                            "FUZZ",          "JOBS",   "MAKEFLAGS", "MAKELEVEL",
                                            "MAKEOVERRIDES", "MFLAGS", "PREFIX",    "SANITIZE",
                                            "STATIC",        "V",      "WERROR"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        assert_int_equal(unsetenv(variables[i]), 0);
    assert_int_equal(setenv("CFLAGS", "-O1", 1), 0);
    tree_directory(tree, "pronto");
    shell_run("tar cf - --exclude=./build --exclude=./.git . | tar xof - -C \"$TREE/pronto\"");
    tree_text(tree, "bin/xdg-open", "#!/bin/sh\necho \"$1\" >> \"$TREE/opened\"\n");
    tree_mode(tree, "bin/xdg-open", 0755);
}

/* What they have then, which the document cannot show in a line */

/* apt, with directories of its own, and the line that the document has for it. */
static const char fetch_package[] =
    "line=$(grep '^deb ' docs/recipes.md)\n"
    "cd \"$TREE\"\n"
    "mkdir -p apt/lists/partial apt/cache/archives/partial\n"
    "echo \"$line\" > apt/sources.list\n"
    "apt() { env -u http_proxy apt-get -qq -o Dir::Etc::sourcelist=\"$TREE/apt/sources.list\" "
    "-o Dir::Etc::sourceparts=- -o Dir::State::lists=\"$TREE/apt/lists\" "
    "-o Dir::Cache=\"$TREE/apt/cache\" -o APT::Sandbox::User= "
    "-o Acquire::http::Proxy=DIRECT \"$@\"; }\n"
    "apt update\n"
    "apt download hello-pronto\n"
    "cmp hello-pronto_1.0_all.deb debs/hello-pronto_1.0_all.deb\n";

static const char check_untouched[] = "cd \"$TREE/site\"\n"
                                      "test \"$(ls -A)\" = 'index.html\nstyle.css'\n"
                                      "test \"$(tail -n 1 index.html)\" = '<h1>Hello</h1>'\n";

static const char check_codings[] = "cd \"$TREE\"\n"
                                    "get() { curl -sS -H \"Accept-Encoding: $1\" "
                                    "http://localhost:8080/assets/index-D4f8a1b2.js; }\n"
                                    "get gzip | gzip -dc | cmp - dist/assets/index-D4f8a1b2.js\n"
                                    "get br | brotli -dc | cmp - dist/assets/index-D4f8a1b2.js\n"
                                    "get zstd | zstd -qdc | cmp - dist/assets/index-D4f8a1b2.js\n";

/* Completions are where shells look, but for zsh, which is told as the document says. */
static const char check_installed[] =
    "cd \"$TREE\"\n"
    "PATH=\"$TREE/.local/bin:$PATH\" fish -c 'complete -C \"pronto --lis\"' | grep '^--listen'\n"
    "line=$(sed -n 's/.*`\\(fpath=[^`]*\\)`.*/\\1/p' \"$TREE/pronto/docs/getting-started.md\")\n"
    "test -n \"$line\"\n"
    "zsh -fc \"$line; autoload -Uz compinit; compinit -uD; echo \\$_comps[pronto]\" | grep "
    "_pronto\n"
    "until test -s opened; do sleep 0.1; done\n"
    "test \"$(cat opened)\" = http://localhost:8080/\n";

static const struct recipe {
    const char *document;
    const char *heading; /* NULL: all of the document, one section after the other */
    void (*prepare)(const struct tree *tree);
    const char *needed;  /* a program that not every system has; NULL: none */
    const char *outcome; /* a script that looks at it; NULL: the document says all */
} recipes[] = {
    {cookbook, "A folder, now", make_site, NULL, NULL},
    {cookbook, "A site of pages", make_pages, NULL, NULL},
    {cookbook, "Pages that follow what you edit", make_styled_site, NULL, check_untouched},
    {cookbook, "A single-page application", make_application, NULL, NULL},
    {cookbook, "What Vite has built, for production", make_build, NULL, check_codings},
    {cookbook, "Videos, to a television or a telephone", make_videos, NULL, NULL},
    {cookbook, "Packages for apt", make_package, "apt-get", fetch_package},
    {cookbook, "Downloads, with archives", make_downloads, NULL, NULL},
    {cookbook, "HTTPS", make_site, NULL, NULL},
    {first_steps, NULL, make_sources, NULL, check_installed},
};

enum { RECIPES = sizeof recipes / sizeof recipes[0] };

static const char *title_of(const struct recipe *row) {
    return row->heading != NULL ? row->heading : row->document;
}

static const struct recipe *recipe; /* of the test under way */

static int setup(void **state) {
    recipe = *state;
    return scene_setup(state);
}

/* Whether what is needed is there; says so where it is not. */
static bool is_possible(void) {
    const char *const argv[] = {"sh", "-c", "command -v \"$1\"", "sh", recipe->needed, NULL};
    int code = 0;
    if (obstacle[0] != '\0') {
        note_cannot_test("%s: %s", title_of(recipe), obstacle);
        return false;
    }
    if (recipe->needed != NULL)
        free(process_run(argv, &code));
    if (code != 0)
        note_cannot_test("%s: there is no %s", title_of(recipe), recipe->needed);
    return code == 0;
}

static void test_recipe(void **state) {
    struct scene *scene = *state;
    if (!is_possible())
        return;
    shell_tell(scene);
    recipe->prepare(&scene->tree);
    recipe_follow(scene, recipe->document, recipe->heading);
    if (recipe->outcome != NULL)
        shell_run(recipe->outcome);
}

static void test_every_recipe_is_here(void **state) {
    (void)state;
    char here[1024] = "";
    for (size_t i = 0; i < RECIPES && recipes[i].document == cookbook; i++) {
        size_t len = strlen(here);
        (void)snprintf(here + len, sizeof here - len, "%s\n", recipes[i].heading);
    }
    char *headings = recipe_headings(cookbook);
    assert_string_equal(here, headings);
    free(headings);
}

int main(void) {
    struct CMUnitTest tests[RECIPES + 1] = {cmocka_unit_test(test_every_recipe_is_here)};
    for (size_t i = 0; i < RECIPES; i++) {
        void *row = (void *)(uintptr_t)&recipes[i];
        tests[i + 1] =
            (struct CMUnitTest){title_of(&recipes[i]), test_recipe, setup, scene_teardown, row};
    }
    return cmocka_run_group_tests_name("recipes", tests, group_setup, NULL);
}
