/* The scene of a system test: a tree of files, and a server for it. Set up before each test and
 * taken down after it, however it ended; a server that is then still running has to stop cleanly,
 * or the test fails. */
#pragma once

#include "support/note.h"
#include "support/server.h"
#include "support/tree.h"

struct scene {
    struct tree tree;
    struct server server; /* not started by the setup */
};

/* For cmocka; `*state` becomes a struct scene. */
int scene_setup(void **state);
int scene_teardown(void **state);

/* A row of a struct CMUnitTest array. */
#define scene_test(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

/* Starts the server on a free port of 127.0.0.1 for the tree, with more options, ended by NULL. */
__attribute__((sentinel)) void scene_serve(struct scene *scene, ...);

/* The same as an ordinary user, which root is not bound by the mode of a file. */
__attribute__((sentinel)) void scene_serve_unprivileged(struct scene *scene, ...);
