/* What operators ask for, done to jobs on disk and to jobs that a shard has. */
#include "tests/engine/star.h"
#include "tests/queue/disk_faults.h"

#include "engine/request.h"

#define WINDOW 32

static struct request *request;

static void send_request(struct star *star)
{
	const struct letter letter = { .kind = LETTER_REQUEST, .request = request };

	star_send(star, &star->requests, &letter);
}

static void await_answer(struct star *star)
{
	for (int i = 0; i < 2000; i++) {
		star_turn(star);
		if (request_wait(request, 0))
			return;
		if (i > 100)
			star_nap(1);
	}
	fail_msg("no answer");
}

static void ask(struct star *star)
{
	send_request(star);
	await_answer(star);
}

static void ask_all(struct star *star, enum request_verb verb)
{
	request_reset(request, verb);
	request->all = true;
	ask(star);
}

/* The request is about `count` jobs that the shard has: it is not answered while it has one. */
static void ask_lent(struct star *star, size_t count)
{
	const size_t recalls = star->recalls;

	send_request(star);
	for (int i = 0; i < 200 && star->spooler->answered == NULL; i++)
		star_turn(star);
	star_turns(star, 2);
	assert_int_equal(star->recalls - recalls, count);
	assert_false(request_wait(request, 0));
}

static void ask_all_lent(struct star *star, enum request_verb verb, size_t count)
{
	request_reset(request, verb);
	request->all = true;
	ask_lent(star, count);
}

static void ask_one(struct star *star, enum request_verb verb, const uint64_t *id)
{
	request_reset(request, verb);
	request->ids = id;
	request->ids_count = 1;
	ask(star);
	assert_int_equal(request->result.code, ERR_OK);
}

static bool row_is(size_t row, const char *state)
{
	assert_true(row < request->rows_count);
	return view_equal(request->rows[row].state, view_of(state));
}

static void count_and_list(void **state)
{
	struct star star;
	uint64_t after = 0;
	size_t rows = 0;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 300);
	star_turns(&star, 4);
	request_reset(request, REQUEST_COUNT);
	ask(&star);
	assert_int_equal(request->count, 300);
	/* Page by page, each in order and behind the last. */
	do {
		request_reset(request, REQUEST_LIST);
		request->after = after;
		ask(&star);
		for (size_t i = 0; i < request->rows_count; i++) {
			assert_true(request->rows[i].id > after);
			after = request->rows[i].id;
			assert_true(row_is(i, rows + i < WINDOW ? "active" : "queued"));
			assert_int_equal(request->rows[i].recipients_count, 1);
		}
		rows += request->rows_count;
	} while (request->more);
	assert_int_equal(rows, 300);
	star_close(&star);
}

static void filters(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	(void)star_put(&star, "a@contoso.com", "x@one.example", 10);
	(void)star_put(&star, "b@contoso.com", "y@two.example", 10);
	(void)star_put(&star, "b@contoso.com", "z@one.example", 10);
	star_turn(&star);
	request_reset(request, REQUEST_LIST);
	request->filter.by_to = true;
	request->filter.to = VIEW("@one.example");
	ask(&star);
	assert_int_equal(request->rows_count, 2);
	request_reset(request, REQUEST_LIST);
	request->filter.by_to = true;
	request->filter.to = VIEW("@one.example");
	request->filter.by_from = true;
	request->filter.from = VIEW("b@contoso.com");
	ask(&star);
	assert_int_equal(request->rows_count, 1);
	request_reset(request, REQUEST_LIST);
	request->filter.by_route = true;
	request->filter.route = VIEW("first");
	ask(&star);
	assert_int_equal(request->rows_count, 3);
	/* Nothing would wait for a name that was mistyped. */
	request_reset(request, REQUEST_REMOVE);
	request->all = true;
	request->filter.by_route = true;
	request->filter.route = VIEW("elsewhere");
	ask(&star);
	assert_int_equal(request->result.code, ERR_NOT_FOUND);
	assert_true(view_equal(
	        request->complaint, VIEW("no route \"elsewhere\"; right is one of first")));
	request_reset(request, REQUEST_REMOVE);
	request->all = true;
	request->filter.by_from = true;
	request->filter.from = VIEW("a@contoso.com");
	ask_lent(&star, 1);
	star_settle(&star, OWED_PENDING);
	star_settle(&star, OWED_PENDING);
	await_answer(&star);
	assert_int_equal(request->count, 1);
	star_turns(&star, 2);
	assert_int_equal(star_messages(&star), 2);
	star_close(&star);
}

