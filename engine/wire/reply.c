#include "engine/wire/reply.h"

#include "queue/base/check.h"

void reply_init(struct reply_reader *reader, struct span buffer)
{
	*reader = (struct reply_reader){ .buffer = buffer };
}

void reply_want_offers(struct reply_reader *reader, struct capabilities *offers)
{
	check(reader->buffer.bytes >= 2 * REPLY_OFFER_MAX);
	*offers = (struct capabilities){ 0 };
	reader->offers = offers;
}

bool reply_is_idle(const struct reply_reader *reader)
{
	return reader->state == REPLY_IN_CODE && reader->lines == 0 && reader->digits == 0;
}

static void reply_keep(struct reply_reader *reader, struct view bytes)
{
	check(reader->bytes <= reader->buffer.bytes);
	size_t room = reader->buffer.bytes - reader->bytes;
	struct view kept = view_first(bytes, room);

	if (kept.bytes > 0)
		memcpy(reader->buffer.data + reader->bytes, kept.data, kept.bytes);
	reader->bytes += kept.bytes;
	reader->dropped_bytes += bytes.bytes - kept.bytes;
	reader->line_dropped += bytes.bytes - kept.bytes;
}

/* Keeps a line's text, control characters as '?'. */
static void reply_keep_text(struct reply_reader *reader, struct view bytes)
{
	char *at = reader->buffer.data + reader->bytes;

	reply_keep(reader, bytes);
	for (const char *end = reader->buffer.data + reader->bytes; at < end; at++) {
		const unsigned char c = (unsigned char)*at;
		if ((c < ' ' && c != '\t') || c == 0x7f)
			*at = '?';
	}
}

static bool reply_digit(struct reply_reader *reader, char c)
{
	if (!byte_is_digit(c))
		return false;
	if (reader->digits == 0 && (c < '2' || c > '5'))
		return false;
	if (reader->digits == 0 && reader->lines > 0)
		reply_keep(reader, VIEW("\n"));
	reply_keep(reader, view_from(&c, 1));
	reader->line_code = reader->line_code * 10 + (c - '0');
	if (++reader->digits < 3)
		return true;
	reader->state = REPLY_AT_MARK;
	if (reader->lines == 0)
		reader->code = reader->line_code;
	return reader->line_code == reader->code;
}

/* The byte behind the code: ' ' or '-' and the text, or the end of a line without text. */
static bool reply_mark(struct reply_reader *reader, struct view *input)
{
	char c = input->data[0];

	reader->last_line = c != '-';
	reader->state = REPLY_IN_TEXT;
	if (c == '\r' || c == '\n')
		return true;
	reply_keep(reader, view_first(*input, 1));
	*input = view_skip(*input, 1);
	return c == ' ' || c == '-';
}

static bool reply_text(struct reply_reader *reader, struct view *input)
{
	size_t bytes = view_find(*input, '\n');

	bytes = view_find(view_first(*input, bytes), '\r');
	reply_keep_text(reader, view_first(*input, bytes));
	*input = view_skip(*input, bytes);
	reader->line_bytes += (unsigned)bytes;
	return reader->line_bytes <= REPLY_LINE_MAX;
}

/* Behind a CR: LF ends the line, and anything else makes the CR a part of the text. */
static bool reply_after_cr(struct reply_reader *reader, struct view input)
{
	reader->state = REPLY_IN_TEXT;
	if (input.data[0] == '\n')
		return true;
	reply_keep_text(reader, VIEW("\r"));
	return ++reader->line_bytes <= REPLY_LINE_MAX;
}

/* What the line offers; of one that is cut, its last word may be. */
static void reply_read_offer(struct reply_reader *reader)
{
	struct view line =
	        view_from(reader->buffer.data + reader->line_at, reader->bytes - reader->line_at);

	if (reader->line_dropped > 0)
		while (line.bytes > 0 && line.data[line.bytes - 1] != ' ')
			line.bytes--;
	if (line.bytes > 5) /* line feed, code and mark */
		capabilities_read(view_skip(line, 5), reader->offers);
}

/* The next line finds room for an offer: in place of those that were read, but for the greeting. */
static void reply_make_room(struct reply_reader *reader)
{
	const size_t most = reader->buffer.bytes - REPLY_OFFER_MAX;
	const size_t kept = reader->greeting_bytes < most ? reader->greeting_bytes : most;

	if (reader->bytes <= most)
		return;
	reader->dropped_bytes += reader->bytes - kept;
	reader->bytes = kept;
}

static void reply_end_offer(struct reply_reader *reader)
{
	if (reader->lines == 0)
		reader->greeting_bytes = reader->bytes;
	else
		reply_read_offer(reader);
	reply_make_room(reader);
}

