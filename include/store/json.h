/* A listing as an array of objects, for programs (RFC 8259):
 *
 *   {"name":"a b","type":"file","size":123,"mtime":"2026-11-22T14:03:05Z","href":"./a%20b"}
 *
 * A directory has the type "directory" and no size. `href` leads to the entry whatever its name is;
 * `name` has U+FFFD for what is no UTF-8. Where the listing was cut, the last element is
 * {"type":"cut"}. */
#pragma once

#include "store/sheet.h"

extern const struct sheet_format json_format;
