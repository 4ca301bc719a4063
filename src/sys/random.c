#include "sys/random.h"

#include "base/buf.h"
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

/* It is written to, by the buffer. NOLINTNEXTLINE(readability-non-const-parameter) */
int random_digits(char *text, size_t len, struct err *err) {
    unsigned char bytes[RANDOM_DIGITS_MAX / 2];
    struct buf digits = BUF_INIT(text, len);
    CHECK(len <= RANDOM_DIGITS_MAX && len % 2 == 0);
    int result = random_fill(bytes, len / 2, err);
    for (size_t i = 0; i < len / 2 && result == 0; i++)
        buf_put_hex_byte(&digits, bytes[i]);
    return result;
}