/* The line is over; the next one starts with its code. */
static bool reply_end_line(struct reply_reader *reader)
{
	if (reader->offers != NULL && reader->code / 100 == 2)
		reply_end_offer(reader);
	reader->lines++;
	reader->line_at = reader->bytes;
	reader->line_dropped = 0;
	reader->state = REPLY_IN_CODE;
	reader->line_code = 0;
	reader->line_bytes = 0;
	reader->digits = 0;
	return reader->last_line || reader->lines < REPLY_LINES_MAX;
}

/* Takes the next byte or bytes; false: this is no reply. *ended: its last line is over. */
static bool reply_step(struct reply_reader *reader, struct view *input, bool *ended)
{
	char c = input->data[0];

	switch (reader->state) {
	case REPLY_IN_CODE:
		*input = view_skip(*input, 1);
		return reply_digit(reader, c);
	case REPLY_AT_MARK:
		return reply_mark(reader, input);
	case REPLY_HELD_CR:
		return reply_after_cr(reader, *input);
	case REPLY_IN_TEXT:
		if (c != '\r' && c != '\n')
			return reply_text(reader, input);
		*input = view_skip(*input, 1);
		if (c == '\n') {
			*ended = reader->last_line;
			return reply_end_line(reader);
		}
		reader->state = REPLY_HELD_CR;
		return true;
	case REPLY_BROKEN:
		break;
	}
	return false;
}

static void reply_give(struct reply_reader *reader, struct reply *reply)
{
	*reply = (struct reply){
		.code = reader->code,
		.whole = view_from(reader->buffer.data, reader->bytes),
		.dropped_bytes = reader->dropped_bytes,
		.lines = reader->lines,
	};
	if (reply->whole.bytes > 4)
		reply->enhanced = reply_enhanced(view_skip(reply->whole, 4));
	reply_init(reader, reader->buffer);
}

enum reply_news reply_read(struct reply_reader *reader, struct view *input, struct reply *reply)
{
	bool ended = false;

	while (input->bytes > 0) {
		if (!reply_step(reader, input, &ended)) {
			reader->state = REPLY_BROKEN;
			return REPLY_BAD;
		}
		if (ended) {
			reply_give(reader, reply);
			return REPLY_READY;
		}
	}
	return reader->state == REPLY_BROKEN ? REPLY_BAD : REPLY_MORE;
}

bool reply_parse(struct view whole, struct span buffer, struct reply *reply)
{
	struct view end = VIEW("\n");
	struct reply_reader reader;

	reply_init(&reader, buffer);
	enum reply_news news = reply_read(&reader, &whole, reply);
	if (news == REPLY_MORE)
		news = reply_read(&reader, &end, reply);
	return news == REPLY_READY && whole.bytes == 0;
}

/* Bytes of the number of one to three digits at `at`, its value in *number; 0: none. */
static size_t reply_number(struct view text, size_t at, uint16_t *number)
{
	size_t digits = 0;

	*number = 0;
	while (digits < 4 && at + digits < text.bytes && byte_is_digit(text.data[at + digits]))
		*number = (uint16_t)(*number * 10 + (text.data[at + digits++] - '0'));
	return digits <= 3 ? digits : 0;
}

/* Bytes of the enhanced code at the start of text, 0 where there is none. */
static size_t reply_enhanced_bytes(struct view text, struct enhanced *enhanced)
{
	uint16_t part[3];
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		if (i > 0 && (at == text.bytes || text.data[at++] != '.'))
			return 0;
		size_t bytes = reply_number(text, at, &part[i]);
		if (bytes == 0)
			return 0;
		at += bytes;
	}
	if (part[0] != 2 && part[0] != 4 && part[0] != 5)
		return 0;
	if (at < text.bytes && text.data[at] != ' ' && text.data[at] != '\t' &&
	        text.data[at] != '\n')
		return 0;
	*enhanced = (struct enhanced){ part[0], part[1], part[2] };
	return at;
}

struct enhanced reply_enhanced(struct view text)
{
	struct enhanced enhanced = { 0 };

	(void)reply_enhanced_bytes(text, &enhanced);
	return enhanced;
}

void reply_put_text(struct text *text, const struct reply *reply)
{
	struct view rest = reply->whole;
	struct enhanced ignored;

	for (bool first = true; rest.bytes > 0; first = false) {
		size_t end = view_find(rest, '\n');
		struct view line = view_first(rest, end);
		rest = view_skip(rest, end < rest.bytes ? end + 1 : end);
		line = view_skip(line, line.bytes < 4 ? line.bytes : 4);
		line = view_trim(view_skip(line, reply_enhanced_bytes(line, &ignored)));
		if (!first)
			text_put(text, VIEW("\n"));
		text_put(text, line);
	}
}
