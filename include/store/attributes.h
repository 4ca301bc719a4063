/* What a file's attributes tell of whether it has changed (stat(2)). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Whether they are those of the same file, unchanged as far as they tell. */
bool attributes_are_same(const struct stat *a, const struct stat *b);

/* Whether the content cannot have changed without a trace in them: a file that was written to
 * lately may have. */
bool attributes_are_settled(const struct stat *stat);

/* Whether the one was modified before the other. */
bool attributes_are_older(const struct stat *stat, const struct stat *other);
