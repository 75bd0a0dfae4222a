#include "queue/trace_reader.h"

#include "queue/spool_trace.h"
#include "queue/tables.h"

#include <stdlib.h>

/* After so many bytes the pages that were seen may be used again, and newer ones are seen. */
#define REST_BYTES (16 << 20)

struct trace_reader {
	struct tables_peek *peek;
	size_t bytes; /* since the last rest */
};

struct err trace_reader_open(struct trace_reader **result, const char *path)
{
	struct trace_reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	const struct err err = tables_peek_open(&reader->peek, path, TABLE_TRACE);
	if (failed(err)) {
		trace_reader_close(reader);
		return err;
	}
	*result = reader;
	return err_ok();
}

void trace_reader_close(struct trace_reader *reader)
{
	if (reader == NULL)
		return;
	tables_peek_close(reader->peek);
	free(reader);
}

static struct err reader_seek(
        struct trace_reader *reader, uint64_t *number, struct trace_block *block)
{
	char room[SPOOL_TRACE_KEY_BYTES];
	struct record_writer writer = record_write((struct span){ room, sizeof room });
	struct store_row row;

	record_put_u64(&writer, *number);
	const struct err err = tables_peek_seek(reader->peek, record_view(&writer), &row);
	if (failed(err))
		return err;
	struct record_reader key = record_read(row.key);
	*number = record_get_u64(&key);
	reader->bytes += row.value.bytes;
	return record_is_read(&key) && trace_read_block(row.value, block) ? err_ok()
	                                                                  : err_make(ERR_FORMAT, 0);
}

struct err trace_reader_seek(
        struct trace_reader *reader, uint64_t *number, struct trace_block *block)
{
	if (reader->bytes > REST_BYTES) {
		tables_peek_rest(reader->peek);
		reader->bytes = 0;
	}
	return reader_seek(reader, number, block);
}

/* The first block that has something from *since on (NULL: none has), or behind the last. */
static struct err reader_find(
        struct trace_reader *reader, const struct wall *since, uint64_t *number)
{
	uint64_t low = 0;
	uint64_t high = UINT64_MAX;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;
		struct trace_block block;
		uint64_t found = middle;
		const struct err err = reader_seek(reader, &found, &block);

		if (failed(err) && err.code != ERR_NOT_FOUND)
			return err;
		if (failed(err) || (since != NULL && block.to.ms >= since->ms))
			high = middle;
		else
			low = found + 1;
	}
	*number = low;
	return err_ok();
}

struct err trace_reader_end(struct trace_reader *reader, uint64_t *number)
{
	return reader_find(reader, NULL, number);
}

struct err trace_reader_since(struct trace_reader *reader, struct wall since, uint64_t *number)
{
	return reader_find(reader, &since, number);
}
