#include "engine/wire/quoted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void encode(struct text *text, struct view line, size_t step)
{
	struct quoted quoted = { 0 };

	for (size_t at = 0; at < line.bytes; at += step)
		quoted_write(&quoted, text, view_first(view_skip(line, at), step));
	quoted_end_line(&quoted, text);
	assert_int_equal(quoted.column, 0);
	assert_false(text->overflow);
}

static void test_rows(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a = b", "a =3D b" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e",
		        "Gr=C3=BC=C3=9Fe" },
		{ "end ", "end=20" },
		{ "end\t", "end=09" },
		{ "two  ", "two =20" },
		{ " a\tb", " a\tb" },
		{ "\r\x01\x7f", "=0D=01=7F" },
		{ ".", "." },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t step = 1; step < 8; step++) {
			char memory[64];
			struct text text = TEXT_ON(memory);
			encode(&text, view_of(rows[i][0]), step);
			assert_true(view_equal(text_view(&text), view_of(rows[i][1])));
		}
	}
}

/* Decodes what we wrote; checks the form that RFC 2045 wants. */
static void decode(struct view encoded, struct text *plain)
{
	size_t column = 0;

	for (size_t i = 0; i < encoded.bytes; i++) {
		char c = encoded.data[i];
		assert_true(++column <= 76);
		assert_true(c == '\t' || (c >= ' ' && c <= '~'));
		if (c != '=') {
			text_put_byte(plain, c);
			continue;
		}
		assert_true(i + 2 < encoded.bytes);
		char digits[3] = { encoded.data[i + 1], encoded.data[i + 2], '\0' };
		i += 2;
		if (digits[0] == '\r') {
			assert_int_equal(digits[1], '\n');
			column = 0;
		} else {
			text_put_byte(plain, (char)strtol(digits, NULL, 16));
			column += 2;
		}
	}
	if (encoded.bytes > 0)
		assert_int_not_equal(encoded.data[encoded.bytes - 1], ' ');
}

static void test_lines_of_any_length_come_back(void **state)
{
	(void)state;
	static const struct view patterns[] = { VIEW_INIT("a"), VIEW_INIT("\xfc"), VIEW_INIT(" "),
		VIEW_INIT("a "), VIEW_INIT("aa\xfc"), VIEW_INIT("= \t") };

	for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
		for (size_t bytes = 0; bytes < 240; bytes++) {
			char line[240];
			char memory[QUOTED_BYTES(240)];
			char back_memory[240];
			struct text text = text_on(memory, QUOTED_BYTES(bytes));
			struct text back = TEXT_ON(back_memory);
			for (size_t i = 0; i < bytes; i++)
				line[i] = patterns[p].data[i % patterns[p].bytes];
			encode(&text, view_from(line, bytes), 7);
			decode(text_view(&text), &back);
			assert_true(view_equal(text_view(&back), view_from(line, bytes)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lines_of_any_length_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
