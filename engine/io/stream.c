#include "engine/io/stream.h"

#include "engine/io/stream_secure.h"
#include "queue/base/check.h"

static void stream_init(struct stream *stream, struct loop *loop, struct list *news, int fd);
static void stream_on_connected(struct io_op *op, const struct io_result *result);
static void stream_on_received(struct io_op *op, const struct io_result *result);
static void stream_on_sent(struct io_op *op, const struct io_result *result);
static void stream_on_shut_down(struct io_op *op, const struct io_result *result);
static void stream_on_closed(struct io_op *op, const struct io_result *result);
static void stream_on_close_time(struct timer *timer);
static void stream_hush(struct stream *stream);
static void stream_op_ended(struct stream *stream, const struct io_result *result);
static void stream_came(struct stream *stream);
static void stream_retry(struct loop_task *task);
static void stream_flush(struct loop_task *task);
static void stream_send_plain(struct stream *stream);
static void stream_drain(struct stream *stream);
static void stream_die(struct stream *stream);
static void stream_bury(struct stream *stream);

/* Opening */

static void stream_init(struct stream *stream, struct loop *loop, struct list *news, int fd)
{
	check(stream->state == STREAM_UNUSED);
	void *owner = stream->owner;
	*stream = (struct stream){ .loop = loop,
		.news = news,
		.owner = owner,
		.fd = fd,
		.plain_until = UINT64_MAX,
		.state = STREAM_PLAIN };
	stream->recv_op.done = stream_on_received;
	stream->close_op.done = stream_on_closed;
	stream->close_timer.expired = stream_on_close_time;
	stream->flush_task.run = stream_flush;
	stream->heavy_task.run = stream_secure_run;
	stream->starved_task.run = stream_retry;
}

void stream_open(struct stream *stream, struct loop *loop, struct list *news, int fd)
{
	check(fd >= 0);
	stream_init(stream, loop, news, fd);
	struct err err = io_peer(loop->io, fd, &stream->peer);
	if (failed(err))
		stream_end(stream, err);
	stream_receive(stream);
}

void stream_connect(struct stream *stream, struct loop *loop, struct list *news,
        const struct endpoint *to, const struct endpoint *from)
{
	stream_init(stream, loop, news, -1);
	stream->state = STREAM_CONNECTING;
	stream->peer = *to;
	struct err err = io_socket(loop->io, to, from, &stream->fd);
	if (failed(err)) {
		stream_end(stream, err);
		return;
	}
	stream->send_op.done = stream_on_connected;
	stream->ops_in_flight++;
	io_connect(loop->io, &stream->send_op, stream->fd, to);
}

static void stream_on_connected(struct io_op *op, const struct io_result *result)
{
	struct stream *stream = container_of(op, struct stream, send_op);

	stream_op_ended(stream, result);
	if (stream->state != STREAM_CONNECTING)
		return;
	if (result->value < 0) {
		stream_end(stream, err_make(ERR_SYSTEM, -result->value));
		return;
	}
	stream->state = STREAM_PLAIN;
	stream_tell(stream, STREAM_CONNECTED);
	stream_receive(stream);
	loop_task_add(&stream->loop->last, &stream->flush_task);
}

/* News */

/* Once the owner has let go of the stream, only its end is news. */
void stream_tell(struct stream *stream, unsigned news)
{
	if (stream->state >= STREAM_CLOSING && news != STREAM_GONE)
		return;
	stream->pending |= (uint8_t)news;
	if (link_is_linked(&stream->news_link))
		return;
	list_push_last(stream->news, &stream->news_link);
	stream->loop->news_unread++;
}

static void stream_hush(struct stream *stream)
{
	stream->pending = 0;
	if (!link_is_linked(&stream->news_link))
		return;
	list_remove(stream->news, &stream->news_link);
	stream->loop->news_unread--;
}

struct stream *stream_next_news(struct list *news, unsigned *what)
{
	struct link *link = list_first(news);

	if (link == NULL)
		return NULL;
	struct stream *stream = container_of(link, struct stream, news_link);
	*what = stream->pending;
	stream_hush(stream);
	if ((*what & STREAM_GONE) != 0)
		stream->state = STREAM_UNUSED;
	return stream;
}

