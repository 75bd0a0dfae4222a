/* The spool on a disk that fails or is full: what was acknowledged is there, whatever happens. */
#include "disk_faults.h"
#include "spool_tools.h"

#include <sys/mount.h>

#define MAILS 6

static struct tools tools;

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	tools_start(&tools);
	tools_open(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	spool_close(MOVE(tools.spool));
	(void)umount(tools.path); /* where a test that mounts it has failed */
	tools_stop(&tools);
	return 0;
}

/* What is known to be so: a failed batch leaves its mail as it was, but for the one with which the
 * disk failed. Nobody was told of that: it may have come to the disk all the same. */
struct account {
	uint64_t first;
	int doubt; /* the mail of that batch; MAILS: none */
	bool put[MAILS];
	bool settled[MAILS];
};

static struct err put_one(struct account *account, int at)
{
	struct job job = tools_job(&tools, account->first + (uint64_t)at, 3, 30000, 0, at);
	struct err err = spool_begin(tools.spool);

	if (!failed(err)) {
		err = tools_try_put(&tools, &job);
		if (failed(err))
			spool_abort(tools.spool);
		else
			err = spool_commit(tools.spool);
	}
	account->put[at] = !failed(err);
	job_clear(&job, &tools.shelf);
	return err;
}

static struct err settle_one(struct account *account, int at)
{
	const struct spool_place place = { account->first + (uint64_t)at, 0 };
	struct job job = { 0 };
	struct err err = spool_load(tools.spool, place, false, &tools.shelf, 0, &job);

	if (failed(err))
		return err;
	err = spool_begin(tools.spool);
	if (!failed(err)) {
		for (size_t i = 0; i < job.owed_count; i++)
			job_set_outcome(&job, i, OWED_DELIVERED, NULL, &tools.shelf);
		err = spool_settle(tools.spool, &job);
		if (failed(err))
			spool_abort(tools.spool);
		else
			err = spool_commit(tools.spool);
	}
	account->settled[at] = !failed(err);
	job_clear(&job, &tools.shelf);
	return err;
}

/* Puts all, and settles every second one; goes on after a fault as a spooler would. */
static bool work(struct account *account)
{
	struct err err = err_ok();

	account->doubt = MAILS;
	for (int at = 0; at < MAILS && err.code != ERR_BROKEN; at++) {
		err = put_one(account, at);
		if (!failed(err) && at % 2 == 0)
			err = settle_one(account, at);
		if (err.code == ERR_BROKEN)
			account->doubt = at;
	}
	return err.code != ERR_BROKEN;
}

static void assert_account(const struct account *account)
{
	for (int at = 0; at < MAILS; at++) {
		const struct spool_place place = { account->first + (uint64_t)at, 0 };
		struct job job = { 0 };
		const struct err err = spool_load(tools.spool, place, true, &tools.shelf, 0, &job);
		if (!account->put[at] || account->settled[at] || at == account->doubt) {
			assert_true(err.code == ERR_NOT_FOUND ||
			            (at == account->doubt && !failed(err)));
			job_clear(&job, &tools.shelf);
			continue;
		}
		assert_ok(err);
		tools_check_body(&tools, job.message);
		job_clear(&job, &tools.shelf);
	}
}

static void fail_the_nth(int error)
{
	for (uint64_t nth = 1;; nth++) {
		struct account account = { .first = tools_ids(&tools, MAILS) };
		disk = (struct disk_faults){ .fail_at = nth, .error = error };
		const bool whole = work(&account);
		const bool hit = disk.hit;
		const bool full = error == ENOSPC && disk.kind == DISK_DATA;
		disk = (struct disk_faults){ 0 };
		assert_int_equal(whole, !hit || full);
		assert_int_equal(spool_is_broken(tools.spool), !whole);
		tools_reopen(&tools);
		tools_verify(&tools);
		assert_account(&account);
		if (!hit)
			return;
	}
}

static void test_failing_disk(void **state)
{
	(void)state;
	fail_the_nth(EIO);
}

static void test_full_disk_in_a_commit(void **state)
{
	(void)state;
	fail_the_nth(ENOSPC);
}

