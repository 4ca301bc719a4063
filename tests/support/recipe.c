#include "support/recipe.h"

#include "support/excerpt.h"
#include "support/pty.h"
#include "support/screen.h"
#include "support/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, BODY_MAX_BYTES = 4096, SCREEN_TIMEOUT_MS = 20000 };

/* A shell is started for each line; it finds the binary, and is where the one before it was. */
#define GO_ON          "PATH=~/bin:$PATH\ncd \"$(cat ~/bin/.directory)\"\n"
#define NOTE_DIRECTORY "\npwd > ~/bin/.directory\n"

enum step_kind { STEP_NONE, STEP_SHELL, STEP_SERVER, STEP_SCREEN, STEP_FILE };

struct follower {
    struct scene *scene;
    const char *document;
    int line;
    int begun;     /* the line with the head */
    bool indented; /* the line before this one was */
    enum step_kind kind;
    char head[LINE_MAX_BYTES]; /* the command line, or the path */
    char body[BODY_MAX_BYTES]; /* what it prints, or what the file holds */
    struct pty pty;            /* the server's, if one is at a terminal */
    size_t seen;               /* of what that shows */
    size_t steps;
};

static const char indent[] = "    ";
static const char title[] = "## ";
static const char home[] = "/home/me";
static const char interrupt[] = "^C\n";

static const struct {
    const char *prefix;
    enum step_kind kind;
} starts[] = {
    {"$ ", STEP_SHELL},
    {"# ", STEP_FILE},
};

static const char *const servers[] = {"pronto ", "build/pronto "};

/* With one of these, it prints something and ends. */
static const char *const questions[] = {"--check", "--explain", "--help", "--print-config",
                                        "--version"};

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_server(const char *command) {
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strstr(command, questions[i]) != NULL)
            return false;
    }
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        if (has_prefix(command, servers[i]))
            return true;
    }
    return false;
}

/* What is printed, as a document has it: without the CRs that fields end with, which a terminal
 * does not show, and with the home of somebody else. */
