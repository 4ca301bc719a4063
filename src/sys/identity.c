#include "sys/identity.h"

#include "base/number.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* -1 stands for "no change" (setresuid(2)). */
static const uint64_t id_max = UINT32_MAX - 1;

static bool is_name(const char *name, struct slice wanted) {
    return slice_equal(slice_of_text(name), wanted);
}

/* Finding */

/* The user's entry, by name or number, or NULL; good until the file is read on. */
static const struct passwd *find_user(FILE *users, struct slice wanted) {
    const struct passwd *entry;
    uint64_t number = 0;
    bool is_number = number_parse(wanted, id_max, &number);
    rewind(users);
    while ((entry = fgetpwent(users)) != NULL) {
        if (is_name(entry->pw_name, wanted) || (is_number && entry->pw_uid == number))
            break;
    }
    return entry;
}

static bool find_group(FILE *groups, struct slice wanted, gid_t *group) {
    const struct group *entry;
    uint64_t number;
    if (number_parse(wanted, id_max, &number)) {
        *group = (gid_t)number;
        return true;
    }
    rewind(groups);
    while ((entry = fgetgrent(groups)) != NULL) {
        if (is_name(entry->gr_name, wanted)) {
            *group = entry->gr_gid;
            return true;
        }
    }
    return false;
}

static bool has_member(const struct group *group, struct slice user) {
    for (char **member = group->gr_mem; *member != NULL; member++) {
        if (is_name(*member, user))
            return true;
    }
    return false;
}

/* Adds the groups that say that the user is in them. */
static int add_groups(struct identity *identity, FILE *groups, struct slice user, struct err *err) {
    const struct group *entry;
    rewind(groups);
    while ((entry = fgetgrent(groups)) != NULL) {
        if (entry->gr_gid == identity->group || !has_member(entry, user))
            continue;
        if (identity->group_count == IDENTITY_GROUPS_MAX)
            return err_set(err, E2BIG, "is in more than %d groups; name one, as USER:GROUP",
                           IDENTITY_GROUPS_MAX);
        identity->groups[identity->group_count++] = entry->gr_gid;
    }
    return 0;
}

/* A number need not be in the file. */
static int take_user(struct identity *identity, struct slice user, bool has_group, FILE *users,
                     FILE *groups, struct err *err) {
    const struct passwd *entry = find_user(users, user);
    uint64_t number;
    if (entry != NULL) {
        identity->user = entry->pw_uid;
        identity->group = entry->pw_gid;
        return has_group ? 0 : add_groups(identity, groups, slice_of_text(entry->pw_name), err);
    }
    if (!number_parse(user, id_max, &number))
        return err_set(err, ENOENT, "is not in /etc/passwd (a number would do, as in 1000:1000)");
    if (!has_group)
        return err_set(err, ENOENT, "is not in /etc/passwd, so it needs a group, as in %llu:%llu",
                       (unsigned long long)number, (unsigned long long)number);
    identity->user = (uid_t)number;
    return 0;
}

int identity_parse(struct identity *identity, const char *text, FILE *users, FILE *groups,
                   struct err *err) {
    struct err reason = ERR_INIT;
    struct slice group = slice_of_text(text);
    struct slice user;
    *identity = (struct identity){.given = true};
    bool has_group = slice_find(group, ':') < group.len;
    (void)slice_cut(&group, ':', &user);
    int result = take_user(identity, user, has_group, users, groups, &reason);
    if (result < 0)
        return err_set(err, -result, "--user: user '%.*s' %s", (int)user.len, user.ptr,
                       reason.text);
    if (has_group && !find_group(groups, group, &identity->group))
        return err_set(err, ENOENT, "--user: group '%.*s' is not in /etc/group", (int)group.len,
                       group.ptr);
    return 0;
}

int identity_find(struct identity *identity, const char *text, struct err *err) {
    FILE *users = fopen("/etc/passwd", "re");
    FILE *groups = fopen("/etc/group", "re");
    int result = users != NULL && groups != NULL
                     ? identity_parse(identity, text, users, groups, err)
                     : err_set(err, ENOENT, "--user: /etc/passwd or /etc/group cannot be read: %s",
                               strerror(errno));
    if (users != NULL)
        (void)fclose(users);
    if (groups != NULL)
        (void)fclose(groups);
    return result;
}

/* Assuming */

static bool is_already(const struct identity *identity) {
    uid_t users[3] = {0};
    gid_t groups[3] = {0};
    bool same = getresuid(&users[0], &users[1], &users[2]) == 0 &&
                getresgid(&groups[0], &groups[1], &groups[2]) == 0;
    for (int i = 0; i < 3; i++)
        same &= users[i] == identity->user && groups[i] == identity->group;
    return same;
}

/* Whether a process that has left root, as far as it can tell, could be root again. */
static bool can_return(const struct identity *identity) {
    return identity->user != 0 && (setresuid(0, 0, 0) == 0 || seteuid(0) == 0);
}

bool identity_equal(const struct identity *a, const struct identity *b) {
    if (!a->given || !b->given)
        return a->given == b->given;
    return a->user == b->user && a->group == b->group && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof a->groups[0]) == 0;
}

int identity_assume(const struct identity *identity, struct err *err) {
    if (!identity->given || (is_already(identity) && geteuid() != 0))
        return 0;
    if (setgroups(identity->group_count, identity->groups) < 0 ||
        setresgid(identity->group, identity->group, identity->group) < 0 ||
        setresuid(identity->user, identity->user, identity->user) < 0)
        return err_set(err, errno, "cannot become the user that --user names: %s%s",
                       strerror(errno), errno == EPERM ? " (only root can)" : "");
    if (can_return(identity))
        return err_set(err, EPERM, "a worker could become root again in spite of --user");
    return 0;
}
