#include "engine/feed.h"

#include "engine/batch.h"
#include "engine/routing.h"
#include "engine/streams.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

#include <stdlib.h>

#define FEED_NEVER        ((struct wall){ INT64_MAX })
#define FEED_WINDOW_LEAST 32
#define FEED_WINDOW_MOST  16384 /* beyond it a shard has work for seconds, and memory goes */

static void feed_init_credit(
        struct feed_queue *queue, const struct config_route *settings, uint32_t shard_count);
static void feed_charge(struct feed *feed, struct job *job, struct wall now);
static bool feed_is_in_pace(
        const struct feed *feed, uint8_t stream, struct wall now, uint64_t coming);
static void feed_look_at_paces(struct feed *feed, struct wall now);
static void feed_wake_at(struct feed_queue *queue, struct wall due);
static bool feed_read_queues(struct feed *feed, bool urgent, struct wall now, size_t *reads,
        struct spool_place *damaged);
static bool feed_is_closed(const struct feed_queue *queue, size_t shard);
static void feed_open_due(struct feed *feed, struct feed_queue *queue, struct wall now);
static size_t feed_best(const struct feed *feed, const struct feed_queue *queue, uint64_t shards);
static struct err feed_bound_init(struct feed *feed);
static uint64_t feed_bound_shards(const struct feed *feed, const struct job *job);
static void feed_lend(struct feed *feed, struct job *job);
static bool feed_read(
        struct feed *feed, uint16_t route, struct wall now, struct spool_place *damaged);

/* A mailbox with limits has one owner; others may be shared out (queue/route.h). */
struct route_plan feed_plan(const struct config_route *route, size_t shard_count)
{
	const struct config_identities *identities = &route->identities;

	return (struct route_plan){
		.sessions = route->sessions,
		.identities = (uint32_t)identities->count,
		.shards = (uint32_t)shard_count,
		.sliced = identities->count == 0 ||
		          (identities->count == 1 && !config_identity_is_limited(identities->at)),
		.accounts = route->accounts,
	};
}

uint32_t feed_window(const struct config_route *route, size_t shard_count)
{
	const uint64_t in_flight = (uint64_t)route->sessions * route->pipeline;
	const uint64_t share = (in_flight + shard_count - 1) / shard_count;

	if (2 * share < FEED_WINDOW_LEAST)
		return FEED_WINDOW_LEAST;
	return 2 * share > FEED_WINDOW_MOST ? FEED_WINDOW_MOST : (uint32_t)(2 * share);
}

uint32_t feed_window_sum(const struct config *config, size_t shard_count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->routes.count; i++)
		sum += (uint64_t)feed_window(&config->routes.at[i], shard_count) *
		       streams_count(config);
	check(sum <= UINT32_MAX / 4);
	return (uint32_t)sum;
}

size_t feed_lent_max(const struct config *config, size_t shard_count)
{
	return (size_t)feed_window_sum(config, shard_count) * shard_count + BATCH_SETTLES_MAX + 1 +
	       BATCH_PUT_JOBS_MAX + FEED_READS_PER_TURN + BATCH_SETTLES_MAX;
}

struct err feed_init(struct feed *feed, const struct config *config, struct spool *spool,
        struct shelf *shelf, struct post *shards, size_t shard_count)
{
	check(shard_count > 0);
	check(shard_count <= FEED_SHARDS_MAX);
	*feed = (struct feed){
		.config = config,
		.spool = spool,
		.shelf = shelf,
		.shards = shards,
		.shard_count = shard_count,
		.queue_count = config->routes.count * streams_count(config),
		.reserve = depot_chunks_max(shelf->depot) / FEED_RESERVE_SHARE,
	};
	list_init(&feed->strays);
	for (size_t i = 0; i < feed->queue_count; i++) {
		const struct config_route *route = &config->routes.at[i % config->routes.count];
		struct feed_queue *queue = &feed->queues[i];
		queue->backlog = true; /* until a look at the disk says otherwise */
		queue->next_due = FEED_NEVER;
		queue->window = feed_window(route, shard_count);
		const struct config_stream *stream =
		        streams_at(config, (uint32_t)(i / config->routes.count));
		queue->urgent = stream != NULL && stream->urgent;
		feed->urgent |= queue->urgent;
		feed_init_credit(queue, route, (uint32_t)shard_count);
	}
	for (uint32_t i = 0; i < streams_count(config); i++)
		pace_init(&feed->paces[i], streams_at(config, i));
	/* All that can be lent, a batch of puts, reports and branches of its settles, and one to
	 * look at. */
	const size_t jobs_max =
	        feed_lent_max(config, shard_count) + BATCH_PUT_JOBS_MAX + 2 * BATCH_SETTLES_MAX + 1;
	struct err err = feed_bound_init(feed);
	if (!failed(err))
		err = pool_init(&feed->jobs, sizeof(struct job), jobs_max);
	if (failed(err))
		feed_finish(feed);
	return err;
}

