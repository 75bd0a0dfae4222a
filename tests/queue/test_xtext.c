#include "queue/xtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_decode(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a+2Bb", "a+b" },
		{ "+3D+20+7E", "= ~" },
		{ "QQ314159;<x>", "QQ314159;<x>" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char memory[32];
		struct text text = TEXT_ON(memory);
		assert_true(xtext_is_valid(view_of(rows[i][0])));
		xtext_decode(&text, view_of(rows[i][0]));
		assert_true(view_equal(text_view(&text), view_of(rows[i][1])));
	}
}

static void test_invalid(void **state)
{
	(void)state;
	static const char *const rows[] = { "a b", "a=b", "+", "+2", "+2b", "+2G", "+0A", "+0D+0A",
		"+00", "+7F", "+80", "a\n", "\x7f", "\xc3\xbc" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_false(xtext_is_valid(view_of(rows[i])));
	assert_false(xtext_is_valid(VIEW("a\0")));
}

static void test_every_byte_comes_back(void **state)
{
	(void)state;
	char plain[95];
	char encoded_memory[3 * sizeof plain];
	char back_memory[sizeof plain];
	struct text encoded = TEXT_ON(encoded_memory);
	struct text back = TEXT_ON(back_memory);

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (char)(' ' + i);
	xtext_encode(&encoded, view_from(plain, sizeof plain));
	assert_true(xtext_is_valid(text_view(&encoded)));
	xtext_decode(&back, text_view(&encoded));
	assert_true(view_equal(text_view(&back), view_from(plain, sizeof plain)));
}

static void test_encode_is_ascii(void **state)
{
	(void)state;
	char memory[32];
	struct text text = TEXT_ON(memory);

	xtext_encode(&text, VIEW("a\r\n\xc3="));
	assert_true(view_equal(text_view(&text), VIEW("a+0D+0A+C3+3D")));
}

static void test_orcpt(void **state)
{
	(void)state;
	static const char *const good[] = { "rfc822;a@b", "RFC822;a+2Bb@c", "x400;abc", "utf-8;a@b",
		"UTF-8;\\x{FC}@b", "utf-8;a\\x{10FFFF}" };
	static const char *const bad[] = { "", "a@b", ";a@b", "rfc822;", "rfc822;a b", "rfc 822;a",
		"rfc822;\xc3\xbc@b", "utf-8;", "utf-8;a+2Bb", "utf-8;\\x{A}", "utf-8;\\x{0A}",
		"utf-8;\\x{D800}", "utf-8;\\x{110000}", "utf-8;\\x{fc}", "utf-8;\\x{FC",
		"utf-8;\\xFC", "utf-8;\\x{0000041}", "utf-8;a b", "utf-8;\xfc", "utf-8;a=b" };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(xtext_is_orcpt(view_of(good[i]), false));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(xtext_is_orcpt(view_of(bad[i]), true));
	assert_true(xtext_is_orcpt(VIEW("utf-8;\xc3\xbc@b"), true));
	assert_false(xtext_is_orcpt(VIEW("utf-8;\xc3\xbc@b"), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_every_byte_comes_back),
		cmocka_unit_test(test_encode_is_ascii),
		cmocka_unit_test(test_orcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
