/* Rings of streams: a thing is taken out of one without a search, whichever it is in. */
#ifndef LIVE_RING_H
#define LIVE_RING_H

#include <stdbool.h>
#include <stddef.h>

/* The head of a ring, or a node in one. All zeros: empty, or in none. */
struct ring {
	struct ring *next, *prev;
};

/* The thing whose member the node is. */
#define RING_OF(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* Takes a node out of the ring it is in; in none, nothing happens. */
static inline void
ring_drop(struct ring *node)
{
	if (!node->next)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

/* Puts a node that is in no ring before all others. */
static inline void
ring_add(struct ring *head, struct ring *node)
{
	if (!head->next)
		head->next = head->prev = head;
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

/* The node after `at`, which may be the head; NULL at the end. */
static inline struct ring *
ring_next(const struct ring *head, const struct ring *at)
{
	return at->next == head ? NULL : at->next;
}

/* The node that was added first; NULL: the ring is empty. */
static inline struct ring *
ring_oldest(const struct ring *head)
{
	return head->prev == head ? NULL : head->prev;
}

#endif
