/* Lines on their way: gathered, written together, kept while a reader is slow, and lost, with a
 * word about it, rather than waited for. */
#include "serve/accesslog.h"

#include "support/feint.h"
#include "support/no_memory.h"
#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What becomes of a write() to the log. */
static struct feint output;
static size_t writes;
static bool at_terminal; /* isatty() says so of the standard output */

int __real_isatty(int fd);
int __wrap_isatty(int fd);
ssize_t __real_write(int fd, const void *ptr, size_t len);
ssize_t __wrap_write(int fd, const void *ptr, size_t len);

ssize_t __wrap_write(int fd, const void *ptr, size_t len) {
    if (fd <= STDERR_FILENO)
        return __real_write(fd, ptr, len);
    ssize_t allowed = feint_allow(&output, len);
    writes++;
    return allowed < 0 ? -1 : feint_passed(&output, __real_write(fd, ptr, (size_t)allowed));
}

int __wrap_isatty(int fd) {
    return fd == STDOUT_FILENO ? at_terminal : __real_isatty(fd);
}

enum { NOW_MS = 1000000 };

static struct tree tree;
static size_t fds_before;
static struct options options;
static struct accesslog accesslog;
static const struct peer peer;
static int kept_stderr;
static int said_fd; /* a memory file that stands for stderr */

static int setup(void **state) {
    (void)state;
    char name[] = "pronto";
    char *argv[] = {name, NULL};
    struct err err = ERR_INIT;
    output = (struct feint){.step = 0};
    writes = 0;
    out_of_memory = false;
    at_terminal = false;
    (void)signal(SIGPIPE, SIG_IGN);
    fds_before = process_count_fds(getpid());
    accesslog = (struct accesslog)ACCESSLOG_INIT;
    tree_make(&tree);
    said_fd = memfd_create("stderr", MFD_CLOEXEC);
    (void)fcntl(said_fd, F_SETFL, O_APPEND);
    return options_load(&options, 1, argv, &err);
}

/* Between these two nothing may fail: cmocka would say so on stderr. */
static void listen_to_stderr(void) {
    kept_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)dup2(said_fd, STDERR_FILENO);
}

static void stop_listening(void) {
    (void)dup2(kept_stderr, STDERR_FILENO);
    (void)close(kept_stderr);
}

static int teardown(void **state) {
    (void)state;
    output = (struct feint){.step = 0};
    listen_to_stderr();
    accesslog_deinit(&accesslog);
    accesslog_deinit(&accesslog);
    stop_listening();
    tree_remove(&tree);
    (void)close(said_fd);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* Fails unless this, and nothing else, has been said on stderr since the last call. */
static void assert_said(const char *row, const char *expected) {
    char *text = process_text(said_fd);
    row_assert_slice(row, slice_of_text(text), slice_of_text(expected));
    free(text);
    assert_int_equal(ftruncate(said_fd, 0), 0);
}

/* Opens what --access-log asks for; a file is relative to the tree. */
static int open_destination(const char *text, int *fd, struct err *err) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s", text[0] == '@' ? tree_path(&tree, text + 1) : text);
    assert_int_equal(destination_parse(path, &options.access_log, err), 0);
    return accesslog_open(&options, fd, err);
}

static void start_on(int fd) {
    row_assert("a descriptor", fd >= 0);
    assert_int_equal(accesslog_init(&accesslog, &options, fd), 0);
    assert_true(accesslog_is_on(&accesslog));
}

static void start(const char *text) {
    struct err err = ERR_INIT;
    int fd;
    row_assert_number(text, open_destination(text, &fd, &err), 0);
    start_on(fd);
}

static void add(const char *target, int64_t now_ms) {
    char request[16384];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1", target);
    const struct log_record record = {.peer = &peer,
                                      .request = slice_of(request, (size_t)len),
                                      .status = STATUS_OK,
                                      .content_bytes = 7};
    accesslog_add(&accesslog, &record, now_ms);
}

static const char prefix[] = "unix - - [01/Jan/1970:00:00:00 +0000] \"GET ";
static const char suffix[] = " HTTP/1.1\" 200 7 \"-\" \"-\"\n";

