/*
 * Writing and reading the fields of durable records and keys: big-endian numbers, so that keys
 * sort as their numbers do, and bytes with their length in front.
 *
 * A record begins with a version byte. A reader never passes the record's end: it goes bad
 * instead, gives zeros from there on, and is asked once at the end.
 *
 * Thread:  any; values only. Lends views into the record that is read.
 * Fails:   a writer that runs over its room is a bug: callers bound what they write.
 */
#ifndef SLUICE_RECORD_H
#define SLUICE_RECORD_H

#include "queue/base/bytes.h"
#include "queue/base/check.h"
#include "queue/base/errors.h"

#include <endian.h>

struct record_writer {
	struct span room;
	size_t bytes; /* written */
};

struct record_reader {
	struct view rest;
	bool bad; /* ran over the end: what was read since is zeros */
};

static inline struct record_writer record_write(struct span room)
{
	return (struct record_writer){ .room = room };
}

void record_put(struct record_writer *writer, struct view bytes);
/* The low `width` bytes of the number, 1 to 8; the rest of it must be zero. In one move, and here:
 * every message has some hundred numbers. */
static inline void record_put_number(struct record_writer *writer, uint64_t number, size_t width)
{
	check(width >= 1);
	check(width <= sizeof number);
	const uint64_t bytes = htobe64(number);

	check(width == sizeof number || number >> (8 * width) == 0);
	check(writer->bytes <= writer->room.bytes);
	check(width <= writer->room.bytes - writer->bytes);
	memcpy(writer->room.data + writer->bytes, (const char *)&bytes + sizeof bytes - width,
	        width);
	writer->bytes += width;
}

static inline void record_put_u8(struct record_writer *writer, uint8_t number)
{
	record_put_number(writer, number, 1);
}

static inline void record_put_u16(struct record_writer *writer, uint16_t number)
{
	record_put_number(writer, number, 2);
}

static inline void record_put_u32(struct record_writer *writer, uint32_t number)
{
	record_put_number(writer, number, 4);
}

static inline void record_put_u64(struct record_writer *writer, uint64_t number)
{
	record_put_number(writer, number, 8);
}

static inline struct view record_view(const struct record_writer *writer)
{
	return view_from(writer->room.data, writer->bytes);
}

static inline struct record_reader record_read(struct view record)
{
	return (struct record_reader){ .rest = record };
}

/* Exactly so many bytes. */
static inline struct view record_get(struct record_reader *reader, size_t bytes)
{
	if (reader->bad || bytes > reader->rest.bytes) {
		reader->bad = true;
		return view_from(NULL, 0);
	}
	const struct view taken = view_first(reader->rest, bytes);
	reader->rest = view_skip(reader->rest, bytes);
	return taken;
}

static inline uint64_t record_get_number(struct record_reader *reader, size_t width)
{
	const struct view taken = record_get(reader, width);
	uint64_t bytes = 0;

	check(width >= 1);
	check(width <= sizeof bytes);
	if (taken.bytes > 0)
		memcpy(&bytes, taken.data, width);
	return be64toh(bytes) >> (64 - 8 * width);
}

static inline uint8_t record_get_u8(struct record_reader *reader)
{
	return (uint8_t)record_get_number(reader, 1);
}

static inline uint16_t record_get_u16(struct record_reader *reader)
{
	return (uint16_t)record_get_number(reader, 2);
}

static inline uint32_t record_get_u32(struct record_reader *reader)
{
	return (uint32_t)record_get_number(reader, 4);
}

static inline uint64_t record_get_u64(struct record_reader *reader)
{
	return record_get_number(reader, 8);
}

/* A string, without its NUL: two bytes of length, and its own. */
void record_put_string(struct record_writer *writer, const char *text);
/* False: it is bad, or no string that is shorter than `size`; `into` is as it was. */
MUST_CHECK bool record_get_string(struct record_reader *reader, char *into, size_t size);

/* Everything was there, and nothing is left. */
static inline bool record_is_read(const struct record_reader *reader)
{
	return !reader->bad && reader->rest.bytes == 0;
}

#endif
