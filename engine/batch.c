#include "engine/batch.h"

#include "queue/base/check.h"
#include "queue/base/milestone.h"

static struct err batch_write(struct batch *batch, struct spool *spool, bool puts_wanted);
static struct err batch_write_settles(struct batch *batch, struct spool *spool);
static struct err batch_write_settle(struct batch_settle *settle, struct spool *spool);
static struct err batch_write_end(const struct batch_settle *settle, struct spool *spool);
static struct err batch_write_origin(struct job *const *jobs, size_t count, uint64_t about,
        const struct batch_trace *trace, struct spool *spool);
static struct err batch_write_notes(struct batch *batch, struct spool *spool);
static struct err batch_write_puts(struct batch *batch, struct spool *spool);
static void batch_begin(struct batch *batch);
static void batch_accept(struct batch *batch);
static void batch_refuse_puts(struct batch *batch, enum put_result result);
static bool batch_is_done(const struct batch *batch);

void batch_add_job(struct batch *batch, struct job *job)
{
	check(batch->job_count < BATCH_PUT_JOBS_MAX);
	check(job->state == JOB_PUTTING);
	batch->jobs[batch->job_count++] = job;
}

void batch_add_put(struct batch *batch, uint64_t ticket, uint16_t shard)
{
	size_t first = 0;

	check(batch->put_count < BATCH_PUTS_MAX);
	if (batch->put_count > 0) {
		const struct batch_put *last = &batch->puts[batch->put_count - 1];
		first = (size_t)last->first + last->count;
	}
	check(first < batch->job_count);
	for (size_t i = first; i < batch->job_count; i++)
		check(batch->jobs[i]->message == batch->jobs[first]->message);
	batch->put_bytes += batch->jobs[first]->message->body_bytes;
	batch->puts[batch->put_count++] = (struct batch_put){
		.first = (uint16_t)first,
		.count = (uint16_t)(batch->job_count - first),
		.ticket = ticket,
		.shard = shard,
	};
}
static_assert(BATCH_PUT_JOBS_MAX <= UINT16_MAX, "their places fit");

void batch_claim(struct batch *batch, struct spool_claim *claim)
{
	check(batch->put_count > 0);
	check(batch_find_claim(batch, claim) == NULL);
	batch->puts[batch->put_count - 1].claim = claim;
}

const struct batch_put *batch_find_claim(const struct batch *batch, const struct spool_claim *claim)
{
	for (size_t i = 0; i < batch->put_count; i++) {
		const struct spool_claim *other = batch->puts[i].claim;
		if (other != NULL && memcmp(other->key, claim->key, sizeof claim->key) == 0)
			return &batch->puts[i];
	}
	return NULL;
}

void batch_forget_claims(struct batch *batch, struct wall now, uint64_t early)
{
	batch->claims_due = true;
	batch->claims_now = now;
	batch->claims_early = early;
	batch->claims_forgotten = 0;
}

void batch_add_settle(struct batch *batch, struct job *job, struct job *report, struct job *branch)
{
	check(!batch_settles_full(batch));
	check(job->state == JOB_SETTLING);
	check(report == NULL || report->state == JOB_PUTTING);
	check(branch == NULL || branch->state == JOB_PUTTING);
	batch->settles[batch->settle_count++] = (struct batch_settle){
		.job = job,
		.report = report,
		.branch = branch,
	};
}

void batch_forget_sent(struct batch *batch, struct wall since, uint64_t early)
{
	batch->sent_due = true;
	batch->sent_since = since;
	batch->sent_early = early;
	batch->sent_forgotten = 0;
}

void batch_forget_trace(struct batch *batch, struct wall since, uint64_t bytes_max)
{
	batch->trace_due = true;
	batch->trace_since = since;
	batch->trace_bytes_max = bytes_max;
	batch->trace_forgotten = 0;
}

void batch_trace_put(struct batch *batch, const struct batch_trace *trace)
{
	check(batch->put_count > 0);
	batch->puts[batch->put_count - 1].trace = *trace;
}

void batch_trace_settle(struct batch *batch, const struct trace_end *end)
{
	check(batch->settle_count > 0);
	batch->settles[batch->settle_count - 1].trace = *end;
	batch->settles[batch->settle_count - 1].traced = true;
}

struct spool_sent *batch_add_sent(struct batch *batch)
{
	check(batch->settle_count > 0);
	const size_t at = batch->settle_count - 1;
	batch->settles[at].sent = true;
	return &batch->sents[at];
}

void batch_add_note(struct batch *batch, struct note *note, uint16_t shard)
{
	check(!batch_notes_full(batch));
	batch->notes[batch->note_count++] = (struct batch_note){ .note = note, .shard = shard };
}

struct err batch_commit(struct batch *batch, struct spool *spool)
{
	bool puts_wanted = true;

