/* Why a message was refused, and the status that says so. */
#pragma once

#include "http/status.h"

enum refusal {
    REFUSAL_NONE,
#define REFUSAL(name, status) REFUSAL_##name,
#include "http/refusal.def"
#undef REFUSAL
    REFUSAL_COUNT,
};

/* `refusal` must not be REFUSAL_NONE. */
enum status refusal_status(enum refusal refusal);

/* Its name, as in refusal.def; static. The same. */
const char *refusal_name(enum refusal refusal);
