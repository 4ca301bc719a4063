#include "proc/console.h"

#include "base/check.h"
#include "base/deadline.h"
#include "serve/spell.h"
#include "sys/clock.h"
#include "sys/terminal.h"

#include <string.h>
#include <unistd.h>

enum { INTERVAL_MS = 1000 };

_Static_assert(DIGEST_TEXT_MAX + 2 * SPELL_TEXT_MAX <= CONSOLE_LINE_MAX, "a line fits");

bool console_is_wanted(const struct options *options) {
    return !options->quiet && isatty(STDOUT_FILENO);
}

void console_open(struct console *console, const struct metrics *metrics, int64_t now_ms) {
    *console = (struct console)CONSOLE_INIT;
    int fd = metrics != NULL ? sink_open_stdout() : -1;
    if (fd < 0)
        return;
    console->metrics = metrics;
    console->sink = sink_of_fd(fd);
    console->coloured = terminal_takes_colours();
    console->started_ms = now_ms;
    console->due_ms = INT64_MAX;
}

/* Writes what is left of the line as far as that goes; false: something is left. */
static bool flush(struct console *console) {
    size_t written;
    (void)sink_write(&console->sink, slice_of(console->line, console->unwritten), &written);
    console->unwritten -= written;
    memmove(console->line, console->line + written, console->unwritten);
    return console->unwritten == 0;
}

static void write_line(struct console *console, struct buf *line) {
    buf_put_char(line, '\n');
    CHECK(!line->overflow);
    console->unwritten = line->len;
    (void)flush(console);
}

static void show(struct console *console, const struct digest *more) {
    struct buf line = BUF_INIT(console->line, sizeof console->line);
    spell_clock(&line, clock_time_s());
    buf_put(&line, SLICE("  "));
    digest_put(&line, more, SLICE("more "), console->coloured);
    write_line(console, &line);
}

/* Sums up what is new, once the line before has been taken; false: nothing is, and nothing waits.
 */
static bool show_more(struct console *console) {
    struct digest sum;
    metrics_read_withheld(console->metrics, &sum);
    bool more = sum.requests > console->shown.requests;
    if (!flush(console))
        return true;
    if (more) {
        const struct digest since = digest_since(&sum, &console->shown);
        show(console, &since);
        console->shown = sum;
    }
    return more;
}

void console_tick(struct console *console, int64_t now_ms) {
    struct digest sum;
    if (console->metrics == NULL)
        return;
    if (console->due_ms == INT64_MAX) {
        metrics_read_withheld(console->metrics, &sum);
        if (sum.requests > console->shown.requests)
            console->due_ms = now_ms + INTERVAL_MS;
    } else if (now_ms >= console->due_ms) {
        console->due_ms = show_more(console) ? now_ms + INTERVAL_MS : INT64_MAX;
    }
}

int64_t console_wait_ms(const struct console *console, int64_t wait_ms, int64_t now_ms) {
    bool waits = console->metrics != NULL && console->due_ms < INT64_MAX;
    return waits ? deadline_sooner_ms(wait_ms, console->due_ms, now_ms) : wait_ms;
}

void console_conclude(struct console *console, int64_t now_ms) {
    struct tally tally;
    if (console->metrics == NULL)
        return;
    (void)show_more(console);
    if (!flush(console))
        return;
    metrics_read_all(console->metrics, &tally);
    const struct digest all = digest_of_tally(&tally);
    struct buf line = BUF_INIT(console->line, sizeof console->line);
    buf_put(&line, SLICE("  "));
    digest_put(&line, &all, SLICE(""), console->coloured);
    buf_put(&line, SLICE(", "));
    spell_elapsed(&line, (uint64_t)(now_ms - console->started_ms) / 1000);
    write_line(console, &line);
}

void console_close(struct console *console) {
    sink_deinit(&console->sink);
    console->metrics = NULL;
}
