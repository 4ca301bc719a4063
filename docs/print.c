/* Prints the documents that come from tables, so that nothing is typed twice: `print-docs options`
 * is docs/options.md, `print-docs man` the manual page. */
#include "print.h"

#include "conf/options.h"
#include "serve/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A table cell: '|' would end it. */
static void print_cell(const char *text) {
    for (; *text != '\0'; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

/* The bounds of a number, in its unit. */
static void print_bounds(const struct option_row *row) {
    const char *unit = row->kind == OPTION_DURATION ? " ms"
                       : row->kind == OPTION_SIZE   ? " bytes"
                                                    : "";
    if (row->max > 0)
        printf("; %llu to %llu%s", (unsigned long long)row->min, (unsigned long long)row->max,
               unit);
}

static void print_option(const struct option_row *row) {
    printf("| `");
    if (row->letter != 0)
        printf("-%c, ", row->letter);
    printf("--%s", row->name);
    if (row->argument != NULL) {
        fputs(option_gap(row), stdout);
        print_cell(row->argument);
    }
    printf("` | %s%s%s | ", row->standard != NULL ? "`" : "",
           row->standard != NULL ? row->standard : "", row->standard != NULL ? "`" : "");
    print_cell(row->help);
    print_bounds(row);
    puts(" |");
}

static void print_options(void) {
    puts(
        "# Options\n\n"
        "    pronto [OPTIONS] [ROOT]\n\n"
        "ROOT is a directory or a single file; without it, the current directory is served. Sizes\n"
        "take K, M or G; times take ms, s, m or h.\n\n"
        "| option | default | meaning |\n| --- | --- | --- |");
    for (const struct option_row *row = options_rows(); row->name != NULL; row++)
        print_option(row);
}

/* The labels that a metric of that shape has, as a cell. */
static const char *labels_of(enum metric_shape shape) {
    static const char *const labels[] = {
        [METRIC_PLAIN] = "",
        [METRIC_SECONDS] = "",
        [METRIC_REASONS] = "`reason`",
        [METRIC_REFUSALS] = "`reason`",
        [METRIC_ANSWERS] = "`method`, `code`",
        [METRIC_TIMES] = "`le`",
    };
    return labels[shape];
}

static const char *type_of(enum metric_kind kind, enum metric_shape shape) {
    if (shape == METRIC_TIMES)
        return "histogram";
    return kind == METRIC_COUNTER ? "counter" : kind == METRIC_GAUGE ? "gauge" : "gauge (highest)";
}

static void print_metric(const char *name, const char *type, const char *labels, const char *help) {
    printf("| `%s` | %s | %s | ", name, type, labels);
    print_cell(help);
    puts(" |");
}

static void print_metrics(void) {
    puts("| metric | type | labels | meaning |\n| --- | --- | --- | --- |");
    print_metric("pronto_build_info", "gauge", "`version`", "Always 1.");
    for (const struct metrics_state_row *row = metrics_state_rows(); row->name != NULL; row++)
        print_metric(row->name, type_of(row->kind, METRIC_PLAIN), "", row->help);
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++)
        print_metric(row->name, type_of(row->kind, row->shape), labels_of(row->shape), row->help);
}

static void print_help(void) {
    options_print_help(stdout);
}

static const struct {
    const char *name;
    void (*print)(void);
} documents[] = {
    {"options", print_options}, {"help", print_help}, {"metrics", print_metrics},
    {"man", print_man},         {"bash", print_bash}, {"zsh", print_zsh},
    {"fish", print_fish},
};

int main(int argc, char *argv[]) {
    for (size_t i = 0; argc == 2 && i < sizeof documents / sizeof documents[0]; i++) {
        if (strcmp(argv[1], documents[i].name) != 0)
            continue;
        documents[i].print();
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    return EXIT_FAILURE;
}
