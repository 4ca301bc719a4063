#include "conf/options.h"

#include "support/row.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS_MAX = 20 };

/* Parses the words behind the program's name, up to the first NULL. */
static int parse(struct options *options, const char *const words[WORDS_MAX], struct err *err) {
    char *argv[WORDS_MAX + 2] = {NULL};
    int argc = 1;
    argv[0] = (char *)(uintptr_t) "pronto";
    while (argc <= WORDS_MAX && words[argc - 1] != NULL) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    memset(options, 0xa5, sizeof *options);
    return options_load(options, argc, argv, err);
}

static const struct option_row *row_of(const char *name) {
    const struct option_row *row = options_rows();
    while (row->name != NULL && strcmp(row->name, name) != 0)
        row++;
    row_assert(name, row->name != NULL);
    return row;
}

/* The field of a row that holds a number. */
static uint64_t number_in(const struct options *options, const struct option_row *row) {
    const void *field = (const char *)options + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_ACTION:
        return *(const bool *)field;
    case OPTION_COUNT:
    case OPTION_SIZE:
        return *(const uint64_t *)field;
    case OPTION_DURATION:
        return (uint64_t) * (const int64_t *)field;
    case OPTION_CHOICE:
        return *(const unsigned *)field;
    case OPTION_DESTINATION:
        return ((const struct destination *)field)->kind;
    case OPTION_MODE:
        return *(const mode_t *)field;
    case OPTION_ADDRESSES:
        return ((const struct option_addresses *)field)->count;
    case OPTION_PATH:
        return ((const struct slice *)field)->len;
    case OPTION_NAMES:
        return ((const struct names *)field)->count;
    case OPTION_TYPES:
        return ((const struct types *)field)->count;
    case OPTION_MOUNTS:
        return ((const struct mounts *)field)->count;
    case OPTION_NETWORKS:
        return ((const struct networks *)field)->count;
    case OPTION_VALUE:
        return ((const struct slice *)field)->len;
    case OPTION_TEXT:
    case OPTION_WORD:
    case OPTION_LABEL:
        return *(const char *const *)field != NULL;
    }
    return 0;
}

static void test_defaults(void **state) {
    (void)state;
    static const char *const none[WORDS_MAX] = {NULL};
    struct options options;
    struct err err = ERR_INIT;
    assert_int_equal(parse(&options, none, &err), 0);
    assert_string_equal(options.root, ".");
    assert_int_equal(options.listen.count, 0);
    assert_false(options.lan);
    assert_int_equal(options.workers, 0);
    assert_int_equal(options.index.count, 1);
    row_assert_slice("index", options.index.items[0], SLICE("index.html"));
    assert_int_equal(options.mime.count, 0);
    assert_false(options.clean_urls);
    assert_null(options.spa.ptr);
    assert_int_equal(options.mount.count, 0);
    assert_false(options.hidden);
    assert_int_equal(options.symlinks, SYMLINKS_INSIDE);
    row_assert_slice("cache-control", options.cache_control, SLICE("no-cache"));
    assert_false(options.cors);
    assert_true(options.cache_size == OPTION_AUTO);
    assert_int_equal(options.max_head, 16384);
    assert_int_equal(options.max_body, 1048576);
    assert_int_equal(options.head_timeout, 10000);
    assert_int_equal(options.idle_timeout, 60000);
    assert_int_equal(options.send_timeout, 30000);
    assert_int_equal(options.min_rate, 256);
    assert_int_equal(options.buffer_size, 64 << 20);
    assert_int_equal(options.drain_timeout, 10000);
    assert_int_equal(options.access_log.kind, DESTINATION_UNSAID);
    assert_int_equal(options.log_format, LOG_FORMAT_AUTO);
    assert_int_equal(options.ready_timeout, 60000);
    assert_int_equal(options.unix_mode, 0660);
    assert_null(options.pid_file);
    assert_null(options.announce);
    assert_false(options.quiet || options.check || options.version || options.help);
}

