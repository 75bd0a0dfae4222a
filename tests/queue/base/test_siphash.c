#include "queue/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEY_LOW  UINT64_C(0x0706050403020100)
#define KEY_HIGH UINT64_C(0x0f0e0d0c0b0a0908)

static uint64_t hash_in_steps(struct view text, size_t step)
{
	struct siphash hash;

	siphash_init(&hash, KEY_LOW, KEY_HIGH);
	for (; text.bytes > 0; text = view_skip(text, view_first(text, step).bytes))
		siphash_feed(&hash, view_first(text, step));
	return siphash_end(&hash);
}

/* The paper's appendix A: fifteen bytes, 00 to 0e; and its authors' vector of none. */
static void test_the_authors_vectors(void **state)
{
	char text[15];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (size_t step = 1; step <= sizeof text; step++)
		assert_true(hash_in_steps(view_from(text, sizeof text), step) ==
		            UINT64_C(0xa129ca6149be45e5));
	assert_true(hash_in_steps(VIEW(""), 1) == UINT64_C(0x726fdb47dd0e0e31));
}

static void test_pieces_make_no_difference(void **state)
{
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 37);
	for (size_t bytes = 0; bytes <= sizeof text; bytes++) {
		const uint64_t whole = hash_in_steps(view_from(text, bytes), bytes + 1);
		for (size_t step = 1; step < 20; step++)
			assert_true(hash_in_steps(view_from(text, bytes), step) == whole);
	}
}

static void test_every_bit_counts(void **state)
{
	char text[40] = { 0 };
	const uint64_t before = hash_in_steps(view_from(text, sizeof text), 40);

	(void)state;
	for (size_t i = 0; i < sizeof text * 8; i++) {
		text[i / 8] = (char)(1 << i % 8);
		assert_true(hash_in_steps(view_from(text, sizeof text), 40) != before);
		text[i / 8] = 0;
	}
	assert_true(hash_in_steps(view_from(text, 39), 40) != before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_authors_vectors),
		cmocka_unit_test(test_pieces_make_no_difference),
		cmocka_unit_test(test_every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
