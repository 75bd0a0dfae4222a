#include "engine/io/outbox.h"

#include "queue/base/random.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct memory {
	struct depot *depot;
	struct shelf shelf;
};

static int open_memory(void **state)
{
	static struct memory memory;

	assert_false(failed(depot_create(&memory.depot, 64 * CHUNK_BYTES)));
	shelf_init(&memory.shelf, memory.depot);
	*state = &memory;
	return 0;
}

static int close_memory(void **state)
{
	struct memory *memory = *state;

	shelf_finish(&memory->shelf);
	assert_int_equal(depot_chunks_out(memory->depot), 0);
	depot_destroy(memory->depot);
	return 0;
}

static void test_runs_of_copies_are_one_piece(void **state)
{
	struct memory *memory = *state;
	struct outbox outbox = { 0 };
	struct view pieces[8];

	assert_true(outbox_put(&outbox, &memory->shelf, VIEW("MAIL ")));
	assert_true(outbox_put(&outbox, &memory->shelf, VIEW("FROM\r\n")));
	assert_true(outbox_lend(&outbox, &memory->shelf, VIEW("body")));
	assert_true(outbox_put(&outbox, &memory->shelf, VIEW("QUIT")));
	assert_true(outbox_lend(&outbox, &memory->shelf, VIEW("")));
	assert_int_equal(outbox_pieces(&outbox, UINT64_MAX, pieces, 8), 3);
	assert_true(view_equal(pieces[0], VIEW("MAIL FROM\r\n")));
	assert_true(view_equal(pieces[1], VIEW("body")));
	assert_true(view_equal(pieces[2], VIEW("QUIT")));
	assert_int_equal(outbox_pieces(&outbox, 13, pieces, 8), 2);
	assert_true(view_equal(pieces[1], VIEW("bo")));
	outbox_drop(&outbox, &memory->shelf, 13);
	assert_int_equal(outbox_pieces(&outbox, UINT64_MAX, pieces, 1), 1);
	assert_true(view_equal(pieces[0], VIEW("dy")));
	outbox_drop(&outbox, &memory->shelf, 6);
	assert_true(outbox_is_empty(&outbox));
}

static bool holds(const struct chunk *chunk, struct view bytes)
{
	return view_find_fold(view_from(chunk->data, CHUNK_DATA_BYTES), bytes) < CHUNK_DATA_BYTES;
}

/* What was copied, a password among it, leaves nothing behind; what was lent is its owner's. */
static void test_copies_are_wiped(void **state)
{
	static const char lent[] = "body";
	struct memory *memory = *state;
	struct outbox outbox = { 0 };

	assert_true(outbox_put(&outbox, &memory->shelf, VIEW("AUTH PLAIN secret\r\n")));
	const struct chunk *chunk = outbox.chunk;
	assert_true(outbox_lend(&outbox, &memory->shelf, view_of(lent)));
	assert_true(outbox_put(&outbox, &memory->shelf, VIEW("AUTH PLAIN other\r\n")));
	outbox_drop(&outbox, &memory->shelf, 12);
	assert_true(holds(chunk, VIEW("ecret")));
	assert_false(holds(chunk, VIEW("plain secret")));
	outbox_drop(&outbox, &memory->shelf, 7);
	assert_false(holds(chunk, VIEW("ecret")));
	assert_true(holds(chunk, VIEW("other")));
	/* The connection ends before the rest went out. */
	outbox_clear(&outbox, &memory->shelf);
	assert_false(holds(chunk, VIEW("other")));
	assert_string_equal(lent, "body");
}

static void test_a_full_outbox_refuses_and_stays(void **state)
{
	static const char block[OUTBOX_COPIED_MAX];
	struct memory *memory = *state;
	struct outbox outbox = { 0 };

	assert_true(outbox_put(&outbox, &memory->shelf, view_from(block, sizeof block)));
	assert_int_equal(outbox_room_bytes(&outbox), 0);
	assert_false(outbox_put(&outbox, &memory->shelf, VIEW("x")));
	for (size_t i = 1; i < OUTBOX_PIECES_MAX; i++)
		assert_true(outbox_lend(&outbox, &memory->shelf, VIEW("y")));
	assert_int_equal(outbox_room_pieces(&outbox), 0);
	assert_false(outbox_lend(&outbox, &memory->shelf, VIEW("z")));
	outbox_drop(&outbox, &memory->shelf, sizeof block + OUTBOX_PIECES_MAX - 1);
	assert_true(outbox_is_empty(&outbox));
}

static void test_no_memory_changes_nothing(void **state)
{
	struct depot *depot;
	struct shelf shelf;
	struct outbox outbox = { 0 };

	(void)state;
	assert_false(failed(depot_create(&depot, CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	struct chunk *last = shelf_take(&shelf);
	assert_false(outbox_put(&outbox, &shelf, VIEW("x")));
	assert_false(outbox_lend(&outbox, &shelf, VIEW("x")));
	assert_true(outbox_is_empty(&outbox));
	shelf_give(&shelf, last);
	assert_true(outbox_put(&outbox, &shelf, VIEW("x")));
	outbox_clear(&outbox, &shelf);
	shelf_finish(&shelf);
	depot_destroy(depot);
}

/* Bytes come out as they went in, whatever the sizes: each byte is its place in the stream. */
static void test_order_is_kept(void **state)
{
	static char lent[1 << 16];
	struct memory *memory = *state;
	struct outbox outbox = { 0 };
	struct random random;
	uint64_t in = 0;
	uint64_t out = 0;

	for (size_t i = 0; i < sizeof lent; i++)
		lent[i] = (char)(i % 251);
	random_seed(&random, 3);
	for (int round = 0; round < 20000; round++) {
		size_t bytes = (size_t)random_below(&random, OUTBOX_COPIED_MAX / 2);
		struct view part = view_from(lent + in % 251, bytes);
		bool taken = random_below(&random, 2) == 0
		                     ? outbox_put(&outbox, &memory->shelf, part)
		                     : outbox_lend(&outbox, &memory->shelf, part);
		if (taken)
			in += bytes;
		struct view pieces[4];
		uint64_t dropped = 0;
		size_t count =
		        outbox_pieces(&outbox, random_below(&random, OUTBOX_COPIED_MAX), pieces, 4);
		for (size_t i = 0; i < count; i++)
			for (size_t j = 0; j < pieces[i].bytes; j++, dropped++)
				if (pieces[i].data[j] != (char)((out + dropped) % 251))
					fail_msg("byte %zu is wrong", (size_t)(out + dropped));
		outbox_drop(&outbox, &memory->shelf, dropped);
		out += dropped;
	}
	assert_true(out > 1000000);
	outbox_drop(&outbox, &memory->shelf, in - out);
	assert_true(outbox_is_empty(&outbox));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		        test_runs_of_copies_are_one_piece, open_memory, close_memory),
		cmocka_unit_test_setup_teardown(test_copies_are_wiped, open_memory, close_memory),
		cmocka_unit_test_setup_teardown(
		        test_a_full_outbox_refuses_and_stays, open_memory, close_memory),
		cmocka_unit_test(test_no_memory_changes_nothing),
		cmocka_unit_test_setup_teardown(test_order_is_kept, open_memory, close_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
