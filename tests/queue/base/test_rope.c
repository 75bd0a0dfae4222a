#include "queue/base/rope.h"

#include "queue/base/random.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define CHUNKS 40

struct fixture {
	struct depot *depot;
	struct shelf shelf;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_false(failed(depot_create(&fixture->depot, CHUNKS * CHUNK_BYTES)));
	shelf_init(&fixture->shelf, fixture->depot);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	shelf_finish(&fixture->shelf);
	depot_destroy(fixture->depot); /* checks that every rope was freed */
	free(fixture);
	return 0;
}

/* Appends of odd sizes across chunk ends give back what went in. */
static void test_keeps_what_was_appended(void **state)
{
	struct fixture *fixture = *state;
	static char whole[20 * CHUNK_DATA_BYTES], read[sizeof whole];
	struct rope rope = { 0 };
	struct random random;
	size_t used = 0;

	random_seed(&random, 1);
	for (size_t i = 0; i < sizeof whole; i++)
		whole[i] = (char)random_u64(&random);
	while (used < sizeof whole) {
		size_t bytes = random_below(&random, 3 * CHUNK_DATA_BYTES);
		if (bytes > sizeof whole - used)
			bytes = sizeof whole - used;
		assert_true(rope_append(&rope, &fixture->shelf, view_from(whole + used, bytes), 0));
		used += bytes;
		assert_int_equal(rope.bytes, used);
	}
	assert_int_equal(rope_copy(&rope, 0, (struct span){ read, sizeof read }), sizeof whole);
	assert_memory_equal(read, whole, sizeof whole);

	struct rope_cursor at = rope_start(&rope);
	struct view piece;
	used = 0;
	while (rope_next(&at, &piece)) {
		assert_true(piece.bytes > 0);
		assert_memory_equal(piece.data, whole + used, piece.bytes);
		used += piece.bytes;
	}
	assert_int_equal(used, sizeof whole);
	rope_free(&rope, &fixture->shelf);
	assert_int_equal(rope.bytes, 0);
}

static void test_copies_from_anywhere(void **state)
{
	struct fixture *fixture = *state;
	struct rope rope = { 0 };
	char read[8];

	for (uint32_t i = 0; i < 10000; i++)
		assert_true(rope_append(&rope, &fixture->shelf, view_from(&i, sizeof i), 0));
	for (uint32_t i = 0; i < 9999; i++) {
		uint32_t expected[2] = { i, i + 1 };
		assert_int_equal(rope_copy(&rope, i * sizeof i, (struct span){ read, 8 }), 8);
		assert_memory_equal(read, expected, 8);
	}
	assert_int_equal(rope_copy(&rope, rope.bytes - 3, (struct span){ read, 8 }), 3);
	assert_int_equal(rope_copy(&rope, rope.bytes, (struct span){ read, 8 }), 0);
	rope_free(&rope, &fixture->shelf);
}

static void test_append_is_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	static char block[CHUNK_DATA_BYTES];
	struct rope rope = { 0 };

	for (int i = 0; i < CHUNKS - 1; i++)
		assert_true(rope_append(&rope, &fixture->shelf, view_from(block, sizeof block), 0));
	static char two_blocks[2 * CHUNK_DATA_BYTES];
	uint64_t before = rope.bytes;
	assert_false(
	        rope_append(&rope, &fixture->shelf, view_from(two_blocks, sizeof two_blocks), 0));
	assert_int_equal(rope.bytes, before);
	/* The one that is left was not lost on the way. */
	assert_true(rope_append(&rope, &fixture->shelf, view_from(block, sizeof block), 0));
	assert_false(rope_append(&rope, &fixture->shelf, VIEW("x"), 0));
	rope_free(&rope, &fixture->shelf);
}

static void test_extend_gives_room_in_one_piece(void **state)
{
	struct fixture *fixture = *state;
	struct rope rope = { 0 };
	char read[4];

	char *first = rope_extend(&rope, &fixture->shelf, 10000, 0);
	char *second = rope_extend(&rope, &fixture->shelf, 10000, 0);
	assert_non_null(first);
	assert_non_null(second);
	memset(first, '1', 10000);
	memset(second, '2', 10000);
	assert_true(rope_append(&rope, &fixture->shelf, VIEW("end"), 0));
	assert_int_equal(rope.bytes, 20003);
	assert_int_equal(rope_copy(&rope, 9999, (struct span){ read, 2 }), 2);
	assert_memory_equal(read, "12", 2);
	assert_int_equal(rope_copy(&rope, 20000, (struct span){ read, 4 }), 3);
	assert_memory_equal(read, "end", 3);
	rope_free(&rope, &fixture->shelf);
}

