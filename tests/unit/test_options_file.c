/* Options from a configuration file, and as one. */
#include "conf/options.h"

#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS_MAX = 8 };

struct scene {
    struct tree tree;
    struct options options;
    struct err err;
};

static int setup(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    tree_make(&scene->tree);
    *state = scene;
    return 0;
}

static int teardown(void **state) {
    struct scene *scene = *state;
    options_deinit(&scene->options);
    tree_remove(&scene->tree);
    free(scene);
    return 0;
}

/* Loads a file with that text, and the words. */
static int load(struct scene *scene, const char *text, const char *const words[WORDS_MAX]) {
    const char *argv[WORDS_MAX + 3] = {"pronto", "-c", tree_path(&scene->tree, "conf")};
    int argc = 3;
    while (words != NULL && argc < WORDS_MAX + 3 && words[argc - 3] != NULL) {
        argv[argc] = words[argc - 3];
        argc++;
    }
    tree_text(&scene->tree, "conf", text);
    return options_load(&scene->options, argc, (char *const *)(uintptr_t)argv, &scene->err);
}

/* What options_print() writes; the caller frees it. */
static char *print(const struct options *options) {
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    options_print(options, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

/* The lines of a configuration file that say something; the caller frees them. */
static char *settings_of(const char *text) {
    char *settings = calloc(1, strlen(text) + 1);
    struct slice rest = slice_of_text(text);
    struct slice line;
    assert_non_null(settings);
    while (slice_cut(&rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[0] != '#')
            strncat(settings, line.ptr, line.len + 1);
    }
    return settings;
}

/* Rows: a file, words of the command line, and the settings that both come to. */
static const struct {
    const char *name;
    const char *file;
    const char *words[WORDS_MAX];
    const char *settings;
} loads[] = {
    {"nothing", "", {NULL}, ""},
    {"defaults", "max-head = 16K\nhidden = off\nindex = index.html\nroot = .\n", {NULL}, ""},
    {"a file alone", "max-head=1K\nhidden=on\n", {NULL}, "hidden = on\nmax-head = 1K\n"},
    {"other options", "max-head=1K\n", {"-q"}, "max-head = 1K\nquiet = on\n"},
    {"the command line wins", "max-head=1K\n", {"--max-head=2K"}, "max-head = 2K\n"},
    {"with a default, too", "max-head=1K\n", {"--max-head=16K"}, ""},
    {"a flag is switched off", "hidden = on\n", {"--hidden=off"}, ""},
    {"a flag is switched on", "hidden = off\n", {"--hidden"}, "hidden = on\n"},
    {"repeatable ones add up in the file",
     "mime = a=b/c\nmime = d=e/f\n",
     {NULL},
     "mime = a=b/c\nmime = d=e/f\n"},
    {"those of the command line replace them",
     "mime = a=b/c\nmime = d=e/f\nmount=/a=b\n",
     {"--mime=g=h/i"},
     "mount = /a=b\nmime = g=h/i\n"},
    {"a root in the file", "root = \"/a b \"\n", {NULL}, "root = \"/a b \"\n"},
    {"a root on the command line, too", "root = a\n", {"b"}, "root = b\n"},
    {"the root that is the default", "root = a\n", {"."}, ""},
    {"--lan and a port", "", {"--lan", "-l80"}, "listen = *:80\nlan = on\n"},
    {"a port and --lan", "", {"-l80", "--lan"}, "listen = *:80\nlan = on\n"},
    {"--lan and any free port", "", {"--lan", "-l0"}, "listen = *:0\nlan = on\n"},
    {"--lan and several ports",
     "",
     {"--lan", "-l80", "-l81"},
     "listen = *:80\nlisten = *:81\nlan = on\n"},
    {"--lan and what it would be anyhow", "", {"--lan", "-l*:80"}, "listen = *:80\nlan = on\n"},
    {"--lan and all of IPv4", "", {"--lan", "-l0.0.0.0:80"}, "listen = 0.0.0.0:80\nlan = on\n"},
    {"--lan is not for --admin", "", {"--lan", "--admin=90"}, "admin = 127.0.0.1:90\nlan = on\n"},
    {"lan and a port in the file", "lan = on\nlisten = 80\n", {NULL}, "listen = *:80\nlan = on\n"},
    {"--lan, and ports of the file",
     "listen = 80\nlisten = 81\n",
     {"--lan"},
     "listen = *:80\nlisten = *:81\nlan = on\n"},
    {"--lan instead of addresses",
     "listen = 127.0.0.1:80\nlisten = unix:/s\n",
     {"--lan"},
     "lan = on\n"},
    {"--lan instead of one of two",
     "listen = localhost:80\nlisten = 81\n",
     {"--lan"},
     "listen = *:81\nlan = on\n"},
    {"--lan=off instead of nothing", "listen = 80\n", {"--lan=off"}, "listen = 127.0.0.1:80\n"},
    {"--lan=off instead of lan",
     "lan = on\nlisten = 80\n",
     {"--lan=off"},
     "listen = 127.0.0.1:80\n"},
    {"a port instead of lan", "lan = on\n", {"-l80"}, "listen = 127.0.0.1:80\n"},
    {"another port instead of lan", "lan = on\nlisten = 80\n", {"-l81"}, "listen = 127.0.0.1:81\n"},
    {"an address instead of lan", "lan = on\n", {"-l127.0.0.1:80"}, "listen = 127.0.0.1:80\n"},
    {"addresses instead of lan",
     "lan = on\n",
     {"-l80", "-lunix:/s"},
     "listen = 127.0.0.1:80\nlisten = unix:/s\n"},
    {"an address instead of addresses",
     "listen = 80\nlisten = 81\n",
     {"-l82"},
     "listen = 127.0.0.1:82\n"},
};

static void test_file_and_command_line(void **state) {
    struct scene *scene = *state;
    for (size_t i = 0; i < ROWS_COUNT(loads); i++) {
        row_assert_number(loads[i].name, load(scene, loads[i].file, loads[i].words), 0);
        char *text = print(&scene->options);
        char *settings = settings_of(text);
        row_assert_slice(loads[i].name, slice_of_text(settings), slice_of_text(loads[i].settings));
        free(settings);
        free(text);
        options_deinit(&scene->options);
    }
}

static const struct {
    const char *name;
    const char *file;
    const char *message; /* behind the file's name */
} faults[] = {
    {"a bad value", "\n\nmax-head = 5\n", ":3: max-head: '5' is out of range (512 to 65536 bytes)"},
    {"a bad line", "max-head\n", ":1: this is not NAME = VALUE (as in max-head = 16K)"},
    {"a misspelt name", "max-haed = 1K\n",
     ":1: unknown option 'max-haed' (did you mean max-head?)"},
    {"a name with dashes", "--spa = a\n", ":1: unknown option '--spa' (did you mean spa?)"},
    {"another server's name", "port = 80\n", ":1: unknown option 'port' (did you mean listen?)"},
    {"another name", "frobnicate = 1\n",
     ":1: unknown option 'frobnicate' (pronto --help lists them)"},
    {"a letter", "w = 1\n", ":1: unknown option 'w' (pronto --help lists them)"},
    {"a flag that is neither", "hidden = yes\n", ":1: hidden: 'yes' is neither on nor off"},
    {"twice", "index = a\n#\nindex = a\n", ":3: index is in line 1 already"},
    {"two roots", "root = a\nroot = b\n", ":2: root is in line 1 already"},
    {"an empty root", "root =\n", ":1: root: '' is empty"},
    {"a mount twice", "mount = /a=b\nmount = /a=c\n", ":2: mount: '/a=c': the path is there twice"},
    {"lan and an address", "lan = on\nlisten = localhost:80\n",
     ": --lan and --listen 127.0.0.1:80 exclude each other (with --lan, --listen PORT is that port "
     "of "
     "all interfaces)"},
    {"the first of two", "a = b\nc = d\n", ":1: unknown option 'a' (pronto --help lists them)"},
    {"a fault that the command line hides", "workers = x\n",
     ":1: workers: 'x' is not a whole number"},
};

static void test_faults(void **state) {
    struct scene *scene = *state;
    static const char *const words[WORDS_MAX] = {"-w2", NULL};
    for (size_t i = 0; i < ROWS_COUNT(faults); i++) {
        char expected[512];
        row_assert_number(faults[i].name, load(scene, faults[i].file, words), -EINVAL);
        (void)snprintf(expected, sizeof expected, "%s%s", tree_path(&scene->tree, "conf"),
                       faults[i].message);
        row_assert_slice(faults[i].name, slice_of_text(scene->err.text), slice_of_text(expected));
    }
}

static void test_what_is_for_once_is_refused(void **state) {
    struct scene *scene = *state;
    size_t count = 0;
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        char line[64];
        char message[64];
        if (!option_is_for_once(row))
            continue;
        count++;
        (void)snprintf(line, sizeof line, "%s = on\n", row->name);
        (void)snprintf(message, sizeof message, ":1: %s is for the command line alone", row->name);
        row_assert_number(row->name, load(scene, line, NULL), -EINVAL);
        row_assert(row->name, strstr(scene->err.text, message) != NULL);
    }
    assert_int_equal(count, 7); /* check, config, explain, help, open, print-config, version */
}

static void test_failure_leaves_options_alone(void **state) {
    struct scene *scene = *state;
    assert_int_equal(load(scene, "cache-control = public\n", NULL), 0);
    struct options before = scene->options;
    assert_int_equal(load(scene, "cache-control = public\nx = y\n", NULL), -EINVAL);
    assert_memory_equal(&scene->options, &before, sizeof before);
    tree_remove(&scene->tree);
    const char *argv[] = {"pronto", "--config=/dev/null/conf"};
    assert_int_equal(options_load(&scene->options, 2, (char *const *)(uintptr_t)argv, &scene->err),
                     -EINVAL);
    assert_string_equal(scene->err.text,
                        "cannot read the options in /dev/null/conf: Not a directory");
    assert_memory_equal(&scene->options, &before, sizeof before);
    row_assert_slice("a value", scene->options.cache_control, SLICE("public"));
}

/* A reload: the words are the same, and the file has changed. */
static void test_loads_again(void **state) {
    struct scene *scene = *state;
    static const char *const words[WORDS_MAX] = {"-w3", NULL};
    assert_int_equal(load(scene, "index = a\nworkers = 1\n", words), 0);
    struct options before = scene->options;
    assert_int_equal(load(scene, "index = b\nspa = c\n", words), 0);
    row_assert_slice("before", before.index.items[0], SLICE("a"));
    row_assert_slice("after", scene->options.index.items[0], SLICE("b"));
    assert_null(before.spa.ptr);
    row_assert_slice("after", scene->options.spa, SLICE("c"));
    assert_int_equal(before.workers, 3);
    assert_int_equal(scene->options.workers, 3);
    options_deinit(&before);
    options_deinit(&before);
}

/* Values of a kind that are not the default of any row. */
static const char *const *values_of(enum option_kind kind) {
    static const char *const values[][7] = {
        [OPTION_FLAG] = {"on"},
        [OPTION_COUNT] = {"1", "17", "1000"},
        [OPTION_SIZE] = {"16385", "17K", "33K", "32767"},
        [OPTION_DURATION] = {"1ms", "999ms", "1s", "61s", "2m", "90m", "24h"},
        [OPTION_NAMES] = {"a", "a b,#c", " ,\""},
        [OPTION_PATH] = {"a", "a b/#c"},
        [OPTION_TYPES] = {"a=b/c", "d=e/f; g=\"h #i\""},
        [OPTION_VALUE] = {"a", "public, max-age=60", "\"a\" #b"},
        [OPTION_TEXT] = {"a", " ", "a\nb\\", "\"", "é #"},
        [OPTION_MOUNTS] = {"/a=b", "/c/=d=e ", "/f #/g=\x01"},
        [OPTION_CHOICE] = {NULL},
        [OPTION_MODE] = {"0", "600", "777", "0640"},
        [OPTION_DESTINATION] = {"off", "-", "a b #c", "syslog:127.0.0.1:514", "syslog:[::1]:1"},
        [OPTION_ADDRESSES] = {"127.0.0.1:0", "*:80", "[::]:81", "0.0.0.0:82", "[::1]:65535"},
        [OPTION_NETWORKS] = {"10.0.0.0/8", "192.0.2.1", "::/0", "2001:db8::/33", "unix"},
        [OPTION_LABEL] = {"photos", LABEL_STANDARD},
        [OPTION_ACTION] = {NULL},
        [OPTION_WORD] = {NULL},
    };
    return values[kind];
}

/* Loads what options_print() says of the options; all else has to be the same, too, so the
 * texts of both are compared. */
static void expect_round_trip(struct scene *scene, const char *value) {
    char *text = print(&scene->options);
    options_deinit(&scene->options);
    row_assert_number(value, load(scene, text, NULL), 0);
    char *again = print(&scene->options);
    row_assert_slice(value, slice_of_text(again), slice_of_text(text));
    free(again);
    free(text);
}

static void load_value(struct scene *scene, const struct option_row *row, const char *value) {
    char *text = NULL;
    size_t len = 0;
    char word[128];
    char line[64];
    (void)snprintf(word, sizeof word, "--%s=%s", row->name, value);
    const char *argv[] = {"pronto", word, "--trust=unix"}; /* for --proxy-protocol */
    struct options *options = &scene->options;
    assert_int_equal(options_load(options, 3, (char *const *)(uintptr_t)argv, &scene->err), 0);
    FILE *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    options_print(options, stream);
    assert_int_equal(fclose(stream), 0);
    (void)snprintf(line, sizeof line, "\n%s = ", row->name);
    row_assert(row->name, strstr(text, line) != NULL);
    free(text);
    expect_round_trip(scene, word);
    options_deinit(options);
}

static void test_every_row_is_read_as_it_is_printed(void **state) {
    struct scene *scene = *state;
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        const char *const *values = values_of(row->kind);
        size_t count = 0;
        for (; count < 7 && values[count] != NULL; count++)
            load_value(scene, row, values[count]);
        if (row->kind == OPTION_CHOICE)
            load_value(scene, row, strrchr(row->argument, '|') + 1);
        else
            row_assert(row->name, count > 0 || option_is_for_once(row));
    }
}

