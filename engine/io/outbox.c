#include "engine/io/outbox.h"

#include "queue/base/check.h"

#define OUTBOX_PIECES_MASK (OUTBOX_PIECES_MAX - 1)
#define OUTBOX_COPIED_MASK (OUTBOX_COPIED_MAX - 1)

struct outbox_piece {
	struct view bytes;
	bool copied; /* lies in the store's ring */
};

/* Two rings, as they lie in a chunk. Copied bytes leave in the order in which they came. */
struct outbox_store {
	uint32_t piece_first;
	uint32_t piece_count;
	uint32_t copied_first;
	uint32_t copied_bytes;
	struct outbox_piece pieces[OUTBOX_PIECES_MAX];
	char copied[OUTBOX_COPIED_MAX];
};

_Static_assert(sizeof(struct outbox_store) <= CHUNK_DATA_BYTES, "an outbox lies in one chunk");
_Static_assert((OUTBOX_PIECES_MAX & OUTBOX_PIECES_MASK) == 0, "a ring");
_Static_assert((OUTBOX_COPIED_MAX & OUTBOX_COPIED_MASK) == 0, "a ring");

static struct outbox_store *outbox_store(const struct outbox *outbox);
static bool outbox_open(struct outbox *outbox, struct shelf *shelf);
static void outbox_push(struct outbox_store *store, struct view bytes, bool copied);
static void outbox_wipe(struct view bytes);

static struct outbox_store *outbox_store(const struct outbox *outbox)
{
	return (struct outbox_store *)(void *)outbox->chunk->data;
}

static bool outbox_open(struct outbox *outbox, struct shelf *shelf)
{
	if (outbox->chunk != NULL)
		return true;
	outbox->chunk = shelf_take(shelf);
	if (outbox->chunk == NULL)
		return false;
	memset(outbox->chunk->data, 0, offsetof(struct outbox_store, pieces));
	return true;
}

size_t outbox_room_bytes(const struct outbox *outbox)
{
	/* The copy may wrap and so make two pieces. */
	if (outbox->chunk == NULL)
		return OUTBOX_COPIED_MAX;
	return outbox_room_pieces(outbox) < 2
	               ? 0
	               : OUTBOX_COPIED_MAX - outbox_store(outbox)->copied_bytes;
}

size_t outbox_room_pieces(const struct outbox *outbox)
{
	return outbox->chunk == NULL ? OUTBOX_PIECES_MAX
	                             : OUTBOX_PIECES_MAX - outbox_store(outbox)->piece_count;
}

bool outbox_put(struct outbox *outbox, struct shelf *shelf, struct view bytes)
{
	check(bytes.bytes <= OUTBOX_COPIED_MAX);
	if (bytes.bytes == 0)
		return true;
	if (outbox_room_bytes(outbox) < bytes.bytes || !outbox_open(outbox, shelf))
		return false;
	struct outbox_store *store = outbox_store(outbox);
	while (bytes.bytes > 0) {
		uint32_t at = (store->copied_first + store->copied_bytes) & OUTBOX_COPIED_MASK;
		struct view part = view_first(bytes, OUTBOX_COPIED_MAX - at);
		memcpy(store->copied + at, part.data, part.bytes);
		store->copied_bytes += (uint32_t)part.bytes;
		outbox_push(store, view_from(store->copied + at, part.bytes), true);
		bytes = view_skip(bytes, part.bytes);
	}
	return true;
}

bool outbox_lend(struct outbox *outbox, struct shelf *shelf, struct view bytes)
{
	if (bytes.bytes == 0)
		return true;
	if (outbox_room_pieces(outbox) == 0 || !outbox_open(outbox, shelf))
		return false;
	outbox_push(outbox_store(outbox), bytes, false);
	return true;
}

/* Bytes that follow on the last piece lengthen it: replies written one by one go out as one. */
static void outbox_push(struct outbox_store *store, struct view bytes, bool copied)
{
	if (store->piece_count > 0) {
		uint32_t at = (store->piece_first + store->piece_count - 1) & OUTBOX_PIECES_MASK;
		struct outbox_piece *last = &store->pieces[at];
		if (copied && last->copied && last->bytes.data + last->bytes.bytes == bytes.data) {
			last->bytes.bytes += bytes.bytes;
			return;
		}
	}
	check(store->piece_count < OUTBOX_PIECES_MAX);
	uint32_t at = (store->piece_first + store->piece_count) & OUTBOX_PIECES_MASK;
	store->pieces[at] = (struct outbox_piece){ bytes, copied };
	store->piece_count++;
}

size_t outbox_pieces(
        const struct outbox *outbox, uint64_t bytes_max, struct view *pieces, size_t pieces_max)
{
	size_t count = 0;

	if (outbox->chunk == NULL)
		return 0;
	const struct outbox_store *store = outbox_store(outbox);
	while (count < pieces_max && count < store->piece_count && bytes_max > 0) {
		uint32_t at = (store->piece_first + (uint32_t)count) & OUTBOX_PIECES_MASK;
		struct view piece = view_first(store->pieces[at].bytes,
		        bytes_max < SIZE_MAX ? (size_t)bytes_max : SIZE_MAX);
		pieces[count++] = piece;
		bytes_max -= piece.bytes;
	}
	return count;
}

void outbox_drop(struct outbox *outbox, struct shelf *shelf, uint64_t bytes)
{
	while (bytes > 0) {
		check(outbox->chunk != NULL);
		struct outbox_store *store = outbox_store(outbox);
		struct outbox_piece *piece = &store->pieces[store->piece_first];
		size_t part = bytes < piece->bytes.bytes ? (size_t)bytes : piece->bytes.bytes;
		if (piece->copied) {
			outbox_wipe(view_first(piece->bytes, part));
			store->copied_first += (uint32_t)part;
			store->copied_first &= OUTBOX_COPIED_MASK;
			store->copied_bytes -= (uint32_t)part;
		}
		piece->bytes = view_skip(piece->bytes, part);
		bytes -= part;
		if (piece->bytes.bytes > 0)
			return;
		store->piece_first = (store->piece_first + 1) & OUTBOX_PIECES_MASK;
		store->piece_count--;
		if (store->piece_count == 0) {
			check(bytes == 0);
			outbox_clear(outbox, shelf);
		}
	}
}

/* What is copied is commands and replies, a sign-in among them: bodies are lent. */
static void outbox_wipe(struct view bytes)
{
	explicit_bzero((void *)(uintptr_t)bytes.data, bytes.bytes);
}

void outbox_clear(struct outbox *outbox, struct shelf *shelf)
{
	if (outbox->chunk == NULL)
		return;
	const struct outbox_store *store = outbox_store(outbox);
	for (uint32_t i = 0; i < store->piece_count; i++) {
		const struct outbox_piece *piece =
		        &store->pieces[(store->piece_first + i) & OUTBOX_PIECES_MASK];
		if (piece->copied)
			outbox_wipe(piece->bytes);
	}
	shelf_give(shelf, MOVE(outbox->chunk));
}
