/* What counts on disk counts after a restart for as long as it would have; never less. */
#include "queue/window_record.h"
#include "queue/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE_NS (60 * NS_PER_S)

static char record[WINDOW_RECORD_MAX];

static struct view write_down(struct window *window, int64_t now_ns)
{
	struct record_writer writer = record_write((struct span){ record, sizeof record });

	(void)window_used(window, now_ns);
	window_record_put(&writer, window, now_ns);
	return record_view(&writer);
}

static void test_it_counts_as_long(void **state)
{
	static struct window before;
	static struct window after;

	(void)state;
	window_init(&before, 100, MINUTE_NS);
	window_init(&after, 100, MINUTE_NS);
	(void)window_add(&before, 0, 30);
	(void)window_add(&before, 20 * NS_PER_S, 20);
	struct record_reader reader = record_read(write_down(&before, 30 * NS_PER_S));
	/* A machine whose clock began elsewhere; ten seconds have passed. */
	const int64_t begins_ns = 1000 * NS_PER_S;
	(void)window_used(&after, begins_ns);
	window_record_get(&reader, &after, begins_ns - 10 * NS_PER_S);
	assert_true(record_is_read(&reader));
	assert_int_equal(window_used(&after, begins_ns), 50);
	assert_int_equal(window_used(&after, begins_ns + 19 * NS_PER_S), 50);
	assert_int_equal(window_used(&after, begins_ns + 21 * NS_PER_S), 20);
	assert_int_equal(window_used(&after, begins_ns + 41 * NS_PER_S), 0);
}

static void test_damage_is_bad(void **state)
{
	static struct window window;
	static struct window after;

	(void)state;
	window_init(&window, 100, MINUTE_NS);
	for (int i = 0; i < 40; i++)
		(void)window_add(&window, i * NS_PER_S, 2);
	const struct view whole = write_down(&window, MINUTE_NS);
	for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
		struct record_reader reader = record_read(view_first(whole, bytes));
		window_init(&after, 100, MINUTE_NS);
		window_record_get(&reader, &after, 0);
		assert_false(record_is_read(&reader));
	}
	memset(record, 0xff, 8); /* slots of centuries */
	struct record_reader reader = record_read(whole);
	window_record_get(&reader, &after, 0);
	assert_true(reader.bad);
}

static void test_the_largest_fits(void **state)
{
	static struct window window;

	(void)state;
	window_init(&window, 1000000, MINUTE_NS);
	for (int64_t i = 0; i < WINDOW_SLOTS; i++)
		(void)window_add(&window, i * window.slot_ns, UINT16_MAX);
	assert_true(write_down(&window, (WINDOW_SLOTS - 1) * window.slot_ns).bytes <=
	            WINDOW_RECORD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_counts_as_long),
		cmocka_unit_test(test_damage_is_bad),
		cmocka_unit_test(test_the_largest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
