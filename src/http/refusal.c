#include "http/refusal.h"

static const enum status statuses[] = {
#define REFUSAL(name, status) [REFUSAL_##name] = STATUS_##status,
#include "http/refusal.def"
#undef REFUSAL
};

static const char *const names[] = {
#define REFUSAL(name, status) [REFUSAL_##name] = #name,
#include "http/refusal.def"
#undef REFUSAL
};

enum status refusal_status(enum refusal refusal) {
    return statuses[refusal];
}

const char *refusal_name(enum refusal refusal) {
    return names[refusal];
}
