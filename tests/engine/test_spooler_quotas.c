/* What a tenant may send in all: lent to shards in portions, on disk ahead of that, counted after a
 * crash, and exact after a clean stop. */
#include "engine/portion_sheet.h"
#include "engine/spooler_inner.h"
#include "tests/engine/star.h"

static const char with_quota[] =
        "tenants: [{name: Tenant, external_recipients_per_day: 100}, {name: free}]\n"
        "routes:\n"
        "  - {name: first, interface: connector, host: 127.0.0.1,\n"
        "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";

static struct quota *quota_of(struct star *star)
{
	return &star->spooler->quotas[0].quota;
}

static uint64_t used(struct star *star)
{
	return quota_used(quota_of(star), clock_mono());
}

static void send_sheet(struct star *star, struct portion_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_PORTION, .portion = sheet };

	star_send(star, &star->delivery.to_spooler, &letter);
}

/* Until it is back; gives what was granted. */
static uint64_t ask(struct star *star, struct portion_sheet *sheet)
{
	const size_t before = star->portions;

	send_sheet(star, sheet);
	for (int i = 0; i < 5 && star->portions == before; i++)
		star_turn(star);
	assert_int_equal(star->portions, before + 1);
	return sheet->granted;
}

static uint64_t want(struct star *star, enum portion_pot pot, uint32_t needed)
{
	struct portion_sheet sheet = { .pot = pot, .needed = needed, .most = needed };

	return ask(star, &sheet);
}

static void tell(struct star *star, uint64_t spent, uint64_t back)
{
	struct portion_sheet sheet = { .spent = spent, .back = back };

	assert_int_equal(ask(star, &sheet), 0);
}

static void test_lent_and_told(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, with_quota);
	const uint64_t commits = star.spooler->batch.commits;
	assert_int_equal(want(&star, PORTION_ANY, 7), 7);
	assert_true(star.spooler->batch.commits > commits); /* not before it is on disk */
	assert_int_equal(used(&star), 7);
	/* The record allows a few more: the next ones come at once. */
	const uint64_t later = star.spooler->batch.commits;
	assert_int_equal(want(&star, PORTION_ANY, 2), 2);
	assert_int_equal(star.spooler->batch.commits, later);
	tell(&star, 4, 5);
	assert_int_equal(used(&star), 4);
	star_turns(&star, 5);
	assert_true(list_is_empty(&star.spooler->quotas_busy)); /* nobody has any */
	star_close(&star);
}

static void test_used_up(void **state)
{
	struct portion_sheet sheet = { .pot = PORTION_ANY, .needed = 5, .most = 5 };
	struct star star;
	uint64_t lent = 0;

	(void)state;
	star_open(&star, with_quota);
	for (uint64_t more = 1; more > 0; lent += more)
		more = want(&star, PORTION_ANY, 9);
	assert_int_equal(lent, 98); /* ordinary mail stops there */
	assert_int_equal(want(&star, PORTION_URGENT, 9), 2);
	tell(&star, 100, 0);
	assert_int_equal(ask(&star, &sheet), 0);
	const int64_t wait_s = (sheet.until.ns - clock_mono().ns) / NS_PER_S;
	assert_true(wait_s > 86400 - 60);
	assert_true(wait_s < 86400 * 103 / 100);
	star_close(&star);
}

/* With portions out, others may get what comes back: they look again soon. */
static void test_what_is_out_may_come_back(void **state)
{
	struct portion_sheet sheet = { .pot = PORTION_ANY, .needed = 1, .most = 1 };
	struct star star;

	(void)state;
	star_open(&star, with_quota);
	while (want(&star, PORTION_ANY, 9) > 0)
		continue;
	assert_int_equal(ask(&star, &sheet), 0);
	assert_true(sheet.until.ns - clock_mono().ns < 10 * NS_PER_S);
	tell(&star, 0, 50);
	assert_int_equal(want(&star, PORTION_ANY, 9), 9);
	star_close(&star);
}

static void test_a_crash_counts_what_was_lent(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, with_quota);
	assert_int_equal(want(&star, PORTION_ANY, 30), 30);
	tell(&star, 10, 5);
	assert_int_equal(want(&star, PORTION_ANY, 20), 20);
	star_restart(&star, with_quota); /* nobody said goodbye */
	assert_true(used(&star) >= 45);
	assert_true(used(&star) <= 45 + 16 + 5);
	/* The same limit under another spelling of the name. */
	star_restart(&star, "tenants: [{name: TENANT, external_recipients_per_day: 200}]\n"
	                    "routes:\n"
	                    "  - {name: first, interface: connector, host: 127.0.0.1,\n"
	                    "     tls: {mode: none}}\n");
	assert_true(used(&star) >= 45);
	star_close(&star);
}

