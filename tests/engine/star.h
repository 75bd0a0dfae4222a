/*
 * A star in small, for tests: a real spooler on a real spool in a folder of its own, and shards
 * that are the test.
 *
 * Thread:  the test's; the spooler turns in it.
 */
#ifndef SLUICE_TESTS_STAR_H
#define SLUICE_TESTS_STAR_H

#include "engine/config_report.h"
#include "engine/pair.h"
#include "engine/spooler.h"
#include "queue/verdict.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define STAR_JOBS_MAX 256
#define STAR_LETTERS  4096

struct star {
	char path[32];
	struct config *config;
	struct depot *depot;
	struct shelf shelf; /* the fake shards' */
	struct counters counters;
	struct loop fake; /* of the fake shards: its doorbell alone */
	struct pair ingest;
	struct pair delivery;
	struct mailbox requests;
	struct spooler *spooler;
	struct timer tick; /* so that a turn never waits */
	const char *size;  /* spool.size */
	size_t memory_bytes;
	uint64_t ids;
	uint64_t ids_left;
	uint64_t asked;     /* puts so far: tickets */
	uint64_t committed; /* answers */
	uint64_t full;
	uint64_t failed;
	uint64_t known;
	uint64_t clashed;
	bool pressed;
	size_t recalls;
	size_t resumes;
	size_t sheets;         /* that came back */
	size_t gates;          /* sheets of gates that came back */
	struct gate_news news; /* the last ones */
	size_t news_count;
	size_t portions;        /* sheets of portions that came back */
	struct late_sheet late; /* that came last; it was sent back */
	size_t lates;
	bool drain_came;
	struct job *jobs[STAR_JOBS_MAX]; /* lent to the fake delivery shard */
	size_t job_count;
};

static const char star_routes[] = "routes:\n"
                                  "  - {name: first, interface: connector, host: 127.0.0.1,\n"
                                  "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";

static inline void star_assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static inline void star_on_tick(struct timer *timer)
{
	struct star *star = container_of(timer, struct star, tick);

	loop_timer_after(&star->spooler->shard.loop, timer, 0);
}