/* A job on disk: one that waits for its next attempt. */
static uint64_t defer_one(struct star *star)
{
	const uint64_t id = star_put(star, "a@contoso.com", "b@contoso.com", 100);

	star_turn(star);
	star_settle(star, OWED_DEFERRED);
	star_turn(star);
	assert_int_equal(star->job_count, 0);
	return id;
}

static void acts_on_what_lies_on_disk(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	const uint64_t id = defer_one(&star);
	ask_one(&star, REQUEST_SHOW, &id);
	assert_int_equal(request->rows_count, 1);
	assert_true(row_is(0, "deferred"));
	assert_true(view_equal(request->rows[0].reply, VIEW("no such user")));
	ask_one(&star, REQUEST_HOLD, &id);
	assert_int_equal(request->count, 1);
	ask_one(&star, REQUEST_HOLD, &id);
	assert_int_equal(request->count, 0); /* it is held */
	ask_one(&star, REQUEST_RETRY, &id);
	assert_int_equal(request->count, 0);
	assert_int_equal(star.resumes, 1);
	ask_one(&star, REQUEST_SHOW, &id);
	assert_true(row_is(0, "held"));
	ask_one(&star, REQUEST_RELEASE, &id);
	assert_int_equal(request->count, 1);
	star_turn(&star);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->attempts, 1);
	star_settle(&star, OWED_DEFERRED);
	star_turn(&star);
	ask_one(&star, REQUEST_RETRY, &id);
	assert_int_equal(request->count, 1);
	star_turn(&star);
	assert_int_equal(star.job_count, 1);
	star_settle(&star, OWED_DEFERRED);
	star_turn(&star);
	ask_one(&star, REQUEST_REMOVE, &id);
	assert_int_equal(request->count, 1);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

static void a_bounce_tells_the_sender(void **state)
{
	static const char routes[] = "routes:\n"
	                             "  - {name: first, interface: connector, host: 127.0.0.1,\n"
	                             "     tls: {mode: none}, notices_from: relay@contoso.com}\n";
	struct star star;

	(void)state;
	star_open(&star, routes);
	const uint64_t id = defer_one(&star);
	ask_one(&star, REQUEST_BOUNCE, &id);
	assert_int_equal(request->count, 1);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 1);
	assert_int_equal(star.job_count, 1);
	assert_true((star.jobs[0]->message->flags & MESSAGE_REPORT) != 0);
	star_close(&star);
}

/* The same id twice, and one that isn't there. */
static void ids_may_repeat(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	const uint64_t id = defer_one(&star);
	const uint64_t ids[] = { id, id, id + 7, 0, id };
	request_reset(request, REQUEST_HOLD);
	request->ids = ids;
	request->ids_count = 5;
	ask(&star);
	assert_int_equal(request->count, 1);
	assert_int_equal(star.spooler->clerk.act_count, 0);
	star_close(&star);
}