/* Fails unless `fd` holds a line for each of the comma-separated targets, and nothing else. */
static void assert_holds(const char *row, int fd, const char *targets) {
    char expected[65536];
    size_t len = 0;
    char *text = process_text(fd);
    struct slice rest = targets[0] != '\0' ? slice_of_text(targets) : SLICE_NONE;
    struct slice target;
    while (slice_cut(&rest, ',', &target))
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%s%.*s%s", prefix,
                                (int)target.len, target.ptr, suffix);
    row_assert_slice(row, slice_of_text(text), slice_of(expected, len));
    free(text);
}

static void assert_file_holds(const char *row, const char *name, const char *targets) {
    int fd = open(tree_path(&tree, name), O_RDONLY | O_CLOEXEC);
    row_assert(row, fd >= 0);
    assert_holds(row, fd, targets);
    (void)close(fd);
}

/* Opening */

static void test_what_is_opened(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    int fd;
    assert_int_equal(open_destination("off", &fd, &err), 0);
    assert_int_equal(fd, -1);
    assert_false(accesslog_can_rotate(&options));
    assert_int_equal(accesslog_init(&accesslog, &options, fd), 0);
    assert_false(accesslog_is_on(&accesslog));
    assert_int_equal(open_destination("-", &fd, &err), 0);
    assert_true(fd > STDERR_FILENO);
    assert_false(accesslog_can_rotate(&options));
    (void)close(fd);
    assert_int_equal(open_destination("syslog:127.0.0.1:5514", &fd, &err), 0);
    assert_true(fd > STDERR_FILENO);
    assert_false(accesslog_can_rotate(&options));
    (void)close(fd);
    start("@log");
    assert_true(accesslog_can_rotate(&options));
}

/* Where nothing is said of it: at a terminal, unless it is to be quiet. */
static void test_default(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool at_terminal;
        bool quiet;
        const char *text; /* NULL: nothing is said */
        bool opens;
    } rows[] = {
        {"no terminal", false, false, NULL, false},
        {"no terminal, quiet", false, true, NULL, false},
        {"terminal", true, false, NULL, true},
        {"terminal, quiet", true, true, NULL, false},
        {"terminal, off", true, false, "off", false},
        {"quiet, but asked for", true, true, "-", true},
        {"no terminal, but asked for", false, false, "-", true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        int fd;
        at_terminal = rows[i].at_terminal;
        options.quiet = rows[i].quiet;
        options.access_log = (struct destination){.kind = DESTINATION_UNSAID};
        if (rows[i].text != NULL)
            assert_int_equal(destination_parse(rows[i].text, &options.access_log, &err), 0);
        row_assert_number(rows[i].name, accesslog_open(&options, &fd, &err), 0);
        row_assert_number(rows[i].name, fd >= 0, rows[i].opens);
        if (fd >= 0)
            (void)close(fd);
    }
}

static void test_what_cannot_be_opened(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        int result;
        const char *message;
    } rows[] = {
        {"no directory", "@absent/log", -ENOENT, "its directory must be there"},
        {"directory", "@directory", -EISDIR, "name a file in it"},
        {"receiver", "syslog:255.255.255.255", -EACCES, "cannot send the access log to 255."},
    };
    tree_directory(&tree, "directory");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        int fd;
        row_assert_number(rows[i].name, open_destination(rows[i].text, &fd, &err), rows[i].result);
        row_assert_number(rows[i].name, fd, -1);
        note_assert_contains(err.text, rows[i].message);
        note_assert_contains(err.text, "the access log");
    }
}

static void test_init_without_memory(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    int fd;
    assert_int_equal(open_destination("@log", &fd, &err), 0);
    out_of_memory = true;
    assert_int_equal(accesslog_init(&accesslog, &options, fd), -ENOMEM);
    out_of_memory = false;
}

/* Gathering */

static void test_lines_wait_for_others(void **state) {
    (void)state;
    start("@log");
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS, -1), -1);
    add("/a", NOW_MS);
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS, -1), 1000);
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS, 20), 20);
    add("/b", NOW_MS + 600);
    accesslog_flush_due(&accesslog, NOW_MS + 999);
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS + 999, -1), 1);
    assert_file_holds("before", "log", "");
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    assert_file_holds("due", "log", "/a,/b");
    assert_int_equal(writes, 1);
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS + 1000, -1), -1);
    add("/c", NOW_MS + 5000);
    accesslog_flush_due(&accesslog, NOW_MS + 5999);
    assert_file_holds("before", "log", "/a,/b");
    accesslog_deinit(&accesslog);
    assert_file_holds("the last", "log", "/a,/b,/c");
}

