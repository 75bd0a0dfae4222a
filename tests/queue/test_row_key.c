#include "queue/row_key.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	(void)state;
	const struct row_key message = row_key_message(UINT64_MAX);
	const struct row_key part = row_key_part(7, 65535);
	const struct row_key body = row_key_body(7, 0xdeadbeef);
	const struct row_key job = row_key_job(8, 3);
	const struct row_key due_row = row_key_due((struct due_key){ 2, { 1790000000000 }, 9, 4 });
	uint64_t id = 0;
	uint16_t number = 0;
	uint32_t row = 0;
	struct due_key due;

	assert_true(row_key_parse_message(row_key_view(&message), &id));
	assert_true(id == UINT64_MAX);
	assert_true(row_key_parse_part(row_key_view(&part), &id, &number));
	assert_int_equal(id, 7);
	assert_int_equal(number, 65535);
	assert_true(row_key_parse_body(row_key_view(&body), &id, &row));
	assert_int_equal(row, 0xdeadbeef);
	assert_true(row_key_parse_job(row_key_view(&job), &id, &number));
	assert_int_equal(id, 8);
	assert_int_equal(number, 3);
	assert_true(row_key_parse_due(row_key_view(&due_row), &due));
	assert_int_equal(due.route_id, 2);
	assert_int_equal(due.when.ms, 1790000000000);
	assert_int_equal(due.id, 9);
	assert_int_equal(due.number, 4);

	assert_false(row_key_parse_message(row_key_view(&part), &id));
	assert_false(row_key_parse_body(row_key_view(&part), &id, &row));
	assert_false(row_key_parse_due(row_key_view(&body), &due));
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

/* The bytes sort as the numbers do. */
static void test_sorts(void **state)
{
	(void)state;
	struct random random;

	random_seed(&random, 4);
	for (int i = 0; i < 20000; i++) {
		struct due_key due[2];
		struct row_key row[2];
		for (int side = 0; side < 2; side++) {
			due[side] =
			        (struct due_key){ 1, { (int64_t)random_below(&random, 3) * 255 },
				        random_below(&random, 3) * 256,
				        (uint16_t)random_below(&random, 3) };
			row[side] = row_key_due(due[side]);
		}
		assert_int_equal(sign(due_key_compare(&due[0], &due[1])),
		        sign(memcmp(row[0].data, row[1].data, row[0].bytes)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sorts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
