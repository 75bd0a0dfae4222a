#include "engine/io/io.h"

#include "engine/io/io_refusal.h"
#include "tests/engine/io/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFERS 32

/* An operation that remembers what became of it. */
struct probe {
	struct io_op op;
	struct io *io;
	int completions;
	int value; /* of the last */
	bool more;
	int fds[8]; /* accepted */
	int fd_count;
	struct io_buffer *held; /* buffers are kept here if hold, else given back */
	bool hold;
	char bytes[65536];
	size_t byte_count;
};

static void probe_done(struct io_op *op, const struct io_result *result)
{
	struct probe *probe = container_of(op, struct probe, op);

	probe->completions++;
	probe->value = result->value;
	probe->more = result->more;
	if (op->kind == IO_IDLE)
		assert_false(result->more);
	if (result->buffer == NULL)
		return;
	assert_int_equal(result->buffer->bytes, result->value);
	if (probe->hold) {
		result->buffer->next = probe->held;
		probe->held = result->buffer;
		return;
	}
	assert_true(probe->byte_count + result->buffer->bytes <= sizeof probe->bytes);
	memcpy(probe->bytes + probe->byte_count, result->buffer->data, result->buffer->bytes);
	probe->byte_count += result->buffer->bytes;
	io_buffer_give(probe->io, result->buffer);
}

static void probe_accepted(struct io_op *op, const struct io_result *result)
{
	struct probe *probe = container_of(op, struct probe, op);

	probe_done(op, result);
	if (result->value >= 0)
		probe->fds[probe->fd_count++] = result->value;
}

static void probe_init(struct probe *probe, struct fixture *fixture)
{
	*probe = (struct probe){ .op = { .done = probe_done }, .io = fixture->loop.io };
}

static void release(struct probe *probe)
{
	while (probe->held != NULL) {
		struct io_buffer *buffer = probe->held;
		probe->held = buffer->next;
		io_buffer_give(probe->io, buffer);
	}
}

static void close_all(struct fixture *fixture, const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		io_discard(fixture->loop.io, fds[i]);
}

static void test_bytes_go_through(void **state)
{
	static struct probe reader;
	static struct probe writer;
	struct fixture fixture;
	int fds[2];
	const struct view pieces[] = { VIEW_INIT("one "), VIEW_INIT("two "), VIEW_INIT("three") };

	(void)state;
	fixture_init(&fixture);
	probe_init(&reader, &fixture);
	probe_init(&writer, &fixture);
	assert_false(failed(io_pair(fixture.loop.io, fds)));
	io_recv(fixture.loop.io, &reader.op, fds[0]);
	io_send(fixture.loop.io, &writer.op, fds[1], VIEW("zero "));
	assert_int_equal(writer.op.kind, IO_SEND);
	assert_int_equal(io_in_flight(fixture.loop.io), 2);
	fixture_turn_until(&fixture, writer.completions == 1);
	assert_int_equal(writer.value, 5);
	io_send_pieces(fixture.loop.io, &writer.op, fds[1], pieces, 3);
	fixture_turn_until(&fixture, reader.byte_count == 18);
	assert_memory_equal(reader.bytes, "zero one two three", 18);
	assert_int_equal(reader.op.kind, IO_RECV); /* multishot: it goes on */

	io_shutdown(fixture.loop.io, &writer.op, fds[1]);
	fixture_turn_until(&fixture, reader.op.kind == IO_IDLE && writer.op.kind == IO_IDLE);
	assert_int_equal(reader.value, 0);
	close_all(&fixture, fds, 2);
	fixture_finish(&fixture, BUFFERS);
}

