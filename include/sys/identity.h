/* As whom a process runs: a user and groups (credentials(7)), from --user. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum { IDENTITY_GROUPS_MAX = 64 };

struct identity {
    bool given; /* else the process stays what it is */
    uid_t user;
    gid_t group;
    gid_t groups[IDENTITY_GROUPS_MAX]; /* besides */
    size_t group_count;
};

/* Finds whom `text`, USER or USER:GROUP, names; both may be numbers. USER alone has the groups that
 * `users` and `groups` say, files in the form of passwd(5) and group(5); with GROUP, that is the
 * only one. Returns 0, or -ENOENT, or -E2BIG for more groups than there is room, and a message. */
int identity_parse(struct identity *identity, const char *text, FILE *users, FILE *groups,
                   struct err *err);

/* The same, with /etc/passwd and /etc/group. These are read, and not getpwnam(3) asked, which would
 * load what it is configured to into the process that is root; so a user whom only a directory
 * service knows is named by numbers. */
int identity_find(struct identity *identity, const char *text, struct err *err);

/* Whether both are the same user with the same groups, or neither was given. */
bool identity_equal(const struct identity *a, const struct identity *b);

/* Makes the calling process that one, for good. Returns 0, or -errno and a message: only root can,
 * but for whom it is already. */
int identity_assume(const struct identity *identity, struct err *err);
