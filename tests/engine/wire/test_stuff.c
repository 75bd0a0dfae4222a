#include "engine/wire/stuff.h"

#include "engine/wire/eod.h"
#include "tests/death.h"
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
	bool more = true;
	while (more) {
		more = stuff_finish(&stuff, &piece);
		text_put(sent, piece);
	}
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

/* Who drops NULs finds the end where it is, too. */
static void check_without_nuls(struct view body)
{
	char sent_memory[64];
	char bare_memory[64];
	struct text sent = TEXT_ON(sent_memory);
	struct text bare = TEXT_ON(bare_memory);
	struct eod eod;
	struct view piece;
	enum eod_news news;

	write_all(body, body.bytes, &sent);
	for (size_t i = 0; i < sent.bytes; i++)
		if (sent_memory[i] != '\0')
			text_put_byte(&bare, sent_memory[i]);
	struct view input = text_view(&bare);
	eod_init(&eod, ENDINGS_REFUSE);
	do
		news = eod_read(&eod, &input, &piece);
	while (news == EOD_PIECE);
	assert_int_equal(news, EOD_END);
	assert_int_equal(input.bytes, 0);
	assert_false(eod_is_refused(&eod));
}

static void test_every_string_with_nuls(void **state)
{
	(void)state;
	struct every_string at = { 0 };
	char data[EVERY_STRING_MAX];
	struct view string;

	while (every_string_next(&at, &string)) {
		for (size_t i = 0; i < string.bytes; i++)
			data[i] = string.data[i] == 'a' ? '\0' : string.data[i];
		const struct view body = view_from(data, string.bytes);
		check_body(body, 1);
		check_body(body, body.bytes);
		check_without_nuls(body);
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

/* More NULs than are given at once. */
static void test_many_nuls(void **state)
{
	(void)state;
	char data[150] = { 0 };
	static const struct {
		const char *behind;
		const char *sent_before, *sent_behind;
	} rows[] = {
		{ "", "", "\r\n.\r\n" },
		{ "a", "", "a\r\n.\r\n" },
		{ ".", ".", ".\r\n.\r\n" },
		{ "\r\n", "", "\r\n.\r\n" },
	};

	for (size_t nuls = 60; nuls < 140; nuls++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			for (size_t step = 1; step < sizeof data; step += 20) {
				char sent_memory[200];
				char wanted_memory[200];
				struct text sent = TEXT_ON(sent_memory);
				struct text wanted = TEXT_ON(wanted_memory);
				const size_t bytes = strlen(rows[i].behind);
				memcpy(data + nuls, rows[i].behind, bytes);
				write_all(view_from(data, nuls + bytes), step, &sent);
				text_put(&wanted, view_of(rows[i].sent_before));
				text_put(&wanted, view_from(data, nuls));
				text_put(&wanted, view_of(rows[i].sent_behind));
				assert_true(view_equal(text_view(&sent), text_view(&wanted)));
				memset(data, 0, sizeof data);
			}
		}
	}
}

static void read_more(void *argument)
{
	struct view input = VIEW("x");
	struct view piece;

	(void)stuff_read(argument, &input, &piece);
}

static void test_nothing_follows_the_end(void **state)
{
	(void)state;
	struct stuff stuff;
	struct view piece;

	stuff_init(&stuff);
	assert_false(dies(read_more, &stuff));
	assert_false(stuff_finish(&stuff, &piece));
	assert_true(dies(read_more, &stuff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string_comes_back),
		cmocka_unit_test(test_every_string_with_nuls),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many_nuls),
		cmocka_unit_test(test_nothing_follows_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
