/* What a terminal shows, beside what a document says that it shows. */
#pragma once

/* Makes the same what may differ from a document, in place: each number is 0, several workers are
 * one, and so are several blanks; CRs are gone, and the lines on the walls around workers, which
 * are up to the kernel and the user, and messages ("pronto: "), which say what of them is missing.
 */
void screen_normalise(char *text);
