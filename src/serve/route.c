#include "serve/route.h"

#include "http/negotiate.h"

/* By code: a site does not tell apart why something is forbidden. */
static const struct {
    unsigned code;
    struct slice target;
} pages[] = {
    {403, SLICE_INIT("/403.html")},
    {404, SLICE_INIT("/404.html")},
    {500, SLICE_INIT("/50x.html")},
    {503, SLICE_INIT("/50x.html")},
};

/* What lies beneath .well-known is for programs (RFC 8615), and other names that start with a dot
 * are looked for by those who should not find them. */
static bool looks_like_route(struct slice path) {
    struct slice rest = path;
    struct slice segment = SLICE_NONE;
    while (slice_cut(&rest, '/', &segment)) {
        if (segment.len > 0 && segment.ptr[0] == '.')
            return false;
    }
    return slice_find(segment, '.') == segment.len;
}

enum route_outcome route_find(const struct request *request, struct slice path) {
    if (!looks_like_route(path))
        return ROUTE_NONE;
    return negotiate_asks_for(request, SLICE("text/html")) ? ROUTE_PAGE : ROUTE_OTHER;
}

struct slice route_error_page(enum status status) {
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (pages[i].code == status_code(status))
            return pages[i].target;
    }
    return SLICE_NONE;
}
