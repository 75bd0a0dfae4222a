/*
 * Two streams connected with each other on one loop, whose owner keeps account of all news and
 * everything read; for tests of streams, plain and secure.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_IO_PEERS_H
#define SLUICE_TESTS_IO_PEERS_H

#include "engine/io/stream.h"
#include "tests/engine/io/fixture.h"

#define PEERS_BUFFERS   32
#define PEERS_INPUT_MAX (4 << 20)
#define PEERS_ONCE      (STREAM_CONNECTED | STREAM_SECURED | STREAM_ENDED | STREAM_GONE)

struct peer {
	struct stream stream;
	unsigned news; /* all there ever was */
	int gone_count;
	bool reading; /* consume what comes */
	char *input;  /* PEERS_INPUT_MAX, of the test */
	size_t input_bytes;
};

struct peers {
	struct fixture fixture;
	struct list news;
	struct peer server;
	struct peer client;
	struct io_op accept_op;
};

static inline void peer_read(struct peer *peer)
{
	struct stream *stream = &peer->stream;

	for (struct view piece = stream_peek(stream); piece.bytes > 0;
	        piece = stream_peek(stream)) {
		assert_true(peer->input_bytes + piece.bytes <= PEERS_INPUT_MAX);
		memcpy(peer->input + peer->input_bytes, piece.data, piece.bytes);
		peer->input_bytes += piece.bytes;
		stream_consume(stream, piece.bytes);
	}
}

static inline void peers_hear(struct peers *peers)
{
	unsigned what;

	for (struct stream *stream = stream_next_news(&peers->news, &what); stream != NULL;
	        stream = stream_next_news(&peers->news, &what)) {
		struct peer *peer = container_of(stream, struct peer, stream);
		assert_int_not_equal(what, 0);
		assert_int_equal(what & peer->news & PEERS_ONCE, 0);
		peer->news |= what;
		if ((what & STREAM_GONE) != 0) {
			peer->gone_count++;
			assert_int_equal(what, STREAM_GONE);
			continue;
		}
		if (peer->reading)
			peer_read(peer);
	}
}

static inline void peers_turn(struct peers *peers)
{
	loop_begin(&peers->fixture.loop);
	loop_run_completions(&peers->fixture.loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&peers->fixture.loop);
	peers_hear(peers);
	loop_end(&peers->fixture.loop);
}

#define peers_turn_until(peers, condition)                                                         \
	do {                                                                                       \
		struct mono begun_ = clock_mono();                                                 \
		while (!(condition)) {                                                             \
			peers_turn(peers);                                                         \
			if (clock_mono().ns - begun_.ns > FIXTURE_PATIENCE_NS)                     \
				fail_msg("waited in vain for: %s", #condition);                    \
		}                                                                                  \
	} while (0)

/* Two inputs' worth of memory that the tests of one program share. */
static inline void peers_open(struct peers *peers, size_t chunks)
{
	static char inputs[2][PEERS_INPUT_MAX];
	const struct io_settings settings = { 64, PEERS_BUFFERS, 4096 };

	*peers = (struct peers){ .server = { .reading = true, .input = inputs[0] },
		.client = { .reading = true, .input = inputs[1] } };
	fixture_open(&peers->fixture, &settings, chunks);
	list_init(&peers->news);
}

static inline void peers_accepted(struct io_op *op, const struct io_result *result)
{
	struct peers *peers = container_of(op, struct peers, accept_op);

	if (result->value < 0)
		return;
	stream_open(&peers->server.stream, &peers->fixture.loop, &peers->news, result->value);
	io_cancel(peers->fixture.loop.io, op);
}

/* Over a real connection of TCP. */
static inline void peers_connect(struct peers *peers)
{
	struct loop *loop = &peers->fixture.loop;
	struct endpoint at;
	int fd;

	peers->accept_op = (struct io_op){ .done = peers_accepted };
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(loop->io, &at, false, &fd)));
	assert_false(failed(io_local(loop->io, fd, &at)));
	io_accept(loop->io, &peers->accept_op, fd);
	stream_connect(&peers->client.stream, loop, &peers->news, &at, NULL);
	peers_turn_until(peers,
	        peers->accept_op.kind == IO_IDLE && (peers->client.news & STREAM_CONNECTED) != 0);
	io_discard(loop->io, fd);
}

/* Both ends are gone, and with them all that they held. */
static inline void peers_close(struct peers *peers)
{
	struct peer *const both[] = { &peers->server, &peers->client };

	for (int i = 0; i < 2; i++) {
		if (both[i]->stream.state != STREAM_UNUSED)
			stream_abort(&both[i]->stream);
		peers_turn_until(peers, both[i]->stream.state == STREAM_UNUSED);
		assert_int_equal(both[i]->gone_count, 1);
	}
	fixture_finish(&peers->fixture, PEERS_BUFFERS);
}

#endif
