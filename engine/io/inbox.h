/*
 * An inbox holds what a connection received and its reader has not consumed: first the bytes
 * gathered in a chunk, then the receive buffers behind them.
 *
 * Without TLS both are input, in this order. With TLS the buffers are ciphertext, read with
 * inbox_take_received(), and the chunk is what was decrypted from it.
 *
 * Thread:  the owner's.
 * Owns:    its chunk, and the buffers until it gives them back to the io. Holds neither while
 *          it is empty.
 * Fails:   no memory: what needs a chunk is not done.
 */
#ifndef SLUICE_INBOX_H
#define SLUICE_INBOX_H

#include "engine/io/io.h"
#include "queue/base/depot.h"

struct inbox {
	struct io_buffer *first;
	struct io_buffer *last;
	struct chunk *gathered; /* NULL: none; else it holds unread bytes, or has just been made */
	uint32_t first_offset;  /* consumed of the first buffer */
	uint32_t gathered_offset;
	uint32_t buffer_count;
};

/* Takes buffer. */
void inbox_push(struct inbox *inbox, struct io_buffer *buffer);
/* The gathered bytes. */
struct view inbox_gathered(const struct inbox *inbox);
/* The gathered bytes, or if there are none, those of the first buffer. */
struct view inbox_first(const struct inbox *inbox);
/* Of what inbox_first() gives. */
void inbox_consume(struct inbox *inbox, struct io *io, struct shelf *shelf, size_t bytes);
/* Moves bytes of the buffers behind the gathered ones, as many as fit; gives whether any moved.
 * False with buffers left over: no memory, or the chunk is full. */
bool inbox_gather(struct inbox *inbox, struct io *io, struct shelf *shelf);
/* Copies bytes out of the buffers; gives how many. */
size_t inbox_take_received(struct inbox *inbox, struct io *io, struct span into);
/* Room for more gathered bytes; empty: the chunk is full or there is no memory. How much of it
 * was used is then told with inbox_gathered_more(). */
struct span inbox_room(struct inbox *inbox, struct shelf *shelf);
void inbox_gathered_more(struct inbox *inbox, struct shelf *shelf, size_t bytes);
/* Drops everything; gives how many bytes. */
size_t inbox_clear(struct inbox *inbox, struct io *io, struct shelf *shelf);

#endif
