#include "sys/steering.h"

#include "support/note.h"
#include "support/row.h"
#include "sys/socket.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INTERFACES_MAX = 4, CONNECTIONS = 32 };

/* An interface's address that this machine is to have. */
struct interface {
    const char *name; /* NULL: there are no more */
    const char *address;
    unsigned flags;
    unsigned receive_queues;
    unsigned combined_queues; /* neither: the driver does not say */
};

#define UP (IFF_UP | IFF_RUNNING)
#define LO \
    { "lo", "127.0.0.1:0", UP | IFF_LOOPBACK, 0, 0 }
#define ETH0 \
    { "eth0", "192.0.2.1:0", UP, 0, 4 }

static const struct interface *interfaces; /* INTERFACES_MAX at most; NULL: what there is */
static int interfaces_error;               /* errno of getifaddrs(); 0: none */
static const char *cpus;   /* that this process may use, an 'x' for each; NULL: what there are */
static int affinity_error; /* errno of sched_getaffinity(); 0: none */
static cpu_set_t mine;     /* CPUs that it may really use, between tests */

int __wrap_getifaddrs(struct ifaddrs **list);
void __wrap_freeifaddrs(struct ifaddrs *list);
int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_ioctl(int fd, unsigned long request, struct ifreq *ifreq);

static struct address address_of(const char *text) {
    struct address address;
    struct err err = ERR_INIT;
    row_assert_number(text, address_parse(text, &address, &err), 0);
    return address;
}

static int deny(int error) {
    errno = error;
    return -1;
}

int __wrap_getifaddrs(struct ifaddrs **list) {
    static struct ifaddrs items[INTERFACES_MAX];
    static struct address addresses[INTERFACES_MAX];
    size_t count = 0;
    if (interfaces_error != 0)
        return deny(interfaces_error);
    for (; count < INTERFACES_MAX && interfaces[count].name != NULL; count++) {
        const struct interface *interface = &interfaces[count];
        items[count] = (struct ifaddrs){.ifa_name = (char *)(uintptr_t)interface->name,
                                        .ifa_flags = interface->flags};
        if (interface->address != NULL) {
            addresses[count] = address_of(interface->address);
            items[count].ifa_addr = &addresses[count].socket.any;
        }
        if (count > 0)
            items[count - 1].ifa_next = &items[count];
    }
    *list = count > 0 ? items : NULL;
    return 0;
}

void __wrap_freeifaddrs(struct ifaddrs *list) {
    (void)list;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
    if (affinity_error != 0)
        return deny(affinity_error);
    if (cpus == NULL)
        return __real_sched_getaffinity(pid, size, set);
    CPU_ZERO(set);
    for (size_t cpu = 0; cpus[cpu] != '\0'; cpu++) {
        if (cpus[cpu] == 'x')
            CPU_SET(cpu, set);
    }
    return 0;
}

int __wrap_ioctl(int fd, unsigned long request, struct ifreq *ifreq) {
    struct ethtool_channels *channels = (void *)ifreq->ifr_data;
    assert_true(fd >= 0);
    assert_int_equal(request, SIOCETHTOOL);
    assert_int_equal(channels->cmd, ETHTOOL_GCHANNELS);
    for (const struct interface *at = interfaces; at->name != NULL; at++) {
        if (strcmp(at->name, ifreq->ifr_name) != 0)
            continue;
        if (at->receive_queues + at->combined_queues == 0)
            return deny(EOPNOTSUPP);
        channels->rx_count = at->receive_queues;
        channels->tx_count = 64;
        channels->combined_count = at->combined_queues;
        channels->max_combined = 64;
        return 0;
    }
    return deny(ENODEV);
}

static int setup(void **state) {
    (void)state;
    interfaces_error = 0;
    affinity_error = 0;
    cpus = NULL;
    return __real_sched_getaffinity(0, sizeof mine, &mine);
}

static int teardown(void **state) {
    (void)state;
    return sched_setaffinity(0, sizeof mine, &mine);
}

