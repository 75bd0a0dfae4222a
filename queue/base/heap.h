/*
 * A heap of nodes embedded in what it orders; the smallest key is first. Equal keys come out in no
 * particular order. A node knows whether it is in a heap.
 *
 * What is ordered may be thousands of large things far apart. So keys lie in the heap itself, and
 * it is flat: the four below one lie together, and few nodes move.
 *
 * Thread:  the owner's. Owns the array of places, sized once; never the nodes.
 * Never:   allocates after heap_init(). A node is in one heap at most (I3).
 */
#ifndef SLUICE_HEAP_H
#define SLUICE_HEAP_H

#include "queue/base/errors.h"

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	uint32_t place; /* private: index + 1; 0: in no heap */
};

struct heap_place {
	int64_t key; /* the node's */
	struct heap_node *node;
};

struct heap {
	struct heap_place *places;
	uint32_t count;
	uint32_t count_max;
};

MUST_CHECK struct err heap_init(struct heap *heap, uint32_t count_max);
/* Forgets what is left in it. */
void heap_finish(struct heap *heap);

static inline bool heap_node_is_in(const struct heap_node *node)
{
	return node->place != 0;
}

/* NULL when empty. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->places[0].node;
}

/* More than count_max is a bug: the heap is as large as the pool of what it orders. */
void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node);
/* Of a node that is in. */
void heap_change(struct heap *heap, struct heap_node *node, int64_t key);

#endif