/* The disk fills up: mail is refused, delivery goes on to the last, and mail comes in again. */
static void fill_and_drain(void)
{
	const uint64_t id = tools_ids(&tools, 10000);
	uint64_t count = 0;
	uint64_t again = 0;
	struct err err = err_ok();

	for (; !failed(err); count++) {
		struct job job = tools_job(&tools, id + count, 2, 20000, 0, (int64_t)count);
		assert_true(count < 9999);
		assert_ok(spool_begin(tools.spool));
		err = tools_try_put(&tools, &job);
		assert_ok(
		        spool_commit(tools.spool)); /* a refused message does not stop its batch */
		job_clear(&job, &tools.shelf);
		if (err.code == ERR_LIMIT) { /* the next batch looks at what is free */
			assert_true(++again < 3 * (count + 1));
			count--;
			err = err_ok();
		}
	}
	count--;
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_true(spool_counts(tools.spool).full);
	assert_int_equal(spool_counts(tools.spool).messages, count);
	tools_verify(&tools);
	tools_reopen(&tools); /* a restart on the full disk */

	for (uint64_t done = 0; done < count; done++) {
		const struct reply_note note = { .code = 451, .text = VIEW("not yet") };
		struct job job = { 0 };
		assert_ok(
		        spool_next(tools.spool, 0, (struct wall){ 100000 }, &tools.shelf, 0, &job));
		assert_int_equal(job.id, id + done);
		assert_ok(spool_begin(tools.spool));
		job_set_outcome(&job, 0, OWED_DELIVERED, NULL, &tools.shelf);
		job_set_outcome(&job, 1, OWED_DEFERRED, &note, &tools.shelf);
		assert_ok(spool_settle(tools.spool, &job));
		assert_ok(spool_commit(tools.spool));
		job_clear(&job, &tools.shelf);
		const struct spool_place place = { id + done, 0 };
		assert_ok(spool_load(tools.spool, place, false, &tools.shelf, 0, &job));
		assert_ok(spool_begin(tools.spool));
		tools_settle_all(&tools, &job, OWED_DELIVERED);
		assert_ok(spool_commit(tools.spool));
		job_clear(&job, &tools.shelf);
	}
	assert_int_equal(spool_counts(tools.spool).messages, 0);
	assert_true(spool_has_room(tools.spool, 100000));
	tools_put(&tools, id + 9999, 2, 20000, 0, 1);
	tools_verify(&tools);
}

static void test_full_disk(void **state)
{
	(void)state;
	const uint64_t file_bytes = spool_counts(tools.spool).file_bytes;

	spool_close(MOVE(tools.spool));
	disk.capacity = file_bytes + 8 * TOOLS_RESERVE;
	tools_open(&tools);
	fill_and_drain();
}

/* The same without allocation ahead and without a reserve that is sure: the disk says no in the
 * middle of a commit, and nothing else happens. */
static void test_full_disk_in_the_middle(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 1000);
	uint64_t count = 0;
	struct err err = err_ok();

	spool_close(MOVE(tools.spool));
	disk.no_allocate = true;
	tools_open(&tools);
	disk.capacity = spool_counts(tools.spool).file_bytes + 4 * TOOLS_RESERVE;
	for (; !failed(err); count++) {
		struct job job = tools_job(&tools, id + count, 2, 20000, 0, 1);
		assert_ok(spool_begin(tools.spool));
		assert_ok(tools_try_put(&tools, &job));
		err = spool_commit(tools.spool);
		job_clear(&job, &tools.shelf);
	}
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_false(spool_is_broken(tools.spool));
	assert_int_equal(spool_counts(tools.spool).messages, count - 1);
	tools_verify(&tools);
	assert_true(spool_counts(tools.spool).full);
	disk.capacity = 0;
	tools_put(&tools, id + count, 2, 20000, 0, 1);
	assert_false(spool_counts(tools.spool).full);
}

/* A real one, where we may mount it. */
static void test_full_tmpfs(void **state)
{
	(void)state;
	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
	assert_int_equal(mkdir(tools.path, 0700), 0);
	if (mount("tmpfs", tools.path, "tmpfs", 0, "size=16m") != 0) {
		print_message("not allowed to mount a tmpfs here\n");
		tools_open(&tools);
		skip();
	}
	tools_open(&tools);
	fill_and_drain();
	spool_close(MOVE(tools.spool));
	assert_int_equal(umount(tools.path), 0);
	tools_open(&tools);
}

int main(void)
{
#define FAULTS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FAULTS_TEST(test_failing_disk),
		FAULTS_TEST(test_full_disk_in_a_commit),
		FAULTS_TEST(test_full_disk),
		FAULTS_TEST(test_full_disk_in_the_middle),
		FAULTS_TEST(test_full_tmpfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
