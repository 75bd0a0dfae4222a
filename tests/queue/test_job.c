#include "queue/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct depot *depot;
static struct shelf shelf;
static char record[JOB_RECORD_MAX];

static int set_up(void **state)
{
	(void)state;
	if (failed(depot_create(&depot, (size_t)256 * CHUNK_BYTES)))
		return -1;
	shelf_init(&shelf, depot);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
	return 0;
}

static void make_job(struct job *job, uint32_t recipients)
{
	struct message *message = message_create(&shelf, 0);
	char address[64];

	*job = (struct job){ 0 };
	message_name(message, 42, (struct wall){ 1790000000000 });
	for (uint32_t i = 0; i < recipients; i++) {
		const int bytes = snprintf(address, sizeof address, "r%u@example.org", i);
		const struct message_recipient recipient = {
			.address = view_from(address, (size_t)bytes), .notify = NOTIFY_FAILURE
		};
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	message_seal(message);
	job_begin(job, message, 1, 2);
	assert_true(job_owe_all(job, &shelf, 0));
	message_release(message, &shelf); /* the job holds it */
}

static struct view encode(struct job *job)
{
	return view_from(record, job_encode(job, 77, (struct span){ record, sizeof record }));
}

static void test_owes_all(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 4, 5, MESSAGE_RECIPIENTS_MAX };

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct job job;
		make_job(&job, counts[i]);
		assert_int_equal(job.id, 42);
		assert_int_equal(job.owed_count, counts[i]);
		assert_int_equal(job.owed_chunk != NULL, counts[i] > JOB_OWED_INLINE);
		assert_int_equal(job_owed(&job)[counts[i] - 1].index, counts[i] - 1);
		assert_int_equal(job_owed(&job)[0].notify, NOTIFY_FAILURE);
		assert_int_equal(job_tally(&job).of[OWED_PENDING], counts[i]);
		job_clear(&job, &shelf);
		assert_null(job.message);
	}
}

static const struct reply_note deferred = {
	.code = 451,
	.status = { 4, 7, 500 },
	.advice = 9,
	.stage = 2,
	.server = VIEW_INIT("mx.example.org"),
	.text = VIEW_INIT("Server busy. Please try again later from [192.0.2.1]."),
};

/* Ended recipients leave the record; what is left comes back with its reply. */
static void test_record_keeps_what_is_owed(void **state)
{
	(void)state;
	struct job job;
	struct job back = { 0 };
	uint16_t route_id = 0;

	make_job(&job, 9);
	job.attempts = 3;
	job.restarts = 2;
	job.first_attempt.ms = 1;
	job.last_attempt.ms = 2;
	job.next_attempt.ms = 1790000060000;
	job.held = true;
	job.rehearsed = true;
	for (size_t i = 0; i < 9; i++)
		job_set_outcome(&job, i, i % 2 == 0 ? OWED_DEFERRED : OWED_DELIVERED,
		        i < 8 ? &deferred : NULL, &shelf);
	job_owed(&job)[4].flags = OWED_IN_DOUBT;
	assert_int_equal(job_tally(&job).of[OWED_DELIVERED], 4);
	assert_int_equal(job_tally(&job).in_doubt, 1);

	assert_false(failed(job_decode(&back, &shelf, 0, encode(&job), &route_id)));
	assert_int_equal(route_id, 77);
	assert_int_equal(back.owed_count, 5);
	assert_int_equal(back.attempts, 3);
	assert_int_equal(back.restarts, 2);
	assert_int_equal(back.first_attempt.ms, 1);
	assert_int_equal(back.last_attempt.ms, 2);
	assert_int_equal(back.next_attempt.ms, 1790000060000);
	assert_true(back.held);
	assert_true(back.rehearsed);
	for (size_t i = 0; i < 5; i++) {
		struct reply_note note;
		const struct owed owed = job_owed(&back)[i];
		assert_int_equal(owed.index, i * 2);
		assert_int_equal(owed.outcome, OWED_PENDING);
		assert_int_equal(owed.notify, NOTIFY_FAILURE);
		assert_int_equal(owed.flags, i == 2 ? OWED_IN_DOUBT : 0);
		assert_int_equal(job_reply(&back, i, &note), i < 4);
		if (i == 4)
			continue;
		assert_int_equal(note.code, 451);
		assert_int_equal(note.status[2], 500);
		assert_true(view_equal(note.text, deferred.text));
		assert_true(view_equal(note.server, deferred.server));
	}
	assert_int_equal(back.replies.inline_bytes, job.replies.inline_bytes);
	struct job_facts facts;
	assert_false(failed(job_decode_facts(encode(&job), &facts)));
	assert_int_equal(facts.next_attempt.ms, job.next_attempt.ms);
	assert_int_equal(facts.route_id, 77);
	assert_true(facts.held);
	job_clear(&job, &shelf);
	job_clear(&back, &shelf);
}

