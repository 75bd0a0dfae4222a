/* What a batch does in one transaction, in several, and on a disk that is full or fails. */
#include "engine/batch.h"
#include "tests/queue/disk_faults.h"
#include "tests/queue/spool_tools.h"

struct bench {
	struct tools tools;
	struct batch batch;
	struct job jobs[64];
	size_t job_count;
	uint64_t ids;
};

static struct bench *bench_open(void)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	disk = (struct disk_faults){ 0 };
	tools_start(&bench->tools);
	return bench;
}

static void bench_begin(struct bench *bench)
{
	tools_open(&bench->tools);
	bench->ids = tools_ids(&bench->tools, 1000);
}

static void bench_close(struct bench *bench)
{
	disk = (struct disk_faults){ 0 };
	for (size_t i = 0; i < bench->job_count; i++)
		job_clear(&bench->jobs[i], &bench->tools.shelf);
	tools_stop(&bench->tools);
	free(bench);
}

static struct job *make(struct bench *bench, size_t body_bytes)
{
	assert_true(bench->job_count < 64);
	struct job *job = &bench->jobs[bench->job_count++];

	*job = tools_job(&bench->tools, bench->ids++, 1, body_bytes, 0, 1);
	job_enter(job, JOB_PUTTING);
	return job;
}

static void add_put(struct bench *bench, size_t body_bytes)
{
	batch_add_job(&bench->batch, make(bench, body_bytes));
	batch_add_put(&bench->batch, bench->job_count, 0);
}

/* A message on disk, whose job is now delivered. */
static void add_settle(struct bench *bench, struct job *report)
{
	struct job *job = &bench->jobs[bench->job_count++];

	*job = tools_job(&bench->tools, bench->ids, 1, 100, 0, 1);
	tools_put(&bench->tools, bench->ids++, 1, 100, 0, 1);
	spool_lend(bench->tools.spool, job->id, 0);
	job_set_outcome(
	        job, 0, report == NULL ? OWED_DELIVERED : OWED_BOUNCED, NULL, &bench->tools.shelf);
	job_enter(job, JOB_SETTLING);
	batch_add_settle(&bench->batch, job, report, NULL);
}

static void one_transaction_for_all(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	bench_begin(bench);
	assert_true(batch_is_empty(batch));
	add_settle(bench, NULL);
	add_settle(bench, make(bench, 50));
	add_put(bench, 1000);
	batch->ids_wanted = 10;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_int_equal(batch->commits, 1);
	assert_true(batch->settles[0].done);
	assert_true(batch->settles[1].done);
	assert_true(batch->puts[0].done);
	assert_int_equal(batch->puts[0].result, PUT_COMMITTED);
	assert_true(batch->ids_first > bench->ids);
	/* The report and the put. */
	assert_int_equal(spool_counts(bench->tools.spool).messages, 2);
	assert_int_equal(spool_counts(bench->tools.spool).lent, 0);
	batch_forget(batch);
	assert_true(batch_is_empty(batch));
	tools_verify(&bench->tools);
	bench_close(bench);
}

static void more_than_a_transaction_takes(void **state)
{
	struct bench *bench = bench_open();

	(void)state;
	bench_begin(bench);
	for (int i = 0; i < 5; i++)
		add_put(bench, 7 << 20);
	assert_ok(batch_commit(&bench->batch, bench->tools.spool));
	assert_int_equal(bench->batch.commits, 3);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bench->batch.puts[i].result, PUT_COMMITTED);
	assert_int_equal(spool_counts(bench->tools.spool).messages, 5);
	bench_close(bench);
}

static void the_map_grows_on_the_way(void **state)
{
	struct bench *bench = bench_open();

	(void)state;
	bench->tools.map_bytes = UINT64_C(1) << 20;
	bench_begin(bench);
	for (int i = 0; i < 4; i++)
		add_put(bench, 2 << 20);
	add_settle(bench, NULL);
	assert_ok(batch_commit(&bench->batch, bench->tools.spool));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(bench->batch.puts[i].result, PUT_COMMITTED);
	assert_int_equal(spool_counts(bench->tools.spool).messages, 4);
	tools_verify(&bench->tools);
	bench_close(bench);
}

