#include "http/escape.h"

#include "base/ascii.h"
#include "base/utf8.h"
#include "http/target.h"

/* U+FFFD, which stands for what can't be shown. */
static const struct slice replacement = SLICE_INIT("\xef\xbf\xbd");

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
        size_t len = utf8_read(text, &code);
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
    buf_put_hex_byte(buf, (unsigned char)byte);
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
    buf_put_hex_byte(buf, (unsigned char)code);
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
