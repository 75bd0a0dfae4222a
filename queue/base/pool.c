#include "queue/base/pool.h"

#include "queue/base/check.h"

#include <string.h>
#include <sys/mman.h>

struct pool_free {
	struct pool_free *next;
};

struct err pool_init(struct pool *pool, size_t object_bytes, size_t count_max)
{
	check(object_bytes > 0);
	check(count_max > 0);
	size_t rounded = (object_bytes + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;

	*pool = (struct pool){ .object_bytes = rounded, .count_max = count_max };
	void *memory = mmap(NULL, rounded * count_max, PROT_READ | PROT_WRITE,
	        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return err_make(ERR_NO_MEMORY, 0);
	pool->memory = memory;
	return err_ok();
}

void pool_hide(const struct pool *pool)
{
	check(pool->memory != NULL);
	check(madvise(pool->memory, pool->object_bytes * pool->count_max, MADV_DONTDUMP) == 0);
}

void pool_finish(struct pool *pool)
{
	check(pool->taken == 0);
	if (pool->memory != NULL)
		check(munmap(pool->memory, pool->object_bytes * pool->count_max) == 0);
	*pool = (struct pool){ 0 };
}

void *pool_take(struct pool *pool)
{
	const bool used = pool->free != NULL; /* fresh pages are zero */
	void *object = pool_take_as_is(pool);

	if (used)
		memset(object, 0, pool->object_bytes);
	return object;
}

void *pool_take_as_is(struct pool *pool)
{
	struct pool_free *object = pool->free;

	if (object != NULL) {
		pool->free = object->next;
	} else if (pool->untouched < pool->count_max) {
		object = pool_at(pool, pool->untouched++);
	} else {
		check(pool->taken == pool->count_max);
		return NULL;
	}
	pool->taken++;
	return object;
}

void pool_give(struct pool *pool, void *object)
{
	check(pool->taken > 0);
	check(pool_index(pool, object) < pool->untouched);
	struct pool_free *free = object;

	free->next = pool->free;
	pool->free = free;
	pool->taken--;
}

size_t pool_index(const struct pool *pool, const void *object)
{
	size_t offset = (size_t)((const char *)object - pool->memory);

	check(offset % pool->object_bytes == 0);
	check(offset / pool->object_bytes < pool->count_max);
	return offset / pool->object_bytes;
}

void *pool_at(const struct pool *pool, size_t index)
{
	check(index < pool->count_max);
	return pool->memory + index * pool->object_bytes;
}
