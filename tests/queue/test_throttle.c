/* A mailbox's limits: none is exceeded in any window, nearly all of each is used, urgent mail finds
 * room, a crash at any moment changes none of that, and what a server refuses is learned. */
#include "queue/throttle.h"
#include "queue/base/check.h"
#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS_MAX 100000
#define MINUTE_NS  (60 * NS_PER_S)
#define DAY_NS     (86400 * NS_PER_S)
#define WALL_BEGAN 1790000000000

static const struct throttle_settings mailbox = {
	.in_flight = 3,
	.messages = { 30, MINUTE_NS },
	.recipients = { 10000, DAY_NS },
	.guard = 0.01,
	.stop = 0.98,
};

struct event {
	int64_t at_ns;
	uint32_t count;
};

static struct event events[EVENTS_MAX];
static size_t event_count;

static void note(int64_t at_ns, uint32_t count)
{
	check(event_count < EVENTS_MAX);
	events[event_count++] = (struct event){ at_ns, count };
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

/* A message that takes no time; admitted, written and taken. False: why not. */
static enum throttle_reason send(
        struct throttle *throttle, struct mono now, bool urgent, uint32_t recipients)
{
	struct throttle_ticket ticket;
	const enum throttle_reason reason =
	        throttle_admit(throttle, now, urgent, recipients, &ticket);

	if (reason != THROTTLE_FREE)
		return reason;
	throttle_write(throttle, now, &ticket);
	(void)throttle_accept(throttle, now, &ticket);
	throttle_end(throttle, &ticket);
	return reason;
}

static void test_in_flight(void **state)
{
	static struct throttle throttle;
	struct throttle_ticket tickets[4];
	const struct mono now = { 5 };

	(void)state;
	throttle_init(&throttle, &mailbox);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		        throttle_admit(&throttle, now, true, 1, &tickets[i]), THROTTLE_FREE);
	assert_int_equal(throttle_admit(&throttle, now, true, 1, &tickets[3]), THROTTLE_IN_FLIGHT);
	assert_true(throttle_when(&throttle, now, true, 1).ns == MONO_NEVER.ns);
	throttle_end(&throttle, &tickets[1]);
	assert_int_equal(throttle_look(&throttle, now, true, 1), THROTTLE_FREE);
	throttle_end(&throttle, &tickets[0]);
	throttle_end(&throttle, &tickets[2]);
	/* None of them was written: nothing counts. */
	for (int i = 0; i < 30; i++)
		assert_int_equal(send(&throttle, now, true, 1), THROTTLE_FREE);
	assert_int_equal(send(&throttle, now, true, 1), THROTTLE_MESSAGES);
}

static void test_no_limits(void **state)
{
	static struct throttle throttle;
	const struct throttle_settings none = {
		.in_flight = THROTTLE_NONE,
		.messages = { THROTTLE_NONE, 0 },
		.recipients = { THROTTLE_NONE, 0 },
		.stop = 1,
	};
	struct throttle_ticket tickets[100];

	(void)state;
	throttle_init(&throttle, &none);
	throttle_keep(&throttle);
	assert_false(throttle_wants_record(&throttle));
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		        throttle_admit(&throttle, (struct mono){ 1 }, false, 1000, &tickets[i]),
		        THROTTLE_FREE);
	/* Where nothing is known, a refusal tells. */
	assert_true(
	        throttle_refuse(&throttle, (struct mono){ 2 }, &tickets[0], THROTTLE_OF_IN_FLIGHT));
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_IN_FLIGHT), 99);
	assert_int_equal(
	        throttle_look(&throttle, (struct mono){ 3 }, false, 1), THROTTLE_IN_FLIGHT);
}

/* An hour of as much as there may be: by the minute, evenly, all but the stop is used. */
static void test_a_busy_hour(void **state)
{
	static struct throttle throttle;
	struct mono now = { 12345 };
	const struct mono end = { 60 * MINUTE_NS };

	(void)state;
	event_count = 0;
	throttle_init(&throttle, &mailbox);
	while (!mono_reached(now, end)) {
		if (send(&throttle, now, false, 1) == THROTTLE_FREE)
			note(now.ns, 1);
		else
			now = throttle_when(&throttle, now, false, 1);
	}
	assert_int_equal(most_within(MINUTE_NS), 29);
	assert_true(most_within(10 * NS_PER_S) <= 10);
	assert_true(event_count >= 29 * 60 * 97 / 100);
}

