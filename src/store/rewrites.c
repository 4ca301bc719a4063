#include "store/rewrites.h"

#include "http/request.h"

#include <unistd.h>

static enum docroot_outcome look(const struct roots *roots, const struct target *target) {
    struct docroot_file file;
    struct slice path;
    const struct docroot *docroot = roots_choose(roots, target->path, &path);
    enum docroot_outcome outcome = docroot_find(docroot, path, target->trailing_slash, &file);
    if (outcome == DOCROOT_NEEDS_SLASH)
        outcome = docroot_find(docroot, path, true, &file);
    if (outcome == DOCROOT_FILE)
        (void)close(file.fd);
    return outcome;
}

static bool leads_nowhere(const struct redirect *rule, const struct roots *roots) {
    char memory[2][REQUEST_TARGET_MAX];
    struct buf raw = BUF_INIT(memory[0], sizeof memory[0]);
    struct buf path = BUF_INIT(memory[1], sizeof memory[1]);
    const struct redirect_match match = {.rule = rule};
    struct target target;
    if (redirect_rewrite(&match, &raw, &path, &target) != TARGET_PATH)
        return true;
    enum docroot_outcome outcome = look(roots, &target);
    return outcome == DOCROOT_ABSENT || outcome == DOCROOT_DIRECTORY;
}

void rewrites_judge(const struct redirects *redirects, const struct roots *roots,
                    struct rules_faults *faults) {
    for (size_t i = 0; i < redirects->count; i++) {
        const struct redirect *rule = &redirects->items[i];
        if (redirect_is_rewrite(rule) && redirect_is_constant(rule) && leads_nowhere(rule, roots))
            rules_fault_add(faults, rule->line, RULES_NOTHING_THERE, rule->to);
    }
}
