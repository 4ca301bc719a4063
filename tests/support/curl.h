/* curl, as it is used by hand. */
#pragma once

#include "support/scene.h"

/* Runs curl for a path of the scene's server with more words, ended by NULL; fails unless it
 * succeeds. Returns what it printed, which the caller frees. */
__attribute__((sentinel)) char *curl(const struct scene *scene, const char *path, ...);

/* Fails unless that was printed, and frees it. */
void curl_expect(char *out, const char *text);