static void test_urgent_mail_finds_room(void **state)
{
	static struct throttle throttle;
	struct mono now = { 0 };
	size_t urgent = 0;

	(void)state;
	event_count = 0;
	throttle_init(&throttle, &mailbox);
	for (; now.ns < 10 * MINUTE_NS; now.ns += NS_PER_S / 4) {
		if (send(&throttle, now, false, 1) == THROTTLE_FREE)
			note(now.ns, 1);
		if (now.ns % (61 * NS_PER_S) == 0) {
			assert_int_equal(send(&throttle, now, true, 1), THROTTLE_FREE);
			note(now.ns, 1);
			urgent++;
		}
	}
	assert_int_equal(urgent, 10);
	assert_true(most_within(MINUTE_NS) <= 30);
}

static void test_recipients_a_day(void **state)
{
	static struct throttle throttle;
	struct throttle_ticket ticket;
	struct mono now = { 0 };

	(void)state;
	throttle_init(&throttle, &mailbox);
	assert_int_equal(throttle_recipients_most(&throttle, false), 9800);
	assert_int_equal(throttle_recipients_most(&throttle, true), 10000);
	for (int i = 0; i < 9; i++)
		assert_int_equal(send(&throttle, now, true, 1000), THROTTLE_FREE);
	assert_int_equal(send(&throttle, now, false, 801), THROTTLE_RECIPIENTS);
	assert_int_equal(send(&throttle, now, true, 1001), THROTTLE_RECIPIENTS);
	/* A recipient counts unless refused. */
	assert_int_equal(throttle_admit(&throttle, now, true, 1000, &ticket), THROTTLE_FREE);
	throttle_write(&throttle, now, &ticket);
	throttle_spare(&throttle, &ticket, 400);
	throttle_end(&throttle, &ticket);
	assert_int_equal(send(&throttle, now, true, 401), THROTTLE_RECIPIENTS);
	assert_int_equal(send(&throttle, now, true, 400), THROTTLE_FREE);
	const struct mono when = throttle_when(&throttle, now, true, 1);
	assert_true(when.ns > DAY_NS);
	assert_true(when.ns < DAY_NS * 102 / 100);
	now = when;
	assert_int_equal(send(&throttle, now, true, 10000), THROTTLE_FREE);
	assert_true(throttle_when(&throttle, now, true, 10001).ns == MONO_NEVER.ns);
}

/* The server's limit is half of what is documented, from one moment to the next; later it is
 * lifted. It has a window of its own. */
static void test_learns_the_rate(void **state)
{
	static struct throttle throttle;
	static struct window server;
	struct throttle_ticket ticket;
	struct mono now = { 0 };
	uint64_t tried[3] = { 0 };
	uint64_t refused[3] = { 0 };

	(void)state;
	throttle_init(&throttle, &mailbox);
	window_init(&server, 30, MINUTE_NS);
	while (now.ns < 300 * MINUTE_NS) {
		/* 0: as documented; 1: halved, from a minute after; 2: lifted, half an hour on */
		const int phase = now.ns < 10 * MINUTE_NS ? 0 : now.ns < 130 * MINUTE_NS ? 1 : 2;
		const uint64_t limit = phase == 1 ? 15 : 30;
		const bool settled = phase == 0 || (phase == 1 && now.ns > 11 * MINUTE_NS) ||
		                     (phase == 2 && now.ns > 240 * MINUTE_NS);

		if (throttle_admit(&throttle, now, false, 1, &ticket) != THROTTLE_FREE) {
			const struct mono when = throttle_when(&throttle, now, false, 1);
			now.ns = when.ns > now.ns ? when.ns : now.ns + 1;
			continue;
		}
		throttle_write(&throttle, now, &ticket);
		tried[phase] += settled;
		if (window_room_under(&server, now.ns, limit) > 0) {
			(void)window_add(&server, now.ns, 1);
			(void)throttle_accept(&throttle, now, &ticket);
			throttle_end(&throttle, &ticket);
		} else {
			refused[phase] += settled;
			(void)throttle_refuse(&throttle, now, &ticket, THROTTLE_OF_MESSAGES);
			throttle_end(&throttle, &ticket);
			now.ns += 2 * NS_PER_S; /* the lane holds */
		}
	}
	assert_int_equal(refused[0], 0);
	assert_true(refused[1] * 50 < tried[1]); /* under 2 % */
	assert_true(tried[1] - refused[1] >= 119 * 15 * 90 / 100);
	assert_int_equal(refused[2], 0);
	assert_true(tried[2] >= 60 * 29 * 97 / 100);
	/* An operator said retry. */
	throttle_forget(&throttle);
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_MESSAGES), 30);
}

