#include "queue/row_key.h"

#include "queue/record.h"

/* An id, and a number of the table's own behind it. */
static struct row_key row_key_make(uint64_t id, uint64_t number, size_t number_bytes)
{
	struct row_key key;
	struct record_writer writer = record_write((struct span){ key.data, sizeof key.data });

	record_put_u64(&writer, id);
	if (number_bytes > 0)
		record_put_number(&writer, number, number_bytes);
	key.bytes = writer.bytes;
	return key;
}

static bool row_key_parse(struct view key, uint64_t *id, uint64_t *number, size_t number_bytes)
{
	struct record_reader reader = record_read(key);

	*id = record_get_u64(&reader);
	*number = number_bytes > 0 ? record_get_number(&reader, number_bytes) : 0;
	return record_is_read(&reader);
}

struct row_key row_key_message(uint64_t id)
{
	return row_key_make(id, 0, 0);
}

struct row_key row_key_part(uint64_t id, uint16_t part)
{
	return row_key_make(id, part, sizeof part);
}

struct row_key row_key_body(uint64_t id, uint32_t row)
{
	return row_key_make(id, row, sizeof row);
}

struct row_key row_key_job(uint64_t id, uint16_t number)
{
	return row_key_make(id, number, sizeof number);
}

struct row_key row_key_due(struct due_key due)
{
	struct row_key key;
	struct record_writer writer = record_write((struct span){ key.data, sizeof key.data });

	check(due.when.ms >= 0);
	record_put_u16(&writer, due.route_id);
	record_put_u64(&writer, (uint64_t)due.when.ms);
	record_put_u64(&writer, due.id);
	record_put_u16(&writer, due.number);
	key.bytes = writer.bytes;
	return key;
}

bool row_key_parse_message(struct view key, uint64_t *id)
{
	uint64_t number = 0;

	return row_key_parse(key, id, &number, 0);
}

bool row_key_parse_part(struct view key, uint64_t *id, uint16_t *part)
{
	uint64_t number = 0;
	const bool good = row_key_parse(key, id, &number, sizeof *part);

	*part = (uint16_t)number;
	return good;
}

bool row_key_parse_body(struct view key, uint64_t *id, uint32_t *row)
{
	uint64_t number = 0;
	const bool good = row_key_parse(key, id, &number, sizeof *row);

	*row = (uint32_t)number;
	return good;
}

bool row_key_parse_job(struct view key, uint64_t *id, uint16_t *number)
{
	return row_key_parse_part(key, id, number);
}

bool row_key_parse_due(struct view key, struct due_key *due)
{
	struct record_reader reader = record_read(key);

	due->route_id = record_get_u16(&reader);
	due->when.ms = (int64_t)record_get_u64(&reader);
	due->id = record_get_u64(&reader);
	due->number = record_get_u16(&reader);
	return record_is_read(&reader) && due->when.ms >= 0;
}

int due_key_compare(const struct due_key *a, const struct due_key *b)
{
	if (a->when.ms != b->when.ms)
		return a->when.ms < b->when.ms ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}
