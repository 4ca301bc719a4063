#include "base/diag.h"
#include "conf/options.h"
#include "conf/version.h"
#include "proc/master.h"
#include "proc/setup.h"
#include "serve/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

/* A connection is a descriptor, and a file being sent another; the soft limit is low for the sake
 * of select(2), which is not used. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Whoever started pronto may have left the process in any state. A descriptor from 0 to 2 that is
 * not open would become a socket, and messages would go there; a message to a pipe that nobody
 * reads must not end the master; and children that are ignored can't be waited for. */
static void make_surroundings_safe(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
}

/* Prints to stdout what was asked for; a text that does not arrive is a failure. */
static int finish_output(void) {
    if (fflush(stdout) == 0)
        return EXIT_SUCCESS;
    diag_message("cannot write to the standard output: %s", strerror(errno));
    return EXIT_FAILURE;
}

static int explain(const struct options *options, const struct roots *roots) {
    struct err err = ERR_INIT;
    if (explain_print(options, roots, stdout, &err) == 0)
        return finish_output();
    diag_message("%s", err.text);
    return EXIT_FAILURE;
}

/* What stands around workers, a line each. */
static void print_walls(const struct sandbox *sandbox) {
    for (enum sandbox_wall wall = 0; wall < SANDBOX_WALLS; wall++) {
        struct sandbox_report report;
        sandbox_report(sandbox, wall, &report);
        printf("  %-8s  %s%s\n", report.name, report.stands ? "" : "missing: ", report.text.text);
    }
}

static int check(const struct setup *setup) {
    const struct options *options = &setup->options;
    setup_warn(setup);
    puts(options->mount.count == 0 ? "pronto: the options and the root are fine"
                                   : "pronto: the options, the root and the mounts are fine");
    print_walls(&setup->sandbox);
    return finish_output();
}

/* Does what is asked for with all that is to be served. Takes the setup over. */
static int work(const struct command_line *line, struct setup *setup) {
    const struct options *options = &setup->options;
    struct err err = ERR_INIT;
    int status = EXIT_FAILURE;
    if (setup_open(setup, &err) < 0) {
        diag_message("%s", err.text);
    } else if (options->explain != NULL) {
        status = explain(options, &setup->roots);
    } else if (options->check) {
        status = check(setup);
    } else {
        raise_descriptor_limit();
        return master_run(line, setup);
    }
    setup_free(setup);
    return status;
}

/* Prints what is asked for of the options alone; false: nothing is. */
static bool print(const struct options *options) {
    if (options->help)
        options_print_help(stdout);
    else if (options->version)
        puts("pronto " VERSION);
    else if (options->print_config)
        options_print(options, stdout);
    else
        return false;
    return true;
}

int main(int argc, char *argv[]) {
    const struct command_line line = {argc, argv};
    struct err err = ERR_INIT;
    make_surroundings_safe();
    struct setup *setup = setup_read(&line, &err);
    if (setup == NULL) {
        diag_message("%s", err.text);
        return EXIT_USAGE;
    }
    if (!print(&setup->options))
        return work(&line, setup);
    setup_free(setup);
    return finish_output();
}
