#include "tests/sim/network_inner.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define IO_BUFFERS_MOST 32 /* few, so that running out of them is met */

enum asked_kind { ASKED_OP, ASKED_CANCEL, ASKED_WAKE };

/* Asked for in this turn, submitted at its end. */
struct asked {
	enum asked_kind kind;
	struct io_op *op;
	struct io *target;
	struct endpoint to;
	struct view pieces[IO_PIECES_MAX];
	size_t piece_count;
};

struct completion {
	struct io *io;
	struct io_result result;
};

struct io {
	struct asked *asked;
	size_t asked_count;
	size_t asked_room;
	struct completion *ready;
	size_t ready_first; /* measured: those before it are reaped */
	size_t ready_count;
	size_t ready_room;
	struct io_buffer *buffers;
	struct io_buffer *buffer_free;
	size_t buffers_free;
	size_t buffer_count;
	size_t buffer_bytes;
	size_t in_flight;
	struct mono until;
	bool woken;
	bool killed;
	bool measured;
	struct io *next_ended;
	bool exposed;
};

/* A seam's body has no owner to be kept in. */
static struct {
	void (*crash)(void *owner);
	void *owner;
	double probability;
} crash_in_wait;
static struct io *ended;

#define FAULT_ERRORS 4 /* of a kind, at most */

static struct {
	enum io_kind kind;
	uint64_t nth; /* 0: no fault */
	uint64_t seen;
} fault;

static const int fault_errors[][FAULT_ERRORS] = {
	[IO_IDLE] = { EMFILE, ENFILE, ENOBUFS, ENOMEM },
	[IO_ACCEPT] = { EMFILE, ENFILE, ECONNABORTED, ENOMEM },
	[IO_CONNECT] = { ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL },
	[IO_RECV] = { ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOBUFS },
	[IO_SEND] = { EPIPE, ECONNRESET, ETIMEDOUT, ENOBUFS },
	[IO_SHUTDOWN] = { ENOTCONN, ENOTCONN, ENOTCONN, ENOTCONN },
	[IO_CLOSE] = { EIO, EINTR, EDQUOT, ENOSPC },
};

/* Opening and closing */

struct err io_create(struct io **result, const struct io_settings *settings, struct text *why)
{
	struct io *io = calloc(1, sizeof *io);

	(void)why;
	check(io != NULL);
	io->buffer_count =
	        settings->buffer_count < IO_BUFFERS_MOST ? settings->buffer_count : IO_BUFFERS_MOST;
	io->buffer_bytes = settings->buffer_bytes;
	io->buffers = calloc(io->buffer_count, sizeof *io->buffers);
	check(io->buffers != NULL);
	for (size_t i = 0; i < io->buffer_count; i++) {
		struct io_buffer *buffer = &io->buffers[i];
		buffer->data = malloc(io->buffer_bytes);
		check(buffer->data != NULL);
		buffer->index = (uint32_t)i;
		buffer->next = io->buffer_free;
		io->buffer_free = buffer;
	}
	io->buffers_free = io->buffer_count;
	*result = io;
	return err_ok();
}

/* Wake-ups may be on their way to it: only what it holds is freed. */
void io_destroy(struct io *io)
{
	if (io == NULL)
		return;
	check(io->in_flight == 0);
	check(io->buffers_free == io->buffer_count);
	for (size_t i = 0; i < io->buffer_count; i++)
		free(io->buffers[i].data);
	free(MOVE(io->buffers));
	free(MOVE(io->asked));
	free(MOVE(io->ready));
	io->killed = true;
	io->next_ended = ended;
	ended = io;
}

void io_sim_forget(void)
{
	while (ended != NULL) {
		struct io *io = ended;
		ended = io->next_ended;
		free(io);
	}
}

void io_start(struct io *io)
{
	check(!io->killed);
}

void io_describe(const struct io *io, struct text *text)
{
	(void)io;
	text_put(text, VIEW("simulated=yes"));
}

bool io_is_restricted(const struct io *io)
{
	(void)io;
	return true;
}

void io_sim_kill(struct io *io)
{
	io->killed = true;
	io->asked_count = 0;
	io->ready_first = 0;
	io->ready_count = 0;
	network_kill(io);
}

void io_sim_crash_in_wait(void (*crash)(void *owner), void *owner, double probability)
{
	crash_in_wait.crash = crash;
	crash_in_wait.owner = owner;
	crash_in_wait.probability = probability;
}

void io_sim_fail(enum io_kind kind, uint64_t nth)
{
	check(nth > 0);
	fault.kind = kind;
	fault.nth = nth;
	fault.seen = 0;
}

void io_sim_expose(struct io *io)
{
	io->exposed = true;
}