static void test_a_clean_stop_is_exact(void **state)
{
	const struct letter drained = { .kind = LETTER_DRAINED };
	struct star star;

	(void)state;
	star_open(&star, with_quota);
	assert_int_equal(want(&star, PORTION_ANY, 30), 30);
	spooler_drain(star.spooler);
	star_turns(&star, 2);
	tell(&star, 11, 19);
	star_send(&star, &star.ingest.to_spooler, &drained);
	star_send(&star, &star.delivery.to_spooler, &drained);
	star_turns(&star, 4);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_FINISHED);
	star_restart(&star, with_quota);
	assert_int_equal(used(&star), 11);
	star_close(&star);
}

/* A damaged record is no reason to send more. */
static void test_damage(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, with_quota);
	star_assert_ok(spool_begin(star.spooler->spool));
	star_assert_ok(spool_note(star.spooler->spool, VIEW("quotas/tenant"), VIEW("?")));
	star_assert_ok(spool_commit(star.spooler->spool));
	star_restart(&star, with_quota);
	assert_int_equal(used(&star), 100);
	assert_int_equal(want(&star, PORTION_URGENT, 1), 0);
	star_close(&star);
}

static const char with_total[] =
        "tenants: [{name: Tenant}]\n"
        "routes:\n"
        "  - {name: first, interface: connector, host: 127.0.0.1, messages_per_minute: 50/1h,\n"
        "     tls: {mode: none}, sessions: 2, pipeline: 2, total: {connections: 4}}\n";

/* A route's own: its messages are on disk ahead of time, the cap is not; rows are in the plan's
 * order. */
static void test_of_a_route(void **state)
{
	struct portion_sheet messages = { .quota = 2, .pot = PORTION_ANY, .needed = 9, .most = 9 };
	struct portion_sheet cap = { .quota = 3, .pot = PORTION_ANY, .needed = 1, .most = 3 };
	struct star star;

	(void)state;
	star_open(&star, with_total);
	assert_int_equal(ask(&star, &messages), 9);
	const uint64_t commits = star.spooler->batch.commits;
	assert_int_equal(ask(&star, &cap), 3);
	cap.granted = 0;
	assert_int_equal(ask(&star, &cap), 1);
	cap.granted = 0;
	assert_int_equal(ask(&star, &cap), 0); /* full; it is asked for again */
	cap.back = 2;
	assert_int_equal(ask(&star, &cap), 2);
	assert_int_equal(star.spooler->batch.commits, commits);
	star_restart(&star, with_total);
	assert_true(quota_used(&star.spooler->quotas[2].quota, clock_mono()) >= 9);
	assert_int_equal(quota_used(&star.spooler->quotas[3].quota, clock_mono()), 0);
	star_close(&star);
}

/* The server says that the tenant may send no more, which has no limit that we know of. */
static void test_the_server_says_so(void **state)
{
	struct portion_sheet sheet = {
		.exhausted = true,
		.began = clock_mono(),
		.wait_ns = 3600 * NS_PER_S,
	};
	struct star star;

	(void)state;
	star_open(&star, with_total);
	assert_int_equal(ask(&star, &sheet), 0);
	assert_false(sheet.free);
	assert_true(sheet.until.ns - clock_mono().ns > 3500 * NS_PER_S);
	sheet = (struct portion_sheet){ .needed = 1, .most = 1 };
	assert_int_equal(ask(&star, &sheet), 0);
	assert_true(sheet.until.ns - clock_mono().ns > 3500 * NS_PER_S);
	spooler_resume_quotas(star.spooler);
	assert_int_equal(ask(&star, &sheet), 0); /* it need not be asked */
	assert_true(sheet.free);
	star_close(&star);
}

/* What is delivered is counted while nobody asks; when the gate closes it is the limit. */
static void test_a_rate_is_learned(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, with_total);
	const uint32_t rate = quota_plan_rate(star.spooler->shard.config, 0);
	struct portion_sheet sheet = { .quota = rate, .needed = 1, .most = 1 };
	assert_int_equal(ask(&star, &sheet), 0);
	assert_true(sheet.free);
	for (int i = 0; i < 20; i++)
		spooler_count_sent(star.spooler, 0);
	spooler_cut_rate(star.spooler, 0);
	assert_int_equal(star.spooler->quotas[rate].quota.rate.limit, 15);
	assert_int_equal(ask(&star, &sheet), 0);
	assert_false(sheet.free);
	assert_true(sheet.until.ns > clock_mono().ns + 50 * NS_PER_S);
	/* It is known after a restart. */
	star_restart(&star, with_total);
	assert_int_equal(star.spooler->quotas[rate].quota.rate.limit, 15);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lent_and_told),
		cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_what_is_out_may_come_back),
		cmocka_unit_test(test_a_crash_counts_what_was_lent),
		cmocka_unit_test(test_a_clean_stop_is_exact),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_of_a_route),
		cmocka_unit_test(test_the_server_says_so),
		cmocka_unit_test(test_a_rate_is_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
