#include "engine/io/handed.h"

#include "engine/io/io.h"
#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */

static bool read_count(size_t *count);
static struct err take(struct handed *handed, int fd, struct text *why);
static bool is_listening(int fd);

struct err handed_open(struct handed *handed, struct text *why)
{
	struct err err = err_ok();
	size_t count = 0;

	handed->count = 0;
	const bool told = read_count(&count);
	/* They are not for what we start. */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (!told)
		return err_ok();
	if (count > HANDED_MAX) {
		text_format(
		        why, "LISTEN_FDS is %zu; right are at most %d sockets", count, HANDED_MAX);
		return err_make(ERR_LIMIT, 0);
	}
	for (size_t i = 0; i < count && !failed(err); i++)
		err = take(handed, FIRST + (int)i, why);
	if (failed(err))
		handed_close(handed);
	return err;
}

/* False: nobody hands us anything. */
static bool read_count(size_t *count)
{
	const char *process = getenv("LISTEN_PID");
	const char *sockets = getenv("LISTEN_FDS");
	char *end;

	if (process == NULL || sockets == NULL || strtoll(process, &end, 10) != getpid() ||
	        *end != '\0')
		return false;
	const unsigned long number = strtoul(sockets, &end, 10);
	*count = number;
	return *sockets != '\0' && *end == '\0' && number > 0;
}

static struct err take(struct handed *handed, int fd, struct text *why)
{
	struct endpoint *at = &handed->at[handed->count];
	const int on = 1;

	if (!is_listening(fd) || failed(io_local(NULL, fd, at))) {
		text_format(why,
		        "descriptor %d, which was handed over, is no listening TCP socket; right "
		        "is "
		        "ListenStream= with an address and a port",
		        fd);
		return err_make(ERR_FORMAT, 0);
	}
	check(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	/* As a listener's own are: inherited by the connections that are accepted. */
	check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
	check(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
	handed->taken[handed->count] = false;
	handed->sockets[handed->count++] = fd;
	return err_ok();
}

static bool is_listening(int fd)
{
	int kind = 0;
	int listens = 0;
	socklen_t bytes = sizeof kind;

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &kind, &bytes) != 0 || kind != IPPROTO_TCP)
		return false;
	bytes = sizeof listens;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) == 0 && listens != 0;
}

void handed_close(struct handed *handed)
{
	for (size_t i = 0; i < handed->count; i++)
		check(close(handed->sockets[i]) == 0);
	handed->count = 0;
}

int handed_find(struct handed *handed, const struct endpoint *at)
{
	for (size_t i = 0; i < handed->count; i++) {
		if (!endpoint_equal(&handed->at[i], at))
			continue;
		handed->taken[i] = true;
		return handed->sockets[i];
	}
	return -1;
}

struct err handed_share(int socket, int *result)
{
	*result = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	return *result < 0 ? err_make(ERR_SYSTEM, errno) : err_ok();
}
