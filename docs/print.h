/* The documents that come from tables, each printed to the standard output. */
#pragma once

/* pronto(1), in mdoc(7). */
void print_man(void);

/* Completions of the command line, for each shell. */
void print_bash(void);
void print_zsh(void);
void print_fish(void);
