/* Hosts as values: bounds, order, and what counts as the same. */
#include "engine/hosts.h"

#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void add(struct hosts *hosts, const char *name, uint16_t preference, size_t addresses)
{
	assert_non_null(hosts_add(hosts, view_of(name), preference));
	for (size_t i = 0; i < addresses; i++) {
		struct endpoint endpoint = { .port = 25 };
		endpoint.address[0] = (uint8_t)hosts->count;
		endpoint.address[1] = (uint8_t)i;
		assert_true(hosts_add_address(hosts, &endpoint));
	}
}

static void test_bounds(void **state)
{
	static struct hosts hosts;
	static char record[HOSTS_TLSA_BYTES];
	const struct endpoint endpoint = { .port = 25 };
	char name[16];

	(void)state;
	for (unsigned i = 0; i < HOSTS_MAX; i++) {
		(void)snprintf(name, sizeof name, "mx%u", i);
		assert_non_null(hosts_add(&hosts, view_of(name), 10));
	}
	assert_null(hosts_add(&hosts, VIEW("more"), 10));
	for (unsigned i = 0; i < HOSTS_ADDRESSES_MAX; i++)
		assert_true(hosts_add_address(&hosts, &endpoint));
	assert_false(hosts_add_address(&hosts, &endpoint));
	for (unsigned i = 0; i < HOSTS_TLSA_MAX; i++)
		assert_true(hosts_add_tlsa(&hosts, view_from(record, 35)));
	assert_false(hosts_add_tlsa(&hosts, view_from(record, 35)));
	assert_int_equal(hosts.list[HOSTS_MAX - 1].tlsa_count, HOSTS_TLSA_MAX);
}

static void test_tlsa_bytes_are_bounded(void **state)
{
	static struct hosts hosts;
	static char record[HOSTS_TLSA_BYTES];

	(void)state;
	assert_non_null(hosts_add(&hosts, VIEW("a"), 10));
	assert_true(hosts_add_tlsa(&hosts, view_from(record, HOSTS_TLSA_BYTES - 1)));
	assert_false(hosts_add_tlsa(&hosts, view_from(record, 2)));
	assert_true(hosts_add_tlsa(&hosts, view_from(record, 1)));
}

static void test_find(void **state)
{
	static struct hosts hosts;
	struct view records[HOSTS_TLSA_MAX];

	(void)state;
	add(&hosts, "a.test", 10, 1);
	assert_true(hosts_add_tlsa(&hosts, VIEW("one")));
	add(&hosts, "b.test", 20, 1);
	assert_true(hosts_add_tlsa(&hosts, VIEW("two")));
	assert_true(hosts_add_tlsa(&hosts, VIEW("three")));
	assert_null(hosts_find(&hosts, "c.test"));
	const struct host *host = hosts_find(&hosts, "b.test");
	assert_non_null(host);
	assert_int_equal(host->dane, HOST_DANE_RECORDS);
	assert_int_equal(hosts_tlsa(&hosts, host, records), 2);
	assert_true(view_equal(records[1], VIEW("three")));
	assert_int_equal(hosts_tlsa(&hosts, hosts_find(&hosts, "a.test"), records), 1);
	assert_true(view_equal(records[0], VIEW("one")));
}

/* Preferences keep their order; within one, each host comes first at times; what belongs to a
 * host stays with it. */
static void test_shuffle(void **state)
{
	static struct hosts hosts;
	struct random random;
	unsigned first[4] = { 0 };

	(void)state;
	random_seed(&random, 7);
	add(&hosts, "best", 5, 2);
	add(&hosts, "one", 10, 1);
	add(&hosts, "two", 10, 2);
	assert_true(hosts_add_tlsa(&hosts, VIEW("record")));
	add(&hosts, "three", 10, 3);
	add(&hosts, "last", 20, 1);
	const struct hosts before = hosts;
	for (int round = 0; round < 200; round++) {
		hosts_shuffle(&hosts, &random);
		assert_int_equal(hosts.count, 5);
		assert_string_equal(hosts.list[0].name, "best");
		assert_string_equal(hosts.list[4].name, "last");
		const struct host *leader = &hosts.list[1];
		first[strcmp(leader->name, "one") == 0     ? 1
		        : strcmp(leader->name, "two") == 0 ? 2
		                                           : 3]++;
		assert_true(hosts_same(&before, &hosts));
		assert_int_equal(hosts.address_count, 9);
		for (uint32_t i = 0; i < hosts.address_count; i++) {
			const struct host_address *address = &hosts.addresses[i];
			const struct host *host = &hosts.list[address->host];
			const struct host *was = hosts_find(&before, host->name);
			assert_int_equal(address->endpoint.address[0], was - before.list + 1);
			assert_true(i == 0 || hosts.addresses[i - 1].host <= address->host);
		}
		assert_int_equal(hosts_find(&hosts, "two")->tlsa_count, 1);
		assert_int_equal(hosts_find(&hosts, "one")->tlsa_count, 0);
	}
	for (int i = 1; i < 4; i++)
		assert_true(first[i] > 20);
}

static void test_same(void **state)
{
	static struct hosts a;
	static struct hosts b;

	(void)state;
	add(&a, "one", 10, 1);
	assert_true(hosts_add_tlsa(&a, VIEW("x")));
	assert_true(hosts_add_tlsa(&a, VIEW("y")));
	assert_false(hosts_same(&a, &b));
	add(&b, "one", 10, 1);
	assert_false(hosts_same(&a, &b));
	assert_true(hosts_add_tlsa(&b, VIEW("y")));
	assert_true(hosts_add_tlsa(&b, VIEW("x")));
	assert_true(hosts_same(&a, &b));
	b.list[0].preference = 20;
	assert_false(hosts_same(&a, &b));
	b.list[0].preference = 10;
	b.tlsa_bytes[0] = 'z';
	assert_false(hosts_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_tlsa_bytes_are_bounded),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_shuffle),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
