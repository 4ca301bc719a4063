#include "http/escape.h"

#include "base/ascii.h"
#include "http/target.h"

/* U+FFFD, which stands for what can't be shown. */
static const struct slice replacement = SLICE_INIT("\xef\xbf\xbd");

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

/* Reads the character at the start of `text`, which is not empty: its length in bytes, or 0 where
 * it is no UTF-8 (RFC 3629 §3). */
static size_t read_character(struct slice text, uint32_t *code) {
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

static bool is_c1_control(uint32_t code) {
    return code >= 0x80 && code <= 0x9f;
}

/* Writes one character, `bytes`, in a way of its own; false: it stands for itself. */
typedef bool put_character(struct buf *buf, uint32_t code, struct slice bytes);

/* `bad` is called for each byte that is no UTF-8. */
static void escape(struct buf *buf, struct slice text, put_character *put,
                   void (*bad)(struct buf *buf, char byte)) {
    while (text.len > 0) {
        uint32_t code;
        size_t len = read_character(text, &code);
        struct slice bytes = slice_of(text.ptr, len);
        if (len == 0)
            bad(buf, text.ptr[0]);
        else if (!put(buf, code, bytes))
            buf_put(buf, bytes);
        text = slice_after(text, len > 0 ? len : 1);
    }
}

static void put_replacement(struct buf *buf, char byte) {
    (void)byte;
    buf_put(buf, replacement);
}

static void put_hex_byte(struct buf *buf, char byte) {
    buf_put(buf, SLICE("\\x"));
    buf_put_char(buf, "0123456789abcdef"[(unsigned char)byte >> 4]);
    buf_put_char(buf, "0123456789abcdef"[byte & 15]);
}

/* U+2400 to U+241F are pictures of U+0000 to U+001F, U+2421 is that of DEL. */
static void put_picture(struct buf *buf, uint32_t code) {
    buf_put(buf, SLICE("\xe2\x90"));
    buf_put_char(buf, (char)(0x80 + (code == 0x7f ? 0x21 : code)));
}

static bool put_html(struct buf *buf, uint32_t code, struct slice bytes) {
    static const struct slice references[128] = {
        ['&'] = SLICE_INIT("&amp;"),  ['<'] = SLICE_INIT("&lt;"),   ['>'] = SLICE_INIT("&gt;"),
        ['"'] = SLICE_INIT("&quot;"), ['\''] = SLICE_INIT("&#39;"),
    };
    if (is_c1_control(code))
        buf_put(buf, replacement);
    else if (bytes.len == 1 && ascii_is_control(bytes.ptr[0]))
        put_picture(buf, code);
    else if (bytes.len == 1 && references[code].ptr != NULL)
        buf_put(buf, references[code]);
    else
        return false;
    return true;
}

void escape_html(struct buf *buf, struct slice text) {
    escape(buf, text, put_html, put_replacement);
}

static bool put_json(struct buf *buf, uint32_t code, struct slice bytes) {
    (void)bytes;
    if (code == '"' || code == '\\') {
        buf_put_char(buf, '\\');
        return false;
    }
    if (code >= 0x20)
        return false;
    buf_put(buf, SLICE("\\u00"));
    buf_put_char(buf, "0123456789abcdef"[code >> 4]);
    buf_put_char(buf, "0123456789abcdef"[code & 15]);
    return true;
}

void escape_json(struct buf *buf, struct slice text) {
    escape(buf, text, put_json, put_replacement);
}

void escape_reference(struct buf *buf, struct slice name, bool directory) {
    buf_put(buf, SLICE("./"));
    target_write_encoded(buf, name);
    if (directory)
        buf_put_char(buf, '/');
}

/* What changes the direction of what follows, or ends a line: marks, embeddings, overrides and
 * isolates of UAX #9, and the separators of lines and paragraphs. */
static bool is_formatting(uint32_t code) {
    return code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool put_line(struct buf *buf, uint32_t code, struct slice bytes) {
    bool control = bytes.len == 1 && ascii_is_control(bytes.ptr[0]);
    if (code == '\\')
        buf_put_char(buf, '\\');
    if (!control && !is_c1_control(code) && !is_formatting(code))
        return false;
    for (size_t i = 0; i < bytes.len; i++)
        put_hex_byte(buf, bytes.ptr[i]);
    return true;
}

void escape_line(struct buf *buf, struct slice text) {
    escape(buf, text, put_line, put_hex_byte);
}
