#include "engine/spooler.h"

#include "engine/routing.h"
#include "engine/spooler_inner.h"
#include "queue/base/check.h"

#include <stdlib.h>
#include <unistd.h>

#define SPOOLER_IDS_LOW     1024             /* reports ask ahead for their next block */
#define SPOOLER_FULL_RETRY  (1 * NS_PER_S)   /* whether a full disk has room again */
#define SPOOLER_ROOM_BYTES  (4 << 20)        /* new mail that must fit to end it */
#define SPOOLER_SHORT_RETRY (10 * NS_PER_MS) /* whether the memory budget has room again */
#define SPOOLER_WALL_CHECK  (60 * NS_PER_S)  /* the wall clock may jump: look at dues again */

static void spooler_enter(struct spooler *spooler, enum spooler_state state);
static void spooler_leave(struct spooler *spooler);
static void spooler_begin_drain(struct spooler *spooler);
static void spooler_take_puts(struct spooler *spooler);
static void spooler_take_put(struct spooler *spooler, const struct letter *letter, size_t shard);
static uint64_t spooler_ids_missing(const struct spooler *spooler);
static void spooler_commit(struct spooler *spooler);
static void spooler_answer_puts(struct spooler *spooler);
static void spooler_answer_settles(struct spooler *spooler);
static void spooler_share_ids(struct spooler *spooler);
static void spooler_tell_full(struct spooler *spooler, bool full);
static void spooler_feed(struct spooler *spooler);
static void spooler_set_timer(struct spooler *spooler, bool more);
static void spooler_timer_expired(struct timer *timer);

struct err spooler_create(
        struct spooler **result, const struct spooler_settings *settings, struct text *why)
{
	const struct config *config = settings->config;
	const char *routes[SPOOL_ROUTES_MAX];
	struct err err;

	check(config->routes.count <= SPOOL_ROUTES_MAX);
	check(settings->ingest_count <= FEED_SHARDS_MAX);
	for (size_t i = 0; i < config->routes.count; i++)
		routes[i] = config->routes.at[i].name;

