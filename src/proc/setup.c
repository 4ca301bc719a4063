#include "proc/setup.h"

#include "store/rewrites.h"
#include "store/rulebook.h"

#include <errno.h>
#include <stdlib.h>

struct setup *setup_read(const struct command_line *line, struct err *err) {
    struct setup *setup = malloc(sizeof *setup);
    if (setup == NULL) {
        (void)err_set(err, ENOMEM, "not enough memory");
        return NULL;
    }
    setup->roots = (struct roots)ROOTS_INIT;
    if (options_load(&setup->options, line->count, line->words, err) == 0)
        return setup;
    free(setup);
    return NULL;
}

/* Finds mistakes in files of rules now, and tells of them, rather than to serve without. */
static int check_rules(const struct docroot *docroot, struct err *err) {
    struct rulebook rulebook = {.docroot = docroot};
    size_t mistakes;
    (void)rulebook_read(&rulebook, &mistakes);
    rulebook_deinit(&rulebook);
    return mistakes == 0 ? 0
                         : err_set(err, EINVAL, "the files of rules have %zu mistake%s", mistakes,
                                   mistakes == 1 ? "" : "s");
}

enum { WARNINGS_TOLD = 20 };

void setup_warn(const struct setup *setup) {
    struct rules_fault items[WARNINGS_TOLD];
    struct rules_faults faults = RULES_FAULTS_INIT(items, WARNINGS_TOLD);
    struct rulebook rulebook = {.docroot = &setup->roots.items[0], .silent = true};
    size_t mistakes;
    (void)rulebook_read(&rulebook, &mistakes);
    rewrites_judge(&rulebook.redirects, &setup->roots, &faults);
    rulebook_tell(RULES_REDIRECTS, &faults);
    rulebook_deinit(&rulebook);
}

int setup_open(struct setup *setup, struct err *err) {
    int result = sandbox_plan(&setup->sandbox, &setup->options, err);
    if (result == 0)
        result = roots_open(&setup->roots, &setup->options, err);
    return result < 0 ? result : check_rules(&setup->roots.items[0], err);
}

struct setup *setup_load(const struct command_line *line, struct err *err) {
    struct setup *setup = setup_read(line, err);
    if (setup == NULL || setup_open(setup, err) == 0)
        return setup;
    setup_free(setup);
    return NULL;
}

uint64_t setup_cache_size(uint64_t memory_bytes, size_t workers) {
    const uint64_t least = 16 * 1024 * 1024;
    const uint64_t most = 256 * 1024 * 1024;
    uint64_t bytes = memory_bytes / 32 / workers;
    return bytes < least ? least : bytes > most ? most : bytes;
}

void setup_free(struct setup *setup) {
    if (setup == NULL)
        return;
    roots_deinit(&setup->roots);
    options_deinit(&setup->options);
    free(setup);
}
