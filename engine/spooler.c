#include "engine/spooler.h"

#include "engine/spooler_inner.h"
#include "engine/streams.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

#include <stdlib.h>
#include <unistd.h>

#define SPOOLER_IDS_LOW    1024            /* reports ask ahead for their next block */
#define SPOOLER_FULL_RETRY (1 * NS_PER_S)  /* whether a full disk has room again */
#define SPOOLER_ROOM_BYTES (4 << 20)       /* new mail that must fit to end it */
#define SPOOLER_TIDY_NS    (1 * NS_PER_S)  /* data.mdb is behind what happens by no more */
#define SPOOLER_WALL_CHECK (60 * NS_PER_S) /* the wall clock may jump: look at dues again */

static void spooler_enter(struct spooler *spooler, enum spooler_state state);
static void spooler_leave(struct spooler *spooler);
static void spooler_begin_drain(struct spooler *spooler);
static void spooler_work(struct spooler *spooler);
static uint64_t spooler_ids_missing(const struct spooler *spooler);
static void spooler_commit(struct spooler *spooler);
static void spooler_break(struct spooler *spooler, struct err err);
static void spooler_drop_letters(struct spooler *spooler);
static void spooler_share_ids(struct spooler *spooler);
static void spooler_look_for_room(struct spooler *spooler);
static void spooler_feed(struct spooler *spooler);
static void spooler_tidy(struct spooler *spooler);
static void spooler_set_timer(struct spooler *spooler, bool more);
static void spooler_timer_expired(struct timer *timer);

struct err spooler_create(
        struct spooler **result, const struct spooler_settings *settings, struct text *why)
{
	const struct config *config = settings->config;
	const char *routes[SPOOL_ROUTES_MAX];
	const char *streams[SCHEDULE_STREAMS_MAX];
	struct err err;

	check(config->routes.count * streams_count(config) <= SPOOL_ROUTES_MAX);
	check(settings->ingest_count <= FEED_SHARDS_MAX);
	for (size_t i = 0; i < config->routes.count; i++)
		routes[i] = config->routes.at[i].name;
	for (uint32_t i = 0; i < streams_count(config); i++)
		streams[i] = streams_name(config, i);

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
	list_init(&spooler->notes);
	list_init(&spooler->lates);
	random_seed(&spooler->shard.random, settings->seed);
	shelf_init(&spooler->shard.shelf, settings->depot);

	const struct spool_settings spool_settings = {
		.routes = routes,
		.route_count = config->routes.count,
		.streams = streams,
		.stream_count = streams_count(config),
		.lent_max = feed_lent_max(config, settings->delivery_count),
		.ahead_ms = feed_ahead_ms(config),
		.reserve_bytes = config->spool.reserve_bytes,
		.bytes_max = config->spool.size_bytes,
		.journal_bytes = config->spool.journal_bytes != 0
		                         ? config->spool.journal_bytes >> 20 << 20
		                         : SPOOL_NO_JOURNAL,
	};
	err = spool_open(&spooler->spool, config->spool.path, &spool_settings);
	if (failed(err)) {
		text_format(why, "spool %s: %s", config->spool.path, err_text(err.code));
		if (err.code == ERR_EXISTS)
			text_put(why, VIEW(": another process has it open"));
		else if (err.detail > 0) /* errno; LMDB's own numbers are below 0 */
			text_format(why, ": %s", strerror(err.detail));
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
	err = spooler_quotas_open(spooler);
	if (!failed(err))
		err = spooler_gates_open(spooler);
	if (failed(err))
		goto fail_gates;
	atomic_store(&spooler->messages, spool_message_count(spooler->spool));
	spooler->started = clock_wall();
	spooler_read_incidents(spooler);
	*result = spooler;
	return err_ok();

fail_gates:
	free(spooler->quotas);
	free(spooler->rates);
	free(spooler->gates);
	loop_finish(&spooler->shard.loop);
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
	if (spooler->joined)
		spooler_drop_letters(spooler);
	spooler_leave(spooler);
	loop_finish(&spooler->shard.loop);
	while (!list_is_empty(&spooler->waiting))
		feed_give_job(&spooler->feed,
		        container_of(list_pop_first(&spooler->waiting), struct job, link));
	while (!list_is_empty(&spooler->feed.strays))
		feed_give_job(&spooler->feed,
		        container_of(list_pop_first(&spooler->feed.strays), struct job, link));
	for (size_t i = 0; i < spooler->batch.settle_count; i++) {
		struct batch_settle *settle = &spooler->batch.settles[i];
		feed_give_job(&spooler->feed, MOVE(settle->job));
		if (settle->report != NULL)
			feed_give_job(&spooler->feed, MOVE(settle->report));
		if (settle->branch != NULL)
			feed_give_job(&spooler->feed, MOVE(settle->branch));
	}
	feed_finish(&spooler->feed);
	report_destroy(spooler->reports);
	spool_close(spooler->spool);
	shelf_finish(&spooler->shard.shelf);
	free(spooler->quotas);
	free(spooler->rates);
	free(spooler->gates);
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
	if (!spool_counts(spooler->spool).unsure)
		return;
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "unreserved");
	log_word(&line, "spool", spooler->shard.config->spool.path);
	log_word(&line, "reason", "its file system can't allocate blocks ahead");
	log_word(&line, "advice",
	        "Keep the disk from filling up: delivery may then have to wait. ext4 and XFS can.");
	log_end(&line);
}

