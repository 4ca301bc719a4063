#include "http/rules.h"

#include "base/ascii.h"
#include "http/negotiate.h"

#define RULES_STRING_OF(value) #value
#define RULES_STRING(macro)    RULES_STRING_OF(macro)

static const struct slice texts[] = {
#define MISTAKE(name, text) [RULES_##name] = SLICE_INIT(text),
#include "http/mistake.def"
#undef MISTAKE
};

struct slice rules_file_name(enum rules_file file) {
    static const struct slice names[RULES_FILES] = {
        [RULES_REDIRECTS] = SLICE_INIT("_redirects"),
        [RULES_HEADERS] = SLICE_INIT("_headers"),
    };
    return names[file];
}

static bool is_coding_extension(struct slice text) {
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        if (slice_equal(text, coding_extension((enum coding)i)))
            return true;
    }
    return false;
}

bool rules_are_at(struct slice path) {
    for (unsigned i = 0; i < RULES_FILES; i++) {
        struct slice name = rules_file_name((enum rules_file)i);
        struct slice extension = slice_after(path, path.len < name.len ? path.len : name.len);
        if (slice_starts_with(path, name) && (extension.len == 0 || is_coding_extension(extension)))
            return true;
    }
    return false;
}

void rules_fault_add(struct rules_faults *faults, unsigned line, enum rules_mistake mistake,
                     struct slice part) {
    if (faults->count < faults->capacity)
        faults->items[faults->count] = (struct rules_fault){line, mistake, part};
    faults->count++;
}

/* The file is somebody's, and the message may go to a terminal. */
static void put_printable(struct buf *buf, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        buf_put_char(buf, ascii_is_control(c) || (unsigned char)c >= 0x80 ? '?' : c);
    }
}

static void put_part(struct buf *buf, struct slice part) {
    const size_t len_max = 60;
    bool cut = part.len > len_max;
    buf_put_char(buf, '\'');
    put_printable(buf, slice_of(part.ptr, cut ? len_max : part.len));
    buf_put(buf, cut ? SLICE("...' ") : SLICE("' "));
}

void rules_fault_write(struct buf *buf, const struct rules_fault *fault) {
    if (fault->line > 0) {
        buf_put(buf, SLICE("line "));
        buf_put_number(buf, fault->line);
        buf_put(buf, SLICE(": "));
    }
    if (fault->part.ptr != NULL)
        put_part(buf, fault->part);
    buf_put(buf, texts[fault->mistake]);
}

void rules_start(struct rules_reader *reader, struct slice text, struct rules_faults *faults) {
    const struct slice mark = SLICE("\xef\xbb\xbf");
    *reader = (struct rules_reader){.rest = text, .faults = faults};
    if (text.len > RULES_TEXT_MAX) {
        rules_fault_add(faults, 0, RULES_TEXT_TOO_LARGE, SLICE_NONE);
        reader->rest = SLICE_NONE;
    } else if (slice_starts_with(text, mark)) {
        reader->rest = slice_after(text, mark.len);
    }
}

static enum rules_mistake judge_line(struct slice line) {
    if (line.len > RULES_LINE_MAX)
        return RULES_LINE_TOO_LONG;
    for (size_t i = 0; i < line.len; i++) {
        if (ascii_is_control(line.ptr[i]) && line.ptr[i] != '\t')
            return RULES_CONTROL;
    }
    return RULES_OK;
}

static bool has_content(struct slice line) {
    struct slice text = slice_trim(line);
    return text.len > 0 && text.ptr[0] != '#';
}

bool rules_next(struct rules_reader *reader, struct slice *line) {
    while (slice_cut(&reader->rest, '\n', line)) {
        reader->line++;
        if (line->len > 0 && line->ptr[line->len - 1] == '\r')
            line->len--;
        enum rules_mistake mistake = judge_line(*line);
        while (line->len > 0 && ascii_is_blank(line->ptr[line->len - 1]))
            line->len--;
        if (mistake != RULES_OK)
            rules_fault_add(reader->faults, reader->line, mistake, SLICE_NONE);
        else if (has_content(*line))
            return true;
    }
    return false;
}
