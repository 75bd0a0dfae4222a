#include "engine/wire/line.h"

#include "tests/engine/wire/every_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void put_line(struct text *account, const struct line *line)
{
	text_put(account, VIEW("["));
	text_put(account, line->text);
	text_put_byte(account, line->crlf ? '+' : '-');
	text_put_byte(account, line->bare_cr ? 'c' : ' ');
	text_put_byte(account, line->too_long ? 'l' : ' ');
	text_put(account, VIEW("]"));
}

/* The same in the plainest words. */
static void refer(struct view input, size_t room, struct text *account)
{
	size_t start = 0;

	for (size_t i = 0; i < input.bytes; i++) {
		if (input.data[i] != '\n')
			continue;
		struct view text = view_from(input.data + start, i - start);
		struct line line = { .text = text };
		line.crlf = text.bytes > 0 && text.data[text.bytes - 1] == '\r';
		line.text.bytes -= line.crlf;
		line.bare_cr = view_find(line.text, '\r') < line.text.bytes;
		line.too_long = line.text.bytes > room;
		line.text = view_first(line.text, room);
		put_line(account, &line);
		start = i + 1;
	}
}

static void run(struct view input, size_t room, size_t step, struct text *account)
{
	char buffer[64];
	struct line_reader reader;
	struct line line;

	line_init(&reader, (struct span){ buffer, room });
	for (size_t at = 0; at < input.bytes; at += step) {
		struct view part = view_first(view_skip(input, at), step);
		while (line_read(&reader, &part, &line) == LINE_READY)
			put_line(account, &line);
		assert_int_equal(part.bytes, 0);
	}
	bool ended = input.bytes == 0 || input.data[input.bytes - 1] == '\n';
	assert_int_equal(line_is_idle(&reader), ended);
}

static void check_case(struct view input, size_t room)
{
	char expected_memory[128];
	struct text expected = TEXT_ON(expected_memory);

	refer(input, room, &expected);
	for (size_t step = 1; step <= input.bytes; step++) {
		char memory[128];
		struct text account = TEXT_ON(memory);
		run(input, room, step, &account);
		if (!view_equal(text_view(&account), text_view(&expected)))
			printf("room %zu, step %zu: %.*s, not %.*s\n", room, step,
			        VIEW_ARGS(text_view(&account)), VIEW_ARGS(text_view(&expected)));
		assert_true(view_equal(text_view(&account), text_view(&expected)));
	}
}

static void test_every_string(void **state)
{
	(void)state;
	struct every_string at = { 0 };
	struct view input;

	while (every_string_next(&at, &input)) {
		check_case(input, 2);
		check_case(input, 16);
	}
}

static void test_rows(void **state)
{
	(void)state;
	static const char *const inputs[] = {
		"EHLO a\r\nMAIL FROM:<>\r\n",
		"123456789\r\n12345678\r\n1234567\r\n",
		"12345678\r\r\n1234567\r\r\n\r\r\n",
		"\n\r\n\n",
		"no end",
		"123456789 and more\rand more\nshort\r\n",
	};

	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
		check_case(view_of(inputs[i]), 8);
}

static void test_whole_lines_are_lent_from_the_input(void **state)
{
	(void)state;
	char buffer[8];
	struct line_reader reader;
	struct line line;
	struct view input = VIEW("NOOP\r\nQU");
	const char *start = input.data;

	line_init(&reader, (struct span){ buffer, sizeof buffer });
	assert_int_equal(line_read(&reader, &input, &line), LINE_READY);
	assert_ptr_equal(line.text.data, start);
	assert_true(line_is_idle(&reader));
	assert_int_equal(line_read(&reader, &input, &line), LINE_MORE);
	assert_false(line_is_idle(&reader));
	input = VIEW("IT\r\n");
	assert_int_equal(line_read(&reader, &input, &line), LINE_READY);
	assert_true(view_equal(line.text, VIEW("QUIT")));
	assert_ptr_equal(line.text.data, buffer);
	assert_true(line_is_idle(&reader));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_whole_lines_are_lent_from_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
