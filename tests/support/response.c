#include "support/response.h"

#include "support/content.h"
#include "support/note.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DATE_LEN = 29, CLOCK_SLACK_S = 600 };

static bool is_name(const char *ptr, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)ptr[i]) && strchr("!#$%&'*+-.^_`|~", ptr[i]) == NULL)
            return false;
    }
    return len > 0;
}

/* "Name: value", with one space and no control characters (RFC 9112 §5). */
static bool is_field_line(const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || !is_name(line, (size_t)(colon - line)))
        return false;
    const char *end = line + len;
    if (end - colon < 3 || colon[1] != ' ' || colon[2] == ' ' || end[-1] == ' ')
        return false;
    for (const char *at = colon + 1; at < end; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    }
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool is_status_line(const char *line, size_t len) {
    static const char version[] = "HTTP/1.1 ";
    const size_t start = sizeof version - 1;
    return len > start + 4 && memcmp(line, version, start) == 0 && line[start] >= '1' &&
           line[start] <= '5' && isdigit((unsigned char)line[start + 1]) &&
           isdigit((unsigned char)line[start + 2]) && line[start + 3] == ' ' &&
           line[start + 4] != ' ';
}

static void check_lines(const char *head) {
    const char *line = head;
    for (;;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        size_t len = (size_t)(end - line);
        if (len == 0)
            return;
        if (line == head ? !is_status_line(line, len) : !is_field_line(line, len))
            fail_msg("'%.*s' is malformed in:\n%s", (int)len, line, head);
        line = end + 2;
    }
}

/* Finds the next line of the field after `from`; returns its value, and its end. */
static const char *find_field(const char *from, const char *name, const char **end) {
    size_t name_len = strlen(name);
    for (const char *at = from; (at = strstr(at, "\r\n")) != NULL;) {
        at += 2;
        if (strncasecmp(at, name, name_len) == 0 && at[name_len] == ':') {
            const char *value = at + name_len + 1 + strspn(at + name_len + 1, " ");
            *end = strstr(value, "\r\n");
            return value;
        }
    }
    return NULL;
}

size_t response_count_field(const struct response *response, const char *name) {
    size_t count = 0;
    const char *at = response->head;
    while (find_field(at, name, &at) != NULL)
        count++;
    return count;
}

const char *response_field(const struct response *response, const char *name) {
    static char copy[16384];
    const char *end;
    const char *value = find_field(response->head, name, &end);
    if (value == NULL)
        return NULL;
    (void)snprintf(copy, sizeof copy, "%.*s", (int)(end - value), value);
    return copy;
}

long long response_parse_date(const char *text) {
    struct tm time = {0};
    char again[64];
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &time);
    if (end == NULL || *end != '\0' || strlen(text) != DATE_LEN)
        fail_msg("'%s' is no IMF-fixdate", text);
    time_t seconds = timegm(&time);
    /* Also the weekday has to be right. */
    (void)strftime(again, sizeof again, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&seconds));
    assert_string_equal(again, text);
    return seconds;
}

/* Content of unknown length: the only coding that is ever sent is chunked (RFC 9112 §6.1). */
static bool is_chunked(const struct response *response) {
    if (response_field(response, "Transfer-Encoding") == NULL)
        return false;
    response_assert_field(response, "Transfer-Encoding", "chunked");
    return true;
}

/* What every final response has (RFC 9110 §6.6.1 for Date). */
static void check_fields(const struct response *response) {
    if (response_count_field(response, "Date") != 1)
        fail_msg("not one Date in:\n%s", response->head);
    long long date = response_parse_date(response_field(response, "Date"));
    assert_in_range(date - time(NULL) + CLOCK_SLACK_S, 0, 2 * CLOCK_SLACK_S);
    response_assert_field(response, "Server", "pronto");
    /* RFC 9112 §6.1, §6.2 */
    if (is_chunked(response))
        response_assert_no_field(response, "Content-Length");
    /* RFC 9110 §8.6 */
    if (response->status == 204)
        response_assert_no_field(response, "Content-Length");
}

/* The length of the body that follows the head. */
static size_t body_len_of(const struct response *response, bool to_head) {
    if (response->status < 200 || response->status == 204 || response->status == 304)
        return 0;
    if (is_chunked(response))
        return 0;
    size_t count = response_count_field(response, "Content-Length");
    const char *value = response_field(response, "Content-Length");
    if (count != 1 || value[0] == '\0' || strspn(value, "0123456789") != strlen(value))
        fail_msg("no usable Content-Length in:\n%s", response->head);
    return to_head ? 0 : strtoul(value, NULL, 10);
}

