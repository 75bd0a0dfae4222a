/*
 * Everything a thread asks of sockets, as operations that complete later. A seam: io_uring.c
 * asks the kernel, tests/sim/io_sim.c the simulator. No other file calls a socket function.
 *
 * An operation is a struct io_op, a field of the object that waits for it: the kernel is an
 * owner of it from the call until its last completion. Nothing is submitted before io_wait()
 * (or before the submission ring is full), so a turn costs one system call. Completions queue
 * up inside; io_reap() hands them out one by one, and whoever runs them (engine/io/loop) may
 * start further operations, free objects, and so on: there is no recursion.
 *
 * Thread:  io_create() and io_destroy() anywhere, io_wake() anywhere, all else the one thread
 *          that called io_start().
 * Owns:    the rings and the receive buffers. An io_buffer is lent with a completion until
 *          io_buffer_give().
 * Never:   blocks outside io_wait(); completes an operation from within the call that starts
 *          it; touches an operation after its last completion was reaped.
 * Fails:   an operation completes with -errno; io_create() says in words what forbids io_uring.
 */
#ifndef SLUICE_IO_H
#define SLUICE_IO_H

#include "engine/io/endpoint.h"
#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/base/list.h"

#include <errno.h>

struct io;

struct io_settings {
	unsigned entries;      /* submissions before an early submit; a power of two */
	unsigned buffer_count; /* receive buffers, a power of two, at most 32,768 */
	unsigned buffer_bytes; /* 16 KiB holds one TLS record or most mails */
};

#define IO_SETTINGS_DEFAULT                                                                        \
	{                                                                                          \
		.entries = 1024, .buffer_count = 256, .buffer_bytes = 16384                        \
	}

#define IO_PIECES_MAX 64 /* views in one io_send_pieces() */
#define IO_CANCELLED  (-ECANCELED)
#define IO_NO_BUFFER  (-ENOBUFS)

enum io_kind { IO_IDLE, IO_ACCEPT, IO_CONNECT, IO_RECV, IO_SEND, IO_SHUTDOWN, IO_CLOSE };

struct io_result;

struct io_op {
	void (*done)(struct io_op *op, const struct io_result *result);
	struct link link; /* the body's */
	int fd;
	uint8_t kind; /* enum io_kind; IO_IDLE: not in flight, may be used or freed */
	bool cancelled;
};

/* Received bytes, lent. `next` is free for whoever holds it. */
struct io_buffer {
	struct io_buffer *next;
	char *data;
	uint32_t bytes;
	uint32_t index;
};

struct io_result {
	struct io_op *op;
	/* The new fd, or bytes moved (a recv's 0: the peer sends no more); or -errno. */
	int value;
	bool more; /* the operation goes on and completes again; false: it is idle now */
	struct io_buffer *buffer; /* of a recv with value > 0 */
};

/* On failure `why` holds a sentence for people: which setting forbids io_uring, or what this
 * kernel lacks and which version has it. */
MUST_CHECK struct err io_create(
        struct io **result, const struct io_settings *settings, struct text *why);
/* Nothing may be in flight. NULL is fine. */
void io_destroy(struct io *io);
/* Once, in the thread that will use it from then on. */
void io_start(struct io *io);
/* "defer_taskrun=yes multishot_recv=yes msg_ring=no(5.18)...": what was found, and which kernel
 * has what was not. */
void io_describe(const struct io *io, struct text *text);
/* Whether, once it runs, the kernel refuses by it what is none of the operations below. */
bool io_is_restricted(const struct io *io);

/* Operations. `op` must be idle and its `done` set; it and all memory that a view points to
 * stay until its last completion. Arrays of views and endpoints are copied. */

/* Completes for every connection (value: its fd) until cancelled or failed: on EMFILE, ENFILE,
 * ENOBUFS or ENOMEM start again later, by a timer. more == false without failure: start again. */
void io_accept(struct io *io, struct io_op *op, int fd);
void io_connect(struct io *io, struct io_op *op, int fd, const struct endpoint *to);
/* Completes for every piece received until cancelled, ended (value 0) or failed; IO_NO_BUFFER:
 * no receive buffer is free, start again when io_buffers_free() > 0. more == false with value > 0:
 * start again. */
void io_recv(struct io *io, struct io_op *op, int fd);
/* May move fewer bytes than asked: the caller goes on from there. */
void io_send(struct io *io, struct io_op *op, int fd, struct view bytes);
/* 1..IO_PIECES_MAX views. */
void io_send_pieces(
        struct io *io, struct io_op *op, int fd, const struct view *pieces, size_t count);
/* Ends our sending direction. */
void io_shutdown(struct io *io, struct io_op *op, int fd);
/* Operations in flight on fd must have been cancelled before (the same turn will do). */
void io_close(struct io *io, struct io_op *op, int fd);
/* Asks an operation to end early; it completes all the same, with its result or
 * IO_CANCELLED.
 * Idle or already cancelled: nothing happens. */
void io_cancel(struct io *io, struct io_op *op);

/* Next completion, if one waits. An operation without `more` is idle by then. */
bool io_reap(struct io *io, struct io_result *result);
/* Submits everything asked for, then waits until something completes, io_wake() or `until`,
 * whichever comes first. Does not wait while completions are unreaped. The simulator's returns
 * at once and notes `until`. */
void io_wait(struct io *io, struct mono until);
/* Makes the current or next io_wait() of `target` return. From a thread with an io of its own
 * give it: the wake-up goes out with that io's next io_wait(). Otherwise NULL, which sends it
 * at once and may be called in a signal handler. */
void io_wake(struct io *from, struct io *target);

/* Takes buffer: the bytes are gone. */
void io_buffer_give(struct io *io, struct io_buffer *buffer);
size_t io_buffers_free(const struct io *io);
size_t io_in_flight(const struct io *io);

/* What the kernel answers without waiting. */

/* A listening socket. `shared`: other threads listen on the same endpoint, and the kernel
 * spreads connections over them. Port 0 takes any; io_local() tells which. */
MUST_CHECK struct err io_listen(struct io *io, const struct endpoint *at, bool shared, int *fd);
/* On a path, mode 0600; replaces a socket left there by a dead process. */
MUST_CHECK struct err io_listen_path(struct io *io, const char *path, int *fd);
/* A socket for io_connect(); `from`: the address to come from, or NULL. */
MUST_CHECK struct err io_socket(
        struct io *io, const struct endpoint *to, const struct endpoint *from, int *fd);
/* A connected Unix socket. */
MUST_CHECK struct err io_dial_path(struct io *io, const char *path, int *fd);
/* Two sockets connected with each other; for tests. */
MUST_CHECK struct err io_pair(struct io *io, int fds[2]);
MUST_CHECK struct err io_local(struct io *io, int fd, struct endpoint *result);
MUST_CHECK struct err io_peer(struct io *io, int fd, struct endpoint *result);
/* Closing will reset the connection: the peer can't take what it got so far for all. */
void io_reset_on_close(struct io *io, int fd);
/* Closes at once an fd that no operation uses. */
void io_discard(struct io *io, int fd);

#endif
