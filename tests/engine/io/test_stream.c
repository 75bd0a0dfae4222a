#include "engine/io/stream.h"

#include "tests/engine/io/peers.h"

#define CHUNKS 256

static void test_bytes_go_both_ways(void **state)
{
	static struct peers peers;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_true(endpoint_is_ipv4(&peers.server.stream.peer));
	assert_true(stream_put(&peers.server.stream, VIEW("220 ")));
	assert_true(stream_put(&peers.server.stream, VIEW("ready\r\n")));
	peers_turn_until(&peers, peers.client.input_bytes == 11);
	assert_memory_equal(peers.client.input, "220 ready\r\n", 11);
	assert_true(stream_put(&peers.client.stream, VIEW("MAIL\r\n")));
	assert_true(stream_lend(&peers.client.stream, VIEW("body ")));
	assert_true(stream_lend(&peers.client.stream, VIEW("of the mail")));
	assert_int_equal(stream_queued_total(&peers.client.stream), 22);
	assert_int_equal(stream_begun_total(&peers.client.stream), 0); /* till the turn's end */
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) == 22);
	assert_int_equal(stream_begun_total(&peers.client.stream), 22);
	assert_true((peers.client.news & STREAM_WRITTEN) != 0);
	peers_turn_until(&peers, peers.server.input_bytes == 22);
	assert_memory_equal(peers.server.input, "MAIL\r\nbody of the mail", 22);
	peers_close(&peers);
}

static void test_an_idle_stream_holds_nothing(void **state)
{
	static struct peers peers;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n")));
	peers_turn_until(&peers, peers.server.input_bytes == 6);
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) == 6);
	assert_null(peers.client.stream.outbox.chunk);
	assert_null(peers.server.stream.inbox.gathered);
	assert_int_equal(io_buffers_free(peers.fixture.loop.io), PEERS_BUFFERS);
	assert_true(sizeof(struct stream) <= 448);
	peers_close(&peers);
}

static void test_half_a_line_is_gathered(void **state)
{
	static struct peers peers;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	peers.server.reading = false;
	struct stream *server = &peers.server.stream;
	assert_true(stream_put(&peers.client.stream, VIEW("MAIL FR")));
	peers_turn_until(&peers, stream_peek(server).bytes == 7);
	assert_false(stream_gather(server)); /* nothing follows yet */
	assert_int_equal(io_buffers_free(peers.fixture.loop.io), PEERS_BUFFERS);
	assert_true(stream_put(&peers.client.stream, VIEW("OM:<>\r\n")));
	peers.server.news = 0;
	peers_turn_until(&peers, (peers.server.news & STREAM_READABLE) != 0);
	assert_true(view_equal(stream_peek(server), VIEW("MAIL FR")));
	assert_true(stream_gather(server));
	assert_true(view_equal(stream_peek(server), VIEW("MAIL FROM:<>\r\n")));
	stream_consume(server, 14);
	assert_int_equal(stream_peek(server).bytes, 0);
	peers_close(&peers);
}

/* A reader that does not read stops the writer, not the engine; nothing is lost. */
static void test_back_pressure(void **state)
{
	static struct peers peers;
	static char block[65536];
	size_t lent = 0;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	peers.server.reading = false;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i % 251);
	for (int quiet = 0; quiet < 50; quiet++) {
		uint64_t before = stream_written_total(&peers.client.stream);
		while (lent < 60 && stream_lend(&peers.client.stream, view_from(block, 65536)))
			lent++;
		peers_turn(&peers);
		if (stream_written_total(&peers.client.stream) > before)
			quiet = 0;
	}
	assert_true(peers.server.stream.inbox.buffer_count >= STREAM_RECEIVED_MAX);
	assert_true(peers.server.stream.recv_op.kind == IO_IDLE);
	peers.server.reading = true;
	peer_read(&peers.server);
	peers_turn_until(&peers, peers.server.input_bytes == lent * sizeof block);
	for (size_t i = 0; i < peers.server.input_bytes; i += sizeof block)
		assert_memory_equal(peers.server.input + i, block, sizeof block);
	peers_close(&peers);
}

