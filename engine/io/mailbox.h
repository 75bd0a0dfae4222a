/*
 * A mailbox carries letters of one size from one thread to one other: a ring and two counters.
 *
 * The writer rings its reader's doorbell after a turn's letters (loop_end() does it for
 * mailboxes given to loop_writes()). A letter that needs an answer reserves room for it in the
 * way back first, so a full mailbox is a bug of the writer, told by mailbox_put().
 *
 * Thread:  put, room, ring: the one writer; take, is_empty: the one reader.
 * Owns:    the ring. Pointers inside letters change hands with them.
 * Never:   blocks, allocates after init, loses or reorders a letter.
 */
#ifndef SLUICE_MAILBOX_H
#define SLUICE_MAILBOX_H

#include "engine/io/doorbell.h"
#include "queue/base/errors.h"
#include "queue/base/list.h"

#include <stdatomic.h>

struct mailbox {
	/* fixed after init */
	char *letters;
	size_t letter_bytes;
	uint32_t mask; /* capacity - 1 */
	struct doorbell *reader;
	struct link reader_link; /* in the reading loop's list */
	struct link writer_link; /* in the writing loop's list */
	/* the writer's line */
	_Alignas(64) atomic_uint tail; /* letters ever put */
	uint32_t head_seen;            /* head as last read: most puts need not look */
	bool unrung;                   /* put since the last ring */
	/* the reader's line */
	_Alignas(64) atomic_uint head; /* letters ever taken */
	uint32_t tail_seen;
};

/* `capacity` is a power of two. The reader's doorbell is its loop's. */
MUST_CHECK struct err mailbox_init(
        struct mailbox *mailbox, size_t letter_bytes, uint32_t capacity, struct doorbell *reader);
/* Letters still inside are dropped; what they own must have been seen to. Out of both loops'
 * lists by then. */
void mailbox_finish(struct mailbox *mailbox);

/* Copies the letter in. False: full. */
MUST_CHECK bool mailbox_put(struct mailbox *mailbox, const void *letter);
/* How many more letters fit. */
uint32_t mailbox_room(struct mailbox *mailbox);
/* Wakes the reader if it sleeps and letters were put since the last ring. `from`: the writer's
 * io, or NULL when it has none. */
void mailbox_ring(struct mailbox *mailbox, struct io *from);

/* Copies the oldest letter out. False: none. */
MUST_CHECK bool mailbox_take(struct mailbox *mailbox, void *letter);
bool mailbox_is_empty(struct mailbox *mailbox);
/* How many are inside, as the reader finds it now. */
uint32_t mailbox_count(struct mailbox *mailbox);

#endif