/* Which shards can send what is bound. */
static struct err feed_bound_init(struct feed *feed)
{
	struct err err = senders_create(&feed->senders, feed->config);

	if (failed(err))
		return err;
	const uint32_t bindings = senders_count(feed->senders);
	feed->bound = calloc(bindings + 1, sizeof *feed->bound);
	if (feed->bound == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (uint32_t i = 0; i < bindings; i++) {
		const struct config_route *route =
		        &feed->config->routes.at[senders_route(feed->senders, i)];
		const struct route_plan plan = feed_plan(route, feed->shard_count);
		uint32_t count;
		const uint16_t *identities = senders_identities(feed->senders, i, &count);
		for (uint32_t j = 0; j < count; j++)
			feed->bound[i] |= plan.sliced
			                          ? UINT64_MAX
			                          : UINT64_C(1) << route->accounts[identities[j]] %
			                                                   feed->shard_count;
	}
	return err_ok();
}

/* A shard without a session for the route could do nothing with its jobs. */
static void feed_init_credit(
        struct feed_queue *queue, const struct config_route *settings, uint32_t shard_count)
{
	const struct route_plan plan = feed_plan(settings, shard_count);

	for (uint32_t shard = 0; shard < shard_count; shard++) {
		if (route_shard_sessions(&plan, shard) == 0)
			continue;
		queue->credit[shard] = queue->window;
		queue->credit_left += queue->window;
		queue->serves[shard] = true;
	}
}

void feed_finish(struct feed *feed)
{
	senders_destroy(feed->senders);
	free(feed->bound);
	if (feed->jobs.memory != NULL)
		pool_finish(&feed->jobs);
}

struct job *feed_take_job(struct feed *feed)
{
	struct job *job = pool_take(&feed->jobs);