static void test_pausing_keeps_bytes_where_they_are(void **state)
{
	static struct peers peers;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	stream_pause(&peers.server.stream);
	peers_turn_until(&peers, peers.server.stream.recv_op.kind == IO_IDLE);
	assert_true(stream_put(&peers.client.stream, VIEW("later")));
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) == 5);
	for (int i = 0; i < 5; i++)
		peers_turn(&peers);
	assert_int_equal(peers.server.input_bytes, 0);
	stream_pause(&peers.server.stream);
	stream_resume(&peers.server.stream);
	stream_resume(&peers.server.stream);
	peers_turn_until(&peers, peers.server.input_bytes == 5);
	peers_close(&peers);
}

/* Replies that were queued arrive though the peer goes on sending what nobody reads. */
static void test_closing_delivers_what_was_queued(void **state)
{
	static struct peers peers;
	static char block[8192];

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_true(stream_lend(&peers.client.stream, view_from(block, sizeof block)));
	assert_true(stream_put(&peers.server.stream, VIEW("421 closing\r\n")));
	stream_close(&peers.server.stream);
	stream_close(&peers.server.stream);
	assert_false(stream_put(&peers.server.stream, VIEW("no more")));
	assert_false(stream_lend(&peers.server.stream, VIEW("no more")));
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	assert_int_equal(stream_failure(&peers.client.stream).code, ERR_CLOSED);
	assert_int_equal(peers.client.input_bytes, 13);
	/* The other direction is still open. */
	assert_true(stream_put(&peers.client.stream, VIEW("QUIT\r\n")));
	assert_int_equal(peers.server.gone_count, 0);
	stream_close(&peers.client.stream);
	peers_turn_until(&peers, peers.server.gone_count == 1);
	peers_turn_until(&peers, peers.client.gone_count == 1);
	assert_int_equal(peers.server.news & ~(unsigned)STREAM_READABLE, STREAM_GONE);
	peers_close(&peers);
}

static void test_closing_is_bounded_in_time(void **state)
{
	static struct peers peers;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	stream_close(&peers.server.stream);
	assert_true(timer_is_set(&peers.server.stream.close_timer));
	assert_int_equal(peers.server.stream.close_timer.deadline.ns,
	        loop_now(&peers.fixture.loop).ns + STREAM_CLOSE_WITHIN_S * NS_PER_S);
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	assert_int_equal(peers.server.gone_count, 0); /* waits for the peer */
	struct timer *timer = &peers.server.stream.close_timer;
	loop_timer_stop(&peers.fixture.loop, timer);
	timer->expired(timer);
	peers_turn_until(&peers, peers.server.gone_count == 1);
	peers_close(&peers);
}

static void test_aborting_resets(void **state)
{
	static struct peers peers;
	struct text text;
	char room[128];

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_true(stream_put(&peers.client.stream, VIEW("half a mess")));
	stream_abort(&peers.client.stream);
	stream_abort(&peers.client.stream);
	peers_turn_until(&peers, peers.client.gone_count == 1);
	peers_turn_until(&peers, (peers.server.news & STREAM_ENDED) != 0);
	assert_int_equal(stream_failure(&peers.server.stream).code, ERR_SYSTEM);
	assert_int_equal(stream_failure(&peers.server.stream).detail, ECONNRESET);
	text = text_on(room, sizeof room);
	stream_failure_text(&peers.server.stream, &text);
	assert_string_equal(text_string(&text), "Connection reset by peer");
	assert_false(stream_put(&peers.server.stream, VIEW("anyone?")));
	stream_close(&peers.server.stream);
	peers_turn_until(&peers, peers.server.gone_count == 1);
	peers_close(&peers);
}

static void test_a_refused_connection_is_news(void **state)
{
	static struct peers peers;
	struct endpoint at;
	int fd;

	(void)state;
	peers_open(&peers, CHUNKS);
	struct loop *loop = &peers.fixture.loop;
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(loop->io, &at, false, &fd)));
	assert_false(failed(io_local(loop->io, fd, &at)));
	io_discard(loop->io, fd);
	stream_connect(&peers.client.stream, loop, &peers.news, &at, NULL);
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n"))); /* waits */
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	assert_int_equal(stream_failure(&peers.client.stream).detail, ECONNREFUSED);
	stream_close(&peers.client.stream);
	peers_turn_until(&peers, peers.client.gone_count == 1);

	/* And the memory serves again. No socket can come from an address that is not ours. */
	struct endpoint from;
	assert_true(endpoint_parse(VIEW("192.0.2.1:0"), &from));
	peers.client.news = 0;
	peers.client.gone_count = 0;
	stream_connect(&peers.client.stream, loop, &peers.news, &at, &from);
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	assert_int_equal(stream_failure(&peers.client.stream).detail, EADDRNOTAVAIL);
	stream_abort(&peers.client.stream);
	peers_turn_until(&peers, peers.client.gone_count == 1);
	peers.server.gone_count = 1; /* there never was one */
	peers_close(&peers);
}