	struct spooler *spooler = aligned_alloc(64, (sizeof *spooler + 63) / 64 * 64);
	if (spooler == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	memset(spooler, 0, sizeof *spooler);
	spooler->state_event = -1;
	spooler->orphans = true;
	spooler->shard.config = config;
	spooler->shard.counters = settings->counters;
	spooler->shard.log = settings->log;
	spooler->ingest_count = settings->ingest_count;
	spooler->delivery_count = settings->delivery_count;
	spooler->timer.expired = spooler_timer_expired;
	list_init(&spooler->waiting);
	random_seed(&spooler->shard.random, settings->seed);
	shelf_init(&spooler->shard.shelf, settings->depot);

	const struct spool_settings spool_settings = {
		.routes = routes,
		.route_count = config->routes.count,
		.lent_max = (size_t)feed_window_sum(config, settings->delivery_count) *
		                    settings->delivery_count +
		            SPOOLER_ADOPTED_PER_TURN,
		.reserve_bytes = config->spool.reserve_bytes,
	};
	err = spool_open(&spooler->spool, config->spool.path, &spool_settings);
	if (failed(err)) {
		text_format(why, "spool %s: %s", config->spool.path, err_text(err.code));
		if (err.code == ERR_EXISTS)
			text_put(why, VIEW(": another process has it open"));
		goto fail_spool;
	}
	const struct report_settings report_settings = { .reporter = view_of(config->name) };
	err = report_create(&spooler->reports, &report_settings);
	if (failed(err))
		goto fail_reports;
	err = feed_init(&spooler->feed, config, spooler->spool, &spooler->shard.shelf,
	        spooler->delivery, spooler->delivery_count);
	if (failed(err))
		goto fail_feed;
	err = loop_init(&spooler->shard.loop, &settings->io, &spooler->shard.shelf, why);
	if (failed(err))
		goto fail_loop;
	atomic_store(&spooler->messages, spool_counts(spooler->spool).messages);
	*result = spooler;
	return err_ok();

fail_loop:
	feed_finish(&spooler->feed);
fail_feed:
	report_destroy(spooler->reports);
fail_reports:
	spool_close(spooler->spool);
fail_spool:
	shelf_finish(&spooler->shard.shelf);
	free(spooler);
	return err;
}

/* Jobs that shards still held stay on disk as they are: due, and not lent after the next start. */
void spooler_destroy(struct spooler *spooler)
{
	if (spooler == NULL)
		return;
	loop_timer_stop(&spooler->shard.loop, &spooler->timer);
	spooler_leave(spooler);
	loop_finish(&spooler->shard.loop);
	while (!list_is_empty(&spooler->waiting))
		feed_give_job(&spooler->feed,
		        container_of(list_pop_first(&spooler->waiting), struct job, link));
	for (size_t i = 0; i < spooler->batch.settle_count; i++) {
		struct batch_settle *settle = &spooler->batch.settles[i];
		feed_give_job(&spooler->feed, MOVE(settle->job));
		if (settle->report != NULL)
			feed_give_job(&spooler->feed, MOVE(settle->report));
	}
	feed_finish(&spooler->feed);
	report_destroy(spooler->reports);
	spool_close(spooler->spool);
	shelf_finish(&spooler->shard.shelf);
	free(spooler);
}

void spooler_join(struct spooler *spooler)
{
	struct loop *loop = &spooler->shard.loop;

	check(!spooler->joined);
	spooler->joined = true;
	for (size_t i = 0; i < spooler->ingest_count; i++) {
		loop_reads(loop, spooler->ingest[i].in);
		loop_writes(loop, spooler->ingest[i].out);
	}
	for (size_t i = 0; i < spooler->delivery_count; i++) {
		loop_reads(loop, spooler->delivery[i].in);
		loop_writes(loop, spooler->delivery[i].out);
	}
	if (spooler->requests != NULL)
		loop_reads(loop, spooler->requests);
}

void spooler_start(struct spooler *spooler)
{
	check(spooler->joined);
	loop_start(&spooler->shard.loop);
}

static void spooler_leave(struct spooler *spooler)
{
	struct loop *loop = &spooler->shard.loop;

	if (!spooler->joined)
		return;
	for (size_t i = 0; i < spooler->ingest_count; i++) {
		loop_leave(loop, spooler->ingest[i].in);
		loop_leave(loop, spooler->ingest[i].out);
	}
	for (size_t i = 0; i < spooler->delivery_count; i++) {
		loop_leave(loop, spooler->delivery[i].in);
		loop_leave(loop, spooler->delivery[i].out);
	}
	if (spooler->requests != NULL)
		loop_leave(loop, spooler->requests);
}

void spooler_turn(struct spooler *spooler)
{
	struct loop *loop = &spooler->shard.loop;

	loop_begin(loop);
	loop_run_completions(loop, COMPLETIONS_PER_TURN);
	loop_run_timers(loop);
	if (spooler_state(spooler) != SPOOLER_BROKEN) {
		if (atomic_load(&spooler->drain_asked))
			spooler_begin_drain(spooler);
		spooler_settle_waiting(spooler);
		spooler_run_request(spooler); /* before settles, which its notes apply to */
		spooler_take_settles(spooler);
		spooler_take_puts(spooler);
		spooler_adopt(spooler);
		spooler_commit(spooler);
		spooler_feed(spooler);
	}
	loop_end(loop);
}

void spooler_drain(struct spooler *spooler)
{
	atomic_store(&spooler->drain_asked, true);
	io_wake(NULL, spooler->shard.loop.io);
}

enum spooler_state spooler_state(const struct spooler *spooler)
{
	return (enum spooler_state)atomic_load(&spooler->state);
}

uint64_t spooler_message_count(const struct spooler *spooler)
{
	return atomic_load(&spooler->messages);
}

static void spooler_enter(struct spooler *spooler, enum spooler_state state)
{
	static const char *const words[] = {
#define X(name, text) [SPOOLER_##name] = #name,
		SPOOLER_STATES(X)
#undef X
	};
	const uint64_t one = 1;

	atomic_store(&spooler->messages, spool_counts(spooler->spool).messages);
	atomic_store(&spooler->state, (int)state);
	struct log_line line = log_begin(spooler->shard.log, LOG_DEBUG, "spooler");
	log_word(&line, "state", words[state]);
	log_end(&line);
	if (spooler->state_event >= 0)
		check(write(spooler->state_event, &one, sizeof one) == sizeof one);
}

static void spooler_begin_drain(struct spooler *spooler)
{
	const struct letter letter = { .kind = LETTER_DRAIN };

	if (spooler_state(spooler) != SPOOLER_RUNNING)
		return;
	spooler_enter(spooler, SPOOLER_DRAINING);
	spooler->feed.stopped = true;
	for (size_t i = 0; i < spooler->ingest_count; i++)
		check(mailbox_put(spooler->ingest[i].out, &letter));
	for (size_t i = 0; i < spooler->delivery_count; i++)
		check(mailbox_put(spooler->delivery[i].out, &letter));
}

static void spooler_take_puts(struct spooler *spooler)
{
	struct letter letter;

	for (size_t i = 0; i < spooler->ingest_count; i++) {
		struct mailbox *in = spooler->ingest[i].in;
		size_t taken = 0;

		while (taken++ < LETTERS_PER_TURN && !batch_puts_full(&spooler->batch) &&
		        mailbox_take(in, &letter)) {
			if (letter.kind == LETTER_PUT)
				spooler_take_put(spooler, &letter, i);
			else if (letter.kind == LETTER_IDS_WANTED)
				spooler->ids_wanted[i] = true;
			else if (letter.kind == LETTER_DRAINED)
				spooler->drained++;
			else
				check(false);
		}
	}
}

static void spooler_take_put(struct spooler *spooler, const struct letter *letter, size_t shard)
{
	struct message *message = letter->message;
	const struct routing routing = routing_pick(spooler->shard.config, message);
	struct job *job = feed_take_job(&spooler->feed);

	job_begin(job, message, 0, routing.route);
	bool owes = job_owe_all(job, &spooler->shard.shelf, 0);
	message_release(message, &spooler->shard.shelf); /* the job holds it now */
	if (!owes) {
		const struct letter full = {
			.kind = LETTER_PUT_DONE,
			.result = PUT_FULL,
			.ticket = letter->ticket,
		};
		feed_give_job(&spooler->feed, job);
		check(mailbox_put(spooler->ingest[shard].out, &full));
		return;
	}
	job->shard = FEED_NO_SHARD;
	job->next_attempt = loop_wall(&spooler->shard.loop);
	job->held = !routing.found;
	job_enter(job, JOB_PUTTING);
	batch_add_put(&spooler->batch, job, letter->ticket, (uint16_t)shard);
	if (job->held) {
		struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "kept");
		log_message(&line, job->id);
		log_word(&line, "reason",
		        "no route carries the null sender, and no route has notices_from");
		log_end(&line);
	}
}

