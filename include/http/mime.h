/* Media types by file name (RFC 9110 §8.3). */
#pragma once

#include "base/slice.h"

/* The value of Content-Type for a file of that name or path, by what follows its last dot, whatever
 * its case; with a charset of utf-8 for text. SLICE_NONE where the name says nothing: then its
 * content does (sniff_type()). Static. */
struct slice mime_of_name(struct slice name);
