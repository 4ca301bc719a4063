#include "support/user.h"

#include "support/note.h"

#include <sys/types.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* The saved user id stays, and with it the way back. */
bool user_become_ordinary(void) {
    if (geteuid() != 0 || seteuid(NOBODY) == 0)
        return true;
    note_cannot_test("what an ordinary user may not do, since root can't become one");
    return false;
}

void user_return(void) {
    if (seteuid(getuid()) != 0)
        fail_msg("can't be user %u again", (unsigned)getuid());
}