bool io_sim_has_failed(void)
{
	return fault.nth > 0 && fault.seen >= fault.nth;
}

int io_sim_strikes(const struct io *io, enum io_kind kind)
{
	if (fault.nth == 0 || !io->exposed || kind != fault.kind || ++fault.seen != fault.nth)
		return 0;
	sim_network.breaks++; /* what was on that connection is in doubt */
	return fault_errors[kind][fault.nth % FAULT_ERRORS];
}

void io_sim_measure(struct io *io)
{
	io->measured = true;
}

bool io_sim_is_ready(const struct io *io)
{
	return io->ready_count > 0 || io->woken || mono_reached(clock_mono(), io->until);
}

struct mono io_sim_wanted(const struct io *io)
{
	return io->ready_count > 0 || io->woken ? clock_mono() : io->until;
}

void io_sim_turn(struct io *io)
{
	io->woken = false;
}

/* Operations */

static struct asked *io_ask(struct io *io, enum asked_kind kind)
{
	if (io->asked_count == io->asked_room) {
		io->asked_room = io->asked_room * 2 + 16;
		io->asked = realloc(io->asked, io->asked_room * sizeof *io->asked);
		check(io->asked != NULL);
	}
	struct asked *asked = &io->asked[io->asked_count++];
	asked->kind = kind;
	asked->piece_count = 0;
	return asked;
}

static struct asked *io_begin(struct io *io, struct io_op *op, enum io_kind kind, int fd)
{
	check(!io->killed);
	check(op->kind == IO_IDLE);
	check(op->done != NULL);
	check(fd >= 0);
	op->kind = (uint8_t)kind;
	op->fd = fd;
	op->cancelled = false;
	io->in_flight++;
	struct asked *asked = io_ask(io, ASKED_OP);
	asked->op = op;
	return asked;
}

void io_accept(struct io *io, struct io_op *op, int fd)
{
	(void)io_begin(io, op, IO_ACCEPT, fd);
}

void io_connect(struct io *io, struct io_op *op, int fd, const struct endpoint *to)
{
	io_begin(io, op, IO_CONNECT, fd)->to = *to;
}

void io_recv(struct io *io, struct io_op *op, int fd)
{
	(void)io_begin(io, op, IO_RECV, fd);
}

void io_send(struct io *io, struct io_op *op, int fd, struct view bytes)
{
	io_send_pieces(io, op, fd, &bytes, 1);
}

void io_send_pieces(
        struct io *io, struct io_op *op, int fd, const struct view *pieces, size_t count)
{
	check(count > 0);
	check(count <= IO_PIECES_MAX);
	struct asked *asked = io_begin(io, op, IO_SEND, fd);
	memcpy(asked->pieces, pieces, count * sizeof *pieces);
	asked->piece_count = count;
}

void io_shutdown(struct io *io, struct io_op *op, int fd)
{
	(void)io_begin(io, op, IO_SHUTDOWN, fd);
}

void io_close(struct io *io, struct io_op *op, int fd)
{
	(void)io_begin(io, op, IO_CLOSE, fd);
}

void io_cancel(struct io *io, struct io_op *op)
{
	if (op->kind == IO_IDLE || op->cancelled)
		return;
	op->cancelled = true;
	io_ask(io, ASKED_CANCEL)->op = op;
}

void io_wake(struct io *from, struct io *target)
{
	if (from == target)
		return;
	if (from == NULL)
		target->woken = true;
	else
		io_ask(from, ASKED_WAKE)->target = target;
}

/* Submitting */

static int64_t io_soon(void)
{
	return (int64_t)random_below(&sim_network.random, 20 * NS_PER_US) + 1;
}

static void io_submit_op(struct io *io, struct asked *asked)
{
	struct io_op *op = asked->op;
	struct socket *socket = network_socket(op->fd);
	const bool strikes_here = op->kind != IO_ACCEPT && op->kind != IO_RECV;
	const int error = strikes_here ? io_sim_strikes(io, (enum io_kind)op->kind) : 0;

	if (error != 0) {
		if (op->kind == IO_CLOSE)
			socket_close(socket); /* whatever it says, the descriptor is gone */
		io_sim_complete_later(io, op, -error, io_soon());
		return;
	}
	switch ((enum io_kind)op->kind) {
	case IO_ACCEPT:
		socket_accept(socket, op);
		break;
	case IO_CONNECT:
		socket_connect(socket, op, &asked->to);
		break;
	case IO_RECV:
		socket_recv(socket, op);
		break;
	case IO_SEND:
		socket_send(socket, op, asked->pieces, asked->piece_count);
		break;
	case IO_SHUTDOWN:
		socket_shutdown(socket);
		io_sim_complete_later(io, op, 0, io_soon());
		break;
	case IO_CLOSE:
		socket_close(socket);
		io_sim_complete_later(io, op, 0, io_soon());
		break;
	case IO_IDLE:
		check(false);
		break;
	}
}

