#include "bench/mock_letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mock_letter letter;

static void holds(const char *text)
{
	mock_letter_begin(&letter);
	mock_letter_feed(&letter, view_of(text));
}

static void assert_view(struct view view, const char *wanted)
{
	if (!view_equal(view, view_of(wanted)))
		fail_msg("\"%s\" is wanted, not \"%.*s\"", wanted, VIEW_ARGS(view));
}

static void test_from(void **state)
{
	static const char *const froms[][2] = {
		{ "From: a@b.example\r\n", "a@b.example" },
		{ "from:<a@b.example>\r\n", "a@b.example" },
		{ "From: A Name <a@b.example>\r\n", "a@b.example" },
		{ "From: \"x <c@d.example>\" <a@b.example>\r\n", "a@b.example" },
		{ "From: \"a \\\" <\" <a@b.example>\r\n", "a@b.example" },
		{ "From: A\r\n\t<a@b.example>\r\n", "a@b.example" },
		{ "To: x@y.example\r\nFROM : a@b.example\r\nFrom: c@d.example\r\n", "a@b.example" },
		{ "From: nobody\r\n", "" },
		{ "From:\r\n", "" },
		{ "From: <a@b.example\r\n", "a@b.example" },
		{ "Subject: none\r\n\r\nFrom: a@b.example\r\n", "" },
		{ "\r\nFrom: a@b.example\r\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof froms / sizeof froms[0]; i++) {
		holds(froms[i][0]);
		assert_view(mock_letter_from(&letter), froms[i][1]);
	}
}

static void test_header_and_fields(void **state)
{
	(void)state;
	holds("Message-ID: <1@x>\r\nSubject: a\r\n b\r\n\r\nBody: no\r\n");
	assert_view(mock_letter_header(&letter), "Message-ID: <1@x>\r\nSubject: a\r\n b\r\n");
	assert_view(mock_letter_field(&letter, VIEW("message-id")), "<1@x>");
	assert_view(mock_letter_field(&letter, VIEW("Subject")), "a\r\n b");
	assert_view(mock_letter_field(&letter, VIEW("Body")), "");
}

static void test_byte_by_byte(void **state)
{
	const char *text = "X: y\r\nFrom: A <a@b.example>\r\n\r\nbody";

	(void)state;
	mock_letter_begin(&letter);
	for (const char *byte = text; *byte != '\0'; byte++)
		mock_letter_feed(&letter, view_from(byte, 1));
	assert_view(mock_letter_from(&letter), "a@b.example");
}

static void test_keeps_no_more_than_its_bound(void **state)
{
	static char line[1000];

	(void)state;
	memset(line, 'x', sizeof line);
	mock_letter_begin(&letter);
	mock_letter_feed(&letter, VIEW("From: a@b.example\r\nX: "));
	for (int i = 0; i < 20; i++)
		mock_letter_feed(&letter, view_from(line, sizeof line));
	assert_int_equal(letter.bytes, MOCK_LETTER_BYTES_MAX);
	assert_int_equal(mock_letter_header(&letter).bytes, MOCK_LETTER_BYTES_MAX);
	assert_view(mock_letter_from(&letter), "a@b.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_header_and_fields),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_keeps_no_more_than_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
