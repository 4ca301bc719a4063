#include "proc/banner.h"

#include "base/diag.h"
#include "conf/version.h"
#include "proc/poster.h"
#include "sys/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* At a terminal */

/* What parts of the banner look like; empty where it has no colours. */
struct look {
    const char *title;
    const char *url;
    const char *end;
    const char *dot; /* between settings */
};

static struct look choose_look(void) {
    struct look look = {"", "", "", terminal_takes_utf8() ? " \xc2\xb7 " : ", "};
    if (terminal_takes_colours()) {
        look.title = "\x1b[1m";
        look.url = "\x1b[36m";
        look.end = "\x1b[0m";
    }
    return look;
}

static void print_title(const struct look *look, const struct options *options, size_t workers) {
    char *root = realpath(options->root, NULL);
    fprintf(stderr, "%spronto %s%s  serving %s  (%zu worker%s)\n", look->title, VERSION, look->end,
            root != NULL ? root : options->root, workers, workers == 1 ? "" : "s");
    free(root);
}

static void print_mount(struct slice path, const char *directory) {
    char *real = realpath(directory, NULL);
    fprintf(stderr, "  Mount    /%.*s is %s\n", (int)path.len, path.ptr,
            real != NULL ? real : directory);
    free(real);
}

static void print_url(const struct look *look, const char *label, const char *text) {
    fprintf(stderr, "  %-9s%s%s%s\n", label, look->url, text, look->end);
}

static void print_urls(const struct look *look, const struct urls *urls) {
    static const char *const labels[] = {
        [URL_LOCAL] = "Local", [URL_NETWORK] = "Network", [URL_SOCKET] = "Local"};
    for (size_t i = 0; i < urls->count; i++)
        print_url(look, labels[urls->items[i].kind], urls->items[i].text);
}

/* The first URL that others can use, for the camera of a telephone. */
static void print_code(const struct urls *urls) {
    char memory[POSTER_BYTES_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    struct qr qr;
    const char *url = urls_first(urls, URL_NETWORK);
    const unsigned columns = terminal_columns(STDERR_FILENO);
    if (url == NULL || !terminal_takes_utf8() || !qr_make(&qr, slice_of_text(url)) ||
        (columns > 0 && (unsigned)poster_columns(&qr) > columns))
        return;
    poster_put(&buf, &qr, terminal_takes_colours());
    fprintf(stderr, "\n%.*s\n", (int)buf.len, buf.ptr);
}

/* What of the root others get to see. */
static void print_settings(const struct look *look, const struct options *options) {
    fprintf(stderr, "  listing %s%sdotfiles %s%s%s\n",
            options->listing == LISTING_ON ? "on" : "off", look->dot,
            options->hidden ? "served" : "hidden", look->dot,
            options->symlinks == SYMLINKS_INSIDE ? "links stay inside" : "links not followed");
}

/* What each wall that is missing means. */
static void print_gaps(const struct sandbox *sandbox) {
    for (enum sandbox_wall wall = 0; wall < SANDBOX_WALLS; wall++) {
        struct sandbox_report report;
        sandbox_report(sandbox, wall, &report);
        if (!report.stands)
            diag_message("%s", report.text.text);
    }
}

/* The words for those that stand; paths always do. */
static void print_walls(const struct sandbox *sandbox) {
    const char *before = "  Sandbox  ";
    for (enum sandbox_wall wall = SANDBOX_PATHS + 1; wall < SANDBOX_WALLS; wall++) {
        struct sandbox_report report;
        sandbox_report(sandbox, wall, &report);
        if (!report.stands)
            continue;
        fprintf(stderr, "%s%s", before, report.name);
        before = ", ";
    }
    if (before[0] == ',')
        fputc('\n', stderr);
}

static void print_terminal(const struct setup *setup, const struct urls *urls, size_t workers,
                           const struct listeners *admin) {
    const struct options *options = &setup->options;
    const struct look look = choose_look();
    print_title(&look, options, workers);
    for (size_t i = 0; i < options->mount.count; i++)
        print_mount(options->mount.items[i].path, options->mount.items[i].directory);
    print_urls(&look, urls);
    for (size_t i = 0; i < admin->count; i++) {
        char url[URL_TEXT_MAX];
        url_format(&admin->items[i].address, url);
        print_url(&look, "Status", url);
    }
    if (options->live)
        fputs("  Live     pages load again when files change\n", stderr);
    if (options->lan)
        print_code(urls);
    print_walls(&setup->sandbox);
    if (setup->roots.items[0].only.ptr == NULL)
        print_settings(&look, options);
    fputs("  Ctrl-C stops\n", stderr);
}

/* Elsewhere */

static const struct {
    const char *is_there;
    const char *is_gone;
} words[] = {
    [BANNER_SITE] = {"listening on", "no longer listening on"},
    [BANNER_STATUS] = {"status on", "no longer telling the status on"},
};

static void print_line(const char *what, const struct address *address) {
    char url[URL_TEXT_MAX];
    url_format(address, url);
    diag_message("%s %s", what, url);
}

static void print_lines(const struct options *options, const struct listeners *listeners,
                        const struct urls *urls, const struct listeners *admin) {
    for (size_t i = 0; i < admin->count; i++)
        print_line(words[BANNER_STATUS].is_there, &admin->items[i].address);
    for (size_t i = 0; i < listeners->count; i++)
        print_line(words[BANNER_SITE].is_there, &listeners->items[i].address);
    for (size_t i = 0; i < urls->count && options->lan; i++) {
        if (urls->items[i].kind == URL_NETWORK)
            diag_message("others can use %s", urls->items[i].text);
    }
    if (options->live)
        diag_message("live: pages load again when files change");
}

void banner_print_new(enum banner_use use, const struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].is_new)
            print_line(words[use].is_there, &listeners->items[i].address);
    }
}

void banner_print_left(enum banner_use use, const struct listeners *before,
                       const struct listeners *listeners) {
    for (size_t i = 0; i < before->count; i++) {
        if (!listeners_have(listeners, &before->items[i], 0))
            print_line(words[use].is_gone, &before->items[i].address);
    }
}

void banner_print(const struct setup *setup, const struct listeners *listeners,
                  const struct urls *urls, const struct listeners *admin) {
    const struct options *options = &setup->options;
    if (options->quiet)
        return;
    if (listeners->taken_port != 0)
        diag_message("port %u is taken, using %u instead (--listen asks for a certain one)",
                     (unsigned)listeners->taken_port,
                     (unsigned)address_port(&listeners->items[0].address));
    print_gaps(&setup->sandbox);
    if (isatty(STDERR_FILENO))
        print_terminal(setup, urls, listeners->workers, admin);
    else
        print_lines(options, listeners, urls, admin);
}
