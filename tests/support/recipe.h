/* What a document says to type, and what is to come of it: docs/recipes.md.
 *
 * A recipe is what stands below a heading. In it, an indented line that begins with "$ " is for the
 * shell, and the indented lines below it are what it prints, all of it. A line that begins with
 * "$ pronto " starts the server of the scene, in the place of an earlier one; what stands below is
 * what it says on stderr sooner or later. An indented block that begins with "# " and a path is
 * that file. */
#pragma once

#include "support/scene.h"

/* Follows the recipe below "## heading" in the tree of the scene, which is the home directory, too,
 * and has the binary under test as bin/pronto. Fails the test where something is otherwise than the
 * document says, or nothing was to be done. The server runs on. */
void recipe_follow(struct scene *scene, const char *document, const char *heading);

/* The headings of recipes in the document, each with a line feed; the caller frees it. */
char *recipe_headings(const char *document);
