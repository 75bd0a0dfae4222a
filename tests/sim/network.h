/*
 * The simulator's network: sockets joined by paths that split, delay and lose what is sent.
 *
 * Time is clock_mono(): whoever turns the simulator calls network_go_on() after each step of
 * it, and asks network_wanted() when something is next to happen. The threads' ends are struct
 * io (io_sim.c); a thread should turn when io_sim_is_ready().
 *
 * Thread:  the simulator's one.
 * Owns:    sockets and bytes on their way.
 */
#ifndef SLUICE_SIM_NETWORK_H
#define SLUICE_SIM_NETWORK_H

#include "engine/io/io.h"
#include "queue/base/random.h"

/* Probabilities, of each send, connect or accept. */
struct network_weather {
	double reset;       /* the connection breaks, in both directions */
	double stall;       /* from here on nothing arrives for a while, or ever */
	double partial;     /* fewer bytes are taken than asked */
	double unreachable; /* a connect fails at once */
	double lost;        /* a connect is not answered */
	double no_files;    /* an accept fails with EMFILE */
	double no_buffers;  /* a receive fails with ENOBUFS */
	double torn;        /* what arrives is received in small pieces */
	int64_t latency_ns; /* at most, one way */
};

struct socket;

struct network {
	struct random random;
	struct network_weather weather;
	uint64_t breaks; /* connections that were reset, stalled or lost */
	/* Bytes leave for the wire; `io` sends them. */
	void (*sends)(void *owner, const struct socket *socket, struct view bytes);
	/* A connection is asked for. */
	void (*connects)(void *owner, const struct io *io, const struct endpoint *to);
	void *owner;
};

extern struct network sim_network;

void network_reset(uint64_t seed);
/* Everything that is due by now. */
void network_go_on(void);
struct mono network_wanted(void);

/* Whose socket it is, where it leads, and whether it was connected from here. */
struct io *socket_owner(const struct socket *socket);
const struct endpoint *socket_peer(const struct socket *socket);
bool socket_is_ours(const struct socket *socket);
/* Sockets of this io that are connected, or being so, to the endpoint's port. */
size_t network_connections(const struct io *io, uint16_t port);

/* Completions, a wake-up, or the time that the last io_wait() was to end. */
bool io_sim_is_ready(const struct io *io);
struct mono io_sim_wanted(const struct io *io);
/* For a thread whose turns' time is measured: what they ask for is submitted by io_sim_submit(),
 * and not within them; completions come in their order. So what the network costs the simulator,
 * more of it the more is on its way, is not in the measured time. */
void io_sim_measure(struct io *io);
void io_sim_submit(struct io *io);
/* Before its thread turns. */
void io_sim_turn(struct io *io);
/* The process that used it is no more: the system closes its sockets. It is never used again. */
void io_sim_kill(struct io *io);
/* The nth operation of this kind fails, once, of the ios that are exposed to faults; with an errno
 * that the kernel might give, another one for each n. IO_IDLE: a socket that is made. A recv or
 * accept is an operation as often as it completes. */
void io_sim_fail(enum io_kind kind, uint64_t nth);
void io_sim_expose(struct io *io);
bool io_sim_has_failed(void);
/* A thread may stop right before what it asked for is submitted. */
void io_sim_crash_in_wait(void (*crash)(void *owner), void *owner, double probability);

#endif
