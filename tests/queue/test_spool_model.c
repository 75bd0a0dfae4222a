/* The spool against a plain array: random puts, settles, acts, lendings, aborts and restarts. */
#include "spool_tools.h"

#define SLOTS      120
#define ROUTES     2
#define RECIPIENTS 7

/* What one message's job should be. */
struct slot {
	uint64_t id; /* 0: none */
	bool owed[RECIPIENTS];
	uint16_t code[RECIPIENTS]; /* last reply noted */
	uint32_t recipients;
	size_t body_bytes;
	uint32_t attempts;
	int64_t due;
	uint16_t route;
	bool held;
	bool lent;
};

static struct tools tools;
static struct random dice;
static struct slot slots[SLOTS];
static struct slot saved[SLOTS]; /* as the last commit left them */
static uint64_t next_id;

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	memset(slots, 0, sizeof slots);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tools_stop(&tools);
	return 0;
}

static uint64_t roll(uint64_t sides)
{
	return random_below(&dice, sides);
}

static struct spool_place place_of(const struct slot *slot)
{
	return (struct spool_place){ slot->id, 0 };
}

static void assert_job(const struct slot *slot, struct job *job, bool with_body)
{
	size_t at = 0;

	assert_int_equal(job->id, slot->id);
	assert_int_equal(job->route, slot->route);
	assert_int_equal(job->held, slot->held);
	assert_int_equal(job->attempts, slot->attempts);
	assert_int_equal(job->next_attempt.ms, slot->due);
	assert_int_equal(job->message->recipient_count, slot->recipients);
	assert_int_equal(job->message->body_bytes, slot->body_bytes);
	for (uint32_t i = 0; i < slot->recipients; i++) {
		struct reply_note note = { 0 };
		if (!slot->owed[i])
			continue;
		assert_true(at < job->owed_count);
		assert_int_equal(job_owed(job)[at].index, i);
		assert_int_equal(job_reply(job, at, &note), slot->code[i] != 0);
		assert_int_equal(note.code, slot->code[i]);
		at++;
	}
	assert_int_equal(at, job->owed_count);
	if (with_body)
		tools_check_body(&tools, job->message);
}

static void put_new(struct slot *slot)
{
	*slot = (struct slot){
		.id = next_id++,
		.recipients = (uint32_t)roll(RECIPIENTS) + 1,
		.body_bytes = roll(4) == 0 ? roll(60000) : roll(9000),
		.due = (int64_t)roll(1000),
		.route = (uint16_t)roll(ROUTES),
	};
	struct job job = tools_job(
	        &tools, slot->id, slot->recipients, slot->body_bytes, slot->route, slot->due);
	for (uint32_t i = 0; i < slot->recipients; i++)
		slot->owed[i] = true;
	assert_ok(tools_try_put(&tools, &job));
	job_clear(&job, &tools.shelf);
}

/* Changes the job as a delivery or an operator would; gives whether anything is owed still. */
static void change(struct slot *slot, struct job *job)
{
	size_t at = 0;
	bool left = false;

	for (uint32_t i = 0; i < slot->recipients; i++) {
		if (!slot->owed[i])
			continue;
		const uint64_t way = roll(4);
		const struct reply_note note = { .code = (uint16_t)(400 + roll(5)),
			.text = VIEW("some words about it") };
		if (way == 0) {
			slot->owed[i] = false;
			job_set_outcome(job, at, OWED_DELIVERED + (enum owed_outcome)roll(3), NULL,
			        &tools.shelf);
		} else if (way == 1) {
			slot->code[i] = note.code;
			job_set_outcome(job, at, OWED_DEFERRED, &note, &tools.shelf);
		}
		left = left || slot->owed[i];
		at++;
	}
	slot->attempts = job->attempts = job->attempts + 1;
	slot->due = job->next_attempt.ms = roll(3) == 0 ? slot->due : (int64_t)roll(1000);
	slot->held = job->held = roll(6) == 0;
	slot->route = job->route = (uint16_t)roll(ROUTES);
	slot->lent = false;
	if (!left)
		slot->id = 0;
}