static void test_accept_goes_on_and_connect_tells_endpoints(void **state)
{
	static struct probe listener;
	static struct probe clients[3];
	struct fixture fixture;
	struct endpoint at;
	int listen_fd;
	int fds[3];

	(void)state;
	fixture_init(&fixture);
	struct io *io = fixture.loop.io;
	probe_init(&listener, &fixture);
	listener.op.done = probe_accepted;
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(io, &at, true, &listen_fd)));
	assert_false(failed(io_local(io, listen_fd, &at)));
	assert_true(at.port != 0);
	io_accept(io, &listener.op, listen_fd);
	for (int i = 0; i < 3; i++) {
		probe_init(&clients[i], &fixture);
		assert_false(failed(io_socket(io, &at, NULL, &fds[i])));
		io_connect(io, &clients[i].op, fds[i], &at);
	}
	fixture_turn_until(&fixture, listener.fd_count == 3);
	for (int i = 0; i < 3; i++) {
		struct endpoint peer;
		assert_int_equal(clients[i].value, 0);
		assert_false(failed(io_peer(io, fds[i], &peer)));
		assert_true(endpoint_equal(&peer, &at));
	}
	assert_int_equal(listener.op.kind, IO_ACCEPT);
	io_cancel(io, &listener.op);
	io_cancel(io, &listener.op);
	fixture_turn_until(&fixture, listener.op.kind == IO_IDLE);
	assert_int_equal(listener.value, IO_CANCELLED);
	close_all(&fixture, fds, 3);
	close_all(&fixture, listener.fds, 3);
	io_discard(io, listen_fd);
	fixture_finish(&fixture, BUFFERS);
}

static void test_connecting_to_nobody_is_refused(void **state)
{
	static struct probe client;
	struct fixture fixture;
	struct endpoint at;
	struct endpoint from;
	int fd;

	(void)state;
	fixture_init(&fixture);
	struct io *io = fixture.loop.io;
	probe_init(&client, &fixture);
	assert_true(endpoint_parse(VIEW("[::1]:0"), &at));
	if (failed(io_listen(io, &at, false, &fd))) { /* a machine without IPv6 */
		fixture_finish(&fixture, BUFFERS);
		skip();
	}
	assert_false(failed(io_local(io, fd, &at)));
	io_discard(io, fd);
	assert_true(endpoint_parse(VIEW("[::1]:0"), &from));
	assert_false(failed(io_socket(io, &at, &from, &fd)));
	io_connect(io, &client.op, fd, &at);
	fixture_turn_until(&fixture, client.completions == 1);
	assert_int_equal(client.value, -ECONNREFUSED);
	io_close(io, &client.op, fd);
	fixture_turn_until(&fixture, client.completions == 2);
	assert_int_equal(client.value, 0);
	fixture_finish(&fixture, BUFFERS);
}

static void test_a_cancelled_receive_loses_nothing(void **state)
{
	static struct probe reader;
	static struct probe writer;
	struct fixture fixture;
	int fds[2];

	(void)state;
	fixture_init(&fixture);
	probe_init(&reader, &fixture);
	probe_init(&writer, &fixture);
	assert_false(failed(io_pair(fixture.loop.io, fds)));
	io_recv(fixture.loop.io, &reader.op, fds[0]);
	io_cancel(fixture.loop.io, &reader.op);
	io_send(fixture.loop.io, &writer.op, fds[1], VIEW("late"));
	fixture_turn_until(&fixture, reader.op.kind == IO_IDLE && writer.op.kind == IO_IDLE);
	assert_int_equal(reader.value, IO_CANCELLED);
	assert_int_equal(reader.byte_count, 0);
	io_cancel(fixture.loop.io, &reader.op); /* idle: nothing happens */
	io_recv(fixture.loop.io, &reader.op, fds[0]);
	fixture_turn_until(&fixture, reader.byte_count == 4);
	io_cancel(fixture.loop.io, &reader.op);
	fixture_turn_until(&fixture, reader.op.kind == IO_IDLE);
	close_all(&fixture, fds, 2);
	fixture_finish(&fixture, BUFFERS);
}

