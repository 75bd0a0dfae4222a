/*
 * A heap of things that have numbers, 0 and up; the smallest key is first. Equal keys come out in
 * no particular order. A number is in it once at most (I3).
 *
 * What is ordered may be thousands of large things far apart, and to move one in the heap must
 * touch none of them. So all of it lies in two small arrays: keys where the heap has them, and for
 * each number where that is. It is flat: the four below one lie together.
 *
 * Thread:  the owner's. Owns its arrays, sized once.
 * Never:   allocates after heap_init().
 */
#ifndef SLUICE_HEAP_H
#define SLUICE_HEAP_H

#include "queue/base/errors.h"

#include <stddef.h>
#include <stdint.h>

struct heap_place {
	int64_t key;
	uint32_t number;
};

struct heap {
	struct heap_place *places;
	uint32_t *place_of; /* by number: index + 1; 0: it is not in */
	uint32_t count;
	uint32_t numbers;
};

/* For 0 to numbers - 1. */
MUST_CHECK struct err heap_init(struct heap *heap, uint32_t numbers);
/* Forgets what is left in it. */
void heap_finish(struct heap *heap);

static inline bool heap_has(const struct heap *heap, uint32_t number)
{
	return heap->place_of[number] != 0;
}

/* Lends; NULL when empty. */
static inline const struct heap_place *heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : &heap->places[0];
}

void heap_insert(struct heap *heap, uint32_t number, int64_t key);
/* Of a number that is in. */
void heap_remove(struct heap *heap, uint32_t number);
int64_t heap_key(const struct heap *heap, uint32_t number);

#endif
