#include "engine/wire/eod.h"

#include "tests/engine/wire/every_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct result {
	bool ended;
	bool refused;
	size_t used; /* bytes up to and with the end */
	char body_memory[64];
	struct text body;
};

static void result_clear(struct result *result)
{
	*result = (struct result){ 0 };
	result->body = text_on(result->body_memory, sizeof result->body_memory);
}

static size_t find_crlf(struct view view)
{
	for (size_t i = 0; i + 1 < view.bytes; i++)
		if (view.data[i] == '\r' && view.data[i + 1] == '\n')
			return i;
	return view.bytes;
}

static void refer_line(struct view line, bool whole, struct result *result)
{
	if (line.bytes > 0 && line.data[0] == '.')
		line = view_skip(line, 1);
	/* The last CR of all may yet be half of a pair. */
	const bool cut = !whole && line.bytes > 0 && line.data[line.bytes - 1] == '\r';
	if (cut)
		line.bytes--;
	for (size_t i = 0; i < line.bytes; i++) {
		bool bare = line.data[i] == '\r' || line.data[i] == '\n';
		const bool dot = line.data[i] == '.' && i > 0 && line.data[i - 1] == '\n';
		/* Behind a bare LF two dots are one, and one may yet be the first of two. */
		if (dot && (i + 1 < line.bytes ? line.data[i + 1] == '.' : !cut && !whole))
			continue;
		text_put(&result->body, bare ? VIEW("\r\n") : view_from(line.data + i, 1));
		result->refused |= bare;
	}
	if (whole)
		text_put(&result->body, VIEW("\r\n"));
}

/* What the machine's header promises, in the plainest words: split at CRLF; a line of one dot is
 * the end; a dot that starts a line goes; what CR and LF are left stood alone. */
static void refer(struct view input, struct result *result)
{
	bool whole = true;

	result_clear(result);
	for (struct view rest = input; whole;) {
		if (view_starts_fold(rest, VIEW(".\r\n"))) {
			result->ended = true;
			result->used = input.bytes - rest.bytes + 3;
			return;
		}
		size_t end = find_crlf(rest);
		whole = end < rest.bytes;
		refer_line(view_first(rest, end), whole, result);
		rest = view_skip(rest, whole ? end + 2 : end);
	}
}

static void feed(struct eod *eod, struct view input, struct result *result)
{
	struct view start = input;
	struct view piece;

	while (!result->ended) {
		enum eod_news news = eod_read(eod, &input, &piece);
		if (news == EOD_MORE)
			break;
		if (news == EOD_PIECE)
			text_put(&result->body, piece);
		else
			result->ended = true;
	}
	result->used += start.bytes - input.bytes;
	result->refused = eod->bare_cr || eod->bare_lf;
}

static void run(struct view input, enum endings_mode mode, size_t step, struct result *result)
{
	struct eod eod;

	eod_init(&eod, mode);
	result_clear(result);
	for (size_t at = 0; at < input.bytes && !result->ended; at += step) {
		feed(&eod, view_first(view_skip(input, at), step), result);
	}
	assert_int_equal(eod_is_refused(&eod), mode == ENDINGS_REFUSE && result->refused);
}

static void compare(struct view input, enum endings_mode mode, const struct result *expected,
        const struct result *result)
{
	bool same = expected->ended == result->ended && expected->refused == result->refused;

	if (expected->ended)
		same = same && expected->used == result->used;
	if (mode == ENDINGS_REPAIR || !expected->refused)
		same = same && view_equal(text_view(&expected->body), text_view(&result->body));
	if (same)
		return;
	printf("mode %d, input:", (int)mode);
	for (size_t i = 0; i < input.bytes; i++)
		printf(" %02x", (unsigned char)input.data[i]);
	printf("\nended %d, not %d; refused %d, not %d; used %zu, not %zu\n", result->ended,
	        expected->ended, result->refused, expected->refused, result->used, expected->used);
	fail();
}

static void test_every_string(void **state)
{
	(void)state;
	struct every_string at = { 0 };
	struct view input;
	unsigned count = 0;

	while (every_string_next(&at, &input)) {
		for (int mode = ENDINGS_REFUSE; mode <= ENDINGS_REPAIR; mode++) {
			struct result expected;
			struct result result;
			refer(input, &expected);
			run(input, (enum endings_mode)mode, 1, &result);
			compare(input, (enum endings_mode)mode, &expected, &result);
			run(input, (enum endings_mode)mode, input.bytes, &result);
			compare(input, (enum endings_mode)mode, &expected, &result);
		}
		count++;
	}
	assert_int_equal(count, EVERY_STRING_COUNT);
}

