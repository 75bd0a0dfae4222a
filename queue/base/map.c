#include "queue/base/map.h"

#include "queue/base/check.h"

#include <stdlib.h>
#include <string.h>

struct err map_init(struct map *map, size_t count_max, uint64_t seed)
{
	size_t slots = 8;

	check(count_max > 0);
	while (slots / 4 * 3 < count_max)
		slots *= 2;
	*map = (struct map){ .mask = slots - 1, .count_max = count_max, .seed = seed };
	map->slots = calloc(slots, sizeof *map->slots);
	return map->slots == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void map_finish(struct map *map)
{
	free(map->slots);
	*map = (struct map){ 0 };
}

/* Two rounds of multiply and fold (wyhash's mixer): every bit of the key reaches every slot. */
static uint64_t map_fold(uint64_t a, uint64_t b)
{
	const unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t map_home(const struct map *map, struct map_key key)
{
	const uint64_t first = map_fold(
	        key.high ^ map->seed ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));

	return (size_t)map_fold(first ^ key.low, UINT64_C(0x8ebc6af09c88c6e3) ^ map->seed) &
	       map->mask;
}

static bool map_key_equal(struct map_key a, struct map_key b)
{
	return a.high == b.high && a.low == b.low;
}

/* Where the key is, or the free slot that ends its run. */
static size_t map_probe(const struct map *map, struct map_key key)
{
	size_t at = map_home(map, key);

	while (map->slots[at].used != 0 && !map_key_equal(map->slots[at].key, key))
		at = (at + 1) & map->mask;
	return at;
}

uint64_t *map_find(const struct map *map, struct map_key key)
{
	struct map_slot *slot = &map->slots[map_probe(map, key)];

	return slot->used != 0 ? &slot->value : NULL;
}

bool map_set(struct map *map, struct map_key key, uint64_t value)
{
	struct map_slot *slot = &map->slots[map_probe(map, key)];

	if (slot->used == 0) {
		if (map->count == map->count_max)
			return false;
		map->count++;
	}
	*slot = (struct map_slot){ .key = key, .value = value, .used = 1 };
	return true;
}

bool map_remove(struct map *map, struct map_key key)
{
	size_t hole = map_probe(map, key);

	if (map->slots[hole].used == 0)
		return false;
	/* Each later one of the run moves into the hole, unless its home lies behind it. */
	for (size_t at = (hole + 1) & map->mask; map->slots[at].used != 0;
	        at = (at + 1) & map->mask) {
		const size_t home = map_home(map, map->slots[at].key);
		if (((at - home) & map->mask) >= ((at - hole) & map->mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole] = (struct map_slot){ 0 };
	check(map->count > 0);
	map->count--;
	return true;
}

void map_clear(struct map *map)
{
	memset(map->slots, 0, (map->mask + 1) * sizeof *map->slots);
	map->count = 0;
}
