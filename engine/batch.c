#include "engine/batch.h"

#include "queue/base/check.h"

/* How far one transaction of a batch has come. */
struct part {
	size_t settles_end; /* settles[.. settles_end) are in it or done */
	size_t puts_end;
	bool puts_wanted; /* false: the disk is full, settles alone */
};

static struct err batch_write(struct batch *batch, struct spool *spool, struct part *part);
static struct err batch_write_settles(struct batch *batch, struct spool *spool, struct part *part);
static struct err batch_write_puts(struct batch *batch, struct spool *spool, struct part *part);
static void batch_accept(struct batch *batch, const struct part *part);
static void batch_refuse_puts(struct batch *batch, enum put_result result);
static bool batch_is_done(const struct batch *batch, bool puts_wanted);

void batch_add_put(struct batch *batch, struct job *job, uint64_t ticket, uint16_t shard)
{
	check(!batch_puts_full(batch));
	check(job->state == JOB_PUTTING);
	batch->puts[batch->put_count++] = (struct batch_put){
		.job = job,
		.ticket = ticket,
		.shard = shard,
	};
}

void batch_add_settle(struct batch *batch, struct job *job, struct job *report)
{
	check(!batch_settles_full(batch));
	check(job->state == JOB_SETTLING);
	check(report == NULL || report->state == JOB_PUTTING);
	batch->settles[batch->settle_count++] = (struct batch_settle){
		.job = job,
		.report = report,
	};
}

struct err batch_commit(struct batch *batch, struct spool *spool)
{
	bool puts_wanted = true;

	while (!batch_is_done(batch, puts_wanted)) {
		struct part part = { .puts_wanted = puts_wanted };
		struct err err = batch_write(batch, spool, &part);

		if (err.code == ERR_AGAIN)
			continue; /* the map has grown; the same once more */
		if (err.code == ERR_NO_SPACE) {
			batch_refuse_puts(batch, PUT_FULL);
			if (!puts_wanted)
				return err_ok(); /* even settles must wait */
			puts_wanted = false;
			continue;
		}
		if (failed(err)) {
			batch_refuse_puts(batch, PUT_FAILED);
			return err;
		}
		batch_accept(batch, &part);
	}
	return err_ok();
}

/* One transaction: as much as fits. */
static struct err batch_write(struct batch *batch, struct spool *spool, struct part *part)
{
	uint64_t ids_first = 0;
	struct err err = spool_begin(spool);

	if (failed(err))
		return err;
	if (batch->ids_wanted > 0 && batch->ids_first == 0 && part->puts_wanted) {
		err = spool_reserve_ids(spool, batch->ids_wanted, &ids_first);
		if (failed(err))
			goto fail;
	}
	err = batch_write_settles(batch, spool, part);
	if (!failed(err) && part->puts_wanted)
		err = batch_write_puts(batch, spool, part);
	if (failed(err) && err.code != ERR_LIMIT)
		goto fail;
	err = spool_commit(spool);
	if (failed(err))
		return err;
	batch->commits++;
	if (ids_first > 0)
		batch->ids_first = ids_first;
	return err_ok();

fail:
	spool_abort(spool);
	return err;
}

static struct err batch_write_settles(struct batch *batch, struct spool *spool, struct part *part)
{
	for (; part->settles_end < batch->settle_count; part->settles_end++) {
		struct batch_settle *settle = &batch->settles[part->settles_end];
		struct err err;

		if (settle->done)
			continue;
		/* The report first: if the batch has no room for it, its settle waits too. */
		if (settle->report != NULL) {
			err = spool_put(spool, settle->report->message, &settle->report, 1, true);
			if (failed(err))
				return err;
		}
		err = spool_settle(spool, settle->job);
		/* No such row: removed meanwhile by an operator. There is nothing to record. */
		if (failed(err) && err.code != ERR_NOT_FOUND)
			return err;
	}
	return err_ok();
}

static struct err batch_write_puts(struct batch *batch, struct spool *spool, struct part *part)
{
	for (; part->puts_end < batch->put_count; part->puts_end++) {
		struct batch_put *put = &batch->puts[part->puts_end];

		if (put->done)
			continue;
		struct err err = spool_put(spool, put->job->message, &put->job, 1, false);
		if (err.code == ERR_NO_SPACE) {
			put->done = true;
			put->result = PUT_FULL;
			continue;
		}
		if (failed(err))
			return err;
	}
	return err_ok();
}

/* The transaction is on stable storage: only now is anything in it done (I1). */
static void batch_accept(struct batch *batch, const struct part *part)
{
	for (size_t i = 0; i < part->settles_end; i++)
		batch->settles[i].done = true;
	for (size_t i = 0; i < part->puts_end; i++) {
		struct batch_put *put = &batch->puts[i];
		if (put->done)
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

/* Settles are done in their order, so it is enough to look at the last. Ids that a full disk
 * refused are asked for again with the next batch. */
static bool batch_is_done(const struct batch *batch, bool puts_wanted)
{
	if (puts_wanted && batch->ids_wanted > 0 && batch->ids_first == 0)
		return false;
	if (batch->settle_count > 0 && !batch->settles[batch->settle_count - 1].done)
		return false;
	for (size_t i = 0; i < batch->put_count; i++)
		if (!batch->puts[i].done)
			return false;
	return true;
}

void batch_forget(struct batch *batch)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->settle_count; i++)
		if (!batch->settles[i].done)
			batch->settles[kept++] = batch->settles[i];
	batch->settle_count = kept;
	for (size_t i = 0; i < batch->put_count; i++)
		check(batch->puts[i].done);
	batch->put_count = 0;
	if (batch->ids_first > 0)
		batch->ids_wanted = 0;
	batch->ids_first = 0;
}
