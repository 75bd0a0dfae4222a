#include "engine/io/endpoint.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_what_is_parsed_is_formatted_alike(void **state)
{
	static const char *const texts[] = { "127.0.0.1:2525", "0.0.0.0:0", "255.255.255.255:65535",
		"[::1]:25", "[2001:db8::1]:587", "[fe80::1%lo]:25" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char room[ENDPOINT_TEXT_BYTES];
		struct text text = TEXT_ON(room);
		struct endpoint endpoint;
		assert_true(endpoint_parse(view_of(texts[i]), &endpoint));
		endpoint_format(&text, &endpoint);
		assert_string_equal(text_string(&text), texts[i]);
	}
}

static void test_nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", ":", "25", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "[127.0.0.1]:25",
		"::1:25", "[::1]", "[::1]25", "[::1:25", "256.0.0.1:25", "1.2.3:25", "localhost:25",
		"[fe80::1%nosuch]:25", "[]:25", " 127.0.0.1:25",
		"[0000000000000000000000000000000000000000000000000000000000000000000001]:25" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct endpoint endpoint = { .port = 7 };
		assert_false(endpoint_parse(view_of(texts[i]), &endpoint));
		assert_int_equal(endpoint.port, 7);
	}
}

static void test_mapped_addresses_are_ipv4(void **state)
{
	struct endpoint four;
	struct endpoint mapped;
	struct endpoint six;

	(void)state;
	assert_true(endpoint_parse(VIEW("10.1.2.3:25"), &four));
	assert_true(endpoint_parse(VIEW("[::ffff:10.1.2.3]:25"), &mapped));
	assert_true(endpoint_parse(VIEW("[::1]:25"), &six));
	assert_true(endpoint_equal(&four, &mapped));
	assert_true(endpoint_is_ipv4(&mapped));
	assert_false(endpoint_is_ipv4(&six));
	assert_false(endpoint_equal(&four, &six));
}

static void test_networks_contain(void **state)
{
	static const struct {
		const char *address;
		const char *network;
		unsigned bits;
		bool within;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.0", 96 + 8, true },
		{ "128.0.0.1", "127.0.0.0", 96 + 8, false },
		{ "10.0.127.255", "10.0.64.0", 96 + 18, true },
		{ "10.0.128.0", "10.0.64.0", 96 + 18, false },
		{ "192.0.2.7", "192.0.2.7", 128, true },
		{ "192.0.2.8", "192.0.2.7", 128, false },
		{ "203.0.113.1", "0.0.0.0", 96, true },
		{ "2001:db8::1", "0.0.0.0", 96, false },
		{ "2001:db8::1", "2001:db8::", 32, true },
		{ "2001:db9::1", "2001:db8::", 32, false },
		{ "2001:db8::1", "::", 0, true },
		{ "2001:db8::1", "::", 129, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct endpoint address;
		struct endpoint network;
		assert_true(endpoint_parse_address(view_of(rows[i].address), &address));
		assert_true(endpoint_parse_address(view_of(rows[i].network), &network));
		assert_int_equal(
		        endpoint_within(&address, network.address, rows[i].bits), rows[i].within);
	}
}

static void test_a_local_peer_is_in_no_network(void **state)
{
	const struct endpoint local = { .local = true };
	const uint8_t everything[16] = { 0 };
	char room[ENDPOINT_TEXT_BYTES];
	struct text text = TEXT_ON(room);

	(void)state;
	assert_false(endpoint_within(&local, everything, 0));
	endpoint_format(&text, &local);
	assert_string_equal(text_string(&text), "local");
}

static void loopback_is_this_host(void **state)
{
	static const char *const ours[] = { "127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1" };
	static const char *const others[] = { "128.0.0.1", "10.127.0.0", "::2", "::", "0.0.0.0",
		"1::1", "fe80::1" };
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		assert_true(endpoint_parse_address(view_of(ours[i]), &endpoint));
		assert_true(endpoint_is_loopback(&endpoint));
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_true(endpoint_parse_address(view_of(others[i]), &endpoint));
		assert_false(endpoint_is_loopback(&endpoint));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_this_host),
		cmocka_unit_test(test_what_is_parsed_is_formatted_alike),
		cmocka_unit_test(test_nonsense_is_refused),
		cmocka_unit_test(test_mapped_addresses_are_ipv4),
		cmocka_unit_test(test_networks_contain),
		cmocka_unit_test(test_a_local_peer_is_in_no_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
