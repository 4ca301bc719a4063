#include "http/uri.h"

const bool uri_plain_chars[256] = {
    ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['!'] = true,         ['$'] = true, ['&'] = true,
    ['\''] = true,        ['('] = true,         [')'] = true,         ['*'] = true, ['+'] = true,
    [','] = true,         [';'] = true,         ['='] = true,
};

void uri_write_encoded(struct buf *buf, struct slice text, bool (*stays)(char c)) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (stays((char)c)) {
            buf_put_char(buf, (char)c);
        } else {
            buf_put_char(buf, '%');
            buf_put_char(buf, "0123456789ABCDEF"[c >> 4]);
            buf_put_char(buf, "0123456789ABCDEF"[c & 15]);
        }
    }
}