/* The report of one settle holds back no other, before or behind it. */
static void a_report_without_space_waits_alone(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	disk.capacity = UINT64_C(3) << 20;
	bench_begin(bench);
	add_settle(bench, NULL);
	add_settle(bench, make(bench, 8 << 20));
	add_settle(bench, NULL);
	add_put(bench, 8 << 20);
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_true(batch->settles[0].done);
	assert_false(batch->settles[1].done);
	assert_true(batch->settles[2].done);
	assert_int_equal(batch->puts[0].result, PUT_FULL);
	batch_forget(batch);
	assert_int_equal(batch->settle_count, 1);
	assert_int_equal(batch->put_count, 0);
	assert_int_equal(spool_counts(bench->tools.spool).messages, 1);
	disk.capacity = 0;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_true(batch->settles[0].done);
	batch_forget(batch);
	assert_int_equal(batch->settle_count, 0);
	assert_int_equal(spool_counts(bench->tools.spool).messages, 1); /* the report */
	tools_verify(&bench->tools);
	bench_close(bench);
}

/* All jobs of a put are in one transaction with it, and each put has its own. */
static void jobs_of_one_message_go_together(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	bench_begin(bench);
	for (int i = 0; i < 2; i++) {
		struct message *message = tools_message(&bench->tools, bench->ids++, 3, 100);

		for (uint16_t j = 0; j < 3; j++) {
			struct job *job = &bench->jobs[bench->job_count++];
			job_begin(job, message, j, j % 2);
			assert_true(job_owe(job, &bench->tools.shelf, 0, j, 0));
			job_enter(job, JOB_PUTTING);
			batch_add_job(batch, job);
		}
		batch_add_put(batch, 7, 0);
		message_release(message, &bench->tools.shelf);
	}
	add_put(bench, 100);
	assert_int_equal(batch->puts[1].first, 3);
	assert_int_equal(batch->puts[1].count, 3);
	assert_int_equal(batch->puts[2].first, 6);
	assert_int_equal(batch->puts[2].count, 1);
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_int_equal(spool_counts(bench->tools.spool).messages, 3);
	assert_int_equal(spool_counts(bench->tools.spool).jobs, 7);
	tools_verify(&bench->tools);
	batch_forget(batch);
	assert_true(batch_is_empty(batch));
	assert_int_equal(batch->job_count, 0);
	bench_close(bench);
}

static void a_full_batch_has_room_for_its_last(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	batch->job_count = BATCH_PUTS_MAX - 1;
	assert_false(batch_puts_full(batch));
	assert_true(BATCH_PUT_JOBS_MAX - batch->job_count > SPOOL_ROUTES_MAX + 1);
	batch->job_count = BATCH_PUTS_MAX;
	assert_true(batch_puts_full(batch));
	batch->job_count = 0;
	bench_close(bench);
}

/* A settle and what is branched off; where there is no row any more, nothing is. */
static void branches_go_with_their_settle(void **state)
{
	const bool moves[2] = { false, true };
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	bench_begin(bench);
	for (int i = 0; i < 2; i++) {
		struct job *job = &bench->jobs[bench->job_count++];
		struct job *branch = &bench->jobs[bench->job_count++];

		*job = tools_job(&bench->tools, bench->ids, 2, 100, 0, 1);
		if (i == 0)
			tools_put(&bench->tools, bench->ids, 2, 100, 0, 1);
		bench->ids++;
		assert_true(job_split(job, branch, moves, &bench->tools.shelf, 0));
		job_enter(job, JOB_SETTLING);
		job_enter(branch, JOB_PUTTING);
		batch_add_settle(batch, job, NULL, branch);
	}
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_true(batch->settles[0].done);
	assert_false(batch->settles[0].lost);
	assert_true(batch->settles[1].done);
	assert_true(batch->settles[1].lost);
	assert_int_equal(spool_counts(bench->tools.spool).jobs, 2);
	assert_int_equal(spool_counts(bench->tools.spool).messages, 1);
	tools_verify(&bench->tools);
	batch_forget(batch);
	bench_close(bench);
}

