/* pronto(1), in mdoc(7): the options from their table, and what there is to say besides. */
#include "print.h"

#include "conf/options.h"
#include "conf/version.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_WIDTH = 72 };

static const char before_options[] =
    ".Dt PRONTO 1\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm pronto\n"
    ".Nd static file server for HTTP/1.1\n"
    ".Sh SYNOPSIS\n"
    ".Nm pronto\n"
    ".Op Ar OPTIONS\n"
    ".Op Ar ROOT\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "serves\n"
    ".Ar ROOT ,\n"
    "a directory or a single file, over HTTP/1.1, to browsers, to programs and to\n"
    "load generators.\n"
    "Without\n"
    ".Ar ROOT\n"
    "it serves the current directory.\n"
    ".Pp\n"
    "At a terminal it shows what it serves, the URLs to open, and a line for each\n"
    "request; where more come than can be read, a line a second that sums up; and\n"
    "at the end a summary.\n"
    ".Pp\n"
    "A value follows its option as\n"
    ".Fl -name Ar VALUE\n"
    "or\n"
    ".Fl -name Ns = Ns Ar VALUE .\n"
    "SIZE takes K, M or G; T takes ms, s, m or h.\n"
    "The options are:\n"
    ".Bl -tag -width Ds\n";

static const char behind_options[] =
    ".El\n"
    ".Ss Signals\n"
    "To the master process:\n"
    ".Bl -tag -width Ds\n"
    ".It Dv SIGTERM , SIGINT , SIGQUIT\n"
    "stop when the responses under way are finished; a second one stops at once.\n"
    ".It Dv SIGHUP\n"
    "reads the configuration anew, and has new workers take over.\n"
    ".It Dv SIGUSR1\n"
    "opens the file of\n"
    ".Fl -access-log\n"
    "anew.\n"
    ".It Dv SIGUSR2\n"
    "upgrades to the binary that is now on disk.\n"
    ".El\n"
    ".Sh ENVIRONMENT\n"
    ".Bl -tag -width Ds\n"
    ".It Ev NO_COLOR\n"
    "If it is set and not empty, nothing is coloured.\n"
    ".It Ev TERM\n"
    "On a terminal that is\n"
    ".Dq dumb ,\n"
    "nothing is coloured or drawn.\n"
    ".It Ev LC_ALL , LC_CTYPE , LANG\n"
    "Where they name another character set than UTF-8, no QR code is drawn.\n"
    ".It Ev LISTEN_FDS , LISTEN_PID\n"
    "Sockets that\n"
    ".Xr systemd 1\n"
    "has opened.\n"
    ".It Ev NOTIFY_SOCKET , WATCHDOG_USEC\n"
    "Where to say that it serves, reloads or stops, and how often that it is alive.\n"
    ".El\n"
    ".Sh FILES\n"
    "Beneath the root:\n"
    ".Bl -tag -width Ds\n"
    ".It Pa _redirects\n"
    "says what is elsewhere.\n"
    ".It Pa _headers\n"
    "says which fields answers carry.\n"
    ".It Pa 404.html , 403.html , 50x.html\n"
    "are the pages of errors.\n"
    ".El\n"
    ".Pp\n"
    "Below the prefix of the installation:\n"
    ".Bl -tag -width Ds\n"
    ".It Pa share/pronto/precompress.sh\n"
    "makes the compressed siblings of the files beneath a directory.\n"
    ".El\n"
    ".Sh EXIT STATUS\n"
    "0 when it was stopped as asked, 1 when it could not run, 2 where the usage was\n"
    "wrong.\n"
    ".Sh EXAMPLES\n"
    "Serve a directory, and let others on the network in:\n"
    ".Pp\n"
    ".Dl pronto --lan ~/site\n"
    ".Pp\n"
    "Edit a site, and see each change in a browser that is opened:\n"
    ".Pp\n"
    ".Dl pronto --live --open ~/site\n"
    ".Pp\n"
    "Serve what a build has made of a single-page application, and open it:\n"
    ".Pp\n"
    ".Dl pronto --spa index.html --open dist\n"
    ".Pp\n"
    "Print a configuration file to begin with:\n"
    ".Pp\n"
    ".Dl pronto --print-config > pronto.conf\n"
    ".Sh SEE ALSO\n"
    ".Xr curl 1 ,\n"
    ".Xr xdg-open 1 ,\n"
    ".Xr systemd.socket 5\n"
    ".Sh STANDARDS\n"
    "RFC 9110 (HTTP semantics), RFC 9112 (HTTP/1.1).\n";

/* A word of text: no dash becomes a hyphen, and nothing in it a request (roff(7)). */
static void print_word(struct slice word) {
    if (word.len > 0 && (word.ptr[0] == '.' || word.ptr[0] == '\''))
        printf("\\&");
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\\')
            printf("\\e");
        else if (word.ptr[i] == '-')
            printf("\\-");
        else
            putchar(word.ptr[i]);
    }
}

/* In lines of their own width; a sentence begins on a new one. */
static void print_text(const char *text) {
    struct slice rest = slice_of_text(text);
    struct slice word;
    size_t at = 0;
    bool ends = false;
    while (slice_cut(&rest, ' ', &word)) {
        bool breaks = ends || at + word.len > TEXT_WIDTH;
        if (at > 0)
            putchar(breaks ? '\n' : ' ');
        print_word(word);
        at = (breaks ? 0 : at) + word.len + 1;
        ends = word.len > 0 && word.ptr[word.len - 1] == '.';
    }
    putchar('\n');
}

/* One that may be left out is in brackets, behind an equals sign. */
static void print_argument(const struct option_row *row) {
    if (option_takes_word(row))
        printf(" Ar %s", row->argument);
    else if (row->argument != NULL)
        printf(" Ns Op Ns = Ns Ar %.*s", (int)strlen(row->argument) - 3, row->argument + 2);
}

static void print_option(const struct option_row *row) {
    printf(".It ");
    if (row->letter != 0)
        printf("Fl %c , ", row->letter);
    printf("Fl -%s", row->name);
    print_argument(row);
    putchar('\n');
    print_text(row->help);
    if (row->standard == NULL)
        return;
    printf("(default:\n.Li ");
    print_word(slice_of_text(row->standard));
    puts(" )");
}

void print_man(void) {
    puts(".\\\" Printed from the table of options.\n.Dd " VERSION_DATE);
    fputs(before_options, stdout);
    for (const struct option_row *row = options_rows(); row->name != NULL; row++)
        print_option(row);
    fputs(behind_options, stdout);
}
