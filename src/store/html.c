/* Tags that HTML lets us leave out are left out in the rows, of which there may be many. */
#include "store/html.h"

#include "base/embedded.h"
#include "http/csp.h"
#include "http/date.h"
#include "http/escape.h"
#include "http/page.h"
#include "store/size.h"

EMBEDDED_DECLARE(listing_css);
EMBEDDED_DECLARE(listing_js);

/* Deep paths are cut at the front, so that the head has a bound. */
enum { CRUMBS_MAX = 16, CRUMBS_BYTES = 1024 };

void html_put_policy(struct buf *buf, bool own_scripts) {
    buf_put(buf, SLICE("default-src 'none'; "));
    csp_put_hash(buf, SLICE("style-src"), EMBEDDED_SHA256(listing_css));
    csp_put_hash(buf,
                 own_scripts ? SLICE("connect-src 'self'; script-src 'self'") : SLICE("script-src"),
                 EMBEDDED_SHA256(listing_js));
    buf_put(buf, SLICE("img-src data:; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'self'"));
}

/* The last part of a path; the whole where it has but one. */
static struct slice last_part(struct slice path) {
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    return slice_after(path, start);
}

static void put_ups(struct buf *buf, size_t count) {
    buf_put(buf, SLICE("<a href=\"./"));
    for (size_t i = 0; i < count; i++)
        buf_put(buf, SLICE("../"));
    buf_put(buf, SLICE("\">"));
}

/* The part of the path that is shown, and how many links it makes. */
static struct slice shown_part(struct slice path, size_t *count) {
    size_t start = path.len;
    for (*count = 0; start > 0 && *count < CRUMBS_MAX; (*count)++) {
        size_t len = last_part(slice_of(path.ptr, start)).len;
        size_t part = start - len;
        if (*count > 0 && path.len - part > CRUMBS_BYTES)
            break;
        start = part > 0 ? part - 1 : 0; /* the slash before it */
    }
    return start > 0 ? slice_after(path, start + 1) : path;
}

/* A link for each directory on the way, the root first, or that above the first one shown. */
static void put_crumbs(struct buf *buf, struct slice path) {
    size_t ups;
    struct slice rest = shown_part(path, &ups);
    struct slice part;
    put_ups(buf, ups);
    buf_put(buf, rest.len == path.len ? SLICE("Index</a>") : SLICE("…</a>"));
    while (ups > 0 && slice_cut(&rest, '/', &part)) {
        buf_put(buf, SLICE("<span>/</span>"));
        put_ups(buf, --ups);
        buf_put(buf, SLICE("<bdi>"));
        escape_html(buf, part);
        buf_put(buf, SLICE("</bdi></a>"));
    }
}

static void put_title(struct buf *buf, struct slice path) {
    buf_put(buf, SLICE("<title>"));
    if (path.len > 0) {
        escape_html(buf, last_part(path));
        buf_put(buf, SLICE("/ – "));
    }
    buf_put(buf, SLICE("Index</title>\n"));
}

static void put_head(struct buf *buf, const struct sheet *sheet) {
    page_put_start(buf, SLICE("M0 18V2h8l2 3h10v13z"));
    put_title(buf, sheet->path);
    buf_put(buf, SLICE("<style>"));
    buf_put(buf, EMBEDDED(listing_css));
    buf_put(buf, SLICE("</style>\n<header><h1 class=\"wrap\">"));
    put_crumbs(buf, sheet->path);
    buf_put(buf, SLICE("</h1></header>\n<main class=\"wrap\">\n"
                       "<div class=\"tools\">"
                       "<label hidden><input type=\"search\" placeholder=\"Filter by name\" "
                       "aria-label=\"Filter by name\" autocomplete=\"off\" spellcheck=\"false\">"
                       "</label><a href=\"./?archive=tar\">Download .tar</a></div>\n"));
}

/* A column's head: a link that sorts by it, or, where that is so, the other way round. Most are
 * first looked at for what is large or new. */
static void put_column(struct buf *buf, const struct view *view, enum view_sort sort,
                       struct slice title) {
    bool sorted = view->sort == sort;
    bool descending = sorted ? !view->descending : sort != VIEW_BY_NAME;
    buf_put(buf, SLICE("<th scope=\"col\""));
    if (sorted)
        buf_put(buf, view->descending ? SLICE(" aria-sort=\"descending\"")
                                      : SLICE(" aria-sort=\"ascending\""));
    buf_put(buf, SLICE("><a href=\"./?sort="));
    buf_put(buf, view_sort_word(sort));
    buf_put(buf, descending ? SLICE("&amp;order=desc\">") : SLICE("&amp;order=asc\">"));
    buf_put(buf, title);
    buf_put(buf, SLICE("</a></th>"));
}