struct row {
	const char *input;
	const char *body; /* repaired; NULL: no end was read */
	bool bare;
	size_t left; /* bytes behind the end */
};

static const struct row rows[] = {
	{ ".\r\n", "", false, 0 },
	{ ".\r\nQUIT\r\n", "", false, 6 },
	{ "a\r\n.\r\n", "a\r\n", false, 0 },
	{ "..\r\n.\r\n", ".\r\n", false, 0 },
	{ ".a\r\n.\r\n", "a\r\n", false, 0 },
	{ "\r\n\r\n.\r\n", "\r\n\r\n", false, 0 },
	/* Smuggling: what some reader once took for an end, and what follows it, is content. */
	{ "a\n.\nMAIL\r\n.\r\n", "a\r\n.\r\nMAIL\r\n", true, 0 },
	{ "a\r\n.\nMAIL\r\n.\r\n", "a\r\n\r\nMAIL\r\n", true, 0 },
	{ "a\n.\r\nMAIL\r\n.\r\n", "a\r\n.\r\nMAIL\r\n", true, 0 },
	{ "a\r.\rMAIL\r\n.\r\n", "a\r\n.\r\nMAIL\r\n", true, 0 },
	{ "a\r\n.\rMAIL\r\n.\r\n", "a\r\n\r\nMAIL\r\n", true, 0 },
	{ "a\r.\r\nMAIL\r\n.\r\n", "a\r\n.\r\nMAIL\r\n", true, 0 },
	{ "a\r\r\n.\r\nb", "a\r\n\r\n", true, 1 },
	{ "a\r\n.\r\r\n.\r\n", "a\r\n\r\n\r\n", true, 0 },
	/* Behind a bare LF two dots are one, and one is one. */
	{ "a\n..b\n.c\n..\n...\r\n.\r\n", "a\r\n.b\r\n.c\r\n.\r\n..\r\n", true, 0 },
	{ "a\n..\r\n.\r\n", "a\r\n.\r\n", true, 0 },
	{ "a\n..\r\n..\r\n.\r\n", "a\r\n.\r\n.\r\n", true, 0 },
	{ "a\r..b\r\n.\r\n", "a\r\n..b\r\n", true, 0 },
	{ "a\n.\n", NULL, true, 0 },
	{ "a\r\n.\n", NULL, true, 0 },
	{ "a\r\n.\r", NULL, false, 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct view input = view_of(row->input);
		for (size_t step = 1; step <= input.bytes; step++) {
			struct result result;
			run(input, ENDINGS_REPAIR, step, &result);
			assert_int_equal(result.ended, row->body != NULL);
			assert_int_equal(result.refused, row->bare);
			if (row->body == NULL)
				continue;
			assert_true(view_equal(text_view(&result.body), view_of(row->body)));
			assert_int_equal(result.used, input.bytes - row->left);
		}
	}
}

static void test_refusal_stays_in_step(void **state)
{
	(void)state;
	struct view input = VIEW("a\n.\nQUIT\r\n.\r\nRSET\r\n");
	struct view piece;
	struct eod eod;

	eod_init(&eod, ENDINGS_REFUSE);
	assert_int_equal(eod_read(&eod, &input, &piece), EOD_PIECE);
	assert_true(view_equal(piece, VIEW("a")));
	assert_false(eod_is_refused(&eod));
	assert_int_equal(eod_read(&eod, &input, &piece), EOD_END);
	assert_true(eod_is_refused(&eod));
	assert_true(eod.bare_lf);
	assert_false(eod.bare_cr);
	assert_true(view_equal(input, VIEW("RSET\r\n")));
}

static void test_pieces_are_long(void **state)
{
	(void)state;
	/* Line ends do not cut a piece: the body is lent as it came. */
	struct view input = VIEW("one\r\ntwo\r\n\r\nthree, with a . in it\r\n");
	struct view start = input;
	struct view piece;
	struct eod eod;

	eod_init(&eod, ENDINGS_REFUSE);
	assert_int_equal(eod_read(&eod, &input, &piece), EOD_PIECE);
	assert_ptr_equal(piece.data, start.data);
	assert_int_equal(piece.bytes, start.bytes);
	assert_int_equal(eod_read(&eod, &input, &piece), EOD_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refusal_stays_in_step),
		cmocka_unit_test(test_pieces_are_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