void stream_end(struct stream *stream, struct err reason)
{
	if (failed(stream->failure))
		return;
	stream->failure = reason;
	stream->input_ended = true;
	if (reason.code != ERR_CLOSED)
		stream->output_ended = true;
	if (reason.code == ERR_SYSTEM)
		stream->socket_broken = true;
	/* So that an alert, if TLS wrote one, says to the peer what we think of it. */
	loop_task_add(&stream->loop->last, &stream->flush_task);
	stream_tell(stream, STREAM_ENDED);
}

/* Receiving */

void stream_receive(struct stream *stream)
{
	bool full = stream->inbox.buffer_count >= STREAM_RECEIVED_MAX;
	bool useful = stream->state >= STREAM_PLAIN && stream->state <= STREAM_CLOSING &&
	              !stream->paused && !stream->input_ended && !full;

	if (!useful) {
		io_cancel(stream->loop->io, &stream->recv_op);
	} else if (stream->recv_op.kind == IO_IDLE && !link_is_linked(&stream->starved_task.link)) {
		stream->ops_in_flight++;
		io_recv(stream->loop->io, &stream->recv_op, stream->fd);
	}
}

static void stream_on_received(struct io_op *op, const struct io_result *result)
{
	struct stream *stream = container_of(op, struct stream, recv_op);

	if (result->buffer != NULL) {
		if (stream->state >= STREAM_CLOSING)
			io_buffer_give(stream->loop->io, result->buffer);
		else
			inbox_push(&stream->inbox, result->buffer);
	}
	stream_op_ended(stream, result);
	if (stream->state == STREAM_DYING)
		return;
	if (result->value > 0)
		stream_came(stream);
	else if (result->value == 0)
		stream_end(stream, err_make(ERR_CLOSED, 0));
	else if (result->value == IO_NO_BUFFER)
		loop_task_add(&stream->loop->starved, &stream->starved_task);
	else if (result->value != IO_CANCELLED)
		stream_end(stream, err_make(ERR_SYSTEM, -result->value));
	if (stream->state == STREAM_CLOSING && stream->input_ended)
		loop_task_add(&stream->loop->last, &stream->flush_task);
	stream_receive(stream);
}

static void stream_came(struct stream *stream)
{
	if (stream->state == STREAM_PLAIN)
		stream_tell(stream, STREAM_READABLE);
	else if (stream->state == STREAM_HANDSHAKING)
		loop_task_add(&stream->loop->heavy, &stream->heavy_task);
	else if (stream->state == STREAM_SECURE && stream_secure_read(stream))
		stream_tell(stream, STREAM_READABLE);
}

/* Memory or receive buffers ran out a while ago: everything that may have waited for them goes
 * on, and waits anew where it must. */
static void stream_retry(struct loop_task *task)
{
	struct stream *stream = container_of(task, struct stream, starved_task);

	if (io_buffers_free(stream->loop->io) == 0)
		loop_task_add(&stream->loop->starved, &stream->starved_task);
	stream_receive(stream);
	stream_came(stream);
	loop_task_add(&stream->loop->last, &stream->flush_task);
}

struct view stream_peek(struct stream *stream)
{
	if (stream->state == STREAM_PLAIN)
		return inbox_first(&stream->inbox);
	if (stream->state != STREAM_SECURE)
		return VIEW("");
	if (stream->decrypt_more && inbox_gathered(&stream->inbox).bytes == 0)
		(void)stream_secure_read(stream);
	return inbox_gathered(&stream->inbox);
}

void stream_consume(struct stream *stream, size_t bytes)
{
	check(stream->state == STREAM_PLAIN || stream->state == STREAM_SECURE);
	inbox_consume(&stream->inbox, stream->loop->io, stream->loop->shelf, bytes);
	if (stream->inbox.buffer_count <= STREAM_RECEIVED_MAX / 2)
		stream_receive(stream);
}

bool stream_gather(struct stream *stream)
{
	struct loop *loop = stream->loop;
	size_t before = stream_peek(stream).bytes;

	if (stream->state == STREAM_SECURE) {
		if (stream->decrypt_more)
			(void)stream_secure_read(stream);
	} else if (stream->state == STREAM_PLAIN && stream->inbox.first != NULL) {
		(void)inbox_gather(&stream->inbox, loop->io, loop->shelf);
		if (stream->inbox.gathered == NULL)
			loop_task_add(&loop->starved, &stream->starved_task);
		stream_receive(stream);
	}
	return stream_peek(stream).bytes > before;
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	stream_receive(stream);
}