	check(job != NULL);
	return job;
}

void feed_give_job(struct feed *feed, struct job *job)
{
	job_clear(job, feed->shelf);
	pool_give(&feed->jobs, job);
}

void feed_credit(struct feed *feed, const struct job *job)
{
	struct feed_queue *queue = &feed->queues[job->lent_queue];

	check(job->shard < feed->shard_count);
	check(queue->credit[job->shard] < queue->window);
	queue->credit[job->shard]++;
	queue->credit_left += !feed_is_closed(queue, job->shard);
}

static bool feed_is_closed(const struct feed_queue *queue, size_t shard)
{
	return (queue->closed >> shard & 1) != 0;
}

bool feed_close(struct feed *feed, const struct job *job, struct wall until)
{
	const size_t routes = feed->config->routes.count;
	const struct feed_queue *own = &feed->queues[job->lent_queue];
	const uint16_t shard = job->shard;
	bool other = false;

	check(job->lent_queue < feed->queue_count);
	for (size_t i = job->lent_queue % routes; i < feed->queue_count; i += routes) {
		struct feed_queue *queue = &feed->queues[i];

		if (!feed_is_closed(queue, shard)) {
			queue->credit_left -= queue->credit[shard];
			queue->closed |= UINT64_C(1) << shard;
		}
		queue->closed_until[shard] = until;
	}
	for (size_t i = 0; i < feed->shard_count; i++)
		other |= own->serves[i] && !feed_is_closed(own, i);
	return other;
}

void feed_reopen(struct feed *feed)
{
	for (size_t i = 0; i < feed->queue_count; i++)
		feed_open_due(feed, &feed->queues[i], (struct wall){ INT64_MAX });
}

int64_t feed_ahead_ms(const struct config *config)
{
	return retry_ahead_ms(config->retry.most_ns / NS_PER_MS);
}

/* Its time has come, or is too far away: then the wall clock was set back. */
static bool feed_is_due(const struct feed *feed, struct wall when, struct wall now)
{
	return when.ms <= now.ms ||
	       (when.ms != FEED_NEVER.ms && when.ms - now.ms > feed_ahead_ms(feed->config));
}

static void feed_open_due(struct feed *feed, struct feed_queue *queue, struct wall now)
{
	for (size_t i = 0; i < feed->shard_count && queue->closed != 0; i++) {
		if (!feed_is_closed(queue, i) || !feed_is_due(feed, queue->closed_until[i], now))
			continue;
		queue->closed &= ~(UINT64_C(1) << i);
		queue->credit_left += queue->credit[i];
	}
}

void feed_offer(struct feed *feed, struct job *job, struct wall now)
{
	const struct feed_queue *queue = &feed->queues[spool_queue_of(feed->spool, job)];
	const bool may_lend = !feed->stopped && !job->held && !queue->backlog &&
	                      queue->credit_left > 0 && feed_is_in_pace(feed, job->stream, now, 1);

	check(job->shard == FEED_NO_SHARD);
	if (may_lend) {
		spool_lend(feed->spool, job->id, job->number);
		feed_charge(feed, job, now);
		feed_lend(feed, job);
		return;
	}
	if (!job->held)
		feed_wakes(feed, job);
	feed_give_job(feed, job);
}

void feed_take_back(struct feed *feed, struct job *job)
{
	feed_credit(feed, job);
	spool_unlend(feed->spool, job->id, job->number);
	feed_wakes(feed, job);
	feed_give_job(feed, job);
}

/* From the shard that has most, of those that have a mailbox for it; and of its stream's pace. */
static void feed_charge(struct feed *feed, struct job *job, struct wall now)
{
	const uint16_t index = spool_queue_of(feed->spool, job);
	struct feed_queue *queue = &feed->queues[index];
	const uint64_t bound = feed_bound_shards(feed, job);
	/* What is bound goes to those who have the mailboxes, closed or not: nobody else can send
	 * it, and they say why it has to wait. */
	size_t best = feed_best(feed, queue, bound != UINT64_MAX ? bound : ~queue->closed);

	if (best == feed->shard_count)
		best = feed_best(feed, queue, ~queue->closed);
	check(best < feed->shard_count);
	queue->credit[best]--;
	queue->credit_left -= !feed_is_closed(queue, best);
	job->shard = (uint16_t)best;
	job->lent_queue = index;
	pace_lent(&feed->paces[job->stream], now);
}

/* Of these shards the one with the most credit; shard_count: none has any. */
static size_t feed_best(const struct feed *feed, const struct feed_queue *queue, uint64_t shards)
{
	size_t best = feed->shard_count;

	for (size_t shard = 0; shard < feed->shard_count; shard++)
		if ((shards >> shard & 1) != 0 && queue->credit[shard] > 0 &&
		        (best == feed->shard_count || queue->credit[shard] > queue->credit[best]))
			best = shard;
	return best;
}

static bool feed_is_in_pace(
        const struct feed *feed, uint8_t stream, struct wall now, uint64_t coming)
{
	return pace_next_us(&feed->paces[stream], now, coming) <= now.ms * 1000;
}

static uint64_t feed_bound_shards(const struct feed *feed, const struct job *job)
{
	const struct config_route *route = &feed->config->routes.at[job->route];

	if (feed->shard_count == 1 || route->identities.count == 0)
		return UINT64_MAX;
	const uint32_t binding =
	        senders_bind(feed->senders, feed->config, job->route, job->message);
	return binding == SENDERS_ANY ? UINT64_MAX : feed->bound[binding];
}

static void feed_lend(struct feed *feed, struct job *job)
{
	const struct letter letter = { .kind = LETTER_JOB, .job = job };

	job_enter(job, JOB_READY);
	check(mailbox_put(feed->shards[job->shard].out, &letter)); /* a window's room is reserved */
	milestone_reached(MILESTONE_LENT);
}

uint32_t feed_credit_sum(const struct feed *feed, size_t shard)
{
	uint32_t sum = 0;

	for (size_t queue = 0; queue < feed->queue_count; queue++)
		sum += feed->queues[queue].credit[shard];
	return sum;
}

void feed_wakes(struct feed *feed, const struct job *job)
{
	feed_wake_at(&feed->queues[spool_queue_of(feed->spool, job)], job->next_attempt);
	pace_wait(&feed->paces[job->stream]);
}

void feed_leaves(struct feed *feed, const struct job *job)
{
	pace_leave(&feed->paces[job->stream]);
}

static void feed_wake_at(struct feed_queue *queue, struct wall due)
{
	if (due.ms < queue->next_due.ms)
		queue->next_due = due;
}

/* What waits is counted once, at the start: a walk over the index of what is due. */
static void feed_look_at_paces(struct feed *feed, struct wall now)
{
	const size_t routes = feed->config->routes.count;

	for (uint32_t i = 0; i < streams_count(feed->config); i++) {
		struct pace *pace = &feed->paces[i];
		uint64_t waiting = 0;
		uint64_t overdue = 0;

		pace_look(pace, now);
		for (size_t j = 0; j < routes && pace_counts(pace) && !feed->counted; j++)
			waiting += spool_count_due(feed->spool, (uint16_t)(i * routes + j),
			        pace_day(pace, now), &overdue);
		if (pace_counts(pace) && !feed->counted)
			pace_set(pace, now, waiting, overdue);
	}
	feed->counted = true;
}

/* Urgent streams first. */
bool feed_turn(struct feed *feed, struct wall now, struct spool_place *damaged)
{
	size_t reads = 0;

	*damaged = (struct spool_place){ 0 };
	feed->starved = false;
	if (feed->stopped || !list_is_empty(&feed->strays))
		return false;
	feed_look_at_paces(feed, now);
	if (feed->urgent && feed_read_queues(feed, true, now, &reads, damaged))
		return true;
	return feed_read_queues(feed, false, now, &reads, damaged);
}

/* By turns. True: there may be more. */
static bool feed_read_queues(
        struct feed *feed, bool urgent, struct wall now, size_t *reads, struct spool_place *damaged)
{
	const size_t first = feed->queue_first;

