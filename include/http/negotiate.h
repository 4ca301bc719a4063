/* Which content codings and which media types a client takes (RFC 9110 §12.5). */
#pragma once

#include "base/slice.h"
#include "http/request.h"

#include <stdint.h>

enum coding {
#define CODING(name, token, alias, extension) CODING_##name,
#include "http/coding.def"
#undef CODING
    CODING_IDENTITY,
    CODING_COUNT,
};

/* The weight of each coding, in thousandths; 0: not acceptable. */
struct codings {
    uint16_t weights[CODING_COUNT];
};

/* As Content-Encoding has it, and what the name of a file kept in it ends with; not for
 * CODING_IDENTITY. Static. */
struct slice coding_token(enum coding coding);
struct slice coding_extension(enum coding coding);

/* Reads the Accept-Encoding field of a request. Without one, only identity is acceptable: any
 * coding would do, but most clients that don't ask don't decode. An element that is not well-formed
 * is passed over. */
void negotiate_codings(const struct request *request, struct codings *codings);

/* The coding with the greatest weight among those for which `available` has the bit 1 << coding
 * set, identity last at equal weight; or CODING_COUNT where none of them is acceptable. */
enum coding negotiate_choose(const struct codings *codings, unsigned available);

/* The index of the one among `count` media types, "text/html", that the client would rather have,
 * by the Accept field of its request (RFC 9110 §12.5.1); 0, where it says nothing, or takes none of
 * them. At equal weight, a type that is named goes before one that is only covered by a range, and
 * an earlier one before a later one. Parameters other than the weight are passed over, as is an
 * element that is not well-formed. */
size_t negotiate_type(const struct request *request, const struct slice *types, size_t count);

/* Whether a client may have meant that type when it asked for something: by its Accept field, it
 * takes the type by its name or that of its half ("text" of any kind); or it takes any type at all,
 * and names none that it would rather have, or as much. It may have meant any type where it says
 * nothing. */
bool negotiate_asks_for(const struct request *request, struct slice type);