/* A value for the row that is not its default. */
static const char *other_value(const struct option_row *row) {
    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_ACTION:
    case OPTION_LABEL:
        return NULL;
    case OPTION_COUNT:
        return "17";
    case OPTION_SIZE:
        return "20000";
    case OPTION_DURATION:
        return "4321ms";
    case OPTION_NAMES:
        return "other.html,index.html";
    case OPTION_PATH:
        return "app/index.html";
    case OPTION_TYPES:
        return "ts=text/plain";
    case OPTION_MOUNTS:
        return "/docs=/srv/docs";
    case OPTION_VALUE:
        return "public, max-age=60";
    case OPTION_TEXT:
        return "/a";
    case OPTION_WORD:
        return "/dev/null"; /* a file, for --config */
    case OPTION_CHOICE:
        return strrchr(row->argument, '|') + 1;
    case OPTION_DESTINATION:
        return "syslog:127.0.0.1:5514";
    case OPTION_MODE:
        return "640";
    case OPTION_ADDRESSES:
        return "127.0.0.1:1";
    case OPTION_NETWORKS:
        return "10.0.0.0/8";
    }
    return NULL;
}

/* Fails unless the field of the row, and nothing else, differs. */
static void assert_only_field_differs(const struct option_row *row, const struct options *a,
                                      const struct options *b) {
    size_t size = row->size;
    size_t after = row->offset + size;
    const char *x = (const char *)a;
    const char *y = (const char *)b;
    row_assert(row->name, memcmp(x + row->offset, y + row->offset, size) != 0);
    row_assert(row->name, memcmp(x, y, row->offset) == 0);
    row_assert(row->name, memcmp(x + after, y + after, sizeof *a - after) == 0);
}

/* memcmp() sees the padding, too; options_load() starts from a struct of zeros. */
static void test_every_row_lands_in_its_field(void **state) {
    (void)state;
    static const char *const none[WORDS_MAX] = {"--trust=unix"}; /* for --proxy-protocol */
    struct options standard;
    struct err err = ERR_INIT;
    assert_int_equal(parse(&standard, none, &err), 0);
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        char word[64];
        struct options options;
        (void)snprintf(word, sizeof word, "--%s", row->name);
        const char *words[WORDS_MAX] = {"--trust=unix", word, other_value(row)};
        row_assert_number(row->name, parse(&options, words, &err), 0);
        options_deinit(&options);
        assert_only_field_differs(row, &standard, &options);
        if (row->letter == 0)
            continue;
        (void)snprintf(word, sizeof word, "-%c", row->letter);
        row_assert_number(row->name, parse(&options, words, &err), 0);
        options_deinit(&options);
        assert_only_field_differs(row, &standard, &options);
    }
}

static void test_every_default_is_a_good_value(void **state) {
    (void)state;
    static const char *const none[WORDS_MAX] = {NULL};
    struct options standard;
    struct err err = ERR_INIT;
    assert_int_equal(parse(&standard, none, &err), 0);
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        char word[128];
        const char *words[WORDS_MAX] = {word};
        struct options options;
        if (row->standard == NULL)
            continue;
        (void)snprintf(word, sizeof word, "--%s=%s", row->name, row->standard);
        row_assert_number(row->name, parse(&options, words, &err), 0);
        row_assert_number(row->name, number_in(&options, row), number_in(&standard, row));
    }
}