static void test_learns_in_flight(void **state)
{
	static struct throttle throttle;
	struct throttle_ticket tickets[3];
	struct mono now = { 0 };

	(void)state;
	throttle_init(&throttle, &mailbox);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		        throttle_admit(&throttle, now, true, 1, &tickets[i]), THROTTLE_FREE);
	assert_true(throttle_refuse(&throttle, now, &tickets[2], THROTTLE_OF_IN_FLIGHT));
	assert_false(throttle_refuse(&throttle, now, &tickets[1], THROTTLE_OF_IN_FLIGHT));
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_IN_FLIGHT), 2);
	for (int i = 0; i < 3; i++)
		throttle_end(&throttle, &tickets[i]);
	for (int i = 0; i < 60 && throttle_limit(&throttle, THROTTLE_OF_IN_FLIGHT) < 3; i++) {
		now.ns += 10 * NS_PER_S;
		assert_int_equal(
		        throttle_admit(&throttle, now, true, 1, &tickets[0]), THROTTLE_FREE);
		assert_int_equal(
		        throttle_admit(&throttle, now, true, 1, &tickets[1]), THROTTLE_FREE);
		(void)throttle_accept(&throttle, now, &tickets[0]);
		throttle_end(&throttle, &tickets[0]);
		(void)throttle_accept(&throttle, now, &tickets[1]);
		throttle_end(&throttle, &tickets[1]);
	}
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_IN_FLIGHT), 3);
}

/* Records on a disk that takes its time, and a crash every now and then: what came after the last
 * record on disk is not known there, and no window is exceeded for all that. */
static void test_crashes(void **state)
{
	static struct throttle throttle;
	static char disk[THROTTLE_RECORD_MAX];
	static char writing[THROTTLE_RECORD_MAX];
	size_t disk_bytes = 0;
	size_t writing_bytes = 0;
	int64_t written_at = 0;
	struct random random;
	struct mono now = { 0 };
	struct throttle_settings settings = mailbox;
	uint64_t crashes = 0;

	(void)state;
	settings.recipients = (struct throttle_limit){ 1000, 60 * MINUTE_NS };
	random_seed(&random, 7);
	event_count = 0;
	throttle_init(&throttle, &settings);
	throttle_keep(&throttle);
	assert_int_equal(send(&throttle, now, true, 1), THROTTLE_RECORD);
	while (now.ns < 40 * 60 * MINUTE_NS) {
		const uint32_t recipients = 1 + (uint32_t)random_below(&random, 3);
		if (send(&throttle, now, random_below(&random, 10) == 0, recipients) ==
		        THROTTLE_FREE)
			note(now.ns, recipients);
		if (writing_bytes > 0 && now.ns >= written_at) {
			memcpy(disk, writing, writing_bytes);
			disk_bytes = writing_bytes;
			writing_bytes = 0;
			throttle_kept(&throttle, false);
		} else if (writing_bytes == 0 && throttle_wants_record(&throttle)) {
			writing_bytes = throttle_encode(&throttle, now, wall_at(now), false,
			        (struct span){ writing, sizeof writing });
			written_at = now.ns + (int64_t)random_below(&random, 3 * NS_PER_S);
			if (random_below(&random, 20) == 0) {
				writing_bytes = 0; /* the disk refused it */
				throttle_kept(&throttle, true);
			}
		}
		if (random_below(&random, 1500) == 0) {
			crashes++;
			writing_bytes = 0;
			throttle_init(&throttle, &settings);
			throttle_keep(&throttle);
			assert_false(failed(throttle_decode(
			        &throttle, now, wall_at(now), view_from(disk, disk_bytes))));
			/* A second crash at once finds the same. */
		}
		now.ns += (int64_t)random_below(&random, NS_PER_S);
	}
	assert_true(crashes > 50);
	assert_true(most_within(60 * MINUTE_NS) <= 1000);
	for (size_t i = 0; i < event_count; i++)
		events[i].count = 1;
	assert_true(most_within(MINUTE_NS) <= 30);
	assert_true(most_within(MINUTE_NS) >= 10);
}

static void test_a_clean_stop_costs_nothing(void **state)
{
	static struct throttle throttle;
	static char disk[THROTTLE_RECORD_MAX];
	struct mono now = { 7 * DAY_NS };

	(void)state;
	throttle_init(&throttle, &mailbox);
	throttle_keep(&throttle);
	(void)throttle_encode(
	        &throttle, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, false);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send(&throttle, now, true, 10), THROTTLE_FREE);
	const size_t bytes = throttle_encode(
	        &throttle, now, wall_at(now), true, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, false);
	assert_int_equal(send(&throttle, now, true, 1), THROTTLE_RECORD);
	/* The clock begins anew, ten seconds later. */
	struct wall later = wall_at(now);
	later.ms += 10000;
	now.ns = NS_PER_S;
	throttle_init(&throttle, &mailbox);
	assert_false(failed(throttle_decode(&throttle, now, later, view_from(disk, bytes))));
	for (int i = 0; i < 25; i++)
		assert_int_equal(send(&throttle, now, true, 1), THROTTLE_FREE);
	assert_int_equal(send(&throttle, now, true, 1), THROTTLE_MESSAGES);
	now = throttle_when(&throttle, now, true, 1);
	assert_true(now.ns >= 51 * NS_PER_S);
	assert_true(now.ns < 53 * NS_PER_S);
	assert_int_equal(send(&throttle, now, true, 9925), THROTTLE_FREE);
	assert_int_equal(send(&throttle, now, true, 1), THROTTLE_RECIPIENTS);
}

