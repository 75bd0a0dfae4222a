#include "engine/routing.h"
#include "engine/spooler_inner.h"
#include "engine/streams.h"
#include "queue/base/check.h"

#define TRACE_LOOK_NS (1 * NS_PER_S)  /* so long may more be there than is to be kept */
#define TRACE_TOLD_NS (60 * NS_PER_S) /* between two warnings */

static bool trace_is_kept(const struct spooler *spooler)
{
	return spooler->shard.config->trace.keep_ns > 0;
}

void spooler_trace_act(struct job *job, enum trace_act act)
{
	job->act = (uint8_t)act;
	job->came_by = job->route;
}

enum trace_act spooler_trace_verb(enum request_verb verb)
{
	switch (verb) {
	case REQUEST_RETRY:
		return TRACE_ACT_RETRY;
	case REQUEST_HOLD:
		return TRACE_ACT_HOLD;
	case REQUEST_RELEASE:
		return TRACE_ACT_RELEASE;
	case REQUEST_BOUNCE:
		return TRACE_ACT_BOUNCE;
	default:
		check(verb == REQUEST_REMOVE);
		return TRACE_ACT_REMOVE;
	}
}

void spooler_trace_put(struct spooler *spooler, const struct letter *letter)
{
	const struct batch_trace trace = {
		.wanted = trace_is_kept(spooler),
		.when = loop_wall(&spooler->shard.loop),
		.origin = letter->origin,
		.stream = streams_name(spooler->shard.config, letter->ways.stream),
	};

	batch_trace_put(&spooler->batch, &trace);
}

/* Of the route that it was on. Empty: nobody signed in, or nobody had it. */
static const char *trace_identity(const struct config *config, const struct job *job)
{
	const bool asked = job->act == TRACE_ACT_ATTEMPT || job->connection != 0;

	if (!asked || job->came_by >= config->routes.count)
		return "";
	const struct config_route *route = &config->routes.at[job->came_by];
	return job->identity < route->identities.count ? route->identities.at[job->identity].user
	                                               : "";
}

void spooler_trace_settle(struct spooler *spooler, const struct job *job)
{
	const struct trace_end end = {
		.when = loop_wall(&spooler->shard.loop),
		.route = spool_route_name(spooler->spool, job->came_by),
		.identity = trace_identity(spooler->shard.config, job),
	};

	if (trace_is_kept(spooler))
		batch_trace_settle(&spooler->batch, &end);
}

static void trace_log_losses(struct spooler *spooler)
{
	const struct spool_trace_losses losses = spool_trace_losses(spooler->spool);
	const struct mono now = loop_now(&spooler->shard.loop);
	const uint64_t rows = losses.rows - spooler->trace_lost.rows;
	const uint64_t blocks = losses.blocks - spooler->trace_lost.blocks;

	counters_set(spooler->shard.counters, trace_rows_lost, losses.rows);
	counters_set(spooler->shard.counters, trace_blocks_shed, losses.blocks);
	if (rows + blocks == 0 || !mono_reached(now, spooler->trace_told))
		return;
	spooler->trace_told = mono_after(now, TRACE_TOLD_NS);
	spooler->trace_lost = losses;
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "trace_short");
	log_number(&line, "rows_left_out", rows);
	log_number(&line, "blocks_forgotten", blocks);
	log_word(&line, "advice",
	        "The disk, or spool.size, has no room for the message trace besides mail: mail "
	        "goes first, and sluice trace knows less. Give the spool more room.");
	log_end(&line);
}

void spooler_forget_trace(struct spooler *spooler)
{
	const struct config_trace *trace = &spooler->shard.config->trace;
	const struct loop *loop = &spooler->shard.loop;
	const struct wall since = { loop_wall(loop).ms - trace->keep_ns / NS_PER_MS };
	const uint64_t bytes_max = trace->keep_ns > 0 ? trace->size_bytes : 0;

	if (!spooler->trace_forgetting && !mono_reached(loop_now(loop), spooler->trace_look))
		return;
	spooler->trace_forgetting = false;
	spooler->trace_look = mono_after(loop_now(loop), TRACE_LOOK_NS);
	trace_log_losses(spooler);
	if (spool_trace_is_due(spooler->spool, since, bytes_max))
		batch_forget_trace(&spooler->batch, since, bytes_max);
}
