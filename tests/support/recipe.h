/* What a document says to type, and what is to come of it: docs/recipes.md and
 * docs/getting-started.md.
 *
 * A recipe is what stands below a heading. In it, an indented line that begins with "$ " is for the
 * shell, and the indented lines below it are what it prints, all of it. One shell has them all, so
 * that a "cd" holds. An indented block that begins with "# " and a path is that file.
 *
 * A command that begins with "pronto " or "build/pronto " starts a server, unless an option in it
 * asks for something that ends by itself. What stands below says where: if that begins with the
 * banner, the server is at a terminal, in the place of all earlier ones, and the lines are what the
 * terminal shows, all of it. Otherwise it is in the place of an earlier one that is not at a
 * terminal, and the lines are what it says on stderr sooner or later.
 *
 * An indented block that begins with neither is what the terminal shows next; in it, a line "^C" is
 * typed, and ends the server.
 *
 * What may vary: a line "..." stands for any number of lines, the home directory is /home/me, and
 * of what a terminal shows, numbers, blanks and the walls do not count (support/screen.h). */
#pragma once

#include "support/scene.h"

/* Follows the recipe below "## heading", or with NULL all of the document, in the tree of the
 * scene, which is the home directory, too, and has the binary under test as bin/pronto. Fails the
 * test where something is otherwise than the document says, or nothing was to be done. A server
 * that is not at a terminal runs on. Skips the rest, and says so, where there are no terminals. */
void recipe_follow(struct scene *scene, const char *document, const char *heading);

/* The headings of recipes in the document, each with a line feed; the caller frees it. */
char *recipe_headings(const char *document);
