/* kill -9 at any instant, many times: what was acknowledged is there, what was settled is not. */
#include "spool_tools.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS     25
#define KILL_US   30000 /* at most so late */
#define LIVE_MAX  64
#define MAILS_MAX 400000

enum word {
	WORD_PUT = 1, /* the commit that holds it is over */
	WORD_SETTLING,
	WORD_SETTLED,
};

struct letter {
	uint64_t id;
	uint64_t word;
};

static struct tools tools;
static uint8_t known[MAILS_MAX]; /* enum word, by id - first_id */
static uint64_t first_id;

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	first_id = tools_ids(&tools, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tools_stop(&tools);
	return 0;
}

static void tell(int to, uint64_t id, enum word word)
{
	const struct letter letter = { id, word };

	assert_int_equal(write(to, &letter, sizeof letter), sizeof letter);
}

/* Puts and settles without end; every word is told after what it says is so. */
static void child_work(int to, uint64_t seed)
{
	struct random random;

	random_seed(&random, seed);
	tools_open(&tools);
	for (;;) {
		struct job job = { 0 };
		const bool full = spool_counts(tools.spool).messages > LIVE_MAX;
		if (full || random_below(&random, 3) == 0) {
			const struct err err = spool_next(
			        tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job);
			if (err.code == ERR_NOT_FOUND)
				continue;
			assert_ok(err);
			tell(to, job.id, WORD_SETTLING);
			assert_ok(spool_begin(tools.spool));
			tools_settle_all(&tools, &job, OWED_DELIVERED);
			assert_ok(spool_commit(tools.spool));
			tell(to, job.id, WORD_SETTLED);
		} else {
			const uint64_t id = tools_ids(&tools, 1);
			job = tools_job(&tools, id, 1 + (uint32_t)random_below(&random, 8),
			        random_below(&random, 40000), 0, 1);
			assert_ok(spool_begin(tools.spool));
			assert_ok(tools_try_put(&tools, &job));
			assert_ok(spool_commit(tools.spool));
			tell(to, id, WORD_PUT);
		}
		job_clear(&job, &tools.shelf);
	}
}

static void kill_one(uint64_t seed)
{
	struct random random;
	struct letter letter;
	int ends[2];

	random_seed(&random, seed);
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		child_work(ends[1], seed);
	}
	close(ends[1]);
	/* Its first word says that it is at work; from there the instant is a matter of luck. */
	ssize_t got = read(ends[0], &letter, sizeof letter);
	const struct timespec wait = { 0, (long)random_below(&random, KILL_US) * 1000 };
	nanosleep(&wait, NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	for (; got == sizeof letter; got = read(ends[0], &letter, sizeof letter)) {
		assert_true(letter.id - first_id < MAILS_MAX);
		known[letter.id - first_id] = (uint8_t)letter.word;
	}
	assert_int_equal(got, 0); /* a letter is never torn: it is shorter than a pipe's page */
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void compare(void)
{
	const uint64_t next = tools_ids(&tools, 1);

	tools_verify(&tools);
	for (uint64_t id = first_id + 1; id < next; id++) {
		const struct spool_place place = { id, 0 };
		struct job job = { 0 };
		const struct err err = spool_load(tools.spool, place, true, &tools.shelf, 0, &job);
		const enum word word = (enum word)known[id - first_id];
		assert_int_not_equal(err.code, ERR_FORMAT);
		if (word == WORD_PUT)
			assert_ok(err);
		if (word == WORD_SETTLED)
			assert_int_equal(err.code, ERR_NOT_FOUND);
		if (failed(err))
			continue;
		tools_check_body(&tools, job.message);
		job_clear(&job, &tools.shelf);
	}
}

static void test_killed_at_any_instant(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < KILLS; i++) {
		spool_close(MOVE(tools.spool));
		kill_one(i + 1);
		tools_open(&tools);
		compare();
	}
	assert_true(tools_ids(&tools, 1) - first_id > KILLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_at_any_instant, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
