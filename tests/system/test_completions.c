/* Completions of the command line, in the shells they are for. */
#include "support/pty.h"
#include "support/row.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60000, WORDS_MAX = 4 };

static const char bash[] = "bash --norc -c";
static const char fish[] = "fish --no-config --command";

static struct pty pty = PTY_INIT;

/* Writes what is printed for a shell to a file of the tree. */
static void print_for(const struct scene *scene, const char *shell, const char *name) {
    const char *printer = getenv("PRINT_DOCS");
    if (printer == NULL)
        fail_msg("set PRINT_DOCS to build/print-docs, as `make test` does");
    const char *const argv[] = {printer, shell, NULL};
    int exit_code;
    char *text = process_run(argv, &exit_code);
    assert_int_equal(exit_code, 0);
    tree_text(&scene->tree, name, text);
    free(text);
}

/* The tree has two directories' worth of files to complete, and is the home of shells. */
static int setup(void **state) {
    int result = scene_setup(state);
    const struct scene *scene = *state;
    tree_directory(&scene->tree, "files");
    tree_text(&scene->tree, "files/pronto one.conf", "");
    tree_text(&scene->tree, "files/protocol.txt", "");
    assert_int_equal(setenv("HOME", scene->tree.path, 1), 0);
    return result;
}

static int teardown(void **state) {
    pty_deinit(&pty);
    return scene_teardown(state);
}

/* What the last word of a command line may become: a line each, sorted. */
static const struct {
    const char *name;
    const char *words[WORDS_MAX]; /* behind "pronto" */
    const char *completed;
} rows[] = {
    {"names of options", {"--lis"}, "--listen\n--listing\n"},
    {"behind another", {"--cors", "--cl"}, "--clean-urls\n"},
    {"the words of a choice", {"--listing", "o"}, "off\non\n"},
    {"one of the words", {"--log-format", "js"}, "json\n"},
    {"any of the words", {"--symlinks", ""}, "inside\nnone\n"},
    {"a file", {"--config", "pronto"}, "pronto one.conf\n"},
    {"by the letter", {"-c", "pronto"}, "pronto one.conf\n"},
    {"a value that nobody can guess", {"--workers", ""}, ""},
    {"the root", {"pro"}, "pronto one.conf\nprotocol.txt\n"},
    {"the root, behind a flag", {"--lan", "prot"}, "protocol.txt\n"},
};

/* Runs a script in the directory of the files; returns what it writes, sorted. */
static char *run_script(const struct scene *scene, const char *shell, const char *script) {
    char sorted[8192];
    struct process process = PROCESS_INIT;
    const struct process_options options = {.directory = tree_path(&scene->tree, "files")};
    (void)snprintf(sorted, sizeof sorted, "set -o pipefail; %s '%s' | LC_ALL=C sort", shell,
                   script);
    const char *const argv[] = {"bash", "-c", sorted, NULL};
    process_start(&process, &options, argv);
    assert_true(process_wait(&process, TIMEOUT_MS));
    char *out = process_text(process.out_fd);
    char *err = process_text(process.err_fd);
    if (process_exit_code(&process) != 0 || err[0] != '\0')
        fail_msg("%s: exit code %d: %s", script, process_exit_code(&process), err);
    free(err);
    process_deinit(&process);
    return out;
}

/* The words of a row, with blanks before them and quotes around them. */
static void join(char *text, size_t size, size_t row, const char *quote) {
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < WORDS_MAX && rows[row].words[i] != NULL; i++)
        len +=
            (size_t)snprintf(text + len, size - len, " %s%s%s", quote, rows[row].words[i], quote);
}

static void test_bash(void **state) {
    const struct scene *scene = *state;
    print_for(scene, "bash", "pronto.bash");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char words[256];
        char script[2048];
        join(words, sizeof words, i, "\"");
        (void)snprintf(script, sizeof script,
                       ". ../pronto.bash && complete -p pronto >/dev/null && "
                       "COMP_WORDS=(pronto%s) && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && "
                       "_pronto && for reply in \"${COMPREPLY[@]}\"; do echo \"$reply\"; done",
                       words);
        char *completed = run_script(scene, bash, script);
        row_assert_slice(rows[i].name, slice_of_text(completed), slice_of_text(rows[i].completed));
        free(completed);
    }
}

/* bash takes --name=value apart. */
static void test_bash_with_equals_signs(void **state) {
    const struct scene *scene = *state;
    print_for(scene, "bash", "pronto.bash");
    char *completed =
        run_script(scene, bash,
                   ". ../pronto.bash; COMP_WORDS=(pronto --listing = o) COMP_CWORD=3; "
                   "_pronto; echo \"${COMPREPLY[@]}\"; "
                   "COMP_WORDS=(pronto --symlinks =) COMP_CWORD=2; "
                   "_pronto; echo \"${COMPREPLY[@]}\"");
    assert_string_equal(completed, "inside none\non off\n");
    free(completed);
}

/* fish describes what it offers behind a tab, and escapes blanks. */
static void test_fish(void **state) {
    const struct scene *scene = *state;
    print_for(scene, "fish", "pronto.fish");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char words[256];
        char script[2048];
        join(words, sizeof words, i, "");
        (void)snprintf(script, sizeof script,
                       "source ../pronto.fish; complete -C \"pronto%s\" | string split -f1 \\t | "
                       "string unescape; true",
                       words);
        char *completed = run_script(scene, fish, script);
        row_assert_slice(rows[i].name, slice_of_text(completed), slice_of_text(rows[i].completed));
        free(completed);
    }
}

static void test_fish_describes(void **state) {
    const struct scene *scene = *state;
    print_for(scene, "fish", "pronto.fish");
    char *completed =
        run_script(scene, fish, "source ../pronto.fish; complete -C \"pronto --lis\"");
    note_assert_contains(completed, "--listen\tlisten on ADDR\n");
    free(completed);
}

/* zsh completes only for those who type. */
static void test_zsh(void **state) {
    static const char *const argv[] = {"zsh", "-f", "-i", NULL};
    static const char *const settings[] = {"TERM", "xterm", "PS1", "> ", NULL};
    static const struct {
        const char *keys;
        const char *shows[2];
    } dialogue[] = {
        {"pronto --list\t", {"listen on ADDR", "list directories that have no such file"}},
        {"\x15pronto --clea\t", {"n-urls"}},
        {"\x15pronto --log-format js\t", {"on"}},
        {"\x15pronto --symlinks=in\t", {"side"}},
        {"\x15pronto -c prot\t", {"ocol.txt"}},
        {"\x15pronto --lan prot\t", {"ocol.txt"}},
        {"\x15pronto -w2 --co\t", {"read options from FILE as well", "let scripts of any origin"}},
    };
    const struct scene *scene = *state;
    print_for(scene, "zsh", "_pronto");
    if (!pty_start(&pty, settings, argv))
        return;
    pty_type(&pty, "cd $HOME/files && fpath=($HOME $fpath) && autoload -Uz compinit && "
                   "compinit -u -d $HOME/dump && echo rea''dy\r");
    (void)pty_await(&pty, 0, "ready");
    for (size_t i = 0; i < ROWS_COUNT(dialogue); i++) {
        size_t from = pty.len;
        pty_type(&pty, dialogue[i].keys);
        for (size_t j = 0; j < 2 && dialogue[i].shows[j] != NULL; j++)
            (void)pty_await(&pty, from, dialogue[i].shows[j]);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_bash), test(test_bash_with_equals_signs),
        test(test_fish), test(test_fish_describes),
        test(test_zsh),
    };
    return cmocka_run_group_tests_name("completions", tests, NULL, NULL);
}
