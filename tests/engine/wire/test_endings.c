#include "engine/wire/endings.h"
#include "queue/base/random.h"

#include "tests/engine/wire/every_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every CR LF passes; every other CR or LF is bare, and becomes CR LF. */
static bool refer(struct view input, struct text *body)
{
	bool bare = false;

	for (size_t i = 0; i < input.bytes; i++) {
		bool pair =
		        i + 1 < input.bytes && input.data[i] == '\r' && input.data[i + 1] == '\n';
		if (input.data[i] != '\r' && input.data[i] != '\n') {
			text_put_byte(body, input.data[i]);
			continue;
		}
		text_put(body, VIEW("\r\n"));
		bare |= !pair;
		i += pair;
	}
	return bare;
}

static void run(struct endings *endings, struct view input, size_t step, struct text *body)
{
	struct view piece;

	for (size_t at = 0; at < input.bytes; at += step) {
		struct view part = view_first(view_skip(input, at), step);
		while (endings_read(endings, &part, &piece))
			text_put(body, piece);
		assert_int_equal(part.bytes, 0);
	}
	if (endings_finish(endings, &piece))
		text_put(body, piece);
	assert_false(endings_finish(endings, &piece));
}

static void check_case(struct view input, enum endings_mode mode, size_t step)
{
	char expected_memory[32];
	char body_memory[32];
	struct text expected = TEXT_ON(expected_memory);
	struct text body = TEXT_ON(body_memory);
	struct endings endings;
	bool bare = refer(input, &expected);

	endings_init(&endings, mode);
	run(&endings, input, step, &body);
	assert_int_equal(endings.bare_cr || endings.bare_lf, bare);
	assert_int_equal(endings_are_refused(&endings), bare && mode == ENDINGS_REFUSE);
	if (!endings_are_refused(&endings))
		assert_true(view_equal(text_view(&expected), text_view(&body)));
}

static void test_every_string(void **state)
{
	(void)state;
	struct every_string at = { 0 };
	struct view input;

	while (every_string_next(&at, &input)) {
		check_case(input, ENDINGS_REFUSE, 1);
		check_case(input, ENDINGS_REFUSE, input.bytes);
		check_case(input, ENDINGS_REPAIR, 1);
		check_case(input, ENDINGS_REPAIR, 3);
		check_case(input, ENDINGS_REPAIR, input.bytes);
	}
}

static void test_run_finds_every_place(void **state)
{
	(void)state;
	/* Eight bytes are looked at at once: the byte that stops a run may stand anywhere. */
	static const char stops[] = { '\r', '\n' };
	char data[40];

	for (size_t stop = 0; stop < sizeof stops; stop++) {
		for (size_t at = 0; at < sizeof data; at++) {
			enum endings_stop why;
			for (size_t i = 0; i < sizeof data; i++)
				data[i] = (char)(0x0b + i * 37); /* of CR and LF, none */
			data[at] = stops[stop];
			if (at + 1 < sizeof data)
				data[at + 1] = 'x';
			for (size_t i = 0; i < at; i++)
				if (data[i] == '\r' || data[i] == '\n')
					data[i] = '\xff';
			assert_int_equal(endings_run(view_from(data, sizeof data), &why), at);
			bool last = at + 1 == sizeof data && stops[stop] == '\r';
			assert_int_equal(why, last ? ENDINGS_STOP_CR : ENDINGS_STOP_BARE);
		}
	}
}

/* What endings_run() is to find, a byte at a time. */
static size_t run_slowly(struct view view, enum endings_stop *stop)
{
	for (size_t at = 0; at < view.bytes; at++) {
		const bool last = at + 1 == view.bytes;
		if (view.data[at] != '\r' && view.data[at] != '\n')
			continue;
		if (view.data[at] == '\n' || (!last && view.data[at + 1] != '\n')) {
			*stop = ENDINGS_STOP_BARE;
			return at;
		}
		if (last) {
			*stop = ENDINGS_STOP_CR;
			return at;
		}
		at++;
		if (at + 1 == view.bytes || view.data[at + 1] == '.' || view.data[at + 1] == '\0') {
			*stop = ENDINGS_STOP_AT_LINE;
			return at + 1;
		}
	}
	*stop = ENDINGS_STOP_IN_LINE;
	return view.bytes;
}

/* Blocks of 64 bytes are looked at at once: long lines and short ones, and what stops a run at any
 * place among them. */
static void test_long_runs(void **state)
{
	(void)state;
	static const struct view rare[] = { VIEW_INIT("\r"), VIEW_INIT("\n"), VIEW_INIT("\r\n."),
		VIEW_INIT("\r\r\n"), VIEW_INIT("\r\n\n"), VIEW_INIT("."), VIEW_INIT("\r\n"),
		VIEW_INIT("\r\n\0") };
	char data[700];
	struct random random;

	random_seed(&random, 5);
	for (int round = 0; round < 40000; round++) {
		const size_t bytes = random_below(&random, sizeof data);
		const uint64_t line = 1 + random_below(&random, 150);
		enum endings_stop is;
		enum endings_stop wanted;
		for (size_t i = 0; i < bytes; i++)
			data[i] = "xxxxxxxxxxxxxxxxxxx.\0"[random_below(&random, 21)];
		for (size_t i = 0; i + 2 < bytes; i += 2 + random_below(&random, line))
			memcpy(data + i, i + 3 < bytes && data[i + 2] != 'x' ? "xx" : "\r\n", 2);
		if (bytes > 3 && random_below(&random, 2) == 0) {
			const struct view text = rare[random_below(&random, 8)];
			memcpy(data + random_below(&random, bytes - 3), text.data, text.bytes);
		}
		const struct view view = view_from(data, bytes);
		assert_int_equal(endings_run(view, &is), run_slowly(view, &wanted));
		assert_int_equal(is, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_string),
		cmocka_unit_test(test_run_finds_every_place),
		cmocka_unit_test(test_long_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
