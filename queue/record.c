#include "queue/record.h"

#include <endian.h>

void record_put(struct record_writer *writer, struct view bytes)
{
	check(writer->bytes <= writer->room.bytes);
	check(bytes.bytes <= writer->room.bytes - writer->bytes);
	if (bytes.bytes > 0)
		memcpy(writer->room.data + writer->bytes, bytes.data, bytes.bytes);
	writer->bytes += bytes.bytes;
}

/* Every message has some hundred numbers: in one move each. */
void record_put_number(struct record_writer *writer, uint64_t number, size_t width)
{
	check(width >= 1);
	check(width <= sizeof number);
	const uint64_t bytes = htobe64(number << (64 - 8 * width));
	check(be64toh(bytes) >> (64 - 8 * width) == number);
	record_put(writer, view_from(&bytes, width));
}

void record_put_string(struct record_writer *writer, const char *text)
{
	const struct view view = view_of(text);

	record_put_u16(writer, (uint16_t)view.bytes);
	record_put(writer, view);
}

struct view record_get(struct record_reader *reader, size_t bytes)
{
	if (reader->bad || bytes > reader->rest.bytes) {
		reader->bad = true;
		return view_from(NULL, 0);
	}
	const struct view taken = view_first(reader->rest, bytes);
	reader->rest = view_skip(reader->rest, bytes);
	return taken;
}

uint64_t record_get_number(struct record_reader *reader, size_t width)
{
	const struct view bytes = record_get(reader, width);
	uint64_t number = 0;

	check(width <= 8);
	for (size_t i = 0; i < bytes.bytes; i++)
		number = number << 8 | (unsigned char)bytes.data[i];
	return number;
}

bool record_get_string(struct record_reader *reader, char *into, size_t size)
{
	const struct view text = record_get(reader, record_get_u16(reader));

	if (reader->bad || text.bytes >= size || view_find(text, '\0') < text.bytes)
		return false;
	if (text.bytes > 0)
		memcpy(into, text.data, text.bytes);
	into[text.bytes] = '\0';
	return true;
}