/* The largest: 2,000 recipients with a reply of its own each. Every text's start is kept; when
 * such replies come again on top of the old ones there is no room for text, but for the code. */
static void test_largest_record(void **state)
{
	(void)state;
	struct job job;
	uint16_t route_id = 0;
	char text[REPLY_TEXT_MAX];

	make_job(&job, MESSAGE_RECIPIENTS_MAX);
	for (int attempt = 0; attempt < 3; attempt++) {
		memset(text, 'z', sizeof text);
		for (uint32_t i = 0; i < MESSAGE_RECIPIENTS_MAX; i++) {
			struct reply_note note = deferred;
			memcpy(text, &i, sizeof i);
			note.text = view_from(text, sizeof text);
			job_set_outcome(&job, i, OWED_DEFERRED, &note, &shelf);
		}
		const struct view encoded = encode(&job);
		assert_true(encoded.bytes < JOB_RECORD_MAX);
		job_clear(&job, &shelf);
		assert_false(failed(job_decode(&job, &shelf, 0, encoded, &route_id)));
		assert_int_equal(job.owed_count, MESSAGE_RECIPIENTS_MAX);
		for (uint32_t i = 0; i < MESSAGE_RECIPIENTS_MAX; i++) {
			struct reply_note note;
			assert_true(job_reply(&job, i, &note));
			assert_int_equal(note.code, 451);
			if (attempt == 0)
				assert_memory_equal(note.text.data, &i, sizeof i);
		}
	}
	job_clear(&job, &shelf);
}

/* Cut at every length, every byte changed: an error, or a job that can be read and written. */
static void test_damage_is_found(void **state)
{
	(void)state;
	struct job job;
	struct job back = { 0 };
	uint16_t route_id = 0;

	make_job(&job, 6);
	job_set_outcome(&job, 1, OWED_DEFERRED, &deferred, &shelf);
	job_set_outcome(&job, 5, OWED_DEFERRED, &deferred, &shelf);
	const struct view whole = encode(&job);
	char *bytes = malloc(whole.bytes);
	for (size_t cut = 0; cut < whole.bytes; cut++) {
		memcpy(bytes, whole.data, cut);
		const struct err err =
		        job_decode(&back, &shelf, 0, view_from(bytes, cut), &route_id);
		assert_int_equal(err.code, ERR_FORMAT);
	}
	for (size_t i = 0; i < whole.bytes; i++) {
		for (int change = 1; change < 256; change++) {
			memcpy(bytes, whole.data, whole.bytes);
			bytes[i] = (char)(bytes[i] ^ change);
			if (failed(job_decode(
			            &back, &shelf, 0, view_from(bytes, whole.bytes), &route_id)))
				continue;
			struct reply_note note;
			for (uint32_t at = 0; at < back.owed_count; at++)
				(void)job_reply(&back, at, &note);
			job_clear(&back, &shelf);
		}
	}
	free(bytes);
	job_clear(&job, &shelf);
}

static void test_states(void **state)
{
	(void)state;
	struct job job = { 0 };

	job_enter(&job, JOB_PUTTING);
	job_enter(&job, JOB_READY);
	job_enter(&job, JOB_SENDING);
	job_enter(&job, JOB_READY);
	job_enter(&job, JOB_SETTLING);
	job_enter(&job, JOB_FREE);
	assert_int_equal(job.state, JOB_FREE);
	assert_true(owed_is_ended(OWED_BOUNCED));
	assert_false(owed_is_ended(OWED_DEFERRED));
	assert_string_equal(owed_word(OWED_DELIVERED), "delivered");
}

