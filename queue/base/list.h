/*
 * A doubly linked list of links embedded in what it lists. A link knows whether it is in one.
 *
 * Thread:  the owner's. Owns nothing; list_init() before use.
 * Never:   allocates. A link is in one list at most (I3): pushing a linked one is a bug.
 */
#ifndef SLUICE_LIST_H
#define SLUICE_LIST_H

#include "queue/base/bytes.h"
#include "queue/base/check.h"

struct link {
	struct link *previous;
	struct link *next; /* NULL: in no list */
};

struct list {
	struct link head; /* head.next is the first */
	size_t count;
};

static inline void list_init(struct list *list)
{
	list->head.previous = &list->head;
	list->head.next = &list->head;
	list->count = 0;
}

static inline bool link_is_linked(const struct link *link)
{
	return link->next != NULL;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->count == 0;
}

static inline void list_insert_(struct list *list, struct link *link, struct link *before)
{
	check(!link_is_linked(link));
	link->previous = before->previous;
	link->next = before;
	before->previous->next = link;
	before->previous = link;
	list->count++;
}

static inline void list_push_last(struct list *list, struct link *link)
{
	list_insert_(list, link, &list->head);
}

static inline void list_push_first(struct list *list, struct link *link)
{
	list_insert_(list, link, list->head.next);
}

static inline void list_remove(struct list *list, struct link *link)
{
	check(link_is_linked(link));
	check(list->count > 0);
	link->previous->next = link->next;
	link->next->previous = link->previous;
	link->previous = NULL;
	link->next = NULL;
	list->count--;
}

/* NULL when empty. */
static inline struct link *list_first(const struct list *list)
{
	return list->count == 0 ? NULL : list->head.next;
}

static inline struct link *list_last(const struct list *list)
{
	return list_is_empty(list) ? NULL : list->head.previous;
}

static inline struct link *list_pop_first(struct list *list)
{
	struct link *link = list_first(list);

	if (link != NULL)
		list_remove(list, link);
	return link;
}

/* The loop's body must not remove the link; for that use list_each_safe. */
#define list_each(link, list)                                                                      \
	for (struct link *link = (list)->head.next; link != &(list)->head; link = link->next)

#define list_each_safe(link, list)                                                                 \
	for (struct link *link = (list)->head.next, *after_ = link->next; link != &(list)->head;   \
	        link = after_, after_ = link->next)

#endif
