#include "support/json.h"

#include "support/note.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* Each takes what it is named after, with white space before it; false where that is not there. */
static bool take_any(const char **at, int depth);

static void take_blanks(const char **at) {
    *at += strspn(*at, " \t\r\n");
}

static bool take_char(const char **at, char c) {
    take_blanks(at);
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_word(const char **at, const char *word) {
    if (strncmp(*at, word, strlen(word)) != 0)
        return false;
    *at += strlen(word);
    return true;
}

static bool take_digits(const char **at) {
    size_t len = strspn(*at, "0123456789");
    *at += len;
    return len > 0;
}

/* RFC 8259 §6: no zeros at the front, and digits behind a point. */
static bool take_number(const char **at) {
    const char *start = *at + (**at == '-');
    *at = start;
    if (!take_digits(at) || (start[0] == '0' && *at - start > 1))
        return false;
    if (**at == '.') {
        (*at)++;
        if (!take_digits(at))
            return false;
    }
    if (**at != 'e' && **at != 'E')
        return true;
    (*at)++;
    *at += **at == '-' || **at == '+';
    return take_digits(at);
}

static bool take_string(const char **at) {
    if (!take_char(at, '"'))
        return false;
    for (; **at != '"'; (*at)++) {
        if ((unsigned char)**at < 0x20)
            return false;
        if (**at == '\\' && strchr("\"\\/bfnrtu", *++*at) == NULL)
            return false;
    }
    (*at)++;
    return true;
}

static bool take_member(const char **at, int depth) {
    return take_string(at) && take_char(at, ':') && take_any(at, depth);
}

static bool take_list(const char **at, int depth, bool is_object) {
    char close = is_object ? '}' : ']';
    (*at)++;
    if (take_char(at, close))
        return true;
    do {
        if (!(is_object ? take_member(at, depth) : take_any(at, depth)))
            return false;
    } while (take_char(at, ','));
    return take_char(at, close);
}

static bool take_any(const char **at, int depth) {
    take_blanks(at);
    if (depth == DEPTH_MAX)
        return false;
    if (**at == '{' || **at == '[')
        return take_list(at, depth + 1, **at == '{');
    if (**at == '"')
        return take_string(at);
    return take_word(at, "null") || take_word(at, "true") || take_word(at, "false") ||
           take_number(at);
}

bool json_is_valid(const char *text) {
    bool valid = take_any(&text, 0);
    take_blanks(&text);
    return valid && *text == '\0';
}

/* Whether the key at hand, or the index, is the first part of the name. */
static bool is_key(const char *key, int index, bool is_object, const char *name, size_t len) {
    if (!is_object)
        return (int)strtol(name, NULL, 10) == index;
    return strncmp(key + 1, name, len) == 0 && key[1 + len] == '"';
}

/* Where the value of that name starts in the valid text; NULL: nowhere. */
static const char *find(const char *at, const char *name) {
    size_t len = strcspn(name, ".");
    take_blanks(&at);
    bool is_object = *at == '{';
    if (*name == '\0')
        return at;
    if (*at != '{' && *at != '[')
        return NULL;
    at++;
    for (int index = 0; !take_char(&at, is_object ? '}' : ']'); index++) {
        const char *key = at + strspn(at, " \t\r\n");
        if (is_object)
            (void)(take_string(&at) && take_char(&at, ':'));
        if (is_key(key, index, is_object, name, len))
            return find(at, name + len + (name[len] == '.'));
        (void)take_any(&at, 0);
        (void)take_char(&at, ',');
    }
    return NULL;
}

static const char *expect(const char *text, const char *name) {
    if (!json_is_valid(text))
        fail_msg("this is no JSON: %s", text);
    const char *at = find(text, name);
    if (at == NULL)
        fail_msg("there is no %s in %s", name, text);
    return at;
}

double json_number(const char *text, const char *name) {
    const char *at = expect(text, name);
    char *end;
    if (strncmp(at, "null", 4) == 0)
        return (double)NAN;
    double value = strtod(at, &end);
    if (end == at)
        fail_msg("%s is no number in %s", name, text);
    return value;
}

int json_count(const char *text, const char *name) {
    const char *at = expect(text, name);
    int count = 0;
    if (*at++ != '[')
        fail_msg("%s is no array in %s", name, text);
    if (take_char(&at, ']'))
        return 0;
    do {
        (void)take_any(&at, 0);
        count++;
    } while (take_char(&at, ','));
    return count;
}
