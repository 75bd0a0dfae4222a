/* A limit that several spend from portions: none of it is exceeded in any window, whatever they
 * give back, forget to tell or lose in a crash; nearly all is used; urgent mail finds room. */
#include "queue/quota.h"
#include "queue/base/check.h"
#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS_MAX 200000
#define DAY_NS     (86400 * NS_PER_S)
#define WALL_BEGAN 1790000000000
#define SHARDS     3

static const struct quota_settings tenant = {
	.count = 1000,
	.period_ns = DAY_NS,
	.guard = 0.01,
	.stop = 0.98,
};

static struct {
	int64_t at_ns;
	uint32_t count;
} events[EVENTS_MAX];
static size_t event_count;
static char disk[QUOTA_RECORD_MAX];
static size_t disk_bytes;

static void note(int64_t at_ns, uint32_t count)
{
	check(event_count < EVENTS_MAX);
	events[event_count].at_ns = at_ns;
	events[event_count++].count = count;
}

static uint64_t most_within(int64_t length_ns)
{
	uint64_t most = 0;
	uint64_t sum = 0;
	size_t first = 0;

	for (size_t last = 0; last < event_count; last++) {
		sum += events[last].count;
		while (events[last].at_ns - events[first].at_ns >= length_ns)
			sum -= events[first++].count;
		most = sum > most ? sum : most;
	}
	return most;
}

static struct wall wall_at(struct mono now)
{
	return (struct wall){ WALL_BEGAN + now.ns / NS_PER_MS };
}

static void write_record(struct quota *quota, struct mono now, bool last)
{
	disk_bytes =
	        quota_encode(quota, now, wall_at(now), last, (struct span){ disk, sizeof disk });
	quota_kept(quota, false);
}

static void read_record(struct quota *quota, struct mono now)
{
	quota_init(quota, &tenant);
	assert_false(failed(quota_decode(quota, now, wall_at(now), view_from(disk, disk_bytes))));
}

/* A portion, with a record where one is needed. */
static uint64_t lend(
        struct quota *quota, struct mono now, bool urgent, uint64_t needed, uint64_t most)
{
	uint64_t lent = 0;

	if (quota_lend(quota, now, urgent, needed, most, &lent) == QUOTA_RECORD) {
		assert_true(quota_wants_record(quota, now));
		write_record(quota, now, false);
		(void)quota_lend(quota, now, urgent, needed, most, &lent);
	}
	return lent;
}