/* A mailbox that was refused too much is so after a restart, and is written down for that; records
 * of before strikes were kept are read still. */
static void test_strikes_are_kept(void **state)
{
	struct mono now = { 5 * NS_PER_S };
	struct throttle throttle;
	char disk[THROTTLE_RECORD_MAX];

	(void)state;
	throttle_init(&throttle, &mailbox);
	throttle_keep(&throttle);
	(void)throttle_encode(
	        &throttle, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, false);
	assert_false(throttle_wants_record(&throttle));
	for (uint32_t i = 0; i < strikes_budget(STRIKE_SENDER); i++)
		(void)strikes_add(&throttle.strikes, now, STRIKE_SENDER);
	assert_true(throttle_wants_record(&throttle));
	(void)throttle_encode(
	        &throttle, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, true);
	assert_true(throttle_wants_record(&throttle)); /* the disk refused it */
	const size_t bytes = throttle_encode(
	        &throttle, now, wall_at(now), true, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, false);
	assert_int_equal(bytes > STRIKES_RECORD_MAX, true);
	throttle_init(&throttle, &mailbox);
	assert_false(failed(throttle_decode(&throttle, now, wall_at(now), view_from(disk, bytes))));
	assert_int_equal(strikes_wait_ns(&throttle.strikes, now, STRIKE_SENDER) / NS_PER_S, 600);
	/* Its strikes: three numbers of one kind, two counts, and what was learned. */
	const size_t strikes_bytes = 1 + 3 * 4 + 1 + 1 + 2 + 4;
	disk[0] = 1;
	throttle_init(&throttle, &mailbox);
	assert_false(failed(throttle_decode(
	        &throttle, now, wall_at(now), view_from(disk, bytes - strikes_bytes))));
	assert_int_equal(strikes_wait_ns(&throttle.strikes, now, STRIKE_SENDER), 0);
}

/* What was learned is known after a restart too; a record that is cut off or of another kind lets
 * nothing through. */
static void test_records(void **state)
{
	static struct throttle throttle;
	static char disk[THROTTLE_RECORD_MAX];
	struct throttle_ticket ticket;
	const struct mono now = { DAY_NS };

	(void)state;
	throttle_init(&throttle, &mailbox);
	throttle_keep(&throttle);
	(void)throttle_encode(
	        &throttle, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	throttle_kept(&throttle, false);
	for (int i = 0; i < 2; i++)
		(void)send(&throttle, now, true, 1);
	assert_int_equal(throttle_admit(&throttle, now, true, 1, &ticket), THROTTLE_FREE);
	assert_true(throttle_refuse(&throttle, now, &ticket, THROTTLE_OF_MESSAGES));
	assert_true(throttle_refuse(&throttle, now, &ticket, THROTTLE_OF_IN_FLIGHT));
	throttle_end(&throttle, &ticket);
	const size_t bytes = throttle_encode(
	        &throttle, now, wall_at(now), false, (struct span){ disk, sizeof disk });
	for (size_t cut = 0; cut <= bytes; cut++) {
		throttle_init(&throttle, &mailbox);
		throttle_keep(&throttle);
		const struct err err =
		        throttle_decode(&throttle, now, wall_at(now), view_from(disk, cut));
		assert_int_equal(failed(err), cut < bytes);
		if (cut == bytes)
			break;
		assert_int_equal(throttle_look(&throttle, now, true, 1), THROTTLE_MESSAGES);
	}
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_MESSAGES), 2);
	assert_int_equal(throttle_limit(&throttle, THROTTLE_OF_IN_FLIGHT), 0 + 1);
	disk[0] = 99;
	throttle_init(&throttle, &mailbox);
	assert_true(failed(throttle_decode(&throttle, now, wall_at(now), view_from(disk, bytes))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_a_busy_hour),
		cmocka_unit_test(test_urgent_mail_finds_room),
		cmocka_unit_test(test_recipients_a_day),
		cmocka_unit_test(test_learns_the_rate),
		cmocka_unit_test(test_learns_in_flight),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_a_clean_stop_costs_nothing),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_strikes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
