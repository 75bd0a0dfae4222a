/*
 * What the two halves of the simulated io share: network_sim.c (sockets, paths, time) and
 * io_sim.c (operations, completions). Nobody else includes this.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_NETWORK_INNER_H
#define SLUICE_SIM_NETWORK_INNER_H

#include "tests/sim/network.h"

#define NETWORK_WINDOW  65536 /* bytes that may be on their way or unread */
#define NETWORK_BACKLOG 128

struct socket {
	int fd;
	bool open;
	bool listens;
	bool ours; /* made by io_socket(), not by an accept */
	bool connected;
	struct io *owner; /* of an accepted one not yet reaped: the listener's */
	struct endpoint local;
	struct endpoint peer;
	struct socket *other;
	/* receiving */
	char *input; /* NETWORK_WINDOW; NULL: nothing came yet */
	size_t input_bytes;
	size_t on_way; /* bytes that are sent to it and have not come */
	bool ended;    /* the other side's FIN came */
	bool reset;
	struct io_op *recv;
	/* sending */
	struct io_op *send;
	struct view pieces[IO_PIECES_MAX];
	size_t piece_count;
	struct mono path; /* when the last that was sent arrives */
	bool shut;        /* our FIN went out */
	bool linger;      /* closing resets */
	/* connecting, listening */
	struct io_op *connect;
	struct io_op *accept;
	struct socket *backlog[NETWORK_BACKLOG];
	size_t backlog_count;
};

/* The socket behind an fd; it exists. */
struct socket *network_socket(int fd);
bool network_draw(double probability);

/* What io_sim.c submits. */
void socket_accept(struct socket *socket, struct io_op *op);
void socket_connect(struct socket *socket, struct io_op *op, const struct endpoint *to);
void socket_recv(struct socket *socket, struct io_op *op);
void socket_send(struct socket *socket, struct io_op *op, const struct view *pieces, size_t count);
void socket_shutdown(struct socket *socket);
void socket_close(struct socket *socket);
/* True: the operation was under way here, and is no more. */
bool socket_cancel(struct socket *socket, struct io_op *op);
/* Every socket of it. */
void network_kill(const struct io *io);

/* What network_sim.c tells: a completion now, or one after a while. */
void io_sim_complete(struct io *io, struct io_op *op, int value, bool more);
void io_sim_complete_later(struct io *io, struct io_op *op, int value, int64_t ns);
/* Into a buffer. False: none is free. */
bool io_sim_received(struct io *io, struct io_op *op, struct view bytes, bool more);
size_t io_sim_buffer_bytes(const struct io *io);
/* The time of a completion that io_sim_complete_later() was told of has come. */
void io_sim_due(void *completion);
/* Those that io_destroy() left, for what was on its way to them. */
void io_sim_forget(void);
/* The errno with which an operation of this io is to fail; 0: none. */
int io_sim_strikes(const struct io *io, enum io_kind kind);
/* For it: an event at that time. */
void network_at(struct mono when, void *completion);

#endif
