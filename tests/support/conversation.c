#include "support/conversation.h"

#include "base/ascii.h"
#include "support/note.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ITEMS_MAX = 1024,
    STEPS_MAX = 8192,
    TEXT_MAX = 32 * 1024 * 1024,
    DEFINITIONS_MAX = 32,
    REPEAT_MAX = 4 * 1024 * 1024,
    LINE_MAX_BYTES = 1024,
};

struct definition {
    struct slice name;
    struct slice value;
};

struct reader {
    struct conversations *set;
    const char *file;
    int line;
    struct conversation *at; /* under way; NULL: none */
    bool unterminated;       /* the last text ended with a backslash */
    struct definition definitions[DEFINITIONS_MAX];
    size_t definitions_count;
};

/* Fails the test unless `holds`. */
static void require(const struct reader *reader, bool holds, const char *complaint) {
    if (!holds)
        fail_msg("%s:%d: %s", reader->file, reader->line, complaint);
}

static void put(struct reader *reader, struct slice bytes) {
    buf_put(&reader->set->text, bytes);
    require(reader, !reader->set->text.overflow, "too much text in all files");
}

static size_t read_number(const struct reader *reader, struct slice text) {
    size_t value = 0;
    require(reader, text.len > 0 && text.len < 10, "a number is expected");
    for (size_t i = 0; i < text.len; i++) {
        require(reader, ascii_is_digit(text.ptr[i]), "a number is expected");
        value = value * 10 + (size_t)(text.ptr[i] - '0');
    }
    return value;
}

/* Texts: escapes, definitions, repetitions */

static void expand(struct reader *reader, struct slice text);

/* Returns the length of the escape at the start of `text`. */
static size_t expand_escape(struct reader *reader, struct slice text) {
    static const char plain[] = "rntv0\\{}\"";
    static const char values[] = "\r\n\t\v\0\\{}\"";
    if (text.len == 1) {
        reader->unterminated = true;
        return 1;
    }
    if (text.ptr[1] == 'x') {
        int high = text.len < 4 ? -1 : ascii_hex_value(text.ptr[2]);
        int low = text.len < 4 ? -1 : ascii_hex_value(text.ptr[3]);
        require(reader, high >= 0 && low >= 0, "\\x takes two hexadecimal digits");
        char byte = (char)(high << 4 | low);
        put(reader, slice_of(&byte, 1));
        return 4;
    }
    const char *found = memchr(plain, text.ptr[1], sizeof plain - 1);
    require(reader, found != NULL, "an unknown escape");
    put(reader, slice_of(values + (found - plain), 1));
    return 2;
}

/* The length of what stands in braces at the start of `text`, with them. */
static size_t braced_len(const struct reader *reader, struct slice text) {
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\')
            i++;
        else if (c == '{')
            depth++;
        else if (c == '}' && --depth == 0)
            return i + 1;
    }
    require(reader, false, "a brace is not closed");
    return 0;
}

static void expand_definition(struct reader *reader, struct slice name) {
    for (size_t i = 0; i < reader->definitions_count; i++) {
        if (slice_equal(reader->definitions[i].name, name)) {
            put(reader, reader->definitions[i].value);
            return;
        }
    }
    require(reader, false, "this name is not defined");
}

/* {name} or {text*count}; returns its length. */
static size_t expand_braces(struct reader *reader, struct slice text) {
    size_t len = braced_len(reader, text);
    struct slice inner = slice_of(text.ptr + 1, len - 2);
    const char *star = memrchr(inner.ptr, '*', inner.len);
    if (star == NULL) {
        expand_definition(reader, inner);
        return len;
    }
    size_t start = reader->set->text.len;
    size_t unit_len = (size_t)(star - inner.ptr);
    size_t count = read_number(reader, slice_after(inner, unit_len + 1));
    require(reader, count > 0 && count < REPEAT_MAX, "not to be repeated so often");
    expand(reader, slice_of(inner.ptr, unit_len));
    struct slice unit = slice_of(reader->set->text.ptr + start, reader->set->text.len - start);
    for (size_t i = 1; i < count; i++)
        put(reader, unit);
    return len;
}

/* Appends what `text` stands for to the texts of the set. */
static void expand(struct reader *reader, struct slice text) {
    reader->unterminated = false;
    while (text.len > 0) {
        size_t taken = 1;
        if (text.ptr[0] == '\\')
            taken = expand_escape(reader, text);
        else if (text.ptr[0] == '{')
            taken = expand_braces(reader, text);
        else
            put(reader, slice_of(text.ptr, 1));
        text = slice_after(text, taken);
    }
}

/* What `text` stands for, in the texts of the set. */
static struct slice expanded(struct reader *reader, struct slice text) {
    struct buf *out = &reader->set->text;
    size_t start = out->len;
    expand(reader, text);
    require(reader, !reader->unterminated, "a backslash at the end");
    return slice_of(out->ptr + start, out->len - start);
}

static const char *expanded_text(struct reader *reader, struct slice text) {
    const char *result = expanded(reader, text).ptr;
    put(reader, SLICE("\0"));
    return result;
}

