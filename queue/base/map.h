/*
 * A hash map from 128-bit keys to 64-bit values, of a fixed size: open addressing, linear
 * probing, at most three quarters full; removing shifts back, so it never degrades.
 *
 * The key is two numbers: an id and a part of it, or an IPv6 address. The hash is seeded by the
 * owner where a stranger chooses the keys.
 *
 * Thread:  the owner's. Owns its table.
 * Never:   allocates after map_init().
 */
#ifndef SLUICE_MAP_H
#define SLUICE_MAP_H

#include "queue/base/errors.h"

#include <stddef.h>
#include <stdint.h>

struct map_key {
	uint64_t high;
	uint64_t low;
};

struct map_slot {
	struct map_key key;
	uint64_t value;
	uint64_t used; /* 0 or 1 */
};

struct map {
	struct map_slot *slots;
	size_t mask; /* slots - 1; a power of two */
	size_t count;
	size_t count_max;
	uint64_t seed;
};

MUST_CHECK struct err map_init(struct map *map, size_t count_max, uint64_t seed);
void map_finish(struct map *map);

/* Lends the value, valid until the next set or remove; NULL: no such key. */
uint64_t *map_find(const struct map *map, struct map_key key);
/* Sets or replaces. False: count_max are in, nothing changed. */
MUST_CHECK bool map_set(struct map *map, struct map_key key, uint64_t value);
/* False: it was not there. */
bool map_remove(struct map *map, struct map_key key);
void map_clear(struct map *map);

#endif
