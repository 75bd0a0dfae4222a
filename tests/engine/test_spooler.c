/* The spooler's promises: answers after commits, credit, full and broken disks, reports, draining,
 * orphans; and the same with the n-th write or sync failing. */
#include "tests/engine/star.h"
#include "tests/queue/disk_faults.h"

/* FEED_WINDOW_LEAST: two sessions with two in flight want less. */
#define WINDOW 32

static void a_put_is_lent_and_settled(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	(void)star_put(&star, "a@contoso.com", "b@contoso.com", 20000);
	assert_int_equal(star.committed, 0);
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star_messages(&star), 1);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

static void what_windows_do_not_hold_waits_on_disk(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 100);
	star_turns(&star, 3);
	assert_int_equal(star.committed, 100);
	assert_int_equal(star.job_count, WINDOW);
	/* In order, whether from memory or from disk. */
	uint64_t last = 0;
	for (int left = 100; left > 0; left--) {
		assert_true(star.jobs[0]->id > last);
		last = star.jobs[0]->id;
		star_settle(&star, OWED_DELIVERED);
		star_turn(&star);
	}
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

static void a_restart_lends_what_was_lent(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 3);
	star_turn(&star);
	assert_int_equal(star.job_count, 3);
	star_restart(&star, star_routes);
	assert_int_equal(star.job_count, 3);
	star_settle(&star, OWED_DEFERRED);
	star_settle(&star, OWED_PENDING);
	star_turns(&star, 2);
	/* Deferred for an hour; pending is due as it was. */
	assert_int_equal(star.job_count, 2);
	assert_int_equal(star_messages(&star), 3);
	star_close(&star);
}

static void a_bounce_makes_a_report(void **state)
{
	static const char routes[] = "routes:\n"
	                             "  - {name: first, interface: connector, host: 127.0.0.1,\n"
	                             "     tls: {mode: none}, notices_from: relay@contoso.com}\n";
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@contoso.com", "b@contoso.com", 100);
	star_turn(&star);
	star_settle(&star, OWED_BOUNCED);
	star_turn(&star);
	/* Original and report change places in one commit. */
	assert_int_equal(star_messages(&star), 1);
	assert_int_equal(star.job_count, 1);
	const struct message *report = star.jobs[0]->message;
	assert_true((report->flags & MESSAGE_REPORT) != 0);
	assert_true((report->flags & MESSAGE_FROM_NOTICES) != 0);
	assert_true(message_sender_is_null(report));
	/* No bounce of a bounce. */
	star_settle(&star, OWED_BOUNCED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

static void a_null_sender_without_a_way_is_kept(void **state)
{
	static const char with_notices[] =
	        "routes:\n"
	        "  - {name: first, interface: connector, host: 127.0.0.1,\n"
	        "     tls: {mode: none}, notices_from: relay@contoso.com}\n";
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	(void)star_put(&star, "", "b@contoso.com", 100);
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.job_count, 0);
	assert_int_equal(spool_counts(star.spooler->spool).held, 1);

	/* What had a way, and has none after a change of settings, is kept too. */
	star_restart(&star, with_notices);
	assert_true(star_ask_ids(&star));
	(void)star_put(&star, "", "c@contoso.com", 100);
	star_turn(&star);
	assert_int_equal(star.job_count, 1);
	star_restart(&star, star_routes);
	star_turns(&star, 3);
	assert_int_equal(star.job_count, 0);
	assert_int_equal(spool_counts(star.spooler->spool).held, 2);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

static void jobs_of_removed_routes_are_adopted(void **state)
{
	static const char other[] = "routes:\n"
	                            "  - {name: second, interface: connector, host: 127.0.0.1,\n"
	                            "     tls: {mode: none}}\n";
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 100);
	star_turns(&star, 3);
	star_settle(&star, OWED_DEFERRED);
	star_turn(&star);
	star_restart(&star, other);
	star_turns(&star, 10);
	assert_false(star.spooler->orphans);
	assert_int_equal(star.job_count, 99);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 100);
	for (size_t i = 0; i < star.job_count; i++)
		assert_int_equal(star.jobs[i]->route, 0);
	star_close(&star);
}

