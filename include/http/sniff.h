/* Media types by content, for files whose name says nothing.
 *
 * What is found is text or not, and nothing more: a type that a browser runs or renders is only
 * ever given by a name, so that content which a user could bring in is never taken for a page. */
#pragma once

#include "base/slice.h"

/* How much of the content is looked at: its first bytes. */
enum { SNIFF_BYTES = 1024 };

/* The value of Content-Type for content that starts with `sample`, which is SNIFF_BYTES long, or
 * shorter and all there is: "text/plain; charset=utf-8" for well-formed UTF-8 without control
 * characters that text has no use for (the binary data bytes of the WHATWG's MIME Sniffing, §3);
 * else application/octet-stream. A sample of SNIFF_BYTES may end within a character. No content at
 * all is text: an empty README is shown, not downloaded. Static. */
struct slice sniff_type(struct slice sample);
