#include "proc/notify.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct tree tree;
static int manager; /* what the service manager reads from */
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    manager = -1;
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (manager >= 0)
        (void)close(manager);
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* A manager that listens at a path, or at an abstract name. */
static void listen_at(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
}

static void set(const char *name, const char *value) {
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* The process stands for another one where the text is "other". */
static void set_pid(const char *text) {
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid() + (strcmp(text, "other") == 0));
    set("WATCHDOG_PID", pid);
}

static void expect(const char *message) {
    char text[2048];
    ssize_t len = recv(manager, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    assert_string_equal(text, message);
}

static void init(struct notify *notify, const char *socket) {
    set("NOTIFY_SOCKET", socket);
    notify_init(notify, 1000);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
}

static void check_messages(const char *name) {
    struct notify notify;
    listen_at(name);
    init(&notify, name);
    notify_send(&notify, "READY=1\nSTATUS=%d", 17);
    expect("READY=1\nSTATUS=17");
    expect("");
}

static void test_to_a_path(void **state) {
    (void)state;
    check_messages(tree_path(&tree, "notify"));
}

static void test_to_an_abstract_name(void **state) {
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@pronto-test-notify-%d", (int)getpid());
    check_messages(name);
}

static void test_to_nobody(void **state) {
    (void)state;
    static const char *const names[] = {NULL, "", "/", "@", "relative", "vsock:2:1234"};
    for (size_t i = 0; i < ROWS_COUNT(names); i++) {
        struct notify notify;
        const char *row = names[i] != NULL ? names[i] : "none";
        set("WATCHDOG_USEC", "2000000");
        init(&notify, names[i]);
        row_assert_number(row, notify.address_len, 0);
        notify_send(&notify, "READY=1");
        notify_watchdog(&notify, 1000000);
        row_assert_number(row, notify_wait_ms(&notify, -1, 1000), -1);
    }
}

static void test_a_path_that_is_too_long(void **state) {
    (void)state;
    struct notify notify;
    char name[128];
    memset(name, 'a', sizeof name);
    name[0] = '/';
    name[108] = '\0';
    init(&notify, name);
    assert_int_equal(notify.address_len, 0);
}

/* Nobody listens there any more: it goes on. */
static void test_nobody_listens(void **state) {
    (void)state;
    struct notify notify;
    init(&notify, tree_path(&tree, "absent"));
    notify_send(&notify, "READY=1");
}

static void test_a_message_that_is_too_long_is_cut(void **state) {
    (void)state;
    struct notify notify;
    char text[2048];
    listen_at(tree_path(&tree, "notify"));
    init(&notify, tree_path(&tree, "notify"));
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    notify_send(&notify, "STATUS=%s", text);
    assert_int_equal(recv(manager, text, sizeof text, 0), 1023);
}

static const struct {
    const char *name;
    const char *patience_us;
    const char *pid; /* NULL: not set */
    int64_t wait_ms; /* from one message to the next; -1: there are none */
} watchdogs[] = {
    {"half of its time", "3000000", "own", 1500},
    {"for any process", "3000000", NULL, 1500},
    {"for another process", "3000000", "other", -1},
    {"none", NULL, NULL, -1},
    {"off", "0", NULL, -1},
    {"no number", "3s", NULL, -1},
    {"very short", "1", NULL, 1},
};

static void test_watchdog(void **state) {
    (void)state;
    listen_at(tree_path(&tree, "notify"));
    for (size_t i = 0; i < ROWS_COUNT(watchdogs); i++) {
        struct notify notify;
        int64_t wait_ms = watchdogs[i].wait_ms;
        set("WATCHDOG_USEC", watchdogs[i].patience_us);
        if (watchdogs[i].pid != NULL)
            set_pid(watchdogs[i].pid);
        init(&notify, tree_path(&tree, "notify"));
        for (int64_t now_ms = 1000; now_ms < 20000 && wait_ms > 0; now_ms += wait_ms) {
            row_assert_number(watchdogs[i].name, notify_wait_ms(&notify, -1, now_ms), 0);
            notify_watchdog(&notify, now_ms);
            expect("WATCHDOG=1");
            row_assert_number(watchdogs[i].name, notify_wait_ms(&notify, -1, now_ms), wait_ms);
            notify_watchdog(&notify, now_ms + wait_ms - 1);
            expect("");
        }
        notify_watchdog(&notify, 1000);
        expect("");
        if (wait_ms < 0)
            row_assert_number(watchdogs[i].name, notify_wait_ms(&notify, 7, 1000), 7);
    }
}

/* What one process reads, another one exports for itself. */
static void test_is_passed_on(void **state) {
    (void)state;
    static const char *const names[] = {"/run/notify", "@notify"};
    for (size_t i = 0; i < ROWS_COUNT(names); i++) {
        struct notify notify;
        struct notify again;
        set("WATCHDOG_USEC", "3000000");
        init(&notify, names[i]);
        notify_export(&notify);
        assert_string_equal(getenv("NOTIFY_SOCKET"), names[i]);
        assert_string_equal(getenv("WATCHDOG_USEC"), "3000000");
        assert_int_equal(atoi(getenv("WATCHDOG_PID")), getpid());
        notify_init(&again, 1000);
        assert_memory_equal(&again, &notify, sizeof notify);
    }
    struct notify nobody;
    init(&nobody, NULL);
    notify_export(&nobody);
    assert_null(getenv("NOTIFY_SOCKET"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_to_a_path),      test(test_to_an_abstract_name),
        test(test_to_nobody),      test(test_a_path_that_is_too_long),
        test(test_nobody_listens), test(test_a_message_that_is_too_long_is_cut),
        test(test_watchdog),       test(test_is_passed_on),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
