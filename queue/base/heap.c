#include "queue/base/heap.h"

#include "queue/base/check.h"

#include <stdlib.h>

struct err heap_init(struct heap *heap, uint32_t count_max)
{
	check(count_max > 0);
	*heap = (struct heap){ .count_max = count_max };
	heap->nodes = calloc(count_max, sizeof *heap->nodes);
	return heap->nodes == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void heap_finish(struct heap *heap)
{
	for (uint32_t i = 0; i < heap->count; i++)
		heap->nodes[i]->place = 0;
	free(heap->nodes);
	*heap = (struct heap){ 0 };
}

static void heap_place(struct heap *heap, struct heap_node *node, uint32_t index)
{
	heap->nodes[index] = node;
	node->place = index + 1;
}

static void heap_rise(struct heap *heap, struct heap_node *node, uint32_t index)
{
	while (index > 0) {
		const uint32_t above = (index - 1) / 2;
		if (heap->nodes[above]->key <= node->key)
			break;
		heap_place(heap, heap->nodes[above], index);
		index = above;
	}
	heap_place(heap, node, index);
}

static void heap_sink(struct heap *heap, struct heap_node *node, uint32_t index)
{
	for (;;) {
		uint32_t below = 2 * index + 1;
		if (below >= heap->count)
			break;
		if (below + 1 < heap->count &&
		        heap->nodes[below + 1]->key < heap->nodes[below]->key)
			below++;
		if (node->key <= heap->nodes[below]->key)
			break;
		heap_place(heap, heap->nodes[below], index);
		index = below;
	}
	heap_place(heap, node, index);
}

/* Moves a node, whose key may be anything, from `index` to where it belongs. */
static void heap_settle(struct heap *heap, struct heap_node *node, uint32_t index)
{
	if (index > 0 && heap->nodes[(index - 1) / 2]->key > node->key)
		heap_rise(heap, node, index);
	else
		heap_sink(heap, node, index);
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
	check(!heap_node_is_in(node));
	check(heap->count < heap->count_max);
	node->key = key;
	heap_rise(heap, node, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	check(heap_node_is_in(node));
	const uint32_t index = node->place - 1;
	check(index < heap->count);
	check(heap->nodes[index] == node);

	struct heap_node *last = heap->nodes[--heap->count];
	heap->nodes[heap->count] = NULL;
	node->place = 0;
	if (last != node)
		heap_settle(heap, last, index);
}

void heap_change(struct heap *heap, struct heap_node *node, int64_t key)
{
	check(heap_node_is_in(node));
	check(heap->nodes[node->place - 1] == node);
	node->key = key;
	heap_settle(heap, node, node->place - 1);
}
