/* A listing for a terminal, a line per entry: size, time of the last modification in UTC, name.
 * Directories end in a slash and have "-" for a size. What a terminal would not show as a character
 * is written as \xNN, a backslash as two. */
#pragma once

#include "store/sheet.h"

extern const struct sheet_format text_format;