static void test_everything_at_once(void **state) {
    struct scene *scene = *state;
    static const char *const words[WORDS_MAX] = {
        "-l80",         "-l*:81",       "--mime=a=b/c", "--mime=d=e/f",
        "--mount=/a=b", "--mount=/c=d", " root #",      NULL};
    assert_int_equal(load(scene, "hidden = on\nmax-head = 1K\nspa = x\n", words), 0);
    expect_round_trip(scene, "everything");
    assert_string_equal(scene->options.root, " root #");
    assert_int_equal(scene->options.listen.count, 2);
    assert_true(scene->options.listen.items[1].both_families);
    assert_int_equal(scene->options.mime.count, 2);
    assert_int_equal(scene->options.mount.count, 2);
    assert_int_equal(scene->options.max_head, 1024);
    assert_true(scene->options.hidden);
}

/* What is not set is there as a comment that can be taken as it is, where there is a default. */
static void test_printed_file_has_every_row(void **state) {
    struct scene *scene = *state;
    assert_int_equal(load(scene, "", NULL), 0);
    char *text = print(&scene->options);
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        char line[128];
        (void)snprintf(line, sizeof line, "\n#%s = %s\n", row->name,
                       row->standard != NULL    ? row->standard
                       : option_takes_word(row) ? row->argument
                                                : "off");
        row_assert(row->name, (strstr(text, line) != NULL) == !option_is_for_once(row));
    }
    assert_non_null(strstr(text, "\n#root = .\n"));
    struct slice rest = slice_of_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line))
        assert_in_range(line.len, 0, 80);
    free(text);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_and_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_for_once_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_leaves_options_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loads_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_row_is_read_as_it_is_printed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everything_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_printed_file_has_every_row, setup, teardown),
    };
    return cmocka_run_group_tests_name("options_file", tests, NULL, NULL);
}
