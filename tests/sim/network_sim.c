#include "tests/sim/network_inner.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define SOCKETS_FIRST 100 /* fds; never used twice, so that late use is seen */
#define PORTS_FIRST   40000
#define STALL_MOST_NS (400 * NS_PER_S)
#define LOST_NS       (127 * NS_PER_S) /* until the system gives a connect up */
#define EVENTS_MAX    (1 << 18)

struct network sim_network;

enum event_kind { EVENT_DATA, EVENT_END, EVENT_RESET, EVENT_ARRIVE, EVENT_CONNECT, EVENT_DUE };

struct event {
	struct mono when;
	uint64_t order; /* of those at the same time */
	enum event_kind kind;
	struct socket *socket;
	void *completion;
	int value; /* EVENT_CONNECT: the outcome */
	size_t bytes;
	char data[];
};

/* A seam's body has no owner to be kept in. */
static struct {
	struct socket **sockets;
	size_t count;
	size_t room;
	struct event **heap;
	size_t events;
	size_t events_room;
	uint64_t order;
	uint16_t port;
} net;

static void socket_pump_recv(struct socket *socket);
static void socket_pump_send(struct socket *socket);
static void socket_pump_accept(struct socket *socket);
static void network_forget(void);

void network_reset(uint64_t seed)
{
	network_forget();
	sim_network = (struct network){ .weather.latency_ns = NS_PER_MS };
	random_seed(&sim_network.random, seed);
	memset(&net, 0, sizeof net);
	net.port = PORTS_FIRST;
}

/* Of the world before: a process that runs many keeps nothing of them. */
static void network_forget(void)
{
	for (size_t i = 0; i < net.events; i++) {
		free(net.heap[i]->completion);
		free(net.heap[i]);
	}
	free(net.heap);
	for (size_t i = 0; i < net.count; i++) {
		free(net.sockets[i]->input);
		free(net.sockets[i]);
	}
	free(net.sockets);
	io_sim_forget();
}

bool network_draw(double probability)
{
	return probability > 0 && random_unit(&sim_network.random) < probability;
}

static int64_t draw_ns(int64_t most)
{
	return most <= 1 ? most : (int64_t)random_below(&sim_network.random, (uint64_t)most) + 1;
}

/* Events: a heap by time, then by the order in which they were made */

static bool event_before(const struct event *a, const struct event *b)
{
	return a->when.ns != b->when.ns ? a->when.ns < b->when.ns : a->order < b->order;
}

static void event_add(struct event *event, struct mono when)
{
	event->when = when;
	event->order = net.order++;
	if (net.events == net.events_room) {
		net.events_room = net.events_room * 2 + 256;
		check(net.events_room <= EVENTS_MAX);
		net.heap = realloc(net.heap, net.events_room * sizeof(struct event *));
		check(net.heap != NULL);
	}
	size_t at = net.events++;
	while (at > 0 && event_before(event, net.heap[(at - 1) / 2])) {
		net.heap[at] = net.heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	net.heap[at] = event;
}

static struct event *event_take(void)
{
	struct event *first = net.heap[0];
	struct event *last = net.heap[--net.events];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= net.events)
			break;
		if (child + 1 < net.events && event_before(net.heap[child + 1], net.heap[child]))
			child++;
		if (!event_before(net.heap[child], last))
			break;
		net.heap[at] = net.heap[child];
		at = child;
	}
	net.heap[at] = last;
	return first;
}

static struct event *event_new(enum event_kind kind, struct socket *socket, size_t bytes)
{
	struct event *event = calloc(1, sizeof *event + bytes);

	check(event != NULL);
	event->kind = kind;
	event->socket = socket;
	event->bytes = bytes;
	return event;
}

void network_at(struct mono when, void *completion)
{
	struct event *event = event_new(EVENT_DUE, NULL, 0);

	event->completion = completion;
	event_add(event, when);
}

struct mono network_wanted(void)
{
	return net.events == 0 ? MONO_NEVER : net.heap[0]->when;
}

/* Sockets */

static struct socket *socket_new(struct io *owner)
{
	struct socket *socket = calloc(1, sizeof *socket);

	check(socket != NULL);
	if (net.count == net.room) {
		net.room = net.room * 2 + 64;
		net.sockets = realloc(net.sockets, net.room * sizeof(struct socket *));
		check(net.sockets != NULL);
	}
	socket->fd = SOCKETS_FIRST + (int)net.count;
	socket->owner = owner;
	socket->open = true;
	net.sockets[net.count++] = socket;
	return socket;
}