#define VALUE_32  "0123456789abcdef0123456789abcdef"
#define VALUE_256 VALUE_32 VALUE_32 VALUE_32 VALUE_32 VALUE_32 VALUE_32 VALUE_32 VALUE_32

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *option;
    uint64_t number;
} good[] = {
    {"flag", {"--hidden"}, "hidden", 1},
    {"flag twice", {"--hidden", "--hidden"}, "hidden", 1},
    {"flag, on", {"--hidden=on"}, "hidden", 1},
    {"flag, off", {"--hidden", "--hidden=off"}, "hidden", 0},
    {"mode", {"--unix-mode", "600"}, "unix-mode", 0600},
    {"mode with a zero", {"--unix-mode=0777"}, "unix-mode", 0777},
    {"least mode", {"--unix-mode=0"}, "unix-mode", 0},
    {"count", {"--workers", "3"}, "workers", 3},
    {"least count", {"--workers", "1"}, "workers", 1},
    {"largest count", {"--workers=1024"}, "workers", 1024},
    {"the last one counts", {"--workers=3", "--workers=5"}, "workers", 5},
    {"letter, attached", {"-w4"}, "workers", 4},
    {"letter, apart", {"-w", "4"}, "workers", 4},
    {"letters, attached", {"-qw4"}, "workers", 4},
    {"letters, apart", {"-qw", "4"}, "workers", 4},
    {"letters, the first", {"-qw4"}, "quiet", 1},
    {"letters, three", {"-qhw4"}, "help", 1},
    {"bytes", {"--max-head=512"}, "max-head", 512},
    {"kilobytes", {"--max-head=1K"}, "max-head", 1024},
    {"megabytes", {"--max-body=1M"}, "max-body", 1024 * 1024},
    {"gigabytes", {"--max-body=3G"}, "max-body", 3ull << 30},
    {"no bytes", {"--max-body=0"}, "max-body", 0},
    {"largest size", {"--max-body=9223372036854775807"}, "max-body", INT64_MAX},
    {"milliseconds", {"--head-timeout=7ms"}, "head-timeout", 7},
    {"seconds", {"--head-timeout=7s"}, "head-timeout", 7000},
    {"minutes", {"--head-timeout=7m"}, "head-timeout", 420000},
    {"hours", {"--head-timeout=7h"}, "head-timeout", 25200000},
    {"longest", {"--head-timeout=24h"}, "head-timeout", 86400000},
    {"path", {"--spa", "app/a.html"}, "spa", 10},
    {"path with a slash before it", {"--spa=/app/a.html"}, "spa", 10},
    {"path with dots in its names", {"--spa=..a/b..c"}, "spa", 8},
    {"shortest", {"--head-timeout=1ms"}, "head-timeout", 1},
    {"no time", {"--drain-timeout=0s"}, "drain-timeout", 0},
    {"first choice", {"--symlinks", "inside"}, "symlinks", SYMLINKS_INSIDE},
    {"second choice", {"--symlinks=none"}, "symlinks", SYMLINKS_NONE},
    {"address", {"--listen", "80"}, "listen", 1},
    {"addresses", {"--listen=80", "-l81", "-l", "[::1]:82"}, "listen", 3},
    {"where to ask", {"--admin", "9090", "--admin=*:0"}, "admin", 2},
    {"type", {"--mime", "ts=text/plain"}, "mime", 1},
    {"types", {"--mime=a=b/c;d=e", "--mime", ".a=b/d", "--mime=f=g/h"}, "mime", 3},
    {"text", {"--explain", "/a b"}, "explain", 1},
    {"mount", {"--mount", "/docs=/srv/docs"}, "mount", 1},
    {"mounts", {"--mount=/a=b", "--mount=/a/b=c=d", "--mount", "/c/=."}, "mount", 3},
    {"value", {"--cache-control", "public, max-age=60"}, "cache-control", 18},
    {"value of one character", {"--cache-control=~"}, "cache-control", 1},
    {"the longest value", {"--cache-control=" VALUE_256}, "cache-control", 256},
    {"behind the root", {"root", "-w4"}, "workers", 4},
    {"--lan", {"--lan"}, "lan", 1},
    {"a value that may be left out", {"--announce"}, "announce", 1},
    {"and what follows is no value", {"--announce", "-w4"}, "workers", 4},
    {"nor is the root", {"--announce", "root"}, "announce", 1},
    {"a value behind the sign", {"--announce=photos"}, "announce", 1},
    {"no name", {"--announce", "--announce=off"}, "announce", 0},
    {"networks", {"--trust=10.0.0.0/8", "--trust", "::1", "--trust=unix"}, "trust", 3},
    {"the PROXY protocol", {"--proxy-protocol", "--trust=::1"}, "proxy-protocol", 1},
    {"16 addresses",
     {"-l1", "-l2", "-l3", "-l4", "-l5", "-l6", "-l7", "-l8", "-l9", "-l10", "-l11", "-l12", "-l13",
      "-l14", "-l15", "-l16"},
     "listen",
     OPTIONS_ADDRESSES_MAX},
};

