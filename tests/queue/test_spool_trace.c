/* The trace in the spool: rows stay as far as their batch does, and go by age, by size, and for
 * mail; another process reads them. */
#include "spool_tools.h"

#include "queue/spool_trace.h"
#include "queue/trace_reader.h"

static struct tools tools;

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tools_verify(&tools);
	tools_stop(&tools);
	return 0;
}

/* Into the open batch. */
static void add(uint64_t id, uint32_t recipients, int64_t when)
{
	struct job job = tools_job(&tools, id, recipients, 10, 0, when);
	struct job *jobs[] = { &job };
	const char *routes[] = { "submission" };
	const struct trace_end end = { .when = { when }, .route = "submission", .identity = "" };

	assert_ok(spool_trace_put(tools.spool, &(struct trace_put){
	                                               .when = { when },
	                                               .message = job.message,
	                                               .jobs = jobs,
	                                               .routes = routes,
	                                               .job_count = 1,
	                                       }));
	assert_ok(spool_trace_settle(tools.spool, &job, &end));
	job_clear(&job, &tools.shelf);
}

static void add_batch(uint64_t id, size_t count, uint32_t recipients, int64_t when)
{
	assert_ok(spool_begin(tools.spool));
	for (size_t i = 0; i < count; i++)
		add(id + i, recipients, when);
	assert_ok(spool_commit(tools.spool));
}

/* What a reader finds: the ids of acceptances in their order, and rows. The spool is closed
 * meanwhile, for a process may have a file of LMDB's but once. */
struct found {
	size_t blocks;
	size_t accepts;
	size_t settles;
	size_t recipients;
	uint64_t first;
	uint64_t last;
	uint64_t first_block;
	uint64_t end;
};

static struct found look(void)
{
	struct trace_reader *reader = NULL;
	struct found found = { 0 };
	struct trace_block block;
	struct trace_row row;
	uint64_t number = 0;

	spool_close(MOVE(tools.spool));
	assert_ok(trace_reader_open(&reader, tools.path));
	for (; !failed(trace_reader_seek(reader, &number, &block)); number++) {
		if (found.blocks++ == 0)
			found.first_block = number;
		while (trace_read_row(&block, &row)) {
			struct trace_accept accept;
			found.settles += row.kind == TRACE_SETTLE;
			if (row.kind == TRACE_SETTLE)
				continue;
			assert_true(trace_read_accept(&row, &accept));
			found.recipients += accept.count;
			found.accepts += row.kind == TRACE_ACCEPT;
			found.first = found.first == 0 ? row.id : found.first;
			found.last = row.id;
		}
		assert_int_equal(block.rows.bytes, 0);
	}
	assert_ok(trace_reader_end(reader, &found.end));
	trace_reader_close(reader);
	tools_open(&tools);
	return found;
}

static void test_rows_are_in_their_batch(void **state)
{
	(void)state;
	add_batch(1, 3, 1, 1000);
	assert_ok(spool_begin(tools.spool));
	add(100, 1, 2000);
	spool_abort(tools.spool);
	add_batch(4, 1, 1, 3000);
	const struct found found = look();
	assert_int_equal(found.blocks, 2);
	assert_int_equal(found.accepts, 4);
	assert_int_equal(found.settles, 4);
	assert_int_equal(found.first, 1);
	assert_int_equal(found.last, 4);
	assert_int_equal(found.end, found.first_block + 2);
	/* Blocks go on behind the last one after a start, and when all are gone. */
	add_batch(5, 1, 1, 4000);
	assert_int_equal(look().last, 5);
	tools_verify(&tools);
}

static void test_large_rows_and_batches(void **state)
{
	(void)state;
	add_batch(1, 2, MESSAGE_RECIPIENTS_MAX, 1000);
	add_batch(3, 400, 1, 2000);
	const struct found found = look();
	assert_int_equal(found.accepts, 402);
	assert_int_equal(found.settles, 402);
	assert_int_equal(found.recipients, 2 * MESSAGE_RECIPIENTS_MAX + 400);
	assert_true(found.blocks > 4);
}

static uint64_t forget(int64_t since, uint64_t bytes_max)
{
	uint64_t forgotten = 0;

	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_trace_forget(tools.spool, (struct wall){ since }, bytes_max, &forgotten));
	assert_ok(spool_commit(tools.spool));
	return forgotten;
}