static inline struct config *star_config(const struct star *star, const char *routes)
{
	struct config_report report;
	struct config *config = NULL;
	char text[4096];

	if (snprintf(text, sizeof text,
	            "name: relay.example\nspool: {path: %s, size: %s, reserve: 1MiB}\n%s",
	            star->path, star->size, routes) >= (int)sizeof text)
		abort();
	config_report_init(&report);
	if (failed(config_load_text(&config, "star.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

/* The spooler of a new process: with the routes of today. */
static inline struct err star_try_begin(struct star *star, const char *routes)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	star->config = star_config(star, routes);
	star_assert_ok(depot_create(&star->depot, star->memory_bytes));
	shelf_init(&star->shelf, star->depot);
	doorbell_init(&star->fake.doorbell, NULL);
	const struct spooler_settings settings = {
		.config = star->config,
		.depot = star->depot,
		.counters = &star->counters,
		.io = { 64, 8, 4096 },
		.seed = 1,
		.ingest_count = 1,
		.delivery_count = 1,
	};
	const struct err err = spooler_create(&star->spooler, &settings, &why);
	if (failed(err)) {
		shelf_finish(&star->shelf);
		depot_destroy(star->depot);
		config_destroy(star->config);
		return err;
	}
	struct loop *loop = &star->spooler->shard.loop;
	star_assert_ok(pair_init(&star->ingest, loop, &star->fake, STAR_LETTERS));
	star_assert_ok(pair_init(&star->delivery, loop, &star->fake,
	        feed_window_sum(star->config, 1) + spooler_letters_spare(star->config)));
	star_assert_ok(mailbox_init(&star->requests, sizeof(struct letter), 2, &loop->doorbell));
	star->spooler->ingest[0] = pair_spoolers_post(&star->ingest);
	star->spooler->delivery[0] = pair_spoolers_post(&star->delivery);
	star->spooler->requests = &star->requests;
	spooler_join(star->spooler);
	spooler_start(star->spooler);
	star->tick = (struct timer){ .expired = star_on_tick };
	loop_timer_after(loop, &star->tick, 0);
	return err;
}

static inline void star_begin(struct star *star, const char *routes)
{
	star_assert_ok(star_try_begin(star, routes));
}

static inline void star_send(struct star *star, struct mailbox *to, const struct letter *letter)
{
	const bool put = mailbox_put(to, letter);

	(void)star;
	assert_true(put);
}

static inline void star_hear_ingest(struct star *star, const struct letter *letter)
{
	switch (letter->kind) {
	case LETTER_PUT_DONE:
		assert_true(letter->ticket > 0);
		assert_true(letter->ticket <= star->asked);
		star->committed += letter->result == PUT_COMMITTED;
		star->full += letter->result == PUT_FULL;
		star->failed += letter->result == PUT_FAILED;
		star->known += letter->result == PUT_KNOWN;
		star->clashed += letter->result == PUT_CLASH;
		break;
	case LETTER_IDS:
		star->ids = letter->ticket;
		star->ids_left = letter->count;
		break;
	case LETTER_PRESSURE:
		star->pressed = letter->result == PUT_FULL;
		break;
	default:
		assert_int_equal(letter->kind, LETTER_DRAIN);
		star->drain_came = true;
		break;
	}
}

static inline void star_send(struct star *star, struct mailbox *to, const struct letter *letter);

static inline void star_hear_delivery(struct star *star, const struct letter *letter)
{
	switch (letter->kind) {
	case LETTER_JOB:
		assert_int_equal(letter->job->state, JOB_READY);
		assert_true(star->job_count < STAR_JOBS_MAX);
		star->jobs[star->job_count++] = letter->job;
		break;
	case LETTER_RECALL:
		star->recalls++;
		break;
	case LETTER_RESUME:
		star->resumes++;
		break;
	case LETTER_INCIDENT:
		star->sheets++;
		break;
	case LETTER_PORTION:
		star->portions++;
		break;
	case LETTER_GATE:
		star->gates++;
		break;
	case LETTER_GATE_NEWS:
		star->news = *letter->news;
		star->news_count++;
		star_send(star, &star->delivery.to_spooler, letter);
		break;
	case LETTER_LATE:
		star->late = *letter->late;
		star->lates++;
		star_send(star, &star->delivery.to_spooler, letter);
		break;
	default:
		assert_int_equal(letter->kind, LETTER_DRAIN);
		break;
	}
}

static inline void star_turn(struct star *star)
{
	struct letter letter;

	do {
		spooler_turn(star->spooler);
	} while (star->spooler->patience.waits); /* for more to go with */
	while (mailbox_take(&star->ingest.to_shard, &letter))
		star_hear_ingest(star, &letter);
	while (mailbox_take(&star->delivery.to_shard, &letter))
		star_hear_delivery(star, &letter);
}

static inline void star_turns(struct star *star, int count)
{
	while (count-- > 0)
		star_turn(star);
}

static inline void star_nap(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* Until the fake ingest shard has ids; false: the spooler gives none. */
static inline bool star_ask_ids(struct star *star)
{
	const struct letter letter = { .kind = LETTER_IDS_WANTED };

	if (star->ids_left > 0)
		return true;
	star_send(star, &star->ingest.to_spooler, &letter);
	for (int i = 0; i < 10 && star->ids_left == 0; i++)
		star_turn(star);
	return star->ids_left > 0;
}

/* `to`: several by spaces. */
static inline struct message *star_message(
        struct star *star, const char *from, const char *to, size_t body_bytes)
{
	struct message *message = message_create(&star->shelf, 0);

	assert_non_null(message);
	assert_true(star->ids_left > 0);
	star->ids_left--;
	message_name(message, star->ids++, clock_wall());
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (struct view rest = view_of(to); rest.bytes > 0;) {
		const size_t bytes = view_find(rest, ' ');
		const struct message_recipient recipient = { .address = view_first(rest, bytes) };

		assert_true(message_add_recipient(message, &star->shelf, 0, &recipient));
		rest = view_skip(rest, bytes < rest.bytes ? bytes + 1 : bytes);
	}
	assert_true(rope_append(&message->body, &star->shelf, VIEW("Subject: x\r\n\r\n"), 0));
	for (size_t i = 0; i < body_bytes / 8; i++)
		assert_true(rope_append(&message->body, &star->shelf, VIEW("abcdef\r\n"), 0));
	message_seal(message);
	return message;
}

/* Takes message. Its ways are found as an ingest shard does. */
static inline void star_put_message(struct star *star, struct message *message)
{
	struct letter letter = {
		.kind = LETTER_PUT,
		.message = message,
		.ticket = ++star->asked,
	};

	assert_true(ways_find(&letter.ways, star->config, message, &star->shelf, 0));
	star_send(star, &star->ingest.to_spooler, &letter);
}

/* Gives the message's id. */
static inline uint64_t star_put(
        struct star *star, const char *from, const char *to, size_t body_bytes)
{
	struct message *message = star_message(star, from, to, body_bytes);
	const uint64_t id = message->id;

	star_put_message(star, message);
	return id;
}

static inline void star_puts(struct star *star, int count)
{
	while (count-- > 0)
		(void)star_put(star, "a@contoso.com", "b@contoso.com", 100);
}

/* The oldest lent job comes back, every recipient with this outcome. */
static inline void star_settle(struct star *star, enum owed_outcome outcome)
{
	const struct reply_note note = {
		.code = 550,
		.status = { 5, 1, 1 },
		.stage = STAGE_RCPT,
		.server = VIEW("mail.example"),
		.text = VIEW("no such user"),
	};

	assert_true(star->job_count > 0);
	struct job *job = star->jobs[0];
	memmove(star->jobs, star->jobs + 1, --star->job_count * sizeof(struct job *));
	for (size_t i = 0; i < job->owed_count; i++)
		if (outcome != OWED_PENDING)
			job_set_outcome(job, i, outcome, outcome == OWED_DELIVERED ? NULL : &note,
			        &star->shelf);
	if (outcome == OWED_DEFERRED) {
		job->attempts++;
		job->next_attempt = (struct wall){ clock_wall().ms + 3600 * 1000 };
	}
	job_enter(job, JOB_SETTLING);
	const struct letter letter = { .kind = LETTER_SETTLE, .job = job };
	star_send(star, &star->delivery.to_spooler, &letter);
}

static inline uint64_t star_messages(struct star *star)
{
	return spool_counts(star->spooler->spool).messages;
}

/* Everything is consistent, and the process ends: jobs still lent come back in the next. */
static inline void star_end(struct star *star)
{
	char room[200];
	struct text what = TEXT_ON(room);
	const bool broken = spooler_state(star->spooler) == SPOOLER_BROKEN;

	while (star->job_count > 0)
		star_settle(star, OWED_PENDING);
	if (!broken && failed(spool_verify(star->spooler->spool, &what)))
		fail_msg("%s", text_string(&what));
	loop_timer_stop(&star->spooler->shard.loop, &star->tick);
	spooler_destroy(MOVE(star->spooler));
	pair_finish(&star->ingest);
	pair_finish(&star->delivery);
	mailbox_finish(&star->requests);
	shelf_finish(&star->shelf);
	depot_destroy(star->depot); /* every chunk is back */
	config_destroy(star->config);
	star->ids_left = 0;
	star->drain_came = false;
}

static inline void star_restart(struct star *star, const char *routes)
{
	star_end(star);
	star_begin(star, routes);
	star_turn(star);
}

static inline void star_open(struct star *star, const char *routes)
{
	*star = (struct star){
		.path = "star-XXXXXX", .size = "1GiB", .memory_bytes = (size_t)32 << 20
	};
	assert_non_null(mkdtemp(star->path));
	star_begin(star, routes);
	assert_true(star_ask_ids(star));
}

static inline void star_remove(const struct star *star)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal" };
	char name[64];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(name, sizeof name, "%s/%s", star->path, files[i]);
		(void)unlink(name);
	}
	(void)rmdir(star->path);
}

static inline void star_close(struct star *star)
{
	star_end(star);
	star_remove(star);
}

#endif
