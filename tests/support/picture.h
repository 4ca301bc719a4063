/* QR codes as pictures, and what a real decoder, zbarimg, reads in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { PICTURE_SIDE_MAX = 80, PICTURES_MAX = 64 };

/* Of modules, dark or light. */
struct picture {
    bool dark[PICTURE_SIDE_MAX][PICTURE_SIDE_MAX]; /* by row and column */
    int rows;
    int columns;
};

/* Reads lines of half blocks, as a terminal shows them: two rows of modules to a line, which are
 * dark where they have the colour of text, or with `reversed` where they do not. Blanks before a
 * line and colours do not count. It ends with an empty line. Fails the test where there is
 * something else. */
void picture_of_blocks(struct picture *picture, const char *text, bool reversed);

/* Writes it as a file (PGM), black on white. */
void picture_write(const struct picture *picture, const char *path);

/* What zbarimg reads in such files, a line for each; the caller frees it. Fails the test where it
 * finds nothing. */
char *picture_decode(const char *const paths[], size_t count);
