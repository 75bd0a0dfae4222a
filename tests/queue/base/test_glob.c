/* Patterns by tables, and against a plain recursive reading of the same words. */
#include "queue/base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct row {
	const char *pattern;
	const char *text;
	bool matches;
} rows[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "*", "", true },
	{ "*", "anything at all", true },
	{ "?", "", false },
	{ "?", "a", true },
	{ "high", "HIGH", true },
	{ "HI*", "high", true },
	{ "*gh", "high", true },
	{ "h*h", "high", true },
	{ "h*x", "high", false },
	{ "h??h", "high", true },
	{ "h?h", "high", false },
	{ "*a*b*c*", "xxaxxbxxcxx", true },
	{ "*a*b*c*", "xxaxxcxxbxx", false },
	{ "a*a", "a", false },
	{ "**", "", true },
	{ "*?", "", false },
	{ "[a-z]", "b", false },
	{ "[a-z]", "[A-Z]", true },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (glob_matches(view_of(rows[i].pattern), view_of(rows[i].text)) !=
		        rows[i].matches)
			fail_msg("\"%s\" against \"%s\"", rows[i].pattern, rows[i].text);
}

static bool plainly(struct view pattern, struct view text)
{
	if (pattern.bytes == 0)
		return text.bytes == 0;
	if (pattern.data[0] == '*')
		return plainly(view_skip(pattern, 1), text) ||
		       (text.bytes > 0 && plainly(pattern, view_skip(text, 1)));
	return text.bytes > 0 && (pattern.data[0] == '?' || pattern.data[0] == text.data[0]) &&
	       plainly(view_skip(pattern, 1), view_skip(text, 1));
}

/* The n-th string of so many bytes over the letters. */
static struct view nth(unsigned n, size_t bytes, const char *letters, unsigned count, char *room)
{
	for (size_t i = 0; i < bytes; i++, n /= count)
		room[i] = letters[n % count];
	return view_from(room, bytes);
}

/* Every pattern to 5 bytes over {a, b, *, ?} against every text to 5 bytes over {a, b}. */
static void test_every_string(void **state)
{
	char pattern_room[8];
	char text_room[8];

	(void)state;
	for (size_t p = 0; p <= 5; p++)
		for (unsigned i = 0; i < 1U << (2 * p); i++) {
			const struct view pattern = nth(i, p, "ab*?", 4, pattern_room);
			for (size_t t = 0; t <= 5; t++)
				for (unsigned j = 0; j < 1U << t; j++) {
					const struct view text = nth(j, t, "ab", 2, text_room);
					if (glob_matches(pattern, text) != plainly(pattern, text))
						fail_msg("\"%.*s\" against \"%.*s\"",
						        VIEW_ARGS(pattern), VIEW_ARGS(text));
				}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
