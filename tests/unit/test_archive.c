/* Archives of trees that hold still: what other programs make of them, and that any stretch of one
 * is what it is in the whole. */
#include "store/archive.h"

#include "store/pax.h"
#include "support/archived.h"
#include "support/note.h"
#include "support/odd_names.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

/* The size that every file is said to have, or 0: its own. */
static off_t pretended_size;

int __real_fstatat(int fd, const char *path, struct stat *stat, int flags);
int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags);

int __wrap_fstatat(int fd, const char *path, struct stat *stat, int flags) {
    int result = __real_fstatat(fd, path, stat, flags);
    if (pretended_size > 0 && S_ISREG(stat->st_mode))
        stat->st_size = pretended_size;
    return result;
}

static int setup(void **state) {
    (void)state;
    pretended_size = 0;
    archived_make_tree();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    archived_end();
    return 0;
}

static void serve(void) {
    archived_serve(false, BENEATH_LINKS_INSIDE);
}

static void set_time(const char *name, int64_t s, long ns) {
    const struct timespec times[2] = {{0, 0}, {s, ns}};
    row_assert_number(name, utimensat(AT_FDCWD, tree_path(&archived.tree, name), times, 0), 0);
}

/* Unpacking */

/* Files of all sizes around blocks and pieces, modes, times, and every odd name. */
static void make_odd_tree(void) {
    static const unsigned modes[] = {0644, 0600, 0444, 0755, 0777, 0640};
    char name[PATH_MAX];
    for (size_t i = 0; i < ODD_NAMES_COUNT; i++) {
        size_t len = (size_t)snprintf(name, sizeof name, "odd/%s", odd_names[i]);
        bool is_directory = name[len - 1] == '/';
        if (is_directory) {
            name[len - 1] = '\0';
            tree_directory(&archived.tree, name);
        } else {
            tree_file(&archived.tree, name, i, i * 7 % 1500);
        }
        tree_mode(&archived.tree, name, is_directory ? 0750 : modes[i % ROWS_COUNT(modes)]);
    }
    static const size_t sizes[] = {0,     1,     511,   512,   513,   1024,      14847,
                                   14848, 14849, 16383, 16384, 16385, 40 * 1024, 300001};
    for (size_t i = 0; i < ROWS_COUNT(sizes); i++) {
        (void)snprintf(name, sizeof name, "odd/sizes/%zu", sizes[i]);
        tree_file(&archived.tree, name, sizes[i], sizes[i]);
    }
}

static void make_times(void) {
    tree_text(&archived.tree, "odd/times/old", "1969");
    tree_text(&archived.tree, "odd/times/epoch", "1970");
    tree_text(&archived.tree, "odd/times/whole", "2001");
    tree_text(&archived.tree, "odd/times/odd", "2026");
    tree_text(&archived.tree, "odd/times/far", "2300");
    set_time("odd/times/old", -1000,
             0); /* libarchive takes fractions before the epoch for later ones */
    set_time("odd/times/epoch", 0, 0);
    set_time("odd/times/whole", 1000000000, 0);
    set_time("odd/times/odd", 1790000000, 987654321);
    set_time("odd/times/far", 10413792000, 1);
    set_time("odd/times", 1234567890, 987654321);
    set_time("odd/empty", 1234567891, 1);
    set_time("odd", 1234567892, 100);
}