static void test_good_values(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct options options;
        struct err err = ERR_INIT;
        row_assert_number(good[i].name, parse(&options, good[i].words, &err), 0);
        row_assert_number(good[i].name, number_in(&options, row_of(good[i].option)),
                          good[i].number);
    }
}

static void test_addresses_in_their_order(void **state) {
    (void)state;
    static const char *const words[WORDS_MAX] = {"-l81", "--listen=[::1]:82", "-l", "*:83"};
    struct options options;
    struct err err = ERR_INIT;
    assert_int_equal(parse(&options, words, &err), 0);
    assert_int_equal(options.listen.count, 3);
    for (uint16_t i = 0; i < 3; i++)
        assert_int_equal(address_port(&options.listen.items[i]), 81 + i);
    assert_true(options.listen.items[2].both_families);
}

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *message; /* a part of it */
} bad[] = {
    {"count with a unit", {"--workers=1K"}, "--workers: '1K' is not a whole number"},
    {"no octal digit", {"--unix-mode=668"}, "--unix-mode: '668' is no mode"},
    {"no mode", {"--unix-mode="}, "--unix-mode: '' is no mode"},
    {"mode with a sign", {"--unix-mode=-66"}, "'-66' is no mode"},
    {"mode too long", {"--unix-mode=00660"}, "'00660' is no mode"},
    {"mode too large", {"--unix-mode=1777"}, "'1777' is out of range (0 to 777)"},
    {"no count", {"--workers="}, "--workers: '' is not a whole number"},
    {"negative count", {"--workers=-1"}, "'-1' is not a whole number"},
    {"count too small", {"-w0"}, "--workers: '0' is out of range (1 to 1024)"},
    {"count too large", {"-w1025"}, "'1025' is out of range (1 to 1024)"},
    {"count overflows", {"-w18446744073709551616"}, "is not a whole number"},
    {"size with a small unit", {"--max-head=16k"}, "--max-head: '16k' is not a size (as in 512"},
    {"size with a unit of time", {"--max-head=16s"}, "is not a size"},
    {"size with two units", {"--max-head=16KB"}, "is not a size"},
    {"unit alone", {"--max-head=K"}, "is not a size"},
    {"blank before the unit", {"--max-head=16 K"}, "is not a size"},
    {"size too small", {"--max-head=511"}, "'511' is out of range (512 to 65536 bytes)"},
    {"size too large", {"--max-head=65537"}, "is out of range (512 to 65536 bytes)"},
    {"size left to pronto", {"--max-head=auto"}, "'auto' is not a size"},
    {"size over 63 bits", {"--max-body=9223372036854775808"}, "is out of range"},
    {"size overflows", {"--max-body=18014398509481984K"}, "is not a size"},
    {"time without a unit", {"--head-timeout=10"}, "'10' is not a time (as in 500ms"},
    {"time with a unit of size", {"--head-timeout=10K"}, "is not a time"},
    {"no time at all", {"--head-timeout=0s"}, "is out of range (1 to 86400000 ms)"},
    {"time too long", {"--head-timeout=25h"}, "is out of range (1 to 86400000 ms)"},
    {"fraction", {"--head-timeout=1.5s"}, "is not a time"},
    {"no receiver", {"--access-log=syslog:x"}, "--access-log: 'syslog:x' is no receiver"},
    {"no choice", {"--symlinks=all"}, "--symlinks: 'all' is not one of inside|none"},
    {"part of a choice", {"--symlinks=in"}, "is not one of inside|none"},
    {"both choices", {"--symlinks=inside|none"}, "is not one of inside|none"},
    {"empty choice", {"--symlinks="}, "is not one of inside|none"},
    {"no path", {"--spa="}, "--spa: '' is no path beneath the root (as in app/index.html)"},
    {"the root", {"--spa=/"}, "'/' is no path beneath the root"},
    {"path of a directory", {"--spa=app/"}, "'app/' is no path beneath the root"},
    {"two slashes", {"--spa=//a"}, "'//a' is no path beneath the root"},
    {"path that leads up", {"--spa=../a"}, "'../a' is no path beneath the root"},
    {"path with a dot", {"--spa=a/./b"}, "'a/./b' is no path beneath the root"},
    {"bad address", {"--listen=here"}, "--listen: 'here' has no port"},
    {"17 addresses",
     {"-l1", "-l2", "-l3", "-l4", "-l5", "-l6", "-l7", "-l8", "-l9", "-l10", "-l11", "-l12", "-l13",
      "-l14", "-l15", "-l16", "-l17"},
     "--listen: there may be 16 at most"},
    {"no type", {"--mime=ts"}, "--mime: 'ts' is not EXT=TYPE (as in log=text/plain)"},
    {"bad type", {"--mime", "ts=text"}, "--mime: 'text' is no media type (as in"},
    {"no value of a type", {"--mime"}, "--mime needs a value: --mime EXT=TYPE"},
    {"no mount", {"--mount=docs"}, "--mount: 'docs' is not /PATH=DIR (as in /docs=/srv/docs)"},
    {"a mount twice",
     {"--mount=/a=b", "--mount=/a/=c"},
     "--mount: '/a/=c': the path is there twice"},
    {"no value of a mount", {"--mount"}, "--mount needs a value: --mount /PATH=DIR"},
    {"empty value",
     {"--cache-control="},
     "--cache-control: '' cannot stand in a field (write up to"},
    {"value with a line end", {"--cache-control=a\r\nX: y"}, "cannot stand in a field"},
    {"value with a tab", {"--cache-control=a\tb"}, "cannot stand in a field"},
    {"value with DEL", {"--cache-control=a\x7f"}, "cannot stand in a field"},
    {"value that is not ASCII", {"--cache-control=\xc3\xa9"}, "cannot stand in a field"},
    {"value with a blank before", {"--cache-control= a"}, "cannot stand in a field"},
    {"value with a blank behind", {"--cache-control=a "}, "cannot stand in a field"},
    {"value too long", {"--cache-control=" VALUE_256 "x"}, "up to 256 printable ASCII characters"},
    {"no value of a field", {"--cache-control"}, "needs a value: --cache-control VALUE"},
    {"flag with a value", {"--quiet=yes"}, "--quiet: 'yes' is neither on nor off"},
    {"flag with an empty value", {"--quiet="}, "--quiet: '' is neither on nor off"},
    {"no value", {"--workers"}, "--workers needs a value: --workers N"},
    {"no value for a letter", {"-qw"}, "--workers needs a value: --workers N"},
    {"unknown", {"--frobnicate"}, "unknown option '--frobnicate' (pronto --help lists them)"},
    {"unknown letter", {"-qz"}, "unknown option '-z' (pronto --help lists them)"},
    {"one letter left out", {"--worker"}, "(did you mean --workers N?)"},
    {"one letter too many", {"--indexx"}, "(did you mean --index NAMES?)"},
    {"one letter wrong", {"--hiddan"}, "(did you mean --hidden?)"},
    {"one wrong, and a value may be left out", {"--anounce"}, "(did you mean --announce[=NAME]?)"},
    {"no name of a host", {"--announce=a b"}, "--announce: 'a b' cannot be a name of a host"},
    {"two letters exchanged", {"--qiuet"}, "(did you mean --quiet?)"},
    {"two letters wrong, with a value", {"--max-haed=1K"}, "(did you mean --max-head SIZE?)"},
    {"three letters wrong", {"--hiabcn"}, "(pronto --help lists them)"},
    {"capital letters", {"--LAN"}, "(pronto --help lists them)"},
    {"nothing before the =", {"--=x"}, "unknown option '--=x' (pronto --help lists them)"},
    {"a long unknown one",
     {"--an-option-that-is-much-longer-than-any-that-there-is-so-that-no-room-suffices"},
     "(pronto --help lists them)"},
    {"two roots", {"one", "two"}, "one root at a time: 'one' or 'two'"},
    {"two roots around an option", {"one", "-q", "two"}, "one root at a time: 'one' or 'two'"},
    {"empty root", {""}, "the root's name is empty"},
    {"--lan and an address",
     {"--lan", "--listen=127.0.0.1:80"},
     "--lan and --listen 127.0.0.1:80 exclude each other (with --lan, --listen PORT is that"},
    {"--lan, and an address behind a port",
     {"-l80", "-l[::1]:81", "--lan"},
     "--lan and --listen [::1]:81 exclude each other"},
    {"--lan and a local socket",
     {"--lan", "-lunix:/s"},
     "--lan and --listen unix:/s exclude each other"},
    {"--live without a cache", {"--live", "--cache-size=0"}, "--live needs a cache: what is not"},
    {"bad network", {"--trust=10/8"}, "--trust: '10/8' is no network (give an address"},
    {"the PROXY protocol of nobody",
     {"--proxy-protocol"},
     "--proxy-protocol needs --trust, the addresses of the proxies"},
    {"taken faster than it is sent",
     {"--send-rate=20000", "--min-rate=20000"},
     "--min-rate must be less than --send-rate"},
};

