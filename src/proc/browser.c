#include "proc/browser.h"

#include "base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell would exit. */
enum { EXIT_NOT_STARTED = 127 };

/* In the child. What browsers say of themselves is of no use here. */
__attribute__((noreturn)) static void become(const char *url) {
    const char *const words[] = {"xdg-open", url, NULL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setsid();
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
        (void)dup2(fd, standard);
    (void)execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(EXIT_NOT_STARTED);
}

static void complain(const struct browser *browser, const char *reason) {
    diag_message("cannot open a browser: %s; the URL is %s", reason, browser->url);
}

void browser_open(struct browser *browser, const struct urls *urls) {
    const char *url = urls_first(urls, URL_LOCAL);
    if (url == NULL)
        url = urls_first(urls, URL_NETWORK);
    if (url == NULL) {
        diag_message("there is no URL for --open: browsers do not open local sockets");
        return;
    }
    (void)snprintf(browser->url, sizeof browser->url, "%s", url);
    browser->pid = fork();
    if (browser->pid == 0)
        become(browser->url);
    if (browser->pid > 0)
        return;
    complain(browser, strerror(errno));
    browser->pid = 0;
}

bool browser_ended(struct browser *browser, pid_t pid, int wait_status) {
    char reason[64];
    if (browser->pid == 0 || browser->pid != pid)
        return false;
    browser->pid = 0;
    if (WIFSIGNALED(wait_status))
        return true; /* somebody did not want it */
    int status = WEXITSTATUS(wait_status);
    (void)snprintf(reason, sizeof reason, "xdg-open exited with status %d", status);
    if (status == EXIT_NOT_STARTED)
        complain(browser, "there is no xdg-open (the package xdg-utils has it)");
    else if (status != 0)
        complain(browser, reason);
    return true;
}