static void io_submit(struct io *io, struct asked *asked)
{
	switch (asked->kind) {
	case ASKED_OP:
		io_submit_op(io, asked);
		break;
	case ASKED_CANCEL: /* else its completion is on its way already */
		if (asked->op->kind != IO_IDLE && asked->op->kind < IO_SHUTDOWN &&
		        socket_cancel(network_socket(asked->op->fd), asked->op))
			io_sim_complete(io, asked->op, IO_CANCELLED, false);
		break;
	case ASKED_WAKE:
		asked->target->woken = true;
		break;
	}
}

void io_wait(struct io *io, struct mono until)
{
	check(!io->killed);
	if (crash_in_wait.crash != NULL && network_draw(crash_in_wait.probability))
		crash_in_wait.crash(crash_in_wait.owner);
	if (!io->measured)
		io_sim_submit(io);
	io->until = until;
}

void io_sim_submit(struct io *io)
{
	for (size_t i = 0; i < io->asked_count; i++)
		io_submit(io, &io->asked[i]);
	io->asked_count = 0;
}

/* Completions */

static void io_push(struct io *io, const struct io_result *result)
{
	if (io->killed)
		return;
	if (io->ready_count == io->ready_room) {
		io->ready_room = io->ready_room * 2 + 16;
		io->ready = realloc(io->ready, io->ready_room * sizeof *io->ready);
		check(io->ready != NULL);
	}
	io->ready[io->ready_count++] = (struct completion){ .result = *result };
}

void io_sim_complete(struct io *io, struct io_op *op, int value, bool more)
{
	const struct io_result result = { .op = op, .value = value, .more = more };

	io_push(io, &result);
}

void io_sim_complete_later(struct io *io, struct io_op *op, int value, int64_t ns)
{
	struct completion *completion = calloc(1, sizeof *completion);

	check(completion != NULL);
	completion->io = io;
	completion->result = (struct io_result){ .op = op, .value = value };
	network_at(mono_after(clock_mono(), ns), completion);
}

void io_sim_due(void *pointer)
{
	struct completion *completion = pointer;

	io_push(completion->io, &completion->result);
	free(completion);
}

size_t io_sim_buffer_bytes(const struct io *io)
{
	return io->buffer_bytes;
}

bool io_sim_received(struct io *io, struct io_op *op, struct view bytes, bool more)
{
	struct io_buffer *buffer = io->buffer_free;

	if (buffer == NULL)
		return false;
	io->buffer_free = buffer->next;
	io->buffers_free--;
	buffer->next = NULL;
	buffer->bytes = (uint32_t)bytes.bytes;
	memcpy(buffer->data, bytes.data, bytes.bytes);
	const struct io_result result = {
		.op = op, .value = (int)bytes.bytes, .more = more, .buffer = buffer
	};
	io_push(io, &result);
	return true;
}

/* In any order, but for those of one operation. */
static void io_reap_any(struct io *io, struct io_result *result)
{
	size_t at = (size_t)random_below(&sim_network.random, io->ready_count);

	for (size_t i = 0; i < at; i++)
		if (io->ready[i].result.op == io->ready[at].result.op)
			at = i;
	*result = io->ready[at].result;
	io->ready_count--;
	memmove(&io->ready[at], &io->ready[at + 1], (io->ready_count - at) * sizeof io->ready[0]);
}

static void io_reap_first(struct io *io, struct io_result *result)
{
	*result = io->ready[io->ready_first++].result;
	if (io->ready_first < io->ready_count)
		return;
	io->ready_first = 0;
	io->ready_count = 0;
}

bool io_reap(struct io *io, struct io_result *result)
{
	if (io->ready_count == 0)
		return false;
	if (io->measured)
		io_reap_first(io, result);
	else
		io_reap_any(io, result);
	check(result->op->kind != IO_IDLE);
	if (!result->more) {
		check(io->in_flight > 0);
		io->in_flight--;
		result->op->kind = IO_IDLE;
	}
	return true;
}

void io_buffer_give(struct io *io, struct io_buffer *buffer)
{
	check(buffer == &io->buffers[buffer->index]);
	check(buffer->bytes > 0); /* lent */
	buffer->bytes = 0;
	buffer->next = io->buffer_free;
	io->buffer_free = buffer;
	io->buffers_free++;
}

size_t io_buffers_free(const struct io *io)
{
	return io->buffers_free;
}

size_t io_in_flight(const struct io *io)
{
	return io->in_flight;
}
