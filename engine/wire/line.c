#include "engine/wire/line.h"

#include "queue/base/check.h"

void line_init(struct line_reader *reader, struct span buffer)
{
	*reader = (struct line_reader){ .buffer = buffer };
}

bool line_is_idle(const struct line_reader *reader)
{
	return reader->bytes == 0 && !reader->too_long && !reader->last_cr;
}

/* Copies what fits. */
static void line_store(struct line_reader *reader, struct view part)
{
	check(reader->bytes <= reader->buffer.bytes);
	size_t room = reader->buffer.bytes - reader->bytes;

	if (view_find(part, '\r') < part.bytes)
		reader->bare_cr = true;
	if (part.bytes > room)
		reader->too_long = true;
	part = view_first(part, room);
	if (part.bytes > 0)
		memcpy(reader->buffer.data + reader->bytes, part.data, part.bytes);
	reader->bytes += part.bytes;
}

/* A CR at the end is not stored but remembered: with LF behind it, it is the line's end, which
 * needs no room. */
static void line_append(struct line_reader *reader, struct view part)
{
	if (part.bytes == 0)
		return;
	if (reader->last_cr)
		line_store(reader, VIEW("\r"));
	reader->last_cr = part.data[part.bytes - 1] == '\r';
	line_store(reader, view_first(part, part.bytes - reader->last_cr));
}

/* The line lies whole in the input, and would fit the buffer too. */
static bool line_lend(const struct line_reader *reader, struct view part, struct line *line)
{
	bool crlf = part.bytes > 0 && part.data[part.bytes - 1] == '\r';

	part.bytes -= crlf;
	if (!line_is_idle(reader) || part.bytes > reader->buffer.bytes)
		return false;
	*line = (struct line){
		.text = part,
		.crlf = crlf,
		.bare_cr = view_find(part, '\r') < part.bytes,
	};
	return true;
}

enum line_news line_read(struct line_reader *reader, struct view *input, struct line *line)
{
	size_t end = view_find(*input, '\n');
	struct view part = view_first(*input, end);

	if (end == input->bytes) {
		*input = view_skip(*input, end);
		line_append(reader, part);
		return LINE_MORE;
	}
	*input = view_skip(*input, end + 1);
	if (line_lend(reader, part, line))
		return LINE_READY;
	line_append(reader, part);
	*line = (struct line){
		.text = view_from(reader->buffer.data, reader->bytes),
		.crlf = reader->last_cr,
		.bare_cr = reader->bare_cr,
		.too_long = reader->too_long,
	};
	line_init(reader, reader->buffer);
	return LINE_READY;
}