struct socket *network_socket(int fd)
{
	check(fd >= SOCKETS_FIRST);
	check((size_t)(fd - SOCKETS_FIRST) < net.count);
	struct socket *socket = net.sockets[fd - SOCKETS_FIRST];
	check(socket->open);
	return socket;
}

struct io *socket_owner(const struct socket *socket)
{
	return socket->owner;
}

const struct endpoint *socket_peer(const struct socket *socket)
{
	return &socket->peer;
}

bool socket_is_ours(const struct socket *socket)
{
	return socket->ours;
}

size_t network_connections(const struct io *io, uint16_t port)
{
	size_t count = 0;

	for (size_t i = 0; i < net.count; i++) {
		const struct socket *socket = net.sockets[i];
		count += socket->open && socket->ours && socket->owner == io &&
		         socket->peer.port == port;
	}
	return count;
}

/* One path each way: what is sent later arrives later. */
static struct mono socket_arrival(struct socket *socket)
{
	const struct mono now = clock_mono();
	struct mono when = mono_after(now, draw_ns(sim_network.weather.latency_ns));

	if (when.ns < socket->path.ns)
		when = socket->path;
	socket->path = when;
	return when;
}

static void socket_tell(struct socket *socket, enum event_kind kind)
{
	if (socket->other != NULL)
		event_add(event_new(kind, socket->other, 0), socket_arrival(socket));
}

/* The connection is lost: both sides hear of it, each in its time. */
static void socket_break(struct socket *socket)
{
	sim_network.breaks++;
	socket_tell(socket, EVENT_RESET);
	if (socket->other != NULL)
		socket_tell(socket->other, EVENT_RESET);
}

static void socket_come_reset(struct socket *socket)
{
	if (!socket->open || socket->reset)
		return;
	socket->reset = true;
	if (network_draw(0.5))
		socket->input_bytes = 0;
	socket_pump_recv(socket);
	socket_pump_send(socket);
}

/* Receiving */

void socket_recv(struct socket *socket, struct io_op *op)
{
	check(socket->recv == NULL);
	socket->recv = op;
	socket_pump_recv(socket);
}

static void socket_pump_recv(struct socket *socket)
{
	while (socket->recv != NULL && socket->input_bytes > 0) {
		const int error = io_sim_strikes(socket->owner, IO_RECV);
		if (error != 0) {
			io_sim_complete(socket->owner, MOVE(socket->recv), -error, false);
			return;
		}
		size_t bytes = io_sim_buffer_bytes(socket->owner);
		const bool more = !network_draw(0.02);

		if (bytes > socket->input_bytes)
			bytes = socket->input_bytes;
		if (network_draw(sim_network.weather.torn))
			bytes = (size_t)random_below(&sim_network.random, bytes) + 1;
		if (network_draw(sim_network.weather.no_buffers) ||
		        !io_sim_received(socket->owner, socket->recv,
		                view_from(socket->input, bytes), more)) {
			io_sim_complete(socket->owner, MOVE(socket->recv), IO_NO_BUFFER, false);
			return;
		}
		if (!more)
			socket->recv = NULL;
		socket->input_bytes -= bytes;
		memmove(socket->input, socket->input + bytes, socket->input_bytes);
		if (socket->other != NULL)
			socket_pump_send(socket->other);
	}
	if (socket->recv == NULL)
		return;
	if (socket->reset)
		io_sim_complete(socket->owner, MOVE(socket->recv), -ECONNRESET, false);
	else if (socket->ended)
		io_sim_complete(socket->owner, MOVE(socket->recv), 0, false);
}

static void socket_come_data(struct socket *socket, struct event *event)
{
	socket->on_way -= event->bytes;
	if (!socket->open) {
		socket_tell(socket, EVENT_RESET);
		return;
	}
	if (socket->reset)
		return;
	if (socket->input == NULL) {
		socket->input = malloc(NETWORK_WINDOW);
		check(socket->input != NULL);
	}
	check(socket->input_bytes + event->bytes <= NETWORK_WINDOW);
	memcpy(socket->input + socket->input_bytes, event->data, event->bytes);
	socket->input_bytes += event->bytes;
	socket_pump_recv(socket);
}

/* Sending */

void socket_send(struct socket *socket, struct io_op *op, const struct view *pieces, size_t count)
{
	check(socket->send == NULL);
	socket->send = op;
	memcpy(socket->pieces, pieces, count * sizeof *pieces);
	socket->piece_count = count;
	socket_pump_send(socket);
}

static struct event *socket_copy(const struct socket *socket, size_t bytes)
{
	struct event *event = event_new(EVENT_DATA, socket->other, bytes);
	size_t done = 0;

	for (size_t i = 0; done < bytes; i++) {
		const struct view piece = view_first(socket->pieces[i], bytes - done);
		memcpy(event->data + done, piece.data, piece.bytes);
		done += piece.bytes;
	}
	return event;
}

