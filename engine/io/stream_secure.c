#include "engine/io/stream_secure.h"

#include "queue/base/check.h"

static size_t stream_secure_drop(struct stream *stream);
static void stream_secure(
        struct stream *stream, struct tls_context *context, const struct tls_peer *peer);
static size_t stream_secure_take(struct tls_wire *wire, struct span into);
static bool stream_secure_give(struct tls_wire *wire, struct view bytes);
static bool stream_secure_has_memory(struct stream *stream);
static void stream_secure_fail(struct stream *stream);
static bool stream_secure_encrypt(struct stream *stream);
static struct view stream_secure_join(
        const struct view *pieces, size_t count, char record[TLS_RECORD_BYTES]);
static void stream_secure_on_sent(struct io_op *op, const struct io_result *result);

/* Switching to TLS */

size_t stream_secure_server(struct stream *stream, struct tls_context *context)
{
	const size_t discarded = stream_secure_drop(stream);

	stream_secure(stream, context, NULL);
	return discarded;
}

void stream_secure_server_first(struct stream *stream, struct tls_context *context)
{
	check(inbox_gathered(&stream->inbox).bytes == 0);
	stream_secure(stream, context, NULL);
	if (stream->inbox.first != NULL)
		loop_task_add(&stream->loop->heavy, &stream->heavy_task);
}

size_t stream_secure_client(
        struct stream *stream, struct tls_context *context, const struct tls_peer *peer)
{
	const size_t discarded = stream_secure_drop(stream);

	stream_secure(stream, context, peer);
	loop_task_add(&stream->loop->heavy, &stream->heavy_task); /* the client speaks first */
	return discarded;
}

static size_t stream_secure_drop(struct stream *stream)
{
	check(stream->state == STREAM_PLAIN);
	return inbox_clear(&stream->inbox, stream->loop->io, stream->loop->shelf);
}

static void stream_secure(
        struct stream *stream, struct tls_context *context, const struct tls_peer *peer)
{
	check(stream->state == STREAM_PLAIN);
	check(stream->tls == NULL);
	stream->state = STREAM_HANDSHAKING;
	stream->plain_until = stream->queued_total;
	stream->wire = (struct tls_wire){ stream_secure_take, stream_secure_give };
	struct err err = tls_create(&stream->tls, context, &stream->wire, peer);
	if (failed(err))
		stream_end(stream, err);
	stream_receive(stream);
}

void stream_secure_run(struct loop_task *task)
{
	struct stream *stream = container_of(task, struct stream, heavy_task);

	if (stream->state != STREAM_HANDSHAKING || stream->output_ended)
		return;
	if (!stream_secure_has_memory(stream)) {
		loop_task_add(&stream->loop->starved, &stream->starved_task);
		return;
	}
	switch (tls_handshake(stream->tls)) {
	case TLS_WANTS:
		break;
	case TLS_DONE:
		stream->state = STREAM_SECURE;
		stream->secured = true;
		stream_tell(stream, STREAM_SECURED);
		if (stream_secure_read(stream))
			stream_tell(stream, STREAM_READABLE);
		break;
	case TLS_CLOSED:
	case TLS_FAILED:
		stream_secure_fail(stream);
		break;
	}
	loop_task_add(&stream->loop->last, &stream->flush_task);
	stream_receive(stream);
}

static void stream_secure_fail(struct stream *stream)
{
	struct err err = tls_failure(stream->tls);

	stream_end(stream, failed(err) ? err : err_make(ERR_TLS, 0));
}

/* The wire */

static size_t stream_secure_take(struct tls_wire *wire, struct span into)
{
	struct stream *stream = container_of(wire, struct stream, wire);

	return inbox_take_received(&stream->inbox, stream->loop->io, into);
}

static bool stream_secure_give(struct tls_wire *wire, struct view bytes)
{
	struct stream *stream = container_of(wire, struct stream, wire);

	return rope_append(&stream->cipher, stream->loop->shelf, bytes, 0);
}

/* One record, or a flight of the handshake, takes two chunks at most. The library can't be
 * stopped half-way, so we see first. */
static bool stream_secure_has_memory(struct stream *stream)
{
	struct shelf *shelf = stream->loop->shelf;
	struct chunk *first = shelf_take(shelf);
	struct chunk *second = shelf_take(shelf);
	bool enough = first != NULL && second != NULL;

	if (first != NULL)
		shelf_give(shelf, first);
	if (second != NULL)
		shelf_give(shelf, second);
	return enough;
}

/* Reading */

