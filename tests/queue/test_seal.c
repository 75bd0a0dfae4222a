#include "queue/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TABLE 3

static const struct seal_secret secret = { 77 };
static char room[200];

/* Gives the row's bytes. */
static size_t make_row(struct view key, struct view value, uint64_t serial)
{
	const size_t bytes = seal_bytes(key.bytes, value.bytes);
	const struct span row = { room, bytes };
	const struct span place = seal_begin(row, TABLE, key, serial);

	assert_int_equal(place.bytes, value.bytes);
	memcpy(place.data, value.data, value.bytes);
	seal_end(row, key.bytes, secret);
	return bytes;
}

static void test_what_is_sealed_is_read(void **state)
{
	static const struct view values[] = { VIEW_INIT(""), VIEW_INIT("x"),
		VIEW_INIT("a value of some length") };
	struct seal seal;

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		const size_t bytes = make_row(VIEW("key"), values[i], UINT64_MAX - i);
		/* Also with more behind it. */
		for (size_t more = 0; more < 20; more++) {
			assert_true(seal_read(view_from(room, bytes + more), secret, &seal));
			assert_int_equal(seal.table, TABLE);
			assert_int_equal(seal.serial, UINT64_MAX - i);
			assert_true(view_equal(seal.key, VIEW("key")));
			assert_true(view_equal(seal.value, values[i]));
		}
	}
}

static void test_every_bit_counts(void **state)
{
	const size_t bytes = make_row(VIEW("key"), VIEW("value"), 5);
	struct seal seal;

	(void)state;
	for (size_t bit = 0; bit < 8 * bytes; bit++) {
		room[bit / 8] ^= (char)(1 << bit % 8);
		assert_false(seal_read(view_from(room, bytes), secret, &seal));
		room[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < bytes; cut++)
		assert_false(seal_read(view_from(room, cut), secret, &seal));
	assert_true(seal_read(view_from(room, bytes), secret, &seal));
}

/* What a mail brings in its body was sealed by somebody else. */
static void test_another_secret_is_none(void **state)
{
	const size_t bytes = make_row(VIEW("key"), VIEW("value"), 5);
	struct seal seal;

	(void)state;
	for (uint64_t number = 0; number < 77; number++)
		assert_false(
		        seal_read(view_from(room, bytes), (struct seal_secret){ number }, &seal));
}

static void test_rows_are_found(void **state)
{
	char file[300] = "\xf3SL and so on";
	const size_t bytes = make_row(VIEW("key"), VIEW("value"), 5);

	(void)state;
	for (size_t at = 20; at + bytes <= sizeof file; at++) {
		memset(file + 20, 0, sizeof file - 20);
		memcpy(file + at, room, bytes);
		assert_int_equal(seal_find(view_from(file, sizeof file)), at);
		assert_int_equal(seal_find(view_from(file, at + SEAL_MARK_BYTES - 1)),
		        at + SEAL_MARK_BYTES - 1);
	}
	assert_int_equal(seal_find(view_from(file, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sealed_is_read),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_another_secret_is_none),
		cmocka_unit_test(test_rows_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
