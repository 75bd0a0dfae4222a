/*
 * A client of an ingest shard in a test: a real socket over loopback.
 *
 * Thread:  the test's; where the client waits, the shard turns.
 */
#ifndef SLUICE_TESTS_INGEST_CLIENT_H
#define SLUICE_TESTS_INGEST_CLIENT_H

#include "tests/engine/ingest_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static inline int house_dial(struct house *house, size_t door)
{
	const struct endpoint at = listener_endpoint(&house->ingest.listeners[door]);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(at.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(&address.sin_addr, at.address + 12, 4);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	const int at_once = 1;
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once), 0);
	return fd;
}

/* All of it goes out, though the shard may have to turn for that. */
static inline void house_send(struct house *house, int fd, struct view bytes)
{
	struct mono begun = clock_mono();

	while (bytes.bytes > 0) {
		ssize_t sent = send(fd, bytes.data, bytes.bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
			bytes = view_skip(bytes, (size_t)sent);
		else if (sent < 0 && errno != EAGAIN)
			return; /* closed meanwhile: the replies tell */
		else
			house_turn(house);
		assert_true(clock_mono().ns - begun.ns < HOUSE_PATIENCE_NS);
	}
}

/* What has come so far; false: the connection has ended. */
static inline bool house_receive(int fd, struct text *text)
{
	for (;;) {
		ssize_t came =
		        recv(fd, text->data + text->bytes, text->size - text->bytes, MSG_DONTWAIT);
		if (came == 0)
			return false;
		if (came < 0)
			return errno == EAGAIN;
		text->bytes += (size_t)came;
		assert_true(text->bytes < text->size);
	}
}

static inline size_t house_lines(const struct text *text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text->bytes; i++)
		lines += text->data[i] == '\n';
	return lines;
}

/* Turns until so many lines came in all. */
static inline void house_await(struct house *house, int fd, struct text *text, size_t lines)
{
	struct mono begun = clock_mono();

	while (house_receive(fd, text) && house_lines(text) < lines) {
		house_turn(house);
		if (clock_mono().ns - begun.ns > HOUSE_PATIENCE_NS)
			fail_msg("waited in vain for %zu lines, got: %s", lines, text_string(text));
	}
}

static inline void house_await_end(struct house *house, int fd, struct text *text)
{
	struct mono begun = clock_mono();

	while (house_receive(fd, text)) {
		house_turn(house);
		if (clock_mono().ns - begun.ns > HOUSE_PATIENCE_NS)
			fail_msg("the connection stays open after: %s", text_string(text));
	}
}

/* Says it all, and gives the lines that come. */
static inline const char *house_ask(struct house *house, int fd, const char *say, size_t lines)
{
	static char room[1 << 17];
	struct text got = TEXT_ON(room);

	house_send(house, fd, view_of(say));
	house_await(house, fd, &got, lines);
	return text_string(&got);
}

#endif