static void test_bad_values(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct options options;
        struct err err = ERR_INIT;
        row_assert_number(bad[i].name, parse(&options, bad[i].words, &err), -EINVAL);
        if (strstr(err.text, bad[i].message) == NULL)
            fail_msg("%s: '%s' is not in '%s'", bad[i].name, bad[i].message, err.text);
    }
}

static void test_as_many_types_as_there_may_be(void **state) {
    (void)state;
    char name[] = "pronto";
    char word[] = "--mime=a=b/c";
    char *argv[TYPES_MAX + 3] = {name};
    struct options options;
    struct err err = ERR_INIT;
    for (size_t i = 1; i <= TYPES_MAX + 1; i++)
        argv[i] = word;
    assert_int_equal(options_load(&options, TYPES_MAX + 1, argv, &err), 0);
    assert_int_equal(options.mime.count, TYPES_MAX);
    assert_int_equal(options_load(&options, TYPES_MAX + 2, argv, &err), -EINVAL);
    assert_string_equal(err.text, "--mime: there may be 64 at most");
}

static void test_as_many_mounts_as_there_may_be(void **state) {
    (void)state;
    char name[] = "pronto";
    char words[MOUNTS_MAX + 1][32];
    char *argv[MOUNTS_MAX + 3] = {name};
    struct options options;
    struct err err = ERR_INIT;
    for (size_t i = 0; i <= MOUNTS_MAX; i++) {
        (void)snprintf(words[i], sizeof words[i], "--mount=/%zu=d", i);
        argv[i + 1] = words[i];
    }
    assert_int_equal(options_load(&options, MOUNTS_MAX + 1, argv, &err), 0);
    assert_int_equal(options.mount.count, MOUNTS_MAX);
    assert_int_equal(options_load(&options, MOUNTS_MAX + 2, argv, &err), -EINVAL);
    assert_string_equal(err.text, "--mount: there may be 64 at most");
}

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *root;
} roots[] = {
    {"none", {"-q"}, "."},
    {"first", {"www", "-q"}, "www"},
    {"last", {"-q", "www"}, "www"},
    {"behind --", {"--", "www"}, "www"},
    {"option behind --", {"--", "--quiet"}, "--quiet"},
    {"-- behind --", {"--", "--"}, "--"},
    {"nothing behind --", {"-q", "--"}, "."},
    {"a dash", {"-"}, "-"},
    {"behind a value that looks like an option", {"--index", "--quiet", "www"}, "www"},
};

