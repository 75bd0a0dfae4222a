/*
 * What the tests of the spool share: a folder of its own, a memory budget, and mail whose every
 * byte follows from its id, so that what comes back can be judged without keeping it.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_SPOOL_TOOLS_H
#define SLUICE_SPOOL_TOOLS_H

#include "queue/base/random.h"
#include "queue/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOOLS_LENT_MAX 4096
#define TOOLS_RESERVE  (UINT64_C(1) << 20)

static const char *const tools_routes[] = { "submission", "direct" };

struct tools {
	char path[32];
	struct depot *depot;
	struct shelf shelf;
	struct spool *spool;
	uint64_t map_bytes;
	int64_t ahead_ms;
};

static inline void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static inline void tools_open(struct tools *tools)
{
	const struct spool_settings settings = {
		.routes = tools_routes,
		.route_count = 2,
		.lent_max = TOOLS_LENT_MAX,
		.reserve_bytes = TOOLS_RESERVE,
		.map_bytes = tools->map_bytes,
		.ahead_ms = tools->ahead_ms,
	};

	assert_ok(spool_open(&tools->spool, tools->path, &settings));
}

static inline void tools_verify(struct tools *tools)
{
	char room[200];
	struct text what = TEXT_ON(room);

	if (failed(spool_verify(tools->spool, &what)))
		fail_msg("%s", text_string(&what));
}

static inline void tools_reopen(struct tools *tools)
{
	spool_close(tools->spool);
	tools_open(tools);
}

static inline void tools_remove(const struct tools *tools)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal" };
	char name[64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s/%s", tools->path, files[i]);
		(void)unlink(name);
	}
	(void)rmdir(tools->path);
}

static inline void tools_start(struct tools *tools)
{
	*tools = (struct tools){ .path = "spool-XXXXXX" };
	assert_non_null(mkdtemp(tools->path));
	assert_ok(depot_create(&tools->depot, (size_t)4096 * CHUNK_BYTES));
	shelf_init(&tools->shelf, tools->depot);
}

static inline void tools_stop(struct tools *tools)
{
	spool_close(MOVE(tools->spool));
	tools_remove(tools);
	shelf_finish(&tools->shelf);
	assert_int_equal(depot_chunks_out(tools->depot), 0);
	depot_destroy(tools->depot);
}

/* Mail by its id. */

static inline uint64_t tools_ids(struct tools *tools, uint64_t count)
{
	uint64_t first = 0;

	assert_ok(spool_begin(tools->spool));
	assert_ok(spool_reserve_ids(tools->spool, count, &first));
	assert_ok(spool_commit(tools->spool));
	return first;
}

static inline struct message *tools_message(
        struct tools *tools, uint64_t id, uint32_t recipients, size_t body_bytes)
{
	struct message *message = message_create(&tools->shelf, 0);
	struct random random;
	char text[512];

	assert_non_null(message);
	message_name(message, id, (struct wall){ (int64_t)(id % 1000000) });
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("printer@contoso.com")));
	for (uint32_t i = 0; i < recipients; i++) {
		const int bytes = snprintf(
		        text, sizeof text, "r%u.%llu@example.org", i, (unsigned long long)id);
		const struct message_recipient recipient = {
			.address = view_from(text, (size_t)bytes), .notify = NOTIFY_FAILURE
		};
		assert_true(message_add_recipient(message, &tools->shelf, 0, &recipient));
	}
	random_seed(&random, id);
	while (body_bytes > 0) {
		const uint64_t word = random_u64(&random);
		const size_t take = body_bytes < sizeof word ? body_bytes : sizeof word;
		assert_true(rope_append(&message->body, &tools->shelf, view_from(&word, take), 0));
		body_bytes -= take;
	}
	message_seal(message);
	return message;
}

/* A message and its one job, due at `when`; one hold, by the job. */
static inline struct job tools_job(struct tools *tools, uint64_t id, uint32_t recipients,
        size_t body_bytes, uint16_t route, int64_t when)
{
	struct message *message = tools_message(tools, id, recipients, body_bytes);
	struct job job = { 0 };

	job_begin(&job, message, 0, route);
	message_release(message, &tools->shelf);
	assert_true(job_owe_all(&job, &tools->shelf, 0));
	job.next_attempt.ms = when;
	return job;
}

static inline struct err tools_try_put(struct tools *tools, struct job *job)
{
	return spool_put(tools->spool, job->message, (struct job *[]){ job }, 1, false);
}

/* Puts and commits one message. */
static inline void tools_put(struct tools *tools, uint64_t id, uint32_t recipients,
        size_t body_bytes, uint16_t route, int64_t when)
{
	struct job job = tools_job(tools, id, recipients, body_bytes, route, when);

	assert_ok(spool_begin(tools->spool));
	assert_ok(tools_try_put(tools, &job));
	assert_ok(spool_commit(tools->spool));
	job_clear(&job, &tools->shelf);
}

/* The loaded body is the one that tools_message() made. */
static inline void tools_check_body(struct tools *tools, const struct message *message)
{
	struct message *made = tools_message(tools, message->id, 1, message->body_bytes);
	struct rope_cursor a = rope_start(&message->body);
	struct rope_cursor b = rope_start(&made->body);
	struct view piece_a;
	struct view piece_b;

	assert_int_equal(message->body.bytes, message->body_bytes);
	while (rope_next(&a, &piece_a)) {
		assert_true(rope_next(&b, &piece_b));
		assert_true(view_equal(piece_a, piece_b));
	}
	assert_false(rope_next(&b, &piece_b));
	message_release(made, &tools->shelf);
}

static inline void tools_settle_all(struct tools *tools, struct job *job, enum owed_outcome outcome)
{
	for (size_t i = 0; i < job->owed_count; i++)
		job_set_outcome(job, i, outcome, NULL, &tools->shelf);
	assert_ok(spool_settle(tools->spool, job));
}

#endif
