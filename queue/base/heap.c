#include "queue/base/heap.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define HEAP_BELOW 4 /* places below one */

struct err heap_init(struct heap *heap, uint32_t count_max)
{
	check(count_max > 0);
	*heap = (struct heap){ .count_max = count_max };
	heap->places = calloc(count_max, sizeof *heap->places);
	return heap->places == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void heap_finish(struct heap *heap)
{
	for (uint32_t i = 0; i < heap->count; i++)
		heap->places[i].node->place = 0;
	free(heap->places);
	*heap = (struct heap){ 0 };
}

static void heap_put(struct heap *heap, struct heap_place place, uint32_t index)
{
	heap->places[index] = place;
	place.node->place = index + 1;
}

static void heap_rise(struct heap *heap, struct heap_place place, uint32_t index)
{
	while (index > 0) {
		const uint32_t above = (index - 1) / HEAP_BELOW;
		if (heap->places[above].key <= place.key)
			break;
		heap_put(heap, heap->places[above], index);
		index = above;
	}
	heap_put(heap, place, index);
}

static uint32_t heap_least_below(const struct heap *heap, uint32_t index)
{
	const uint32_t first = HEAP_BELOW * index + 1;
	uint32_t least = first;

	for (uint32_t i = first + 1; i < first + HEAP_BELOW && i < heap->count; i++)
		if (heap->places[i].key < heap->places[least].key)
			least = i;
	return least;
}

static void heap_sink(struct heap *heap, struct heap_place place, uint32_t index)
{
	for (;;) {
		const uint32_t below = heap_least_below(heap, index);
		if (below >= heap->count || place.key <= heap->places[below].key)
			break;
		heap_put(heap, heap->places[below], index);
		index = below;
	}
	heap_put(heap, place, index);
}

/* Moves a node, whose key may be anything, from `index` to where it belongs. */
static void heap_settle(struct heap *heap, struct heap_place place, uint32_t index)
{
	if (index > 0 && heap->places[(index - 1) / HEAP_BELOW].key > place.key)
		heap_rise(heap, place, index);
	else
		heap_sink(heap, place, index);
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
	check(!heap_node_is_in(node));
	check(heap->count < heap->count_max);
	node->key = key;
	heap_rise(heap, (struct heap_place){ key, node }, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	check(heap_node_is_in(node));
	const uint32_t index = node->place - 1;
	check(index < heap->count);
	check(heap->places[index].node == node);

	const struct heap_place last = heap->places[--heap->count];
	heap->places[heap->count] = (struct heap_place){ 0 };
	node->place = 0;
	if (last.node != node)
		heap_settle(heap, last, index);
}

void heap_change(struct heap *heap, struct heap_node *node, int64_t key)
{
	check(heap_node_is_in(node));
	check(heap->places[node->place - 1].node == node);
	node->key = key;
	heap_settle(heap, (struct heap_place){ key, node }, node->place - 1);
}