static void what_a_shard_has_is_called_back(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 3);
	star_turn(&star);
	ask_all_lent(&star, REQUEST_HOLD, 3);
	star_settle(&star, OWED_PENDING);   /* not begun */
	star_settle(&star, OWED_DELIVERED); /* too late */
	star_settle(&star, OWED_DEFERRED);
	await_answer(&star);
	assert_int_equal(request->count, 3);
	assert_int_equal(request->under_way, 0);
	star_turns(&star, 2);
	assert_int_equal(star.job_count, 0);
	assert_int_equal(spool_counts(star.spooler->spool).held, 2);
	assert_int_equal(star.spooler->clerk.act_count, 0);
	request_reset(request, REQUEST_LIST);
	ask(&star);
	assert_true(row_is(0, "held"));
	assert_true(view_equal(request->rows[0].reply, VIEW("held by the relay's operator")));
	ask_all(&star, REQUEST_RELEASE);
	assert_int_equal(request->count, 2);
	star_turn(&star);
	assert_int_equal(star.job_count, 2);
	ask_all(&star, REQUEST_RELEASE); /* nothing that is lent is held */
	assert_int_equal(request->count, 0);
	ask_all_lent(&star, REQUEST_BOUNCE, 2);
	star_settle(&star, OWED_PENDING);
	star_settle(&star, OWED_PENDING);
	await_answer(&star);
	assert_int_equal(request->count, 2);
	/* No route carries their reports: those are kept. */
	assert_int_equal(star_messages(&star), 2);
	assert_int_equal(spool_counts(star.spooler->spool).held, 2);
	request_reset(request, REQUEST_LIST);
	ask(&star);
	assert_true(view_contains_fold(request->rows[0].reply, VIEW("carries the null sender")));
	star_close(&star);
}

