/* What a worker that somebody has got hold of might try. The names are what tests/system/test_walls
 * asks for. */
#pragma once

/* Tries it, with an argument that may be empty: 0 where it succeeded, else errno; -1: there is no
 * such attempt. Some end the process. */
int attempt(const char *name, const char *argument);
