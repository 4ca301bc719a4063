/* Messages to the operator, on stderr: one line and one write(2) each, so that lines of several
 * processes don't mix. */
#pragma once

/* Writes "pronto: " and the formatted text, cut to 1 KiB, and a line end. */
__attribute__((format(printf, 1, 2))) void diag_message(const char *format, ...);
