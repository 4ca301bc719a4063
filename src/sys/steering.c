#include "sys/steering.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The queues that are in use. rtnetlink(7) knows how many were allocated, which may be more; and
 * /sys/class/net shows the interfaces of the network namespace that mounted it, not of ours. A
 * driver that does not say is taken to have one. */
static size_t count_queues(int fd, const char *interface) {
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (void *)&channels};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(fd, SIOCETHTOOL, &request) < 0)
        return 1;
    return (size_t)channels.rx_count + channels.combined_count;
}

void steering_count(struct steering_facts *facts, const struct ifaddrs *interface, size_t queues) {
    bool outside = (interface->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP;
    if (!outside || interface->ifa_addr == NULL ||
        !address_covers(&facts->address, interface->ifa_addr))
        return;
    if (facts->interfaces == 0 || queues < facts->queues_min)
        facts->queues_min = queues;
    facts->interfaces++;
}

int steering_learn(struct steering_facts *facts, int fd) {
    struct ifaddrs *interfaces = NULL;
    facts->interfaces = 0;
    facts->queues_min = 0;
    if (sched_getaffinity(0, sizeof facts->cpus, &facts->cpus) < 0)
        return -errno;
    if (getifaddrs(&interfaces) < 0)
        return -errno;
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next)
        steering_count(facts, at, count_queues(fd, at->ifa_name));
    freeifaddrs(interfaces);
    return 0;
}

/* Whether the CPUs are those from 0 to workers - 1. */
static bool has_cpu_each(const cpu_set_t *cpus, size_t workers) {
    if ((size_t)CPU_COUNT(cpus) != workers)
        return false;
    for (size_t cpu = 0; cpu < workers; cpu++) {
        if (!CPU_ISSET(cpu, cpus))
            return false;
    }
    return true;
}

bool steering_fits(const struct steering_facts *facts) {
    return facts->workers > 1 && has_cpu_each(&facts->cpus, facts->workers) &&
           !address_is_loopback(&facts->address) && facts->queues_min >= facts->workers;
}

/* Programs read what the kernel knows of the packet, not the packet; what they return is the index
 * of a socket. */
static int attach(int fd, struct sock_filter *choice, size_t len) {
    const struct sock_fprog program = {.len = (unsigned short)len, .filter = choice};
    int result = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
    return result < 0 ? -errno : 0;
}

int steering_attach(int fd) {
    enum { NO_SOCKET = 0xffff }; /* the hash decides */
    struct sock_filter choice[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_HATYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 2, 0), /* over two of them */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_CPU)),
        BPF_STMT(BPF_RET | BPF_A, 0),
        BPF_STMT(BPF_RET | BPF_K, NO_SOCKET),
    };
    return attach(fd, choice, sizeof choice / sizeof choice[0]);
}

/* By chance: a hash of the addresses is not always there to be read. The chance is taken once for a
 * connection, as its later packets find it by its addresses. */
int steering_spread(int fd, size_t count) {
    struct sock_filter choice[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (__u32)count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    return attach(fd, choice, sizeof choice / sizeof choice[0]);
}

int steering_choose(int fd, const size_t *numbers, size_t count) {
    struct sock_filter choice[2 + 2 * STEERING_CHOICE_MAX] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (__u32)count),
    };
    size_t len = 2;
    if (count == 0 || count > STEERING_CHOICE_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        const struct sock_filter is_other =
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)i, 0, 1); /* over what is returned */
        const struct sock_filter number = BPF_STMT(BPF_RET | BPF_K, (__u32)numbers[i]);
        if (i + 1 < count)
            choice[len++] = is_other;
        choice[len++] = number;
    }
    return attach(fd, choice, len);
}

int steering_bind(size_t cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return sched_setaffinity(0, sizeof cpus, &cpus) < 0 ? -errno : 0;
}
