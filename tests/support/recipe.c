#include "support/recipe.h"

#include "support/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, BODY_MAX_BYTES = 4096 };

#define FIND_BINARY "PATH=~/bin:$PATH\n"

enum step_kind { STEP_NONE, STEP_SHELL, STEP_SERVER, STEP_FILE };

struct follower {
    struct scene *scene;
    const char *document;
    int line;
    int begun;     /* the line with the head */
    bool indented; /* the line before this one was */
    enum step_kind kind;
    char head[LINE_MAX_BYTES]; /* the command line, or the path */
    char body[BODY_MAX_BYTES]; /* what it prints, or what the file holds */
    size_t steps;
};

static const char indent[] = "    ";
static const char title[] = "## ";

static const struct {
    const char *prefix;
    size_t dropped; /* bytes of the line that are not part of the head */
    enum step_kind kind;
} starts[] = {
    {"$ pronto ", 2, STEP_SERVER},
    {"$ ", 2, STEP_SHELL},
    {"# ", 2, STEP_FILE},
};

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The server says some of it once it has announced its addresses. */
static void run_server(struct follower *follower) {
    const struct process_options options = {.directory = follower->scene->tree.path};
    char command[LINE_MAX_BYTES + 32];
    (void)snprintf(command, sizeof command, FIND_BINARY "exec %s", follower->head);
    const char *const words[] = {"-euc", command, NULL};
    server_stop(&follower->scene->server);
    server_start_as(&follower->scene->server, &options, 1, "sh", words);
    char *rest = follower->body;
    for (const char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';)
        server_await_text(&follower->scene->server, line);
}

/* A terminal shows none of the CRs that fields end with, and the document has none. */
static void drop_returns(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '\r')
            *to++ = *from;
    }
    *to = '\0';
}

static void run_shell(const struct follower *follower) {
    char script[LINE_MAX_BYTES + 64];
    (void)snprintf(script, sizeof script, FIND_BINARY "cd\n%s", follower->head);
    char *out = shell_read(script);
    drop_returns(out);
    if (strcmp(out, follower->body) != 0)
        fail_msg("%s:%d: %s\nprints:\n%sand should print:\n%s", follower->document, follower->begun,
                 follower->head, out, follower->body);
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

/* A number sign is an ordinary line of what is printed, or of a file, but for the first. */
static bool begin_step(struct follower *follower, const char *text) {
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        bool possible = starts[i].kind != STEP_FILE || !follower->indented;
        if (!possible || !has_prefix(text, starts[i].prefix))
            continue;
        take_step(follower);
        follower->kind = starts[i].kind;
        follower->begun = follower->line;
        (void)snprintf(follower->head, sizeof follower->head, "%s", text + starts[i].dropped);
        follower->body[0] = '\0';
        return true;
    }
    return false;
}

static void read_indented(struct follower *follower, const char *text) {
    bool begun = begin_step(follower, text);
    if (follower->kind == STEP_NONE)
        fail_msg("%s:%d: neither a command line nor a file begins here", follower->document,
                 follower->line);
    if (!begun || follower->kind == STEP_FILE)
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
    assert_int_equal(setenv("HOME", scene->tree.path, 1), 0);
    shell_tell(scene);
}

void recipe_follow(struct scene *scene, const char *document, const char *heading) {
    struct follower follower = {.scene = scene, .document = document};
    char line[LINE_MAX_BYTES];
    bool inside = false;
    FILE *file = open_document(document);
    tell_of_tree(scene);
    while (next_line(file, line)) {
        follower.line++;
        if (has_prefix(line, title)) {
            take_step(&follower);
            inside = strcmp(line + strlen(title), heading) == 0;
        } else if (inside) {
            read_line(&follower, line);
        }
    }
    take_step(&follower);
    (void)fclose(file);
    if (follower.steps == 0)
        fail_msg("%s: nothing is to be done for \"%s\"", document, heading);
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
