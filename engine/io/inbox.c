#include "engine/io/inbox.h"

#include "queue/base/check.h"

static void inbox_release(struct inbox *inbox, struct shelf *shelf);
static void inbox_wipe(struct view bytes);

void inbox_push(struct inbox *inbox, struct io_buffer *buffer)
{
	check(buffer->bytes > 0);
	buffer->next = NULL;
	if (inbox->first == NULL) {
		inbox->first = buffer;
		inbox->first_offset = 0;
	} else {
		inbox->last->next = buffer;
	}
	inbox->last = buffer;
	inbox->buffer_count++;
}

struct view inbox_gathered(const struct inbox *inbox)
{
	const struct chunk *chunk = inbox->gathered;

	if (chunk == NULL)
		return view_from("", 0);
	return view_skip(view_from(chunk->data, chunk->used), inbox->gathered_offset);
}

struct view inbox_first(const struct inbox *inbox)
{
	struct view gathered = inbox_gathered(inbox);

	if (gathered.bytes > 0 || inbox->first == NULL)
		return gathered;
	return view_skip(view_from(inbox->first->data, inbox->first->bytes), inbox->first_offset);
}

void inbox_consume(struct inbox *inbox, struct io *io, struct shelf *shelf, size_t bytes)
{
	check(bytes <= inbox_first(inbox).bytes);
	if (inbox_gathered(inbox).bytes > 0) {
		inbox->gathered_offset += (uint32_t)bytes;
		inbox_release(inbox, shelf);
	} else if (bytes > 0) {
		inbox_take_received(inbox, io, (struct span){ NULL, bytes });
	}
}

/* An idle connection holds no chunk. */
static void inbox_release(struct inbox *inbox, struct shelf *shelf)
{
	if (inbox->gathered == NULL || inbox->gathered_offset < inbox->gathered->used)
		return;
	inbox->gathered_offset = 0;
	shelf_give(shelf, MOVE(inbox->gathered));
}

bool inbox_gather(struct inbox *inbox, struct io *io, struct shelf *shelf)
{
	if (inbox->first == NULL)
		return false;
	struct span room = inbox_room(inbox, shelf);
	size_t bytes = inbox_take_received(inbox, io, room);
	inbox_gathered_more(inbox, shelf, bytes);
	return bytes > 0;
}

/* into.data == NULL: the bytes are let go of. */
size_t inbox_take_received(struct inbox *inbox, struct io *io, struct span into)
{
	size_t taken = 0;

	while (taken < into.bytes && inbox->first != NULL) {
		struct io_buffer *buffer = inbox->first;
		size_t part = buffer->bytes - inbox->first_offset;
		if (part > into.bytes - taken)
			part = into.bytes - taken;
		if (into.data != NULL)
			memcpy(into.data + taken, buffer->data + inbox->first_offset, part);
		taken += part;
		inbox->first_offset += (uint32_t)part;
		if (inbox->first_offset < buffer->bytes)
			break;
		inbox->first = MOVE(buffer->next);
		inbox->first_offset = 0;
		inbox->buffer_count--;
		io_buffer_give(io, buffer);
	}
	if (inbox->first == NULL)
		inbox->last = NULL;
	return taken;
}

struct span inbox_room(struct inbox *inbox, struct shelf *shelf)
{
	struct span none = { NULL, 0 };

	if (inbox->gathered == NULL) {
		inbox->gathered = shelf_take(shelf);
		inbox->gathered_offset = 0;
		if (inbox->gathered == NULL)
			return none;
	}
	struct chunk *chunk = inbox->gathered;
	if (inbox->gathered_offset > 0) {
		chunk->used -= inbox->gathered_offset;
		memmove(chunk->data, chunk->data + inbox->gathered_offset, chunk->used);
		/* Half a line may hold a password, whose other copy nobody would find. */
		explicit_bzero(chunk->data + chunk->used, inbox->gathered_offset);
		inbox->gathered_offset = 0;
	}
	if (chunk->used == CHUNK_DATA_BYTES)
		return none;
	return (struct span){ chunk->data + chunk->used, CHUNK_DATA_BYTES - chunk->used };
}

void inbox_gathered_more(struct inbox *inbox, struct shelf *shelf, size_t bytes)
{
	if (bytes > 0) {
		check(inbox->gathered != NULL);
		check(bytes <= CHUNK_DATA_BYTES - inbox->gathered->used);
		inbox->gathered->used += (uint32_t)bytes;
	}
	inbox_release(inbox, shelf);
}

/* Nobody has looked at it: it may be half of a sign-in. */
static void inbox_wipe(struct view bytes)
{
	explicit_bzero((void *)(uintptr_t)bytes.data, bytes.bytes);
}

size_t inbox_clear(struct inbox *inbox, struct io *io, struct shelf *shelf)
{
	const struct view left = inbox_gathered(inbox);
	size_t bytes = left.bytes;

	inbox_wipe(left);
	for (const struct io_buffer *buffer = inbox->first; buffer != NULL; buffer = buffer->next)
		inbox_wipe(view_from(buffer->data, buffer->bytes));
	if (inbox->gathered != NULL)
		inbox->gathered_offset = inbox->gathered->used;
	inbox_release(inbox, shelf);
	return bytes + inbox_take_received(inbox, io, (struct span){ NULL, SIZE_MAX });
}
