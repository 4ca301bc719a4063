/* Whether this build watches itself, and for that has to do things that a release does not: a
 * process that is confined must still be allowed to. */
#pragma once

/* AddressSanitizer; LeakSanitizer, which comes with it, looks at the process from another one. */
#if defined __SANITIZE_ADDRESS__
#define INSTRUMENTED_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define INSTRUMENTED_SANITIZED 1
#endif
#endif

#ifndef INSTRUMENTED_SANITIZED
#define INSTRUMENTED_SANITIZED 0
#endif

/* `make coverage`: counts are written to files at the end. */
#ifdef COVERAGE
#define INSTRUMENTED_COVERAGE 1
#else
#define INSTRUMENTED_COVERAGE 0
#endif