static void test_old_ones_are_forgotten(void **state)
{
	const uint64_t any = UINT64_MAX;

	(void)state;
	assert_false(spool_trace_is_due(tools.spool, (struct wall){ INT64_MAX }, 0));
	for (int64_t i = 1; i <= 5; i++)
		add_batch((uint64_t)i, 1, 1, i * 1000);
	assert_false(spool_trace_is_due(tools.spool, (struct wall){ 1000 }, any));
	assert_int_equal(forget(1000, any), 0);
	assert_true(spool_trace_is_due(tools.spool, (struct wall){ 2001 }, any));
	assert_int_equal(forget(2001, any), 2);
	assert_int_equal(look().first, 3);
	/* By size: of all that is there until it fits. */
	assert_true(spool_trace_is_due(tools.spool, (struct wall){ 0 }, 1));
	assert_int_equal(forget(0, 1), 3);
	assert_int_equal(look().blocks, 0);
	add_batch(9, 1, 1, 9000);
	assert_int_equal(look().last, 9);
}

static void test_a_portion_at_a_time(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= SPOOL_TRACE_FORGOTTEN + 5; i++)
		add_batch(i, 1, 1, 1000);
	assert_int_equal(forget(2000, UINT64_MAX), SPOOL_TRACE_FORGOTTEN);
	assert_int_equal(forget(2000, UINT64_MAX), 5);
	assert_int_equal(forget(2000, UINT64_MAX), 0);
}

static void test_blocks_by_time(void **state)
{
	struct trace_reader *reader = NULL;
	uint64_t number = 0;
	struct trace_block block;

	(void)state;
	for (int64_t i = 1; i <= 9; i++)
		add_batch((uint64_t)i, 1, 1, i * 1000);
	assert_int_equal(forget(2500, UINT64_MAX), 2);
	spool_close(MOVE(tools.spool));
	assert_ok(trace_reader_open(&reader, tools.path));
	static const int64_t times[][2] = { { 0, 3000 }, { 3000, 3000 }, { 3001, 4000 },
		{ 8500, 9000 } };
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		assert_ok(trace_reader_since(reader, (struct wall){ times[i][0] }, &number));
		assert_ok(trace_reader_seek(reader, &number, &block));
		assert_int_equal(block.to.ms, times[i][1]);
	}
	assert_ok(trace_reader_since(reader, (struct wall){ 9001 }, &number));
	assert_int_equal(trace_reader_seek(reader, &number, &block).code, ERR_NOT_FOUND);
	trace_reader_close(reader);
	tools_open(&tools);
}

static void open_small(uint64_t bytes_max)
{
	const struct spool_settings settings = {
		.routes = tools_routes,
		.route_count = 2,
		.lent_max = TOOLS_LENT_MAX,
		.reserve_bytes = TOOLS_RESERVE,
		.bytes_max = bytes_max,
	};

	spool_close(MOVE(tools.spool));
	assert_ok(spool_open(&tools.spool, tools.path, &settings));
}

/* As a batch does: what finds no room now may find it in the next transaction. */
static struct err put_mail(uint64_t id, size_t bytes)
{
	struct job job = tools_job(&tools, id, 1, bytes, 0, 1);
	struct err err;

	do {
		assert_ok(spool_begin(tools.spool));
		err = tools_try_put(&tools, &job);
		assert_ok(spool_commit(tools.spool));
	} while (err.code == ERR_LIMIT);
	job_clear(&job, &tools.shelf);
	return err;
}

/* Mail and trace share the spool's size: the trace fills what is left, and goes where mail has no
 * room. So as much mail comes in as without it. */
static void test_mail_comes_first(void **state)
{
	const uint64_t most = 24 << 20;
	uint64_t id = 1000;

	(void)state;
	open_small(most);
	for (uint64_t i = 0; spool_trace_losses(tools.spool).rows == 0; i++)
		add_batch(10000 + i * 200, 200, 1, 1000);
	const struct spool_trace_losses full = spool_trace_losses(tools.spool);
	assert_int_equal(full.blocks, 0);
	while (!failed(put_mail(id, 1 << 20)))
		id++;
	assert_true(spool_trace_losses(tools.spool).blocks > 100);
	assert_true(id - 1000 >= 18);
	assert_true(spool_counts(tools.spool).file_bytes <= most);
	assert_int_equal(look().blocks, 0);
	/* Then no row is kept, and nothing else suffers. */
	open_small(most);
	add_batch(5, 1, 1, 1000);
	assert_int_equal(look().blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows_are_in_their_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large_rows_and_batches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_old_ones_are_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_portion_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_blocks_by_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mail_comes_first, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
