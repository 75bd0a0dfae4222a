#include "engine/wire/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct wall when = { INT64_C(1795490103000) }; /* 2026-11-24T03:15:03Z */

static void assert_received(const struct stamp *stamp, const char *expected)
{
	char memory[STAMP_BYTES_MAX];
	struct text text = TEXT_ON(memory);

	stamp_put_received(&text, stamp);
	assert_string_equal(text_string(&text), expected);
}

static void test_received(void **state)
{
	(void)state;
	struct stamp stamp = {
		.hello = VIEW("printer"),
		.client = VIEW("192.0.2.7"),
		.server = VIEW("relay.example"),
		.id = VIEW("0A1B"),
		.recipient = VIEW("r@example.org"),
		.when = when,
		.esmtp = true,
		.tls = true,
		.signed_in = true,
	};

	assert_received(&stamp, "Received: from printer ([192.0.2.7])\r\n"
	                        "\tby relay.example with ESMTPSA id 0A1B\r\n"
	                        "\tfor <r@example.org>;\r\n"
	                        "\tTue, 24 Nov 2026 03:15:03 +0000\r\n");
	stamp.recipient = VIEW("");
	stamp.client = VIEW("2001:db8::7");
	stamp.hello = VIEW("");
	stamp.esmtp = false;
	assert_received(&stamp, "Received: from unknown ([IPv6:2001:db8::7])\r\n"
	                        "\tby relay.example with SMTP id 0A1B;\r\n"
	                        "\tTue, 24 Nov 2026 03:15:03 +0000\r\n");
}

static void test_what_a_client_says_is_made_safe(void **state)
{
	(void)state;
	const struct stamp stamp = {
		.hello = VIEW("a) (b\r\nX: y\0\x80;\""),
		.client = VIEW("192.0.2.7"),
		.server = VIEW("s"),
		.id = VIEW("1"),
		.recipient = VIEW("\"a\tb\"@c\r\nX"),
		.when = when,
	};

	assert_received(&stamp, "Received: from a???b??X:?y???? ([192.0.2.7])\r\n"
	                        "\tby s with SMTP id 1\r\n"
	                        "\tfor <\"a?b\"@c??X>;\r\n"
	                        "\tTue, 24 Nov 2026 03:15:03 +0000\r\n");
}

static void test_protocols(void **state)
{
	(void)state;
	static const char *const names[] = { "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA", "UTF8SMTP",
		"UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA" };

	for (unsigned i = 0; i < 8; i++) {
		const struct stamp stamp = {
			.esmtp = true,
			.smtputf8 = (i & 4) != 0,
			.tls = (i & 2) != 0,
			.signed_in = (i & 1) != 0,
		};
		assert_string_equal(stamp_protocol(&stamp), names[i]);
	}
}

static void test_message_id_and_date(void **state)
{
	(void)state;
	char memory[128];
	struct text text = TEXT_ON(memory);

	stamp_put_message_id(&text, VIEW("0A1B"), VIEW("relay.example"));
	stamp_put_date(&text, when);
	assert_string_equal(text_string(&text), "Message-ID: <0A1B@relay.example>\r\n"
	                                        "Date: Tue, 24 Nov 2026 03:15:03 +0000\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_what_a_client_says_is_made_safe),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_message_id_and_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