	for (size_t i = 0; i < feed->queue_count; i++) {
		const uint16_t index = (uint16_t)((first + i) % feed->queue_count);
		struct feed_queue *queue = &feed->queues[index];

		if (queue->urgent != urgent)
			continue;
		feed_open_due(feed, queue, now);
		if (feed_is_due(feed, queue->next_due, now)) {
			queue->backlog = true;
			queue->next_due = FEED_NEVER;
		}
		while (queue->backlog && feed_read(feed, index, now, damaged)) {
			if (damaged->id == 0 && ++*reads < FEED_READS_PER_TURN)
				continue;
			feed->queue_first = (index + 1U) % feed->queue_count;
			return true;
		}
	}
	return false;
}

/* Reads one job back and lends it. False: not now. */
static bool feed_read(
        struct feed *feed, uint16_t index, struct wall now, struct spool_place *damaged)
{
	struct feed_queue *queue = &feed->queues[index];
	const uint8_t stream = (uint8_t)(index / feed->config->routes.count);
	struct wall due;

	if (queue->credit_left == 0)
		return false; /* a settle brings credit, and with it another turn */
	if (!feed_is_in_pace(feed, stream, now, 0)) {
		feed_wake_at(queue,
		        (struct wall){ pace_next_us(&feed->paces[stream], now, 0) / 1000 + 1 });
		return false;
	}
	struct job *job = feed_take_job(feed);
	const struct err err = spool_next(feed->spool, index, now, feed->shelf, feed->reserve, job);
	switch (err.code) {
	case ERR_OK:
		pace_leave(&feed->paces[stream]);
		if (routing_suits(feed->config, job->route, job)) {
			feed_charge(feed, job, now);
			feed_lend(feed, job);
		} else {
			list_push_last(&feed->strays, &job->link);
		}
		return true;
	case ERR_FORMAT:
		*damaged = (struct spool_place){ job->id, job->number };
		break;
	case ERR_NOT_FOUND:
		queue->backlog = false;
		if (spool_next_due(feed->spool, index, &due))
			feed_wake_at(queue, due);
		break;
	case ERR_NO_MEMORY:
		feed->starved = true;
		break;
	default:
		break; /* the spool is broken, and says so */
	}
	feed_give_job(feed, job);
	return err.code == ERR_FORMAT;
}

static void feed_queue_wanted(
        const struct feed *feed, const struct feed_queue *queue, struct wall *wanted)
{
	if (queue->next_due.ms < wanted->ms)
		*wanted = queue->next_due;
	for (size_t i = 0; i < feed->shard_count && queue->closed != 0; i++)
		if (feed_is_closed(queue, i) && queue->closed_until[i].ms < wanted->ms)
			*wanted = queue->closed_until[i];
}

struct wall feed_wanted(const struct feed *feed)
{
	struct wall wanted = FEED_NEVER;

	for (size_t queue = 0; queue < feed->queue_count; queue++)
		feed_queue_wanted(feed, &feed->queues[queue], &wanted);
	return wanted;
}