static void batch(void)
{
	struct job jobs[8] = { 0 };
	struct slot *picked[8] = { 0 };
	const size_t count = roll(8);

	memcpy(saved, slots, sizeof saved);
	/* Loading is done between batches. */
	for (size_t i = 0; i < count; i++) {
		struct slot *slot = &slots[roll(SLOTS)];
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || picked[k] == slot;
		if (again)
			continue;
		picked[i] = slot;
		if (slot->id != 0)
			assert_ok(spool_load(tools.spool, place_of(slot), roll(2) == 0,
			        &tools.shelf, 0, &jobs[i]));
	}
	assert_ok(spool_begin(tools.spool));
	for (size_t i = 0; i < count; i++) {
		if (picked[i] == NULL)
			continue;
		if (picked[i]->id == 0) {
			put_new(picked[i]);
			continue;
		}
		change(picked[i], &jobs[i]);
		assert_ok(spool_settle(tools.spool, &jobs[i]));
	}
	if (roll(5) == 0) {
		spool_abort(tools.spool);
		memcpy(slots, saved, sizeof slots);
	} else {
		assert_ok(spool_commit(tools.spool));
	}
	for (size_t i = 0; i < count; i++)
		job_clear(&jobs[i], &tools.shelf);
}

static bool comes_before(const struct slot *a, const struct slot *b)
{
	return a->due != b->due ? a->due < b->due : a->id < b->id;
}

/* The one that spool_next() must give; NULL: none. */
static struct slot *earliest(uint16_t route)
{
	struct slot *first = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &slots[i];
		if (slot->id == 0 || slot->held || slot->lent || slot->route != route)
			continue;
		if (first == NULL || comes_before(slot, first))
			first = slot;
	}
	return first;
}

static void lend(void)
{
	const uint16_t route = (uint16_t)roll(ROUTES);
	struct slot *slot = earliest(route);
	struct job job = { 0 };
	struct wall due = { -1 };
	const struct wall now = { (int64_t)roll(1000) };

	assert_int_equal(spool_next_due(tools.spool, route, &due), slot != NULL);
	assert_int_equal(due.ms, slot == NULL ? -1 : slot->due);
	const struct err err = spool_next(tools.spool, route, now, &tools.shelf, 0, &job);
	if (slot == NULL || slot->due > now.ms) {
		assert_int_equal(err.code, ERR_NOT_FOUND);
		return;
	}
	assert_ok(err);
	assert_job(slot, &job, true);
	slot->lent = true;
	job_clear(&job, &tools.shelf);
}

static void unlend(void)
{
	struct slot *slot = &slots[roll(SLOTS)];

	if (slot->id == 0 || !slot->lent)
		return;
	spool_unlend(tools.spool, slot->id, 0);
	slot->lent = false;
}

static void compare(void)
{
	struct spool_place place = { 0 };
	struct spool_counts counts = spool_counts(tools.spool);
	uint64_t live = 0;
	uint64_t held = 0;
	uint64_t lent = 0;
	uint64_t walked = 0;

	tools_verify(&tools);
	for (size_t i = 0; i < SLOTS; i++) {
		if (slots[i].id == 0)
			continue;
		struct job job = { 0 };
		assert_ok(
		        spool_load(tools.spool, place_of(&slots[i]), true, &tools.shelf, 0, &job));
		assert_job(&slots[i], &job, true);
		job_clear(&job, &tools.shelf);
		live++;
		held += slots[i].held;
		lent += slots[i].lent;
		assert_int_equal(spool_is_lent(tools.spool, slots[i].id, 0), slots[i].lent);
	}
	while (spool_walk(tools.spool, &place))
		walked++;
	assert_int_equal(walked, live);
	assert_int_equal(counts.messages, live);
	assert_int_equal(counts.jobs, live);
	assert_int_equal(counts.held, held);
	assert_int_equal(counts.lent, lent);
}

static void restart(void)
{
	tools_reopen(&tools);
	for (size_t i = 0; i < SLOTS; i++)
		slots[i].lent = false;
}

static void run_model(uint64_t seed)
{
	random_seed(&dice, seed);
	next_id = tools_ids(&tools, 100000);
	for (int step = 0; step < 1500; step++) {
		const uint64_t what = roll(100);
		if (what < 45)
			batch();
		else if (what < 80)
			lend();
		else if (what < 97)
			unlend();
		else if (what < 99)
			compare();
		else
			restart();
	}
	compare();
	restart();
	compare();
}

static void test_against_array(void **state)
{
	(void)state;
	run_model(1);
}

static void test_against_array_again(void **state)
{
	(void)state;
	run_model(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_against_array, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_against_array_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
