#include "queue/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_equality(void **state)
{
	(void)state;

	assert_true(view_equal(VIEW("abc"), VIEW("abc")));
	assert_false(view_equal(VIEW("abc"), VIEW("abC")));
	assert_false(view_equal(VIEW("abc"), VIEW("ab")));
	assert_true(view_equal(VIEW(""), view_of(NULL)));
	assert_true(view_equal_fold(VIEW("Mail From"), VIEW("mAIL fROM")));
	assert_false(view_equal_fold(VIEW("Mail"), VIEW("Mai1")));
	/* Bytes beyond ASCII are themselves, in any locale. */
	assert_false(view_equal_fold(VIEW("\xc4"), VIEW("\xe4")));
	/* Only letters fold: '@' and '`' differ by the same bit. */
	assert_false(view_equal_fold(VIEW("@["), VIEW("`{")));
}

static void test_beginnings_and_ends(void **state)
{
	(void)state;

	assert_true(view_starts_fold(VIEW("SIZE=100"), VIEW("size=")));
	assert_true(view_starts_fold(VIEW("x"), VIEW("")));
	assert_false(view_starts_fold(VIEW("SIZ"), VIEW("size=")));
	assert_true(view_ends_fold(VIEW("a.mail.EXAMPLE.org"), VIEW(".example.org")));
	assert_false(view_ends_fold(VIEW("org"), VIEW("example.org")));
}

static void test_finding(void **state)
{
	(void)state;

	assert_int_equal(view_find(VIEW("a@b@c"), '@'), 1);
	assert_int_equal(view_find(VIEW("abc"), '@'), 3);
	assert_int_equal(view_find(VIEW(""), '@'), 0);
	assert_int_equal(view_find_fold(VIEW("xxABAC"), VIEW("abac")), 2);
	assert_int_equal(view_find_fold(VIEW("aab"), VIEW("ab")), 1);
	assert_int_equal(view_find_fold(VIEW("abc"), VIEW("abcd")), 3);
	assert_true(view_contains_fold(VIEW("Spam detected"), VIEW("spam")));
	assert_false(view_contains_fold(VIEW("spa"), VIEW("spam")));
}

static void test_trim(void **state)
{
	(void)state;

	assert_true(view_equal(view_trim(VIEW(" \t a b \t")), VIEW("a b")));
	assert_int_equal(view_trim(VIEW(" \t ")).bytes, 0);
	assert_int_equal(view_trim(VIEW("")).bytes, 0);
	assert_true(view_equal(view_trim(VIEW("\ra\n")), VIEW("\ra\n")));
}

static void test_cuts(void **state)
{
	(void)state;

	assert_true(view_equal(view_skip(VIEW("abc"), 1), VIEW("bc")));
	assert_true(view_equal(view_first(VIEW("abc"), 2), VIEW("ab")));
	assert_true(view_equal(view_first(VIEW("abc"), 9), VIEW("abc")));
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		struct view text;
		bool good;
		uint64_t number;
	} rows[] = {
		{ VIEW_INIT("0"), true, 0 },
		{ VIEW_INIT("007"), true, 7 },
		{ VIEW_INIT("18446744073709551615"), true, UINT64_MAX },
		{ VIEW_INIT("18446744073709551616"), false, 0 },
		{ VIEW_INIT("99999999999999999999"), false, 0 },
		{ VIEW_INIT(""), false, 0 },
		{ VIEW_INIT("1 "), false, 0 },
		{ VIEW_INIT("-1"), false, 0 },
		{ VIEW_INIT("+1"), false, 0 },
		{ VIEW_INIT("1a"), false, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t number = 0;
		assert_int_equal(view_to_u64(rows[i].text, &number), rows[i].good);
		if (rows[i].good)
			assert_int_equal(number, rows[i].number);
	}
}

static void test_text_builds(void **state)
{
	(void)state;
	char room[64];
	struct text text = TEXT_ON(room);

	text_put(&text, VIEW("m="));
	text_put_u64(&text, 0);
	text_put_byte(&text, ' ');
	text_put_u64(&text, UINT64_MAX);
	text_format(&text, " %s %d ", "x", -3);
	text_put_padded(&text, 7, 3);
	text_put_padded(&text, 1234, 3);
	text_put_padded(&text, 0, 2);
	assert_string_equal(text_string(&text), "m=0 18446744073709551615 x -3 007123400");
	assert_false(text.overflow);
}

/* Whatever the room, nothing is written beyond it, and a cut is admitted. */
static void test_text_keeps_its_bounds(void **state)
{
	(void)state;
	static const char whole[] = "abc12345xyz 6";

	for (size_t size = 1; size <= sizeof whole + 2; size++) {
		char room[32];
		memset(room, '#', sizeof room);
		struct text text = text_on(room, size);
		text_put(&text, VIEW("abc"));
		text_put_u64(&text, 12345);
		text_format(&text, "%s %d", "xyz", 6);
		assert_true(text.bytes <= size);
		assert_int_equal(text.overflow, size < sizeof whole - 1);
		assert_memory_equal(room, whole, text.overflow ? 0 : sizeof whole - 1);
		assert_true(strlen(text_string(&text)) < size);
		assert_int_equal(room[size], '#');
	}
}

static void test_move_leaves_nothing(void **state)
{
	(void)state;
	int thing = 1;
	int *owner = &thing;
	int *next = MOVE(owner);

	assert_null(owner);
	assert_ptr_equal(next, &thing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_beginnings_and_ends),
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_text_builds),
		cmocka_unit_test(test_text_keeps_its_bounds),
		cmocka_unit_test(test_move_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