static void test_root(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(roots); i++) {
        struct options options;
        struct err err = ERR_INIT;
        row_assert_number(roots[i].name, parse(&options, roots[i].words, &err), 0);
        row_assert_slice(roots[i].name, slice_of_text(options.root), slice_of_text(roots[i].root));
    }
}

static void test_values_are_taken_as_they_are(void **state) {
    (void)state;
    static const char *const attached[WORDS_MAX] = {"--index=a=b,c"};
    static const char *const apart[WORDS_MAX] = {"--index", "--"};
    struct options options;
    struct err err = ERR_INIT;
    assert_int_equal(parse(&options, attached, &err), 0);
    row_assert_slice("behind the first =", options.index.items[0], SLICE("a=b"));
    assert_int_equal(parse(&options, apart, &err), 0);
    row_assert_slice("like an option", options.index.items[0], SLICE("--"));
}

static void test_longest_path(void **state) {
    (void)state;
    static char text[OPTIONS_PATH_MAX + 2];
    static const char *const words[WORDS_MAX] = {"--spa", text};
    struct options options;
    struct err err = ERR_INIT;
    memset(text, 'a', OPTIONS_PATH_MAX);
    assert_int_equal(parse(&options, words, &err), 0);
    assert_int_equal(options.spa.len, OPTIONS_PATH_MAX);
    text[OPTIONS_PATH_MAX] = 'a';
    assert_int_equal(parse(&options, words, &err), -EINVAL);
}

