/* Rings of streams: a thing is taken out of one without a search, whichever it is in. */
#ifndef LIVE_RING_H
#define LIVE_RING_H

#include <stdbool.h>
#include <stddef.h>

/* The head of a ring, or a place in one. All zeros: empty, or in none. */
struct ring {
	struct ring *next, *prev;
};

/* The thing whose member the place is. */
#define RING_OF(place, type, member) ((type *)((char *)(place)-offsetof(type, member)))

/* Takes a place out of the ring it is in; in none, nothing happens. */
static inline void
ring_drop(struct ring *place)
{
	if (!place->next)
		return;
	place->prev->next = place->next;
	place->next->prev = place->prev;
	place->next = place->prev = NULL;
}

/* Puts a place that is in no ring before all others. */
static inline void
ring_add(struct ring *head, struct ring *place)
{
	if (!head->next)
		head->next = head->prev = head;
	place->next = head->next;
	place->prev = head;
	head->next->prev = place;
	head->next = place;
}

/* The place after `at`, which may be the head; NULL at the end. */
static inline struct ring *
ring_next(const struct ring *head, const struct ring *at)
{
	return at->next == head ? NULL : at->next;
}

/* The place that was added first; NULL: the ring is empty. */
static inline struct ring *
ring_oldest(const struct ring *head)
{
	return head->prev == head ? NULL : head->prev;
}

#endif
