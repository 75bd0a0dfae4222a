#include "engine/io/io_socket.h"

#include "engine/io/io.h"
#include "queue/base/check.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int io_family(const struct endpoint *endpoint);
static struct err io_bind(int fd, const struct endpoint *at);
static struct err io_fail(int fd);
static void io_switch_on(int fd, int level, int option);
static struct err io_path_address(const char *path, struct sockaddr_un *address);
static bool io_path_is_dead(const struct sockaddr_un *address);
static struct err io_endpoint_from(const struct sockaddr_storage *storage, struct endpoint *result);

struct err io_listen(struct io *io, const struct endpoint *at, bool shared, int *result)
{
	int fd = socket(io_family(at), SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)io;
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	io_switch_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		io_switch_on(fd, SOL_SOCKET, SO_REUSEPORT);
	/* So that "[::]:25" and "0.0.0.0:25" can stand side by side, as in nginx. */
	if (!endpoint_is_ipv4(at))
		io_switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	/* Inherited by the connections that are accepted. */
	io_switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
	io_switch_on(fd, SOL_SOCKET, SO_KEEPALIVE);
	struct err err = io_bind(fd, at);
	if (failed(err))
		return err;
	if (listen(fd, SOMAXCONN) < 0)
		return io_fail(fd);
	*result = fd;
	return err_ok();
}

static int io_family(const struct endpoint *endpoint)
{
	return endpoint_is_ipv4(endpoint) ? AF_INET : AF_INET6;
}

static struct err io_bind(int fd, const struct endpoint *at)
{
	struct sockaddr_in6 address;
	socklen_t bytes = io_socket_address(at, &address);

	return bind(fd, (struct sockaddr *)&address, bytes) < 0 ? io_fail(fd) : err_ok();
}

static struct err io_fail(int fd)
{
	int error = errno;

	close(fd);
	return err_make(ERR_SYSTEM, error);
}

/* These options can't fail on a socket of ours. */
static void io_switch_on(int fd, int level, int option)
{
	const int on = 1;

	check(setsockopt(fd, level, option, &on, sizeof on) == 0);
}

struct err io_listen_path(struct io *io, const char *path, int *result)
{
	struct sockaddr_un address;
	struct err err = io_path_address(path, &address);

	(void)io;
	if (failed(err))
		return err;
	if (io_path_is_dead(&address))
		unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	/* On the socket the mode would come too late, a umask would be every thread's. Its
	 * folder keeps others out (0700); this is the second fence. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
	        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	        listen(fd, SOMAXCONN) < 0)
		return io_fail(fd);
	*result = fd;
	return err_ok();
}

static struct err io_path_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address->sun_path)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	memcpy(address->sun_path, path, strlen(path));
	return err_ok();
}

/* A socket stays behind when its process dies, and refuses connections from then on. */
static bool io_path_is_dead(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	bool dead = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
	            errno == ECONNREFUSED;
	close(fd);
	return dead;
}

struct err io_socket(
        struct io *io, const struct endpoint *to, const struct endpoint *from, int *result)
{
	int fd = socket(io_family(to), SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)io;
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	io_switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
	io_switch_on(fd, SOL_SOCKET, SO_KEEPALIVE);
	struct err err = from == NULL ? err_ok() : io_bind(fd, from);
	if (!failed(err))
		*result = fd;
	return err;
}

struct err io_dial_path(struct io *io, const char *path, int *result)
{
	struct sockaddr_un address;
	struct err err = io_path_address(path, &address);

	(void)io;
	if (failed(err))
		return err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return io_fail(fd);
	*result = fd;
	return err_ok();
}

struct err io_pair(struct io *io, int fds[2])
{
	(void)io;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0
	               ? err_make(ERR_SYSTEM, errno)
	               : err_ok();
}

struct err io_local(struct io *io, int fd, struct endpoint *result)
{
	struct sockaddr_storage storage;
	socklen_t bytes = sizeof storage;

	(void)io;
	if (getsockname(fd, (struct sockaddr *)&storage, &bytes) < 0)
		return err_make(ERR_SYSTEM, errno);
	return io_endpoint_from(&storage, result);
}

struct err io_peer(struct io *io, int fd, struct endpoint *result)
{
	struct sockaddr_storage storage;
	socklen_t bytes = sizeof storage;

	(void)io;
	if (getpeername(fd, (struct sockaddr *)&storage, &bytes) < 0)
		return err_make(ERR_SYSTEM, errno);
	return io_endpoint_from(&storage, result);
}

void io_reset_on_close(struct io *io, int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	(void)io;
	/* A socket that is no longer connected, or a Unix one, has nothing to reset. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void io_discard(struct io *io, int fd)
{
	(void)io;
	close(fd);
}

socklen_t io_socket_address(const struct endpoint *endpoint, struct sockaddr_in6 *result)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(endpoint->port) };

	check(!endpoint->local);
	*result = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons(endpoint->port),
		.sin6_scope_id = endpoint->scope };
	memcpy(&result->sin6_addr, endpoint->address, sizeof endpoint->address);
	if (!endpoint_is_ipv4(endpoint))
		return sizeof *result;
	memcpy(&address.sin_addr, endpoint->address + 12, sizeof address.sin_addr);
	memcpy(result, &address, sizeof address);
	return sizeof address;
}

static struct err io_endpoint_from(const struct sockaddr_storage *storage, struct endpoint *result)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	*result = (struct endpoint){ 0 };
	switch (storage->ss_family) {
	case AF_INET:
		memcpy(&four, storage, sizeof four);
		result->address[10] = 0xff;
		result->address[11] = 0xff;
		memcpy(result->address + 12, &four.sin_addr, 4);
		result->port = ntohs(four.sin_port);
		return err_ok();
	case AF_INET6:
		memcpy(&six, storage, sizeof six);
		memcpy(result->address, &six.sin6_addr, sizeof result->address);
		result->port = ntohs(six.sin6_port);
		result->scope = six.sin6_scope_id;
		return err_ok();
	default:
		result->local = true;
		return err_ok();
	}
}
