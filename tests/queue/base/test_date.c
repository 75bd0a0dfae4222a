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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_day_as_libc_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
