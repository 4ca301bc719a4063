/* A code is made in this order: the text as a bit stream, and behind it what corrects errors
 * (Reed-Solomon over GF(256)); patterns that readers look for; the stream, in a zigzag through
 * what is left; and a mask over it, of eight that are tried, so that nothing in it looks like those
 * patterns, or like large areas of one colour. Clauses are those of ISO/IEC 18004:2015. */
#include "base/qr.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CODEWORDS_MAX = 346, DATA_MAX = 216, CORRECTION_MAX = 26 };

/* Versions at level M (§7.5.1, tables 7 and 9; annex E). Data codewords are spread evenly over the
 * blocks; where that does not come out even, the last ones have one more. */
static const struct version {
    int codewords;  /* of data and correction */
    int correction; /* codewords of it in each block */
    int blocks;
    int alignment[3]; /* centres of alignment patterns, in both directions; 0: no more */
} versions[QR_VERSIONS + 1] = {
    [1] = {26, 10, 1, {0}},          [2] = {44, 16, 1, {6, 18}},
    [3] = {70, 26, 1, {6, 22}},      [4] = {100, 18, 2, {6, 26}},
    [5] = {134, 24, 2, {6, 30}},     [6] = {172, 16, 4, {6, 34}},
    [7] = {196, 18, 4, {6, 22, 38}}, [8] = {242, 22, 4, {6, 24, 42}},
    [9] = {292, 22, 5, {6, 26, 46}}, [10] = {346, 26, 5, {6, 28, 50}},
};

static int data_codewords(const struct version *version) {
    return version->codewords - version->correction * version->blocks;
}

/* Codewords */

struct stream {
    uint8_t bytes[CODEWORDS_MAX];
    int bits;
};

static void put_bits(struct stream *stream, unsigned value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        if ((value >> i & 1) != 0)
            stream->bytes[stream->bits / 8] |= (uint8_t)(0x80 >> stream->bits % 8);
        stream->bits++;
    }
}

/* Of the length, which follows the mode (§7.4.1, table 3). */
static int length_bits(int version) {
    return version < 10 ? 8 : 16;
}

static int choose_version(size_t len) {
    for (int version = 1; version <= QR_VERSIONS; version++) {
        size_t room = (size_t)data_codewords(&versions[version]) * 8;
        if (4 + (size_t)length_bits(version) + len * 8 <= room)
            return version;
    }
    return 0;
}

/* Byte mode (§7.4.5), a terminator, and padding (§7.4.9 to §7.4.10). */
static void put_data(struct stream *stream, int version, struct slice text) {
    const int room = data_codewords(&versions[version]);
    put_bits(stream, 4, 4);
    put_bits(stream, (unsigned)text.len, length_bits(version));
    for (size_t i = 0; i < text.len; i++)
        put_bits(stream, (unsigned char)text.ptr[i], 8);
    put_bits(stream, 0, 4); /* a text of bytes leaves 4 bits, or whole bytes more */
    for (int i = 0; stream->bits < room * 8; i++)
        put_bits(stream, i % 2 == 0 ? 0xec : 0x11, 8);
}

/* In GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1 (§7.5.2). */
static uint8_t multiply(uint8_t a, uint8_t b) {
    unsigned product = 0;
    for (int i = 7; i >= 0; i--) {
        product = product << 1 ^ (product >> 7) * 0x11d;
        product ^= (b >> i & 1) != 0 ? a : 0u;
    }
    return (uint8_t)product;
}

/* The product of (x - 2^i) for i < degree, without its first coefficient, which is 1 (annex A). */
static void make_generator(uint8_t generator[CORRECTION_MAX], int degree) {
    uint8_t root = 1;
    memset(generator, 0, (size_t)degree);
    generator[degree - 1] = 1;
    for (int i = 0; i < degree; i++) {
        for (int j = 0; j < degree; j++) {
            generator[j] = multiply(generator[j], root);
            if (j + 1 < degree)
                generator[j] ^= generator[j + 1];
        }
        root = multiply(root, 2);
    }
}

/* The remainder of the data by the generator. */
static void correct(const uint8_t *data, int len, const uint8_t *generator, int degree,
                    uint8_t correction[CORRECTION_MAX]) {
    memset(correction, 0, (size_t)degree);
    for (int i = 0; i < len; i++) {
        uint8_t factor = data[i] ^ correction[0];
        memmove(correction, correction + 1, (size_t)degree - 1);
        correction[degree - 1] = 0;
        for (int j = 0; j < degree; j++)
            correction[j] ^= multiply(generator[j], factor);
    }
}

/* Where a block starts among the data. */
static int block_start(const struct version *version, int block) {
    int len = data_codewords(version) / version->blocks;
    int longer = data_codewords(version) % version->blocks;
    int first_longer = version->blocks - longer;
    return block * len + (block > first_longer ? block - first_longer : 0);
}

