/* Messages whose recipients take several routes: jobs, answers, ends. */
#include "tests/engine/star.h"
#include "tests/queue/disk_faults.h"

static const char routes[] =
        "accepted_domains: [in.test]\n"
        "routes:\n"
        "  - {name: far, host: 127.0.0.1, tls: {mode: none}, notices_from: n@in.test,\n"
        "     sessions: 2, pipeline: 2}\n"
        "  - {name: inside, interface: direct, host: 127.0.0.1, sessions: 2, pipeline: 2}\n"
        "  - {name: third, host: 127.0.0.1, tls: {mode: none}, sessions: 2, pipeline: 2}\n"
        "rules:\n"
        "  - {header: 'X-Inside: *', route: inside}\n"
        "  - {recipient_domain: in.test, route: inside}\n"
        "  - {recipient_domain: third.test, route: third}\n";

static void each_route_has_its_job(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(
	        &star, "a@in.test", "a@x.test b@in.test c@third.test d@x.test e@in.test", 20000);
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.job_count, 3);
	assert_int_equal(star_messages(&star), 1);
	static const struct {
		uint16_t route;
		uint16_t owed[2];
		uint32_t count;
	} wanted[] = { { 0, { 0, 3 }, 2 }, { 1, { 1, 4 }, 2 }, { 2, { 2 }, 1 } };
	for (size_t i = 0; i < 3; i++) {
		const struct job *job = star.jobs[i];

		assert_int_equal(job->id, star.jobs[0]->id);
		assert_int_equal(job->number, i);
		assert_int_equal(job->route, wanted[i].route);
		assert_int_equal(job->owed_count, wanted[i].count);
		for (size_t j = 0; j < job->owed_count; j++)
			assert_int_equal(job_owed_const(job)[j].index, wanted[i].owed[j]);
	}
	/* The message goes with the last of them. */
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 1);
	star_settle(&star, OWED_DEFERRED);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 1);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 1);
	star_close(&star);
}

static void a_restart_finds_each(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	for (int i = 0; i < 20; i++)
		(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 3000);
	star_turn(&star);
	assert_int_equal(star.job_count, 40);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	star_restart(&star, routes);
	star_turns(&star, 3);
	assert_int_equal(star_messages(&star), 20);
	assert_int_equal(star.job_count, 39);
	while (star.job_count > 0)
		star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

/* What both routes refuse makes two reports: each job tells of its own. */
static void bounces_are_by_job(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 100);
	star_turn(&star);
	star_settle(&star, OWED_BOUNCED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 2);
	star_settle(&star, OWED_BOUNCED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 2);
	assert_int_equal(star.job_count, 2);
	/* They go to our own domain. */
	for (size_t i = 0; i < 2; i++) {
		assert_true((star.jobs[i]->message->flags & MESSAGE_REPORT) != 0);
		assert_int_equal(star.jobs[i]->route, 1);
	}
	star_close(&star);
}

static struct message *headed(struct star *star, const char *from, const char *to)
{
	struct message *message = message_create(&star->shelf, 0);

	assert_non_null(message);
	star->ids_left--;
	message_name(message, star->ids++, clock_wall());
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (struct view rest = view_of(to); rest.bytes > 0;) {
		const size_t bytes = view_find(rest, ' ');
		const struct message_recipient recipient = { .address = view_first(rest, bytes) };
		assert_true(message_add_recipient(message, &star->shelf, 0, &recipient));
		rest = view_skip(rest, bytes < rest.bytes ? bytes + 1 : bytes);
	}
	assert_true(rope_append(&message->body, &star->shelf, VIEW("X-Inside: 1\r\n\r\nx\r\n"), 0));
	message_seal(message);
	return message;
}

/* A rule that hangs on the header sends them where outside can't go: those are told at once. */
static void who_has_no_way_bounces(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	star_put_message(&star, headed(&star, "a@in.test", "a@x.test b@in.test c@y.test"));
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->route, 1);
	star_turns(&star, 2);
	assert_int_equal(star.job_count, 2);
	const struct job *report = star.jobs[1];
	assert_true((report->message->flags & MESSAGE_REPORT) != 0);
	assert_int_equal(report->message->recipient_count, 1);
	star_settle(&star, OWED_DELIVERED);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

/* Killed in between, it is found again, and kept: nothing is lost. */
static void who_has_no_way_survives_a_crash(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	star.spooler->ids_left = 0; /* so that the report waits */
	star_put_message(&star, headed(&star, "a@in.test", "a@x.test b@in.test"));
	disk = (struct disk_faults){ 0 };
	star_turn(&star);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 2);
	star_restart(&star, routes);
	star_turns(&star, 4);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 2);
	assert_int_equal(spool_counts(star.spooler->spool).held, 1);
	star_close(&star);
}

static void a_null_sender_without_a_way_is_kept_alone(void **state)
{
	static const char no_notices[] = "accepted_domains: [in.test]\n"
	                                 "routes:\n"
	                                 "  - {name: far, host: 127.0.0.1, tls: {mode: none}}\n"
	                                 "  - {name: inside, interface: direct, host: 127.0.0.1}\n";
	struct star star;

	(void)state;
	star_open(&star, no_notices);
	(void)star_put(&star, "", "a@x.test b@in.test", 100);
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->route, 1);
	assert_int_equal(spool_counts(star.spooler->spool).held, 1);
	star_close(&star);
}

/* More ways than owed recipients fit inline, and no memory for them: all or nothing. */
static void no_memory_for_the_jobs(void **state)
{
	struct star star;
	struct chunk *taken = NULL;
	struct chunk *chunk;

	(void)state;
	star_open(&star, routes);
	struct message *message = star_message(
	        &star, "a@in.test", "a@in.test b@x.test c@x.test d@x.test e@x.test f@x.test", 100);
	const uint64_t full = star.full;
	star_put_message(&star, message);
	while ((chunk = shelf_take(&star.shelf)) != NULL) {
		chunk->next = taken;
		taken = chunk;
	}
	star_turn(&star);
	assert_int_equal(star.full, full + 1);
	assert_int_equal(star.job_count, 0);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(star.spooler->batch.job_count, 0);
	while (taken != NULL) {
		chunk = taken;
		taken = MOVE(chunk->next);
		shelf_give(&star.shelf, chunk);
	}
	star_close(&star);
}

/* A full disk refuses the whole of it. */
static void a_full_disk_takes_no_part(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, routes);
	disk.capacity = 1;
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 100);
	star_turn(&star);
	assert_int_equal(star.full, 1);
	assert_int_equal(star.job_count, 0);
	disk.capacity = 0;
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_route_has_its_job),
		cmocka_unit_test(a_restart_finds_each),
		cmocka_unit_test(bounces_are_by_job),
		cmocka_unit_test(who_has_no_way_bounces),
		cmocka_unit_test(who_has_no_way_survives_a_crash),
		cmocka_unit_test(a_null_sender_without_a_way_is_kept_alone),
		cmocka_unit_test(no_memory_for_the_jobs),
		cmocka_unit_test(a_full_disk_takes_no_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
