#include "support/screen.h"

#include <stdbool.h>
#include <string.h>

/* Cuts out each line that begins with that. */
static void cut_lines(char *text, const char *start) {
    char *at = text;
    while (*at != '\0') {
        char *next = at + strcspn(at, "\n");
        next += *next == '\n';
        if (strncmp(at, start, strlen(start)) == 0)
            memmove(at, next, strlen(next) + 1);
        else
            at = next;
    }
}

static void level_numbers(char *text) {
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        bool is_digit = *at >= '0' && *at <= '9';
        bool in_number = to > text && to[-1] == '0' &&
                         (is_digit || (*at == '.' && at[1] >= '0' && at[1] <= '9'));
        bool in_blank = to > text && *at == ' ' && to[-1] == ' ';
        if (!in_number && !in_blank && *at != '\r')
            *to++ = (char)(is_digit ? '0' : *at);
    }
    *to = '\0';
}

/* A machine with one processor has but one worker, in the singular. */
static void level_workers(char *text) {
    static const char workers[] = "worker";
    for (char *at = text; (at = strstr(at, workers)) != NULL;) {
        at += sizeof workers - 1;
        if (*at == 's')
            memmove(at, at + 1, strlen(at));
    }
}

void screen_normalise(char *text) {
    cut_lines(text, "pronto: ");
    cut_lines(text, "  Sandbox  ");
    level_numbers(text);
    level_workers(text);
}