/* What --help prints; the caller frees it. */
static char *help_text(void) {
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    options_print_help(stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void test_help_is_80_columns_wide(void **state) {
    (void)state;
    char *text = help_text();
    struct slice rest = slice_of_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.len > 80 || (line.len > 0 && line.ptr[line.len - 1] == ' '))
            fail_msg("%zu columns: '%.*s'", line.len, (int)line.len, line.ptr);
    }
    free(text);
}

/* Whether the words of `words` stand in `text` in their order, whatever the white space. */
static bool has_words(const char *text, const char *words) {
    struct slice rest = slice_of_text(words);
    struct slice word;
    while (slice_cut(&rest, ' ', &word)) {
        text += strspn(text, " \n");
        if (strncmp(text, word.ptr, word.len) != 0)
            return false;
        text += word.len;
    }
    return true;
}

static void test_help_has_every_row(void **state) {
    (void)state;
    char *text = help_text();
    for (const struct option_row *row = options_rows(); row->name != NULL; row++) {
        char head[64];
        char standard[64] = "";
        char letter[8] = "     ";
        if (row->letter != 0)
            (void)snprintf(letter, sizeof letter, " -%c, ", row->letter);
        (void)snprintf(head, sizeof head, "\n %s--%s%s%s", letter, row->name,
                       row->argument != NULL && row->argument[0] != '[' ? " " : "",
                       row->argument != NULL ? row->argument : "");
        const char *at = strstr(text, head);
        row_assert(row->name, at != NULL);
        row_assert(row->name, has_words(at + strlen(head), row->help));
        if (row->standard != NULL)
            (void)snprintf(standard, sizeof standard, "(default: %s)", row->standard);
        row_assert(row->name, strstr(at, standard) != NULL);
    }
    free(text);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_row_lands_in_its_field),
        cmocka_unit_test(test_every_default_is_a_good_value),
        cmocka_unit_test(test_good_values),
        cmocka_unit_test(test_addresses_in_their_order),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_as_many_types_as_there_may_be),
        cmocka_unit_test(test_as_many_mounts_as_there_may_be),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_values_are_taken_as_they_are),
        cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_help_is_80_columns_wide),
        cmocka_unit_test(test_help_has_every_row),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