static void write_archive(const struct tree *to, const struct taken *taken) {
    int fd = open(tree_path(to, "archive.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    for (size_t at = 0; at < taken->len;) {
        ssize_t written = write(fd, taken->bytes + at, taken->len - at);
        assert_true(written > 0);
        at += (size_t)written;
    }
    (void)close(fd);
}

static void check_content(const char *a, const char *b) {
    char bytes_a[4096];
    char bytes_b[4096];
    int fd_a = open(a, O_RDONLY | O_CLOEXEC);
    int fd_b = open(b, O_RDONLY | O_CLOEXEC);
    row_assert(a, fd_a >= 0 && fd_b >= 0);
    ssize_t len = 1;
    while (len > 0) {
        len = read(fd_a, bytes_a, sizeof bytes_a);
        row_assert_number(a, read(fd_b, bytes_b, sizeof bytes_b), len);
        row_assert(a, len <= 0 || memcmp(bytes_a, bytes_b, (size_t)len) == 0);
    }
    (void)close(fd_a);
    (void)close(fd_b);
}

static struct comparison {
    size_t from_len; /* of the path that is replaced by `to` */
    const char *to;
    size_t count;
    bool times_to_ns;
    bool composes;
} comparison;

static int compare_one(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    char other[2 * PATH_MAX];
    struct stat got;
    (void)kind;
    (void)place;
    comparison.count++;
    if (comparison.composes && strstr(path, "decomposed ") != NULL)
        return 0;
    (void)snprintf(other, sizeof other, "%s%s", comparison.to, path + comparison.from_len);
    row_assert_number(other, lstat(other, &got), 0);
    row_assert_number(path, got.st_mode, stat->st_mode);
    row_assert_number(path, got.st_mtim.tv_sec, stat->st_mtim.tv_sec);
    if (comparison.times_to_ns)
        row_assert_number(path, got.st_mtim.tv_nsec, stat->st_mtim.tv_nsec);
    if (S_ISREG(stat->st_mode))
        check_content(path, other);
    return 0;
}

/* Runs a program in a directory and returns its exit code; 127: there is none. */
static int run(const char *directory, const char *const argv[]) {
    const struct process_options options = {.directory = directory};
    struct process process = PROCESS_INIT;
    process_start(&process, &options, argv);
    assert_true(process_wait(&process, 60000));
    int code = process_exit_code(&process);
    char *text = process_text(process.err_fd);
    if (code != 0 && code != 127)
        print_message("%s\n", text);
    free(text);
    process_deinit(&process);
    return code;
}

/* Programs that unpack the archive.tar of the directory they run in. */
static const struct reader {
    const char *name;
    bool times_to_ns; /* Python's times are floating-point numbers */
    bool composes;    /* libarchive puts UTF-8 into a normal form */
    const char *argv[8];
} readers[] = {
    {"tar", true, false, {"tar", "-xpf", "archive.tar", NULL}},
    {"bsdtar", true, true, {"bsdtar", "-xpf", "archive.tar", NULL}},
    {"python3",
     false,
     false,
     {"python3", "-c", "import tarfile; tarfile.open('archive.tar').extractall()", NULL}},
};

/* Fails unless all that is in one directory is in the other, too. Returns how many names. */
static size_t compare(const char *from, const char *to, const struct reader *reader) {
    comparison = (struct comparison){strlen(from), to, 0, reader->times_to_ns, reader->composes};
    assert_int_equal(nftw(from, compare_one, 16, FTW_PHYS), 0);
    return comparison.count;
}

static void check_reader(const struct reader *reader, const struct taken *taken) {
    struct tree to = TREE_INIT;
    char from[PATH_MAX];
    (void)snprintf(from, sizeof from, "%s", tree_path(&archived.tree, "odd"));
    tree_make(&to);
    write_archive(&to, taken);
    int code = run(to.path, reader->argv);
    if (code == 127) {
        note_cannot_test("what %s unpacks, since it is not here", reader->name);
    } else {
        const char *unpacked = tree_path(&to, "odd");
        row_assert_number(reader->name, code, 0);
        size_t count = compare(from, unpacked, reader);
        row_assert_number(reader->name, compare(unpacked, from, reader), count);
        row_assert(reader->name, count > ODD_NAMES_COUNT);
    }
    tree_remove(&to);
}

static void test_others_unpack_it(void **state) {
    (void)state;
    struct taken taken;
    (void)setenv("LC_ALL", "C.UTF-8", 1); /* what libarchive takes names for */
    make_odd_tree();
    make_times();
    serve();
    archived_plan("odd");
    taken_whole(&taken);
    for (size_t i = 0; i < ROWS_COUNT(readers); i++)
        check_reader(&readers[i], &taken);
    taken_free(&taken);
}

/* Stretches */

static uint64_t random_below(uint64_t bound) {
    return ((uint64_t)random() << 31 | (uint64_t)random()) % bound;
}

static void check_stretch(const struct taken *whole, uint64_t first, uint64_t len) {
    char row[64];
    struct taken taken;
    (void)snprintf(row, sizeof row, "%llu bytes from %llu on", (unsigned long long)len,
                   (unsigned long long)first);
    archive_seek(archived.archive, first, len);
    taken_all(&taken, (size_t)len);
    row_assert_number(row, taken.outcome, STREAM_END);
    row_assert_number(row, taken.len, len);
    row_assert(row, len == 0 || memcmp(taken.bytes, whole->bytes + first, (size_t)len) == 0);
    taken_free(&taken);
}

static void test_any_stretch_is_as_in_the_whole(void **state) {
    (void)state;
    struct taken whole;
    make_odd_tree();
    serve();
    archived_plan("odd");
    taken_whole(&whole);
    srandom(20261121);
    for (int i = 0; i < 300; i++) {
        uint64_t first = random_below(whole.len + 1);
        uint64_t most = i % 3 == 0 ? 2000 : whole.len;
        uint64_t left = whole.len - first;
        check_stretch(&whole, first, random_below((left < most ? left : most) + 1));
        check_stretch(&whole, first, left); /* as a download is resumed */
    }
    check_stretch(&whole, 0, 0);
    check_stretch(&whole, whole.len, 0);
    check_stretch(&whole, whole.len - 1, 1);
    check_stretch(&whole, 0, whole.len);
    taken_free(&whole);
}

/* Of a small one, every stretch of one byte, and every end. */
static void test_every_byte(void **state) {
    (void)state;
    struct taken whole;
    tree_text(&archived.tree, "a", "12345");
    tree_text(&archived.tree, "b", "");
    tree_directory(&archived.tree, "c");
    serve();
    archived_plan("");
    taken_whole(&whole);
    for (uint64_t first = 0; first < whole.len; first++) {
        check_stretch(&whole, first, 1);
        if (first % 64 == 0)
            check_stretch(&whole, first, whole.len - first);
    }
    taken_free(&whole);
}

/* What is taken of one is what is taken of another, pieces left in the middle or not. */
static void test_a_seek_in_the_middle(void **state) {
    (void)state;
    struct taken whole;
    struct taken some = {.room = 0};
    tree_file(&archived.tree, "big", 1, 100000);
    serve();
    archived_plan("");
    taken_whole(&whole);
    archive_seek(archived.archive, 0, whole.len);
    (void)taken_next(&some); /* the header; the file is open */
    check_stretch(&whole, 5000, 20000);
    archive_seek(archived.archive, 0, whole.len);
    (void)taken_next(&some);
    taken_free(&whole);
}

/* Layout */

/* The member at an offset: where the next one is, and its path. */
static uint64_t member_at(const struct taken *taken, uint64_t at, char *type, char path[512]) {
    const char *block = taken->bytes + at;
    size_t size = strtoul(block + 124, NULL, 8);
    *type = block[156];
    (void)snprintf(path, 512, "%.155s%s%.100s", block + 345, block[345] != '\0' ? "/" : "", block);
    return at + 512 + (*type == '5' ? 0 : pax_padded(size));
}

/* The paths of all members, each with a newline behind it. */
static const char *list(const struct taken *taken) {
    static char text[4096];
    size_t len = 0;
    uint64_t at = 0;
    char path[512];
    char type;
    text[0] = '\0';
    while (taken->bytes[at] != '\0') {
        at = member_at(taken, at, &type, path);
        if (type != 'x')
            len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", path);
        assert_in_range(len, 0, sizeof text - 1);
    }
    assert_int_equal(taken->len - at, PAX_END_BYTES);
    for (; at < taken->len; at++)
        assert_int_equal(taken->bytes[at], '\0');
    return text;
}

static const char *list_all(const char *path) {
    struct taken taken;
    archived_plan(path);
    taken_whole(&taken);
    const char *text = list(&taken);
    taken_free(&taken);
    return text;
}

static void test_members_are_in_order(void **state) {
    (void)state;
    tree_text(&archived.tree, "site/b/2", "");
    tree_text(&archived.tree, "site/b/1", "x");
    tree_text(&archived.tree, "site/b.txt", "");
    tree_text(&archived.tree, "site/a", "");
    tree_text(&archived.tree, "site/B", "");
    tree_text(&archived.tree, "site/b/d/e/f", "");
    tree_directory(&archived.tree, "site/empty");
    serve();
    assert_string_equal(list_all("site"),
                        "site/\nsite/B\nsite/a\nsite/b/\nsite/b/1\nsite/b/2\nsite/b/d/\n"
                        "site/b/d/e/\nsite/b/d/e/f\nsite/b.txt\nsite/empty/\n");
    assert_string_equal(list_all("site/b/d"), "d/\nd/e/\nd/e/f\n");
    assert_string_equal(list_all("site/empty"), "empty/\n");
}

static void test_the_root_has_the_name_that_is_given(void **state) {
    (void)state;
    tree_text(&archived.tree, "f", "");
    serve();
    assert_string_equal(list_all(""), "root/\nroot/f\n");
}

static void test_an_empty_directory_with_whole_seconds(void **state) {
    (void)state;
    tree_directory(&archived.tree, "d");
    set_time("d", 1000000000, 0);
    serve();
    archived_plan("d");
    assert_int_equal(archive_length(archived.archive), 512 + 1024);
}

/* Every small file costs one call for all of them together, a large one two for itself. */
static void test_small_files_share_pieces(void **state) {
    (void)state;
    struct taken taken;
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%02d", i);
        tree_file(&archived.tree, name, 1, 100);
    }
    serve();
    archived_plan("");
    taken_whole(&taken);
    assert_int_equal(taken.files, 0);
    assert_in_range(taken.pieces, 2, taken.len / STREAM_PIECE_BYTES * 2);
    taken_free(&taken);
    tree_file(&archived.tree, "large", 1, STREAM_PIECE_BYTES + 1);
    archived_plan("");
    taken_whole(&taken);
    assert_int_equal(taken.files, 1);
    taken_free(&taken);
}

