#include "sys/random.h"

#include "base/check.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

int random_fill(void *bytes, size_t len, struct err *err) {
    ssize_t count = getrandom(bytes, len, 0);
    if (count < 0)
        return err_set(err, errno, "no random numbers: %s", strerror(errno));
    CHECK(count == (ssize_t)len); /* getrandom(2): always so for up to 256 bytes */
    return 0;
}
