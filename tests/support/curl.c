#include "support/curl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 24 };

char *curl(const struct scene *scene, const char *path, ...) {
    const char *words[WORDS_MAX] = {"curl",       "--silent", "--show-error",
                                    "--max-time", "30",       "--path-as-is"};
    size_t count = 6;
    char url[256];
    int exit_code;
    va_list more;
    va_start(more, path);
    for (const char *word; (word = va_arg(more, const char *)) != NULL;) {
        assert_in_range(count, 0, WORDS_MAX - 3);
        words[count++] = word;
    }
    va_end(more);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", scene->server.port, path);
    words[count++] = url;
    words[count] = NULL;
    char *out = process_run(words, &exit_code);
    if (exit_code != 0)
        fail_msg("curl %s %s: exit code %d", words[6], url, exit_code);
    return out;
}

void curl_expect(char *out, const char *text) {
    assert_string_equal(out, text);
    free(out);
}
