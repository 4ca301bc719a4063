/* Texts in JSON (RFC 8259), read strictly: enough to see that one is well-formed, and what a number
 * in it is. */
#pragma once

#include <stdbool.h>

/* Whether the text is one value and nothing else. */
bool json_is_valid(const char *text);

/* The number of the member `name` of the object that the text is; of members that are objects,
 * "a.b", and of elements of arrays, "a.0". Fails the test where the text is not valid, or has no
 * such number; null is NAN. */
double json_number(const char *text, const char *name);

/* How many elements the array of that name has. */
int json_count(const char *text, const char *name);