	for (size_t i = 0; i < batch->settle_count; i++)
		batch->settles[i].waits = false;
	for (size_t i = 0; i < batch->note_count; i++)
		batch->notes[i].waits = false;
	while (!batch_is_done(batch)) {
		const struct err err = batch_write(batch, spool, puts_wanted);

		if (err.code == ERR_AGAIN)
			continue; /* the map has grown; the same once more */
		if (err.code == ERR_NO_SPACE) {
			batch_refuse_puts(batch, PUT_FULL);
			batch->claims_due = false; /* space is for settles */
			batch->sent_due = false;
			batch->trace_due = false;
			if (!puts_wanted)
				return err_ok(); /* even settles must wait */
			puts_wanted = false;
			continue;
		}
		if (failed(err)) {
			batch_refuse_puts(batch, PUT_FAILED);
			return err;
		}
	}
	return err_ok();
}

/* One transaction: as much as fits. */
static struct err batch_write(struct batch *batch, struct spool *spool, bool puts_wanted)
{
	uint64_t ids_first = 0;
	struct err err = spool_begin(spool);

	if (failed(err))
		return err;
	batch_begin(batch);
	if (batch->ids_wanted > 0 && batch->ids_first == 0)
		err = spool_reserve_ids(spool, batch->ids_wanted, &ids_first);
	if (!failed(err))
		err = batch_write_settles(batch, spool);
	if (!failed(err))
		err = batch_write_notes(batch, spool);
	if (!failed(err) && batch->claims_due) {
		err = spool_forget_claims(
		        spool, batch->claims_now, batch->claims_early, &batch->claims_forgotten);
		batch->claims_written = true;
	}
	if (!failed(err) && batch->sent_due) {
		err = spool_forget_sent(
		        spool, batch->sent_since, batch->sent_early, &batch->sent_forgotten);
		batch->sent_written = true;
	}
	if (!failed(err) && batch->trace_due) {
		err = spool_trace_forget(
		        spool, batch->trace_since, batch->trace_bytes_max, &batch->trace_forgotten);
		batch->trace_written = true;
	}
	if (!failed(err) && puts_wanted)
		err = batch_write_puts(batch, spool);
	if (failed(err) && err.code != ERR_LIMIT) {
		spool_abort(spool);
		return err;
	}
	err = spool_commit(spool);
	if (failed(err))
		return err;
	batch->commits++;
	if (ids_first > 0)
		batch->ids_first = ids_first;
	batch_accept(batch);
	return err_ok();
}

static void batch_begin(struct batch *batch)
{
	batch->claims_written = false;
	batch->sent_written = false;
	batch->trace_written = false;
	for (size_t i = 0; i < batch->settle_count; i++)
		batch->settles[i].written = false;
	for (size_t i = 0; i < batch->note_count; i++)
		batch->notes[i].written = false;
	for (size_t i = 0; i < batch->put_count; i++)
		batch->puts[i].written = false;
}

static struct err batch_write_settles(struct batch *batch, struct spool *spool)
{
	for (size_t i = 0; i < batch->settle_count; i++) {
		struct batch_settle *settle = &batch->settles[i];

		if (settle->done || settle->waits)
			continue;
		struct err err = batch_write_settle(settle, spool);
		if (!failed(err) && settle->written && settle->sent)
			err = spool_keep_sent(spool, &batch->sents[i]);
		if (failed(err))
			return err;
	}
	return err_ok();
}

/* The report first: if there is no room for it, its settle waits too. */
static struct err batch_write_settle(struct batch_settle *settle, struct spool *spool)
{
	struct err err = err_ok();

	if (settle->report != NULL)
		err = spool_put(spool, settle->report->message, &settle->report, 1, true);
	if (err.code == ERR_NO_SPACE) {
		settle->waits = true;
		return err_ok();
	}
	if (!failed(err))
		err = spool_settle(spool, settle->job);
	/* No such row: there is nothing to record any more. */
	settle->lost = err.code == ERR_NOT_FOUND;
	if (!failed(err) && settle->branch != NULL)
		err = spool_branch(spool, settle->branch);
	if (!failed(err) && settle->traced)
		err = batch_write_end(settle, spool);
	if (failed(err) && !settle->lost)
		return err;
	settle->written = true;
	milestone_reached(MILESTONE_SETTLE_WRITTEN);
	return err_ok();
}

/* What the trace says of it, and of the report that it owed. */
static struct err batch_write_end(const struct batch_settle *settle, struct spool *spool)
{
	const struct batch_trace made = { .wanted = true, .when = settle->trace.when };
	struct trace_end end = settle->trace;
	struct err err = err_ok();

	if (settle->branch != NULL) {
		end.branch = spool_route_name(spool, settle->branch->route);
		end.branch_number = settle->branch->number;
	}
	if (settle->report != NULL) {
		end.report = settle->report->id;
		err = batch_write_origin(&settle->report, 1, settle->job->id, &made, spool);
	}
	return failed(err) ? err : spool_trace_settle(spool, settle->job, &end);
}

