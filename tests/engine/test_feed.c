/* Windows, credit, turns and memory: what the feed lends, and what it leaves on disk. */
#include "engine/feed.h"
#include "tests/queue/spool_tools.h"

#define MAILBOX 1024

struct mill {
	struct tools tools;
	struct config_route routes[2];
	struct config config;
	struct doorbell doorbell;
	struct mailbox boxes[2];
	struct post posts[2];
	struct feed feed;
	uint64_t ids;
};

static struct mill *mill_open(uint64_t sessions, size_t shards)
{
	struct mill *mill = calloc(1, sizeof *mill);

	assert_non_null(mill);
	for (size_t i = 0; i < 2; i++)
		mill->routes[i] = (struct config_route){
			.interface = INTERFACE_CONNECTOR,
			.sessions = sessions,
			.pipeline = 4,
		};
	mill->config.routes = (struct config_routes){ mill->routes, 2 };
	tools_start(&mill->tools);
	mill->tools.ahead_ms = feed_ahead_ms(&mill->config);
	tools_open(&mill->tools);
	mill->ids = tools_ids(&mill->tools, 100000);
	doorbell_init(&mill->doorbell, NULL);
	for (size_t i = 0; i < shards; i++) {
		assert_ok(mailbox_init(
		        &mill->boxes[i], sizeof(struct letter), MAILBOX, &mill->doorbell));
		mill->posts[i].out = &mill->boxes[i];
	}
	assert_ok(feed_init(&mill->feed, &mill->config, mill->tools.spool, &mill->tools.shelf,
	        mill->posts, shards));
	return mill;
}

static void mill_put(struct mill *mill, int count, uint16_t route, int64_t when)
{
	while (count-- > 0)
		tools_put(&mill->tools, mill->ids++, 1, 100, route, when);
}

/* The next letter of the shard; NULL: none. */
static struct job *mill_take(struct mill *mill, size_t shard)
{
	struct letter letter;

	if (!mailbox_take(&mill->boxes[shard], &letter))
		return NULL;
	assert_int_equal(letter.kind, LETTER_JOB);
	assert_int_equal(letter.job->state, JOB_READY);
	assert_int_equal(letter.job->shard, shard);
	return letter.job;
}

static void mill_back(struct mill *mill, struct job *job)
{
	job_enter(job, JOB_SETTLING);
	feed_take_back(&mill->feed, job);
}

static bool mill_turn(struct mill *mill, int64_t now)
{
	struct spool_place damaged;
	const bool more = feed_turn(&mill->feed, (struct wall){ now }, &damaged);

	assert_int_equal(damaged.id, 0);
	return more;
}

static void mill_close(struct mill *mill)
{
	struct job *job;

	for (size_t i = 0; i < mill->feed.shard_count; i++) {
		while ((job = mill_take(mill, i)) != NULL)
			mill_back(mill, job);
		mailbox_finish(&mill->boxes[i]);
	}
	assert_int_equal(spool_counts(mill->tools.spool).lent, 0);
	feed_finish(&mill->feed); /* every job is back */
	tools_stop(&mill->tools);
	free(mill);
}

