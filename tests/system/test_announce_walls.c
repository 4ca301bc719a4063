/* The walls around what announces: pronto-rogue (tests/rogue) tries, in that process, what it is
 * told to by a packet. The network is the test's own, and has the loopback only: nothing is
 * announced there, but packets are heard. */
#include "support/network.h"
#include "support/rogue.h"
#include "support/row.h"
#include "support/scene.h"
#include "support/status.h"

#include <errno.h>
#include <unistd.h>

enum { MDNS_PORT = 5353 };

static const char hears[] = "there is no network to announce on";

static bool has_network(void) {
    static bool made;
    if (!made && (!network_make() || !network_run(NETWORK_NEAR, "ip link set lo up")))
        note_cannot_test("walls around what announces: %s", network_complaint());
    else
        made = true;
    return made;
}

static void start(struct scene *scene, const char *more, const char *even_more) {
    const char *words[8] = {"--listen", "*:0", "-w1", "--announce"};
    size_t count = 4;
    if (more != NULL)
        words[count++] = more;
    if (even_more != NULL)
        words[count++] = even_more;
    words[count] = tree_path(&scene->tree, "root");
    tree_text(&scene->tree, "root/file", "inside");
    tree_text(&scene->tree, "outside", "outside");
    rogue_start(&scene->server, words);
    server_await_text(&scene->server, hears);
}

/* Sanitizers look at /proc, so that they have to be let open files; Landlock has others refused. */
static int refused_to_open(void) {
    return server_is_sanitized() ? EACCES : EPERM;
}

static const struct row {
    const char *name;
    const char *in_tree; /* the argument; NULL: another one, or none */
    const char *argument;
    int walled;   /* errno under walls; -1: refused_to_open() */
    bool release; /* sanitizers have to be allowed that */
} rows[] = {
    {"socket-udp", NULL, "", 0, false}, /* else nothing below says anything */
    {"read", "root/file", "", -1, false},
    {"read", "outside", "", -1, false},
    {"read", NULL, "/etc/passwd", -1, false},
    {"read", NULL, "/proc/self/environ", EPERM, true},
    {"openat2-read", "root/file", "", EPERM, false},
    {"write", "root/file", "", EPERM, false},
    {"create", "root/new", "", EPERM, false},
    {"truncate", "outside", "", EPERM, false},
    {"unlink", "outside", "", EPERM, false},
    {"mkdir", "root/directory", "", EPERM, false},
    {"chdir", NULL, "/", EPERM, false},
    {"socket", NULL, "", EPERM, false},
    {"socket-local", NULL, "", EPERM, false},
    {"socket-netlink", NULL, "", EPERM, false},
    {"connect-udp", NULL, "", EPERM, false},
    {"broadcast", NULL, "", EPERM, false},
    {"run-memory", NULL, "", EPERM, false},
    {"fork", NULL, "", EPERM, true},
    {"signal", NULL, "", EPERM, false},
    {"signal-thread", NULL, "", EPERM, false},
    {"be-dumpable", NULL, "", EPERM, true},
};

static int try_row(const struct scene *scene, const struct row *row) {
    const char *argument =
        row->in_tree != NULL ? tree_path(&scene->tree, row->in_tree) : row->argument;
    return rogue_try_udp(MDNS_PORT, row->name, argument);
}

static void test_what_announces(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    start(scene, NULL, NULL);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int wanted = rows[i].walled == -1 ? refused_to_open() : rows[i].walled;
        if (!rows[i].release || !server_is_sanitized())
            row_assert_number(rows[i].name, try_row(scene, &rows[i]), wanted);
    }
    rogue_tell_udp(MDNS_PORT, "exec", "/bin/true");
    server_await_text(&scene->server, "which announces, was killed by signal 31");
    server_await_times(&scene->server, hears, 2);
    assert_int_equal(rogue_try_udp(MDNS_PORT, "socket", ""), EPERM);
}

/* All of that is possible then. */
static void test_without_sandbox(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    start(scene, "--no-sandbox", NULL);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, try_row(scene, &rows[i]), 0);
}

/* Of a user namespace, --user may name nobody but root. */
static void test_privileges(void **state) {
    struct scene *scene = *state;
    static const struct status wanted[] = {
        {"CapPrm", "0000000000000000"},
        {"CapEff", "0000000000000000"},
        {"CapBnd", "0000000000000000"},
        {"NoNewPrivs", "1"},
        {"Seccomp", "2"},
    };
    static const struct status of_user[] = {{"Uid", "65534\t65534\t65534\t65534"},
                                            {"Gid", "65534\t65534\t65534\t65534"}};
    bool is_root = geteuid() == 0;
    if (!has_network())
        return;
    start(scene, is_root ? "--user" : NULL, is_root ? "65534:65534" : NULL);
    status_expect(&scene->server, 2, wanted, ROWS_COUNT(wanted));
    if (is_root)
        status_expect(&scene->server, 2, of_user, ROWS_COUNT(of_user));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_privileges), /* first: with a network, its user may become root */
        scene_test(test_what_announces),
        scene_test(test_without_sandbox),
    };
    return cmocka_run_group_tests_name("announce_walls", tests, NULL, NULL);
}
