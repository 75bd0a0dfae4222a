#include "engine/body.h"

#include "queue/base/check.h"

/* The converting chunk: the converter, and behind it what it wrote. */
struct body_converter {
	struct mime_convert convert;
	char output[];
};

#define BODY_OUTPUT_BYTES (CHUNK_DATA_BYTES - sizeof(struct body_converter))
static_assert(sizeof(struct body_converter) + 2 * MIME_OUTPUT_MIN <= CHUNK_DATA_BYTES,
        "converter and output share a chunk");

static struct body_converter *body_converter(struct body *body);
static void body_rewind(struct body *body);
static bool body_walk_next(struct body_walk *walk, struct view *piece);
static bool body_next_piece(struct body *body);
static bool body_lend_pending(struct body *body, struct stream *stream);
static bool body_next_pending(struct body *body, struct stream *stream);
static bool body_convert(struct body *body, struct stream *stream);

void body_begin(struct body *body, const struct message *message, struct view author, bool stuffed)
{
	check(message->sealed);
	check(message->body.bytes == message->body_bytes);
	*body = (struct body){
		.message = message,
		.author = message_author_is_open(message) ? author : VIEW(""),
		.stuffed = stuffed,
	};
	body_rewind(body);
	stuff_init(&body->stuff);
}

uint64_t body_bytes(const struct message *message, struct view author)
{
	if (author.bytes == 0 || !message_author_is_open(message))
		return message->body_bytes;
	return message->body_bytes - message_author(message).bytes + author.bytes;
}

static void body_rewind(struct body *body)
{
	body->walk = (struct body_walk){
		.at = rope_start(&body->message->body),
		.author = body->author,
		.place = message_author(body->message),
	};
	body->last = false;
}

void body_prepend(struct body *body, struct view line)
{
	check(body->pending.bytes == 0);
	check(line.bytes > 2);
	check(line.data[0] != '.'); /* it is not stuffed */
	body->pending = line;
}

bool body_convert_begin(struct body *body, struct shelf *shelf)
{
	check(body->stuffed);
	check(body->converter == NULL);
	body->converter = shelf_take(shelf);
	if (body->converter == NULL)
		return false;
	mime_convert_init(&body_converter(body)->convert);
	return true;
}

bool body_convert_scan(struct body *body, struct shelf *shelf, enum mime_answer *answer)
{
	struct mime_convert *convert = &body_converter(body)->convert;
	size_t looked = 0;

	while (looked < BODY_SCAN_BYTES && body_next_piece(body)) {
		mime_convert_scan(convert, body->piece);
		looked += body->piece.bytes;
		body->piece.bytes = 0;
	}
	if (!body->last)
		return false;
	*answer = mime_convert_judge(convert);
	if (*answer != MIME_CAN)
		body_end(body, shelf);
	body_rewind(body);
	return true;
}

enum body_news body_send(struct body *body, struct stream *stream)
{
	while (body_lend_pending(body, stream)) {
		if (body->finished)
			return BODY_SENT;
		if (!body_next_pending(body, stream))
			return BODY_BLOCKED;
	}
	return BODY_BLOCKED;
}

void body_end(struct body *body, struct shelf *shelf)
{
	if (body->converter != NULL)
		shelf_give(shelf, MOVE(body->converter));
}

static struct body_converter *body_converter(struct body *body)
{
	check(body->converter != NULL);
	return (void *)body->converter->data;
}

/* Takes so much of what is left of a chunk. */
static struct view body_walk_take(struct body_walk *walk, uint64_t most)
{
	const struct view taken =
	        view_first(walk->rest, most < walk->rest.bytes ? (size_t)most : walk->rest.bytes);

	walk->rest = view_skip(walk->rest, taken.bytes);
	walk->offset += taken.bytes;
	return taken;
}

/* The chunks; up to the author's place and from behind it, where another is to be put in. */
static bool body_walk_next(struct body_walk *walk, struct view *piece)
{
	const uint64_t end = (uint64_t)walk->place.offset + walk->place.bytes;

	while (walk->rest.bytes > 0 || rope_next(&walk->at, &walk->rest)) {
		if (walk->author.bytes == 0 || walk->offset < walk->place.offset) {
			*piece = body_walk_take(walk, walk->author.bytes == 0
			                                      ? UINT64_MAX
			                                      : walk->place.offset - walk->offset);
			return true;
		}
		(void)body_walk_take(walk, end - walk->offset);
		if (walk->offset == end) {
			*piece = walk->author;
			walk->author.bytes = 0;
			return true;
		}
	}
	return false;
}

/* False: the message has no more. */
static bool body_next_piece(struct body *body)
{
	if (body->piece.bytes == 0 && !body->last)
		body->last = !body_walk_next(&body->walk, &body->piece);
	return body->piece.bytes > 0;
}

static bool body_lend_pending(struct body *body, struct stream *stream)
{
	if (body->pending.bytes == 0)
		return true;
	if (!stream_lend(stream, body->pending))
		return false;
	body->pending.bytes = 0;
	if (body->converter != NULL)
		body->converted_until = stream_queued_total(stream);
	return true;
}

/* False: nothing more can be made pending before the stream has written. */
static bool body_next_pending(struct body *body, struct stream *stream)
{
	if (!body->stuffed) {
		body->finished = !body_next_piece(body);
		body->pending = body->piece;
		body->piece.bytes = 0;
		return true;
	}
	if (body->converter != NULL && body->converted.bytes == 0 && !body_convert(body, stream))
		return false;
	if (stuff_read(&body->stuff, body->converter != NULL ? &body->converted : &body->piece,
	            &body->pending))
		return true;
	if (body->converter == NULL ? !body_next_piece(body) : body->last) {
		body->finished = !stuff_finish(&body->stuff, &body->pending);
	}
	return true;
}

/* Fills the converter's output anew. False: the stream still has what it wrote before. */
static bool body_convert(struct body *body, struct stream *stream)
{
	struct body_converter *converter = body_converter(body);
	struct text output = text_on(converter->output, BODY_OUTPUT_BYTES);

	if (body->last)
		return true;
	if (stream_written_total(stream) < body->converted_until)
		return false;
	while (body_next_piece(body))
		if (!mime_convert_write(&converter->convert, &body->piece, &output))
			break;
	if (body->last) {
		/* The end needs room too; what is left of it is asked for once more. */
		if (output.size - output.bytes >= MIME_OUTPUT_MIN)
			mime_convert_finish(&converter->convert, &output);
		else
			body->last = false;
	}
	body->converted = text_view(&output);
	return true;
}