void spooler_rest(struct spooler *spooler)
{
	spool_rest(spooler->spool);
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
	struct shard *shard = &spooler->shard;

	loop_begin(&shard->loop);
	loop_run_completions(&shard->loop, COMPLETIONS_PER_TURN);
	loop_run_timers(&shard->loop);
	if (spooler_state(spooler) == SPOOLER_BROKEN)
		spooler_drop_letters(spooler);
	else
		spooler_work(spooler);
	counters_set(shard->counters, turns, shard->loop.turns);
	counters_set(shard->counters, turns_slow, shard->loop.turns_long);
	loop_end(&shard->loop);
}

static void spooler_work(struct spooler *spooler)
{
	spooler->stalled = spooler_is_short(spooler);
	if (atomic_load(&spooler->drain_asked))
		spooler_begin_drain(spooler);
	spooler_look_for_room(spooler);
	spooler_settle_waiting(spooler);
	spooler_settle_strays(spooler);
	spooler_run_request(spooler); /* before settles, which its notes apply to */
	spooler_take_settles(spooler);
	spooler_take_puts(spooler);
	spooler_adopt(spooler);
	spooler_forget_claims(spooler);
	spooler_forget_sent(spooler);
	spooler_forget_trace(spooler);
	spooler_keep_incidents(spooler);
	spooler_keep_quotas(spooler);
	spooler->gates_pass = spooler_pass_gates(spooler);
	spooler_keep_gates(spooler);
	spooler_tell_gates(spooler); /* before the jobs that they are about */
	spooler_send_lates(spooler);
	spooler_commit(spooler);
	spooler_tidy(spooler);
	if (spooler_state(spooler) != SPOOLER_BROKEN)
		spooler_feed(spooler);
	/* Who copies data.mdb (mdb_copy) waits until no transaction of ours is open. */
	if (spool_is_tidy(spooler->spool))
		spooler_rest(spooler);
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

	atomic_store(&spooler->messages, spool_message_count(spooler->spool));
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

static bool spooler_may_wait(struct spooler *spooler)
{
	const struct batch *batch = &spooler->batch;
	const struct patience_batch waiting = {
		.puts = batch->put_count,
		.put_bytes = batch->put_bytes,
		.settles = batch->settle_count,
		.urgent = !batch_has_mail_alone(batch) || batch_puts_full(batch) ||
		          spooler_state(spooler) != SPOOLER_RUNNING || spooler->full ||
		          spooler->clerk.request != NULL || spooler->answered != NULL,
	};

	return patience_waits(&spooler->patience, &waiting, loop_now(&spooler->shard.loop));
}

static size_t spooler_queued(const struct spooler *spooler)
{
	size_t count = 0;

	for (size_t i = 0; i < spooler->ingest_count; i++)
		count += mailbox_count(spooler->ingest[i].in);
	return count;
}

static void spooler_commit(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;
	const uint64_t commits = batch->commits;

	batch->ids_wanted = spooler_ids_missing(spooler);
	if (!batch_is_empty(batch) && !spooler_may_wait(spooler)) {
		const struct mono began = clock_mono();
		const struct err err = batch_commit(batch, spooler->spool);
		latency_add(&spooler->shard.counters->commit_latency, clock_mono().ns - began.ns);
		counters_add(spooler->shard.counters, commits, batch->commits - commits);
		if (failed(err)) {
			spooler_break(spooler, err);
			return;
		}
		milestone_reached(MILESTONE_COMMITTED);
		patience_committed(&spooler->patience, batch->put_count, spooler_queued(spooler));
		atomic_store(&spooler->messages, spool_message_count(spooler->spool));
		spooler_answer_puts(spooler);
		spooler_answer_settles(spooler);
		spooler_answer_notes(spooler, false);
		spooler_answer_heard(spooler, false);
		spooler_share_ids(spooler);
		spooler->forgetting = batch->claims_forgotten == SPOOL_CLAIMS_FORGOTTEN;
		spooler->sent_forgetting = batch->sent_forgotten == SPOOL_SENT_FORGOTTEN;
		spooler->trace_forgetting = batch->trace_forgotten == SPOOL_TRACE_FORGOTTEN;
		batch_forget(batch);
		if (batch->settle_count > 0 || batch->note_count > 0) {
			spooler->stalled = true;
			spooler_tell_full(spooler, true);
		}
	}
	spooler_answer_request(spooler);
}

/* Nothing of what was not committed is acknowledged any more (I7). What an earlier transaction of
 * the batch did commit is refused with the rest: it may come twice, but is not lost. */
static void spooler_break(struct spooler *spooler, struct err err)
{
	struct batch *batch = &spooler->batch;

	counters_add(spooler->shard.counters, commits_failed, 1);
	struct log_line line = log_begin(spooler->shard.log, LOG_ERROR, "spool_broken");
	log_err(&line, err);
	log_word(&line, "advice",
	        "The disk failed to keep data: look at its health, then start again.");
	log_end(&line);
	for (size_t i = 0; i < batch->put_count; i++)
		batch->puts[i].result = PUT_FAILED;
	spooler_answer_puts(spooler);
	batch->put_count = 0;
	batch->put_bytes = 0;
	batch->job_count = 0;
	spooler_answer_heard(spooler, true);
	spooler_answer_notes(spooler, true);
	spooler_refuse_request(spooler);
	spooler_enter(spooler, SPOOLER_BROKEN);
}

/* The spool takes nothing any more: puts get 451, what comes back from shards stays on disk as it
 * is. */
static void spooler_drop_letters(struct spooler *spooler)
{
	const bool answers = spooler_state(spooler) == SPOOLER_BROKEN;
	struct letter letter;

	for (size_t i = 0; i < spooler->ingest_count; i++) {
		while (mailbox_take(spooler->ingest[i].in, &letter)) {
			const struct letter done = {
				.kind = LETTER_PUT_DONE,
				.result = PUT_FAILED,
				.ticket = letter.ticket,
			};

			if (letter.kind != LETTER_PUT)
				continue;
			message_release(letter.message, &spooler->shard.shelf);
			ways_free(&letter.ways, &spooler->shard.shelf);
			if (answers)
				check(mailbox_put(spooler->ingest[i].out, &done));
		}
	}
	for (size_t i = 0; i < spooler->delivery_count; i++)
		while (mailbox_take(spooler->delivery[i].in, &letter)) {
			if (letter.kind == LETTER_SETTLE)
				feed_give_job(&spooler->feed, letter.job);
			if (letter.kind != LETTER_NOTE || !answers)
				continue;
			letter.note->shard = (uint16_t)i;
			list_push_last(&spooler->notes, &letter.note->link);
		}
	if (answers) {
		spooler_answer_notes(spooler, true);
		spooler_refuse_request(spooler);
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

/* Whether new mail may come in again; not more often than that asks for. */
static void spooler_look_for_room(struct spooler *spooler)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (!spooler->full || !mono_reached(now, spooler->full_until))
		return;
	spooler->full_until = mono_after(now, SPOOLER_FULL_RETRY);
	if (spooler->batch.settle_count == 0 && spool_has_room(spooler->spool, SPOOLER_ROOM_BYTES))
		spooler_tell_full(spooler, false);
}

void spooler_tell_full(struct spooler *spooler, bool full)
{
	const struct letter letter = {
		.kind = LETTER_PRESSURE,
		.result = full ? PUT_FULL : PUT_COMMITTED,
	};

	if (spooler->full == full)
		return;
	spooler->full = full;
	spooler->full_until = mono_after(loop_now(&spooler->shard.loop), SPOOLER_FULL_RETRY);
	for (size_t i = 0; i < spooler->ingest_count; i++)
		check(mailbox_put(spooler->ingest[i].out, &letter));
	struct log_line line = log_begin(spooler->shard.log, full ? LOG_ERROR : LOG_WARNING,
	        full ? "spool_full" : "spool_has_room");
	log_word(&line, "path", spooler->shard.config->spool.path);
	log_end(&line);
}

static void spooler_feed(struct spooler *spooler)
{
	struct feed *feed = &spooler->feed;
	struct spool_place damaged = { 0 };
	bool more = false;

	if (!feed->starved || !spooler_is_short(spooler)) {
		more = feed_turn(feed, loop_wall(&spooler->shard.loop), &damaged);
		if (feed->starved)
			spooler_fall_short(spooler);
	}
	if (damaged.id != 0)
		spooler_log_damaged(spooler, damaged);
	if (spool_is_broken(spooler->spool)) {
		spooler_break(spooler, err_make(ERR_BROKEN, 0));
		return;
	}
	if (spooler_state(spooler) == SPOOLER_DRAINING && batch_is_empty(&spooler->batch) &&
	        list_is_empty(&spooler->waiting) && list_is_empty(&feed->strays) &&
	        spooler->book.dirty_count == 0 && spooler_quotas_are_closed(spooler) &&
	        spooler_gates_are_kept(spooler) && spooler_lates_are_kept(spooler) &&
	        spooler->drained == spooler->ingest_count + spooler->delivery_count)
		spooler_enter(spooler, SPOOLER_FINISHED);
	spooler_set_timer(spooler, more);
}

static void spooler_tidy(struct spooler *spooler)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (spool_is_tidy(spooler->spool)) {
		spooler->tidy_at = mono_after(now, SPOOLER_TIDY_NS);
		return;
	}
	if (!mono_reached(now, spooler->tidy_at))
		return;
	spooler->tidy_at = mono_after(now, SPOOLER_TIDY_NS);
	const struct err err = spool_tidy(spooler->spool);
	if (failed(err) && err.code != ERR_NO_SPACE)
		spooler_break(spooler, err);
}

void spooler_fall_short(struct spooler *spooler)
{
	spooler->stalled = true;
	spooler->short_until = mono_after(loop_now(&spooler->shard.loop), SPOOLER_SHORT_RETRY);
}

void spooler_log_damaged(struct spooler *spooler, struct spool_place place)
{
	struct log_line line = log_begin(spooler->shard.log, LOG_ERROR, "damaged");

	log_message(&line, place.id);
	log_word(&line, "meaning", "its records can't be read; it stays in the spool untouched");
	log_end(&line);
}

static void spooler_set_timer(struct spooler *spooler, bool more)
{
	const struct feed *feed = &spooler->feed;
	struct loop *loop = &spooler->shard.loop;
	const bool reads = !feed->stopped && !feed->starved && list_is_empty(&feed->strays);
	const bool pending = more || feed->starved || (spooler->orphans && !feed->stopped) ||
	                     spooler->clerk.request != NULL || !list_is_empty(&spooler->waiting) ||
	                     !list_is_empty(&feed->strays) || !list_is_empty(&spooler->notes) ||
	                     !list_is_empty(&spooler->lates) || spooler->forgetting ||
	                     spooler->sent_forgetting || spooler->trace_forgetting ||
	                     spooler_quotas_want(spooler) ||
	                     (spooler->book.dirty_count > 0 && !spooler->page_turning);
	const struct wall due = reads ? feed_wanted(feed) : (struct wall){ INT64_MAX };
	const int64_t until_due_ms = due.ms - loop_wall(loop).ms;
	int64_t wait_ns = SPOOLER_WALL_CHECK;

	if (until_due_ms < SPOOLER_WALL_CHECK / NS_PER_MS)
		wait_ns = until_due_ms > 0 ? until_due_ms * NS_PER_MS : 0;
	/* Ids that a full disk refused are asked for again, or nobody could bring new mail. */
	const bool refused = spooler->full || spooler_ids_missing(spooler) > 0;
	if (refused && wait_ns > SPOOLER_FULL_RETRY)
		wait_ns = SPOOLER_FULL_RETRY;
	const struct mono now = loop_now(loop);
	if (!spool_is_tidy(spooler->spool) && spooler->tidy_at.ns < mono_after(now, wait_ns).ns)
		wait_ns = spooler->tidy_at.ns > now.ns ? spooler->tidy_at.ns - now.ns : 0;
	if (spooler->gates_pass.ns < mono_after(now, wait_ns).ns)
		wait_ns = spooler->gates_pass.ns > now.ns ? spooler->gates_pass.ns - now.ns : 0;
	if (spooler->answered != NULL && clerk_awaits(&spooler->clerk, now) &&
	        spooler->clerk.await_until.ns < mono_after(now, wait_ns).ns)
		wait_ns = spooler->clerk.await_until.ns - now.ns;
	if (pending && !spooler->stalled)
		wait_ns = 0;
	else if (pending && !spooler->full && wait_ns > SPOOLER_SHORT_RETRY)
		wait_ns = SPOOLER_SHORT_RETRY;
	loop_timer_after(loop, &spooler->timer, wait_ns);
	loop_wake_by(loop, patience_until(&spooler->patience));
}

/* The turn that comes with it does all there is to do. */
static void spooler_timer_expired(struct timer *timer)
{
	(void)timer;
}
