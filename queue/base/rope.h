/*
 * A rope: bytes in a chain of chunks from the depot; a message's body, its envelope, or what
 * waits to be written to a socket.
 *
 * Thread:  one at a time; when no one changes it any more, any may read.
 * Owns:    its chunks, until rope_free() or rope_move().
 * Fails:   appending gives false when the budget is used up; what was there stays.
 */
#ifndef SLUICE_ROPE_H
#define SLUICE_ROPE_H

#include "queue/base/bytes.h"
#include "queue/base/depot.h"

struct rope {
	struct chunk *first;
	struct chunk *last;
	uint64_t bytes;
};

/* Appends across chunk ends. All or nothing. `reserve` as in shelf_take_above(). */
MUST_CHECK bool rope_append(
        struct rope *rope, struct shelf *shelf, struct view bytes, size_t reserve);
/* Room for `bytes` (at most CHUNK_DATA_BYTES) that lies in one chunk, so a record can be read
 * in place; the rope grows by that much. NULL when the budget is used up. Lends. */
char *rope_extend(struct rope *rope, struct shelf *shelf, size_t bytes, size_t reserve);
/* Puts bytes (at most half of CHUNK_DATA_BYTES) in at `offset`; takes one chunk at most. Not for an
 * empty rope. */
MUST_CHECK bool rope_insert(
        struct rope *rope, struct shelf *shelf, uint64_t offset, struct view bytes, size_t reserve);
/* Takes `bytes` from `offset` on out. */
void rope_cut(struct rope *rope, struct shelf *shelf, uint64_t offset, uint64_t bytes);
/* Takes every chunk of `tail` and puts it behind; tail is empty then. */
void rope_join(struct rope *rope, struct rope *tail);
/* The rope's content moves out; the old one is empty. */
struct rope rope_move(struct rope *rope);
/* Gives back the first chunk, whose bytes were dealt with. */
void rope_drop_first(struct rope *rope, struct shelf *shelf);
void rope_free(struct rope *rope, struct shelf *shelf);

/* Reads a rope piece by piece: struct rope_cursor at = rope_start(&rope);
 * while (rope_next(&at, &piece)) ... */
struct rope_cursor {
	const struct chunk *chunk;
};

struct rope_cursor rope_start(const struct rope *rope);
bool rope_next(struct rope_cursor *cursor, struct view *piece);
/* Copies up to `into.bytes` from `offset`; gives how many. For small peeks and tests. */
size_t rope_copy(const struct rope *rope, uint64_t offset, struct span into);

#endif