static const struct {
    const char *name;
    const char *address;
    const char *cpus;
    size_t workers;
    struct interface interfaces[INTERFACES_MAX];
    bool fits;
} rows[] = {
    {"a worker, a CPU and a queue each", "192.0.2.1:80", "xxxx", 4, {LO, ETH0}, true},
    {"fewer workers than CPUs", "192.0.2.1:80", "xxxx", 3, {LO, ETH0}, false},
    {"more workers than CPUs", "192.0.2.1:80", "xxx", 4, {LO, ETH0}, false},
    {"one worker", "192.0.2.1:80", "x", 1, {LO, ETH0}, false},
    {"the first CPU is another's", "192.0.2.1:80", ".xxxx", 4, {LO, ETH0}, false},
    {"a CPU in the middle is another's", "192.0.2.1:80", "xx.xx", 4, {LO, ETH0}, false},
    {"the last CPUs are another's", "192.0.2.1:80", "xx..", 2, {LO, ETH0}, true},
    {"more queues than workers", "192.0.2.1:80", "xxx", 3, {LO, ETH0}, true},
    {"fewer queues than workers", "192.0.2.1:80", "xxxxx", 5, {LO, ETH0}, false},
    {"queues that only receive", "192.0.2.1:80", "xx", 2, {{"a", "192.0.2.1:0", UP, 2, 0}}, true},
    {"queues of both kinds", "192.0.2.1:80", "xxx", 3, {{"a", "192.0.2.1:0", UP, 1, 2}}, true},
    {"no word about queues", "192.0.2.1:80", "xx", 2, {{"a", "192.0.2.1:0", UP, 0, 0}}, false},
    {"a name cut short",
     "192.0.2.1:80",
     "xx",
     2,
     {{"sixteen characters", "192.0.2.1:0", UP, 0, 2}},
     false},
    {"loopback", "127.0.0.1:80", "xxxx", 4, {LO, ETH0}, false},
    {"loopback with queues",
     "127.0.0.1:80",
     "xx",
     2,
     {{"lo", "127.0.0.1:0", UP | IFF_LOOPBACK, 0, 2}},
     false},
    {"a loopback address elsewhere",
     "127.0.0.2:80",
     "xx",
     2,
     {LO, {"a", "127.0.0.2:0", UP, 0, 2}},
     false},
    {"another address on the loopback interface",
     "192.0.2.1:80",
     "xx",
     2,
     {LO, {"lo", "192.0.2.1:0", UP | IFF_LOOPBACK, 0, 2}},
     false},
    {"no interface has the address", "192.0.2.2:80", "xxxx", 4, {LO, ETH0}, false},
    {"no interface", "192.0.2.1:80", "xxxx", 4, {{0}}, false},
    {"it is down", "192.0.2.1:80", "xx", 2, {LO, {"a", "192.0.2.1:0", IFF_RUNNING, 0, 2}}, false},
    {"another is down", "0.0.0.0:80", "xx", 2, {{"a", "198.51.100.1:0", 0, 0, 0}, LO, ETH0}, true},
    {"two have it, the first has too few",
     "192.0.2.1:80",
     "xx",
     2,
     {{"a", "192.0.2.1:0", UP, 0, 1}, ETH0},
     false},
    {"two have it, the last has too few",
     "192.0.2.1:80",
     "xx",
     2,
     {ETH0, {"a", "192.0.2.1:0", UP, 0, 1}},
     false},
    {"another address has too few",
     "192.0.2.1:80",
     "xx",
     2,
     {ETH0, {"a", "192.0.2.2:0", UP, 0, 1}},
     true},
    {"wildcard, another address has too few",
     "0.0.0.0:80",
     "xx",
     2,
     {ETH0, {"a", "192.0.2.2:0", UP, 0, 1}},
     false},
    {"wildcard of IPv4, IPv6 has too few",
     "0.0.0.0:80",
     "xx",
     2,
     {ETH0, {"a", "[2001:db8::1]:0", UP, 0, 1}},
     true},
    {"wildcard of IPv6, IPv4 has too few",
     "[::]:80",
     "xx",
     2,
     {{"a", "[2001:db8::1]:0", UP, 0, 2}, {"b", "192.0.2.2:0", UP, 0, 1}},
     true},
    {"all, IPv4 has too few",
     "*:80",
     "xx",
     2,
     {{"a", "[2001:db8::1]:0", UP, 0, 2}, {"b", "192.0.2.2:0", UP, 0, 1}},
     false},
    {"all, IPv6 has too few", "*:80", "xx", 2, {ETH0, {"a", "[2001:db8::1]:0", UP, 0, 1}}, false},
    {"all, both have enough", "*:80", "xx", 2, {ETH0, {"a", "[2001:db8::1]:0", UP, 0, 2}}, true},
    {"all, none but loopback", "*:80", "xx", 2, {LO}, false},
    {"IPv6", "[2001:db8::1]:80", "xx", 2, {{"a", "[2001:db8::1]:0", UP, 0, 2}}, true},
    {"an interface without an address", "*:80", "xx", 2, {{"a", NULL, UP, 0, 1}, ETH0}, true},
};