void stream_resume(struct stream *stream)
{
	stream->paused = false;
	stream_receive(stream);
}

/* Sending */

bool stream_put(struct stream *stream, struct view bytes)
{
	if (stream->output_ended || stream->state >= STREAM_CLOSING)
		return false;
	if (!outbox_put(&stream->outbox, stream->loop->shelf, bytes))
		return false;
	stream->queued_total += bytes.bytes;
	loop_task_add(&stream->loop->last, &stream->flush_task);
	return true;
}

bool stream_lend(struct stream *stream, struct view bytes)
{
	if (stream->output_ended || stream->state >= STREAM_CLOSING)
		return false;
	if (!outbox_lend(&stream->outbox, stream->loop->shelf, bytes))
		return false;
	stream->queued_total += bytes.bytes;
	loop_task_add(&stream->loop->last, &stream->flush_task);
	return true;
}

size_t stream_room_bytes(const struct stream *stream)
{
	return outbox_room_bytes(&stream->outbox);
}

size_t stream_room_pieces(const struct stream *stream)
{
	return outbox_room_pieces(&stream->outbox);
}

/* At the turn's end, or when the send before has ended: one send at a time, of all there is. */
static void stream_flush(struct loop_task *task)
{
	struct stream *stream = container_of(task, struct stream, flush_task);
	bool plain = stream->written_total < stream->plain_until;

	if (stream->send_op.kind != IO_IDLE)
		return;
	if (stream->state == STREAM_CONNECTING || stream->state == STREAM_DYING)
		return;
	if (stream->socket_broken) {
		/* It broke while we were closing: there is nothing to wait for any more. */
		if (stream->state == STREAM_CLOSING)
			stream_die(stream);
		return;
	}
	if (plain && !outbox_is_empty(&stream->outbox) && !stream->output_ended)
		stream_send_plain(stream);
	else if (stream->tls != NULL && stream_secure_send(stream))
		return;
	else if (stream->state == STREAM_CLOSING)
		stream_drain(stream);
}

static void stream_send_plain(struct stream *stream)
{
	/* I8: what was queued after the switch to TLS never goes this way. */
	check(stream->written_total < stream->plain_until);
	struct view pieces[IO_PIECES_MAX];
	size_t count = outbox_pieces(&stream->outbox, stream->plain_until - stream->written_total,
	        pieces, IO_PIECES_MAX);
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += pieces[i].bytes;
	if (stream->written_total + bytes > stream->begun_total)
		stream->begun_total = stream->written_total + bytes;
	stream->send_op.done = stream_on_sent;
	stream->ops_in_flight++;
	if (count == 1)
		io_send(stream->loop->io, &stream->send_op, stream->fd, pieces[0]);
	else
		io_send_pieces(stream->loop->io, &stream->send_op, stream->fd, pieces, count);
}

static void stream_on_sent(struct io_op *op, const struct io_result *result)
{
	struct stream *stream = container_of(op, struct stream, send_op);

	if (!stream_sent(stream, result))
		return;
	outbox_drop(&stream->outbox, stream->loop->shelf, (uint64_t)result->value);
	stream->written_total += (uint64_t)result->value;
	stream_tell(stream, STREAM_WRITTEN);
}

/* What every send's end has in common; gives whether the stream goes on. */
bool stream_sent(struct stream *stream, const struct io_result *result)
{
	stream_op_ended(stream, result);
	if (stream->state == STREAM_DYING)
		return false;
	if (result->value >= 0) {
		loop_task_add(&stream->loop->last, &stream->flush_task);
		return true;
	}
	stream_end(stream, err_make(ERR_SYSTEM, -result->value));
	stream->output_ended = true;
	stream->socket_broken = true;
	if (stream->state == STREAM_CLOSING)
		stream_die(stream);
	return false;
}

/* Closing */

