/*
 * The depot lends chunks: the one memory budget (limits.memory) that message bodies,
 * envelopes and half-read lines of all threads share.
 *
 * A chunk is 16 KiB of address space; pages never written cost nothing. Each thread keeps a
 * shelf of chunks at hand, so that most takes and gives touch nothing that is shared; shelves
 * trade with the depot in batches under a lock held for a few pointer moves, never while
 * anything sleeps. A message moves between threads, so a chunk may come back to another shelf
 * than it left.
 *
 * Thread:  depot_*: any; shelf_*: the shelf's own.
 * Owns:    the memory. Chunks not given back when it is destroyed are a bug (I6).
 * Fails:   shelf_take() gives NULL when the budget is used up: stop reading, don't fail.
 */
#ifndef SLUICE_DEPOT_H
#define SLUICE_DEPOT_H

#include "queue/base/errors.h"

#include <stddef.h>
#include <stdint.h>

#define CHUNK_BYTES      16384
#define CHUNK_DATA_BYTES (CHUNK_BYTES - 128) /* 16,256 */
#define SHELF_BATCH      32                  /* chunks moved at once between shelf and depot */

struct chunk {
	struct chunk *next;
	uint32_t used; /* bytes of data in use */
	uint32_t reserved_;
	char pad_[128 - sizeof(void *) - 8]; /* data starts on a cache line */
	char data[CHUNK_DATA_BYTES];
};
_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a chunk is four pages");

struct depot;

struct shelf {
	struct depot *depot;
	struct chunk *first;
	size_t count; /* at most 2 * SHELF_BATCH */
};

MUST_CHECK struct err depot_create(struct depot **result, size_t budget_bytes);
/* NULL is fine. */
void depot_destroy(struct depot *depot);
/* Chunks that are neither in the depot nor on a shelf... counted exactly only while no shelf
 * holds any; for metrics and for "is the budget short". */
size_t depot_chunks_out(const struct depot *depot);
size_t depot_chunks_max(const struct depot *depot);

void shelf_init(struct shelf *shelf, struct depot *depot);
/* Gives everything back to the depot. */
void shelf_finish(struct shelf *shelf);
/* used = 0, next = NULL, data not cleared. NULL when the budget is used up. */
struct chunk *shelf_take(struct shelf *shelf);
/* As shelf_take(), but leaves `reserve` chunks in the depot for others (delivery must be able
 * to read a body back when clients have filled all the rest). */
struct chunk *shelf_take_above(struct shelf *shelf, size_t reserve);
/* Takes chunk. */
void shelf_give(struct shelf *shelf, struct chunk *chunk);

#endif
