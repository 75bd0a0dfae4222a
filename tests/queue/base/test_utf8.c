#include "queue/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RFC 3629 by arithmetic: bytes of the sequence, 0 where it is none. */
static size_t refer(const unsigned char *data, size_t bytes)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t want = data[0] < 0x80 ? 1 : data[0] >> 5 == 6 ? 2 : data[0] >> 4 == 14 ? 3 : 4;

	if (want == 1)
		return 1;
	if ((want == 4 && data[0] >> 3 != 30) || bytes < want)
		return 0;
	uint32_t point = data[0] & (0x7fu >> want);
	for (size_t i = 1; i < want; i++) {
		if (data[i] >> 6 != 2)
			return 0;
		point = point << 6 | (data[i] & 0x3f);
	}
	bool surrogate = point >= 0xd800 && point < 0xe000;
	return point < least[want] || surrogate || point > 0x10ffff ? 0 : want;
}

static void assert_same(const unsigned char *data, size_t bytes)
{
	assert_int_equal(utf8_sequence_bytes(view_from(data, bytes)), refer(data, bytes));
}

static void test_every_lead_and_second_byte(void **state)
{
	(void)state;
	static const unsigned char tails[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0 };

	for (unsigned i = 0; i < 0x10000; i++) {
		for (size_t third = 0; third < sizeof tails; third++) {
			const unsigned char data[] = { (unsigned char)(i >> 8), (unsigned char)i,
				tails[third], 0x80 };
			for (size_t bytes = 1; bytes <= sizeof data; bytes++)
				assert_same(data, bytes);
		}
	}
}

static void test_texts(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(VIEW("")));
	assert_true(utf8_is_valid(VIEW("Gr\xc3\xbc\xc3\x9f"
	                               "e \xf0\x9f\x93\xa0")));
	assert_false(utf8_is_valid(VIEW("Gr\xfc\xdf"
	                                "e")));
	assert_false(utf8_is_valid(VIEW("cut \xf0\x9f\x93")));
	assert_int_equal(utf8_sequence_bytes(VIEW("")), 0);
}

static void test_code_points(void **state)
{
	(void)state;
	assert_int_equal(utf8_code_point(VIEW("a")), 'a');
	assert_int_equal(utf8_code_point(VIEW("\x7f")), 0x7f);
	assert_int_equal(utf8_code_point(VIEW("\xc2\x80")), 0x80);
	assert_int_equal(utf8_code_point(VIEW("\xdf\xbf")), 0x7ff);
	assert_int_equal(utf8_code_point(VIEW("\xe0\xa0\x80")), 0x800);
	assert_int_equal(utf8_code_point(VIEW("\xef\xbf\xbf")), 0xffff);
	assert_int_equal(utf8_code_point(VIEW("\xf0\x90\x80\x80")), 0x10000);
	assert_int_equal(utf8_code_point(VIEW("\xf4\x8f\xbf\xbf")), 0x10ffff);
}

static void test_ascii_at_every_place(void **state)
{
	(void)state;
	char data[40];

	memset(data, 'a', sizeof data);
	for (size_t bytes = 0; bytes <= sizeof data; bytes++)
		assert_true(utf8_is_ascii(view_from(data, bytes)));
	for (size_t at = 0; at < sizeof data; at++) {
		data[at] = '\x80';
		assert_false(utf8_is_ascii(view_from(data, sizeof data)));
		assert_true(utf8_is_ascii(view_from(data, at)));
		data[at] = '\x7f';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_lead_and_second_byte),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_ascii_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