static void orphans_survive_a_short_budget(void **state)
{
	static const char other[] = "routes:\n"
	                            "  - {name: second, interface: connector, host: 127.0.0.1,\n"
	                            "     tls: {mode: none}}\n";
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 3);
	star_turn(&star);
	star_end(&star);
	star_begin(&star, other);
	/* Somebody has all the memory. */
	struct chunk *taken = NULL;
	struct chunk *chunk;
	while ((chunk = shelf_take(&star.shelf)) != NULL) {
		chunk->next = taken;
		taken = chunk;
	}
	star_turns(&star, 3);
	assert_true(star.spooler->orphans);
	while (taken != NULL) {
		chunk = taken;
		taken = MOVE(chunk->next);
		shelf_give(&star.shelf, chunk);
	}
	shelf_finish(&star.shelf);
	for (int i = 0; i < 1000 && star.job_count < 3; i++) {
		star_turn(&star);
		star_nap(1);
	}
	assert_int_equal(star.job_count, 3);
	star_close(&star);
}

static void draining_ends_when_all_is_settled(void **state)
{
	const struct letter drained = { .kind = LETTER_DRAINED };
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 2);
	star_turn(&star);
	spooler_drain(star.spooler);
	star_turn(&star);
	assert_true(star.drain_came);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_DRAINING);
	star_puts(&star, 1); /* a transaction that was in progress */
	star_settle(&star, OWED_DELIVERED);
	star_settle(&star, OWED_PENDING);
	star_turn(&star);
	assert_int_equal(star.committed, 3);
	assert_int_equal(star.job_count, 0); /* nothing more is lent */
	star_send(&star, &star.ingest.to_spooler, &drained);
	star_turn(&star);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_DRAINING);
	star_send(&star, &star.delivery.to_spooler, &drained);
	star_turn(&star);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_FINISHED);
	assert_int_equal(spooler_message_count(star.spooler), 2);
	star_close(&star);
}

/* Full disks. */

static void turn_until_room(struct star *star)
{
	for (int i = 0; i < 3000 && star->pressed; i++) {
		star_turn(star);
		star_nap(1);
	}
	assert_false(star->pressed);
}

static void a_full_disk_refuses_mail_and_goes_on_delivering(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	star_puts(&star, 40);
	star_turn(&star);
	assert_int_equal(star.committed, 40);
	disk.capacity = UINT64_C(1) << 20; /* less than is allocated already */
	while (star.full == 0) {
		assert_true(star.asked < 20000);
		(void)star_put(&star, "a@contoso.com", "b@contoso.com", 60000);
		star_turn(&star);
	}
	assert_true(star.pressed);
	disk.capacity = 0;
	const uint64_t before = star_messages(&star);
	assert_int_equal(before, star.committed);
	for (int i = 0; i < 50; i++) {
		star_settle(&star, OWED_DELIVERED);
		star_turn(&star);
	}
	assert_int_equal(star_messages(&star), before - 50);
	/* However busy the spooler is, it looks for room. */
	turn_until_room(&star);
	(void)star_put(&star, "a@contoso.com", "b@contoso.com", 100);
	star_turn(&star);
	assert_int_equal(star_messages(&star), before - 50 + 1);
	star_close(&star);
}

/* spool.size: new mail is refused, settles and what they free are not. */
static void a_spool_grows_no_further_than_its_size(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	star_end(&star);
	star.size = "16MiB";
	star_begin(&star, star_routes);
	assert_true(star_ask_ids(&star));
	while (star.full == 0) {
		assert_true(star.asked < 1000);
		(void)star_put(&star, "a@contoso.com", "b@contoso.com", 60000);
		star_turn(&star);
	}
	assert_true(star.pressed);
	const struct spool_counts counts = spool_counts(star.spooler->spool);
	assert_true(counts.full);
	assert_true(counts.file_bytes <= UINT64_C(16) << 20);
	assert_true(counts.file_bytes > UINT64_C(15) << 20);
	const uint64_t before = star_messages(&star);
	for (int i = 0; i < 100; i++) {
		star_settle(&star, OWED_DELIVERED);
		star_turn(&star);
	}
	assert_int_equal(star_messages(&star), before - 100);
	turn_until_room(&star);
	for (int i = 0; i < 50; i++) {
		(void)star_put(&star, "a@contoso.com", "b@contoso.com", 60000);
		star_turn(&star);
	}
	assert_int_equal(star_messages(&star), before - 50);
	/* Into the pages that were freed; a few more for the tree. */
	assert_true(spool_counts(star.spooler->spool).file_bytes < UINT64_C(17) << 20);
	star_close(&star);
}

