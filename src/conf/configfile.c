#include "conf/configfile.h"

#include "base/ascii.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reading */

static char *fail(const char *path, const char *why, struct err *err) {
    (void)err_set(err, EINVAL, "cannot read the options in %s: %s", path, why);
    return NULL;
}

/* The content of a stream and a NUL. What stands at `path` need not be a regular file, so its
 * length is known only when it is read. */
static char *read_all(FILE *stream, const char *path, struct err *err) {
    char *text = malloc(CONFIGFILE_MAX + 2);
    if (text == NULL)
        return fail(path, strerror(ENOMEM), err);
    size_t len = fread(text, 1, CONFIGFILE_MAX + 1, stream);
    const char *why = ferror(stream) != 0               ? strerror(errno)
                      : len > CONFIGFILE_MAX            ? "it is larger than 1 MiB"
                      : memchr(text, '\0', len) != NULL ? "it is no text, as it has a NUL"
                                                        : NULL;
    text[why == NULL ? len : 0] = '\0';
    char *fitting = why == NULL ? strdup(text) : NULL;
    free(text);
    if (fitting == NULL)
        return fail(path, why != NULL ? why : strerror(ENOMEM), err);
    return fitting;
}

char *configfile_read(const char *path, struct err *err) {
    _Static_assert(CONFIGFILE_MAX == 1024 * 1024, "a message says it");
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return fail(path, strerror(errno), err);
    char *text = read_all(stream, path, err);
    (void)fclose(stream);
    return text;
}

/* Lines */

static bool is_white(char c) {
    return ascii_is_blank(c) || c == '\r';
}

static char *skip_white(char *at) {
    while (is_white(*at))
        at++;
    return at;
}

/* Cuts the next line out of the file; NULL: there is none. */
static char *cut_line(struct configfile *file) {
    char *line = file->rest;
    if (line == NULL)
        return NULL;
    file->rest = strchr(line, '\n');
    if (file->rest != NULL)
        *file->rest++ = '\0';
    file->line++;
    return line;
}

/* The byte that an escape in quotes stands for, and its length; 0: it is none. */
static size_t read_escape(const char *at, char *byte) {
    if (at[1] == '"' || at[1] == '\\') {
        *byte = at[1];
        return 2;
    }
    int upper = at[1] == 'x' ? ascii_hex_value(at[2]) : -1;
    int lower = upper >= 0 ? ascii_hex_value(at[3]) : -1;
    if (upper < 0 || lower < 0 || upper + lower == 0)
        return 0;
    *byte = (char)(upper << 4 | lower);
    return 4;
}

static bool is_end(const char *at) {
    return *at == '\0' || *at == '#';
}

/* A value in quotes, of which `at` is the first; it is decoded in its place. */
static int cut_quoted(char *at, const char **value, struct err *err) {
    char *to = at;
    *value = at++;
    while (*at != '"') {
        size_t len = *at == '\\' ? read_escape(at, to) : 1;
        if (*at == '\0')
            return err_set(err, EINVAL, "the closing quote is missing");
        if (len == 0)
            return err_set(err, EINVAL,
                           "in quotes, a backslash stands before \", \\ or xHH (a byte other than "
                           "NUL in hexadecimal)");
        if (len == 1)
            *to = *at;
        to++;
        at += len;
    }
    *to = '\0';
    if (!is_end(skip_white(at + 1)))
        return err_set(err, EINVAL, "there is something behind the closing quote");
    return 1;
}

/* A value that stands as it is, up to a comment. */
static void cut_plain(char *at, const char **value) {
    char *end = at;
    *value = at;
    for (; !is_end(at) || (*at == '#' && at > *value && !is_white(at[-1])); at++) {
        if (!is_white(*at))
            end = at + 1;
    }
    *end = '\0';
}

static int read_item(char *line, struct configfile_item *item, struct err *err) {
    char *equals = line + strcspn(line, "=#");
    item->name = slice_of(line, (size_t)(equals - line));
    while (item->name.len > 0 && is_white(item->name.ptr[item->name.len - 1]))
        item->name.len--;
    if (*equals != '=' || item->name.len == 0)
        return err_set(err, EINVAL, "this is not NAME = VALUE (as in max-head = 16K)");
    char *value = skip_white(equals + 1);
    if (*value == '"')
        return cut_quoted(value, &item->value, err);
    cut_plain(value, &item->value);
    return 1;
}

/* A control character other than a tab is seen by nobody who reads the file. */
static bool has_control(const char *line) {
    for (; *line != '\0'; line++) {
        if (ascii_is_control(*line) && *line != '\t' && !(line[0] == '\r' && line[1] == '\0'))
            return true;
    }
    return false;
}

int configfile_next(struct configfile *file, struct configfile_item *item, struct err *err) {
    char *line;
    while ((line = cut_line(file)) != NULL) {
        if (has_control(line))
            return err_set(err, EINVAL, "there is a control character (write it as \"\\xHH\")");
        line = skip_white(line);
        if (is_end(line))
            continue;
        item->line = file->line;
        return read_item(line, item, err);
    }
    return 0;
}

/* Writing */

/* Whether the value is read as it is without quotes. */
static bool is_plain(struct slice value) {
    if (value.len == 0 || value.ptr[0] == '"' || value.ptr[0] == '#')
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (ascii_is_control(value.ptr[i]))
            return false;
        if (value.ptr[i] == ' ' && (i + 1 == value.len || i == 0 || value.ptr[i + 1] == '#'))
            return false;
    }
    return true;
}

static void put_quoted(FILE *stream, struct slice value) {
    fputc('"', stream);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (ascii_is_control(c))
            fprintf(stream, "\\x%02x", (unsigned)(unsigned char)c);
        else
            fprintf(stream, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    fputc('"', stream);
}

void configfile_put(FILE *stream, const char *name, struct slice value) {
    fprintf(stream, "%s = ", name);
    if (is_plain(value))
        fwrite(value.ptr, 1, value.len, stream);
    else
        put_quoted(stream, value);
    fputc('\n', stream);
}