static void tell_as_document(const struct follower *follower, char *text) {
    const char *tree = follower->scene->tree.path;
    size_t len = strlen(tree);
    char *to = text;
    assert_true(len >= strlen(home));
    for (const char *from = text; *from != '\0';) {
        if (strncmp(from, tree, len) == 0) {
            to = stpcpy(to, home);
            from += len;
        } else if (*from == '\r') {
            from++;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static void fail_step(const struct follower *follower, const char *shown, const char *expected) {
    fail_msg("%s:%d: %s\nprints:\n%sand should print:\n%s", follower->document, follower->begun,
             follower->head, shown, expected);
}

/* Servers at a terminal */

/* Whether the terminal shows that, behind what has been seen. If so, it is seen; if not, and it is
 * too late, fails. */
static bool see(struct follower *follower, const char *expected, bool late) {
    pty_gather(&follower->pty);
    char *shown = strdup(follower->pty.text + follower->seen);
    char *excerpt = strdup(expected);
    size_t len = strlen(shown);
    tell_as_document(follower, shown);
    screen_normalise(shown);
    screen_normalise(excerpt);
    bool matches = excerpt_matches(excerpt, shown);
    if (!matches && late)
        fail_step(follower, follower->pty.text + follower->seen, expected);
    follower->seen += matches ? len : 0;
    free(shown);
    free(excerpt);
    return matches;
}

static void await_screen(struct follower *follower, const char *expected) {
    int64_t deadline_ms = note_now_ms() + SCREEN_TIMEOUT_MS;
    while (!see(follower, expected, note_now_ms() > deadline_ms))
        note_pause_ms(10);
}

/* Types Ctrl-C, and expects what is shown then; NULL: whatever that is. */
static void stop_at_terminal(struct follower *follower, const char *expected) {
    pty_type(&follower->pty, "\x03");
    int exit_code = pty_finish(&follower->pty);
    if (exit_code != 0 || strstr(follower->pty.text, "Sanitizer") != NULL)
        fail_msg("%s:%d: the server exits with %d:\n%s", follower->document, follower->line,
                 exit_code, follower->pty.text);
    if (expected != NULL)
        (void)see(follower, expected, true);
    pty_deinit(&follower->pty);
}

static bool is_at_terminal(const struct follower *follower) {
    return follower->pty.master >= 0;
}

static void run_at_terminal(struct follower *follower, const char *command) {
    static const char *const settings[] = {"NO_COLOR", "1",       "TERM", "xterm",
                                           "LC_ALL",   "C.UTF-8", NULL};
    const char *const argv[] = {"sh", "-euc", command, NULL};
    if (is_at_terminal(follower))
        stop_at_terminal(follower, NULL);
    server_stop(&follower->scene->server);
    follower->seen = 0;
    if (!pty_start(&follower->pty, settings, argv))
        skip();
    await_screen(follower, follower->body);
}

static void run_screen(struct follower *follower) {
    char *typed = strstr(follower->body, interrupt);
    if (typed == NULL) {
        await_screen(follower, follower->body);
        return;
    }
    char *before = strndup(follower->body, (size_t)(typed - follower->body));
    await_screen(follower, before);
    free(before);
    stop_at_terminal(follower, typed);
}

/* Others */

/* The server says some of it once it has announced its addresses. */
static void run_aside(struct follower *follower, const char *command) {
    const char *const words[] = {"-euc", command, NULL};
    server_stop(&follower->scene->server);
    server_start_as(&follower->scene->server, NULL, 1, "sh", words);
    for (const char *at = follower->body; *at != '\0'; at += strcspn(at, "\n") + 1) {
        char *line = strndup(at, strcspn(at, "\n") + 1);
        server_await_text(&follower->scene->server, line);
        free(line);
    }
}

/* The banner begins with the name; other messages have a colon behind it. */
static void run_server(struct follower *follower) {
    char command[LINE_MAX_BYTES + 96];
    (void)snprintf(command, sizeof command, GO_ON "exec %s", follower->head);
    if (has_prefix(follower->body, "pronto "))
        run_at_terminal(follower, command);
    else
        run_aside(follower, command);
}

static void run_shell(const struct follower *follower) {
    char script[LINE_MAX_BYTES + 128];
    (void)snprintf(script, sizeof script, GO_ON "%s" NOTE_DIRECTORY, follower->head);
    char *out = shell_read(script);
    tell_as_document(follower, out);
    if (!excerpt_matches(follower->body, out))
        fail_step(follower, out, follower->body);
    free(out);
}

/* Does what has been read by now, if anything. */
static void take_step(struct follower *follower) {
    switch (follower->kind) {
    case STEP_NONE:
        return;
    case STEP_SHELL:
        run_shell(follower);
        break;
    case STEP_SERVER:
        run_server(follower);
        break;
    case STEP_SCREEN:
        run_screen(follower);
        break;
    case STEP_FILE:
        tree_text(&follower->scene->tree, follower->head, follower->body);
        break;
    }
    follower->steps++;
    follower->kind = STEP_NONE;
}

static void append(struct follower *follower, const char *text) {
    size_t len = strlen(follower->body);
    int added = snprintf(follower->body + len, BODY_MAX_BYTES - len, "%s\n", text);
    assert_in_range(added, 1, BODY_MAX_BYTES - len - 1);
}

static void begin(struct follower *follower, enum step_kind kind, const char *head) {
    take_step(follower);
    follower->kind = kind;
    follower->begun = follower->line;
    (void)snprintf(follower->head, sizeof follower->head, "%s", head);
    follower->body[0] = '\0';
}

/* A number sign is an ordinary line of what is printed, or of a file, but for the first. */
static bool begin_step(struct follower *follower, const char *text) {
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        bool possible = starts[i].kind != STEP_FILE || !follower->indented;
        if (!possible || !has_prefix(text, starts[i].prefix))
            continue;
        const char *head = text + strlen(starts[i].prefix);
        bool serves = starts[i].kind == STEP_SHELL && is_server(head);
        begin(follower, serves ? STEP_SERVER : starts[i].kind, head);
        if (follower->kind == STEP_FILE) /* of which it is a line, too: a comment */
            append(follower, text);
        return true;
    }
    return false;
}

static void read_indented(struct follower *follower, const char *text) {
    if (begin_step(follower, text))
        return;
    if (follower->kind == STEP_NONE && is_at_terminal(follower))
        begin(follower, STEP_SCREEN, "the terminal");
    if (follower->kind == STEP_NONE)
        fail_msg("%s:%d: neither a command line nor a file begins here", follower->document,
                 follower->line);
    append(follower, text);
}

static void read_line(struct follower *follower, const char *line) {
    bool indented = has_prefix(line, indent);
    if (indented)
        read_indented(follower, line + strlen(indent));
    else
        take_step(follower);
    follower->indented = indented;
}

/* The next line without its end; false: there is none. */
static bool next_line(FILE *file, char line[LINE_MAX_BYTES]) {
    if (fgets(line, LINE_MAX_BYTES, file) == NULL)
        return false;
    size_t len = strlen(line);
    assert_int_equal(line[len - 1], '\n');
    line[len - 1] = '\0';
    return true;
}

static FILE *open_document(const char *document) {
    FILE *file = fopen(document, "re");
    if (file == NULL)
        fail_msg("%s cannot be read", document);
    return file;
}

/* What people have: a home, and the binary installed there. */
static void tell_of_tree(const struct scene *scene) {
    tree_link(&scene->tree, "bin/pronto", server_binary());
    tree_text(&scene->tree, "bin/.directory", scene->tree.path);
    assert_int_equal(setenv("HOME", scene->tree.path, 1), 0);
    shell_tell(scene);
}

static void finish(struct follower *follower) {
    take_step(follower);
    if (is_at_terminal(follower))
        stop_at_terminal(follower, NULL);
}

void recipe_follow(struct scene *scene, const char *document, const char *heading) {
    struct follower follower = {.scene = scene, .document = document, .pty = PTY_INIT};
    char line[LINE_MAX_BYTES];
    bool inside = false;
    FILE *file = open_document(document);
    tell_of_tree(scene);
    while (next_line(file, line)) {
        follower.line++;
        if (has_prefix(line, title)) {
            take_step(&follower);
            inside = heading == NULL || strcmp(line + strlen(title), heading) == 0;
        } else if (inside) {
            read_line(&follower, line);
        }
    }
    (void)fclose(file);
    finish(&follower);
    if (follower.steps == 0)
        fail_msg("%s: nothing is to be done for \"%s\"", document,
                 heading != NULL ? heading : "all");
}

char *recipe_headings(const char *document) {
    char line[LINE_MAX_BYTES];
    char *headings = NULL;
    size_t size = 0;
    FILE *file = open_document(document);
    FILE *out = open_memstream(&headings, &size);
    assert_non_null(out);
    while (next_line(file, line)) {
        if (has_prefix(line, title))
            (void)fprintf(out, "%s\n", line + strlen(title));
    }
    (void)fclose(file);
    assert_int_equal(fclose(out), 0);
    return headings;
}
