/* Fields one by one, whole and byte by byte. */
#include "engine/wire/header_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* "name=value|name=value|" of what was read, and whether the header ended. */
static bool read_by(struct view message, size_t step, struct text *found)
{
	struct header_walk walk;
	struct view name;
	struct view value;
	enum header_walk_news news = HEADER_WALK_MORE;

	header_walk_init(&walk);
	while (message.bytes > 0 && news != HEADER_WALK_OVER) {
		struct view piece = view_first(message, step);
		const size_t bytes = piece.bytes;

		do {
			news = header_walk_next(&walk, &piece, &name, &value);
			if (news == HEADER_WALK_FIELD)
				text_format(found, "%.*s=%.*s|", VIEW_ARGS(name), VIEW_ARGS(value));
		} while (news == HEADER_WALK_FIELD);
		message = view_skip(message, bytes);
	}
	if (news != HEADER_WALK_OVER && header_walk_finish(&walk, &name, &value))
		text_format(found, "%.*s=%.*s|", VIEW_ARGS(name), VIEW_ARGS(value));
	return news == HEADER_WALK_OVER;
}

static void assert_reads(const char *message, const char *fields, bool ended)
{
	for (size_t step = 1; step < 12; step++) {
		char room[4096];
		struct text found = TEXT_ON(room);

		assert_int_equal(read_by(view_of(message), step, &found), ended);
		assert_string_equal(text_string(&found), fields);
	}
}

static const struct row {
	const char *message;
	const char *fields;
	bool ended;
} rows[] = {
	{ "", "", false },
	{ "\r\nbody: no\r\n", "", true },
	{ "A: b\r\n\r\nC: d\r\n", "A=b|", true },
	{ "A: b\r\nC:d\r\n\r\n", "A=b|C=d|", true },
	{ "A:\r\n\r\n", "A=|", true },
	{ "A: b", "A=b|", false },
	{ "A: b\r\n", "A=b|", false },
	{ "A: b\r\n c\r\n\td\r\nE: f\r\n\r\n", "A=b c\td|E=f|", true },
	{ "A: b\r\n c", "A=b c|", false },
	{ "A : b\r\n\r\n", "A=b|", true },
	{ "A x: b\r\n\r\n", "", true },
	{ "A: b\r\nno field\r\nC: d\r\n\r\n", "A=b|", true },
	{ ": b\r\n\r\n", "", true },
	{ "Abc", "", false },
	{ "Subject: a: b\r\n\r\n", "Subject=a: b|", true },
	{ "A: b\nC: d\n\n", "A=b|C=d|", true },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_reads(rows[i].message, rows[i].fields, rows[i].ended);
}

static void test_long_ones(void **state)
{
	static char message[8192];
	static char room[8192];
	struct text text = TEXT_ON(message);
	struct text found = TEXT_ON(room);

	(void)state;
	for (size_t i = 0; i < HEADER_WALK_NAME_MAX; i++)
		text_put_byte(&text, 'n');
	text_put(&text, VIEW(": whole name\r\n"));
	for (size_t i = 0; i <= HEADER_WALK_NAME_MAX; i++)
		text_put_byte(&text, 'm');
	text_put(&text, VIEW(": too long a name\r\nA: "));
	for (size_t i = 0; i < 2 * HEADER_WALK_VALUE_MAX; i++)
		text_put_byte(&text, 'v');
	text_put(&text, VIEW("\r\nB: c\r\n\r\n"));
	assert_false(text.overflow);
	assert_true(read_by(text_view(&text), 7, &found));
	const struct view all = text_view(&found);
	assert_true(view_contains_fold(all, VIEW("n=whole name|A=v")));
	assert_true(view_ends_fold(all, VIEW("v|B=c|")));
	const size_t values = HEADER_WALK_VALUE_MAX - 1; /* the space before it counts */
	assert_int_equal(all.bytes, HEADER_WALK_NAME_MAX + strlen("=whole name|A=|B=c|") + values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
