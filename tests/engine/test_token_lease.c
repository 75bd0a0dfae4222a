/* A token's life under a clock of our own: every decision is one of time and chance. */
#include "engine/token_lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define MARGIN_NS (300 * NS_PER_S)
#define HOUR_S    3600

struct life {
	struct token_lease lease;
	struct random random;
	struct mono now;
};

static struct life begin(bool rotates)
{
	struct life life = { .now = { 1000 * NS_PER_S } };

	token_lease_init(&life.lease, MARGIN_NS, rotates);
	random_seed(&life.random, 7);
	return life;
}

static void go_on(struct life *life, int64_t seconds)
{
	life->now = mono_after(life->now, seconds * NS_PER_S);
}

static enum token_advice ask(struct life *life)
{
	return token_lease_ask(&life->lease, life->now, 0, false);
}

static enum token_advice ask_refused(struct life *life)
{
	return token_lease_ask(&life->lease, life->now, life->lease.serial, false);
}

static void fetch(struct life *life, int64_t lifetime_s, bool wanted)
{
	token_lease_begin(&life->lease);
	token_lease_got(&life->lease, life->now, lifetime_s, wanted, &life->random);
}

static int64_t fall(struct life *life, bool stuck, int64_t named_s)
{
	token_lease_begin(&life->lease);
	return token_lease_failed(&life->lease, life->now, stuck, named_s, &life->random);
}

static void test_one_flight(void **state)
{
	struct life life = begin(false);

	(void)state;
	assert_int_equal(token_lease_due(&life.lease).ns, INT64_MAX);
	assert_int_equal(ask(&life), TOKEN_FETCH);
	token_lease_begin(&life.lease);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(&life), TOKEN_WAIT);
	token_lease_got(&life.lease, life.now, HOUR_S, true, &life.random);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(&life), TOKEN_GOOD);
	assert_int_equal(life.lease.serial, 1);
}

static void test_renewal(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct life life = begin(false);
		random_seed(&life.random, (uint64_t)round);
		fetch(&life, HOUR_S, true);
		const int64_t in_ns = token_lease_due(&life.lease).ns - life.now.ns;
		/* At least five minutes ahead, at most a quarter of them more. */
		assert_true(in_ns <= HOUR_S * NS_PER_S - MARGIN_NS);
		assert_true(in_ns >= HOUR_S * NS_PER_S - MARGIN_NS - MARGIN_NS / 4);
		life.now = token_lease_due(&life.lease);
		assert_true(token_lease_renew(&life.lease, life.now));
		token_lease_begin(&life.lease);
		/* While the next one is on its way, this one will do. */
		assert_int_equal(ask(&life), TOKEN_GOOD);
		assert_int_equal(token_lease_due(&life.lease).ns, INT64_MAX);
	}
}

static void test_end(void **state)
{
	struct life life = begin(false);

	(void)state;
	fetch(&life, HOUR_S, true);
	/* Handed out until two thirds of the margin are left. */
	go_on(&life, HOUR_S - 201);
	assert_int_equal(ask(&life), TOKEN_GOOD);
	go_on(&life, 1);
	assert_int_equal(ask(&life), TOKEN_FETCH);
}

static void test_short_life(void **state)
{
	struct life life = begin(false);

	(void)state;
	/* Of a token shorter than its margin, two thirds are of use. */
	fetch(&life, 9, true);
	assert_int_equal(ask(&life), TOKEN_GOOD);
	assert_true(token_lease_due(&life.lease).ns > life.now.ns);
	go_on(&life, 6);
	assert_int_equal(ask(&life), TOKEN_GOOD);
	go_on(&life, 1);
	assert_int_equal(ask(&life), TOKEN_FETCH);
	fetch(&life, 1, true);
	assert_int_equal(ask(&life), TOKEN_GOOD);
}

static void test_unused(void **state)
{
	struct life life = begin(false);

	(void)state;
	/* Nobody asked since it came: it is left to its end. */
	fetch(&life, HOUR_S, false);
	life.now = token_lease_due(&life.lease);
	assert_false(token_lease_renew(&life.lease, life.now));
	assert_int_equal(token_lease_due(&life.lease).ns, INT64_MAX);
	/* Somebody does after all: renewed at once. */
	assert_int_equal(ask(&life), TOKEN_GOOD);
	assert_true(token_lease_renew(&life.lease, life.now));
}

static void test_kept_alive(void **state)
{
	struct life life = begin(true);

	(void)state;
	fetch(&life, HOUR_S, false);
	life.now = token_lease_due(&life.lease);
	assert_false(token_lease_renew(&life.lease, life.now));
	/* A refresh token is used once a day, or it dies after ninety. */
	assert_int_equal(token_lease_due(&life.lease).ns - life.now.ns, TOKEN_LEASE_ALIVE_NS);
	life.now = token_lease_due(&life.lease);
	assert_true(token_lease_renew(&life.lease, life.now));
}