/* Settles wait, and nothing is lent in their place beyond the windows. */
static void settles_wait_for_a_disk_that_takes_nothing(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	star_puts(&star, 200);
	star_turns(&star, 5);
	assert_int_equal(star.committed, 200);
	disk.capacity = 1;
	while (star.job_count > 0)
		star_settle(&star, OWED_DELIVERED);
	star_puts(&star, 1);
	star_turns(&star, 20);
	assert_int_equal(star.full, 1);
	assert_true(star.pressed);
	assert_int_equal(star.job_count, 0);
	assert_int_equal(star_messages(&star), 200);
	disk.capacity = 0;
	star_turns(&star, 5);
	assert_int_equal(star_messages(&star), 200 - WINDOW);
	assert_int_equal(star.job_count, WINDOW);
	turn_until_room(&star);
	star_close(&star);
}

static void a_broken_spool_acknowledges_nothing(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	star_puts(&star, 3);
	star_turn(&star);
	assert_int_equal(star.committed, 3);
	assert_int_equal(spooler_message_count(star.spooler), 3);
	star_puts(&star, 5);
	disk.error = EIO;
	disk.fail_at = disk.ops + 1;
	star_turn(&star);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_BROKEN);
	assert_int_equal(star.committed, 3);
	/* What is there is still known. */
	assert_int_equal(spooler_message_count(star.spooler), 3);
	assert_int_equal(star.failed, 5);
	star_puts(&star, 2);
	star_turn(&star);
	assert_int_equal(star.failed, 7);
	assert_int_equal(star.job_count, 3);
	star_close(&star);
	disk = (struct disk_faults){ 0 };
}

/* Fail the n-th. */

struct account {
	uint64_t put[64];
	size_t put_count;
	bool ended[64]; /* a settle was sent: it may be gone */
};

static void play(struct star *star, struct account *account)
{
	static const enum owed_outcome outcomes[] = { OWED_DELIVERED, OWED_DEFERRED, OWED_BOUNCED,
		OWED_PENDING };

	for (size_t round = 0; round < 6; round++) {
		const uint64_t before = star->committed;
		const uint64_t id = star->ids;

		star_puts(star, 4);
		star_turn(star);
		/* All of one commit, or none. */
		const uint64_t came = star->committed - before;
		assert_true(came == 0 || came == 4);
		for (uint64_t i = 0; i < came; i++)
			account->put[account->put_count++] = id + i;
		for (size_t i = 0; i < 2 && star->job_count > 0; i++) {
			for (size_t j = 0; j < account->put_count; j++)
				account->ended[j] |= account->put[j] == star->jobs[0]->id;
			star_settle(star, outcomes[(round + i) % 4]);
		}
		star_turn(star);
		if (spooler_state(star->spooler) == SPOOLER_BROKEN)
			return;
	}
}

static bool run_with_fault(uint64_t n, int error)
{
	struct star star;
	struct account account = { .put_count = 0 };

	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	disk.error = error;
	disk.fail_at = disk.ops + n;
	play(&star, &account);
	const bool hit = disk.hit;
	disk = (struct disk_faults){ 0 };
	if (spooler_state(star.spooler) == SPOOLER_BROKEN)
		assert_true(hit);
	star_restart(&star, star_routes);
	star_turn(&star);
	for (size_t i = 0; i < account.put_count; i++) {
		struct spool_place place = { account.put[i] - 1, UINT16_MAX };
		const bool there =
		        spool_walk(star.spooler->spool, &place) && place.id == account.put[i];
		assert_true(there || account.ended[i]); /* I1 */
	}
	star_close(&star);
	return hit;
}

static void nothing_is_lost_whatever_write_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t n = 1;

		while (run_with_fault(n, errors[i]))
			n++;
		assert_true(n > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_put_is_lent_and_settled),
		cmocka_unit_test(what_windows_do_not_hold_waits_on_disk),
		cmocka_unit_test(a_restart_lends_what_was_lent),
		cmocka_unit_test(a_bounce_makes_a_report),
		cmocka_unit_test(a_null_sender_without_a_way_is_kept),
		cmocka_unit_test(jobs_of_removed_routes_are_adopted),
		cmocka_unit_test(orphans_survive_a_short_budget),
		cmocka_unit_test(draining_ends_when_all_is_settled),
		cmocka_unit_test(a_full_disk_refuses_mail_and_goes_on_delivering),
		cmocka_unit_test(a_spool_grows_no_further_than_its_size),
		cmocka_unit_test(settles_wait_for_a_disk_that_takes_nothing),
		cmocka_unit_test(a_broken_spool_acknowledges_nothing),
		cmocka_unit_test(nothing_is_lost_whatever_write_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
