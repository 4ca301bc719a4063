/* The command line, as shells complete it: names of options, the words of a choice, and files. */
#include "print.h"

#include "conf/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What an option's value is completed to. */
enum completion { COMPLETE_NONE, COMPLETE_NOTHING, COMPLETE_WORDS, COMPLETE_FILES };

static enum completion completion_of(const struct option_row *row) {
    if (!option_takes_word(row))
        return COMPLETE_NONE; /* there is no value, or need be none */
    if (row->kind == OPTION_CHOICE)
        return COMPLETE_WORDS;
    return strcmp(row->argument, "FILE") == 0 || strcmp(row->argument, "DEST") == 0
               ? COMPLETE_FILES
               : COMPLETE_NOTHING;
}

/* The words of a choice, with blanks between them. */
static void print_words(const struct option_row *row) {
    for (const char *at = row->argument; *at != '\0'; at++)
        putchar(*at == '|' ? ' ' : *at);
}

/* As much of the help as fits beside a name: up to where it goes into details. */
static struct slice brief_help(const struct option_row *row) {
    static const char *const ends[] = {"; ", ": ", " ("};
    struct slice help = slice_of_text(row->help);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const char *end = memmem(help.ptr, help.len, ends[i], 2);
        if (end != NULL)
            help.len = (size_t)(end - help.ptr);
    }
    return help;
}

/* A text for single quotes, with what a shell wants around each character of `special`. */
static void print_quoted(struct slice text, const char *special, const char *before,
                         const char *behind) {
    for (size_t i = 0; i < text.len; i++) {
        bool is_special = strchr(special, text.ptr[i]) != NULL;
        printf("%s%c%s", is_special ? before : "", text.ptr[i], is_special ? behind : "");
    }
}

/* bash(1), Programmable Completion */

/* A pattern of case: the names of those whose values are completed in that way. */
static void print_bash_pattern(enum completion completion) {
    const char *before = "    ";
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        if (completion_of(row) != completion)
            continue;
        if (row->letter != 0)
            printf("%s-%c | --%s", before, row->letter, row->name);
        else
            printf("%s--%s", before, row->name);
        before = " | ";
    }
    puts(")");
}

static void print_bash_choices(void) {
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        if (completion_of(row) != COMPLETE_WORDS)
            continue;
        printf("    --%s)\n        mapfile -t COMPREPLY < <(compgen -W '", row->name);
        print_words(row);
        puts("' -- \"$cur\")\n        return\n        ;;");
    }
}

void print_bash(void) {
    puts("# Completions of pronto's command line for bash.\n"
         "_pronto() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    # --name=value is three words here.\n"
         "    if [[ $cur == = ]]; then\n"
         "        cur=\n"
         "    elif [[ $prev == = ]]; then\n"
         "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "    fi\n"
         "    COMPREPLY=()\n"
         "    case $prev in");
    print_bash_choices();
    print_bash_pattern(COMPLETE_NOTHING);
    puts("        return\n"
         "        ;;");
    print_bash_pattern(COMPLETE_FILES);
    puts("        ;;\n"
         "    *)\n"
         "        if [[ $cur == -* ]]; then");
    printf("            mapfile -t COMPREPLY < <(compgen -W '");
    for (const struct option_row *row = options_rows(); row->name != NULL; row++)
        printf("%s--%s", row == options_rows() ? "" : " ", row->name);
    puts("' -- \"$cur\")\n"
         "            return\n"
         "        fi\n"
         "        ;;\n"
         "    esac\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
         "}\n"
         "complete -F _pronto pronto");
}

/* zsh: _arguments in zshcompsys(1) */

/* What may be given with the option, and how it is written: '*{-l+,--listen=}'. */
static void print_zsh_names(const struct option_row *row) {
    const bool has_value = option_takes_word(row);
    const char *value = has_value ? "=" : "";
    if (row->letter == 0) {
        printf("'%s--%s%s", option_is_repeatable(row) ? "*" : "", row->name, value);
        return;
    }
    if (option_is_repeatable(row))
        printf("'*'");
    else
        printf("'(-%c --%s)'", row->letter, row->name);
    printf("{-%c%s,--%s%s}'", row->letter, has_value ? "+" : "", row->name, value);
}

static void print_zsh_option(const struct option_row *row) {
    printf("    ");
    print_zsh_names(row);
    putchar('[');
    print_quoted(brief_help(row), "'", "'\\", "'");
    putchar(']');
    if (option_takes_word(row)) {
        putchar(':');
        print_quoted(slice_of_text(row->argument), ":", "\\", "");
        putchar(':');
    }
    switch (completion_of(row)) {
    case COMPLETE_NONE:
        break;
    case COMPLETE_NOTHING:
        putchar(' ');
        break;
    case COMPLETE_WORDS:
        putchar('(');
        print_words(row);
        putchar(')');
        break;
    case COMPLETE_FILES:
        printf("_files");
        break;
    }
    puts("' \\");
}

void print_zsh(void) {
    puts("#compdef pronto\n"
         "# Completions of pronto's command line for zsh.\n"
         "_arguments -s -S \\");
    for (const struct option_row *row = options_rows(); row->name != NULL; row++)
        print_zsh_option(row);
    puts("    '1:ROOT:_files'");
}

/* fish: complete(1). Files are completed wherever nothing else is asked for. */

static void print_fish_option(const struct option_row *row) {
    printf("complete -c pronto");
    if (row->letter != 0)
        printf(" -s %c", row->letter);
    printf(" -l %s", row->name);
    switch (completion_of(row)) {
    case COMPLETE_NONE:
        break;
    case COMPLETE_NOTHING:
        printf(" -x");
        break;
    case COMPLETE_WORDS:
        printf(" -x -a '");
        print_words(row);
        putchar('\'');
        break;
    case COMPLETE_FILES:
        printf(" -r -F");
        break;
    }
    printf(" -d '");
    print_quoted(brief_help(row), "'\\", "\\", "");
    puts("'");
}

void print_fish(void) {
    puts("# Completions of pronto's command line for fish.");
    for (const struct option_row *row = options_rows(); row->name != NULL; row++)
        print_fish_option(row);
}
