/* How somebody wants to see a directory: in which format, and in which order. */
#pragma once

#include "base/slice.h"
#include "http/request.h"

#include <stdbool.h>

enum view_format { VIEW_HTML, VIEW_JSON, VIEW_TEXT, VIEW_FORMATS };
enum view_sort { VIEW_BY_NAME, VIEW_BY_SIZE, VIEW_BY_TIME, VIEW_SORTS };

struct view {
    enum view_format format; /* VIEW_FORMATS: not asked for in the query */
    enum view_sort sort;
    bool descending;
    bool as_tar; /* not a listing is wanted, but the whole directory as an archive */
};

/* Reads a raw query, "sort=size&order=desc&format=json" or "archive=tar"; SLICE_NONE is none. What
 * is unknown is passed over; what is there twice counts as it is there last. */
struct view view_parse(struct slice query);

/* The format that is sent: the one in the query, or else the one that the client likes best by its
 * Accept field. A listing depends on that field, where the query names no format: it needs "Vary:
 * Accept". */
enum view_format view_choose_format(const struct view *view, const struct request *request);

/* The value of Content-Type; static. */
struct slice view_content_type(enum view_format format);

/* The words of a query: "html", "size". Static. */
struct slice view_format_word(enum view_format format);
struct slice view_sort_word(enum view_sort sort);
