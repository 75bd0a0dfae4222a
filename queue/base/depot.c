#include "queue/base/depot.h"

#include "queue/base/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

struct depot {
	pthread_mutex_t lock;
	struct chunk *memory;
	struct chunk *free; /* under lock: given back */
	size_t untouched;   /* under lock: index of the first chunk never lent */
	size_t chunks_max;
	atomic_size_t chunks_out; /* written under lock, read anywhere */
};

struct err depot_create(struct depot **result, size_t budget_bytes)
{
	size_t chunks_max = budget_bytes / CHUNK_BYTES;

	check(chunks_max > 0);
	struct depot *depot = calloc(1, sizeof *depot);
	if (depot == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	void *memory = mmap(NULL, chunks_max * CHUNK_BYTES, PROT_READ | PROT_WRITE,
	        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		free(depot);
		return err_make(ERR_NO_MEMORY, 0);
	}
	/* Chunks hold people's mail, and sign-ins on their way: nothing for a core dump. */
	check(madvise(memory, chunks_max * CHUNK_BYTES, MADV_DONTDUMP) == 0);
	depot->memory = memory;
	depot->chunks_max = chunks_max;
	check(pthread_mutex_init(&depot->lock, NULL) == 0);
	*result = depot;
	return err_ok();
}

void depot_destroy(struct depot *depot)
{
	if (depot == NULL)
		return;
	check(atomic_load(&depot->chunks_out) == 0);
	check(munmap(depot->memory, depot->chunks_max * CHUNK_BYTES) == 0);
	check(pthread_mutex_destroy(&depot->lock) == 0);
	free(depot);
}

size_t depot_chunks_out(const struct depot *depot)
{
	return atomic_load_explicit(&depot->chunks_out, memory_order_relaxed);
}

size_t depot_chunks_max(const struct depot *depot)
{
	return depot->chunks_max;
}

void shelf_init(struct shelf *shelf, struct depot *depot)
{
	*shelf = (struct shelf){ .depot = depot };
}

/* Brings up to SHELF_BATCH chunks, fewer or none when that would go below the reserve. */
static void shelf_fill(struct shelf *shelf, size_t reserve)
{
	struct depot *depot = shelf->depot;

	check(pthread_mutex_lock(&depot->lock) == 0);
	size_t out = atomic_load_explicit(&depot->chunks_out, memory_order_relaxed);
	size_t left = depot->chunks_max - out;
	size_t moved = left > reserve ? left - reserve : 0;
	if (moved > SHELF_BATCH)
		moved = SHELF_BATCH;
	for (size_t i = 0; i < moved; i++) {
		struct chunk *chunk = depot->free;
		if (chunk != NULL)
			depot->free = chunk->next;
		else
			chunk = &depot->memory[depot->untouched++];
		chunk->next = shelf->first;
		shelf->first = chunk;
	}
	shelf->count += moved;
	atomic_store_explicit(&depot->chunks_out, out + moved, memory_order_relaxed);
	check(pthread_mutex_unlock(&depot->lock) == 0);
}

static void shelf_return(struct shelf *shelf, size_t chunks)
{
	struct depot *depot = shelf->depot;

	check(chunks <= shelf->count);
	check(pthread_mutex_lock(&depot->lock) == 0);
	for (size_t i = 0; i < chunks; i++) {
		struct chunk *chunk = shelf->first;
		shelf->first = chunk->next;
		chunk->next = depot->free;
		depot->free = chunk;
	}
	shelf->count -= chunks;
	size_t out = atomic_load_explicit(&depot->chunks_out, memory_order_relaxed);
	check(out >= chunks);
	atomic_store_explicit(&depot->chunks_out, out - chunks, memory_order_relaxed);
	check(pthread_mutex_unlock(&depot->lock) == 0);
}

void shelf_finish(struct shelf *shelf)
{
	shelf_return(shelf, shelf->count);
}

struct chunk *shelf_take_above(struct shelf *shelf, size_t reserve)
{
	if (shelf->count == 0)
		shelf_fill(shelf, reserve);
	struct chunk *chunk = shelf->first;
	if (chunk == NULL)
		return NULL;
	shelf->first = chunk->next;
	shelf->count--;
	chunk->next = NULL;
	chunk->used = 0;
	return chunk;
}

struct chunk *shelf_take(struct shelf *shelf)
{
	return shelf_take_above(shelf, 0);
}

void shelf_give(struct shelf *shelf, struct chunk *chunk)
{
	check(chunk->next == NULL);
	chunk->next = shelf->first;
	shelf->first = chunk;
	shelf->count++;
	if (shelf->count >= (size_t)2 * SHELF_BATCH)
		shelf_return(shelf, SHELF_BATCH);
}