/* More than ustar's fields hold, and nothing of it read. */
static void test_a_sparse_file_of_9_gib(void **state) {
    (void)state;
    static const char size_record[] = "19 size=9663676417\n";
    const uint64_t size = (uint64_t)9 << 30 | 1;
    struct taken taken;
    tree_text(&archived.tree, "large", "");
    tree_text(&archived.tree, "z", "behind it");
    assert_int_equal(truncate(tree_path(&archived.tree, "large"), (off_t)size), 0);
    set_time("large", 1, 0);
    set_time("z", 1, 0);
    set_time("", 1, 0);
    serve();
    archived_plan("");
    uint64_t length = 512 + (512 + 512 + 512) + pax_padded(size) + (512 + 512) + 1024;
    assert_int_equal(archive_length(archived.archive), length);
    taken_all(&taken, 2048);
    assert_int_equal(taken.outcome, STREAM_END);
    assert_int_equal(taken.len, length);
    assert_int_equal(taken.files, 1);
    assert_memory_equal(taken.bytes + 1024, size_record, sizeof size_record - 1);
    taken_free(&taken);
    archive_seek(archived.archive, length - 2048, 2048);
    taken_all(&taken, 2048);
    assert_string_equal(taken.bytes, "root/z");
    assert_string_equal(taken.bytes + 512, "behind it");
    taken_free(&taken);
}