/* A buffer that is full is written at once, and ends with a whole line. */
static void test_a_full_buffer_is_written(void **state) {
    (void)state;
    size_t count = 0;
    struct stat stat;
    start("@log");
    while (writes == 0 && count < 10000) {
        add("/a", NOW_MS);
        count++;
    }
    assert_int_equal(writes, 1);
    assert_int_equal(fstat(accesslog.sink.fd, &stat), 0);
    size_t line_len = sizeof prefix - 1 + 2 + sizeof suffix - 1;
    assert_int_equal(stat.st_size, (count - 1) * line_len);
    assert_in_range(stat.st_size, 32 * 1024, 64 * 1024);
}

static void test_lines_of_every_length_fit(void **state) {
    (void)state;
    char target[10000];
    start("@log");
    for (size_t len = 1; len < sizeof target; len += 97) {
        memset(target, '/', len);
        target[len] = '\0';
        for (int i = 0; i < 20; i++)
            add(target, NOW_MS);
    }
    accesslog_deinit(&accesslog);
    assert_int_equal(accesslog.lost, 0);
}

/* Two workers have descriptors of their own for one file. */
static void test_lines_of_two_workers(void **state) {
    (void)state;
    struct accesslog other = ACCESSLOG_INIT;
    struct err err = ERR_INIT;
    int fd;
    start("@log");
    assert_int_equal(open_destination("@log", &fd, &err), 0);
    assert_int_equal(accesslog_init(&other, &options, fd), 0);
    const struct log_record record = {.peer = &peer,
                                      .request = SLICE("GET /other HTTP/1.1"),
                                      .content_bytes = 7,
                                      .status = STATUS_OK};
    add("/a", NOW_MS);
    accesslog_add(&other, &record, NOW_MS);
    add("/b", NOW_MS);
    accesslog_add(&other, &record, NOW_MS);
    accesslog_flush_due(&other, NOW_MS + 1000);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    accesslog_add(&other, &record, NOW_MS + 1000);
    accesslog_deinit(&other);
    assert_file_holds("both", "log", "/other,/other,/a,/b,/other");
}

/* Losing */

#define LOSES(reason) "pronto: the access log cannot be written, and lines are lost: " reason "\n"

static void test_a_full_disk(void **state) {
    (void)state;
    start("@log");
    output = (struct feint){.error = ENOSPC};
    listen_to_stderr();
    add("/a", NOW_MS);
    add("/b", NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    add("/c", NOW_MS + 1000);
    accesslog_flush_due(&accesslog, NOW_MS + 2000);
    stop_listening();
    assert_said("once", LOSES("No space left on device"));
    assert_int_equal(accesslog.lost, 3);
    output = (struct feint){.step = 0};
    listen_to_stderr();
    add("/d", NOW_MS + 2000);
    accesslog_flush_due(&accesslog, NOW_MS + 2999);
    stop_listening();
    assert_said("not tried before it is time", "");
    listen_to_stderr();
    accesslog_flush_due(&accesslog, NOW_MS + 3000);
    add("/e", NOW_MS + 3000);
    accesslog_flush_due(&accesslog, NOW_MS + 4000);
    stop_listening();
    assert_said("not before it is calm", "");
    assert_file_holds("what was kept", "log", "/d,/e");
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS + 4000, -1), 4000);
    listen_to_stderr();
    accesslog_flush_due(&accesslog, NOW_MS + 7999);
    accesslog_flush_due(&accesslog, NOW_MS + 8000);
    accesslog_flush_due(&accesslog, NOW_MS + 20000);
    stop_listening();
    assert_said("once", "pronto: the access log is written again; 3 lines are lost\n");
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS + 20000, -1), -1);
    output = (struct feint){.error = EIO};
    listen_to_stderr();
    add("/f", NOW_MS + 20000);
    accesslog_flush_due(&accesslog, NOW_MS + 21000);
    output = (struct feint){.step = 0};
    add("/g", NOW_MS + 22000);
    accesslog_flush_due(&accesslog, NOW_MS + 23000);
    accesslog_flush_due(&accesslog, NOW_MS + 28000);
    stop_listening();
    assert_said(
        "again",
        LOSES("Input/output error") "pronto: the access log is written again; 1 line is lost\n");
    assert_int_equal(accesslog.lost, 4);
}

