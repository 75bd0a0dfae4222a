#include "engine/wire/stuff.h"

#include "engine/wire/eod.h"
#include "tests/engine/wire/every_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void write_all(struct view body, size_t step, struct text *sent)
{
	struct stuff stuff;
	struct view piece;

	stuff_init(&stuff);
	for (size_t at = 0; at < body.bytes; at += step) {
		struct view part = view_first(view_skip(body, at), step);
		while (stuff_read(&stuff, &part, &piece)) {
			assert_true(piece.bytes > 0);
			text_put(sent, piece);
		}
		assert_int_equal(part.bytes, 0);
	}
	text_put(sent, stuff_finish(&stuff));
	assert_false(sent->overflow);
}

/* The body as it must arrive: line ends whole, and one at the end unless it is empty. */
static void repair(struct view body, struct text *expected)
{
	struct endings endings;
	struct view piece;

	endings_init(&endings, ENDINGS_REPAIR);
	while (endings_read(&endings, &body, &piece))
		text_put(expected, piece);
	if (endings_finish(&endings, &piece))
		text_put(expected, piece);
	if (expected->bytes > 0 && !view_ends_fold(text_view(expected), VIEW("\r\n")))
		text_put(expected, VIEW("\r\n"));
}

/* What is sent must be read back as the body, by a reader that refuses bare CR and LF, and end
 * exactly where the sending ends. */
static void check_body(struct view body, size_t step)
{
	char sent_memory[64];
	char back_memory[64];
	char expected_memory[64];
	struct text sent = TEXT_ON(sent_memory);
	struct text back = TEXT_ON(back_memory);
	struct text expected = TEXT_ON(expected_memory);
	struct eod eod;
	struct view piece;
	enum eod_news news;

	write_all(body, step, &sent);
	repair(body, &expected);
	eod_init(&eod, ENDINGS_REFUSE);
	struct view input = text_view(&sent);
	do {
		piece = view_of("");
		news = eod_read(&eod, &input, &piece);
		text_put(&back, piece);
	} while (news == EOD_PIECE);
	assert_int_equal(news, EOD_END);
	assert_int_equal(input.bytes, 0);
	assert_false(eod_is_refused(&eod));
	assert_true(view_equal(text_view(&back), text_view(&expected)));
}

static void test_every_string_comes_back(void **state)
{
	(void)state;
	struct every_string at = { 0 };
	struct view body;

	while (every_string_next(&at, &body)) {
		check_body(body, 1);
		check_body(body, body.bytes);
	}
}

static void test_rows(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", ".\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ ".\r\n.\r\n", "..\r\n..\r\n.\r\n" },
		{ "a.b\r\n.c\r\n", "a.b\r\n..c\r\n.\r\n" },
		{ "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r", "a\r\n.\r\n" },
		{ "a\r.\r", "a\r\n..\r\n.\r\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t step = 1; step < 8; step++) {
			char memory[64];
			struct text sent = TEXT_ON(memory);
			write_all(view_of(rows[i][0]), step, &sent);
			assert_true(view_equal(text_view(&sent), view_of(rows[i][1])));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string_comes_back),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
