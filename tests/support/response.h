/* A response as a client reads it. Every one is checked strictly for what all must have: the form
 * of its head, Date, Server, and Content-Length where there is a body, unless it is chunked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct response {
    int status;
    char *head; /* as it was received, to the end of the empty line; NUL-terminated */
    char *body; /* without its chunks; NUL-terminated, for texts; NULL where there is none */
    size_t body_len;
};

#define RESPONSE_INIT \
    { 0, NULL, NULL, 0 }

/* Reads the response at the start of `ptr` and copies it to `response`. Returns the bytes that it
 * takes, or 0 where there is more to come. `to_head`: it answers HEAD, and so has no body. Fails
 * the test where it is not well-formed. */
size_t response_parse(const char *ptr, size_t len, bool to_head, struct response *response);

/* Frees it, and makes it RESPONSE_INIT. */
void response_deinit(struct response *response);

/* How many lines the head has for the field, and the value of the first: NULL where there is none,
 * else valid until the next call. The case of the name does not matter. */
size_t response_count_field(const struct response *response, const char *name);
const char *response_field(const struct response *response, const char *name);

/* Fails unless the field is there once, with that value. */
void response_assert_field(const struct response *response, const char *name, const char *value);
void response_assert_no_field(const struct response *response, const char *name);

void response_assert_status(const struct response *response, int status);

/* Fails unless the body is that text; or `len` bytes of the content of `seed`. */
void response_assert_text(const struct response *response, const char *text);
void response_assert_content(const struct response *response, unsigned seed, size_t len);

/* Fails unless it is an error's page: HTML that shows its status. */
void response_assert_page(const struct response *response);

/* Whether it says that the connection is closed after it. */
bool response_closes(const struct response *response);

/* Seconds since 1970 of a date in the form of RFC 9110 §5.6.7; fails where it has another form. */
long long response_parse_date(const char *text);
