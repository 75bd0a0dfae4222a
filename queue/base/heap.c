#include "queue/base/heap.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define HEAP_BELOW 4 /* places below one */

struct err heap_init(struct heap *heap, uint32_t numbers)
{
	check(numbers > 0);
	*heap = (struct heap){
		.places = calloc(numbers, sizeof *heap->places),
		.place_of = calloc(numbers, sizeof *heap->place_of),
		.numbers = numbers,
	};
	if (heap->places != NULL && heap->place_of != NULL)
		return err_ok();
	heap_finish(heap);
	return err_make(ERR_NO_MEMORY, 0);
}

void heap_finish(struct heap *heap)
{
	free(heap->places);
	free(heap->place_of);
	*heap = (struct heap){ 0 };
}

static void heap_put(struct heap *heap, struct heap_place place, uint32_t index)
{
	heap->places[index] = place;
	heap->place_of[place.number] = index + 1;
}

static uint32_t heap_index(const struct heap *heap, uint32_t number)
{
	check(number < heap->numbers);
	check(heap_has(heap, number));
	const uint32_t index = heap->place_of[number] - 1;
	check(index < heap->count);
	check(heap->places[index].number == number);
	return index;
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

/* Moves a number, whose key may be anything, from `index` to where it belongs. */
static void heap_settle(struct heap *heap, struct heap_place place, uint32_t index)
{
	if (index > 0 && heap->places[(index - 1) / HEAP_BELOW].key > place.key)
		heap_rise(heap, place, index);
	else
		heap_sink(heap, place, index);
}

void heap_insert(struct heap *heap, uint32_t number, int64_t key)
{
	check(number < heap->numbers);
	check(!heap_has(heap, number));
	heap_rise(heap, (struct heap_place){ key, number }, heap->count++);
}

void heap_remove(struct heap *heap, uint32_t number)
{
	const uint32_t index = heap_index(heap, number);
	const struct heap_place last = heap->places[--heap->count];

	heap->place_of[number] = 0;
	if (last.number != number)
		heap_settle(heap, last, index);
}

int64_t heap_key(const struct heap *heap, uint32_t number)
{
	return heap->places[heap_index(heap, number)].key;
}
