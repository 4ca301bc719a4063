#include "proc/console.h"

#include "base/deadline.h"
#include "serve/spell.h"
#include "sys/clock.h"
#include "sys/terminal.h"

#include <unistd.h>

enum { INTERVAL_MS = 1000, LINE_MAX_BYTES = DIGEST_TEXT_MAX + 2 * SPELL_TEXT_MAX };

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

/* A terminal that is stopped (Ctrl-S) does not show it, and is not waited for. */
static void write_line(const struct console *console, struct buf *line) {
    size_t written;
    buf_put_char(line, '\n');
    if (!line->overflow)
        (void)sink_write(&console->sink, buf_slice(line), &written);
}

static void show(const struct console *console, const struct digest *more) {
    char memory[LINE_MAX_BYTES];
    struct buf line = BUF_INIT(memory, sizeof memory);
    spell_clock(&line, clock_time_s());
    buf_put(&line, SLICE("  "));
    digest_put(&line, more, SLICE("more "), console->coloured);
    write_line(console, &line);
}

void console_tick(struct console *console, int64_t now_ms) {
    struct digest sum;
    if (console->metrics == NULL)
        return;
    metrics_read_withheld(console->metrics, &sum);
    bool more = sum.requests > console->shown.requests;
    if (more && console->due_ms == INT64_MAX)
        console->due_ms = now_ms + INTERVAL_MS;
    if (now_ms < console->due_ms)
        return;
    const struct digest since = digest_since(&sum, &console->shown);
    if (more)
        show(console, &since);
    console->shown = sum;
    console->due_ms = more ? now_ms + INTERVAL_MS : INT64_MAX;
}

int64_t console_wait_ms(const struct console *console, int64_t wait_ms, int64_t now_ms) {
    bool waits = console->metrics != NULL && console->due_ms < INT64_MAX;
    return waits ? deadline_sooner_ms(wait_ms, console->due_ms, now_ms) : wait_ms;
}

void console_conclude(struct console *console, int64_t now_ms) {
    struct tally tally;
    char memory[LINE_MAX_BYTES];
    struct buf line = BUF_INIT(memory, sizeof memory);
    if (console->metrics == NULL)
        return;
    if (console->due_ms < INT64_MAX) /* what the last second still has to say */
        console_tick(console, console->due_ms);
    metrics_read_all(console->metrics, &tally);
    const struct digest all = digest_of_tally(&tally);
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