static const char *written_text(struct reader *reader, struct slice text) {
    const char *result = reader->set->text.ptr + reader->set->text.len;
    put(reader, text);
    put(reader, SLICE("\0"));
    return result;
}

/* Steps */

static struct conversation_step *last_step(const struct reader *reader) {
    require(reader, reader->at != NULL, "this belongs to no conversation");
    return reader->at->count == 0 ? NULL : &reader->set->steps[reader->set->steps_count - 1];
}

static struct conversation_step *add_step(struct reader *reader, enum conversation_step_kind kind) {
    require(reader, reader->at != NULL, "this belongs to no conversation");
    require(reader, reader->set->steps_count < STEPS_MAX, "too many lines in all files");
    struct conversation_step *step = &reader->set->steps[reader->set->steps_count++];
    *step = (struct conversation_step){.kind = kind};
    reader->at->count++;
    return step;
}

/* Lines that follow each other are one step. */
static void read_input(struct reader *reader, struct slice text) {
    struct buf *out = &reader->set->text;
    struct conversation_step *step = last_step(reader);
    if (step == NULL || step->kind != CONVERSATION_SEND) {
        step = add_step(reader, CONVERSATION_SEND);
        step->bytes = slice_of(out->ptr + out->len, 0);
    }
    expand(reader, text);
    if (!reader->unterminated)
        put(reader, SLICE("\r\n"));
    step->bytes.len = (size_t)(out->ptr + out->len - step->bytes.ptr);
}

/* Takes a word off the front of `text`, or a text in quotes; empty at the end. */
static struct slice take_word(struct slice *text) {
    size_t start = 0;
    while (start < text->len && text->ptr[start] == ' ')
        start++;
    *text = slice_after(*text, start);
    bool quoted = text->len > 0 && text->ptr[0] == '"';
    size_t end = quoted ? 1 : 0;
    while (end < text->len && text->ptr[end] != (quoted ? '"' : ' '))
        end += text->ptr[end] == '\\' && end + 1 < text->len ? 2 : 1;
    end += quoted && end < text->len ? 1 : 0;
    struct slice word = slice_of(text->ptr, end);
    *text = slice_after(*text, end);
    return word;
}

static void read_content(struct reader *reader, struct slice word,
                         struct conversation_response *response) {
    if (slice_equal(word, SLICE("none"))) {
        response->content = CONVERSATION_NOTHING;
    } else if (slice_equal(word, SLICE("page"))) {
        response->content = CONVERSATION_PAGE;
    } else if (word.len > 1 && word.ptr[0] == '"') {
        response->content = CONVERSATION_LENGTH;
        response->text = expanded(reader, slice_of(word.ptr + 1, word.len - 2));
        response->length = response->text.len;
    } else {
        response->content = CONVERSATION_LENGTH;
        response->length = read_number(reader, word);
    }
}

/* STATUS[?] [head] CONTENT [xCOUNT] */
static void read_response(struct reader *reader, struct slice text) {
    struct conversation_response response = {.text = SLICE_NONE};
    struct slice word = take_word(&text);
    require(reader, word.len >= 3, "a status is expected");
    response.status = (int)read_number(reader, slice_of(word.ptr, 3));
    response.optional = slice_equal(slice_after(word, 3), SLICE("?"));
    require(reader, word.len == 3 || response.optional, "a status is expected");
    word = take_word(&text);
    response.to_head = slice_equal(word, SLICE("head"));
    if (response.to_head)
        word = take_word(&text);
    read_content(reader, word, &response);
    word = take_word(&text);
    require(reader, word.len == 0 || word.ptr[0] == 'x', "x and a number is expected");
    size_t count = word.len == 0 ? 1 : read_number(reader, slice_after(word, 1));
    require(reader, take_word(&text).len == 0, "too many words");
    for (size_t i = 0; i < count; i++)
        add_step(reader, CONVERSATION_EXPECT)->response = response;
}

static void read_field(struct reader *reader, struct slice text) {
    struct conversation_step *step = last_step(reader);
    size_t count = 0;
    require(reader, step != NULL && step->kind == CONVERSATION_EXPECT, "a field of no response");
    while (step->response.fields[count] != NULL)
        count++;
    require(reader, count < CONVERSATION_FIELDS_MAX, "too many fields");
    step->response.fields[count] = expanded_text(reader, text);
    require(reader, text.ptr[0] == '-' || strstr(step->response.fields[count], ": ") != NULL,
            "a field is written as 'Name: value' or '-Name'");
}

static void read_expected(struct reader *reader, struct slice text) {
    require(reader, text.len > 0, "a response or a field is expected");
    if (ascii_is_digit(text.ptr[0]))
        read_response(reader, text);
    else
        read_field(reader, text);
}

static void read_directive(struct reader *reader, struct slice text) {
    require(reader, reader->at != NULL, "this belongs to no conversation");
    if (slice_equal(text, SLICE("whole")))
        reader->at->whole = true;
    else if (slice_equal(text, SLICE("half-close")))
        (void)add_step(reader, CONVERSATION_HALF_CLOSE);
    else
        require(reader, false, "neither 'whole' nor 'half-close'");
}

