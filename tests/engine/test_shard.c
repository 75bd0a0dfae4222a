/* Connections' names. */
#include "engine/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHARDS 64 /* of a kind, as config_schema.h has it */
#define EACH   100

static int compare(const void *a, const void *b)
{
	const uint64_t *one = a;
	const uint64_t *other = b;

	return *one < *other ? -1 : *one > *other;
}

/* Of every shard, of either kind, and of two starts a second apart: no two are the same. */
static void no_name_is_used_twice(void **state)
{
	static uint64_t ids[2 * 2 * SHARDS * EACH];
	size_t count = 0;

	(void)state;
	for (int64_t start_s = 1795490100; start_s < 1795490102; start_s++)
		for (unsigned kind = 0; kind < 2; kind++)
			for (unsigned index = 0; index < SHARDS; index++) {
				struct shard shard = { .index = index };
				shard.loop.wall.ms = start_s * 1000;
				shard_name_connections(&shard, kind == 1);
				for (int i = 0; i < EACH; i++)
					ids[count++] = shard_connection_id(&shard);
			}
	assert_int_equal(count, sizeof ids / sizeof ids[0]);
	qsort(ids, count, sizeof ids[0], compare);
	for (size_t i = 1; i < count; i++)
		assert_true(ids[i - 1] < ids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_name_is_used_twice) };

	return cmocka_run_group_tests_name("shard", tests, NULL, NULL);
}