static void test_fits(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct steering_facts facts = {
            .address = address_of(rows[i].address),
            .workers = rows[i].workers,
        };
        interfaces = rows[i].interfaces;
        cpus = rows[i].cpus;
        row_assert_number(rows[i].name, steering_learn(&facts, 0), 0);
        row_assert_number(rows[i].name, steering_fits(&facts), rows[i].fits);
    }
}

static void test_learning_fails(void **state) {
    (void)state;
    struct steering_facts facts = {.address = address_of("*:80"), .workers = 2};
    affinity_error = EINVAL; /* sched_getaffinity(2): more CPUs than fit into the set */
    assert_int_equal(steering_learn(&facts, 0), -EINVAL);
    affinity_error = 0;
    interfaces_error = ENOMEM;
    assert_int_equal(steering_learn(&facts, 0), -ENOMEM);
}

static void test_binding_fails(void **state) {
    (void)state;
    assert_int_equal(steering_bind(CPU_SETSIZE - 1), -EINVAL);
}

static int must_connect(const struct address *address) {
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &address->socket.any, address_len(address)), 0);
    assert_int_equal(send(fd, "x", 1, 0), 1); /* it is held back until then */
    return fd;
}

/* Returns which of the sockets has the connection. */
static size_t connect_once(const struct address *address, struct pollfd *sockets, size_t count) {
    size_t at = 0;
    struct peer peer;
    int client = must_connect(address);
    assert_int_equal(poll(sockets, count, 10000), 1);
    while (sockets[at].revents == 0)
        at++;
    (void)close(socket_accept(sockets[at].fd, &peer));
    (void)close(client);
    return at;
}

static void open_group(struct address *address, struct pollfd *sockets, size_t count) {
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++) {
        int fd = socket_listen(address, i == 0 ? SOCKET_FIRST : SOCKET_BESIDE, &err);
        assert_true(fd >= 0);
        sockets[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
}

static void test_attaching_fails(void **state) {
    (void)state;
    struct pollfd alone;
    struct address address = address_of("127.0.0.1:0");
    open_group(&address, &alone, 1);
    assert_int_equal(steering_attach(alone.fd), -EINVAL);
    assert_int_equal(steering_attach(-1), -EBADF);
    assert_int_equal(steering_spread(alone.fd, 1), -EINVAL);
    (void)close(alone.fd);
}

/* The CPU that receives them is the client's, which is always the same here. */
static void test_connections_from_this_machine_are_dealt_out(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:0", "0.0.0.0:0", "*:0"};
    assert_int_equal(steering_bind((size_t)sched_getcpu()), 0);
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct pollfd sockets[2];
        size_t counts[2] = {0, 0};
        struct address address = address_of(texts[i]);
        struct address target = address_of("127.0.0.1:0");
        open_group(&address, sockets, 2);
        address_set_port(&target, address_port(&address));
        assert_int_equal(steering_attach(sockets[1].fd), 0);
        for (int j = 0; j < CONNECTIONS; j++)
            counts[connect_once(&target, sockets, 2)]++;
        row_assert(texts[i], counts[0] > 0 && counts[1] > 0); /* but once in 2^31 times */
        (void)close(sockets[0].fd);
        (void)close(sockets[1].fd);
    }
}

