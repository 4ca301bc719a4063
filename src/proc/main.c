#include "base/diag.h"
#include "conf/options.h"
#include "conf/version.h"
#include "proc/master.h"
#include "serve/explain.h"
#include "store/roots.h"
#include "store/rulebook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* Finds mistakes in files of rules now, and tells of them, rather than to serve without. */
static bool check_rules(const struct docroot *docroot) {
    struct rulebook rulebook = {.docroot = docroot};
    size_t mistakes;
    (void)rulebook_read(&rulebook, &mistakes);
    rulebook_deinit(&rulebook);
    return mistakes == 0;
}

static int explain(const struct options *options, const struct roots *roots) {
    struct err err = ERR_INIT;
    if (explain_print(options, roots, stdout, &err) == 0)
        return finish_output();
    diag_message("%s", err.text);
    return EXIT_FAILURE;
}

static int serve(const struct options *options) {
    struct roots roots = ROOTS_INIT;
    struct err err = ERR_INIT;
    int status = EXIT_SUCCESS;
    if (roots_open(&roots, options, &err) < 0) {
        diag_message("%s", err.text);
        return EXIT_FAILURE;
    }
    if (!check_rules(&roots.items[0])) {
        status = EXIT_FAILURE;
    } else if (options->explain != NULL) {
        status = explain(options, &roots);
    } else if (options->check) {
        puts(options->mount.count == 0 ? "pronto: the options and the root are fine"
                                       : "pronto: the options, the root and the mounts are fine");
        status = finish_output();
    } else {
        raise_descriptor_limit();
        status = master_run(options, &roots);
    }
    roots_deinit(&roots);
    return status;
}

static int run(const struct options *options) {
    if (options->help)
        options_print_help(stdout);
    else if (options->version)
        puts("pronto " VERSION);
    else if (options->print_config)
        options_print(options, stdout);
    else
        return serve(options);
    return finish_output();
}

int main(int argc, char *argv[]) {
    struct options options;
    struct err err = ERR_INIT;
    make_surroundings_safe();
    if (options_load(&options, argc, argv, &err) < 0) {
        diag_message("%s", err.text);
        return EXIT_USAGE;
    }
    int status = run(&options);
    options_deinit(&options);
    return status;
}
