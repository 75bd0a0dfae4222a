#include "queue/base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

struct row {
	int64_t ms;
	const char *mail;
	const char *iso;
};

static const struct row rows[] = {
	{ 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
	{ -1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59.999Z" },
	{ 951782399999, "Mon, 28 Feb 2000 23:59:59 +0000", "2000-02-28T23:59:59.999Z" },
	{ 951782400000, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00.000Z" },
	{ 1795490103123, "Tue, 24 Nov 2026 03:15:03 +0000", "2026-11-24T03:15:03.123Z" },
	{ 4107542400000, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00.000Z" },
	{ 253402300799999, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59.999Z" },
};

static void assert_text(void (*put)(struct text *, struct wall), int64_t ms, const char *expected)
{
	char memory[64];
	struct text text = TEXT_ON(memory);

	put(&text, (struct wall){ ms });
	assert_string_equal(text_string(&text), expected);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_text(date_put_mail, rows[i].ms, rows[i].mail);
		assert_text(date_put_iso, rows[i].ms, rows[i].iso);
	}
}

static void test_every_day_as_libc_has_it(void **state)
{
	(void)state;
	/* 1901 to 2100, at an hour that moves about. */
	for (int64_t day = -25000; day < 47500; day++) {
		char expected[64];
		struct tm parts;
		time_t seconds = (time_t)(day * 86400 + day * 7919 % 86400);
		assert_non_null(gmtime_r(&seconds, &parts));
		assert_true(
		        strftime(expected, sizeof expected, "%a, %e %b %Y %T +0000", &parts) > 0);
		if (expected[5] == ' ')
			memmove(expected + 5, expected + 6, sizeof expected - 6);
		assert_text(date_put_mail, (int64_t)seconds * 1000, expected);
	}
}

static void test_reads_what_it_writes(void **state)
{
	char memory[64];

	(void)state;
	const int64_t step = INT64_C(97) * 86400000 + 3723456;

	for (int64_t ms = -62135596800000; ms < 253402300800000; ms += step) {
		struct text text = TEXT_ON(memory);
		struct wall when = { 0 };
		date_put_iso(&text, (struct wall){ ms });
		assert_true(date_read_iso(text_view(&text), &when));
		assert_int_equal(when.ms, ms);
	}
}

static void test_reads_forms(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: it is none */
	} forms[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01 00:00:01z", 1000 },
		{ "1970-01-01T00:00:01.5Z", 1500 },
		{ "1970-01-01T00:00:01.123456Z", 1123 },
		{ "1970-01-01T02:00:00+02:00", 0 },
		{ "1969-12-31T19:00:00-05:00", 0 },
		{ "2024-02-29", 1709164800000 },
		{ "2023-02-29", -1 },
		{ "2023-13-01", -1 },
		{ "2023-00-01", -1 },
		{ "2023-01-00", -1 },
		{ "2023-01-01T24:00:00Z", -1 },
		{ "2023-01-01T00:60:00Z", -1 },
		{ "2023-01-01T00:00:00", -1 },
		{ "2023-01-01T00:00:00.Z", -1 },
		{ "2023-01-01T00:00:00+2:00", -1 },
		{ "2023-01-01T00:00:00+24:00", -1 },
		{ "2023-01-01T", -1 },
		{ "2023-1-01", -1 },
		{ "2h", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct wall when = { -1 };
		const bool read = date_read_iso(view_of(forms[i].text), &when);
		if (read != (forms[i].ms >= 0) || when.ms != forms[i].ms)
			fail_msg("%s: %d %lld", forms[i].text, read, (long long)when.ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_it_writes),
		cmocka_unit_test(test_reads_forms),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_day_as_libc_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