static struct err batch_write_origin(struct job *const *jobs, size_t count, uint64_t about,
        const struct batch_trace *trace, struct spool *spool)
{
	const char *routes[BATCH_PUT_WAYS_MAX];

	if (!trace->wanted)
		return err_ok();
	check(count <= BATCH_PUT_WAYS_MAX);
	for (size_t i = 0; i < count; i++)
		routes[i] = spool_route_name(spool, jobs[i]->route);
	return spool_trace_put(spool, &(struct trace_put){
	                                      .origin = trace->origin,
	                                      .when = trace->when,
	                                      .stream = trace->stream,
	                                      .about = about,
	                                      .message = jobs[0]->message,
	                                      .jobs = jobs,
	                                      .routes = routes,
	                                      .job_count = count,
	                              });
}

static struct err batch_write_notes(struct batch *batch, struct spool *spool)
{
	for (size_t i = 0; i < batch->note_count; i++) {
		struct batch_note *at = &batch->notes[i];

		if (at->done || at->waits)
			continue;
		const struct err err =
		        spool_note(spool, note_name(at->note), note_record(at->note));
		at->waits = err.code == ERR_NO_SPACE;
		if (failed(err) && !at->waits)
			return err;
		at->written = !at->waits;
	}
	return err_ok();
}

static struct err batch_write_put(
        const struct batch_put *put, struct job *const *jobs, struct spool *spool)
{
	const struct message *message = jobs[0]->message;
	struct err err = put->claim == NULL
	                         ? spool_put(spool, message, jobs, put->count, false)
	                         : spool_put_claimed(spool, message, jobs, put->count, put->claim);

	if (!failed(err))
		err = batch_write_origin(jobs, put->count, 0, &put->trace, spool);
	milestone_reached(MILESTONE_PUT_WRITTEN);
	return err;
}

static struct err batch_write_puts(struct batch *batch, struct spool *spool)
{
	for (size_t i = 0; i < batch->put_count; i++) {
		struct batch_put *put = &batch->puts[i];

		if (put->done)
			continue;
		struct job *const *jobs = &batch->jobs[put->first];
		const struct err err = batch_write_put(put, jobs, spool);
		if (err.code == ERR_NO_SPACE) {
			put->done = true;
			put->result = PUT_FULL;
			continue;
		}
		if (failed(err))
			return err;
		put->written = true;
	}
	return err_ok();
}

/* The transaction is on stable storage: only now is anything in it done (I1). */
static void batch_accept(struct batch *batch)
{
	batch->claims_due &= !batch->claims_written;
	batch->sent_due &= !batch->sent_written;
	batch->trace_due &= !batch->trace_written;
	for (size_t i = 0; i < batch->settle_count; i++)
		batch->settles[i].done |= batch->settles[i].written;
	for (size_t i = 0; i < batch->note_count; i++)
		batch->notes[i].done |= batch->notes[i].written;
	for (size_t i = 0; i < batch->put_count; i++) {
		struct batch_put *put = &batch->puts[i];
		if (put->done || !put->written)
			continue;
		put->done = true;
		put->result = PUT_COMMITTED;
	}
}

static void batch_refuse_puts(struct batch *batch, enum put_result result)
{
	for (size_t i = 0; i < batch->put_count; i++) {
		if (batch->puts[i].done)
			continue;
		batch->puts[i].done = true;
		batch->puts[i].result = result;
	}
}

static bool batch_is_done(const struct batch *batch)
{
	if ((batch->ids_wanted > 0 && batch->ids_first == 0) || batch->claims_due ||
	        batch->sent_due || batch->trace_due)
		return false;
	for (size_t i = 0; i < batch->settle_count; i++)
		if (!batch->settles[i].done && !batch->settles[i].waits)
			return false;
	for (size_t i = 0; i < batch->note_count; i++)
		if (!batch->notes[i].done && !batch->notes[i].waits)
			return false;
	for (size_t i = 0; i < batch->put_count; i++)
		if (!batch->puts[i].done)
			return false;
	return true;
}

void batch_forget(struct batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->put_count; i++)
		check(batch->puts[i].done);
	batch->claims_due = false;
	batch->sent_due = false;
	batch->trace_due = false;
	batch->put_count = 0;
	batch->put_bytes = 0;
	batch->job_count = 0;
	for (size_t i = 0; i < batch->settle_count; i++) {
		if (batch->settles[i].done)
			continue;
		if (batch->settles[i].sent && kept != i)
			batch->sents[kept] = batch->sents[i];
		batch->settles[kept++] = batch->settles[i];
	}
	batch->settle_count = kept;
	kept = 0;
	for (size_t i = 0; i < batch->note_count; i++)
		if (!batch->notes[i].done)
			batch->notes[kept++] = batch->notes[i];
	batch->note_count = kept;
	if (batch->ids_first > 0)
		batch->ids_wanted = 0;
	batch->ids_first = 0;
}
