#include "sys/landlock.h"

#include "support/confined.h"
#include "support/note.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct tree tree;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    tree_text(&tree, "first/file", "first");
    tree_text(&tree, "first/deep/file", "deep");
    tree_text(&tree, "second/file", "second");
    tree_text(&tree, "outside/file", "outside");
    tree_link(&tree, "first/out", tree_path(&tree, "outside/file"));
    tree_link(&tree, "outside/in", tree_path(&tree, "first/file"));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    return 0;
}

static int error_of(long result) {
    return result < 0 ? errno : 0;
}

/* The errno of it; 0: none. */
static int confine(void) {
    int directories[2] = {open(tree_path(&tree, "first"), O_PATH | O_CLOEXEC),
                          open(tree_path(&tree, "second"), O_PATH | O_CLOEXEC)};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    int result = -landlock_enter(directories, 2);
    (void)close(directories[0]);
    (void)close(directories[1]);
    return result;
}

struct opening {
    const char *name;
    const char *path;
    int flags;
    int error; /* 0: it is opened */
};

static const struct opening openings[] = {
    {"file", "first/file", O_RDONLY, 0},
    {"deep file", "first/deep/file", O_RDONLY, 0},
    {"directory", "first/deep", O_RDONLY | O_DIRECTORY, 0},
    {"file in the other directory", "second/file", O_RDONLY, 0},
    {"link in", "outside/in", O_RDONLY, 0}, /* what counts is where it ends */
    {"file outside", "outside/file", O_RDONLY, EACCES},
    {"link out", "first/out", O_RDONLY, EACCES},
    {"directory outside", "outside", O_RDONLY | O_DIRECTORY, EACCES},
    {"the directory above", "", O_RDONLY | O_DIRECTORY, EACCES},
    {"writing", "first/file", O_WRONLY, EACCES},
    {"making", "first/new", O_WRONLY | O_CREAT, EACCES},
    {"making outside", "outside/new", O_WRONLY | O_CREAT, EACCES},
};

static int try_open(void *context) {
    const struct opening *opening = context;
    int error = confine();
    if (error != 0)
        return error;
    return error_of(open(tree_path(&tree, opening->path), opening->flags | O_CLOEXEC, 0644));
}

static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(openings); i++) {
        struct opening opening = openings[i];
        row_assert_number(opening.name, confined_result(try_open, &opening), opening.error);
    }
}

static int try_unlink(void *context) {
    (void)context;
    int error = confine();
    return error != 0 ? error : error_of(unlink(tree_path(&tree, "first/file")));
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_un local;
};

static int try_bind(void *context) {
    const union any_address address = {.v4 = {.sin_family = AF_INET}};
    (void)context;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = confine();
    return error != 0 ? error : error_of(bind(fd, &address.any, sizeof address.v4));
}

static int try_connect(void *context) {
    const union any_address address = {
        .v4 = {.sin_family = AF_INET, .sin_port = 1, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    (void)context;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = confine();
    return error != 0 ? error : error_of(connect(fd, &address.any, sizeof address.v4));
}

static int try_signal(void *context) {
    (void)context;
    int error = confine();
    return error != 0 ? error : error_of(kill(getppid(), 0));
}

/* The name is not that of a file: it starts with NUL. */
static int try_abstract(void *context) {
    const union any_address *address = context;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = confine();
    return error != 0 ? error : error_of(connect(fd, &address->any, sizeof address->local));
}

static void test_what_versions_add(void **state) {
    (void)state;
    union any_address address = {.local = {.sun_family = AF_UNIX}};
    int version = landlock_probe();
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(confined_result(try_unlink, NULL), EACCES);
    if (version >= 4) {
        assert_int_equal(confined_result(try_bind, NULL), EACCES);
        assert_int_equal(confined_result(try_connect, NULL), EACCES);
    }
    (void)snprintf(address.local.sun_path + 1, sizeof address.local.sun_path - 1, "pronto-test-%d",
                   (int)getpid());
    assert_int_equal(bind(listener, &address.any, sizeof address.local), 0);
    assert_int_equal(listen(listener, 4), 0);
    if (version >= 6) {
        assert_int_equal(confined_result(try_signal, NULL), EPERM);
        assert_int_equal(confined_result(try_abstract, &address), EPERM);
    }
    (void)close(listener);
}

static void test_version(void **state) {
    (void)state;
    if (landlock_probe() == 0)
        note_cannot_test("Landlock, which this kernel does not have");
    assert_in_range(landlock_probe(), 0, 1000);
}

/* Who may get more rights by execve(2) may not confine himself, but for root. */
static int enter_unbound(void *context) {
    (void)context;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
        return 255;
    return -landlock_enter(NULL, 0);
}

static void test_needs_no_new_privs(void **state) {
    (void)state;
    assert_int_equal(confined_result(enter_unbound, NULL), EPERM);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_what_versions_add),
        cmocka_unit_test(test_needs_no_new_privs),
    };
    return cmocka_run_group_tests_name("landlock", tests, setup, teardown);
}
