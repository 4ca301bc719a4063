/* Becoming an ordinary user for a while: no file mode keeps root from anything. */
#pragma once

#include <stdbool.h>

/* Goes on as an ordinary user, if the test is root. Returns false, and says so, where that can't
 * be. */
bool user_become_ordinary(void);

/* Goes on as who the test was. */
void user_return(void);
