#include "base/utf8.h"

#include <stdbool.h>

static bool is_continuation(struct slice text, size_t at) {
    return at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80;
}

/* What the first byte of a sequence says: its length, the bits that it brings, and the least code
 * point that needs this length, below which the form is overlong. */
static const struct form {
    unsigned char mask;
    unsigned char lead;
    uint8_t len;
    uint32_t least;
} forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static const struct form *form_of(unsigned char lead) {
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((lead & forms[i].mask) == forms[i].lead)
            return &forms[i];
    }
    return NULL;
}

size_t utf8_read(struct slice text, uint32_t *code) {
    unsigned char lead = (unsigned char)text.ptr[0];
    const struct form *form = form_of(lead);
    if (form == NULL)
        return 0;
    *code = lead & (unsigned char)~form->mask;
    for (size_t i = 1; i < form->len; i++) {
        if (!is_continuation(text, i))
            return 0;
        *code = *code << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < form->least || *code > 0x10ffff || surrogate ? 0 : form->len;
}
