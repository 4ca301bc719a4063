#include "serve/explain.h"

#include "base/check.h"
#include "base/number.h"
#include "serve/exchange.h"
#include "serve/route.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REQUEST_MAX = 16 * 1024 };

/* All that is asked, and what has been found. */
struct explanation {
    FILE *stream; /* borrowed */
    struct loop loop;
    struct server server;
    char text[REQUEST_MAX]; /* what the request borrows from */
    struct request request;
    char path[REQUEST_TARGET_MAX]; /* what the target borrows from */
    struct target target;
    bool absent; /* there is nothing by that path */
};

/* A line, with a word for what it is about in front, which is left out where it is the same. */
static void put_line(const struct explanation *explanation, const char *about, struct slice text) {
    (void)fprintf(explanation->stream, "%-8s  ", about);
    for (size_t i = 0; i < text.len; i++) { /* names may hold what a terminal would obey */
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            (void)fprintf(explanation->stream, "\\x%02x", c);
        else
            (void)fputc(c, explanation->stream);
    }
    (void)fputc('\n', explanation->stream);
}

/* Why what lies at the path, relative to the root, is not served; where that is for no reason but
 * that it is not there, nothing is said of it. */
static struct slice describe_unserved(const struct beneath *root, struct slice path) {
    char text[PATH_MAX];
    struct stat stat;
    (void)snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    switch (beneath_stat(root, text, &stat)) {
    case 0:
        if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode))
            return SLICE("none: what is there is neither a file nor a directory");
        break;
    case -EXDEV:
        return SLICE("none: a symbolic link leads out of the root");
    case -ELOOP:
        return root->links == BENEATH_LINKS_NONE
                   ? SLICE("none: symbolic links are not followed (see --symlinks)")
                   : SLICE("none: a symbolic link leads to itself");
    }
    return SLICE("none");
}

/* Whether clean URLs would find a page at the path, relative to the root, which is not found
 * without them. */
static bool is_clean_url(const struct docroot *docroot, struct slice path, bool as_directory) {
    struct docroot clean = *docroot;
    struct docroot_file file;
    if (docroot->clean_urls)
        return false;
    clean.clean_urls = true;
    if (docroot_find(&clean, path, as_directory, &file) != DOCROOT_FILE)
        return false;
    (void)close(file.fd);
    return true;
}

/* Whether it was looked for elsewhere than at the path that was asked for. */
static bool is_rewritten(const struct resource *resource) {
    const struct ruling *ruling = resource->ruling;
    return ruling != NULL && ruling->redirect != NULL && redirect_is_rewrite(ruling->redirect);
}

static struct slice describe_absent(const struct resource *resource, const struct target *target) {
    const struct docroot *docroot = resource->docroot;
    const size_t prefix = docroot->prefix.len;
    if (is_rewritten(resource))
        return SLICE("none: the rule leads to nothing");
    if (docroot->only.ptr != NULL)
        return SLICE("none: one file is served, and nothing beside it");
    if (docroot_hides(docroot, target->path))
        return SLICE("none: a name in it starts with a dot (see --hidden)");
    if (target->path.len <= prefix)
        return SLICE("none");
    struct slice path = slice_after(target->path, prefix > 0 ? prefix + 1 : 0);
    if (is_clean_url(docroot, path, target->trailing_slash))
        return SLICE("none: with .html behind it, it would be there (see --clean-urls)");
    return describe_unserved(&docroot->root, path);
}

static struct slice describe(const struct resource *resource, const struct target *target) {
    switch (resource->outcome) {
    case DOCROOT_FILE:
        return resource->path;
    case DOCROOT_DIRECTORY:
        return SLICE("a directory without an index file");
    case DOCROOT_NEEDS_SLASH:
        return SLICE("a directory");
    case DOCROOT_ABSENT:
        return describe_absent(resource, target);
    case DOCROOT_FORBIDDEN:
        return SLICE("not readable");
    case DOCROOT_EXHAUSTED:
    case DOCROOT_FAULT:
        break;
    }
    return SLICE("could not be opened");
}

