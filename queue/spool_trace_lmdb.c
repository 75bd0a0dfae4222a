#include "queue/spool_trace.h"

#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/spool_state.h"
#include "queue/trace_read.h"

/* A leaf of the table, its half, and the way to it. */
#define PAGES_TOUCHED 4
#define PAGE_BYTES    4096
/* Given up at once for mail: the largest batch of that would need more, but not all of it comes at
 * once. And blocks at most: of a row each, where little mail comes. */
#define SHED_BYTES  (4 << 20)
#define SHED_BLOCKS 1024

static struct view block_key(char room[SPOOL_TRACE_KEY_BYTES], uint64_t number)
{
	struct record_writer writer = record_write((struct span){ room, SPOOL_TRACE_KEY_BYTES });

	record_put_u64(&writer, number);
	return record_view(&writer);
}

/* The first block at this number or behind it. */
static struct err block_seek(struct spool *spool, uint64_t *number, struct store_row *row)
{
	char room[SPOOL_TRACE_KEY_BYTES];
	const struct err err = store_seek(spool->store, TABLE_TRACE, block_key(room, *number), row);

	if (failed(err))
		return err;
	struct record_reader reader = record_read(row->key);
	*number = record_get_u64(&reader);
	return record_is_read(&reader) ? err_ok() : err_make(ERR_BROKEN, 0);
}

/* Behind the last block, wherever that is. */
struct err spool_trace_open(struct spool *spool)
{
	uint64_t low = 0; /* one at or behind it is there, or none at all */
	uint64_t high = UINT64_MAX;
	struct store_row row;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		const struct err err = block_seek(spool, &middle, &row);

		if (failed(err) && err.code != ERR_NOT_FOUND)
			return err;
		if (failed(err))
			high = low + (high - low) / 2;
		else
			low = middle + 1;
	}
	spool->trace.next = low > 0 ? low : 1;
	spool->trace.committed = spool->trace.next;
	return err_ok();
}

void spool_trace_begin(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;

	trace->draft.room = (struct span){ trace->block, sizeof trace->block };
	trace_write_begin(&trace->draft);
	trace->next = trace->committed;
	trace->lost = (struct spool_trace_losses){ 0 };
}

/* What has gathered goes into the batch, and the next block begins. */
static struct err trace_flush(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;
	const uint64_t pages = trace->draft.bytes / PAGE_BYTES + 1 + PAGES_TOUCHED;
	const struct view block = trace_write_end(&trace->draft);
	const uint32_t rows = trace->draft.rows;
	char key[SPOOL_TRACE_KEY_BYTES];
	struct span room;

	trace_write_begin(&trace->draft);
	struct err err = store_admit_spare(spool->store, pages);
	if (err.code == ERR_NO_SPACE) {
		trace->lost.rows += rows;
		return err_ok();
	}
	if (!failed(err))
		err = store_append_room(
		        spool->store, TABLE_TRACE, block_key(key, trace->next), block.bytes, &room);
	if (failed(err))
		return err;
	memcpy(room.data, block.data, block.bytes);
	trace->next++;
	return err_ok();
}

struct err spool_trace_end(struct spool *spool)
{
	return spool->trace.draft.rows > 0 ? trace_flush(spool) : err_ok();
}

void spool_trace_committed(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;

	trace->committed = trace->next;
	trace->losses.rows += trace->lost.rows;
	trace->losses.blocks += trace->lost.blocks;
	trace->lost = (struct spool_trace_losses){ 0 };
}

/* A long row of the block before has that for itself. */
static struct err trace_make_room(struct spool *spool)
{
	return spool->trace.draft.bytes > SPOOL_TRACE_BLOCK_BYTES ? trace_flush(spool) : err_ok();
}

/* Whether the row that was written last makes the block too long, so that it is to be written once
 * more, into the next one: `before` is the draft without it. */