static void test_budget_used_up(void **state)
{
	(void)state;
	struct job job = { 0 };
	struct chunk *taken = NULL;

	make_job(&job, 4);
	for (struct chunk *chunk = shelf_take(&shelf); chunk != NULL; chunk = shelf_take(&shelf)) {
		chunk->next = taken;
		taken = chunk;
	}
	assert_false(job_owe(&job, &shelf, 0, 4, 0));
	assert_int_equal(job.owed_count, 4);
	while (taken != NULL) {
		struct chunk *next = MOVE(taken->next);
		shelf_give(&shelf, taken);
		taken = next;
	}
	assert_true(job_owe(&job, &shelf, 0, 4, 0));
	job_clear(&job, &shelf);
}

/* Those that move are owed by the other job from then on, with what was said of them. */
static void test_split(void **state)
{
	static const struct reply_note note = {
		.code = 451,
		.status = { 4, 7, 1 },
		.text = VIEW_INIT("later"),
	};
	bool moves[8] = { false, true, false, true, false, true, true, true };
	struct job job;
	struct job branch = { 0 };
	struct reply_note said;

	(void)state;
	make_job(&job, 8);
	job.attempts = 3;
	job.first_attempt.ms = 5;
	job_set_outcome(&job, 0, OWED_DELIVERED, NULL, &shelf);
	job_set_outcome(&job, 1, OWED_DEFERRED, &note, &shelf);
	job_owed(&job)[3].flags = OWED_IN_DOUBT;
	assert_true(job_split(&job, &branch, moves, &shelf, 0));
	assert_int_equal(branch.id, job.id);
	assert_int_equal(branch.attempts, 3);
	assert_int_equal(branch.first_attempt.ms, 5);
	assert_int_equal(branch.owed_count, 5);
	static const uint16_t moved[] = { 1, 3, 5, 6, 7 };
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(job_owed(&branch)[i].index, moved[i]);
		assert_int_equal(job_owed(&branch)[i].outcome, OWED_PENDING);
		assert_int_equal(job_owed(&branch)[i].notify, NOTIFY_FAILURE);
		assert_int_equal(job_owed(&job)[moved[i]].outcome, OWED_MOVED);
	}
	assert_true(job_reply(&branch, 0, &said));
	assert_true(view_equal(said.text, note.text));
	assert_false(job_reply(&branch, 1, &said));
	assert_int_equal(job_owed(&branch)[1].flags, OWED_IN_DOUBT);
	/* What is written owes the rest alone. */
	struct job loaded = { 0 };
	uint16_t route;
	assert_false(failed(job_decode(&loaded, &shelf, 0, encode(&job), &route)));
	assert_int_equal(loaded.owed_count, 2);
	assert_int_equal(job_owed(&loaded)[0].index, 2);
	assert_int_equal(job_owed(&loaded)[1].index, 4);
	assert_string_equal(owed_word(OWED_MOVED), "moved");
	job_clear(&loaded, &shelf);
	job_clear(&branch, &shelf);
	job_clear(&job, &shelf);
}

static void test_split_without_memory(void **state)
{
	bool moves[8] = { false, true, true, true, true, true, true, true };
	struct chunk *taken = NULL;
	struct job job;
	struct job branch = { 0 };

	(void)state;
	make_job(&job, 8);
	for (struct chunk *chunk = shelf_take(&shelf); chunk != NULL; chunk = shelf_take(&shelf)) {
		chunk->next = taken;
		taken = chunk;
	}
	assert_false(job_split(&job, &branch, moves, &shelf, 0));
	assert_null(branch.message);
	assert_int_equal(job_tally(&job).of[OWED_PENDING], 8);
	while (taken != NULL) {
		struct chunk *next = MOVE(taken->next);
		shelf_give(&shelf, taken);
		taken = next;
	}
	assert_true(job_split(&job, &branch, moves, &shelf, 0));
	job_clear(&branch, &shelf);
	job_clear(&job, &shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owes_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_record_keeps_what_is_owed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_largest_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_budget_used_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_split, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_split_without_memory, set_up, tear_down),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
