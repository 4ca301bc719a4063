#include "store/changes.h"

#include "base/buf.h"

#include <stdlib.h>

static void forget(struct change *change) {
    free(change->text);
    *change = (struct change){.number = change->number, .at_ms = change->at_ms};
}

/* Forgets the oldest, but for when it was. */
static void drop_oldest(struct changes *changes) {
    changes->before = changes->items[changes->first];
    forget(&changes->before);
    changes->items[changes->first].text = NULL;
    changes->first = (changes->first + 1) % CHANGES_KEPT;
    changes->count--;
}

/* The next change, about everything so far, which is not kept yet. */
static struct change begin(struct changes *changes) {
    int64_t now_ms = *changes->now_ms;
    if (changes->told == changes->last)
        changes->begun_ms = now_ms;
    changes->stirred_ms = now_ms;
    return (struct change){.number = ++changes->last, .at_ms = now_ms};
}

/* Gives the change its texts; false: no memory. */
static bool describe(struct change *change, struct slice target, struct slice type) {
    change->text = malloc(target.len + type.len);
    if (change->text == NULL)
        return false;
    struct buf text = BUF_INIT(change->text, target.len + type.len);
    buf_put(&text, target);
    buf_put(&text, type);
    change->target = slice_of(change->text, target.len);
    change->type = slice_of(change->text + target.len, type.len);
    return true;
}

void changes_init(struct changes *changes, const int64_t *now_ms) {
    *changes = (struct changes){.now_ms = now_ms};
    changes_note_all(changes);
    changes->told = changes->last;
}

void changes_deinit(struct changes *changes) {
    while (changes->count > 0)
        drop_oldest(changes);
}

void changes_note_all(struct changes *changes) {
    changes_deinit(changes);
    changes->before = begin(changes);
}

void changes_note(struct changes *changes, struct slice target, struct slice type) {
    struct change change = begin(changes);
    if (target.len > CHANGES_TARGET_MAX || !describe(&change, target, type)) {
        changes_deinit(changes);
        changes->before = change;
        return;
    }
    if (changes->count == CHANGES_KEPT)
        drop_oldest(changes);
    changes->items[(changes->first + changes->count++) % CHANGES_KEPT] = change;
}

void changes_stir(struct changes *changes) {
    changes->stirred_ms = *changes->now_ms;
}

int64_t changes_due_ms(const struct changes *changes) {
    int64_t quiet_ms = changes->stirred_ms + CHANGES_QUIET_MS;
    int64_t latest_ms = changes->begun_ms + CHANGES_PUT_OFF_MS;
    if (changes->told == changes->last)
        return INT64_MAX;
    return quiet_ms < latest_ms ? quiet_ms : latest_ms;
}

bool changes_settle(struct changes *changes) {
    if (*changes->now_ms < changes_due_ms(changes))
        return false;
    changes->told = changes->last;
    return true;
}

const struct change *changes_next(const struct changes *changes, uint64_t after) {
    const struct change *found = NULL;
    if (changes->before.number > after)
        found = &changes->before;
    for (size_t i = 0; i < changes->count && found == NULL; i++) {
        const struct change *item = &changes->items[(changes->first + i) % CHANGES_KEPT];
        if (item->number > after)
            found = item;
    }
    return found != NULL && found->number <= changes->told ? found : NULL;
}