static char *copy_text(const char *ptr, size_t len) {
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

/* Reads the chunk at the start of `ptr`, as pronto writes them (RFC 9112 §7.1): the bytes that it
 * takes, and where its data is, which is empty in the last one. 0: there is more to come. */
static size_t read_chunk(const char *ptr, size_t len, const char **data, size_t *data_len) {
    const char *line_end = memmem(ptr, len, "\r\n", 2);
    char *digits_end;
    if (line_end == NULL)
        return 0;
    *data_len = strtoul(ptr, &digits_end, 16);
    *data = line_end + 2;
    if (digits_end != line_end || line_end == ptr)
        fail_msg("'%.*s' is no size of a chunk", (int)(line_end - ptr), ptr);
    size_t head_len = (size_t)(*data - ptr);
    if (len - head_len < *data_len + 2)
        return 0;
    assert_memory_equal(*data + *data_len, "\r\n", 2);
    return head_len + *data_len + 2;
}

/* Joins the data of chunks. Returns the bytes that they take, or 0 where there is more to come. */
static size_t join_chunks(const char *ptr, size_t len, struct response *response) {
    char *body = malloc(len + 1);
    size_t at = 0;
    size_t body_len = 0;
    size_t data_len = 1;
    assert_non_null(body);
    while (data_len > 0) {
        const char *data;
        size_t chunk_len = read_chunk(ptr + at, len - at, &data, &data_len);
        if (chunk_len == 0) {
            free(body);
            return 0;
        }
        memcpy(body + body_len, data, data_len);
        body_len += data_len;
        at += chunk_len;
    }
    body[body_len] = '\0';
    response->body = body;
    response->body_len = body_len;
    return at;
}

/* Takes the body, and says how many bytes it takes. Returns false where there is more to come. */
static bool take_body(const char *ptr, size_t len, bool to_head, struct response *response,
                      size_t *body_len) {
    if (is_chunked(response) && !to_head) {
        *body_len = join_chunks(ptr, len, response);
        return *body_len > 0;
    }
    *body_len = body_len_of(response, to_head);
    if (len < *body_len)
        return false;
    response->body = copy_text(ptr, *body_len);
    response->body_len = *body_len;
    return true;
}

size_t response_parse(const char *ptr, size_t len, bool to_head, struct response *response) {
    const char *end = memmem(ptr, len, "\r\n\r\n", 4);
    *response = (struct response)RESPONSE_INIT;
    if (end == NULL) {
        if (len > 65536)
            fail_msg("64 KiB and no end of a head: %.60s", ptr);
        return 0;
    }
    size_t head_len = (size_t)(end - ptr) + 4;
    response->head = copy_text(ptr, head_len);
    if (strlen(response->head) != head_len)
        fail_msg("a NUL in:\n%s", response->head);
    check_lines(response->head);
    response->status = (int)strtol(response->head + strlen("HTTP/1.1 "), NULL, 10);
    if (response->status >= 200)
        check_fields(response);
    size_t body_len;
    if (!take_body(ptr + head_len, len - head_len, to_head, response, &body_len)) {
        response_deinit(response);
        return 0;
    }
    return head_len + body_len;
}

void response_deinit(struct response *response) {
    free(response->head);
    free(response->body);
    *response = (struct response)RESPONSE_INIT;
}

void response_assert_field(const struct response *response, const char *name, const char *value) {
    const char *found = response_field(response, name);
    if (found == NULL || strcmp(found, value) != 0 || response_count_field(response, name) != 1)
        fail_msg("not one '%s: %s' in:\n%s", name, value, response->head);
}

void response_assert_no_field(const struct response *response, const char *name) {
    if (response_field(response, name) != NULL)
        fail_msg("'%s' should not be in:\n%s", name, response->head);
}

void response_assert_status(const struct response *response, int status) {
    if (response->status != status)
        fail_msg("expected %d, got:\n%s%s", status, response->head,
                 response->body_len < 4096 ? response->body : "(a long body)");
}

void response_assert_text(const struct response *response, const char *text) {
    if (response->body_len != strlen(text) || memcmp(response->body, text, response->body_len) != 0)
        fail_msg("expected '%s', got:\n%s%.4096s", text, response->head, response->body);
}

void response_assert_content(const struct response *response, unsigned seed, size_t len) {
    if (response->body_len != len)
        fail_msg("expected %zu bytes, got:\n%s", len, response->head);
    content_assert(seed, 0, response->body, len);
}

void response_assert_page(const struct response *response) {
    char status[16];
    (void)snprintf(status, sizeof status, "%d", response->status);
    response_assert_field(response, "Content-Type", "text/html; charset=utf-8");
    note_assert_contains(response->body, "<!DOCTYPE html>");
    note_assert_contains(response->body, "</html>");
    note_assert_contains(response->body, status);
}

bool response_closes(const struct response *response) {
    const char *value = response_field(response, "Connection");
    return value != NULL && strcasestr(value, "close") != NULL;
}