static void put_top(struct buf *buf, const struct sheet *sheet) {
    if (sheet->cut)
        buf_put(buf,
                SLICE("<p class=\"cut\">Not all entries are shown: there are too many.</p>\n"));
    buf_put(buf, SLICE("<table>\n<thead><tr>"));
    put_column(buf, &sheet->view, VIEW_BY_NAME, SLICE("Name"));
    put_column(buf, &sheet->view, VIEW_BY_SIZE, SLICE("Size"));
    put_column(buf, &sheet->view, VIEW_BY_TIME, SLICE("Modified"));
    buf_put(buf, SLICE("</tr></thead>\n<tbody>\n"));
    if (sheet->path.len > 0)
        buf_put(buf, SLICE("<tr class=\"u\"><td><a href=\"./../\">Up</a><td><td>\n"));
}

static void put_link(struct buf *buf, const struct roster_entry *entry) {
    char room[3 + ESCAPE_REFERENCE_MAX * ROSTER_NAME_MAX];
    struct buf reference = BUF_INIT(room, sizeof room);
    escape_reference(&reference, entry->name, entry->directory);
    buf_put(buf, SLICE("<a href=\""));
    escape_html(buf, buf_slice(&reference));
    buf_put(buf, SLICE("\"><bdi>"));
    escape_html(buf, entry->name);
    buf_put(buf, entry->directory ? SLICE("</bdi>/</a>") : SLICE("</bdi></a>"));
}

/* The cell, with the exact size for those who point at it. */
static void put_size(struct buf *buf, uint64_t bytes) {
    buf_put(buf, SLICE("<td title=\""));
    buf_put_number(buf, bytes);
    buf_put(buf, SLICE(" bytes\">"));
    size_put(buf, bytes);
}

static void put_time(struct buf *buf, int64_t time_s) {
    char stamp[DATE_STAMP_LEN];
    date_format_stamp(time_s, stamp);
    buf_put(buf, SLICE("<td><time datetime=\""));
    buf_put(buf, slice_of(stamp, sizeof stamp));
    buf_put(buf, SLICE("\">"));
    buf_put(buf, slice_of(stamp, 10));
    buf_put(buf, SLICE("<i>"));
    buf_put(buf, slice_of(stamp + 11, 5));
    buf_put(buf, SLICE("</i></time>\n"));
}

static void put_entry(struct buf *buf, const struct sheet *sheet,
                      const struct roster_entry *entry) {
    (void)sheet;
    buf_put(buf, entry->directory ? SLICE("<tr class=\"d\"><td>") : SLICE("<tr><td>"));
    put_link(buf, entry);
    if (entry->directory)
        buf_put(buf, SLICE("<td>"));
    else
        put_size(buf, entry->size);
    put_time(buf, entry->mtime_s);
}

/* "1 folder", "2 folders" */
static void put_count(struct buf *buf, uint64_t count, struct slice noun) {
    buf_put_number(buf, count);
    buf_put(buf, noun);
    if (count != 1)
        buf_put_char(buf, 's');
}

static void put_totals(struct buf *buf, const struct sheet *sheet) {
    buf_put(buf, SLICE("</tbody>\n<tfoot><tr><td id=\"count\" aria-live=\"polite\">"));
    if (sheet->directories + sheet->files == 0) {
        buf_put(buf, SLICE("Nothing is here"));
    } else {
        put_count(buf, sheet->directories, SLICE(" folder"));
        buf_put(buf, SLICE(", "));
        put_count(buf, sheet->files, SLICE(" file"));
    }
    put_size(buf, sheet->bytes);
    buf_put(buf, SLICE("<td></tfoot>\n</table>\n"));
}

static void put_foot(struct buf *buf, const struct sheet *sheet) {
    put_totals(buf, sheet);
    buf_put(buf,
            SLICE("<footer><span>Times are in UTC</span>"
                  "<span>Also as <a href=\"./?format=json\">JSON</a> "
                  "and <a href=\"./?format=text\">text</a></span>"
                  "<span id=\"keys\" hidden><kbd>/</kbd> filter, <kbd>j</kbd> <kbd>k</kbd> move, "
                  "<kbd>Enter</kbd> open, <kbd>Backspace</kbd> up</span></footer>\n"
                  "</main>\n<script>"));
    buf_put(buf, EMBEDDED(listing_js));
    buf_put(buf, SLICE("</script>\n</html>\n"));
}

const struct sheet_format html_format = {put_head, put_top, put_entry, put_foot};
