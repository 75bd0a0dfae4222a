#include "engine/listener.h"

#include "engine/ingest.h"
#include "queue/base/check.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static struct err listener_bind(struct listener *listener, bool shared);
static void listener_accept(struct listener *listener);
static void listener_accepted(struct io_op *op, const struct io_result *result);
static void listener_log_failure(struct listener *listener, int error);
static void listener_retry(struct timer *timer);

struct err listener_open(struct listener *listener, struct ingest *ingest, const struct door *door,
        bool shared, struct text *why)
{
	*listener = (struct listener){
		.ingest = ingest,
		.door = door,
		.accept_op = { .done = listener_accepted },
		.retry_timer = { .expired = listener_retry },
		.fd = -1,
		.state = LISTENER_CLOSED,
	};
	struct err err = listener_bind(listener, shared);
	if (failed(err)) {
		text_format(why, "cannot listen on %s: %s", door->address,
		        err.detail != 0 ? strerror(err.detail) : err_text(err.code));
		return err;
	}
	listener->state = LISTENER_OPEN;
	return err_ok();
}

/* The kernel ends a killed process's ring, and with it the accept that holds the old socket, some
 * milliseconds after the process is gone: a restart at once must not fail for that. */
static struct err listener_bind(struct listener *listener, bool shared)
{
	const struct mono until = mono_after(clock_mono(), LISTENER_IN_USE_NS);
	struct io *io = listener->ingest->shard.loop.io;

	if (listener->door->socket >= 0)
		return handed_share(listener->door->socket, &listener->fd);
	for (;;) {
		struct err err =
		        io_listen(io, &listener->door->config->address, shared, &listener->fd);
		if (err.code != ERR_SYSTEM || err.detail != EADDRINUSE)
			return err;
		if (mono_reached(clock_mono(), until))
			return err;
		(void)poll(NULL, 0, LISTENER_IN_USE_PAUSE_MS); /* at start: no turn waits for it */
	}
}

void listener_start(struct listener *listener)
{
	check(listener->state == LISTENER_OPEN);
	listener_accept(listener);
}

void listener_stop(struct listener *listener)
{
	struct loop *loop = &listener->ingest->shard.loop;

	if (listener->state == LISTENER_ACCEPTING) {
		listener->state = LISTENER_CLOSING;
		io_cancel(loop->io, &listener->accept_op);
	} else if (listener->state == LISTENER_OPEN || listener->state == LISTENER_RESTING) {
		loop_timer_stop(loop, &listener->retry_timer);
		listener->state = LISTENER_CLOSED;
		io_discard(loop->io, listener->fd);
	}
}

bool listener_is_closed(const struct listener *listener)
{
	return listener->state == LISTENER_CLOSED;
}

struct endpoint listener_endpoint(const struct listener *listener)
{
	struct endpoint endpoint = listener->door->config->address;

	if (failed(io_local(listener->ingest->shard.loop.io, listener->fd, &endpoint)))
		return listener->door->config->address;
	return endpoint;
}

static void listener_accept(struct listener *listener)
{
	listener->state = LISTENER_ACCEPTING;
	io_accept(listener->ingest->shard.loop.io, &listener->accept_op, listener->fd);
}

static void listener_accepted(struct io_op *op, const struct io_result *result)
{
	struct listener *listener = container_of(op, struct listener, accept_op);
	struct loop *loop = &listener->ingest->shard.loop;

	if (result->value >= 0 && listener->state == LISTENER_CLOSING)
		io_discard(loop->io, result->value);
	else if (result->value >= 0)
		ingest_accept(listener->ingest, listener->door, result->value);
	if (result->more)
		return;
	if (listener->state == LISTENER_CLOSING) {
		listener->state = LISTENER_CLOSED;
		io_discard(loop->io, listener->fd);
	} else if (result->value >= 0) {
		listener_accept(listener);
	} else {
		/* Out of descriptors or memory, most likely: closing connections mend it. */
		listener_log_failure(listener, -result->value);
		listener->state = LISTENER_RESTING;
		loop_timer_after(loop, &listener->retry_timer, LISTENER_RETRY_NS);
	}
}

static void listener_log_failure(struct listener *listener, int error)
{
	const struct shard *shard = &listener->ingest->shard;
	uint64_t omitted;

	if (!log_pace_is_due(&listener->failures, loop_now(&shard->loop), &omitted))
		return;
	struct log_line line = log_begin(shard->log, LOG_WARNING, "accept_failed");
	log_word(&line, "listener", listener->door->address);
	log_word(&line, "error", strerror(error));
	log_number(&line, "omitted", omitted);
	log_end(&line);
}

static void listener_retry(struct timer *timer)
{
	listener_accept(container_of(timer, struct listener, retry_timer));
}
