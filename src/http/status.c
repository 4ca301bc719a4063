#include "http/status.h"

static const struct {
    unsigned code;
    struct slice line;
    struct slice title;
    struct slice explanation;
} statuses[] = {
#define STATUS(name, code, reason, explanation)                                           \
    {code, SLICE_INIT("HTTP/1.1 " #code " " reason "\r\n"), SLICE_INIT(#code " " reason), \
     SLICE_INIT(explanation)},
#include "http/status.def"
#undef STATUS
};

unsigned status_code(enum status status) {
    return statuses[status].code;
}

struct slice status_line(enum status status) {
    return statuses[status].line;
}

void status_page(struct buf *buf, enum status status) {
    buf_put(buf, SLICE("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n<title>"));
    buf_put(buf, statuses[status].title);
    buf_put(buf, SLICE("</title>\n<style>body{font:1.1em/1.5 system-ui,sans-serif;"
                       "max-width:36em;margin:20vh auto 0;padding:0 1em}</style>\n<h1>"));
    buf_put(buf, statuses[status].title);
    buf_put(buf, SLICE("</h1>\n<p>"));
    buf_put(buf, statuses[status].explanation);
    buf_put(buf, SLICE("</p>\n</html>\n"));
}
