/* What may be written to a terminal. */
#pragma once

#include <stdbool.h>

/* Colours: unless $NO_COLOR (https://no-color.org) or $TERM say otherwise. */
bool terminal_takes_colours(void);

/* Characters beyond ASCII, as UTF-8: unless it is a dumb one, or the locale in the environment
 * names another character set (locale(7)). One that names none, as C does, says nothing of the
 * terminal, which nowadays takes them. */
bool terminal_takes_utf8(void);

/* How many columns it has; 0: that is not known. */
unsigned terminal_columns(int fd);
