#include "engine/judge_doubt.h"

#include "engine/streams.h"

static const struct view held_text = VIEW_INIT(
        "It was sent, and the session was lost before the server answered: it may have arrived, "
        "and is held");

/* What the queue says of it, instead of how the session was lost. */
static void doubt_hold(struct judge *judge, struct job *job)
{
	const struct owed *owed = job_owed(job);

	job->held = true;
	for (size_t i = 0; i < job->owed_count; i++) {
		struct judge_case it;

		if (owed[i].outcome != OWED_PENDING || (owed[i].flags & OWED_IN_DOUBT) == 0)
			continue;
		judge_case_say(&it, STAGE_EOD, held_text);
		job_set_outcome(job, i, OWED_PENDING, judge_case_note(&it), &judge->shard->shelf);
	}
}

const char *judge_doubt(struct judge *judge, struct job *job)
{
	const struct config *config = judge->shard->config;
	const struct config_route *route = &config->routes.at[job->route];
	const struct config_stream *stream = streams_at(config, job->stream);
	enum route_in_doubt policy = route->in_doubt;
	int64_t delay_ns = route->in_doubt_delay_ns;

	if (stream != NULL && stream->in_doubt != IN_DOUBT_UNSET)
		policy = stream->in_doubt;
	if (stream != NULL && stream->in_doubt_delay_ns > 0)
		delay_ns = stream->in_doubt_delay_ns;
	if (policy == IN_DOUBT_HOLD) {
		doubt_hold(judge, job);
		return "The session was lost after the message was sent and before the server "
		       "answered; it is held: look whether it has arrived, then remove or release "
		       "it (sluice queue list --in-doubt).";
	}
	const int32_t delay_s = (int32_t)((delay_ns + NS_PER_S - 1) / NS_PER_S);
	if (job->wait_s < delay_s)
		job->wait_s = delay_s;
	return "The session was lost after the message was sent and before the server answered; it "
	       "is sent again later, with the same Message-ID.";
}
