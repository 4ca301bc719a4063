/* How pages of the server's own begin, listings and the status page: they look alike. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* Writes all that comes before the title. `icon` is the data of an SVG path, 20 by 20 units large.
 */
void page_put_start(struct buf *buf, struct slice icon);
