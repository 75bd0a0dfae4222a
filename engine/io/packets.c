#include "engine/io/packets.h"

#include "queue/base/check.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct err wait_for(int end, int wait_ms);

struct err packets_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
		return err_ok();
	ends[0] = ends[1] = -1;
	return err_make(ERR_SYSTEM, errno);
}

struct err packets_send(int end, struct view packet)
{
	ssize_t sent;

	check(packet.bytes > 0);
	do
		sent = send(end, packet.data, packet.bytes, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return err_ok();
	return errno == EPIPE || errno == ECONNRESET ? err_make(ERR_CLOSED, 0)
	                                             : err_make(ERR_SYSTEM, errno);
}

struct err packets_receive(int end, struct span into, int wait_ms, size_t *bytes)
{
	ssize_t received;

	do {
		const struct err err = wait_for(end, wait_ms);

		if (failed(err))
			return err;
		/* Its whole length, also where it was cut. */
		received = recv(end, into.data, into.bytes, MSG_TRUNC);
	} while (received < 0 && errno == EINTR);
	if (received < 0)
		return errno == ECONNRESET ? err_make(ERR_CLOSED, 0) : err_make(ERR_SYSTEM, errno);
	if (received == 0)
		return err_make(ERR_CLOSED, 0);
	if ((size_t)received > into.bytes)
		return err_make(ERR_LIMIT, 0);
	*bytes = (size_t)received;
	return err_ok();
}

static struct err wait_for(int end, int wait_ms)
{
	struct pollfd file = { .fd = end, .events = POLLIN };
	int ready;

	if (wait_ms == PACKETS_FOR_EVER)
		return err_ok();
	do
		ready = poll(&file, 1, wait_ms); /* interrupted, it waits anew: signals are rare */
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return err_make(ERR_SYSTEM, errno);
	return ready == 0 ? err_make(ERR_LIMIT, 0) : err_ok();
}

void packets_close(int *end)
{
	if (*end >= 0)
		check(close(*end) == 0);
	*end = -1;
}