/* Conversations */

static void read_title(struct reader *reader, struct slice line) {
    struct conversations *set = reader->set;
    char place[512];
    require(reader, reader->at == NULL, "the conversation before has no end");
    require(reader, line.len > 2 && line.ptr[line.len - 1] == ']', "a title is [in brackets]");
    require(reader, set->count < ITEMS_MAX, "too many conversations");
    reader->at = &set->items[set->count++];
    *reader->at = (struct conversation){.steps = &set->steps[set->steps_count]};
    reader->at->name = written_text(reader, slice_of(line.ptr + 1, line.len - 2));
    (void)snprintf(place, sizeof place, "%s:%d", reader->file, reader->line);
    reader->at->place = written_text(reader, slice_of_text(place));
}

/* Whether there is a response, and a final one behind each that is optional. */
static bool is_answered(const struct conversation *conversation) {
    bool answered = false;
    for (size_t i = 0; i < conversation->count; i++) {
        const struct conversation_step *step = &conversation->steps[i];
        bool is_response = step->kind == CONVERSATION_EXPECT;
        if (i > 0 && step[-1].response.optional && !(is_response && !step->response.optional))
            return false;
        answered |= is_response && !step->response.optional;
    }
    return answered;
}

static void read_end(struct reader *reader, struct slice text) {
    static const char *const ends[] = {[CONVERSATION_KEPT] = "kept",
                                       [CONVERSATION_CLOSED] = "closed",
                                       [CONVERSATION_ENDED] = "ended"};
    const struct conversation_step *last = last_step(reader);
    require(reader, is_answered(reader->at), "a final response is missing");
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (!slice_equal(text, slice_of_text(ends[i])))
            continue;
        require(reader, i == CONVERSATION_CLOSED || last->kind == CONVERSATION_EXPECT,
                "what was sent last is not answered");
        reader->at->end = (enum conversation_end)i;
        reader->at = NULL;
        return;
    }
    require(reader, false, "neither 'kept' nor 'closed' nor 'ended'");
}

/* NAME TEXT: from here to the end of the file, {NAME} stands for the text. */
static void define(struct reader *reader, struct slice text) {
    struct slice name = take_word(&text);
    require(reader, reader->at == NULL, "a definition within a conversation");
    require(reader, name.len > 0 && text.len > 1, "a name and a text are expected");
    require(reader, reader->definitions_count < DEFINITIONS_MAX, "too many definitions");
    struct definition definition = {.name = slice_of(written_text(reader, name), name.len)};
    definition.value = expanded(reader, slice_after(text, 1));
    reader->definitions[reader->definitions_count++] = definition;
}

static void read_line(struct reader *reader, struct slice line) {
    if (line.len == 0 || line.ptr[0] == '#')
        return;
    if (line.ptr[0] == '[') {
        read_title(reader, line);
        return;
    }
    struct slice text = slice_after(line, line.len > 1 && line.ptr[1] == ' ' ? 2 : 1);
    switch (line.ptr[0]) {
    case '>':
        read_input(reader, text);
        break;
    case '<':
        read_expected(reader, text);
        break;
    case '!':
        read_directive(reader, text);
        break;
    case '=':
        read_end(reader, text);
        break;
    case '$':
        define(reader, text);
        break;
    default:
        require(reader, false, "a line starts with [ > < ! = $ or #");
    }
}

static void read_file(struct conversations *set, const char *path, const char *etag) {
    struct reader reader = {.set = set, .file = path};
    char line[LINE_MAX_BYTES];
    FILE *file = fopen(path, "re");
    require(&reader, file != NULL, "can't be opened");
    reader.definitions[reader.definitions_count++] =
        (struct definition){SLICE("etag"), slice_of_text(etag)};
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(line);
        reader.line++;
        require(&reader, len > 0 && line[len - 1] == '\n', "the line is too long, or has no end");
        read_line(&reader, slice_of(line, len - 1));
    }
    require(&reader, reader.at == NULL, "the last conversation has no end");
    (void)fclose(file);
}

void conversations_read(struct conversations *conversations, const char *etag) {
    glob_t *files = &conversations->files;
    char *text = malloc(TEXT_MAX);
    *conversations = (struct conversations){.text = BUF_INIT(text, TEXT_MAX)};
    conversations->items = calloc(ITEMS_MAX, sizeof *conversations->items);
    conversations->steps = calloc(STEPS_MAX, sizeof *conversations->steps);
    assert_true(text != NULL && conversations->items != NULL && conversations->steps != NULL);
    if (glob(CONVERSATIONS_DIRECTORY "/*.txt", 0, NULL, files) != 0)
        fail_msg("no %s/*.txt: tests run in the root of the repository", CONVERSATIONS_DIRECTORY);
    for (size_t i = 0; i < files->gl_pathc; i++)
        read_file(conversations, files->gl_pathv[i], etag);
}

void conversations_free(struct conversations *conversations) {
    free(conversations->items);
    free(conversations->steps);
    free(conversations->text.ptr);
    globfree(&conversations->files);
    *conversations = (struct conversations){.count = 0};
}