/* A server that takes its time: what it has is told apart, and done when it comes. */
static void what_does_not_come_back_is_told(void **state)
{
	struct star star;
	struct mono *until;

	(void)state;
	star_open(&star, star_routes);
	star_puts(&star, 2);
	star_turn(&star);
	ask_all_lent(&star, REQUEST_REMOVE, 2);
	star_settle(&star, OWED_PENDING);
	star_turns(&star, 2);
	assert_int_equal(star_messages(&star), 1);
	assert_false(request_wait(request, 0));
	until = &star.spooler->clerk.await_until;
	assert_true(until->ns > clock_mono().ns);
	*until = clock_mono();
	await_answer(&star);
	assert_int_equal(request->result.code, ERR_OK);
	assert_int_equal(request->count, 2);
	assert_int_equal(request->under_way, 1);
	/* Whoever asks next doesn't wait for it. */
	request_reset(request, REQUEST_COUNT);
	ask(&star);
	assert_int_equal(request->count, 1);
	assert_int_equal(star.spooler->clerk.act_count, 1);
	star_settle(&star, OWED_PENDING);
	star_turns(&star, 2);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

/* A long queue: more than a turn does, a batch holds, and notes there are. */
static void all_of_a_long_queue(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	for (int i = 0; i < 6; i++) {
		star_puts(&star, 500);
		star_turns(&star, 4);
	}
	assert_int_equal(star_messages(&star), 3000);
	ask_all_lent(&star, REQUEST_REMOVE, WINDOW);
	assert_int_equal(star_messages(&star), WINDOW);
	while (star.job_count > 0)
		star_settle(&star, OWED_PENDING);
	await_answer(&star);
	assert_int_equal(request->count, 3000);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

/* It is not durable, so it is not said to be. */
static void a_full_disk_is_told(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	const uint64_t id = defer_one(&star);
	disk.capacity = 1;
	request_reset(request, REQUEST_REMOVE);
	request->ids = &id;
	request->ids_count = 1;
	ask(&star);
	assert_int_equal(request->result.code, ERR_NO_SPACE);
	request_reset(request, REQUEST_HOLD);
	request->ids = &id;
	request->ids_count = 1;
	ask(&star); /* while the first waits */
	assert_int_equal(request->result.code, ERR_NO_SPACE);
	disk.capacity = 0;
	star_turns(&star, 2);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

static void a_broken_spool_is_told(void **state)
{
	struct star star;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	const uint64_t id = defer_one(&star);
	disk.error = EIO;
	disk.fail_at = disk.ops + 1;
	request_reset(request, REQUEST_REMOVE);
	request->ids = &id;
	request->ids_count = 1;
	ask(&star);
	assert_int_equal(request->result.code, ERR_BROKEN);
	ask_all(&star, REQUEST_HOLD);
	assert_int_equal(request->result.code, ERR_BROKEN);
	star_close(&star);
	disk = (struct disk_faults){ 0 };
}

/* A message whose recipients take two routes: two rows, and one message to act on. */
static void both_jobs_of_a_message(void **state)
{
	static const char routes[] =
	        "accepted_domains: [in.test]\n"
	        "routes:\n"
	        "  - {name: far, host: 127.0.0.1, tls: {mode: none}, sessions: 2, pipeline: 2}\n"
	        "  - {name: inside, interface: direct, host: 127.0.0.1, sessions: 2, pipeline: 2}\n"
	        "rules: [{recipient_domain: internal, route: inside}]\n";
	struct star star;
	size_t rows = 0;
	uint64_t after = 0;
	uint16_t after_number = UINT16_MAX;
	size_t repeats = 0;

	(void)state;
	star_open(&star, routes);
	const uint64_t id = star_put(&star, "a@in.test", "a@x.test b@in.test", 100);
	star_turn(&star);
	ask_one(&star, REQUEST_SHOW, &id);
	assert_int_equal(request->rows_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(request->rows[i].id, id);
		assert_int_equal(request->rows[i].number, i);
		assert_true(
		        view_equal(request->rows[i].route, i == 0 ? VIEW("far") : VIEW("inside")));
		assert_int_equal(request->rows[i].recipients_count, 1);
	}
	request_reset(request, REQUEST_HOLD);
	request->ids = &id;
	request->ids_count = 1;
	ask_lent(&star, 2);
	star_settle(&star, OWED_PENDING);
	star_turns(&star, 2);
	assert_false(request_wait(request, 0)); /* the other one's is not on disk */
	star_settle(&star, OWED_DEFERRED);
	await_answer(&star);
	assert_int_equal(request->count, 1);
	assert_int_equal(spool_counts(star.spooler->spool).held, 2);
	ask_one(&star, REQUEST_RELEASE, &id);
	assert_int_equal(request->count, 1);
	star_turn(&star);
	assert_int_equal(star.job_count, 2);
	ask_all_lent(&star, REQUEST_REMOVE, 2);
	star_settle(&star, OWED_PENDING);
	star_settle(&star, OWED_PENDING);
	await_answer(&star);
	assert_int_equal(star_messages(&star), 0);

	/* A page may end between the two. */
	for (int i = 0; i < 300; i++) {
		(void)star_put(
		        &star, "a@in.test", i % 3 == 0 ? "a@x.test" : "a@x.test b@in.test", 10);
		if (i % 50 == 0)
			star_turn(&star);
	}
	star_turns(&star, 3);
	do {
		request_reset(request, REQUEST_LIST);
		request->after = after;
		request->after_number = after_number;
		ask(&star);
		for (size_t i = 0; i < request->rows_count; i++) {
			const struct request_row *row = &request->rows[i];
			assert_true(row->id > after ||
			            (row->id == after && row->number == after_number + 1));
			repeats += row->id == after;
			after = row->id;
			after_number = row->number;
		}
		rows += request->rows_count;
	} while (request->more);
	assert_int_equal(rows, 500);
	assert_int_equal(repeats, 200);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_and_list),
		cmocka_unit_test(filters),
		cmocka_unit_test(acts_on_what_lies_on_disk),
		cmocka_unit_test(a_bounce_tells_the_sender),
		cmocka_unit_test(ids_may_repeat),
		cmocka_unit_test(what_a_shard_has_is_called_back),
		cmocka_unit_test(what_does_not_come_back_is_told),
		cmocka_unit_test(all_of_a_long_queue),
		cmocka_unit_test(both_jobs_of_a_message),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_broken_spool_is_told),
	};

	if (failed(request_create(&request)))
		return 1;
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	request_destroy(request);
	return status;
}