static void a_disk_that_takes_nothing(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	bench_begin(bench);
	add_settle(bench, NULL);
	add_put(bench, 100);
	batch->ids_wanted = 5;
	disk.capacity = 1;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_int_equal(batch->puts[0].result, PUT_FULL);
	assert_false(batch->settles[0].done);
	assert_int_equal(batch->ids_first, 0);
	batch_forget(batch);
	assert_int_equal(batch->ids_wanted, 5); /* still */
	disk.capacity = 0;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_true(batch->settles[0].done);
	assert_true(batch->ids_first > 0);
	bench_close(bench);
}

static void a_failed_sync_is_final(void **state)
{
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;

	(void)state;
	bench_begin(bench);
	add_settle(bench, NULL);
	add_put(bench, 100);
	disk.error = EIO;
	disk.fail_at = disk.ops + 1;
	assert_int_equal(batch_commit(batch, bench->tools.spool).code, ERR_BROKEN);
	assert_true(batch->puts[0].done);
	assert_int_equal(batch->puts[0].result, PUT_FAILED);
	assert_false(batch->settles[0].done);
	assert_int_equal(batch_commit(batch, bench->tools.spool).code, ERR_BROKEN);
	bench_close(bench);
}

static void make_note(struct note *note, const char *name, const char *record)
{
	*note = (struct note){ .name_bytes = strlen(name), .record_bytes = strlen(record) };
	memcpy(note->name, name, note->name_bytes);
	memcpy(note->record, record, note->record_bytes);
}

/* Notes go with the rest, or wait for a disk that takes them; they hold nobody up. */
static void notes_are_kept(void **state)
{
	static struct note notes[2];
	struct bench *bench = bench_open();
	struct batch *batch = &bench->batch;
	struct view record;

	(void)state;
	bench_begin(bench);
	make_note(&notes[0], "limits/a", "first");
	make_note(&notes[1], "limits/b", "second");
	batch_add_note(batch, &notes[0], 0);
	assert_false(batch_is_empty(batch));
	add_put(bench, 100);
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_int_equal(batch->commits, 1);
	assert_true(batch->notes[0].done);
	batch_forget(batch);
	assert_true(batch_is_empty(batch));
	assert_ok(spool_read_note(bench->tools.spool, VIEW("limits/a"), &record));
	assert_true(view_equal(record, VIEW("first")));

	batch_add_note(batch, &notes[1], 0);
	disk.capacity = 1;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_false(batch->notes[0].done);
	batch_forget(batch);
	assert_int_equal(batch->note_count, 1);
	disk.capacity = 0;
	assert_ok(batch_commit(batch, bench->tools.spool));
	assert_true(batch->notes[0].done);
	batch_forget(batch);
	assert_ok(spool_read_note(bench->tools.spool, VIEW("limits/b"), &record));
	bench_close(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_transaction_for_all),
		cmocka_unit_test(more_than_a_transaction_takes),
		cmocka_unit_test(the_map_grows_on_the_way),
		cmocka_unit_test(a_report_without_space_waits_alone),
		cmocka_unit_test(jobs_of_one_message_go_together),
		cmocka_unit_test(a_full_batch_has_room_for_its_last),
		cmocka_unit_test(branches_go_with_their_settle),
		cmocka_unit_test(a_disk_that_takes_nothing),
		cmocka_unit_test(a_failed_sync_is_final),
		cmocka_unit_test(notes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