static void socket_sent(struct socket *socket, int value)
{
	io_sim_complete_later(socket->owner, MOVE(socket->send), value, draw_ns(50 * NS_PER_US));
}

static void socket_pump_send(struct socket *socket)
{
	struct socket *other = socket->other;
	size_t bytes = 0;

	if (socket->send == NULL || !socket->connected)
		return;
	if (socket->reset || socket->shut || other == NULL) {
		socket_sent(socket, socket->reset ? -ECONNRESET : -EPIPE);
		return;
	}
	for (size_t i = 0; i < socket->piece_count; i++)
		bytes += socket->pieces[i].bytes;
	const size_t room = NETWORK_WINDOW - other->input_bytes - other->on_way;
	if (room == 0)
		return; /* goes on when the other side reads */
	if (bytes > room)
		bytes = room;
	if (bytes > 1 && network_draw(sim_network.weather.partial))
		bytes = (size_t)random_below(&sim_network.random, bytes) + 1;
	struct event *event = socket_copy(socket, bytes);
	if (sim_network.sends != NULL)
		sim_network.sends(sim_network.owner, socket, view_from(event->data, event->bytes));
	if (network_draw(sim_network.weather.stall)) {
		sim_network.breaks++;
		/* Never before what is on its way already: TCP keeps the order. */
		const struct mono from =
		        socket->path.ns > clock_mono().ns ? socket->path : clock_mono();
		socket->path = mono_after(from, draw_ns(STALL_MOST_NS));
	}
	other->on_way += bytes;
	event_add(event, socket_arrival(socket));
	if (network_draw(sim_network.weather.reset))
		socket_break(socket);
	socket_sent(socket, (int)bytes);
}

/* Connecting */

static struct socket *find_listener(const struct endpoint *at)
{
	struct socket *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < net.count; i++) {
		struct socket *socket = net.sockets[i];
		if (!socket->open || !socket->listens || !endpoint_equal(&socket->local, at))
			continue;
		count++;
		if (random_below(&sim_network.random, count) == 0)
			found = socket;
	}
	return found;
}

void socket_connect(struct socket *socket, struct io_op *op, const struct endpoint *to)
{
	socket->connect = op;
	socket->peer = *to;
	if (sim_network.connects != NULL)
		sim_network.connects(sim_network.owner, socket->owner, to);
	struct event *event = event_new(EVENT_ARRIVE, socket, 0);
	if (network_draw(sim_network.weather.unreachable)) {
		event->kind = EVENT_CONNECT;
		event->value = -ENETUNREACH;
	} else if (network_draw(sim_network.weather.lost)) {
		sim_network.breaks++;
		event->kind = EVENT_CONNECT;
		event->value = -ETIMEDOUT;
		event_add(event, mono_after(clock_mono(), LOST_NS));
		return;
	}
	event_add(event, socket_arrival(socket));
}

/* The other side's system takes it, before its process does. */
static void socket_come_arrive(struct socket *socket)
{
	struct event *answer = event_new(EVENT_CONNECT, socket, 0);
	struct socket *listener = find_listener(&socket->peer);

	if (!socket->open) {
		free(answer);
		return;
	}
	if (listener == NULL || listener->backlog_count == NETWORK_BACKLOG) {
		answer->value = -ECONNREFUSED;
	} else {
		struct socket *other = socket_new(listener->owner);
		other->connected = true;
		other->local = listener->local;
		other->peer = socket->local;
		other->other = socket;
		socket->other = other;
		listener->backlog[listener->backlog_count++] = other;
		socket_pump_accept(listener);
	}
	event_add(answer, mono_after(clock_mono(), draw_ns(sim_network.weather.latency_ns)));
}

static void socket_come_connect(struct socket *socket, int value)
{
	if (socket->connect == NULL)
		return; /* cancelled, or closed */
	socket->connected = value == 0;
	io_sim_complete(socket->owner, MOVE(socket->connect), value, false);
}

void socket_accept(struct socket *socket, struct io_op *op)
{
	check(socket->listens);
	check(socket->accept == NULL);
	socket->accept = op;
	socket_pump_accept(socket);
}

static void socket_pump_accept(struct socket *socket)
{
	while (socket->accept != NULL && socket->backlog_count > 0) {
		const int error = io_sim_strikes(socket->owner, IO_ACCEPT);
		if (error != 0) {
			io_sim_complete(socket->owner, MOVE(socket->accept), -error, false);
			return;
		}
		if (network_draw(sim_network.weather.no_files)) {
			io_sim_complete(socket->owner, MOVE(socket->accept), -EMFILE, false);
			return;
		}
		struct socket *other = socket->backlog[0];
		socket->backlog_count--;
		memmove(&socket->backlog[0], &socket->backlog[1],
		        socket->backlog_count * sizeof(struct socket *));
		const bool more = !network_draw(0.02);
		io_sim_complete(socket->owner, socket->accept, other->fd, more);
		if (!more)
			socket->accept = NULL;
	}
}