/* Aborted before the kernel has seen the operation: it completes all the same. */
static void test_aborting_while_connecting(void **state)
{
	static struct peers peers;
	struct endpoint at;
	int fd;

	(void)state;
	peers_open(&peers, CHUNKS);
	struct loop *loop = &peers.fixture.loop;
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(loop->io, &at, false, &fd)));
	assert_false(failed(io_local(loop->io, fd, &at)));
	stream_connect(&peers.client.stream, loop, &peers.news, &at, NULL);
	stream_close(&peers.client.stream);
	peers_turn_until(&peers, peers.client.gone_count == 1);
	io_discard(loop->io, fd);
	peers.server.gone_count = 1;
	peers_close(&peers);
}

/* No memory for half a line: it waits in its buffer, and goes on when memory is back. */
static void test_without_memory_a_stream_waits(void **state)
{
	static struct peers peers;
	struct chunk *taken[CHUNKS];
	size_t count = 0;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	peers.server.reading = false;
	struct stream *server = &peers.server.stream;
	assert_true(stream_put(&peers.client.stream, VIEW("half a ")));
	peers_turn_until(&peers, stream_peek(server).bytes == 7);
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) == 7);
	while (count < CHUNKS && (taken[count] = shelf_take(&peers.fixture.shelf)) != NULL)
		count++;
	assert_false(stream_put(server, VIEW("250\r\n")));
	assert_false(stream_gather(server));
	assert_true(link_is_linked(&server->starved_task.link));
	assert_int_equal(stream_peek(server).bytes, 7);
	while (count > 0)
		shelf_give(&peers.fixture.shelf, taken[--count]);
	peers.server.news = 0;
	peers_turn_until(&peers, (peers.server.news & STREAM_READABLE) != 0);
	assert_false(stream_gather(server));
	assert_int_equal(io_buffers_free(peers.fixture.loop.io), PEERS_BUFFERS);
	assert_true(stream_put(server, VIEW("250\r\n")));
	peers_turn_until(&peers, peers.client.input_bytes == 5);
	peers_close(&peers);
}

/* Other streams hold all receive buffers: ours waits for one, and gets it. */
static void test_without_buffers_a_stream_waits(void **state)
{
	static struct peers peers;
	static struct stream others[8];
	static char block[65536];
	struct list other_news;
	int fds[2];

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	struct loop *loop = &peers.fixture.loop;
	list_init(&other_news);
	for (int i = 0; i < 8; i += 2) {
		assert_false(failed(io_pair(loop->io, fds)));
		stream_open(&others[i], loop, &other_news, fds[0]);
		stream_open(&others[i + 1], loop, &other_news, fds[1]);
		assert_true(stream_lend(&others[i], view_from(block, sizeof block)));
	}
	peers_turn_until(&peers, io_buffers_free(loop->io) == 0);
	assert_true(stream_put(&peers.client.stream, VIEW("waits")));
	peers_turn_until(&peers, link_is_linked(&peers.server.stream.starved_task.link));
	assert_int_equal(peers.server.input_bytes, 0);
	for (int i = 0; i < 8; i++)
		stream_abort(&others[i]);
	peers_turn_until(&peers, peers.server.input_bytes == 5);
	for (int gone = 0; gone < 8;) {
		unsigned what;
		peers_turn(&peers);
		while (stream_next_news(&other_news, &what) != NULL)
			gone += (what & STREAM_GONE) != 0;
	}
	peers_close(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_go_both_ways),
		cmocka_unit_test(test_an_idle_stream_holds_nothing),
		cmocka_unit_test(test_half_a_line_is_gathered),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_pausing_keeps_bytes_where_they_are),
		cmocka_unit_test(test_closing_delivers_what_was_queued),
		cmocka_unit_test(test_closing_is_bounded_in_time),
		cmocka_unit_test(test_aborting_resets),
		cmocka_unit_test(test_a_refused_connection_is_news),
		cmocka_unit_test(test_aborting_while_connecting),
		cmocka_unit_test(test_without_memory_a_stream_waits),
		cmocka_unit_test(test_without_buffers_a_stream_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
