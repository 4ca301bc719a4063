#include "sys/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    CONTENT = IN_MODIFY,
    NAME = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB,
    GONE = IN_DELETE_SELF | IN_MOVE_SELF,
};

int watch_open(struct watch *watch) {
    watch->at = 0;
    watch->len = 0;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return watch->fd < 0 ? -errno : 0;
}

void watch_close(struct watch *watch) {
    if (watch->fd >= 0)
        (void)close(watch->fd);
    watch->fd = -1;
    watch->len = 0;
}

/* Returns -EREMOTE where a directory is on a file system that other machines, or programs behind
 * it, change without this kernel's knowledge, 0 where it is not, or -errno where that is not known.
 * The numbers are those of statfs(2) and linux/magic.h, which does not have all of them. */
static int find_remote(int directory_fd) {
    static const unsigned long types[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB 2 */
        0x65735546, /* FUSE */
        0x01021997, /* 9P */
        0x00c36400, /* Ceph */
        0x5346414f, /* OpenAFS */
        0x6b414653, /* AFS */
        0x73757245, /* Coda */
        0x01161970, /* GFS2 */
        0x7461636f, /* OCFS2 */
        0x0bd00bd0, /* Lustre */
        0x20030528, /* OrangeFS */
        0x47504653, /* GPFS */
        0x19830326, /* BeeGFS */
        0xaad7aaea, /* PanFS */
        0x786f4256, /* shared folders of VirtualBox, */
        0xbacbacbc, /* of VMware */
        0x7c7c6673, /* and of Parallels */
    };
    struct statfs statfs;
    if (fstatfs(directory_fd, &statfs) < 0)
        return errno == ENOSYS ? -EREMOTE : -errno;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (((unsigned long)statfs.f_type & 0xffffffff) == types[i])
            return -EREMOTE;
    }
    return 0;
}

/* inotify takes paths only. This one leads to what is open, whatever its name is by now. */
int watch_add(struct watch *watch, int directory_fd) {
    char path[32];
    int result = find_remote(directory_fd);
    if (result < 0)
        return result;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", directory_fd);
    int descriptor =
        inotify_add_watch(watch->fd, path, CONTENT | NAME | GONE | IN_ONLYDIR | IN_EXCL_UNLINK);
    return descriptor < 0 ? -errno : descriptor;
}

void watch_remove(struct watch *watch, int descriptor) {
    (void)inotify_rm_watch(watch->fd, descriptor);
}

static enum watch_change change_of(uint32_t mask) {
    if ((mask & IN_Q_OVERFLOW) != 0)
        return WATCH_LOST;
    if ((mask & (GONE | IN_IGNORED | IN_UNMOUNT)) != 0)
        return WATCH_GONE;
    return (mask & NAME) != 0 ? WATCH_NAME : WATCH_CONTENT;
}

/* Reads more events; false where there are none, or the descriptor is of no use. */
static bool read_more(struct watch *watch) {
    ssize_t len;
    do
        len = read(watch->fd, watch->buffer, sizeof watch->buffer);
    while (len < 0 && errno == EINTR);
    watch->at = 0;
    watch->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

bool watch_next(struct watch *watch, struct watch_event *event) {
    struct inotify_event head;
    if (watch->len == 0 && !read_more(watch))
        return false;
    memcpy(&head, watch->buffer + watch->at, sizeof head);
    const char *name = watch->buffer + watch->at + sizeof head;
    *event = (struct watch_event){
        .change = change_of(head.mask),
        .descriptor = head.wd,
        .is_directory = (head.mask & IN_ISDIR) != 0,
        .name = slice_of(name, strnlen(name, head.len)),
    };
    watch->at += sizeof head + head.len;
    watch->len -= sizeof head + head.len;
    return true;
}