static void windows(void **state)
{
	static const struct {
		uint64_t sessions;
		uint64_t pipeline;
		size_t shards;
		uint32_t window;
	} rows[] = {
		{ 1, 1, 1, 32 },
		{ 20, 16, 1, 640 },
		{ 20, 16, 2, 320 },
		{ 20, 16, 3, 214 },
		{ 10000, 1000, 1, 16384 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct config_route route = {
			.sessions = rows[i].sessions,
			.pipeline = rows[i].pipeline,
		};
		assert_int_equal(feed_window(&route, rows[i].shards), rows[i].window);
	}
}

static void credit_bounds_what_is_lent(void **state)
{
	struct mill *mill = mill_open(20, 2); /* windows of 80 */
	struct job *jobs[200];
	size_t count = 0;

	(void)state;
	mill_put(mill, 200, 0, 1);
	while (mill_turn(mill, 10))
		continue;
	for (size_t shard = 0; shard < 2; shard++) {
		assert_int_equal(feed_credit_sum(&mill->feed, shard), 80);
		while ((jobs[count] = mill_take(mill, shard)) != NULL)
			count++;
		assert_int_equal(count, 80 * (shard + 1));
	}
	assert_false(mill_turn(mill, 10));
	assert_null(mill_take(mill, 0));
	/* What comes back goes out again. */
	mill_back(mill, jobs[--count]);
	(void)mill_turn(mill, 10);
	jobs[count] = mill_take(mill, 1);
	assert_non_null(jobs[count++]);
	while (count > 0)
		mill_back(mill, jobs[--count]);
	mill_close(mill);
}

static void fresh_jobs_wait_behind_older_ones(void **state)
{
	struct mill *mill = mill_open(4, 1); /* a window of 32 */

	(void)state;
	(void)mill_turn(mill, 10); /* nothing on disk */
	for (int i = 0; i < 34; i++) {
		struct job *job = feed_take_job(&mill->feed);
		*job = tools_job(&mill->tools, mill->ids, 1, 100, 0, 5);
		tools_put(&mill->tools, mill->ids++, 1, 100, 0, 5);
		job->shard = FEED_NO_SHARD;
		job_enter(job, JOB_PUTTING);
		feed_offer(&mill->feed, job, (struct wall){ 0 });
	}
	assert_int_equal(spool_counts(mill->tools.spool).lent, 32);
	assert_int_equal(feed_wanted(&mill->feed).ms, 5);
	struct job *job = mill_take(mill, 0);
	const uint64_t first = job->id;
	mill_back(mill, job);
	(void)mill_turn(mill, 10);
	assert_true(mill->feed.queues[0].backlog);
	for (int i = 1; i < 32; i++) {
		job = mill_take(mill, 0);
		assert_int_equal(job->id, first + (uint64_t)i);
		mill_back(mill, job);
	}
	/* In the order of the disk again: the first that came back. */
	job = mill_take(mill, 0);
	assert_int_equal(job->id, first);
	mill_back(mill, job);
	mill_close(mill);
}

static void what_is_due_later_is_waited_for(void **state)
{
	struct mill *mill = mill_open(4, 1);

	(void)state;
	mill_put(mill, 1, 1, 500);
	assert_false(mill_turn(mill, 10));
	assert_null(mill_take(mill, 0));
	assert_int_equal(feed_wanted(&mill->feed).ms, 500);
	assert_false(mill_turn(mill, 499));
	assert_null(mill_take(mill, 0));
	(void)mill_turn(mill, 500);
	struct job *job = mill_take(mill, 0);
	assert_non_null(job);
	assert_int_equal(job->route, 1);
	mill_back(mill, job);
	mill->feed.stopped = true;
	assert_false(mill_turn(mill, 500));
	assert_null(mill_take(mill, 0));
	mill_close(mill);
}

static void routes_take_turns(void **state)
{
	struct mill *mill = mill_open(100, 1); /* windows of 800 */
	size_t of[2] = { 0 };
	struct job *job;

	(void)state;
	mill_put(mill, 150, 0, 1);
	mill_put(mill, 150, 1, 1);
	assert_true(mill_turn(mill, 10));
	assert_true(mill_turn(mill, 10));
	while ((job = mill_take(mill, 0)) != NULL) {
		of[job->route]++;
		mill_back(mill, job);
	}
	assert_int_equal(of[0], FEED_READS_PER_TURN);
	assert_int_equal(of[1], FEED_READS_PER_TURN);
	mill_close(mill);
}

/* Sessions need memory to send what they have: reading back leaves some. */
static void reading_leaves_memory(void **state)
{
	struct mill *mill = mill_open(1000, 1);
	struct shelf other;
	struct chunk *chunks = NULL;
	struct chunk *chunk;

	(void)state;
	mill_put(mill, 10, 0, 1);
	shelf_finish(&mill->tools.shelf);
	shelf_init(&other, mill->tools.depot);
	while ((chunk = shelf_take_above(&other, mill->feed.reserve)) != NULL) {
		chunk->next = chunks;
		chunks = chunk;
	}
	assert_false(mill_turn(mill, 10));
	assert_true(mill->feed.starved);
	assert_null(mill_take(mill, 0));
	assert_non_null(chunk = shelf_take(&other));
	shelf_give(&other, chunk);
	while ((chunk = chunks) != NULL) {
		chunks = MOVE(chunk->next);
		shelf_give(&other, chunk);
	}
	shelf_finish(&other);
	(void)mill_turn(mill, 10);
	assert_false(mill->feed.starved);
	mill_close(mill);
}

/* A shard that can send nothing of a route for a while is lent none of it until then; what it has
 * comes back, and goes to another where there is one. */
static void closed_shards_are_passed_over(void **state)
{
	struct mill *mill = mill_open(20, 2); /* windows of 80 */
	struct job *job;
	size_t count = 0;

	(void)state;
	mill_put(mill, 10, 0, 1);
	while (mill_turn(mill, 10))
		continue;
	while ((job = mill_take(mill, 0)) != NULL) {
		assert_true(feed_close(&mill->feed, job, (struct wall){ 500 }));
		mill_back(mill, job);
		count++;
	}
	assert_int_equal(count, 5);
	while (mill_turn(mill, 20))
		continue;
	assert_null(mill_take(mill, 0));
	for (count = 0; (job = mill_take(mill, 1)) != NULL; count++) {
		/* Nobody else is left. */
		assert_false(feed_close(&mill->feed, job, (struct wall){ 400 }));
		mill_back(mill, job);
	}
	assert_int_equal(count, 10);
	assert_false(mill_turn(mill, 30));
	assert_null(mill_take(mill, 0));
	assert_null(mill_take(mill, 1));
	assert_int_equal(feed_wanted(&mill->feed).ms, 400);
	/* The other route knows nothing of it. */
	mill_put(mill, 2, 1, 30);
	mill->feed.queues[1].backlog = true;
	while (mill_turn(mill, 30))
		continue;
	job = mill_take(mill, 0);
	assert_non_null(job);
	mill_back(mill, job);
	/* The times are over, one after the other. */
	while (mill_turn(mill, 400))
		continue;
	for (count = 0; (job = mill_take(mill, 1)) != NULL; count++)
		mill_back(mill, job);
	assert_true(count >= 10);
	while (mill_turn(mill, 500))
		continue;
	job = mill_take(mill, 0);
	assert_non_null(job);
	/* Or an operator says so. */
	(void)feed_close(&mill->feed, job, (struct wall){ 9000 });
	mill_back(mill, job);
	feed_reopen(&mill->feed);
	while (mill_turn(mill, 500))
		continue;
	job = mill_take(mill, 0);
	assert_non_null(job);
	mill_back(mill, job);
	mill_close(mill);
}

/* Mail waits no longer than ever it would, be the clock set back by a month: neither what is on
 * disk, nor what a shard has no use for. */
static void a_clock_set_back_stops_nothing(void **state)
{
	const int64_t hour = INT64_C(3600) * 1000;
	const int64_t now = 24 * 60 * hour;
	const int64_t back = 24 * 30 * hour;
	struct mill *mill = mill_open(20, 2);
	struct job *job;

	(void)state;
	assert_int_equal(feed_ahead_ms(&mill->config), 24 * hour * 6 / 5);
	mill_put(mill, 3, 0, now + hour);
	assert_false(mill_turn(mill, now));
	assert_null(mill_take(mill, 0));
	/* A part of an hour is no trouble. */
	assert_false(mill_turn(mill, now - hour / 2));
	assert_null(mill_take(mill, 0));
	(void)mill_turn(mill, now - back);
	for (size_t i = 0; i < 3; i++) {
		job = mill_take(mill, i % 2);
		assert_non_null(job);
		mill_back(mill, job);
	}
	/* They are lent again, to the shard that isn't closed; then both are open. */
	for (mill->feed.queues[0].backlog = true; mill_turn(mill, now - back);)
		continue;
	while ((job = mill_take(mill, 0)) != NULL || (job = mill_take(mill, 1)) != NULL) {
		(void)feed_close(&mill->feed, job, (struct wall){ now - back + hour });
		mill_back(mill, job);
	}
	for (mill->feed.queues[0].backlog = true; mill_turn(mill, now - back);)
		continue;
	assert_true(mill->feed.queues[0].closed != 0);
	(void)mill_turn(mill, now - 2 * back + hour);
	assert_int_equal(mill->feed.queues[0].closed, 0);
	mill_close(mill);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
		cmocka_unit_test(credit_bounds_what_is_lent),
		cmocka_unit_test(closed_shards_are_passed_over),
		cmocka_unit_test(fresh_jobs_wait_behind_older_ones),
		cmocka_unit_test(what_is_due_later_is_waited_for),
		cmocka_unit_test(a_clock_set_back_stops_nothing),
		cmocka_unit_test(routes_take_turns),
		cmocka_unit_test(reading_leaves_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