/* Together they are longer than a length can be. */
static void test_content_beyond_63_bits(void **state) {
    (void)state;
    tree_text(&archived.tree, "a", "");
    tree_text(&archived.tree, "b", "");
    serve();
    pretended_size = INT64_MAX / 2 - 4000;
    archived_plan("");
    assert_in_range(archive_length(archived.archive), INT64_MAX - 8000, INT64_MAX);
    pretended_size = INT64_MAX / 2;
    assert_int_equal(archived_try(""), SURVEY_TOO_LARGE);
    pretended_size = INT64_MAX;
    assert_int_equal(archived_try(""), SURVEY_TOO_LARGE);
}

/* Validators */

static const char *etag(void) {
    static char texts[2][ARCHIVE_ETAG_MAX + 1];
    static unsigned last;
    last = 1 - last;
    struct buf buf = BUF_INIT(texts[last], sizeof texts[last]);
    archive_etag(archived.archive, &buf);
    assert_false(buf.overflow);
    assert_in_range(buf.len, 5, ARCHIVE_ETAG_MAX);
    buf_put_char(&buf, '\0');
    return texts[last];
}

static void rename_in_tree(const char *from, const char *to) {
    assert_int_equal(rename(tree_path(&archived.tree, from), tree_path(&archived.tree, to)), 0);
}

