/* An intrusive, circular, doubly linked list. The same struct is the head of a list and the place
 * of a member in it; a member that is in no list is linked to itself, so that it can be taken out
 * at any time, and twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

/* The struct of type `type` whose field `member` is `link`. */
#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Walks the links of a list; the one at hand may be taken out in the body. */
#define list_for_each(link, head)                                                     \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head); \
         link = link##_next, link##_next = link->next)

static inline void list_init(struct list *list) {
    list->next = list;
    list->previous = list;
}

/* True for an empty list, and for a member that is in none. */
static inline bool list_is_empty(const struct list *list) {
    return list->next == list;
}

static inline void list_append(struct list *head, struct list *link) {
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

static inline void list_remove(struct list *link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* Moves all members of `from` behind those of `to`. */
static inline void list_splice(struct list *to, struct list *from) {
    if (list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}