static void test_refused(void **state)
{
	struct life life = begin(false);

	(void)state;
	fetch(&life, HOUR_S, true);
	assert_int_equal(ask_refused(&life), TOKEN_FETCH);
	token_lease_begin(&life.lease);
	/* Others, who were not refused, are not held up. */
	assert_int_equal(ask(&life), TOKEN_GOOD);
	assert_int_equal(ask_refused(&life), TOKEN_WAIT);
	token_lease_got(&life.lease, life.now, HOUR_S, true, &life.random);
	/* An older one was refused: there is a fresh one. */
	assert_int_equal(token_lease_ask(&life.lease, life.now, 1, false), TOKEN_GOOD);
	/* The fresh one too: not again, until a minute has passed. */
	assert_int_equal(ask_refused(&life), TOKEN_GOOD);
	go_on(&life, 59);
	assert_int_equal(ask_refused(&life), TOKEN_GOOD);
	go_on(&life, 1);
	assert_int_equal(ask_refused(&life), TOKEN_FETCH);
}

static void test_back_off(void **state)
{
	struct life life = begin(false);
	int64_t wait_ns = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(ask(&life), TOKEN_FETCH);
		const int64_t before_ns = wait_ns;
		wait_ns = fall(&life, false, 0);
		assert_true(wait_ns >= TOKEN_LEASE_FIRST_NS);
		assert_true(wait_ns <= TOKEN_LEASE_MOST_NS * 5 / 4);
		assert_true(wait_ns > before_ns || wait_ns >= TOKEN_LEASE_MOST_NS);
		assert_int_equal(ask(&life), TOKEN_FAIL);
		life.now = mono_after(life.now, wait_ns - 1);
		assert_int_equal(ask(&life), TOKEN_FAIL);
		life.now = mono_after(life.now, 1);
	}
	fetch(&life, HOUR_S, true);
	assert_int_equal(life.lease.failures, 0);
}

static void test_stuck(void **state)
{
	struct life life = begin(false);
	int64_t wait_ns = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		wait_ns = fall(&life, true, 0);
		assert_true(wait_ns >= TOKEN_LEASE_STUCK_NS);
		life.now = mono_after(life.now, wait_ns);
	}
	assert_true(wait_ns >= TOKEN_LEASE_STUCK_MOST_NS);
	assert_true(wait_ns <= TOKEN_LEASE_STUCK_MOST_NS * 5 / 4);
}

static void test_retry_after(void **state)
{
	struct life life = begin(false);

	(void)state;
	assert_true(fall(&life, false, 120) >= 120 * NS_PER_S);
	assert_int_equal(ask(&life), TOKEN_FAIL);
	go_on(&life, 119);
	/* Nobody hurries what the endpoint has asked for. */
	assert_int_equal(token_lease_ask(&life.lease, life.now, 0, true), TOKEN_FAIL);
	go_on(&life, 31);
	assert_int_equal(ask(&life), TOKEN_FETCH);
	assert_true(fall(&life, false, INT64_MAX) <= TOKEN_LEASE_NAMED_MOST_NS * 5 / 4);
}

static void test_again(void **state)
{
	struct life life = begin(false);

	(void)state;
	(void)fall(&life, true, 0);
	/* Once a second at most, however often it is said. */
	assert_int_equal(token_lease_ask(&life.lease, life.now, 0, true), TOKEN_FAIL);
	go_on(&life, 1);
	assert_int_equal(ask(&life), TOKEN_FAIL);
	assert_int_equal(token_lease_ask(&life.lease, life.now, 0, true), TOKEN_FETCH);
}

static void test_failing_renewal(void **state)
{
	struct life life = begin(false);

	(void)state;
	fetch(&life, HOUR_S, true);
	assert_int_equal(ask(&life), TOKEN_GOOD);
	life.now = token_lease_due(&life.lease);
	assert_true(token_lease_renew(&life.lease, life.now));
	const int64_t wait_ns = fall(&life, false, 0);
	/* The old one goes on, and it is tried again by itself. */
	assert_int_equal(ask(&life), TOKEN_GOOD);
	assert_int_equal(ask_refused(&life), TOKEN_GOOD);
	assert_int_equal(token_lease_due(&life.lease).ns, life.now.ns + wait_ns);
	assert_false(token_lease_renew(&life.lease, life.now));
	life.now = token_lease_due(&life.lease);
	assert_true(token_lease_renew(&life.lease, life.now));
}

/* A year of an hour's tokens, somebody asking at chance: never a token past its time, never more
 * than one fetch at once, and no more fetches than the renewals need. */
static void test_a_year(void **state)
{
	struct life life = begin(false);
	struct mono fetched = life.now;
	size_t fetches = 0;
	const struct mono end = mono_after(life.now, 365LL * 86400 * NS_PER_S);

	(void)state;
	while (!mono_reached(life.now, end)) {
		go_on(&life, 1 + (int64_t)random_below(&life.random, 600));
		const bool renews = token_lease_renew(&life.lease, life.now);
		const enum token_advice advice = renews ? TOKEN_FETCH : ask(&life);
		assert_true(advice == TOKEN_FETCH || advice == TOKEN_GOOD);
		if (advice == TOKEN_GOOD) {
			assert_true(life.now.ns - fetched.ns < (HOUR_S - 200) * NS_PER_S);
			continue;
		}
		fetch(&life, HOUR_S, !renews);
		fetched = life.now;
		fetches++;
	}
	assert_true(fetches > 365 * 24);
	assert_true(fetches < 365 * 24 * 5 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_flight),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_short_life),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_kept_alive),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_failing_renewal),
		cmocka_unit_test(test_a_year),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
