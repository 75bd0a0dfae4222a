#include "engine/feed.h"

#include "engine/batch.h"
#include "queue/base/check.h"
#include "queue/route.h"

#define FEED_NEVER        ((struct wall){ INT64_MAX })
#define FEED_WINDOW_LEAST 32

static void feed_lend(struct feed *feed, struct job *job, size_t shard);
static size_t feed_best_shard(const struct feed *feed, uint16_t route);
static bool feed_read(
        struct feed *feed, uint16_t route, struct wall now, struct spool_place *damaged);

uint32_t feed_window(const struct config_route *route, size_t shard_count)
{
	uint64_t in_flight = (uint64_t)route->sessions * route->pipeline;
	uint64_t share = (in_flight + shard_count - 1) / shard_count;

	return (uint32_t)(2 * share > FEED_WINDOW_LEAST ? 2 * share : FEED_WINDOW_LEAST);
}

uint32_t feed_window_sum(const struct config *config, size_t shard_count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->routes.count; i++)
		sum += feed_window(&config->routes.at[i], shard_count);
	check(sum <= UINT32_MAX / 4);
	return (uint32_t)sum;
}

struct err feed_init(struct feed *feed, const struct config *config, struct spool *spool,
        struct shelf *shelf, struct post *shards, size_t shard_count)
{
	check(shard_count > 0);
	check(shard_count <= FEED_SHARDS_MAX);
	*feed = (struct feed){
		.spool = spool,
		.shelf = shelf,
		.shards = shards,
		.shard_count = shard_count,
		.route_count = config->routes.count,
	};
	for (size_t i = 0; i < config->routes.count; i++) {
		struct feed_route *route = &feed->routes[i];
		route->backlog = true; /* until a look at the disk says otherwise */
		route->next_due = FEED_NEVER;
		route->window = feed_window(&config->routes.at[i], shard_count);
		const struct route_plan plan = {
			.sessions = config->routes.at[i].sessions,
			.identities = (uint32_t)config->routes.at[i].identities.count,
			.shards = (uint32_t)shard_count,
		};
		/* A shard without a session for the route could do nothing with its jobs. */
		for (uint32_t shard = 0; shard < shard_count; shard++)
			if (route_shard_sessions(&plan, shard) > 0)
				route->credit[shard] = route->window;
	}
	/* All that can be lent, a batch of puts, the reports of its settles, and one to read. */
	size_t jobs_max = feed_window_sum(config, shard_count) * shard_count + BATCH_PUTS_MAX +
	                  BATCH_SETTLES_MAX + 1;
	return pool_init(&feed->jobs, sizeof(struct job), jobs_max);
}

void feed_finish(struct feed *feed)
{
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

void feed_offer(struct feed *feed, struct job *job)
{
	uint16_t route = job->route;
	size_t shard = feed_best_shard(feed, route);
	bool may_lend = !feed->stopped && !job->held && !feed->routes[route].backlog &&
	                shard < feed->shard_count;

	if (may_lend) {
		spool_lend(feed->spool, job->id, job->number);
		feed_lend(feed, job, shard);
		return;
	}
	if (!job->held)
		feed_wakes(feed, route, job->next_attempt);
	feed_give_job(feed, job);
}

/* The shard with most credit for the route; shard_count: none has any. */
static size_t feed_best_shard(const struct feed *feed, uint16_t route)
{
	const uint32_t *credit = feed->routes[route].credit;
	size_t best = 0;

	for (size_t shard = 1; shard < feed->shard_count; shard++)
		if (credit[shard] > credit[best])
			best = shard;
	return credit[best] > 0 ? best : feed->shard_count;
}

static void feed_lend(struct feed *feed, struct job *job, size_t shard)
{
	check(feed->routes[job->route].credit[shard] > 0);
	feed->routes[job->route].credit[shard]--;
	job->shard = (uint16_t)shard;
	job_enter(job, JOB_READY);
	const struct letter letter = { .kind = LETTER_JOB, .job = job };
	check(mailbox_put(feed->shards[shard].out, &letter)); /* a window's room is reserved */
}

void feed_credit(struct feed *feed, const struct job *job)
{
	struct feed_route *route = &feed->routes[job->route];

	check(job->shard < feed->shard_count);
	check(route->credit[job->shard] < route->window);
	route->credit[job->shard]++;
}

uint32_t feed_credit_sum(const struct feed *feed, size_t shard)
{
	uint32_t sum = 0;

	for (size_t route = 0; route < feed->route_count; route++)
		sum += feed->routes[route].credit[shard];
	return sum;
}

void feed_wakes(struct feed *feed, uint16_t route, struct wall due)
{
	if (due.ms < feed->routes[route].next_due.ms)
		feed->routes[route].next_due = due;
}

bool feed_turn(struct feed *feed, struct wall now, struct spool_place *damaged)
{
	size_t reads = 0;

	*damaged = (struct spool_place){ 0 };
	feed->starved = false;
	if (feed->stopped)
		return false;
	for (uint16_t route = 0; route < feed->route_count; route++) {
		if (feed->routes[route].next_due.ms <= now.ms) {
			feed->routes[route].backlog = true;
			feed->routes[route].next_due = FEED_NEVER;
		}
		while (feed->routes[route].backlog && feed_read(feed, route, now, damaged)) {
			if (damaged->id != 0 || ++reads == FEED_READS_PER_TURN)
				return true;
		}
	}
	return false;
}

/* Reads one job back and lends it. False: not now. */
static bool feed_read(
        struct feed *feed, uint16_t route, struct wall now, struct spool_place *damaged)
{
	size_t shard = feed_best_shard(feed, route);

	if (shard == feed->shard_count)
		return false; /* a settle brings credit, and with it another turn */
	struct job *job = feed_take_job(feed);
	struct err err = spool_next(feed->spool, route, now, feed->shelf, 0, job);
	switch (err.code) {
	case ERR_OK:
		feed_lend(feed, job, shard);
		return true;
	case ERR_FORMAT:
		*damaged = (struct spool_place){ job->id, job->number };
		break;
	case ERR_NOT_FOUND: {
		struct wall due;
		feed->routes[route].backlog = false;
		if (spool_next_due(feed->spool, route, &due))
			feed_wakes(feed, route, due);
		break;
	}
	case ERR_NO_MEMORY:
		feed->starved = true;
		break;
	default:
		break; /* the spool is broken: the next commit tells */
	}
	feed_give_job(feed, job);
	return err.code == ERR_FORMAT;
}

struct wall feed_wanted(const struct feed *feed)
{
	struct wall wanted = FEED_NEVER;

	for (size_t route = 0; route < feed->route_count; route++)
		if (feed->routes[route].next_due.ms < wanted.ms)
			wanted = feed->routes[route].next_due;
	return wanted;
}