/* At every place of a first chunk with less and less room, with chunks behind it or not. */
static void test_insert_at_any_place(void **state)
{
	static char model[4 * CHUNK_DATA_BYTES], found[4 * CHUNK_DATA_BYTES];
	static char block[CHUNK_DATA_BYTES];
	const size_t inserted[] = { 0, 1, 300, CHUNK_DATA_BYTES / 2 };
	const size_t filled[] = { 1, 500, CHUNK_DATA_BYTES - 300, CHUNK_DATA_BYTES,
		CHUNK_DATA_BYTES + 77, 2 * CHUNK_DATA_BYTES + 5 };
	const size_t fills = sizeof filled / sizeof filled[0];
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof inserted / sizeof inserted[0] * fills * 5; i++) {
		const size_t bytes = inserted[i % 4], fill = filled[i / 4 % fills];
		const size_t offset = fill * (i / 4 / fills) / 4;
		struct rope rope = { 0 };
		for (size_t at = 0; at < fill; at++)
			model[at] = (char)('a' + at % 23);
		assert_true(rope_append(&rope, &fixture->shelf, view_from(model, fill), 0));
		memset(block, '+', bytes);
		memmove(model + offset + bytes, model + offset, fill - offset);
		memcpy(model + offset, block, bytes);
		assert_true(
		        rope_insert(&rope, &fixture->shelf, offset, view_from(block, bytes), 0));
		assert_true(rope_append(&rope, &fixture->shelf, VIEW("end"), 0));
		memcpy(model + fill + bytes, "end", 3);
		assert_int_equal(rope.bytes, fill + bytes + 3);
		assert_int_equal(rope_copy(&rope, 0, (struct span){ found, sizeof found }),
		        fill + bytes + 3);
		assert_memory_equal(found, model, fill + bytes + 3);
		rope_free(&rope, &fixture->shelf);
	}
}

static void test_join_and_move(void **state)
{
	struct fixture *fixture = *state;
	struct rope head = { 0 }, tail = { 0 }, empty = { 0 };
	char read[16];

	assert_true(rope_append(&head, &fixture->shelf, VIEW("head"), 0));
	assert_true(rope_append(&tail, &fixture->shelf, VIEW("tail"), 0));
	rope_join(&head, &empty);
	rope_join(&head, &tail);
	assert_int_equal(tail.bytes, 0);
	assert_null(tail.first);
	rope_join(&empty, &head);
	struct rope moved = rope_move(&empty);
	assert_int_equal(empty.bytes, 0);
	assert_true(rope_append(&moved, &fixture->shelf, VIEW("!"), 0));
	assert_int_equal(rope_copy(&moved, 0, (struct span){ read, sizeof read }), 9);
	assert_memory_equal(read, "headtail!", 9);
	rope_free(&moved, &fixture->shelf);
}

static void test_cut_leaves_the_rest(void **state)
{
	struct fixture *fixture = *state;
	static char whole[3 * CHUNK_DATA_BYTES + 100], wanted[sizeof whole], read[sizeof whole];
	static const uint64_t places[] = { 0, 1, CHUNK_DATA_BYTES - 1, CHUNK_DATA_BYTES,
		CHUNK_DATA_BYTES + 1, 3 * CHUNK_DATA_BYTES - 5, sizeof whole - 3, sizeof whole };
	struct random random;

	random_seed(&random, 2);
	for (size_t i = 0; i < sizeof whole; i++)
		whole[i] = (char)random_u64(&random);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		for (size_t j = i; j < sizeof places / sizeof places[0]; j++) {
			const size_t from = (size_t)places[i];
			const size_t to = (size_t)places[j];
			const size_t left = sizeof whole - (to - from);
			struct rope rope = { 0 };

			assert_true(rope_append(
			        &rope, &fixture->shelf, view_from(whole, sizeof whole), 0));
			rope_cut(&rope, &fixture->shelf, from, to - from);
			memcpy(wanted, whole, from);
			memcpy(wanted + from, whole + to, sizeof whole - to);
			assert_int_equal(rope.bytes, left);
			assert_int_equal(
			        rope_copy(&rope, 0, (struct span){ read, sizeof read }), left);
			assert_memory_equal(read, wanted, left);
			/* It goes on behind what is last now. */
			assert_true(rope_append(&rope, &fixture->shelf, VIEW("end"), 0));
			assert_int_equal(rope_copy(&rope, left, (struct span){ read, 3 }), 3);
			assert_memory_equal(read, "end", 3);
			rope_free(&rope, &fixture->shelf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_what_was_appended),
		cmocka_unit_test(test_copies_from_anywhere),
		cmocka_unit_test(test_append_is_all_or_nothing),
		cmocka_unit_test(test_extend_gives_room_in_one_piece),
		cmocka_unit_test(test_insert_at_any_place),
		cmocka_unit_test(test_cut_leaves_the_rest),
		cmocka_unit_test(test_join_and_move),
	};

	return cmocka_run_group_tests_name("rope", tests, set_up, tear_down);
}
