#include "queue/base/rope.h"

#include "queue/base/check.h"

static void rope_link(struct rope *rope, struct chunk *chunk)
{
	if (rope->last == NULL)
		rope->first = chunk;
	else
		rope->last->next = chunk;
	rope->last = chunk;
}

static size_t rope_room(const struct rope *rope)
{
	return rope->last == NULL ? 0 : CHUNK_DATA_BYTES - rope->last->used;
}

bool rope_append(struct rope *rope, struct shelf *shelf, struct view bytes, size_t reserve)
{
	/* Chunks first, so that a budget used up half-way changes nothing. */
	size_t room = rope_room(rope);
	struct rope fresh = { 0 };

	while (room < bytes.bytes) {
		struct chunk *chunk = shelf_take_above(shelf, reserve);
		if (chunk == NULL) {
			rope_free(&fresh, shelf);
			return false;
		}
		rope_link(&fresh, chunk);
		room += CHUNK_DATA_BYTES;
	}

	struct chunk *into = rope->last != NULL && rope_room(rope) > 0 ? rope->last : fresh.first;
	rope->bytes += bytes.bytes;
	rope_join(rope, &fresh);
	while (bytes.bytes > 0) {
		size_t take = CHUNK_DATA_BYTES - into->used;
		if (take > bytes.bytes)
			take = bytes.bytes;
		memcpy(into->data + into->used, bytes.data, take);
		into->used += (uint32_t)take;
		bytes = view_skip(bytes, take);
		if (bytes.bytes > 0)
			into = into->next;
	}
	return true;
}

char *rope_extend(struct rope *rope, struct shelf *shelf, size_t bytes, size_t reserve)
{
	check(bytes <= CHUNK_DATA_BYTES);
	if (rope_room(rope) < bytes) {
		struct chunk *chunk = shelf_take_above(shelf, reserve);
		if (chunk == NULL)
			return NULL;
		rope_link(rope, chunk);
	}
	if (rope->last == NULL) /* zero bytes of an empty rope */
		return NULL;
	char *place = rope->last->data + rope->last->used;
	rope->last->used += (uint32_t)bytes;
	rope->bytes += bytes;
	return place;
}

bool rope_insert(
        struct rope *rope, struct shelf *shelf, uint64_t offset, struct view bytes, size_t reserve)
{
	struct chunk *first = rope->first;

	check(offset <= rope->bytes);
	for (; first != NULL && offset > first->used; first = first->next)
		offset -= first->used;
	check(first != NULL);
	check(bytes.bytes <= CHUNK_DATA_BYTES / 2);
	const size_t behind = first->used - (size_t)offset;
	if (CHUNK_DATA_BYTES - first->used >= bytes.bytes) {
		memmove(first->data + offset + bytes.bytes, first->data + offset, behind);
		memcpy(first->data + offset, bytes.data, bytes.bytes);
		first->used += (uint32_t)bytes.bytes;
		rope->bytes += bytes.bytes;
		return true;
	}
	/* What stands behind moves to a chunk of its own; the bytes end the first where they fit,
	 * else they begin the second, and then what stands behind is less than they are. */
	struct chunk *second = shelf_take_above(shelf, reserve);
	if (second == NULL)
		return false;
	const bool before = CHUNK_DATA_BYTES - offset >= bytes.bytes;
	struct chunk *into = before ? first : second;
	memcpy(second->data + (before ? 0 : bytes.bytes), first->data + offset, behind);
	first->used = (uint32_t)offset;
	second->used = (uint32_t)behind;
	memcpy(into->data + (before ? offset : 0), bytes.data, bytes.bytes);
	into->used += (uint32_t)bytes.bytes;
	second->next = first->next;
	first->next = second;
	if (rope->last == first)
		rope->last = second;
	rope->bytes += bytes.bytes;
	return true;
}

void rope_cut(struct rope *rope, struct shelf *shelf, uint64_t offset, uint64_t bytes)
{
	struct chunk *before = NULL;
	struct chunk *chunk = rope->first;

	check(offset <= rope->bytes);
	check(bytes <= rope->bytes - offset);
	rope->bytes -= bytes;
	while (bytes > 0) {
		const uint64_t left = chunk->used > offset ? chunk->used - offset : 0;
		const size_t taken = (size_t)(bytes < left ? bytes : left);
		struct chunk *next = chunk->next;

		if (taken > 0)
			memmove(chunk->data + offset, chunk->data + offset + taken,
			        (size_t)(left - taken));
		chunk->used -= (uint32_t)taken;
		offset -= offset < chunk->used ? offset : chunk->used;
		bytes -= taken;
		if (chunk->used > 0) {
			before = chunk;
		} else {
			*(before == NULL ? &rope->first : &before->next) = next;
			rope->last = rope->last == chunk ? before : rope->last;
			chunk->next = NULL;
			shelf_give(shelf, chunk);
		}
		chunk = next;
	}
}

void rope_join(struct rope *rope, struct rope *tail)
{
	if (tail->first == NULL)
		return;
	if (rope->last == NULL)
		rope->first = tail->first;
	else
		rope->last->next = tail->first;
	rope->last = tail->last;
	rope->bytes += tail->bytes;
	*tail = (struct rope){ 0 };
}

struct rope rope_move(struct rope *rope)
{
	struct rope moved = *rope;

	*rope = (struct rope){ 0 };
	return moved;
}

void rope_drop_first(struct rope *rope, struct shelf *shelf)
{
	struct chunk *chunk = rope->first;

	check(chunk != NULL);
	rope->first = MOVE(chunk->next);
	if (rope->first == NULL)
		rope->last = NULL;
	rope->bytes -= chunk->used;
	shelf_give(shelf, chunk);
}

void rope_free(struct rope *rope, struct shelf *shelf)
{
	struct chunk *chunk = rope->first;

	while (chunk != NULL) {
		struct chunk *next = MOVE(chunk->next);
		shelf_give(shelf, chunk);
		chunk = next;
	}
	*rope = (struct rope){ 0 };
}

struct rope_cursor rope_start(const struct rope *rope)
{
	return (struct rope_cursor){ rope->first };
}

bool rope_next(struct rope_cursor *cursor, struct view *piece)
{
	while (cursor->chunk != NULL && cursor->chunk->used == 0)
		cursor->chunk = cursor->chunk->next;
	if (cursor->chunk == NULL)
		return false;
	*piece = view_from(cursor->chunk->data, cursor->chunk->used);
	cursor->chunk = cursor->chunk->next;
	return true;
}

size_t rope_copy(const struct rope *rope, uint64_t offset, struct span into)
{
	struct rope_cursor at = rope_start(rope);
	struct view piece;
	size_t copied = 0;

	while (copied < into.bytes && rope_next(&at, &piece)) {
		if (offset >= piece.bytes) {
			offset -= piece.bytes;
			continue;
		}
		piece = view_skip(piece, (size_t)offset);
		offset = 0;
		if (piece.bytes > into.bytes - copied)
			piece.bytes = into.bytes - copied;
		memcpy(into.data + copied, piece.data, piece.bytes);
		copied += piece.bytes;
	}
	return copied;
}
