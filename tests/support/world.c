#include "support/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CONTENT_MAX = 1 << 17, CONNECTIONS_EACH = 3, TRIES_MAX = 1000 };

static const size_t sizes[] = {60, 20000, 40000};

/* splitmix64 */
static uint64_t next_random(struct world *world) {
    uint64_t word = world->random += 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

size_t world_random(struct world *world, size_t limit) {
    return next_random(world) % limit;
}

uint64_t world_setting(const char *name, uint64_t otherwise) {
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static const char *join(const char *directory, const char *name) {
    static char paths[8][WORLD_PATH_MAX * 2];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

const char *world_inside(const struct spot *spot, const char *name) {
    return join(spot->inside, name);
}

const char *world_outside(const struct spot *spot, const char *name) {
    return join(spot->outside, name);
}

const char *world_content(struct world *world, size_t len) {
    static char content[CONTENT_MAX];
    assert_in_range(len, 0, sizeof content - 1);
    unsigned serial = ++world->serial;
    for (size_t i = 0; i < len; i++)
        content[i] = (char)('a' + (serial + i) % 26);
    char start[32];
    int start_len = snprintf(start, sizeof start, "#%u ", serial);
    memcpy(content, start, len < (size_t)start_len ? len : (size_t)start_len);
    return content;
}

bool world_write(struct world *world, const char *path, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    assert_int_equal(write(fd, world_content(world, len), len), len);
    (void)close(fd);
    return true;
}

off_t world_size(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0 && S_ISREG(stat.st_mode) ? stat.st_size : -1;
}

bool world_overwrite(struct world *world, const char *path, size_t len) {
    off_t size = world_size(path);
    int fd = size > 0 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return world_write(world, path, len);
    assert_int_equal(pwrite(fd, world_content(world, (size_t)size), (size_t)size, 0), size);
    (void)close(fd);
    return true;
}

static void require_directory(const char *path) {
    if ((mkdir(path, 0755) != 0 && errno != EEXIST) || chmod(path, 0755) != 0)
        fail_msg("mkdir %s: %s", path, strerror(errno));
}

/* A kind whose pages lie in the site itself has it for its directory. */
static void add_pages(struct spot *spot, const char *name) {
    for (size_t i = 0; i < WORLD_PAGES && spot->kind->targets[i] != NULL; i++) {
        const char *target = spot->kind->targets[i];
        struct page *page = &spot->pages[spot->page_count++];
        if (target[0] == '/')
            (void)snprintf(page->target, sizeof page->target, "%s", target);
        else
            (void)snprintf(page->target, sizeof page->target, "/%s/%s", name, target);
    }
}

static void add_spot(struct world *world, const struct tree *tree, const struct kind *kind,
                     size_t size) {
    char name[64];
    assert_in_range(world->spot_count, 0, WORLD_SPOTS_MAX - 1);
    struct spot *spot = &world->spots[world->spot_count++];
    bool is_top = kind->targets[0][0] == '/';
    *spot = (struct spot){.kind = kind, .size = size, .fd = -1};
    (void)snprintf(name, sizeof name, "%s-%zu", kind->name, size);
    (void)snprintf(spot->inside, sizeof spot->inside, "%s/site/%s", tree->path, is_top ? "" : name);
    (void)snprintf(spot->outside, sizeof spot->outside, "%s/outside/%s", tree->path, name);
    require_directory(spot->inside);
    require_directory(spot->outside);
    add_pages(spot, name);
}

static void add_spots(struct world *world, const struct tree *tree, const struct kind *kinds,
                      size_t count) {
    const char *only = getenv("PRONTO_FRESH_KIND");
    for (size_t i = 0; i < count; i++) {
        bool is_wanted = only == NULL || strcmp(only, kinds[i].name) == 0;
        for (size_t j = 0; is_wanted && j < sizeof sizes / sizeof sizes[0]; j++)
            add_spot(world, tree, &kinds[i], sizes[j]);
    }
    assert_true(world->spot_count > 0);
}

static void write_script(const struct world *world, const char *path) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs("local targets, requests, i = {", file);
    for (size_t i = 0; i < world->spot_count; i++) {
        const struct spot *spot = &world->spots[i];
        for (size_t j = 0; j < spot->page_count; j++)
            (void)fprintf(file, "'%s', ", spot->pages[j].target);
    }
    (void)fputs(
        "}, {}, 0\n"
        "function init()\n"
        "  for n, target in ipairs(targets) do requests[n] = wrk.format('GET', target) end\n"
        "end\n"
        "function request()\n"
        "  i = i % #requests + 1\n"
        "  return requests[i]\n"
        "end\n",
        file);
    assert_int_equal(fclose(file), 0);
}

/* It is ended with the test; the duration is only for the case that it is not. */
static void start_wrk(struct world *world, const struct tree *tree) {
    char url[64];
    const char *script = tree_path(tree, "wrk.lua");
    write_script(world, script);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", world->server->port);
    const char *const argv[] = {"wrk", "-t1", "-c8", "-d600s", "-s", script, url, NULL};
    process_start(&world->wrk, NULL, argv);
}

void world_open(struct world *world, struct scene *scene, const struct kind *kinds, size_t count) {
    const struct process_options options = {.unprivileged = true};
    *world = (struct world){.server = &scene->server, .wrk = PROCESS_INIT};
    world->seed = world_setting("PRONTO_FRESH_SEED", 1);
    world->random = world->seed;
    note_say("PRONTO_FRESH_SEED=%llu", (unsigned long long)world->seed);
    (void)snprintf(world->root, sizeof world->root, "%s/site", scene->tree.path);
    tree_directory(&scene->tree, "site");
    tree_directory(&scene->tree, "outside");
    add_spots(world, &scene->tree, kinds, count);
    /* As an ordinary user also where the test is root, whom no mode keeps from anything. */
    /* No connection ends for want of requests, however slow the machine is. */
    const char *const words[] = {
        "--listen",       "127.0.0.1:0", "--workers", "2",   "--index",   "index.html,index.htm",
        "--idle-timeout", "1h",          "--listing", "off", world->root, NULL};
    server_start(&scene->server, &options, 1, words);
    crowd_open(&world->crowd, &scene->server, CONNECTIONS_EACH);
    start_wrk(world, &scene->tree);
}

static void deinit_spot(struct spot *spot) {
    for (size_t i = 0; i < spot->page_count; i++)
        page_deinit(&spot->pages[i]);
    if (spot->map != NULL)
        (void)munmap(spot->map, spot->map_len);
    if (spot->fd >= 0)
        (void)close(spot->fd);
}

void world_close(struct world *world) {
    if (process_wait(&world->wrk, 0))
        fail_msg("wrk has not run until the end: %s", process_text(world->wrk.err_fd));
    (void)kill(world->wrk.pid, SIGINT);
    assert_true(process_wait(&world->wrk, 10000));
    char *out = process_text(world->wrk.out_fd);
    const char *line = strstr(out, "Requests/sec:");
    note_say("seen %zu changes of %u contents; wrk: %.*s", world->changes, world->serial,
             line != NULL ? (int)strcspn(line, "\n") : 0, line != NULL ? line : "");
    assert_non_null(line);
    free(out);
    process_deinit(&world->wrk);
    crowd_close(&world->crowd);
    for (size_t i = 0; i < world->spot_count; i++)
        deinit_spot(&world->spots[i]);
}

static const char *context_of(const struct world *world, const struct spot *spot) {
    static char context[256];
    (void)snprintf(context, sizeof context, "%s, %zu bytes, change %zu, seed %llu",
                   spot->kind->name, spot->size, world->changes, (unsigned long long)world->seed);
    return context;
}

/* Spots in the site itself share their pages, so what one expects may be out of date. */
static bool look(const struct world *world, struct spot *spot) {
    bool changed = false;
    for (size_t i = 0; i < spot->page_count; i++)
        changed |= page_look(&spot->pages[i], world->root);
    return changed;
}

void world_warm(struct world *world, struct spot *spot) {
    struct client *clients[CROWD_WORKERS_MAX];
    world->asks[0] = page_ask_of(0);
    world->asks[1] = page_ask_of(next_random(world));
    (void)look(world, spot);
    for (size_t i = 0; i < world->crowd.workers; i++) {
        clients[i] = crowd_pick(&world->crowd, i, next_random(world));
        for (size_t j = 0; j < 2 * spot->page_count; j++)
            page_send(&spot->pages[j / 2], world->asks[j % 2], clients[i]);
    }
    for (size_t i = 0; i < world->crowd.workers; i++) {
        for (size_t j = 0; j < 2 * spot->page_count; j++)
            page_read(&spot->pages[j / 2], world->asks[j % 2], clients[i], context_of(world, spot));
    }
}

void world_change(struct world *world, struct spot *spot) {
    size_t tries = 0;
    while (!spot->kind->change(world, spot)) {
        if (++tries == TRIES_MAX)
            fail_msg("%s: nothing can be changed", context_of(world, spot));
    }
    world->changes++;
    (void)look(world, spot);
}

static void check_once(struct world *world, struct spot *spot) {
    struct client client;
    struct page *page = &spot->pages[world_random(world, spot->page_count)];
    const struct page_ask *ask = world->asks[world_random(world, 2)];
    client_open(&client, world->server->port);
    page_send(page, ask, &client);
    page_read(page, ask, &client, context_of(world, spot));
    client_close(&client);
}

void world_check(struct world *world, struct spot *spot) {
    struct client *clients[CROWD_WORKERS_MAX];
    struct page *pages[CROWD_WORKERS_MAX];
    const struct page_ask *asks[CROWD_WORKERS_MAX];
    for (size_t i = 0; i < world->crowd.workers; i++) {
        clients[i] = crowd_pick(&world->crowd, i, next_random(world));
        pages[i] = &spot->pages[world_random(world, spot->page_count)];
        asks[i] = world->asks[world_random(world, 2)];
        page_send(pages[i], asks[i], clients[i]);
    }
    for (size_t i = 0; i < world->crowd.workers; i++)
        page_read(pages[i], asks[i], clients[i], context_of(world, spot));
    if (world_random(world, 8) == 0)
        check_once(world, spot);
}
