/* Assertions that stay on in release builds. A CHECK states what pronto itself guarantees; what a
 * peer, a file or the network can cause is never checked with it, but handled. */
#pragma once

#define CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* Says what failed and where on stderr, and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *condition, const char *file,
                                                  int line);
