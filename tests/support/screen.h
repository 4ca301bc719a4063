/* What a terminal shows, beside what a document says that it shows. */
#pragma once

/* Makes the same what may differ from a document, in place: each number is 0 and may
 * stand for one worker or for several, blanks are one, CRs are gone, and so are the lines on the
 * walls around workers, which are up to the kernel and the user, and messages ("pronto: "), which
 * say what is missing of them. */
void screen_normalise(char *text);