/* Adds what corrects errors, and takes codewords of all blocks in turn (§7.6). */
static void interleave(const struct version *version, const uint8_t *data,
                       uint8_t codewords[CODEWORDS_MAX]) {
    uint8_t generator[CORRECTION_MAX];
    uint8_t correction[CORRECTION_MAX];
    const int shortest = data_codewords(version) / version->blocks;
    make_generator(generator, version->correction);
    for (int block = 0; block < version->blocks; block++) {
        const int start = block_start(version, block);
        const int len = block_start(version, block + 1) - start;
        for (int i = 0; i < shortest; i++)
            codewords[i * version->blocks + block] = data[start + i];
        if (len > shortest) /* these stand last, and end the last round */
            codewords[data_codewords(version) - version->blocks + block] = data[start + shortest];
        correct(data + start, len, generator, version->correction, correction);
        for (int i = 0; i < version->correction; i++)
            codewords[data_codewords(version) + i * version->blocks + block] = correction[i];
    }
}

/* Patterns */

static void fix(struct qr *qr, int row, int column, bool dark) {
    if (row < 0 || column < 0 || row >= qr->size || column >= qr->size)
        return;
    qr->dark[row][column] = dark;
    qr->fixed[row][column] = true;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* How many steps it is to a module, when diagonal ones count as one. */
static int distance(int rows, int columns) {
    return larger(abs(rows), abs(columns));
}

/* A finder and the separator around it (§6.3.3 to §6.3.4). */
static void put_finder(struct qr *qr, int row, int column) {
    for (int i = -4; i <= 4; i++) {
        for (int j = -4; j <= 4; j++) {
            int ring = distance(i, j);
            fix(qr, row + i, column + j, ring != 2 && ring != 4);
        }
    }
}

static void put_alignment(struct qr *qr, int row, int column) {
    for (int i = -2; i <= 2; i++) {
        for (int j = -2; j <= 2; j++)
            fix(qr, row + i, column + j, distance(i, j) != 1);
    }
}

/* Everywhere but on the finders (§6.3.6). */
static void put_alignments(struct qr *qr, const int centres[3]) {
    const int last = qr->size - 7;
    for (int i = 0; i < 3 && centres[i] != 0; i++) {
        for (int j = 0; j < 3 && centres[j] != 0; j++) {
            bool on_finder = (centres[i] == 6 && (centres[j] == 6 || centres[j] == last)) ||
                             (centres[i] == last && centres[j] == 6);
            if (!on_finder)
                put_alignment(qr, centres[i], centres[j]);
        }
    }
}

/* What is left when the value, shifted to make room for it, is divided by the polynomial. */
static unsigned remainder_of(unsigned value, unsigned polynomial, int degree) {
    unsigned left = value;
    for (int i = 0; i < degree; i++)
        left = left << 1 ^ (left >> (degree - 1)) * polynomial;
    return left;
}

/* The level, which is 0 for M, and the mask, twice (§7.9). */
static void put_format(struct qr *qr, unsigned mask) {
    const unsigned bits = (mask << 10 | remainder_of(mask, 0x537, 10)) ^ 0x5412;
    const int size = qr->size;
    for (int i = 0; i < 15; i++) {
        bool dark = (bits >> i & 1) != 0;
        int place = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i; /* past the timing pattern */
        fix(qr, place, 8, dark);
        place = i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i;
        fix(qr, 8, place, dark);
    }
    fix(qr, size - 8, 8, true);
}

/* From version 7 on, twice (§7.10). */
static void put_version(struct qr *qr, int version) {
    const unsigned number = (unsigned)version;
    const unsigned bits = number << 12 | remainder_of(number, 0x1f25, 12);
    for (int i = 0; i < 18 && version >= 7; i++) {
        bool dark = (bits >> i & 1) != 0;
        int near = qr->size - 11 + i % 3;
        fix(qr, near, i / 3, dark);
        fix(qr, i / 3, near, dark);
    }
}

static void put_patterns(struct qr *qr, int version) {
    const int last = qr->size - 4;
    for (int i = 0; i < qr->size; i++) { /* timing (§6.3.5) */
        fix(qr, 6, i, i % 2 == 0);
        fix(qr, i, 6, i % 2 == 0);
    }
    put_finder(qr, 3, 3);
    put_finder(qr, 3, last);
    put_finder(qr, last, 3);
    put_alignments(qr, versions[version].alignment);
    put_format(qr, 0);
    put_version(qr, version);
}

/* Upwards and downwards by turns, two columns at a time from the right, without the column of the
 * timing pattern (§7.7.3). What is behind the last codeword is light. */
static void put_codewords(struct qr *qr, const uint8_t *codewords, int count) {
    int bit = 0;
    bool upwards = true;
    for (int right = qr->size - 1; right > 0; right -= right == 8 ? 3 : 2, upwards = !upwards) {
        for (int i = 0; i < qr->size * 2; i++) {
            int row = upwards ? qr->size - 1 - i / 2 : i / 2;
            int column = right - i % 2;
            if (qr->fixed[row][column])
                continue;
            qr->dark[row][column] = bit < count * 8 && (codewords[bit / 8] >> (7 - bit % 8) & 1);
            bit++;
        }
    }
}

/* Masks */

enum { MASKS = 8 };

/* §7.8.2, table 10. */
static bool is_masked(unsigned mask, int row, int column) {
    const int product = row * column;
    const int results[MASKS] = {
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row / 2 + column / 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        ((row + column) % 2 + product % 3) % 2,
    };
    return results[mask] == 0;
}

/* Done twice, it is undone. */
static void apply_mask(struct qr *qr, unsigned mask) {
    for (int row = 0; row < qr->size; row++) {
        for (int column = 0; column < qr->size; column++)
            qr->dark[row][column] ^= !qr->fixed[row][column] && is_masked(mask, row, column);
    }
    put_format(qr, mask);
}

/* A module of a line, which is a row or a column. */
static bool module_at(const struct qr *qr, bool is_row, int line, int at) {
    return is_row ? qr->dark[line][at] : qr->dark[at][line];
}

/* Runs of five and more of a colour in a line (§7.8.3.1, N1). */
static int judge_runs(const struct qr *qr, bool is_row, int line) {
    int penalty = 0;
    int run = 1;
    for (int at = 1; at <= qr->size; at++) {
        if (at < qr->size &&
            module_at(qr, is_row, line, at) == module_at(qr, is_row, line, at - 1)) {
            run++;
            continue;
        }
        penalty += run >= 5 ? run - 2 : 0;
        run = 1;
    }
    return penalty;
}

/* What looks like a finder, with light modules on one side of it (N3). */
static int judge_finders(const struct qr *qr, bool is_row, int line) {
    enum { LENGTH = 11, BEFORE = 0x5d, BEHIND = 0x5d << 4 };
    int penalty = 0;
    unsigned last = 0;
    for (int at = 0; at < qr->size; at++) {
        last = (last << 1 | (module_at(qr, is_row, line, at) ? 1u : 0u)) & ((1u << LENGTH) - 1);
        if (at >= LENGTH - 1 && (last == BEFORE || last == BEHIND))
            penalty += 40;
    }
    return penalty;
}

/* Squares of 2 by 2 modules of a colour (N2). */
static int judge_squares(const struct qr *qr) {
    int penalty = 0;
    for (int row = 1; row < qr->size; row++) {
        for (int column = 1; column < qr->size; column++) {
            bool dark = qr->dark[row][column];
            penalty += dark == qr->dark[row - 1][column] && dark == qr->dark[row][column - 1] &&
                               dark == qr->dark[row - 1][column - 1]
                           ? 3
                           : 0;
        }
    }
    return penalty;
}

/* How far the share of dark modules is from a half, in steps of 5 % (N4). */
static int judge_balance(const struct qr *qr) {
    const int total = qr->size * qr->size;
    int dark = 0;
    for (int row = 0; row < qr->size; row++) {
        for (int column = 0; column < qr->size; column++)
            dark += qr->dark[row][column] ? 1 : 0;
    }
    return abs(dark * 20 - total * 10) / total * 10;
}

static int judge(const struct qr *qr) {
    int penalty = judge_squares(qr) + judge_balance(qr);
    for (int line = 0; line < qr->size; line++) {
        penalty += judge_runs(qr, true, line) + judge_runs(qr, false, line);
        penalty += judge_finders(qr, true, line) + judge_finders(qr, false, line);
    }
    return penalty;
}

static unsigned choose_mask(struct qr *qr) {
    unsigned best = 0;
    int least = INT32_MAX;
    for (unsigned mask = 0; mask < MASKS; mask++) {
        apply_mask(qr, mask);
        int penalty = judge(qr);
        if (penalty < least) {
            least = penalty;
            best = mask;
        }
        apply_mask(qr, mask);
    }
    return best;
}

bool qr_make(struct qr *qr, struct slice text) {
    struct stream data = {.bits = 0};
    uint8_t codewords[CODEWORDS_MAX] = {0};
    const int version = choose_version(text.len);
    if (version == 0)
        return false;
    memset(qr, 0, sizeof *qr);
    qr->size = 17 + 4 * version;
    put_data(&data, version, text);
    interleave(&versions[version], data.bytes, codewords);
    put_patterns(qr, version);
    put_codewords(qr, codewords, versions[version].codewords);
    apply_mask(qr, choose_mask(qr));
    return true;
}
