#include "queue/record.h"

void record_put(struct record_writer *writer, struct view bytes)
{
	check(writer->bytes <= writer->room.bytes);
	check(bytes.bytes <= writer->room.bytes - writer->bytes);
	if (bytes.bytes > 0)
		memcpy(writer->room.data + writer->bytes, bytes.data, bytes.bytes);
	writer->bytes += bytes.bytes;
}

void record_put_string(struct record_writer *writer, const char *text)
{
	const struct view view = view_of(text);

	record_put_u16(writer, (uint16_t)view.bytes);
	record_put(writer, view);
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
