/* What stands in for what there is not: an application in the browser, which makes its pages itself
 * and whose one file (--spa) answers for all of them; and the site's own pages of errors. Pure. */
#pragma once

#include "base/slice.h"
#include "http/request.h"
#include "http/status.h"

enum route_outcome {
    ROUTE_NONE,  /* what is absent does not look like a page of an application */
    ROUTE_OTHER, /* it does, but is not asked for as a page */
    ROUTE_PAGE,  /* the application answers */
};

/* Whether a path under which there is nothing, decoded, is a route of an application: there is no
 * dot in its last segment, as there is in the names of files, none of its segments starts with one,
 * and the client may have meant HTML (negotiate_asks_for()). For GET and HEAD; others don't get
 * that far. */
enum route_outcome route_find(const struct request *request, struct slice path);

/* The target of the file that, where a site has one, is the page of an error: "/404.html".
 * SLICE_NONE: the page is always the built-in one. Static. */
struct slice route_error_page(enum status status);
