#include "support/picture.h"

#include "support/note.h"
#include "support/process.h"

#include <stdio.h>
#include <string.h>

enum { SCALE = 4, INDENT = 2 };

/* Which halves of a character have the colour of text. */
static const struct {
    const char *text;
    bool upper;
    bool lower;
} blocks[] = {
    {"\u2580", true, false},
    {"\u2584", false, true},
    {"\u2588", true, true},
    {" ", false, false},
};

/* "ESC [ ... m" at the start of a text. */
static size_t colour_len(const char *text) {
    return strncmp(text, "\x1b[", 2) == 0 ? strcspn(text, "m") + 1 : 0;
}

/* Reads one character into the place at the picture's last two rows; returns its length. */
static size_t read_block(struct picture *picture, const char *text, int column, bool reversed) {
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        size_t len = strlen(blocks[i].text);
        if (strncmp(text, blocks[i].text, len) != 0)
            continue;
        picture->dark[picture->rows][column] = blocks[i].upper != reversed;
        picture->dark[picture->rows + 1][column] = blocks[i].lower != reversed;
        return len;
    }
    fail_msg("this is no block: %.20s", text);
    return 0;
}

static size_t read_line(struct picture *picture, const char *text, bool reversed) {
    const char *at = text + INDENT;
    int column = 0;
    while (strchr("\r\n", *at) == NULL) {
        size_t colour = colour_len(at);
        at += colour;
        if (colour > 0)
            continue;
        assert_in_range(column, 0, PICTURE_SIDE_MAX - 1);
        at += read_block(picture, at, column++, reversed);
    }
    assert_true(picture->rows == 0 || column == picture->columns);
    picture->columns = column;
    return (size_t)(at - text);
}

void picture_of_blocks(struct picture *picture, const char *text, bool reversed) {
    memset(picture, 0, sizeof *picture);
    while (strncmp(text, "  ", INDENT) == 0) {
        assert_in_range(picture->rows, 0, PICTURE_SIDE_MAX - 2);
        text += read_line(picture, text, reversed);
        text += strspn(text, "\r");
        text += *text == '\n' ? 1 : 0;
        picture->rows += 2;
    }
    assert_true(picture->rows > 0);
}

void picture_write(const struct picture *picture, const char *path) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "P5\n%d %d\n255\n", picture->columns * SCALE, picture->rows * SCALE);
    for (int y = 0; y < picture->rows * SCALE; y++) {
        for (int x = 0; x < picture->columns * SCALE; x++)
            fputc(picture->dark[y / SCALE][x / SCALE] ? 0 : 255, file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Only QR codes are looked for: in the modules of one, there may be a bar code by chance. Where
 * there is no D-Bus, zbarimg complains, and does its work. */
char *picture_decode(const char *const paths[], size_t count) {
    const char *argv[PICTURES_MAX + 6] = {"zbarimg", "--quiet", "--raw", "-Sdisable",
                                          "-Sqrcode.enable"};
    int exit_code;
    assert_in_range(count, 1, PICTURES_MAX);
    memcpy(argv + 5, paths, count * sizeof *paths);
    char *text = process_run(argv, &exit_code);
    assert_int_equal(exit_code, 0);
    return text;
}
