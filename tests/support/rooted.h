/* A document root for unit tests, in a temporary tree.
 *
 * It is all in the header: it calls the store floor, which the tests of other floors don't link. */
#pragma once

#include "store/docroot.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <unistd.h>

static struct rooted {
    struct tree tree; /* made and removed by the test */
    struct docroot docroot;
    struct names index_names;
    size_t fds; /* open before; see rooted_begin() */
} rooted = {.docroot = DOCROOT_INIT};

/* Opens it, or fails. */
static inline void rooted_open_at(const char *root, const char *index, bool hidden,
                                  enum beneath_links links) {
    struct err err = ERR_INIT;
    assert_int_equal(names_parse(index, &rooted.index_names, &err), 0);
    if (docroot_open(&rooted.docroot, root, &rooted.index_names, hidden, links, &err) < 0)
        fail_msg("%s", err.text);
}

/* The same of the tree, with two names of index files. */
static inline void rooted_open(bool hidden, enum beneath_links links) {
    rooted_open_at(rooted.tree.path, "index.html,index.htm", hidden, links);
}

/* Between these two, whatever is opened is closed. */
static inline void rooted_begin(void) {
    rooted.fds = process_count_fds(getpid());
}

static inline void rooted_end(void) {
    docroot_deinit(&rooted.docroot);
    docroot_deinit(&rooted.docroot); /* idempotent */
    assert_int_equal(process_count_fds(getpid()), rooted.fds);
}
