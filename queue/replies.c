#include "queue/replies.h"

#include "queue/base/check.h"

#include <assert.h>

/* As a note lies in memory: server and text follow, padded to REPLY_ALIGN. */
struct reply {
	uint16_t code;
	uint16_t status[3];
	uint16_t advice;
	uint16_t text_bytes;
	uint16_t mark;
	uint8_t stage;
	uint8_t server_bytes;
	char words[];
};

#define REPLY_ALIGN  4
#define REPLY_MAX    (sizeof(struct reply) + REPLY_SERVER_MAX + REPLY_TEXT_MAX + REPLY_ALIGN)
#define PLACES_BYTES (REPLIES_INLINE + REPLIES_CHUNKS_MAX * CHUNK_DATA_BYTES)
/* Beyond this much, texts are cut to REPLY_SHORT: codes of 2,000 recipients always fit. */
#define ROOMY_BYTES (3 * CHUNK_DATA_BYTES)
#define REPLY_SHORT 20
/* Replies that are alike come early; looking further would cost a square of the recipients. */
#define ALIKE_LOOKS 16

static_assert(sizeof(struct reply) == 16, "no padding before the words");
static_assert(CHUNK_DATA_BYTES % REPLY_ALIGN == 0, "places count through chunk ends");
static_assert(REPLIES_INLINE % REPLY_ALIGN == 0, "places count through the inline part's end");
static_assert(PLACES_BYTES / REPLY_ALIGN < UINT16_MAX, "a place fits 16 bits");
static_assert(REPLY_MAX <= CHUNK_DATA_BYTES, "a note fits one chunk");

/* One note after the other, wherever they lie. */
struct reply_cursor {
	const struct chunk *next_chunk;
	char *data;
	size_t bytes;  /* of data, in use */
	size_t offset; /* in data */
	size_t base;   /* place of data's first byte */
};

static size_t reply_bytes(size_t server_bytes, size_t text_bytes)
{
	const size_t bytes = sizeof(struct reply) + server_bytes + text_bytes;

	return (bytes + REPLY_ALIGN - 1) / REPLY_ALIGN * REPLY_ALIGN;
}

static uint16_t ref_of(size_t place)
{
	return (uint16_t)(place / REPLY_ALIGN + 1);
}

static struct reply_cursor replies_start(const struct replies *replies)
{
	return (struct reply_cursor){
		.next_chunk = replies->chunks.first,
		.data = (char *)replies->first,
		.bytes = replies->inline_bytes,
	};
}

static struct reply *replies_next(struct reply_cursor *cursor, uint16_t *ref)
{
	while (cursor->offset >= cursor->bytes) {
		const struct chunk *chunk = cursor->next_chunk;
		if (chunk == NULL)
			return NULL;
		cursor->base += cursor->base == 0 ? REPLIES_INLINE : CHUNK_DATA_BYTES;
		cursor->data = (char *)chunk->data;
		cursor->bytes = chunk->used;
		cursor->offset = 0;
		cursor->next_chunk = chunk->next;
	}
	struct reply *reply = (void *)(cursor->data + cursor->offset);
	*ref = ref_of(cursor->base + cursor->offset);
	cursor->offset += reply_bytes(reply->server_bytes, reply->text_bytes);
	return reply;
}

static struct reply *replies_at(const struct replies *replies, uint16_t ref)
{
	check(ref > 0);
	size_t place = (size_t)(ref - 1) * REPLY_ALIGN;
	if (place < REPLIES_INLINE) {
		check(place < replies->inline_bytes);
		return (void *)(replies->first + place);
	}
	place -= REPLIES_INLINE;
	const struct chunk *chunk = replies->chunks.first;
	for (; chunk != NULL && place >= CHUNK_DATA_BYTES; place -= CHUNK_DATA_BYTES)
		chunk = chunk->next;
	check(chunk != NULL);
	check(place < chunk->used);
	return (void *)(chunk->data + place);
}

static struct reply_note note_of(const struct reply *reply)
{
	return (struct reply_note){
		.code = reply->code,
		.status = { reply->status[0], reply->status[1], reply->status[2] },
		.advice = reply->advice,
		.stage = reply->stage,
		.server = view_from(reply->words, reply->server_bytes),
		.text = view_from(reply->words + reply->server_bytes, reply->text_bytes),
	};
}