static bool trace_overflows(struct spool_trace *trace, const struct trace_draft *before)
{
	if (before->rows == 0 || trace->draft.bytes <= SPOOL_TRACE_BLOCK_BYTES)
		return false;
	trace->draft = *before;
	return true;
}

struct err spool_trace_put(struct spool *spool, const struct trace_put *put)
{
	struct spool_trace *trace = &spool->trace;
	struct message_cursor at = message_recipients(put->message);
	bool first = true;

	check(spool->batch_open);
	check(put->job_count > 0);
	struct err err = trace_make_room(spool);
	while (!failed(err) && (first || at.index < put->message->recipient_count)) {
		const struct trace_draft before = trace->draft;
		const struct message_cursor from = at;

		if (first)
			trace_write_accept(&trace->draft, put, &at);
		else
			trace_write_recipients(&trace->draft, put, &at);
		if (trace_overflows(trace, &before)) {
			at = from;
			err = trace_flush(spool);
			continue;
		}
		first = false;
		err = trace_make_room(spool);
	}
	return err;
}

struct err spool_trace_settle(
        struct spool *spool, const struct job *job, const struct trace_end *end)
{
	struct spool_trace *trace = &spool->trace;

	check(spool->batch_open);
	struct err err = trace_make_room(spool);
	if (failed(err))
		return err;
	const struct trace_draft before = trace->draft;
	trace_write_settle(&trace->draft, job, end);
	if (!trace_overflows(trace, &before))
		return err_ok();
	err = trace_flush(spool);
	if (!failed(err))
		trace_write_settle(&trace->draft, job, end);
	return err;
}

/* Forgetting. */

bool spool_trace_is_due(struct spool *spool, struct wall since, uint64_t bytes_max)
{
	struct trace_block block;
	struct store_row row;
	uint64_t number = 0;

	check(!spool->batch_open);
	if (failed(block_seek(spool, &number, &row)))
		return false;
	return store_table_bytes(spool->store, TABLE_TRACE) > bytes_max ||
	       !trace_read_block(row.value, &block) || block.to.ms < since.ms;
}

struct err spool_trace_forget(
        struct spool *spool, struct wall since, uint64_t bytes_max, uint64_t *forgotten)
{
	struct trace_block block;
	char key[SPOOL_TRACE_KEY_BYTES];
	uint64_t number = 0;

	check(spool->batch_open);
	*forgotten = 0;
	struct err err = store_admit(spool->store, PAGES_TOUCHED, true);
	if (err.code == ERR_NO_SPACE)
		return err_ok();
	while (!failed(err) && *forgotten < SPOOL_TRACE_FORGOTTEN) {
		struct store_row row;

		err = block_seek(spool, &number, &row);
		if (failed(err))
			break;
		if (store_table_bytes(spool->store, TABLE_TRACE) <= bytes_max &&
		        trace_read_block(row.value, &block) && block.to.ms >= since.ms)
			break;
		err = store_delete(spool->store, TABLE_TRACE, block_key(key, number));
		(*forgotten)++;
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

bool spool_trace_shed(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;
	char key[SPOOL_TRACE_KEY_BYTES];
	uint64_t number = 0;
	size_t bytes = 0;
	size_t blocks = 0;

	for (; bytes < SHED_BYTES && blocks < SHED_BLOCKS; blocks++) {
		struct store_row row;

		if (failed(block_seek(spool, &number, &row)))
			break;
		const size_t pages = row.value.bytes / PAGE_BYTES + 1;
		/* What it can't do any more, the commit fails for too. */
		if (failed(store_delete(spool->store, TABLE_TRACE, block_key(key, number))))
			break;
		bytes += pages * PAGE_BYTES;
	}
	trace->lost.blocks += blocks;
	trace->shed |= blocks > 0;
	return blocks > 0;
}

struct spool_trace_losses spool_trace_losses(const struct spool *spool)
{
	return spool->trace.losses;
}