/* Those that are not among the first get none, and the others all get some. */
static void test_connections_are_spread_over_the_first(void **state) {
    (void)state;
    enum { SOCKETS = 3 };
    struct pollfd sockets[SOCKETS];
    struct address address = address_of("127.0.0.1:0");
    open_group(&address, sockets, SOCKETS);
    for (size_t first = 1; first <= SOCKETS; first++) {
        size_t counts[SOCKETS] = {0};
        assert_int_equal(steering_spread(sockets[0].fd, first), 0);
        for (int i = 0; i < 2 * CONNECTIONS; i++)
            counts[connect_once(&address, sockets, SOCKETS)]++;
        for (size_t i = 0; i < SOCKETS; i++)
            assert_int_equal(counts[i] > 0, i < first); /* but by a rare chance: (2/3)^64 */
    }
    for (size_t i = 0; i < SOCKETS; i++)
        (void)close(sockets[i].fd);
}

static const struct {
    const char *name;
    size_t numbers[4];
    size_t count;
} choices[] = {
    {"one", {2}, 1},
    {"the ends", {0, 3}, 2},
    {"all but one", {0, 1, 3}, 3},
    {"all", {0, 1, 2, 3}, 4},
};

static bool is_chosen(size_t choice, size_t number) {
    for (size_t i = 0; i < choices[choice].count; i++) {
        if (choices[choice].numbers[i] == number)
            return true;
    }
    return false;
}

static void test_connections_are_spread_over_a_choice(void **state) {
    (void)state;
    enum { SOCKETS = 4 };
    struct pollfd sockets[SOCKETS];
    struct address address = address_of("127.0.0.1:0");
    open_group(&address, sockets, SOCKETS);
    for (size_t i = 0; i < ROWS_COUNT(choices); i++) {
        size_t counts[SOCKETS] = {0};
        assert_int_equal(steering_choose(sockets[0].fd, choices[i].numbers, choices[i].count), 0);
        for (int j = 0; j < 3 * CONNECTIONS; j++)
            counts[connect_once(&address, sockets, SOCKETS)]++;
        for (size_t j = 0; j < SOCKETS; j++) /* but by a rare chance */
            row_assert_number(choices[i].name, counts[j] > 0, is_chosen(i, j));
    }
    for (size_t i = 0; i < SOCKETS; i++)
        (void)close(sockets[i].fd);
}

static void test_choices_are_bounded(void **state) {
    (void)state;
    size_t numbers[STEERING_CHOICE_MAX + 1] = {0};
    struct pollfd sockets[2];
    struct address address = address_of("127.0.0.1:0");
    open_group(&address, sockets, 2);
    assert_int_equal(steering_choose(sockets[0].fd, numbers, 0), -EINVAL);
    assert_int_equal(steering_choose(sockets[0].fd, numbers, STEERING_CHOICE_MAX), 0);
    assert_int_equal(steering_choose(sockets[0].fd, numbers, STEERING_CHOICE_MAX + 1), -EINVAL);
    (void)close(sockets[0].fd);
    (void)close(sockets[1].fd);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_fits),
        test(test_learning_fails),
        test(test_attaching_fails),
        test(test_binding_fails),
        test(test_connections_from_this_machine_are_dealt_out),
        test(test_connections_are_spread_over_the_first),
        test(test_connections_are_spread_over_a_choice),
        test(test_choices_are_bounded),
    };
    return cmocka_run_group_tests_name("steering", tests, NULL, NULL);
}
