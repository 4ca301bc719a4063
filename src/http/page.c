#include "http/page.h"

/* The colours are those of the band at the top, in src/page.css. */
void page_put_start(struct buf *buf, struct slice icon) {
    buf_put(buf,
            SLICE("<!DOCTYPE html>\n"
                  "<html lang=\"en\">\n"
                  "<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  "<meta name=\"theme-color\" content=\"#ffc61a\" "
                  "media=\"(prefers-color-scheme: light)\">\n"
                  "<meta name=\"theme-color\" content=\"#1f2326\" "
                  "media=\"(prefers-color-scheme: dark)\">\n"
                  "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org"
                  "/2000/svg' viewBox='0 0 20 20'%3E%3Cpath fill='%23ffc61a' d='"));
    buf_put(buf, icon);
    buf_put(buf, SLICE("'/%3E%3C/svg%3E\">\n"));
}
