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

static void trace_clear(struct spool_trace *trace)
{
	trace->bytes = TRACE_BLOCK_HEAD;
	trace->rows = 0;
}

void spool_trace_begin(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;

	trace_clear(trace);
	trace->next = trace->committed;
	trace->lost = (struct spool_trace_losses){ 0 };
}

/* The first `bytes` of what has gathered. */
static struct err trace_write(struct spool *spool, size_t bytes, uint32_t rows)
{
	struct spool_trace *trace = &spool->trace;
	const uint64_t pages = bytes / PAGE_BYTES + 1 + PAGES_TOUCHED;
	char key[SPOOL_TRACE_KEY_BYTES];
	struct span room;

	struct err err = store_admit_spare(spool->store, pages);
	if (err.code == ERR_NO_SPACE) {
		trace->lost.rows += rows;
		return err_ok();
	}
	if (failed(err))
		return err;
	trace_write_head((struct span){ trace->block, TRACE_BLOCK_HEAD }, trace->from, trace->to);
	err = store_append_room(
	        spool->store, TABLE_TRACE, block_key(key, trace->next), bytes, &room);
	if (failed(err))
		return err;
	memcpy(room.data, trace->block, bytes);
	trace->next++;
	return err_ok();
}

struct err spool_trace_end(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;
	const struct err err =
	        trace->rows > 0 ? trace_write(spool, trace->bytes, trace->rows) : err_ok();

	trace_clear(trace);
	return err;
}

void spool_trace_committed(struct spool *spool)
{
	struct spool_trace *trace = &spool->trace;

	trace->committed = trace->next;
	trace->losses.rows += trace->lost.rows;
	trace->losses.blocks += trace->lost.blocks;
	trace->lost = (struct spool_trace_losses){ 0 };
}

static struct span trace_room(struct spool_trace *trace)
{
	return (struct span){ trace->block + trace->bytes, TRACE_ROW_MAX };
}

/* The row is behind what has gathered: it joins that, or what has gathered goes first. */
static struct err trace_add(struct spool *spool, size_t row_bytes, struct wall when)
{
	struct spool_trace *trace = &spool->trace;
	struct err err = err_ok();

	if (trace->rows > 0 && trace->bytes + row_bytes > SPOOL_TRACE_BLOCK_BYTES) {
		err = trace_write(spool, trace->bytes, trace->rows);
		memmove(trace->block + TRACE_BLOCK_HEAD, trace->block + trace->bytes, row_bytes);
		trace_clear(trace);
	}
	if (trace->rows == 0)
		trace->from = when;
	trace->to = when;
	trace->bytes += row_bytes;
	trace->rows++;
	return err;
}

struct err spool_trace_put(struct spool *spool, const struct trace_put *put)
{
	struct spool_trace *trace = &spool->trace;
	struct message_cursor at = message_recipients(put->message);

	check(spool->batch_open);
	check(put->job_count > 0);
	struct err err =
	        trace_add(spool, trace_write_accept(trace_room(trace), put, &at), put->when);
	while (!failed(err) && at.index < put->message->recipient_count)
		err = trace_add(
		        spool, trace_write_recipients(trace_room(trace), put, &at), put->when);
	return err;
}

struct err spool_trace_settle(
        struct spool *spool, const struct job *job, const struct trace_end *end)
{
	check(spool->batch_open);
	return trace_add(spool, trace_write_settle(trace_room(&spool->trace), job, end), end->when);
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
