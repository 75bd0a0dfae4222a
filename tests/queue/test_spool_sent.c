/* What was sent is found by its Message-ID's hash, in the hours that it lies in, and forgotten. */
#include "spool_tools.h"
#include "queue/spool_sent.h"
#include "tests/queue/disk_faults.h"

#define HOUR_MS (3600 * 1000)

static struct tools tools;

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	tools_start(&tools);
	tools_open(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	tools_verify(&tools);
	tools_stop(&tools);
	return 0;
}

static struct spool_sent sent_of(int number, uint64_t id, int64_t when)
{
	struct spool_sent sent = {
		.id = id,
		.number = 3,
		.when = { when },
		.route = "submission",
		.identity = "m@contoso.com",
		.sender = "a@contoso.com",
		.recipient_count = 2,
		.recipients = { spool_sent_print(VIEW("b@x.example")),
		        spool_sent_print(VIEW("c@x.example")) },
	};
	struct random random;

	random_seed(&random, (uint64_t)number);
	for (size_t i = 0; i < sizeof sent.key; i++)
		sent.key[i] = (char)random_u64(&random);
	return sent;
}

static void keep(int number, uint64_t id, int64_t when)
{
	const struct spool_sent sent = sent_of(number, id, when);

	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_keep_sent(tools.spool, &sent));
	assert_ok(spool_commit(tools.spool));
}

/* The ids of the rows, in the order in which they are found; 0 ends them. */
static void assert_found(int number, const uint64_t *ids)
{
	struct spool_sent_place place = { 0 };
	struct spool_sent sent = sent_of(number, 0, 0);

	for (; *ids != 0; ids++) {
		assert_ok(spool_find_sent(tools.spool, &place, &sent));
		assert_int_equal(sent.id, *ids);
	}
	assert_int_equal(spool_find_sent(tools.spool, &place, &sent).code, ERR_NOT_FOUND);
}

static uint64_t forget(int64_t since, uint64_t early)
{
	uint64_t forgotten = 0;

	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_forget_sent(tools.spool, (struct wall){ since }, early, &forgotten));
	assert_ok(spool_commit(tools.spool));
	return forgotten;
}

static void comes_back_as_it_was(void **state)
{
	struct spool_sent_place place = { 0 };
	struct spool_sent sent = sent_of(1, 0, 0);

	(void)state;
	keep(1, 77, 5 * HOUR_MS + 1234);
	tools_reopen(&tools);
	assert_ok(spool_find_sent(tools.spool, &place, &sent));
	assert_int_equal(sent.id, 77);
	assert_int_equal(sent.number, 3);
	assert_int_equal(sent.when.ms, 5 * HOUR_MS + 1234);
	assert_string_equal(sent.route, "submission");
	assert_string_equal(sent.identity, "m@contoso.com");
	assert_string_equal(sent.sender, "a@contoso.com");
	assert_int_equal(sent.recipient_count, 2);
	assert_true(spool_sent_has(&sent, VIEW("B@x.example")));
	assert_true(spool_sent_has(&sent, VIEW("c@x.example")));
	assert_false(spool_sent_has(&sent, VIEW("d@x.example")));
}

/* Several rows of a Message-ID, in one hour and in others; keys below and above it between. */
static void found_in_each_hour(void **state)
{
	(void)state;
	for (int number = 2; number < 40; number++)
		for (int hour = 0; hour < 6; hour += 1 + number % 3)
			keep(number, (uint64_t)number * 100, hour * HOUR_MS + number);
	keep(1, 5, 1 * HOUR_MS);
	keep(1, 5, 1 * HOUR_MS + 10);
	keep(1, 4, 4 * HOUR_MS);
	keep(1, 9, 4 * HOUR_MS);
	keep(1, 2, 90 * HOUR_MS);
	assert_found(1, (const uint64_t[]){ 5, 5, 4, 9, 2, 0 });
	assert_found(3, (const uint64_t[]){ 300, 300, 300, 300, 300, 300, 0 });
	assert_found(99, (const uint64_t[]){ 0 });
}

static void forgotten_by_the_hour(void **state)
{
	uint64_t early;

	(void)state;
	assert_false(spool_sent_is_due(tools.spool, (struct wall){ 99LL * HOUR_MS }, 0, &early));
	keep(1, 1, 1 * HOUR_MS + 5);
	keep(2, 2, 2 * HOUR_MS);
	keep(3, 3, 3 * HOUR_MS);
	assert_false(spool_sent_is_due(tools.spool, (struct wall){ 2LL * HOUR_MS - 1 }, 9, &early));
	assert_true(spool_sent_is_due(tools.spool, (struct wall){ 2LL * HOUR_MS }, 9, &early));
	assert_int_equal(early, 0);
	assert_int_equal(forget(2 * HOUR_MS - 1, 0), 0);
	assert_int_equal(forget(2 * HOUR_MS, 0), 1);
	assert_found(1, (const uint64_t[]){ 0 });
	assert_found(2, (const uint64_t[]){ 2, 0 });
	/* More than are to be kept: those that are oldest go. */
	assert_true(spool_sent_is_due(tools.spool, (struct wall){ 0 }, 1, &early));
	assert_int_equal(early, 1);
	assert_int_equal(forget(0, early), 1);
	assert_found(2, (const uint64_t[]){ 0 });
	assert_found(3, (const uint64_t[]){ 3, 0 });
	assert_int_equal(forget(99LL * HOUR_MS, 0), 1);
	assert_int_equal(forget(99LL * HOUR_MS, 5), 0);
}

static void goes_with_its_batch(void **state)
{
	const struct spool_sent sent = sent_of(1, 1, 0);

	(void)state;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_keep_sent(tools.spool, &sent));
	spool_abort(tools.spool);
	assert_found(1, (const uint64_t[]){ 0 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_back_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(found_in_each_hour, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgotten_by_the_hour, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_with_its_batch, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
