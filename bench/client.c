#include "client.h"

#include "base/number.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const uint64_t number_max = 10000000;

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

_Noreturn void fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

void *take_memory(void *old, size_t count, size_t size) {
    void *memory = reallocarray(old, count, size);
    if (memory == NULL)
        fail("memory");
    return memory;
}

static bool read_value(const struct option_row *row) {
    uint64_t *number = row->value;
    struct err err;
    switch (row->kind) {
    case OPTION_ADDRESS:
        return address_parse(optarg, row->value, &err) == 0;
    case OPTION_TEXT:
        *(const char **)row->value = optarg;
        return true;
    case OPTION_NUMBER:
        return number_parse(slice_of_text(optarg), number_max, number);
    case OPTION_COUNT:
        return number_parse(slice_of_text(optarg), number_max, number) && *number > 0;
    case OPTION_FLAG:
        *(bool *)row->value = true;
        return true;
    }
    return false;
}

bool options_parse(int argc, char *argv[], const struct option_row *rows, size_t count) {
    struct option options[OPTIONS_MAX + 1] = {{0}};
    for (size_t i = 0; i < count; i++) {
        options[i].name = rows[i].name;
        options[i].has_arg = rows[i].kind == OPTION_FLAG ? no_argument : required_argument;
    }
    bool good = true;
    int index;
    for (int found; (found = getopt_long(argc, argv, "", options, &index)) != -1;)
        good &= found == 0 && read_value(&rows[index]);
    return good && optind == argc;
}

void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct address default_address(void) {
    struct address address;
    struct err err;
    if (address_parse("127.0.0.1:8080", &address, &err) < 0)
        abort();
    return address;
}

int open_socket(const struct address *address) {
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    return fd;
}

bool begin_connection(int fd, const struct address *address) {
    return connect(fd, &address->socket.any, address_len(address)) == 0 || errno == EINPROGRESS;
}

size_t make_request(const struct address *address, const char *path, const char *fields,
                    char request[REQUEST_MAX]) {
    char host[ADDRESS_TEXT_MAX];
    address_format(address, host);
    int length =
        snprintf(request, REQUEST_MAX, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, fields);
    if (length >= REQUEST_MAX) {
        errno = ENAMETOOLONG;
        fail("--path");
    }
    return (size_t)length;
}

/* Takes in a line of a head, without its end. Returns false where it does not suit a good answer.
 * A list of options in Connection is compared as a whole: servers send one. */
static bool read_field(struct slice line, struct answer *answer, bool *has_length) {
    struct slice name;
    if (!slice_cut(&line, ':', &name) || line.ptr == NULL)
        return false;
    struct slice value = slice_trim(line);
    if (slice_equal_nocase(name, SLICE("Connection")))
        answer->closes = slice_equal_nocase(value, SLICE("close"));
    if (slice_equal_nocase(name, SLICE("Transfer-Encoding")))
        return false;
    if (!slice_equal_nocase(name, SLICE("Content-Length")))
        return true;
    *has_length = true;
    return number_parse(value, UINT32_MAX, &answer->content_bytes);
}

enum answer_state answer_read(struct slice input, struct answer *answer) {
    const char *end = memmem(input.ptr, input.len, "\r\n\r\n", 4);
    if (end == NULL)
        return ANSWER_INCOMPLETE;
    if (!slice_starts_with(input, SLICE("HTTP/1.1 200 ")))
        return ANSWER_BAD;
    *answer = (struct answer){.head_bytes = (size_t)(end + 4 - input.ptr)};
    bool has_length = false;
    struct slice rest = slice_of(input.ptr, (size_t)(end + 1 - input.ptr));
    struct slice line;
    slice_cut(&rest, '\n', &line);
    while (slice_cut(&rest, '\n', &line))
        if (!read_field(slice_trim(slice_of(line.ptr, slice_find(line, '\r'))), answer,
                        &has_length))
            return ANSWER_BAD;
    return has_length ? ANSWER_GOOD : ANSWER_BAD;
}

void failures_add(struct failures *failures, const char *what) {
    if (failures->count++ == 0)
        failures->first = what;
}

void samples_add(struct samples *samples, uint64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room > 0 ? 2 * samples->room : 4096;
        samples->ns = take_memory(samples->ns, samples->room, sizeof *samples->ns);
    }
    samples->ns[samples->count++] = ns;
}

static int compare_ns(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

void samples_sort(struct samples *samples) {
    if (samples->count > 0)
        qsort(samples->ns, samples->count, sizeof *samples->ns, compare_ns);
}

/* In microseconds; the samples are sorted. */
static double percentile(const struct samples *samples, double share) {
    if (samples->count == 0)
        return 0;
    size_t at = (size_t)(share * (double)samples->count);
    return (double)samples->ns[at < samples->count ? at : samples->count - 1] / 1000;
}

void print_text_samples(const char *name, const struct samples *samples) {
    printf("%-12s p50 %.1f  p90 %.1f  p99 %.1f  max %.1f us\n", name, percentile(samples, 0.5),
           percentile(samples, 0.9), percentile(samples, 0.99), percentile(samples, 1));
}

void print_json_samples(const char *name, const struct samples *samples) {
    printf(", \"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}", name,
           percentile(samples, 0.5), percentile(samples, 0.9), percentile(samples, 0.99),
           percentile(samples, 1));
}

void print_text_failures(const struct failures *failures) {
    printf("; %llu failed%s%s\n", (unsigned long long)failures->count,
           failures->count > 0 ? ", the first: " : "", failures->count > 0 ? failures->first : "");
}

void print_json_failures(const struct failures *failures) {
    printf(", \"failed\": %llu, \"first_failure\": \"%s\"", (unsigned long long)failures->count,
           failures->count > 0 ? failures->first : "");
}

double rate_of(uint64_t count, uint64_t begin_ns, uint64_t end_ns) {
    return end_ns > begin_ns ? (double)count * (double)ns_per_s / (double)(end_ns - begin_ns) : 0;
}