static void change_mode(void) {
    tree_mode(&archived.tree, "d/f", 0600);
}

static void change_size(void) {
    tree_text(&archived.tree, "d/f", "longer");
    set_time("d/f", 1, 0);
}

static void change_time(void) {
    set_time("d/f", 1, 1);
}

static void change_directory(void) {
    set_time("d", 2, 0);
}

static void change_name(void) {
    rename_in_tree("d/f", "d/g");
    set_time("d", 1, 0);
}

/* Another file of the same name, size, mode and time. */
static void change_inode(void) {
    tree_text(&archived.tree, "g", "text");
    set_time("g", 1, 0);
    rename_in_tree("g", "d/f");
    set_time("d", 1, 0);
}

static void add_file(void) {
    tree_text(&archived.tree, "d/g", "");
    set_time("d/g", 1, 0);
    set_time("d", 1, 0);
}

static void change_nothing(void) {
    tree_text(&archived.tree, "beside", "what is not in it");
}

static const struct {
    const char *name;
    void (*change)(void);
    bool differs;
} changes[] = {
    {"nothing", change_nothing, false},    {"mode", change_mode, true},
    {"size", change_size, true},           {"time", change_time, true},
    {"directory", change_directory, true}, {"name", change_name, true},
    {"inode", change_inode, true},         {"one more", add_file, true},
};

static void test_etag(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(changes); i++) {
        tree_text(&archived.tree, "d/f", "text");
        set_time("d/f", 1, 0);
        set_time("d", 1, 0);
        serve();
        archived_plan("d");
        const char *before = etag();
        changes[i].change();
        archived_plan("d");
        const char *after = etag();
        row_assert_number(changes[i].name, strcmp(before, after) != 0, changes[i].differs);
        row_assert(changes[i].name, after[0] == '"' && after[strlen(after) - 1] == '"');
        archived_end();
        archived_make_tree();
    }
}

int main(void) {
#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        test(test_others_unpack_it),
        test(test_any_stretch_is_as_in_the_whole),
        test(test_every_byte),
        test(test_a_seek_in_the_middle),
        test(test_members_are_in_order),
        test(test_the_root_has_the_name_that_is_given),
        test(test_an_empty_directory_with_whole_seconds),
        test(test_small_files_share_pieces),
        test(test_a_sparse_file_of_9_gib),
        test(test_content_beyond_63_bits),
        test(test_etag),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