bool stream_secure_read(struct stream *stream)
{
	enum tls_status status = TLS_DONE;
	bool grew = false;

	stream->decrypt_more = false;
	while (status == TLS_DONE) {
		struct span room = inbox_room(&stream->inbox, stream->loop->shelf);
		size_t bytes = 0;
		if (room.bytes == 0) {
			stream->decrypt_more = true;
			if (stream->inbox.gathered == NULL)
				loop_task_add(&stream->loop->starved, &stream->starved_task);
			break;
		}
		status = tls_read(stream->tls, room, &bytes);
		inbox_gathered_more(&stream->inbox, stream->loop->shelf, bytes);
		grew = grew || bytes > 0;
	}
	if (status == TLS_CLOSED)
		stream_end(stream, err_make(ERR_CLOSED, 0));
	else if (status == TLS_FAILED)
		stream_secure_fail(stream);
	if (stream->cipher.bytes > 0) /* TLS answers some records by itself */
		loop_task_add(&stream->loop->last, &stream->flush_task);
	stream_receive(stream);
	return grew;
}

/* Writing */

bool stream_secure_send(struct stream *stream)
{
	struct view pieces[IO_PIECES_MAX];
	struct rope_cursor at;
	bool waits = false;
	size_t count = 0;

	/* The handshake's last flight and the first words behind it are one send: Finished and our
	 * EHLO, or tickets and our reply. */
	if (stream->secured && !stream->output_ended && stream->cipher.bytes <= STREAM_CIPHER_LEFT)
		waits = !stream_secure_encrypt(stream);
	if (stream->state == STREAM_CLOSING && stream->secured && !stream->closed_inside &&
	        outbox_is_empty(&stream->outbox)) {
		stream->closed_inside = true;
		tls_close(stream->tls);
	}
	at = rope_start(&stream->cipher);
	while (count < IO_PIECES_MAX && rope_next(&at, &pieces[count]))
		count++;
	if (count == 0)
		return waits;
	pieces[0] = view_skip(pieces[0], stream->cipher_offset);
	stream->send_op.done = stream_secure_on_sent;
	stream->ops_in_flight++;
	if (count == 1)
		io_send(stream->loop->io, &stream->send_op, stream->fd, pieces[0]);
	else
		io_send_pieces(stream->loop->io, &stream->send_op, stream->fd, pieces, count);
	return true;
}

/* Fills records as full as what is queued allows; small pieces are joined first, since a record
 * of its own costs more than a copy. False: there was no memory for all of it. */
static bool stream_secure_encrypt(struct stream *stream)
{
	struct view pieces[IO_PIECES_MAX];
	char record[TLS_RECORD_BYTES];
	uint64_t encrypted = 0;

	while (encrypted < STREAM_ENCRYPT_MAX) {
		size_t count =
		        outbox_pieces(&stream->outbox, TLS_RECORD_BYTES, pieces, IO_PIECES_MAX);
		if (count == 0)
			break;
		if (!stream_secure_has_memory(stream)) {
			loop_task_add(&stream->loop->starved, &stream->starved_task);
			return false;
		}
		struct view bytes = stream_secure_join(pieces, count, record);
		if (tls_write(stream->tls, bytes) != TLS_DONE) {
			stream_secure_fail(stream);
			break;
		}
		outbox_drop(&stream->outbox, stream->loop->shelf, bytes.bytes);
		stream->begun_total += bytes.bytes;
		encrypted += bytes.bytes;
	}
	return true;
}

static struct view stream_secure_join(
        const struct view *pieces, size_t count, char record[TLS_RECORD_BYTES])
{
	size_t bytes = 0;

	if (count == 1 || pieces[0].bytes > TLS_RECORD_BYTES / 2)
		return pieces[0];
	for (size_t i = 0; i < count; i++) {
		check(bytes + pieces[i].bytes <= TLS_RECORD_BYTES);
		memcpy(record + bytes, pieces[i].data, pieces[i].bytes);
		bytes += pieces[i].bytes;
	}
	return view_from(record, bytes);
}

static void stream_secure_on_sent(struct io_op *op, const struct io_result *result)
{
	struct stream *stream = container_of(op, struct stream, send_op);
	struct rope *cipher = &stream->cipher;

	if (!stream_sent(stream, result))
		return;
	stream->cipher_offset += (uint32_t)result->value;
	while (cipher->first != NULL && stream->cipher_offset >= cipher->first->used) {
		stream->cipher_offset -= cipher->first->used;
		rope_drop_first(cipher, stream->loop->shelf);
	}
	if (cipher->bytes > 0 || stream->written_total == stream->begun_total)
		return;
	stream->written_total = stream->begun_total;
	stream_tell(stream, STREAM_WRITTEN);
}