static void spooler_commit(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;
	const uint64_t commits = batch->commits;

	batch->ids_wanted = spooler_ids_missing(spooler);
	if (batch_is_empty(batch)) {
		spooler_answer_request(spooler);
		return;
	}
	struct err err = batch_commit(batch, spooler->spool);
	counters_add(spooler->shard.counters, commits, batch->commits - commits);
	if (failed(err)) {
		counters_add(spooler->shard.counters, commits_failed, 1);
		struct log_line line = log_begin(spooler->shard.log, LOG_ERROR, "spool_broken");
		log_err(&line, err);
		log_end(&line);
		spooler_enter(spooler, SPOOLER_BROKEN);
		return; /* nothing of what was not committed is acknowledged (I7) */
	}
	spooler_answer_puts(spooler);
	spooler_answer_settles(spooler);
	spooler_share_ids(spooler);
	batch_forget(batch);
	if (batch->settle_count > 0)
		spooler_tell_full(spooler, true);
	spooler_answer_request(spooler);
}

static void spooler_answer_puts(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;

	for (size_t i = 0; i < batch->put_count; i++) {
		struct batch_put *put = &batch->puts[i];
		const struct letter letter = {
			.kind = LETTER_PUT_DONE,
			.result = put->result,
			.ticket = put->ticket,
		};

		check(put->done);
		check(mailbox_put(spooler->ingest[put->shard].out, &letter));
		if (put->result == PUT_COMMITTED) {
			feed_offer(&spooler->feed, MOVE(put->job));
			continue;
		}
		if (put->result == PUT_FULL)
			spooler_tell_full(spooler, true);
		feed_give_job(&spooler->feed, MOVE(put->job));
	}
}

static void spooler_answer_settles(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;

	for (size_t i = 0; i < batch->settle_count; i++) {
		struct batch_settle *settle = &batch->settles[i];

		if (!settle->done)
			continue;
		struct job *job = MOVE(settle->job);
		const struct job_tally tally = job_tally(job);
		if (!job->held && tally.of[OWED_PENDING] + tally.of[OWED_DEFERRED] > 0)
			feed_wakes(&spooler->feed, job->route, job->next_attempt);
		feed_give_job(&spooler->feed, job);
		if (settle->report != NULL)
			feed_offer(&spooler->feed, MOVE(settle->report));
	}
}