static void test_without_buffers_a_receive_says_so(void **state)
{
	static struct probe reader;
	static struct probe writer;
	static char block[BUFFERS * 4096 + 1];
	struct fixture fixture;
	int fds[2];

	(void)state;
	fixture_init(&fixture);
	probe_init(&reader, &fixture);
	probe_init(&writer, &fixture);
	reader.hold = true;
	assert_false(failed(io_pair(fixture.loop.io, fds)));
	io_recv(fixture.loop.io, &reader.op, fds[0]);
	size_t sent = 0;
	while (sent < sizeof block) {
		io_send(fixture.loop.io, &writer.op, fds[1],
		        view_from(block + sent, sizeof block - sent));
		fixture_turn_until(&fixture, writer.op.kind == IO_IDLE);
		assert_true(writer.value > 0);
		sent += (size_t)writer.value;
	}
	fixture_turn_until(&fixture, reader.op.kind == IO_IDLE);
	assert_int_equal(reader.value, IO_NO_BUFFER);
	assert_int_equal(io_buffers_free(fixture.loop.io), 0);
	release(&reader);
	assert_int_equal(io_buffers_free(fixture.loop.io), BUFFERS);
	io_recv(fixture.loop.io, &reader.op, fds[0]);
	fixture_turn_until(&fixture, reader.value == 1);
	io_cancel(fixture.loop.io, &reader.op);
	fixture_turn_until(&fixture, reader.op.kind == IO_IDLE);
	release(&reader);
	close_all(&fixture, fds, 2);
	fixture_finish(&fixture, BUFFERS);
}

/* More operations than the ring has entries, and more pieces than its arguments hold. */
static void test_a_full_ring_submits_early(void **state)
{
	enum { PAIRS = 100 };
	static struct probe readers[PAIRS];
	static struct probe writers[PAIRS];
	struct view pieces[IO_PIECES_MAX];
	struct fixture fixture;
	int fds[PAIRS][2];
	int done = 0;

	(void)state;
	fixture_init(&fixture);
	for (size_t i = 0; i < IO_PIECES_MAX; i++)
		pieces[i] = VIEW("ab");
	for (int i = 0; i < PAIRS; i++) {
		probe_init(&readers[i], &fixture);
		probe_init(&writers[i], &fixture);
		assert_false(failed(io_pair(fixture.loop.io, fds[i])));
		io_recv(fixture.loop.io, &readers[i].op, fds[i][0]);
		io_send_pieces(fixture.loop.io, &writers[i].op, fds[i][1], pieces, IO_PIECES_MAX);
	}
	for (int i = 0; i < PAIRS; i++) {
		fixture_turn_until(&fixture, writers[i].completions == 1);
		fixture_turn_until(&fixture, readers[i].byte_count == 2 * IO_PIECES_MAX ||
		                                     readers[i].op.kind == IO_IDLE);
		if (readers[i].op.kind == IO_IDLE) { /* all read at once: buffers ran short */
			assert_int_equal(readers[i].value, IO_NO_BUFFER);
			io_recv(fixture.loop.io, &readers[i].op, fds[i][0]);
			fixture_turn_until(&fixture, readers[i].byte_count == 2 * IO_PIECES_MAX);
		}
		assert_int_equal(writers[i].value, 2 * IO_PIECES_MAX);
		io_cancel(fixture.loop.io, &readers[i].op);
		done++;
	}
	assert_int_equal(done, PAIRS);
	fixture_turn_until(&fixture, io_in_flight(fixture.loop.io) == 0);
	for (int i = 0; i < PAIRS; i++)
		close_all(&fixture, fds[i], 2);
	fixture_finish(&fixture, BUFFERS);
}

