#include "queue/base/scan.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check_block(const char *bytes)
{
	const struct scan scan = scan_load(bytes);
	static const char asked[] = { '\r', '\n', '\0', '.', (char)0x80, (char)0xff, 'a' };

	for (size_t k = 0; k < sizeof asked; k++) {
		uint64_t wanted = 0;
		for (int i = 0; i < SCAN_BYTES; i++)
			wanted |= (uint64_t)(bytes[i] == asked[k]) << i;
		assert_true(scan_equal(&scan, asked[k]) == wanted);
	}
	uint64_t high = 0;
	for (int i = 0; i < SCAN_BYTES; i++)
		high |= (uint64_t)((unsigned char)bytes[i] >= 0x80) << i;
	assert_true(scan_high(&scan) == high);
}

static void test_every_bit(void **state)
{
	(void)state;
	static const char drawn[] = { '\r', '\n', '\0', '.', (char)0x80, (char)0xff, (char)0x7f,
		'a', '\1', 0x0b };
	char bytes[SCAN_BYTES + 16];
	struct random random;

	random_seed(&random, 1);
	for (int round = 0; round < 10000; round++) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = drawn[random_below(&random, sizeof drawn)];
		check_block(bytes + round % 16); /* wherever it lies */
	}
	for (int value = 0; value < 256; value++) {
		memset(bytes, value, sizeof bytes);
		check_block(bytes);
	}
}

static void test_rest(void **state)
{
	(void)state;
	const char bytes[] = "\n\n\n";
	const struct scan scan = scan_load_rest(bytes, 2);

	assert_true(scan_equal(&scan, '\n') == 3);
	assert_true(scan_equal(&scan, '\0') == ~UINT64_C(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