static void test_nothing_before_it_is_on_disk(void **state)
{
	static struct quota quota;
	const struct mono now = { NS_PER_S };
	uint64_t lent;

	(void)state;
	quota_init(&quota, &tenant);
	assert_int_equal(quota_lend(&quota, now, false, 5, 8, &lent), QUOTA_RECORD);
	assert_int_equal(lent, 0);
	assert_true(quota_wants_record(&quota, now));
	disk_bytes =
	        quota_encode(&quota, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	/* It is on its way. */
	assert_int_equal(quota_lend(&quota, now, false, 5, 8, &lent), QUOTA_RECORD);
	assert_false(quota_wants_record(&quota, now));
	quota_kept(&quota, false);
	assert_int_equal(quota_lend(&quota, now, false, 5, 8, &lent), QUOTA_LENT);
	assert_int_equal(lent, 8);
	assert_false(quota_is_closed(&quota));
	quota_spend(&quota, now, 3);
	quota_give_back(&quota, 5);
	assert_int_equal(quota_used(&quota, now), 3);
	write_record(&quota, now, true);
	assert_true(quota_is_closed(&quota));
	/* After a clean stop what was spent counts, and nothing else. */
	read_record(&quota, now);
	assert_int_equal(quota_used(&quota, now), 3);
	assert_true(quota_is_closed(&quota));
}

/* What was lent when a record was written, and what was lent since, both count after a crash. */
static void test_a_crash_counts_what_was_lent(void **state)
{
	static struct quota quota;
	const struct mono now = { NS_PER_S };
	uint64_t lent = 0;

	(void)state;
	quota_init(&quota, &tenant);
	while (quota_used(&quota, now) < 500)
		lent += lend(&quota, now, false, 1, 7);
	assert_int_equal(quota_used(&quota, now), lent);
	read_record(&quota, now);
	assert_true(quota_used(&quota, now) >= lent);
	assert_true(quota_used(&quota, now) <= lent + tenant.count / 64 + 16);
	assert_false(quota_is_closed(&quota)); /* the record on disk allows more than is lent */
}

static void test_urgent_mail_finds_room(void **state)
{
	static struct quota quota;
	const struct mono now = { NS_PER_S };
	uint64_t lent = 0;

	(void)state;
	quota_init(&quota, &tenant);
	for (uint64_t more = 1; more > 0; lent += more)
		more = lend(&quota, now, false, 1, 16);
	assert_int_equal(lent, 980);
	assert_int_equal(quota_lend(&quota, now, false, 1, 1, &lent), QUOTA_SHORT);
	assert_true(quota_when(&quota, now, false, 1).ns == MONO_NEVER.ns);
	for (uint64_t more = 1; more > 0; lent += more)
		more = lend(&quota, now, true, 1, 16);
	assert_int_equal(lent, 20);
	/* Once it is told of, it is known when it frees. */
	quota_spend(&quota, now, 1000);
	const struct mono when = quota_when(&quota, now, false, 1);
	assert_true(when.ns > now.ns + DAY_NS);
	assert_true(when.ns < now.ns + DAY_NS + DAY_NS / 50);
	assert_int_equal(lend(&quota, when, false, 1, 16), 16);
}

/* All that is needed, whatever is on disk so far, or what is left; and no more than there is. */
static void test_what_is_left(void **state)
{
	static struct quota quota;
	const struct mono now = { NS_PER_S };

	(void)state;
	quota_init(&quota, &tenant);
	for (int i = 0; i < 9; i++)
		assert_int_equal(lend(&quota, now, false, 100, 100), 100);
	assert_int_equal(lend(&quota, now, false, 70, 70), 70);
	assert_int_equal(lend(&quota, now, false, 11, 20), 10);
	assert_int_equal(quota_used(&quota, now), 980);
	assert_int_equal(lend(&quota, now, false, 1, 1), 0);
}

static void test_damage_counts_as_spent(void **state)
{
	static struct quota quota;
	const struct mono now = { NS_PER_S };

	(void)state;
	quota_init(&quota, &tenant);
	(void)lend(&quota, now, false, 1, 7);
	for (size_t bytes = 0; bytes < disk_bytes; bytes++) {
		quota_init(&quota, &tenant);
		assert_true(
		        failed(quota_decode(&quota, now, wall_at(now), view_from(disk, bytes))));
		assert_int_equal(quota_used(&quota, now), 1000);
	}
}

/* However much there is to tell: something in each slot of the window. */
static void test_the_largest_record(void **state)
{
	static struct quota quota;
	struct mono now = { NS_PER_S };

	(void)state;
	quota_init(&quota, &tenant);
	for (int i = 0; i < WINDOW_SLOTS; i++) {
		now = mono_after(now, quota.window.slot_ns);
		if (lend(&quota, now, false, 1, 1) == 1)
			quota_spend(&quota, now, 1);
	}
	write_record(&quota, now, false);
	assert_true(disk_bytes > (WINDOW_SLOTS - 2) * 6);
	read_record(&quota, now);
	assert_in_range(quota_used(&quota, now), WINDOW_SLOTS - 2, WINDOW_SLOTS + 1000);
}

/* A cap counts what is lent, and needs no disk. */
static void test_a_cap(void **state)
{
	static struct quota quota;
	const struct quota_settings cap = { .count = 3, .stop = 1 };
	const struct mono now = { NS_PER_S };
	uint64_t lent;

	(void)state;
	quota_init(&quota, &cap);
	assert_true(quota_is_cap(&quota));
	assert_int_equal(quota_lend(&quota, now, false, 1, 2, &lent), QUOTA_LENT);
	assert_int_equal(lent, 2);
	assert_int_equal(quota_lend(&quota, now, false, 1, 2, &lent), QUOTA_LENT);
	assert_int_equal(lent, 1);
	assert_int_equal(quota_lend(&quota, now, true, 1, 1, &lent), QUOTA_SHORT);
	assert_true(quota_when(&quota, now, true, 1).ns == MONO_NEVER.ns);
	assert_false(quota_wants_record(&quota, now));
	quota_give_back(&quota, 1);
	assert_int_equal(quota_lend(&quota, now, true, 1, 1, &lent), QUOTA_LENT);
	assert_true(quota_is_closed(&quota));
}

#define MINUTES_NS (60 * NS_PER_S)

/* The server says that it is used up before we thought so: nothing for a while that doubles, then
 * one; and once that was taken, as much as was spent when it said so, and slowly more. */
static void test_the_server_says_so(void **state)
{
	static struct quota quota;
	struct mono now = { NS_PER_S };
	const struct mono began = now;

	(void)state;
	quota_init(&quota, &tenant);
	assert_int_equal(lend(&quota, now, false, 100, 100), 100);
	quota_spend(&quota, now, 100);
	now = mono_after(now, NS_PER_S);
	assert_true(quota_exhaust(&quota, now, began, 15 * MINUTES_NS, false));
	assert_false(quota_exhaust(&quota, now, began, 15 * MINUTES_NS, false)); /* the same */
	assert_int_equal(lend(&quota, now, true, 1, 1), 0);
	assert_true(quota_when(&quota, now, true, 1).ns == now.ns + 15 * MINUTES_NS);
	now = mono_after(now, 15 * MINUTES_NS);
	assert_int_equal(lend(&quota, now, false, 5, 9), 1); /* the probe */
	assert_int_equal(lend(&quota, now, false, 1, 1), 0);
	/* It is refused. */
	quota_give_back(&quota, 1);
	assert_true(quota_exhaust(&quota, now, now, 15 * MINUTES_NS, false));
	assert_true(quota_when(&quota, now, true, 1).ns == now.ns + 30 * MINUTES_NS);
	now = mono_after(now, 30 * MINUTES_NS);
	/* A restart changes nothing of that. */
	write_record(&quota, now, false);
	read_record(&quota, now);
	quota_give_back(&quota, quota.lent);
	assert_int_equal(lend(&quota, now, false, 1, 1), 1);
	quota_spend(&quota, now, 1);
	assert_int_equal(quota.setbacks, 0);
	/* What was spent then is the limit until it grows. */
	assert_int_equal(lend(&quota, now, false, 1, 9), 0);
	assert_true(quota_when(&quota, now, false, 1).ns <= now.ns + QUOTA_GROW_NS);
	now = mono_after(now, QUOTA_GROW_NS);
	uint64_t grown = 0;
	for (uint64_t more = 1; more > 0; grown += more)
		more = lend(&quota, now, false, 1, 2);
	assert_in_range(grown, 1, 30);
	/* A day later it is as configured. */
	quota_spend(&quota, now, grown);
	now = mono_after(now, 2 * DAY_NS);
	assert_int_equal(lend(&quota, now, false, 980, 980), 980);
}

/* The same by a report: that one was taken proves nothing until its own report has had time. */
static void test_a_report_says_so(void **state)
{
	static struct quota quota;
	const struct quota_settings unknown = { .count = QUOTA_NONE, .stop = 1 };
	struct mono now = { 1000 * NS_PER_S };
	const struct mono sent = { 990 * NS_PER_S };
	uint64_t lent;

	(void)state;
	quota_init(&quota, &unknown);
	assert_true(quota_is_free(&quota));
	assert_true(quota_exhaust(&quota, now, sent, MINUTES_NS, true));
	assert_false(quota_is_free(&quota));
	assert_false(quota_exhaust(&quota, now, sent, MINUTES_NS, true)); /* another one's */
	now = mono_after(now, MINUTES_NS);
	assert_int_equal(quota_lend(&quota, now, false, 1, 9, &lent), QUOTA_LENT);
	assert_int_equal(lent, 1);
	quota_spend(&quota, now, 1);
	assert_int_equal(quota_lend(&quota, now, false, 1, 9, &lent), QUOTA_SHORT);
	assert_true(quota_when(&quota, now, false, 1).ns == now.ns + QUOTA_REPORT_NS);
	/* It comes, and says the same. */
	now = mono_after(now, NS_PER_S);
	assert_false(quota_exhaust(&quota, now, sent, MINUTES_NS, true)); /* of one before */
	assert_true(quota_exhaust(&quota, now, now, MINUTES_NS, true));
	now = mono_after(now, MINUTES_NS);
	assert_int_equal(quota_lend(&quota, now, false, 1, 9, &lent), QUOTA_SHORT);
	now = mono_after(now, MINUTES_NS);
	assert_int_equal(quota_lend(&quota, now, false, 1, 9, &lent), QUOTA_LENT);
	quota_spend(&quota, now, 1);
	now = mono_after(now, QUOTA_REPORT_NS); /* none came */
	assert_int_equal(quota_lend(&quota, now, false, 1, 9, &lent), QUOTA_LENT);
	assert_int_equal(lent, 9);
	assert_true(quota_is_free(&quota));
	/* An operator need not wait. */
	assert_true(quota_exhaust(&quota, now, now, MINUTES_NS, false));
	assert_true(quota_resume(&quota));
	assert_true(quota_is_free(&quota));
}

/* A rate that nobody stated is free, and counts, until it is refused. */
static void test_a_rate_is_learned(void **state)
{
	static struct quota quota;
	const struct quota_settings rate = {
		.count = QUOTA_NONE,
		.period_ns = MINUTES_NS,
		.stop = 1,
	};
	struct mono now = { 1000 * NS_PER_S };

	(void)state;
	quota_init(&quota, &rate);
	assert_true(quota_is_free(&quota));
	quota_count(&quota, now, 100);
	assert_true(quota_cut(&quota, now));
	assert_false(quota_is_free(&quota));
	assert_int_equal(lend(&quota, now, true, 1, 9), 0);
	now = mono_after(now, 5 * MINUTES_NS);
	assert_int_equal(lend(&quota, now, false, 1, 1), 1);
	quota_spend(&quota, now, 1);
	assert_false(quota_cut(&quota, now)); /* a probe that is refused is no news of it */
	now = mono_after(now, 2 * MINUTES_NS);
	uint64_t lent = 0;
	for (uint64_t more = 1; more > 0; lent += more)
		more = lend(&quota, now, false, 1, 16);
	assert_int_equal(lent, 75);
	quota_spend(&quota, now, 75);
	/* On disk, and back. */
	write_record(&quota, now, false);
	quota_init(&quota, &rate);
	assert_false(failed(quota_decode(&quota, now, wall_at(now), view_from(disk, disk_bytes))));
	assert_int_equal(quota.rate.limit, 75);
	assert_int_equal(quota.rate.refused, 100);
	now = mono_after(now, 2 * MINUTES_NS);
	assert_int_equal(lend(&quota, now, false, 1, 1), 1);
	quota_spend(&quota, now, 1);
	/* Nobody needs it: it is free again. */
	now = mono_after(now, 2 * RATE_IDLE_NS);
	(void)lend(&quota, now, false, 1, 1);
	assert_true(quota_is_free(&quota));
}

/* It was learned and is forgotten: the record that says so is as good as any after a crash. */
static void test_a_free_rate_on_disk(void **state)
{
	static struct quota quota;
	const struct quota_settings rate = {
		.count = QUOTA_NONE,
		.period_ns = MINUTES_NS,
		.stop = 1,
	};
	struct mono now = { 1000 * NS_PER_S };

	(void)state;
	quota_init(&quota, &rate);
	quota_count(&quota, now, 100);
	assert_true(quota_cut(&quota, now));
	now = mono_after(now, 2 * MINUTES_NS);
	assert_int_equal(lend(&quota, now, false, 1, 1), 1);
	quota_spend(&quota, now, 1);
	write_record(&quota, now, false);
	now = mono_after(now, RATE_IDLE_NS);
	assert_true(quota_wants_record(&quota, now));
	assert_true(quota_is_free(&quota));
	write_record(&quota, now, false);
	assert_false(quota_wants_record(&quota, now));
	quota_init(&quota, &rate);
	assert_false(failed(quota_decode(&quota, now, wall_at(now), view_from(disk, disk_bytes))));
	assert_true(quota_is_free(&quota));
	assert_in_range(quota_used(&quota, now), 0, 16);
}

/* What was learned is no bound where ordinary mail stops before: then its growth brings nothing,
 * and is nothing to wait for. */
static void test_there_may_be_more_is_never_past(void **state)
{
	static struct quota quota;
	struct mono now = { NS_PER_S };
	uint64_t lent;

	(void)state;
	quota_init(&quota, &tenant);
	assert_int_equal(lend(&quota, now, false, 980, 980), 980);
	quota_spend(&quota, now, 980);
	assert_int_equal(lend(&quota, now, true, 11, 11), 11);
	quota_spend(&quota, now, 10);
	now = mono_after(now, NS_PER_S);
	assert_true(quota_exhaust(&quota, now, now, MINUTES_NS, false));
	quota_give_back(&quota, 1);
	now = mono_after(now, MINUTES_NS);
	assert_int_equal(lend(&quota, now, true, 1, 1), 1);
	quota_spend(&quota, now, 1);
	quota_give_back(&quota, quota.lent);
	assert_int_equal(quota.setbacks, 0);
	quota.learned = 995;
	now = mono_after(now, 2 * QUOTA_GROW_NS);
	assert_int_equal(quota_lend(&quota, now, false, 1, 1, &lent), QUOTA_SHORT);
	assert_true(quota_when(&quota, now, false, 1).ns > now.ns);
}

/* Three who spend, tell late, give back and lose everything in crashes, for ten days: a crash may
 * come between a record's writing and its end, and finds either of the two. */
static void test_any_way_it_is_spent(void **state)
{
	static struct quota quota;
	struct random random;
	uint64_t portions[SHARDS] = { 0 };
	uint64_t untold[SHARDS] = { 0 };
	struct mono now = { NS_PER_S };
	uint64_t spent = 0;
	uint64_t first_day = 0;

	(void)state;
	random_seed(&random, 7);
	event_count = 0;
	disk_bytes = 0;
	quota_init(&quota, &tenant);
	while (now.ns < 10 * DAY_NS) {
		const size_t shard = random_below(&random, SHARDS);

		now.ns += (int64_t)random_below(&random, 20 * (uint64_t)NS_PER_S);
		if (portions[shard] == 0)
			portions[shard] = lend(&quota, now, random_below(&random, 9) == 0,
			        1 + random_below(&random, 4), 5 + random_below(&random, 9));
		if (portions[shard] > 0) {
			const uint32_t count =
			        (uint32_t)(1 + random_below(&random, portions[shard]));
			portions[shard] -= count;
			untold[shard] += count;
			spent += count;
			note(now.ns, count);
		}
		if (random_below(&random, 5) == 0) {
			quota_spend(&quota, now, untold[shard]);
			untold[shard] = 0;
		}
		if (random_below(&random, 20) == 0) {
			quota_give_back(&quota, portions[shard]);
			portions[shard] = 0;
		}
		if (quota_wants_record(&quota, now) && random_below(&random, 2) == 0)
			write_record(&quota, now, false);
		if (random_below(&random, 5000) == 0) {
			if (random_below(&random, 2) == 0 && quota_wants_record(&quota, now))
				disk_bytes = quota_encode(&quota, now, wall_at(now), false,
				        (struct span){ disk, sizeof disk });
			read_record(&quota, now);
			memset(portions, 0, sizeof portions);
			memset(untold, 0, sizeof untold);
		}
		if (now.ns < DAY_NS)
			first_day = spent;
	}
	assert_true(most_within(DAY_NS) <= tenant.count);
	assert_true(first_day > 900);
	assert_true(spent > 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_before_it_is_on_disk),
		cmocka_unit_test(test_a_crash_counts_what_was_lent),
		cmocka_unit_test(test_urgent_mail_finds_room),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_damage_counts_as_spent),
		cmocka_unit_test(test_the_largest_record),
		cmocka_unit_test(test_a_cap),
		cmocka_unit_test(test_the_server_says_so),
		cmocka_unit_test(test_a_report_says_so),
		cmocka_unit_test(test_a_rate_is_learned),
		cmocka_unit_test(test_a_free_rate_on_disk),
		cmocka_unit_test(test_there_may_be_more_is_never_past),
		cmocka_unit_test(test_any_way_it_is_spent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