void stream_close(struct stream *stream)
{
	check(stream->state != STREAM_UNUSED);
	if (stream->state >= STREAM_CLOSING)
		return;
	stream_hush(stream);
	if (stream->state == STREAM_CONNECTING || stream->socket_broken) {
		stream_die(stream);
		return;
	}
	stream->state = STREAM_CLOSING;
	stream->paused = false;
	inbox_clear(&stream->inbox, stream->loop->io, stream->loop->shelf);
	loop_timer_after(stream->loop, &stream->close_timer, STREAM_CLOSE_WITHIN_S * NS_PER_S);
	loop_task_add(&stream->loop->last, &stream->flush_task);
	stream_receive(stream);
}

/* Closing a socket while input comes in resets the connection, and a reset may overtake our last
 * reply. So: we say that we send no more, and read on until the peer says so too. */
static void stream_drain(struct stream *stream)
{
	if (stream->input_ended) {
		stream_die(stream);
	} else if (!stream->shut_down) {
		stream->shut_down = true;
		stream->send_op.done = stream_on_shut_down;
		stream->ops_in_flight++;
		io_shutdown(stream->loop->io, &stream->send_op, stream->fd);
	}
}

static void stream_on_shut_down(struct io_op *op, const struct io_result *result)
{
	struct stream *stream = container_of(op, struct stream, send_op);

	stream_op_ended(stream, result);
	if (stream->state == STREAM_CLOSING && stream->input_ended)
		stream_die(stream);
}

static void stream_on_close_time(struct timer *timer)
{
	stream_abort(container_of(timer, struct stream, close_timer));
}

void stream_abort(struct stream *stream)
{
	check(stream->state != STREAM_UNUSED);
	if (stream->state == STREAM_DYING)
		return;
	stream_hush(stream);
	if (stream->fd >= 0)
		io_reset_on_close(stream->loop->io, stream->fd);
	stream_die(stream);
}

/* The kernel owns what it was given until each operation ends (I5): memory that it may read is
 * kept until then. */
static void stream_die(struct stream *stream)
{
	struct loop *loop = stream->loop;

	stream->state = STREAM_DYING;
	loop_timer_stop(loop, &stream->close_timer);
	loop_task_drop(&loop->last, &stream->flush_task);
	loop_task_drop(&loop->heavy, &stream->heavy_task);
	loop_task_drop(&loop->starved, &stream->starved_task);
	inbox_clear(&stream->inbox, loop->io, loop->shelf);
	io_cancel(loop->io, &stream->recv_op);
	io_cancel(loop->io, &stream->send_op);
	if (stream->fd >= 0) {
		stream->ops_in_flight++;
		io_close(loop->io, &stream->close_op, stream->fd);
		stream->fd = -1;
	}
	if (stream->ops_in_flight == 0)
		stream_bury(stream);
}

static void stream_on_closed(struct io_op *op, const struct io_result *result)
{
	stream_op_ended(container_of(op, struct stream, close_op), result);
}

static void stream_op_ended(struct stream *stream, const struct io_result *result)
{
	if (result->more)
		return;
	check(stream->ops_in_flight > 0);
	stream->ops_in_flight--;
	if (stream->state == STREAM_DYING && stream->ops_in_flight == 0)
		stream_bury(stream);
}

static void stream_bury(struct stream *stream)
{
	struct shelf *shelf = stream->loop->shelf;

	outbox_clear(&stream->outbox, shelf);
	rope_free(&stream->cipher, shelf);
	tls_destroy(MOVE(stream->tls));
	stream_tell(stream, STREAM_GONE);
}

/* What happened */

struct err stream_failure(const struct stream *stream)
{
	return stream->failure;
}

void stream_failure_text(const struct stream *stream, struct text *text)
{
	switch (stream->failure.code) {
	case ERR_SYSTEM:
		text_put(text, view_of(strerror(stream->failure.detail)));
		break;
	case ERR_CLOSED:
		text_put(text, view_of(err_text(ERR_CLOSED)));
		if (stream->state == STREAM_HANDSHAKING)
			text_put(text, VIEW(" during the TLS handshake"));
		break;
	case ERR_TLS:
		text_put(text, VIEW("TLS: "));
		text_put(text, view_of(stream->tls == NULL ? "" : tls_failure_text(stream->tls)));
		break;
	default:
		text_put(text, view_of(err_text(stream->failure.code)));
		break;
	}
}

const struct tls *stream_tls(const struct stream *stream)
{
	return stream->tls;
}
