/*
 * A pool lends objects of one size, all of whose memory is reserved at start.
 *
 * Memory is mapped, not touched: an object that was never taken costs address space only.
 * The last one given back is the first taken again, so the working set stays small.
 *
 * Thread:  the owner's. Owns the memory. Objects come zeroed, unless taken as they are.
 * Never:   grows; taken + free = its size (I6).
 */
#ifndef SLUICE_POOL_H
#define SLUICE_POOL_H

#include "queue/base/errors.h"

#include <stddef.h>
#include <stdint.h>

struct pool_free;

struct pool {
	char *memory;
	struct pool_free *free; /* given back, last first */
	size_t object_bytes;    /* rounded up to POOL_ALIGN */
	size_t count_max;
	size_t untouched; /* index of the first object never taken */
	size_t taken;
};

#define POOL_ALIGN 64 /* a cache line: neighbours never share one */

MUST_CHECK struct err pool_init(struct pool *pool, size_t object_bytes, size_t count_max);
/* Nothing of its objects is for a core dump: they hold secrets. */
void pool_hide(const struct pool *pool);
/* Everything must have been given back. */
void pool_finish(struct pool *pool);
/* NULL when all are taken. */
void *pool_take(struct pool *pool);
/* Likewise, but as it was given back: for large objects of which little is used. */
void *pool_take_as_is(struct pool *pool);
/* Takes object. */
void pool_give(struct pool *pool, void *object);
/* The object's place, 0..count_max-1; and back. For tickets that outlive a pointer. */
size_t pool_index(const struct pool *pool, const void *object);
void *pool_at(const struct pool *pool, size_t index);

static inline size_t pool_left(const struct pool *pool)
{
	return pool->count_max - pool->taken;
}

#endif
