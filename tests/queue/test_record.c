#include "queue/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	(void)state;
	char room[32];
	struct record_writer writer = record_write((struct span){ room, sizeof room });

	record_put_u8(&writer, 0xfe);
	record_put_u16(&writer, 0x1234);
	record_put_u32(&writer, 0xdeadbeef);
	record_put_u64(&writer, UINT64_MAX - 1);
	record_put(&writer, VIEW("mail"));
	assert_int_equal(writer.bytes, 1 + 2 + 4 + 8 + 4);
	assert_memory_equal(room, "\xfe\x12\x34\xde\xad\xbe\xef", 7); /* big-endian */

	struct record_reader reader = record_read(record_view(&writer));
	assert_int_equal(record_get_u8(&reader), 0xfe);
	assert_int_equal(record_get_u16(&reader), 0x1234);
	assert_int_equal(record_get_u32(&reader), 0xdeadbeef);
	assert_true(record_get_u64(&reader) == UINT64_MAX - 1);
	assert_false(record_is_read(&reader));
	assert_true(view_equal(record_get(&reader, 4), VIEW("mail")));
	assert_true(record_is_read(&reader));
}

/* Cut at every length: zeros and bad, never a byte beyond. */
static void test_cut_records_go_bad(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 8; bytes++) {
		struct record_reader reader = record_read(view_from("\1\1\1\1\1\1\1\1", bytes));
		assert_int_equal(record_get_u64(&reader), 0);
		assert_true(reader.bad);
		assert_int_equal(record_get_u8(&reader), 0);
		assert_false(record_is_read(&reader));
	}
}

static void test_strings(void **state)
{
	(void)state;
	char room[32];
	char into[8] = "before";
	struct record_writer writer = record_write((struct span){ room, sizeof room });

	record_put_string(&writer, "seven b");
	record_put_string(&writer, "");
	record_put_string(&writer, "eight by");
	struct record_reader reader = record_read(record_view(&writer));
	assert_true(record_get_string(&reader, into, sizeof into));
	assert_string_equal(into, "seven b");
	assert_true(record_get_string(&reader, into, sizeof into));
	assert_string_equal(into, "");
	assert_false(record_get_string(&reader, into, sizeof into)); /* no room for its NUL */
	assert_string_equal(into, "");
	reader = record_read(VIEW("\0\3a\0b"));
	assert_false(record_get_string(&reader, into, sizeof into)); /* it would be cut */
	reader = record_read(VIEW("\0\3ab"));
	assert_false(record_get_string(&reader, into, sizeof into));
	assert_true(reader.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_records_go_bad),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
