#include "proc/lineage.h"

/* One that serves, one that is coming, and the others drain. */
enum { GENERATIONS_MAX = 6 };

static struct generation *generation_at(struct list *place) {
    return list_entry(place, struct generation, place);
}

void lineage_init(struct lineage *lineage) {
    *lineage = (struct lineage){.serving = NULL};
    list_init(&lineage->generations);
}

static void drop(struct lineage *lineage, struct generation *generation) {
    list_remove(&generation->place);
    if (lineage->serving == generation)
        lineage->serving = NULL;
    if (lineage->coming == generation)
        lineage->coming = NULL;
    if (lineage->retiring == generation)
        lineage->retiring = NULL;
    generation_free(generation);
}

void lineage_deinit(struct lineage *lineage, const struct generation *own) {
    list_for_each(place, &lineage->generations) {
        if (generation_at(place) != own)
            drop(lineage, generation_at(place));
    }
}

bool lineage_has_room(const struct lineage *lineage) {
    size_t count = 0;
    list_for_each(place, &lineage->generations)
        count++;
    return count < GENERATIONS_MAX;
}

void lineage_add(struct lineage *lineage, struct generation *generation) {
    list_append(&lineage->generations, &generation->place);
    lineage->coming = generation;
}

void lineage_take_over(struct lineage *lineage, int64_t now_ms) {
    struct generation *before = lineage->serving;
    lineage->serving = lineage->coming;
    lineage->coming = NULL;
    lineage->serving->phase = GENERATION_SERVING;
    listeners_settle(&lineage->serving->listeners);
    if (before != NULL) {
        listeners_remove_files(&before->listeners, &lineage->serving->listeners);
        generation_retire(before, &lineage->serving->listeners, now_ms);
    }
    lineage->retiring = before;
}

void lineage_abandon(struct lineage *lineage, int64_t now_ms) {
    struct generation *coming = lineage->coming;
    lineage->coming = NULL;
    if (lineage->serving == NULL)
        return;
    const struct listeners *stays = &lineage->serving->listeners;
    generation_regain(lineage->serving);
    if (coming == NULL)
        return;
    listeners_remove_files(&coming->listeners, stays);
    generation_retire(coming, stays, now_ms);
}

void lineage_leave(struct lineage *lineage, int64_t now_ms) {
    lineage->retiring = lineage->serving;
    generation_retire(lineage->serving, NULL, now_ms);
}

void lineage_stop(struct lineage *lineage, bool shared, int64_t now_ms) {
    lineage->coming = NULL;
    lineage->retiring = NULL;
    list_for_each(place, &lineage->generations) {
        if (shared)
            listeners_remove_new_files(&generation_at(place)->listeners);
        else
            listeners_remove_files(&generation_at(place)->listeners, NULL);
        generation_stop(generation_at(place), now_ms);
    }
}

void lineage_reopen_logs(struct lineage *lineage) {
    list_for_each(place, &lineage->generations)
        generation_reopen_log(generation_at(place));
}

void lineage_kill(struct lineage *lineage) {
    list_for_each(place, &lineage->generations)
        generation_kill(generation_at(place));
}

struct generation *lineage_due(const struct lineage *lineage, int64_t now_ms, size_t *index) {
    list_for_each(place, &lineage->generations) {
        ssize_t due = generation_due(generation_at(place), now_ms);
        if (due >= 0) {
            *index = (size_t)due;
            return generation_at(place);
        }
    }
    return NULL;
}

struct generation *lineage_find(const struct lineage *lineage, pid_t pid, struct slot **slot) {
    list_for_each(place, &lineage->generations) {
        *slot = generation_find(generation_at(place), pid);
        if (*slot != NULL)
            return generation_at(place);
    }
    return NULL;
}

bool lineage_is_gone(const struct lineage *lineage) {
    list_for_each(place, &lineage->generations) {
        if (!generation_is_gone(generation_at(place)))
            return false;
    }
    return true;
}

void lineage_clear(struct lineage *lineage, int64_t now_ms) {
    list_for_each(place, &lineage->generations) {
        struct generation *generation = generation_at(place);
        if (generation->phase != GENERATION_DRAINING)
            continue;
        if (now_ms >= generation->deadline_ms && !generation->killed)
            generation_kill(generation);
        if (generation != lineage->retiring && generation_is_gone(generation))
            drop(lineage, generation);
    }
}

int64_t lineage_left_ms(const struct lineage *lineage, int64_t now_ms) {
    int64_t longest_ms = 0;
    list_for_each(place, &lineage->generations) {
        int64_t left_ms = generation_at(place)->deadline_ms - GENERATION_KILL_GRACE_MS - now_ms;
        longest_ms = left_ms > longest_ms ? left_ms : longest_ms;
    }
    return longest_ms;
}

int64_t lineage_wait_ms(const struct lineage *lineage, int64_t wait_ms, int64_t now_ms) {
    list_for_each(place, &lineage->generations)
        wait_ms = generation_wait_ms(generation_at(place), wait_ms, now_ms);
    return wait_ms;
}
