#include "support/status.h"

#include "support/note.h"
#include "support/row.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_MAX = 128 };

/* Returns false where there is no such process. */
static bool read_field(pid_t pid, const char *field, char value[VALUE_MAX]) {
    char path[64];
    char line[256];
    size_t len = strlen(field);
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    value[0] = '\0';
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, len) == 0 && line[len] == ':')
            (void)snprintf(value, VALUE_MAX, "%.*s", (int)strcspn(line + len + 2, "\n"),
                           line + len + 2);
    }
    (void)fclose(file);
    return true;
}

bool status_holds(pid_t pid, const struct status *wanted) {
    char value[VALUE_MAX];
    return read_field(pid, wanted->field, value) && strcmp(value, wanted->value) == 0;
}

static void await_field(pid_t pid, const struct status *wanted, char value[VALUE_MAX]) {
    int64_t deadline = note_now_ms() + 15000;
    for (;;) {
        assert_true(read_field(pid, wanted->field, value));
        if (strcmp(value, wanted->value) == 0 || note_now_ms() > deadline)
            return;
        note_pause_ms(5);
    }
}

void status_expect(const struct server *server, size_t processes, const struct status *wanted,
                   size_t count) {
    pid_t pids[SERVER_WORKERS_MAX];
    assert_int_equal(server_await_workers(server, pids, processes), processes);
    for (size_t i = 0; i < processes; i++) {
        for (size_t j = 0; j < count; j++) {
            char value[VALUE_MAX];
            await_field(pids[i], &wanted[j], value);
            row_assert_slice(wanted[j].field, slice_of_text(value), slice_of_text(wanted[j].value));
        }
    }
}