/* Where a mounted directory has what was asked for, and what a file is encoded in beside it. */
static void put_circumstances(const struct explanation *explanation,
                              const struct resource *resource) {
    char memory[MOUNTS_PATH_MAX + 2];
    struct buf prefix = BUF_INIT(memory, sizeof memory);
    if (resource->docroot->prefix.len > 0) {
        buf_put_char(&prefix, '/');
        buf_put(&prefix, resource->docroot->prefix);
        put_line(explanation, "mount", buf_slice(&prefix));
    }
    struct buf codings = BUF_INIT(memory, sizeof memory);
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        if ((resource->available & 1u << i) == 0)
            continue;
        buf_put(&codings, codings.len > 0 ? SLICE(", ") : SLICE(""));
        buf_put(&codings, coding_token((enum coding)i));
    }
    if (codings.len > 0)
        put_line(explanation, "siblings", buf_slice(&codings));
}

static void put_redirect(const struct explanation *explanation, const struct ruling *ruling) {
    char memory[256];
    if (ruling == NULL || ruling->redirect == NULL)
        return;
    const struct redirect *redirect = ruling->redirect;
    int len = snprintf(memory, sizeof memory, "_redirects:%u  /%.*s -> %.*s", redirect->line,
                       (int)(redirect->from.text.len > 80 ? 80 : redirect->from.text.len),
                       redirect->from.text.ptr,
                       (int)(redirect->to.len > 80 ? 80 : redirect->to.len), redirect->to.ptr);
    put_line(explanation, "rule", slice_of(memory, (size_t)len));
}

/* Which lines of `_headers` apply. */
static int put_fields(const struct explanation *explanation) {
    const struct headers *headers = &explanation->server.store.rulebook.headers;
    char values[HEAD_POLICY_MAX];
    struct headers_changes changes = {.items =
                                          calloc(headers->fields_count + 1, sizeof *changes.items),
                                      .capacity = headers->fields_count,
                                      .values = BUF_INIT(values, sizeof values)};
    if (changes.items == NULL)
        return -ENOMEM;
    if (!headers_apply(headers, explanation->target.path, &changes))
        changes.count = 0;
    for (size_t i = 0; i < changes.count; i++) {
        char memory[HEAD_POLICY_MAX + 512];
        struct buf line = BUF_INIT(memory, sizeof memory);
        const struct headers_change *change = &changes.items[i];
        bool removed = change->value.ptr == NULL;
        buf_put(&line, SLICE("_headers:"));
        buf_put_number(&line, change->field->line);
        buf_put(&line, removed ? SLICE("  ! ") : SLICE("  "));
        buf_put(&line, change->field->name);
        if (!removed) {
            buf_put(&line, SLICE(": "));
            buf_put(&line, change->value);
        }
        put_line(explanation, "field", buf_slice(&line));
    }
    free(changes.items);
    return 0;
}

static int put_findings(struct explanation *explanation) {
    struct store *store = &explanation->server.store;
    const struct target *target = &explanation->target;
    if (live_is_on(&explanation->server.live) && live_find(target) != LIVE_NONE) {
        put_line(explanation, "file", SLICE("none: pronto's own, for pages (see --live)"));
        return 0;
    }
    struct resource *resource = store_look_up(store, explanation->request.target, target->path,
                                              target->trailing_slash, explanation->loop.now_ms);
    if (resource == NULL)
        return -ENOMEM;
    put_line(explanation, "file", describe(resource, target));
    put_circumstances(explanation, resource);
    put_redirect(explanation, resource->ruling);
    int result = put_fields(explanation);
    explanation->absent = resource->outcome == DOCROOT_ABSENT;
    store_release(store, resource);
    return result;
}

/* The file beneath the root by that target, if it is one. */
static void put_file(struct explanation *explanation, const char *about, struct slice target) {
    struct store *store = &explanation->server.store;
    int64_t now_ms = explanation->loop.now_ms;
    struct resource *resource = store_recall(store, target, now_ms);
    if (resource == NULL)
        resource = store_look_up(store, target, slice_after(target, 1), false, now_ms);
    if (resource == NULL)
        return;
    if (resource->outcome == DOCROOT_FILE)
        put_line(explanation, about, resource->path);
    store_release(store, resource);
}

