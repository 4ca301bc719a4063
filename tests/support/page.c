#include "support/page.h"

#include "support/note.h"
#include "support/user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct page_ask asks[] = {
    {"GET", "", "", false},    {"GET", "", "", true},  {"GET", "/.", "", false},
    {"GET", "", "?v=1", true}, {"HEAD", "", "", true}, {"GET", "/again", "", true},
};

const struct page_ask *page_ask_of(uint64_t number) {
    return &asks[number % (sizeof asks / sizeof asks[0])];
}

static void deinit_state(struct page_state *state) {
    free(state->bytes);
    *state = (struct page_state){0};
}

void page_deinit(struct page *page) {
    deinit_state(&page->now);
    deinit_state(&page->before);
}

/* Reads the file; what is none has the status of a directory. */
static int read_file(int fd, struct page_state *state, int dir_status) {
    if (fstat(fd, &state->stat) == 0 && S_ISREG(state->stat.st_mode)) {
        state->len = (size_t)state->stat.st_size;
        state->bytes = malloc(state->len + 1);
        assert_non_null(state->bytes);
        assert_int_equal(pread(fd, state->bytes, state->len, 0), state->len);
        state->bytes[state->len] = '\0';
        return 200;
    }
    state->stat = (struct stat){0};
    return dir_status;
}

static int look_at(const char *path, struct page_state *state, int dir_status) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 403 : 404;
    int status = read_file(fd, state, dir_status);
    (void)close(fd);
    return status;
}

static int look_for(const char *path, struct page_state *state) {
    static const char *const names[] = {"index.html", "index.htm"};
    char index[PATH_MAX + 16];
    size_t len = strlen(path);
    if (path[len - 1] != '/')
        return look_at(path, state, 301);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(index, sizeof index, "%s%s", path, names[i]);
        int status = look_at(index, state, 404);
        if (status != 404)
            return status;
    }
    return look_at(path, state, 403);
}

/* The site's own page of an error, where there is one. */
static void look_for_error_page(const char *root, struct page_state *state) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/404.html", root);
    (void)look_at(path, state, 404);
    state->stat = (struct stat){0};
}

/* Whether the file is, for all that a validator can tell, the same. */
static bool is_same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_same_state(const struct page_state *a, const struct page_state *b) {
    return a->status == b->status && is_same_file(&a->stat, &b->stat) && a->len == b->len &&
           (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

bool page_look(struct page *page, const char *root) {
    char path[PATH_MAX];
    struct page_state state = {0};
    (void)snprintf(path, sizeof path, "%s%s", root, page->target);
    (void)user_become_ordinary();
    state.status = look_for(path, &state);
    if (state.status == 404)
        look_for_error_page(root, &state);
    user_return();
    if (is_same_state(&state, &page->now)) {
        deinit_state(&state);
        return false;
    }
    deinit_state(&page->before);
    page->before = page->now;
    page->now = state;
    return true;
}

/* The ETag to ask with: one that the page had, and may not have now. */
static const char *former_etag(const struct page *page, const struct page_ask *ask) {
    bool is_other = page->now.status == 200 && !is_same_file(&page->before.stat, &page->now.stat);
    return ask->if_changed && is_other ? page->before.etag : "";
}

void page_send(const struct page *page, const struct page_ask *ask, struct client *client) {
    char target[256];
    char fields[128] = "";
    const char *etag = former_etag(page, ask);
    (void)snprintf(target, sizeof target, "%s%s%s", ask->prefix, page->target, ask->suffix);
    if (etag[0] != '\0')
        (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", etag);
    client_send_request(client, ask->method, target, fields);
}

static bool is_head(const struct page_ask *ask) {
    return strcmp(ask->method, "HEAD") == 0;
}

static bool shows(const struct page_state *state, const struct page_ask *ask,
                  const struct response *response) {
    if (response->status != state->status)
        return false;
    if (state->bytes == NULL) /* some page of the server's own */
        return true;
    if (strtoul(response_field(response, "Content-Length"), NULL, 10) != state->len)
        return false;
    return is_head(ask) || (response->body_len == state->len &&
                            memcmp(response->body, state->bytes, state->len) == 0);
}

/* The number in content that starts "#123 "; -1 where it has none. */
static long serial_of(const char *bytes, size_t len) {
    return len > 2 && bytes[0] == '#' ? strtol(bytes + 1, NULL, 10) : -1;
}

static bool is_stale(const struct page *page, const struct page_ask *ask,
                     const struct response *response) {
    /* A 304 says that what was before still is. */
    if (response->status == 304 || shows(&page->before, ask, response))
        return true;
    long serial = serial_of(response->body, response->body_len);
    return serial >= 0 && serial < serial_of(page->now.bytes, page->now.len);
}

__attribute__((noreturn)) static void fail_page(const struct page *page, const struct page_ask *ask,
                                                const struct response *response,
                                                const char *context, const char *what) {
    const struct page_state *now = &page->now;
    fail_msg("%s: %s to %s %s%s%s: expected %d, %zu bytes '%.40s', ETag %s (before: %d, %zu bytes, "
             "ETag %s), got %zu bytes:\n%s%.80s",
             context, what, ask->method, ask->prefix, page->target, ask->suffix, now->status,
             now->len, now->bytes != NULL ? now->bytes : "", now->etag, page->before.status,
             page->before.len, page->before.etag, response->body_len, response->head,
             response->body);
    abort();
}

/* What is wrong with the validators of the content, or NULL. All answers have the same. */
static const char *judge_validators(struct page *page, const struct response *response) {
    struct page_state *now = &page->now;
    const char *etag = response_field(response, "ETag");
    if (etag == NULL || strlen(etag) >= sizeof now->etag)
        return "no usable ETag";
    if (now->etag[0] == '\0')
        (void)snprintf(now->etag, sizeof now->etag, "%s", etag);
    if (strcmp(etag, now->etag) != 0)
        return "another ETag than a former answer's";
    if (strcmp(etag, page->before.etag) == 0 && !is_same_file(&page->before.stat, &now->stat))
        return "a stale answer's ETag";
    /* The server's clock may be a little behind the file system's, and nothing is modified in the
     * future. */
    const char *modified = response_field(response, "Last-Modified");
    if (modified == NULL)
        return "no Last-Modified";
    long long late = now->stat.st_mtim.tv_sec - response_parse_date(modified);
    return late == 0 || late == 1 ? NULL : "another time in Last-Modified";
}

void page_read(struct page *page, const struct page_ask *ask, struct client *client,
               const char *context) {
    struct response response;
    client_read(client, is_head(ask), &response);
    const char *wrong = NULL;
    if (!shows(&page->now, ask, &response))
        wrong = is_stale(page, ask, &response) ? "stale answer" : "wrong answer";
    else if (page->now.status == 200)
        wrong = judge_validators(page, &response);
    if (wrong != NULL)
        fail_page(page, ask, &response, context, wrong);
    response_deinit(&response);
}