static bool note_is_alike(const struct reply_note *a, const struct reply_note *b)
{
	return a->code == b->code && a->advice == b->advice && a->stage == b->stage &&
	       memcmp(a->status, b->status, sizeof a->status) == 0 &&
	       view_equal(a->text, b->text) && view_equal(a->server, b->server);
}

static uint16_t replies_find(const struct replies *replies, const struct reply_note *note)
{
	struct reply_cursor at = replies_start(replies);
	uint16_t ref = 0;

	for (int looks = 0; looks < ALIKE_LOOKS; looks++) {
		const struct reply *reply = replies_next(&at, &ref);
		if (reply == NULL)
			return 0;
		const struct reply_note known = note_of(reply);
		if (note_is_alike(&known, note))
			return ref;
	}
	return 0;
}

static void reply_write(void *place, const struct reply_note *note)
{
	struct reply *reply = place;

	*reply = (struct reply){
		.code = note->code,
		.status = { note->status[0], note->status[1], note->status[2] },
		.advice = note->advice,
		.text_bytes = (uint16_t)note->text.bytes,
		.stage = note->stage,
		.server_bytes = (uint8_t)note->server.bytes,
	};
	if (note->server.bytes > 0)
		memcpy(reply->words, note->server.data, note->server.bytes);
	if (note->text.bytes > 0)
		memcpy(reply->words + note->server.bytes, note->text.data, note->text.bytes);
}

/* Behind the last, inline while no chunk was needed. 0: no room. */
static uint16_t replies_append(
        struct replies *replies, struct shelf *shelf, const struct reply_note *note)
{
	const size_t bytes = reply_bytes(note->server.bytes, note->text.bytes);

	if (replies->chunk_count == 0 && REPLIES_INLINE - replies->inline_bytes >= (int)bytes) {
		const size_t place = replies->inline_bytes;
		reply_write(replies->first + place, note);
		replies->inline_bytes += (uint16_t)bytes;
		return ref_of(place);
	}
	const bool next_chunk =
	        replies->chunk_count == 0 || CHUNK_DATA_BYTES - replies->chunks.last->used < bytes;
	if (next_chunk && replies->chunk_count == REPLIES_CHUNKS_MAX)
		return 0;
	char *room = rope_extend(&replies->chunks, shelf, bytes, 0);
	if (room == NULL)
		return 0;
	replies->chunk_count += next_chunk;
	reply_write(room, note);
	return ref_of(REPLIES_INLINE + (size_t)(replies->chunk_count - 1) * CHUNK_DATA_BYTES +
	              (size_t)(room - replies->chunks.last->data));
}

static uint16_t replies_find_or_append(
        struct replies *replies, struct shelf *shelf, const struct reply_note *note)
{
	const uint16_t ref = replies_find(replies, note);

	return ref != 0 ? ref : replies_append(replies, shelf, note);
}

uint16_t replies_note(struct replies *replies, struct shelf *shelf, const struct reply_note *note)
{
	struct reply_note cut = *note;

	cut.text = view_first(cut.text, REPLY_TEXT_MAX);
	cut.server = view_first(cut.server, REPLY_SERVER_MAX);
	if (replies->chunks.bytes > ROOMY_BYTES) {
		cut.text = view_first(cut.text, REPLY_SHORT);
		cut.server = view_first(cut.server, 0);
	}
	uint16_t ref = replies_find_or_append(replies, shelf, &cut);
	if (ref == 0) {
		cut.text = view_first(cut.text, 0);
		cut.server = view_first(cut.server, 0);
		ref = replies_find_or_append(replies, shelf, &cut);
	}
	return ref;
}

struct reply_note replies_get(const struct replies *replies, uint16_t ref)
{
	return note_of(replies_at(replies, ref));
}

void replies_free(struct replies *replies, struct shelf *shelf)
{
	rope_free(&replies->chunks, shelf);
	replies->inline_bytes = 0;
	replies->chunk_count = 0;
}

void replies_unmark(struct replies *replies)
{
	struct reply_cursor at = replies_start(replies);
	uint16_t ref = 0;

	for (struct reply *reply = replies_next(&at, &ref); reply != NULL;
	        reply = replies_next(&at, &ref))
		reply->mark = 0;
}

uint16_t *replies_mark(struct replies *replies, uint16_t ref)
{
	return &replies_at(replies, ref)->mark;
}
