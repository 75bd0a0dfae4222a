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
static bool body_next_piece(struct body *body);
static bool body_lend_pending(struct body *body, struct stream *stream);
static bool body_next_pending(struct body *body, struct stream *stream);
static bool body_convert(struct body *body, struct stream *stream);

void body_begin(struct body *body, const struct message *message, bool stuffed)
{
	check(message->sealed);
	check(message->body.bytes == message->body_bytes);
	*body = (struct body){
		.message = message,
		.at = rope_start(&message->body),
		.stuffed = stuffed,
	};
	stuff_init(&body->stuff);
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
	body->at = rope_start(&body->message->body);
	body->last = false;
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

/* False: the message has no more. */
static bool body_next_piece(struct body *body)
{
	if (body->piece.bytes == 0 && !body->last)
		body->last = !rope_next(&body->at, &body->piece);
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
		body->pending = stuff_finish(&body->stuff);
		body->finished = true;
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
