#include "base/deadline.h"

void deadline_queue_init(struct deadline_queue *queue, int64_t duration_ms) {
    list_init(&queue->members);
    queue->duration_ms = duration_ms;
}

void deadline_init(struct deadline *deadline) {
    list_init(&deadline->link);
    deadline->due_ms = 0;
}

void deadline_start(struct deadline *deadline, struct deadline_queue *queue, int64_t now_ms) {
    list_remove(&deadline->link);
    list_append(&queue->members, &deadline->link);
    deadline->due_ms = now_ms + queue->duration_ms;
}

void deadline_stop(struct deadline *deadline) {
    list_remove(&deadline->link);
}

struct deadline *deadline_first(const struct deadline_queue *queue) {
    if (list_is_empty(&queue->members))
        return NULL;
    return list_entry(queue->members.next, struct deadline, link);
}

struct deadline *deadline_expired(struct deadline_queue *queue, int64_t now_ms) {
    struct deadline *first = deadline_first(queue);
    if (first == NULL || first->due_ms > now_ms)
        return NULL;
    deadline_stop(first);
    return first;
}

int64_t deadline_sooner_ms(int64_t wait_ms, int64_t due_ms, int64_t now_ms) {
    int64_t left_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return wait_ms < 0 || left_ms < wait_ms ? left_ms : wait_ms;
}

int64_t deadline_wait_ms(const struct deadline_queue *queue, int64_t now_ms, int64_t wait_ms) {
    const struct deadline *first = deadline_first(queue);
    return first != NULL ? deadline_sooner_ms(wait_ms, first->due_ms, now_ms) : wait_ms;
}