static void test_out_of_descriptors_an_accept_fails_and_starts_again(void **state)
{
	static struct probe listener;
	static struct probe client;
	struct fixture fixture;
	struct endpoint at;
	struct rlimit before;
	int listen_fd;
	int fd;

	(void)state;
	fixture_init(&fixture);
	struct io *io = fixture.loop.io;
	probe_init(&listener, &fixture);
	probe_init(&client, &fixture);
	listener.op.done = probe_accepted;
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(io, &at, false, &listen_fd)));
	assert_false(failed(io_local(io, listen_fd, &at)));
	assert_false(failed(io_socket(io, &at, NULL, &fd)));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit none = { (rlim_t)fd + 1, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	io_accept(io, &listener.op, listen_fd);
	io_connect(io, &client.op, fd, &at);
	fixture_turn_until(&fixture, listener.op.kind == IO_IDLE);
	assert_int_equal(listener.value, -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	/* The kernel drops the connection it had no descriptor for; the next one gets through. */
	io_accept(io, &listener.op, listen_fd);
	fixture_turn_until(&fixture, client.completions == 1);
	io_discard(io, fd);
	assert_false(failed(io_socket(io, &at, NULL, &fd)));
	io_connect(io, &client.op, fd, &at);
	fixture_turn_until(&fixture, listener.fd_count >= 1 && client.completions == 2);
	io_cancel(io, &listener.op);
	fixture_turn_until(&fixture, io_in_flight(io) == 0);
	close_all(&fixture, listener.fds, listener.fd_count);
	close_all(&fixture, (int[]){ fd, listen_fd }, 2);
	fixture_finish(&fixture, BUFFERS);
}

struct sleeper {
	pthread_t thread;
	struct io *io;
	atomic_bool started;
	atomic_int woken;
};

static void *sleep_until_woken(void *argument)
{
	struct sleeper *sleeper = argument;
	struct io_result result;

	io_start(sleeper->io);
	atomic_store(&sleeper->started, true);
	for (int i = 0; i < 2; i++) {
		io_wait(sleeper->io, mono_after(clock_mono(), FIXTURE_PATIENCE_NS));
		assert_false(io_reap(sleeper->io, &result));
		atomic_fetch_add(&sleeper->woken, 1);
	}
	return NULL;
}

/* From a thread with a ring, and from one without (or a signal handler). */
static void test_a_sleeper_is_woken(void **state)
{
	const struct io_settings settings = { 8, 2, 4096 };
	struct fixture fixture;
	struct sleeper sleeper = { 0 };
	struct text why = { 0 };

	(void)state;
	fixture_init(&fixture);
	assert_false(failed(io_create(&sleeper.io, &settings, &why)));
	struct mono begun = clock_mono();
	assert_int_equal(pthread_create(&sleeper.thread, NULL, sleep_until_woken, &sleeper), 0);
	while (!atomic_load(&sleeper.started))
		fixture_turn(&fixture);
	io_wake(fixture.loop.io, sleeper.io);
	fixture_turn_until(&fixture, atomic_load(&sleeper.woken) == 1);
	io_wake(NULL, sleeper.io);
	assert_int_equal(pthread_join(sleeper.thread, NULL), 0);
	assert_int_equal(atomic_load(&sleeper.woken), 2);
	assert_true(clock_mono().ns - begun.ns < FIXTURE_PATIENCE_NS);
	io_destroy(sleeper.io);
	fixture_finish(&fixture, BUFFERS);
}

/* A wake-up that comes before its target has started is not lost either. */
static void test_waking_before_the_start(void **state)
{
	const struct io_settings settings = { 8, 2, 4096 };
	struct fixture fixture;
	struct io *target;
	struct io_result result;
	struct text why = { 0 };

	(void)state;
	fixture_init(&fixture);
	assert_false(failed(io_create(&target, &settings, &why)));
	io_wake(fixture.loop.io, target);
	fixture_turn(&fixture);
	fixture_turn(&fixture);
	io_start(target);
	struct mono begun = clock_mono();
	io_wait(target, mono_after(begun, FIXTURE_PATIENCE_NS));
	assert_true(clock_mono().ns - begun.ns < FIXTURE_PATIENCE_NS);
	assert_false(io_reap(target, &result));
	io_destroy(target);
	fixture_finish(&fixture, BUFFERS);
}

static void test_waiting_ends_in_time(void **state)
{
	const struct io_settings settings = { 8, 2, 4096 };
	struct text why = { 0 };
	struct io *io;

	(void)state;
	assert_false(failed(io_create(&io, &settings, &why)));
	io_start(io);
	struct mono begun = clock_mono();
	io_wait(io, mono_after(begun, 20 * NS_PER_MS));
	assert_true(clock_mono().ns - begun.ns >= 20 * NS_PER_MS);
	begun = clock_mono();
	io_wait(io, begun);
	io_wait(io, (struct mono){ 0 });
	assert_true(clock_mono().ns - begun.ns < NS_PER_S);
	io_destroy(io);
}

static void test_unix_sockets_replace_the_dead_only(void **state)
{
	static struct probe listener;
	struct fixture fixture;
	char folder[] = P_tmpdir "/sluice-io-XXXXXX";
	char path[sizeof folder + 16];
	struct stat status;
	int first;
	int second;
	int client;

	(void)state;
	fixture_init(&fixture);
	struct io *io = fixture.loop.io;
	probe_init(&listener, &fixture);
	listener.op.done = probe_accepted;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/control.sock", folder);
	assert_true(failed(io_dial_path(io, path, &client)));
	assert_false(failed(io_listen_path(io, path, &first)));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	struct err err = io_listen_path(io, path, &second);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(err.detail, EADDRINUSE);
	io_discard(io, first);
	assert_false(failed(io_listen_path(io, path, &second)));
	io_accept(io, &listener.op, second);
	assert_false(failed(io_dial_path(io, path, &client)));
	fixture_turn_until(&fixture, listener.fd_count == 1);
	struct endpoint peer;
	assert_false(failed(io_peer(io, listener.fds[0], &peer)));
	assert_true(peer.local);
	io_cancel(io, &listener.op);
	fixture_turn_until(&fixture, io_in_flight(io) == 0);
	close_all(&fixture, (int[]){ second, client, listener.fds[0] }, 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);

	char long_path[300];
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	assert_true(failed(io_listen_path(io, long_path, &first)));
	fixture_finish(&fixture, BUFFERS);
}

static void test_features_and_refusals_are_told(void **state)
{
	static const struct {
		int error;
		const char *says;
	} rows[] = {
		{ EPERM, "forbids" },
		{ ENOSYS, "6.1 or later is needed" },
		{ EINVAL, "too old" },
		{ ENOMEM, "RLIMIT_MEMLOCK" },
		{ EMFILE, "Too many open files" },
	};
	struct fixture fixture;
	char room[512];
	struct text text = TEXT_ON(room);

	(void)state;
	fixture_init(&fixture);
	io_describe(fixture.loop.io, &text);
	assert_non_null(strstr(text_string(&text), "buffer_rings=yes"));
	assert_non_null(strstr(text_string(&text), "defer_taskrun="));
	fixture_finish(&fixture, BUFFERS);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct text why = TEXT_ON(room);
		io_refusal_explain(rows[i].error, &why);
		assert_non_null(strstr(text_string(&why), rows[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_go_through),
		cmocka_unit_test(test_accept_goes_on_and_connect_tells_endpoints),
		cmocka_unit_test(test_connecting_to_nobody_is_refused),
		cmocka_unit_test(test_a_cancelled_receive_loses_nothing),
		cmocka_unit_test(test_without_buffers_a_receive_says_so),
		cmocka_unit_test(test_a_full_ring_submits_early),
		cmocka_unit_test(test_out_of_descriptors_an_accept_fails_and_starts_again),
		cmocka_unit_test(test_a_sleeper_is_woken),
		cmocka_unit_test(test_waking_before_the_start),
		cmocka_unit_test(test_waiting_ends_in_time),
		cmocka_unit_test(test_unix_sockets_replace_the_dead_only),
		cmocka_unit_test(test_features_and_refusals_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