/* How many ids shards and reports want in their next blocks. */
static uint64_t spooler_ids_missing(const struct spooler *spooler)
{
	uint64_t blocks = spooler->ids_left < SPOOLER_IDS_LOW ? 1 : 0;

	for (size_t i = 0; i < spooler->ingest_count; i++)
		blocks += spooler->ids_wanted[i] ? 1 : 0;
	return blocks * SPOOLER_IDS_BLOCK;
}

static void spooler_share_ids(struct spooler *spooler)
{
	uint64_t first = spooler->batch.ids_first;

	if (first == 0)
		return;
	for (size_t i = 0; i < spooler->ingest_count; i++) {
		const struct letter letter = {
			.kind = LETTER_IDS,
			.ticket = first,
			.count = SPOOLER_IDS_BLOCK,
		};

		if (!spooler->ids_wanted[i])
			continue;
		check(mailbox_put(spooler->ingest[i].out, &letter));
		spooler->ids_wanted[i] = false;
		first += SPOOLER_IDS_BLOCK;
	}
	if (spooler->ids_left < SPOOLER_IDS_LOW) { /* what is left of the old block is skipped */
		spooler->ids_next = first;
		spooler->ids_left = SPOOLER_IDS_BLOCK;
	}
}

static void spooler_tell_full(struct spooler *spooler, bool full)
{
	const struct letter letter = {
		.kind = LETTER_PRESSURE,
		.result = full ? PUT_FULL : PUT_COMMITTED,
	};

	if (spooler->full == full)
		return;
	spooler->full = full;
	for (size_t i = 0; i < spooler->ingest_count; i++)
		check(mailbox_put(spooler->ingest[i].out, &letter));
	struct log_line line = log_begin(spooler->shard.log, full ? LOG_ERROR : LOG_WARNING,
	        full ? "spool_full" : "spool_has_room");
	log_word(&line, "path", spooler->shard.config->spool.path);
	log_end(&line);
}

static void spooler_feed(struct spooler *spooler)
{
	struct spool_place damaged;

	const bool more = feed_turn(&spooler->feed, loop_wall(&spooler->shard.loop), &damaged);
	if (damaged.id != 0) {
		struct log_line line = log_begin(spooler->shard.log, LOG_ERROR, "damaged");
		log_message(&line, damaged.id);
		log_word(&line, "meaning",
		        "its records can't be read; it stays in the spool untouched");
		log_end(&line);
	}
	if (spooler_state(spooler) == SPOOLER_DRAINING && batch_is_empty(&spooler->batch) &&
	        list_is_empty(&spooler->waiting) &&
	        spooler->drained == spooler->ingest_count + spooler->delivery_count)
		spooler_enter(spooler, SPOOLER_FINISHED);
	spooler_set_timer(spooler, more);
}

static void spooler_set_timer(struct spooler *spooler, bool more)
{
	struct loop *loop = &spooler->shard.loop;
	const struct wall due = feed_wanted(&spooler->feed);
	const int64_t until_due = due.ms - loop_wall(loop).ms;
	int64_t wait = SPOOLER_WALL_CHECK;

	if (due.ms != INT64_MAX && until_due < SPOOLER_WALL_CHECK / NS_PER_MS)
		wait = until_due > 0 ? until_due * NS_PER_MS : 0;
	if (spooler->full && wait > SPOOLER_FULL_RETRY)
		wait = SPOOLER_FULL_RETRY;
	if ((spooler->feed.starved || !list_is_empty(&spooler->waiting)) &&
	        wait > SPOOLER_SHORT_RETRY)
		wait = SPOOLER_SHORT_RETRY;
	if (more || spooler->orphans || spooler->clerk.request != NULL)
		wait = 0;
	/* A loop may wake before a timer's time: to move what is set would put it off for ever. */
	const struct mono deadline = mono_after(loop_now(loop), wait);
	if (!timer_is_set(&spooler->timer) || deadline.ns < spooler->timer.deadline.ns)
		loop_timer_set(loop, &spooler->timer, deadline);
}

static void spooler_timer_expired(struct timer *timer)
{
	struct spooler *spooler = container_of(timer, struct spooler, timer);

	if (spooler->full && spooler->batch.settle_count == 0 &&
	        spool_has_room(spooler->spool, SPOOLER_ROOM_BYTES))
		spooler_tell_full(spooler, false);
}
