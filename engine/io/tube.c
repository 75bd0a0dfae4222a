#include "engine/io/tube.h"

#include "engine/io/crypto.h"
#include "engine/io/packets.h"
#include "queue/base/check.h"

static void tube_received(struct io_op *op, const struct io_result *result);
static void tube_sent(struct io_op *op, const struct io_result *result);
static void tube_closed(struct io_op *op, const struct io_result *result);
static void tube_end(struct tube *tube);
static void tube_leave(struct tube *tube);

void tube_init(struct tube *tube, struct loop *loop, int end)
{
	tube->loop = loop;
	tube->end = end;
	tube->recv_op.done = tube_received;
	tube->send_op.done = tube_sent;
	tube->close_op.done = tube_closed;
	tube->over = false;
	tube->closing = false;
	tube->sending = 0;
}

void tube_start(struct tube *tube)
{
	io_recv(tube->loop->io, &tube->recv_op, tube->end);
}

bool tube_is_vacant(const struct tube *tube)
{
	return !tube->over && tube->sending == 0;
}

struct span tube_room(struct tube *tube)
{
	check(tube_is_vacant(tube));
	return (struct span){ tube->out, sizeof tube->out };
}

void tube_send(struct tube *tube, size_t bytes)
{
	check(tube_is_vacant(tube));
	check(bytes > 0);
	check(bytes <= sizeof tube->out);
	tube->sending = bytes;
	io_send(tube->loop->io, &tube->send_op, tube->end, view_from(tube->out, bytes));
}

/* The peer's packets are whole, and each has a buffer to itself. */
static void tube_received(struct io_op *op, const struct io_result *result)
{
	struct tube *tube = container_of(op, struct tube, recv_op);

	if (result->value > 0) {
		struct io_buffer *buffer = result->buffer;

		if (!tube->over)
			tube->heard(tube, view_from(buffer->data, (size_t)result->value));
		crypto_wipe(buffer->data, (size_t)result->value);
		io_buffer_give(tube->loop->io, buffer);
	}
	if (result->more)
		return;
	/* Every buffer is free again by now. */
	if (!tube->over && (result->value > 0 || result->value == IO_NO_BUFFER))
		io_recv(tube->loop->io, &tube->recv_op, tube->end);
	else
		tube_end(tube);
}

static void tube_sent(struct io_op *op, const struct io_result *result)
{
	struct tube *tube = container_of(op, struct tube, send_op);
	const bool whole = result->value == (int)tube->sending;

	crypto_wipe(tube->out, tube->sending);
	tube->sending = 0;
	if (!whole)
		tube_end(tube);
	else if (!tube->over)
		tube->vacant(tube);
	tube_leave(tube);
}

static void tube_end(struct tube *tube)
{
	if (!tube->over) {
		tube->over = true;
		tube->ended(tube);
	}
	tube_leave(tube);
}

void tube_close(struct tube *tube)
{
	tube->over = true;
	tube->closing = true;
	io_cancel(tube->loop->io, &tube->recv_op);
	io_cancel(tube->loop->io, &tube->send_op);
	tube_leave(tube);
}

/* Once nothing is in flight any more. */
static void tube_leave(struct tube *tube)
{
	if (!tube->closing || tube->end < 0 || tube->recv_op.kind != IO_IDLE ||
	        tube->send_op.kind != IO_IDLE || tube->close_op.kind != IO_IDLE)
		return;
	io_close(tube->loop->io, &tube->close_op, tube->end);
}

static void tube_closed(struct io_op *op, const struct io_result *result)
{
	struct tube *tube = container_of(op, struct tube, close_op);

	(void)result;
	tube->end = -1;
}

bool tube_is_gone(const struct tube *tube)
{
	return tube->end < 0;
}

void tube_discard(struct tube *tube)
{
	packets_close(&tube->end);
}
