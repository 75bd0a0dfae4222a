/* Encoded lines and what they say. */
#include "engine/wire/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Lines are divided by LF. */
static void assert_says(enum header_encoding encoding, const char *lines, const char *said)
{
	struct transfer transfer;
	struct view left = view_of(lines);
	char room[256];
	struct text text = TEXT_ON(room);

	transfer_init(&transfer, encoding);
	while (left.bytes > 0) {
		const size_t end = view_find(left, '\n');
		transfer_line(&transfer, view_first(left, end), &text);
		left = view_skip(left, end < left.bytes ? end + 1 : end);
	}
	assert_string_equal(text_string(&text), said);
}

static void test_as_it_stands(void **state)
{
	(void)state;
	assert_says(HEADER_ENCODING_ABSENT, "a=3D\n b", "a=3D\n b\n");
	assert_says(HEADER_ENCODING_8BIT, "\xc3\xa4", "\xc3\xa4\n");
}

static void test_quoted(void **state)
{
	(void)state;
	assert_says(HEADER_ENCODING_QUOTED_PRINTABLE, "a=3Db=\nc  \nd", "a=bc\nd\n");
	assert_says(HEADER_ENCODING_QUOTED_PRINTABLE, "=c3=A4 = \nx", "\xc3\xa4 x\n");
	/* Broken ones stay. */
	assert_says(HEADER_ENCODING_QUOTED_PRINTABLE, "a=3\nb=zz\n==3D", "a=3\nb=zz\n==\n");
}

static void test_base64(void **state)
{
	(void)state;
	assert_says(HEADER_ENCODING_BASE64, "YWJj", "abc");
	assert_says(HEADER_ENCODING_BASE64, "YW\nJjZA==", "abcd");
	assert_says(HEADER_ENCODING_BASE64, "Y W*Jj\nDQo=\nYWJj", "abc\r\n");
	assert_says(HEADER_ENCODING_BASE64, "+/+/", "\xfb\xff\xbf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_stands),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
