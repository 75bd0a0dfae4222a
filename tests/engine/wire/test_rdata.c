/* MX and TLSA records: read whole, cut anywhere, and with everything that a host can't be named. */
#include "engine/wire/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define RECORD(bytes) view_from(bytes, sizeof(bytes) - 1)

static void test_mx(void **state)
{
	const struct view record = RECORD("\x01\x02\4Mail\7contoso\3com\0");
	struct rdata_mx mx;

	(void)state;
	assert_true(rdata_read_mx(record, &mx));
	assert_int_equal(mx.preference, 0x102);
	assert_string_equal(mx.host, "mail.contoso.com");
	/* Cut anywhere, or with something behind it, it is none. */
	for (size_t bytes = 0; bytes < record.bytes; bytes++)
		assert_false(rdata_read_mx(view_first(record, bytes), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\4mail\0x"), &mx));
}

static void test_null_mx(void **state)
{
	struct rdata_mx mx = { .host = "left over" };

	(void)state;
	assert_true(rdata_read_mx(RECORD("\0\0\0"), &mx));
	assert_int_equal(mx.preference, 0);
	assert_string_equal(mx.host, "");
}

static void test_names_that_no_host_has(void **state)
{
	struct rdata_mx mx;

	(void)state;
	assert_false(rdata_read_mx(RECORD("\0\12\3a b\0"), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\3a\nb\0"), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\3a.b\0"), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\3a\\b\0"), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\3a\0b\0"), &mx));
	assert_false(rdata_read_mx(RECORD("\0\12\3a\xff\x62\0"), &mx));
	/* A compression pointer. */
	assert_false(rdata_read_mx(RECORD("\0\12\xc0\x0c"), &mx));
	assert_true(rdata_read_mx(RECORD("\0\12\4_a-9\0"), &mx));
	assert_string_equal(mx.host, "_a-9");
}

/* `bytes` on the wire, the length bytes and the root's included. */
static struct view long_name(char record[400], size_t bytes)
{
	size_t at = 2;

	memset(record, 0, 400);
	while (bytes > 1) {
		const size_t label = bytes - 2 < 63 ? bytes - 2 : 63;
		record[at++] = (char)label;
		memset(record + at, 'a', label);
		at += label;
		bytes -= label + 1;
	}
	return view_from(record, at + 1);
}

static void test_long_names(void **state)
{
	char record[400];
	struct rdata_mx mx;

	(void)state;
	assert_true(rdata_read_mx(long_name(record, 255), &mx));
	assert_int_equal(strlen(mx.host), RDATA_NAME_MAX);
	assert_false(rdata_read_mx(long_name(record, 256), &mx));
	assert_false(rdata_read_mx(long_name(record, 320), &mx));
}

static void test_tlsa(void **state)
{
	static const struct {
		uint8_t usage, selector, matching;
		size_t bytes;
		bool usable;
	} cases[] = {
		{ 3, 1, 1, 32, true },
		{ 3, 0, 1, 32, true },
		{ 2, 0, 1, 32, true },
		{ 2, 1, 2, 64, true },
		{ 3, 0, 0, 700, true },
		{ 2, 1, 0, 1, true },
		{ 0, 0, 1, 32, false },
		{ 1, 1, 1, 32, false },
		{ 4, 1, 1, 32, false },
		{ 255, 1, 1, 32, false },
		{ 3, 2, 1, 32, false },
		{ 3, 1, 3, 32, false },
		{ 3, 1, 1, 31, false },
		{ 3, 1, 1, 33, false },
		{ 3, 1, 2, 32, false },
		{ 3, 1, 0, 0, false },
		{ 3, 1, 1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char record[1024] = { (char)cases[i].usage, (char)cases[i].selector,
			(char)cases[i].matching };
		const struct view view = view_from(record, 3 + cases[i].bytes);
		if (rdata_tlsa_is_usable(view) != cases[i].usable)
			fail_msg("case %zu", i);
	}
	for (size_t bytes = 0; bytes < 3; bytes++)
		assert_false(rdata_tlsa_is_usable(view_first(RECORD("\3\1\1"), bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_null_mx),
		cmocka_unit_test(test_names_that_no_host_has),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_tlsa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