/* Says what stands in for what there is not, by the code of the answer's status. */
static void put_stand_in(struct explanation *explanation, struct slice code) {
    static const enum status errors[] = {STATUS_FORBIDDEN, STATUS_NOT_FOUND};
    uint64_t number;
    if (!number_parse(code, 999, &number))
        return;
    if (explanation->absent && number == status_code(STATUS_OK))
        put_file(explanation, "spa", buf_slice(&explanation->server.spa));
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (number == status_code(errors[i]))
            put_file(explanation, "page", route_error_page(errors[i]));
    }
}

/* Prints the head that a client would get. */
static void put_head(struct explanation *explanation) {
    struct server *server = &explanation->server;
    struct delivery *delivery = NULL;
    while (exchange_answer(server, &explanation->request, true, &delivery) == EXCHANGE_LATER) {
        while (delivery_prepare(delivery))
            continue;
    }
    struct slice output = outq_front(&server->output);
    CHECK(output.ptr != NULL);
    const char *end = memmem(output.ptr, output.len, "\r\n\r\n", 4);
    size_t len = end != NULL ? (size_t)(end - output.ptr) : output.len;
    struct slice rest = slice_of(output.ptr, len);
    struct slice line;
    struct slice text;
    put_stand_in(explanation, slice_of(rest.ptr + sizeof "HTTP/1.1 " - 1, 3));
    (void)fputc('\n', explanation->stream);
    while (slice_cut(&rest, '\n', &line)) {
        (void)slice_cut(&line, '\r', &text);
        (void)fprintf(explanation->stream, "%.*s\n", (int)text.len, text.ptr);
    }
    delivery_free(delivery);
    outq_clear(&server->output);
}

/* What is wrong with what the operator wrote, by what it names. */
static const char *describe_refused(enum target_outcome outcome) {
    switch (outcome) {
    case TARGET_ABOVE:
        return "leads above the root, and is answered with 400 whatever there is "
               "(\"..\" takes away the name before it, and / is the root)";
    case TARGET_ABSENT:
        return "has a %2F, which is part of no name: there is nothing (write /)";
    case TARGET_PATH:
    case TARGET_ASTERISK:
    case TARGET_AUTHORITY:
    case TARGET_BAD:
        break;
    }
    return "cannot be asked for (write a path as in /a%20b, or a URL, percent-encoded)";
}

/* Makes a request of what the operator wrote. */
static int ask(struct explanation *explanation, const struct options *options, struct err *err) {
    const char *url = options->explain;
    int len = snprintf(explanation->text, sizeof explanation->text,
                       "GET %s%s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       url[0] == '/' || strstr(url, "://") != NULL ? "" : "/", url);
    struct buf path = BUF_INIT(explanation->path, sizeof explanation->path);
    enum target_outcome outcome = TARGET_BAD;
    if ((size_t)len < sizeof explanation->text &&
        request_parse(slice_of(explanation->text, (size_t)len), options->max_head,
                      &explanation->request) == REQUEST_WHOLE)
        outcome =
            target_parse(METHOD_GET, explanation->request.target, &path, &explanation->target);
    return outcome == TARGET_PATH
               ? 0
               : err_set(err, EINVAL, "--explain: '%.200s' %s", url, describe_refused(outcome));
}

int explain_print(const struct options *options, const struct roots *roots, FILE *stream,
                  struct err *err) {
    struct explanation *explanation = calloc(1, sizeof *explanation);
    if (explanation == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    explanation->stream = stream;
    explanation->loop = (struct loop)LOOP_INIT;
    int result = ask(explanation, options, err);
    if (result == 0)
        result = loop_init(&explanation->loop, err);
    if (result == 0) {
        result = server_init(&explanation->server, &explanation->loop, roots, options, err);
        if (result == 0) {
            put_line(explanation, "root", slice_of_text(options->root));
            result = put_findings(explanation);
            if (result < 0)
                (void)err_set(err, -result,
                              "more is said of it in _headers than has room in a head");
            put_head(explanation);
        }
        server_deinit(&explanation->server);
    }
    loop_deinit(&explanation->loop);
    free(explanation);
    return result;
}