/* Ending */

void socket_shutdown(struct socket *socket)
{
	if (socket->shut || !socket->connected)
		return;
	socket->shut = true;
	socket_tell(socket, EVENT_END);
}

void socket_close(struct socket *socket)
{
	check(socket->open);
	check(socket->recv == NULL);
	check(socket->send == NULL);
	check(socket->accept == NULL);
	socket->open = false;
	socket->connect = NULL;
	for (size_t i = 0; i < socket->backlog_count; i++) {
		socket->backlog[i]->linger = true;
		socket_close(socket->backlog[i]);
	}
	socket->backlog_count = 0;
	if (socket->linger || socket->input_bytes > 0)
		socket_tell(socket, EVENT_RESET);
	else if (!socket->shut)
		socket_tell(socket, EVENT_END);
	free(MOVE(socket->input));
	socket->input_bytes = 0;
}

bool socket_cancel(struct socket *socket, struct io_op *op)
{
	struct io_op **const all[] = { &socket->recv, &socket->send, &socket->accept,
		&socket->connect };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (*all[i] != op)
			continue;
		*all[i] = NULL;
		return true;
	}
	return false;
}

void network_kill(const struct io *io)
{
	for (size_t i = 0; i < net.count; i++) {
		struct socket *socket = net.sockets[i];
		if (!socket->open || socket->owner != io)
			continue;
		socket->recv = NULL;
		socket->send = NULL;
		socket->accept = NULL;
		socket_close(socket);
	}
}

/* Time */

static void event_run(struct event *event)
{
	switch (event->kind) {
	case EVENT_DATA:
		socket_come_data(event->socket, event);
		break;
	case EVENT_END:
		event->socket->ended = true;
		if (event->socket->open)
			socket_pump_recv(event->socket);
		break;
	case EVENT_RESET:
		socket_come_reset(event->socket);
		break;
	case EVENT_ARRIVE:
		socket_come_arrive(event->socket);
		break;
	case EVENT_CONNECT:
		socket_come_connect(event->socket, event->value);
		break;
	case EVENT_DUE:
		io_sim_due(event->completion);
		break;
	}
	free(event);
}

void network_go_on(void)
{
	while (net.events > 0 && mono_reached(clock_mono(), net.heap[0]->when))
		event_run(event_take());
}

/* What the kernel answers without waiting. */

struct err io_listen(struct io *io, const struct endpoint *at, bool shared, int *fd)
{
	(void)shared;
	struct socket *socket = socket_new(io);
	socket->listens = true;
	socket->local = *at;
	if (at->port == 0)
		socket->local.port = net.port++;
	*fd = socket->fd;
	return err_ok();
}

/* No simulated thread is asked by path: operators' requests come by letter. */
struct err io_listen_path(struct io *io, const char *path, int *fd)
{
	(void)io;
	(void)path;
	(void)fd;
	return err_make(ERR_UNSUPPORTED, 0);
}

struct err io_dial_path(struct io *io, const char *path, int *fd)
{
	return io_listen_path(io, path, fd);
}

struct err io_pair(struct io *io, int fds[2])
{
	return io_listen_path(io, NULL, fds);
}

struct err io_socket(struct io *io, const struct endpoint *to, const struct endpoint *from, int *fd)
{
	const int error = io_sim_strikes(io, IO_IDLE);
	if (error != 0)
		return err_make(ERR_SYSTEM, error);
	struct socket *socket = socket_new(io);

	socket->ours = true;
	if (from != NULL) {
		socket->local = *from;
	} else {
		memcpy(socket->local.address, to->address, sizeof to->address);
	}
	if (socket->local.port == 0)
		socket->local.port = net.port++;
	*fd = socket->fd;
	return err_ok();
}

struct err io_local(struct io *io, int fd, struct endpoint *result)
{
	(void)io;
	*result = network_socket(fd)->local;
	return err_ok();
}

struct err io_peer(struct io *io, int fd, struct endpoint *result)
{
	(void)io;
	*result = network_socket(fd)->peer;
	return err_ok();
}

void io_reset_on_close(struct io *io, int fd)
{
	(void)io;
	network_socket(fd)->linger = true;
}

void io_discard(struct io *io, int fd)
{
	(void)io;
	socket_close(network_socket(fd));
}
