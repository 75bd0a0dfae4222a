/* What is known of clients' keys, until when, and that it comes with its message or not at all. */
#include "spool_tools.h"
#include "tests/queue/disk_faults.h"

static struct tools tools;
static uint64_t ids;

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	tools_start(&tools);
	tools_open(&tools);
	ids = tools_ids(&tools, 10000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	tools_verify(&tools);
	tools_stop(&tools);
	return 0;
}

static struct spool_claim claim_of(int number, int64_t until)
{
	struct spool_claim claim = { .print = (uint64_t)number + 7, .until = { until } };
	struct random random;

	random_seed(&random, (uint64_t)number);
	for (size_t i = 0; i < sizeof claim.key; i++)
		claim.key[i] = (char)random_u64(&random);
	return claim;
}

static struct err put(struct spool_claim *claim)
{
	struct job job = tools_job(&tools, ids++, 1, 5000, 0, 1);

	claim->id = job.id;
	struct err err =
	        spool_put_claimed(tools.spool, job.message, (struct job *[]){ &job }, 1, claim);
	job_clear(&job, &tools.shelf);
	return err;
}

/* Gives the message's id. */
static uint64_t keep(int number, int64_t until)
{
	struct spool_claim claim = claim_of(number, until);

	assert_ok(spool_begin(tools.spool));
	assert_ok(put(&claim));
	assert_ok(spool_commit(tools.spool));
	return claim.id;
}

/* The id of the claim's message; 0: it is not known. */
static uint64_t found(int number, int64_t now)
{
	struct spool_claim claim = claim_of(number, 0);
	const struct err err = spool_find_claim(tools.spool, (struct wall){ now }, &claim);

	if (err.code == ERR_NOT_FOUND)
		return 0;
	assert_ok(err);
	assert_int_equal(claim.print, number + 7);
	return claim.id;
}

static bool due(int64_t now, uint64_t count_max, uint64_t *early)
{
	return spool_claims_are_due(tools.spool, (struct wall){ now }, count_max, early);
}

/* Gives how many. */
static uint64_t forget(int64_t now, uint64_t early)
{
	uint64_t forgotten = 0;

	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_forget_claims(tools.spool, (struct wall){ now }, early, &forgotten));
	assert_ok(spool_commit(tools.spool));
	return forgotten;
}

static void known_until_its_time_is_over(void **state)
{
	(void)state;
	const uint64_t id = keep(1, 1000);

	assert_int_equal(found(1, 999), id);
	assert_int_equal(found(1, 1000), 0);
	assert_int_equal(found(2, 0), 0);
	tools_reopen(&tools);
	assert_int_equal(found(1, 999), id);
	/* The next message of the key takes its place. */
	const uint64_t next = keep(1, 2000);
	assert_int_equal(found(1, 1500), next);
	tools_verify(&tools);
	assert_int_equal(forget(1999, 0), 0);
	assert_int_equal(found(1, 1500), next);
	assert_int_equal(forget(2000, 0), 1);
	assert_int_equal(found(1, 1500), 0);
}

/* The key outlives the message: it may have been delivered long ago. */
static void known_after_the_message(void **state)
{
	struct job job = { 0 };

	(void)state;
	const uint64_t id = keep(1, 1000);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 100 }, &tools.shelf, 0, &job));
	assert_ok(spool_begin(tools.spool));
	tools_settle_all(&tools, &job, OWED_DELIVERED);
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
	assert_int_equal(spool_counts(tools.spool).messages, 0);
	assert_int_equal(found(1, 500), id);
}

static void goes_with_its_batch(void **state)
{
	(void)state;
	struct spool_claim claim = claim_of(1, 1000);

	assert_ok(spool_begin(tools.spool));
	assert_ok(put(&claim));
	spool_abort(tools.spool);
	assert_int_equal(found(1, 0), 0);
	assert_int_equal(spool_counts(tools.spool).messages, 0);
}

/* Neither the message nor its key. */
static void a_full_disk_takes_neither(void **state)
{
	struct spool_claim claim = claim_of(1, 1000);
	int number = 2;
	struct err err = err_ok();

	(void)state;
	disk.capacity = spool_counts(tools.spool).file_bytes + 4 * TOOLS_RESERVE;
	for (; !failed(err) && number < 4000; number++) {
		struct spool_claim filler = claim_of(number, 1000);

		assert_ok(spool_begin(tools.spool));
		err = put(&filler);
		const struct err committed = spool_commit(tools.spool);
		err = failed(err) ? err : committed;
	}
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(found(number - 1, 0), 0);
	assert_ok(spool_begin(tools.spool));
	err = put(&claim);
	const struct err committed = spool_commit(tools.spool);
	assert_int_equal(failed(err) ? err.code : committed.code, ERR_NO_SPACE);
	assert_int_equal(found(1, 0), 0);
	assert_true(found(2, 0) != 0);
}

static void the_oldest_go_first(void **state)
{
	uint64_t early = 0;

	(void)state;
	assert_false(due(0, 0, &early));
	for (int i = 0; i < 10; i++)
		(void)keep(i, 1000 + i);
	assert_false(due(999, 10, &early));
	assert_true(due(1000, 10, &early));
	assert_int_equal(early, 0);
	assert_int_equal(forget(1002, 0), 3);
	for (int i = 0; i < 10; i++)
		assert_int_equal(found(i, 0) != 0, i > 2);
	assert_true(due(0, 4, &early));
	assert_int_equal(early, 3);
	assert_int_equal(forget(0, early), 3);
	for (int i = 0; i < 10; i++)
		assert_int_equal(found(i, 0) != 0, i > 5);
	assert_false(due(0, 4, &early));
}

static void a_few_at_a_time(void **state)
{
	uint64_t early = 0;
	uint64_t forgotten = 0;
	int turns = 0;

	(void)state;
	assert_ok(spool_begin(tools.spool));
	for (int i = 0; i < 3 * SPOOL_CLAIMS_FORGOTTEN - 1; i++) {
		struct spool_claim claim = claim_of(i, 1000);

		assert_ok(put(&claim));
	}
	assert_ok(spool_commit(tools.spool));
	for (; due(1000, 100000, &early); turns++)
		forgotten += forget(1000, early);
	assert_int_equal(turns, 3);
	assert_int_equal(forgotten, 3 * SPOOL_CLAIMS_FORGOTTEN - 1);
	assert_int_equal(found(5, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_until_its_time_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(known_after_the_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_with_its_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_takes_neither, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_go_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_few_at_a_time, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