/* A disk that is full every other second is told of once, and once when it is well. */
static void test_now_and_then(void **state) {
    enum { TIMES = 30 };
    (void)state;
    start("@log");
    listen_to_stderr();
    for (int i = 0; i < TIMES; i++) {
        output = (struct feint){.error = i % 2 == 0 ? ENOSPC : 0};
        add("/a", NOW_MS + 1000 * i);
        accesslog_flush_due(&accesslog, NOW_MS + 1000 * (i + 1));
    }
    accesslog_flush_due(&accesslog, NOW_MS + 1000 * TIMES + 5000);
    stop_listening();
    assert_said("once", LOSES("No space left on device") "pronto: the access log is written again; "
                                                         "15 lines are lost\n");
}

/* Also where a worker ends sooner. */
static void test_the_end_tells_what_was_lost(void **state) {
    (void)state;
    start("@log");
    output = (struct feint){.error = ENOSPC};
    listen_to_stderr();
    add("/a", NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    output = (struct feint){.step = 0};
    add("/b", NOW_MS + 2000);
    accesslog_deinit(&accesslog);
    stop_listening();
    assert_said("the end", LOSES("No space left on device") "pronto: the access log is written "
                                                            "again; 1 line is lost\n");
}

/* However many requests come meanwhile, there is one attempt a second. */
static void test_a_full_disk_costs_little(void **state) {
    (void)state;
    start("/dev/full");
    listen_to_stderr();
    for (int i = 0; i < 10000; i++)
        add("/a", NOW_MS + i / 10);
    stop_listening();
    assert_said("once", LOSES("No space left on device"));
    assert_in_range(writes, 1, 2);
    listen_to_stderr();
    accesslog_deinit(&accesslog);
    stop_listening();
    assert_said("nothing more", "");
    assert_int_equal(accesslog.lost, 10000);
}

/* The disk is full after k bytes: lines are whole again when there is room, and those that are not
 * there have been counted. */
static void test_a_torn_line_is_completed(void **state) {
    (void)state;
    const size_t line_len = sizeof prefix - 1 + 2 + sizeof suffix - 1;
    for (size_t k = 0; k <= 3 * line_len; k++) {
        const char *row = row_at("torn", k);
        static const char *const kept[] = {"/d", "/a,/d", "/a,/b,/d", "/a,/b,/c,/d"};
        size_t begun = (k + line_len - 1) / line_len; /* the last of them may be torn */
        output = (struct feint){.error = ENOSPC, .error_after = k};
        start("@log");
        listen_to_stderr();
        add("/a", NOW_MS);
        add("/b", NOW_MS);
        add("/c", NOW_MS);
        accesslog_flush_due(&accesslog, NOW_MS + 1000);
        output = (struct feint){.step = 0};
        add("/d", NOW_MS + 1500);
        accesslog_flush_due(&accesslog, NOW_MS + 2500);
        stop_listening();
        row_assert_number(row, accesslog.lost, 3 - begun);
        listen_to_stderr();
        accesslog_deinit(&accesslog);
        stop_listening();
        assert_file_holds(row, "log", kept[begun]);
        assert_int_equal(unlink(tree_path(&tree, "log")), 0);
        assert_int_equal(ftruncate(said_fd, 0), 0);
    }
}

static void test_a_slow_reader(void **state) {
    (void)state;
    assert_int_equal(mkfifo(tree_path(&tree, "fifo"), 0600), 0);
    start("@fifo");
    output = (struct feint){.error = EAGAIN};
    listen_to_stderr();
    add("/a", NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    add("/b", NOW_MS + 1000);
    stop_listening();
    assert_said("nothing is lost yet", "");
    assert_int_equal(accesslog_wait_ms(&accesslog, NOW_MS + 1000, -1), 10);
    output = (struct feint){.step = 0};
    accesslog_flush_due(&accesslog, NOW_MS + 1010);
    int reader = open(tree_path(&tree, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char text[1024];
    ssize_t len = read(reader, text, sizeof text);
    assert_int_equal(len, 2 * (sizeof prefix - 1 + 2 + sizeof suffix - 1));
    (void)close(reader);
}

/* A FIFO that nobody reads: what came first is kept, what comes then is lost. */
static void test_no_reader(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    assert_int_equal(mkfifo(tree_path(&tree, "fifo"), 0600), 0);
    start("@fifo");
    listen_to_stderr();
    for (int i = 0; i < COUNT; i++) {
        add("/a", NOW_MS + i);
        accesslog_flush_due(&accesslog, NOW_MS + i);
    }
    stop_listening();
    assert_said("once", LOSES("who reads it does not keep up"));
    assert_in_range(accesslog.lost, 1, COUNT - 1000);
    assert_in_range(writes, 1, 1000);
    int reader = open(tree_path(&tree, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    size_t line_len = sizeof prefix - 1 + 2 + sizeof suffix - 1;
    char line[256];
    size_t lines = 0;
    listen_to_stderr();
    for (int i = 0; i < 100; i++) {
        while (read(reader, line, line_len) == (ssize_t)line_len)
            lines += memcmp(line, prefix, sizeof prefix - 1) == 0 && line[line_len - 1] == '\n';
        accesslog_flush_due(&accesslog, NOW_MS + COUNT + 10 * i);
    }
    accesslog_flush_due(&accesslog, NOW_MS + COUNT + 10000);
    stop_listening();
    (void)close(reader);
    assert_int_equal(lines + accesslog.lost, COUNT);
    char expected[128];
    (void)snprintf(expected, sizeof expected,
                   "pronto: the access log is written again; %llu lines are lost\n",
                   (unsigned long long)accesslog.lost);
    assert_said("the end", expected);
}

static void test_a_reader_that_is_gone(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    start_on(fds[1]);
    (void)close(fds[0]);
    listen_to_stderr();
    for (int i = 0; i < 10; i++) {
        add("/a", NOW_MS + 1000 * i);
        accesslog_flush_due(&accesslog, NOW_MS + 1000 * i);
    }
    accesslog_deinit(&accesslog);
    stop_listening();
    assert_said("once", LOSES("Broken pipe"));
    assert_int_equal(accesslog.lost, 10);
}

/* Lines to a pipe are short enough to be written as a whole. */
static void test_lines_to_a_pipe(void **state) {
    (void)state;
    static char bytes[65536];
    char target[8001];
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    start_on(fds[1]);
    memset(target, '"', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    for (int i = 0; i < 10; i++)
        add(target, NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    ssize_t len = read(fds[0], bytes, sizeof bytes);
    assert_true(len > 0);
    struct slice rest = slice_of(bytes, (size_t)len);
    struct slice line;
    size_t count = 0;
    for (; rest.len > 0 && slice_cut(&rest, '\n', &line); count++)
        assert_in_range(line.len, 1000, PIPE_BUF - 1);
    assert_int_equal(count, 10);
    (void)close(fds[0]);
}

/* Switching */

static void test_switch(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    int fd;
    start("@log");
    add("/a", NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    add("/b", NOW_MS + 1000);
    assert_int_equal(rename(tree_path(&tree, "log"), tree_path(&tree, "log.1")), 0);
    assert_int_equal(open_destination("@log", &fd, &err), 0);
    accesslog_switch(&accesslog, fd);
    add("/c", NOW_MS + 1500);
    accesslog_flush_due(&accesslog, NOW_MS + 2000);
    assert_file_holds("old", "log.1", "/a");
    assert_file_holds("new", "log", "/b,/c");
}

/* The rest of a line does not go to the new file; and there is no wait for the old one's sake. */
static void test_switch_from_a_full_disk(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    int fd;
    start("@log");
    output = (struct feint){.error = ENOSPC, .error_after = 10};
    listen_to_stderr();
    add("/a", NOW_MS);
    accesslog_flush_due(&accesslog, NOW_MS + 1000);
    add("/b", NOW_MS + 1000);
    output = (struct feint){.step = 0};
    int result = open_destination("@new", &fd, &err);
    accesslog_switch(&accesslog, fd);
    add("/c", NOW_MS + 1001);
    accesslog_flush_due(&accesslog, NOW_MS + 2000);
    stop_listening();
    assert_int_equal(result, 0);
    assert_file_holds("new", "new", "/b,/c");
    assert_int_equal(accesslog.lost, 1);
}

static void test_formats(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum option_log_format format;
        bool timed;
        const char *start;
    } rows[] = {
        {"auto", LOG_FORMAT_AUTO, false, "unix - - ["},
        {"combined", LOG_FORMAT_COMBINED, false, "unix - - ["},
        {"json", LOG_FORMAT_JSON, true, "{\"time\":\""},
        {"short", LOG_FORMAT_SHORT, true, "00:00:00  200  GET /a"},
    };
    (void)setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        options.log_format = rows[i].format;
        int fd = memfd_create("log", MFD_CLOEXEC);
        int reader = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        start_on(fd);
        row_assert_number(rows[i].name, accesslog.timed, rows[i].timed);
        add("/a", NOW_MS);
        accesslog_deinit(&accesslog);
        char *text = process_text(reader);
        row_assert(rows[i].name, strncmp(text, rows[i].start, strlen(rows[i].start)) == 0);
        free(text);
        (void)close(reader);
    }
}

/* A terminal: its lines come with each turn, coloured unless that is not wanted. */
static void test_a_terminal(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *no_color;
        const char *term;
        bool coloured;
    } rows[] = {
        {"colours", "", "xterm", true},
        {"NO_COLOR", "1", "xterm", false},
        {"dumb", "", "dumb", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char text[256] = "";
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
            note_cannot_test("terminals, of which this machine gives out none");
            return;
        }
        (void)setenv("NO_COLOR", rows[i].no_color, 1);
        (void)setenv("TERM", rows[i].term, 1);
        start_on(open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
        add("/a", NOW_MS);
        row_assert_number(rows[i].name, accesslog_wait_ms(&accesslog, NOW_MS, -1), 0);
        accesslog_flush_due(&accesslog, NOW_MS);
        row_assert(rows[i].name, read(master, text, sizeof text - 1) > 0);
        row_assert_number(rows[i].name, strstr(text, "\x1b[32m200") != NULL, rows[i].coloured);
        row_assert(rows[i].name, strstr(text, "GET /a  ") != NULL);
        accesslog_deinit(&accesslog);
        (void)close(master);
    }
}

/* What nobody could read is summed up instead; nothing gets lost between the two. */
static void test_lines_that_are_withheld(void **state) {
    (void)state;
    struct digest withheld = {0};
    start("@log");
    accesslog_withhold(&accesslog, &withheld);
    for (int i = 0; i < PACE_BURST + 400; i++)
        add("/a", NOW_MS);
    add("/later", NOW_MS + 2000);
    accesslog_flush_due(&accesslog, NOW_MS + 5000);
    int fd = open(tree_path(&tree, "log"), O_RDONLY | O_CLOEXEC);
    char *log = process_text(fd);
    size_t lines = 0;
    (void)close(fd);
    for (const char *at = log; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, PACE_BURST + 1);
    assert_int_equal(withheld.requests, 400);
    assert_int_equal(withheld.bytes, 400 * 7);
    note_assert_contains(log, "/later");
    free(log);
}

/* Only where nobody has asked for a log. */
static void test_what_is_for_show(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *destination; /* NULL: none is named */
        bool terminal;
        bool quiet;
        bool for_show;
    } rows[] = {
        {"a terminal", NULL, true, false, true},
        {"no terminal", NULL, false, false, false},
        {"quiet", NULL, true, true, false},
        {"asked for", "-", true, false, false},
        {"elsewhere", "/tmp/log", true, false, false},
        {"off", "off", true, false, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        options.access_log = (struct destination){.kind = DESTINATION_UNSAID};
        if (rows[i].destination != NULL)
            row_assert_number(rows[i].name,
                              destination_parse(rows[i].destination, &options.access_log, &err), 0);
        options.quiet = rows[i].quiet;
        at_terminal = rows[i].terminal;
        row_assert_number(rows[i].name, accesslog_is_for_show(&options), rows[i].for_show);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_is_opened),
        test(test_default),
        test(test_what_cannot_be_opened),
        test(test_init_without_memory),
        test(test_lines_wait_for_others),
        test(test_a_full_buffer_is_written),
        test(test_lines_of_every_length_fit),
        test(test_lines_of_two_workers),
        test(test_a_full_disk),
        test(test_now_and_then),
        test(test_the_end_tells_what_was_lost),
        test(test_a_full_disk_costs_little),
        test(test_a_torn_line_is_completed),
        test(test_a_slow_reader),
        test(test_no_reader),
        test(test_a_reader_that_is_gone),
        test(test_lines_to_a_pipe),
        test(test_switch),
        test(test_switch_from_a_full_disk),
        test(test_formats),
        test(test_a_terminal),
        test(test_lines_that_are_withheld),
        test(test_what_is_for_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
