#include "store/siblings.h"

#include "base/buf.h"
#include "store/attributes.h"

#include <unistd.h>

/* It is written to, by the buffer. NOLINTNEXTLINE(readability-non-const-parameter) */
size_t siblings_path(struct slice path, enum coding coding, char text[PATH_MAX]) {
    struct buf buf = BUF_INIT(text, PATH_MAX);
    buf_put(&buf, path);
    if (coding != CODING_IDENTITY)
        buf_put(&buf, coding_extension(coding));
    size_t len = buf.len;
    buf_put_char(&buf, '\0');
    return buf.overflow ? 0 : len;
}

struct siblings siblings_find(const struct docroot *docroot, struct slice path,
                              const struct stat *plain) {
    struct siblings siblings = {0};
    struct docroot_file file;
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        file.path_len = siblings_path(path, (enum coding)i, file.path);
        if (file.path_len == 0 || docroot_hides(docroot, slice_of(file.path, file.path_len)))
            continue;
        enum docroot_outcome outcome = docroot_open_file(docroot, &file);
        siblings.linked |= file.linked;
        siblings.unknown |= outcome == DOCROOT_EXHAUSTED || outcome == DOCROOT_FAULT;
        if (outcome != DOCROOT_FILE)
            continue;
        (void)close(file.fd);
        siblings.unsettled |= !attributes_are_settled(&file.stat);
        if (!attributes_are_older(&file.stat, plain))
            siblings.available |= (uint8_t)(1u << i);
    }
    return siblings;
}
