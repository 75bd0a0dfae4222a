/*
 * An outbox is a queue of bytes to be sent: runs of copied bytes and views of lent memory, in
 * order, in one chunk that it holds only while it is not empty.
 *
 * Thread:  the owner's.
 * Owns:    its chunk, so the copied bytes; not what was lent to it.
 * Never:   moves a byte once queued: what outbox_pieces() gave stays until outbox_drop().
 * Fails:   put and lend give false when full or out of memory, and change nothing then.
 */
#ifndef SLUICE_OUTBOX_H
#define SLUICE_OUTBOX_H

#include "queue/base/bytes.h"
#include "queue/base/depot.h"

#define OUTBOX_PIECES_MAX 128
#define OUTBOX_COPIED_MAX 8192

struct outbox {
	struct chunk *chunk; /* NULL: empty */
};

/* At most OUTBOX_COPIED_MAX bytes. All or nothing. */
MUST_CHECK bool outbox_put(struct outbox *outbox, struct shelf *shelf, struct view bytes);
MUST_CHECK bool outbox_lend(struct outbox *outbox, struct shelf *shelf, struct view bytes);
/* What outbox_put() can take, and how many more pieces fit, memory permitting. */
size_t outbox_room_bytes(const struct outbox *outbox);
size_t outbox_room_pieces(const struct outbox *outbox);
/* The oldest bytes, up to `bytes_max` of them in up to `pieces_max` views; gives how many views. */
size_t outbox_pieces(
        const struct outbox *outbox, uint64_t bytes_max, struct view *pieces, size_t pieces_max);
/* Forgets the oldest bytes: they are sent. */
void outbox_drop(struct outbox *outbox, struct shelf *shelf, uint64_t bytes);
void outbox_clear(struct outbox *outbox, struct shelf *shelf);

static inline bool outbox_is_empty(const struct outbox *outbox)
{
	return outbox->chunk == NULL;
}

#endif
