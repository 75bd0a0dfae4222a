#include "engine/inbound_content.h"

#include "engine/inbound_ahead.h"
#include "engine/inbound_device.h"
#include "engine/inbound_log.h"
#include "engine/ingest.h"
#include "engine/wire/stamp.h"
#include "queue/base/check.h"
#include "queue/base/utf8.h"

static void content_take(struct inbound *inbound, struct view bytes);
static void content_keep(struct inbound *inbound, struct view piece);
static void content_store(struct inbound *inbound, struct view piece);
static void content_begin_byline(struct inbound *inbound);
static void content_drop_byline(struct ingest *ingest, struct inbound_content *content);
static_assert(HEADER_EXPIRE_MAX == MESSAGE_EXPIRE_MAX, "the same bound in two layers");

static void content_end(struct inbound *inbound);
static void content_refuse(struct inbound *inbound, enum inbound_reply_name reason);
static enum inbound_progress content_end_chunk(struct inbound *inbound);
static enum inbound_progress content_give_up(
        struct inbound *inbound, enum inbound_reply_name reply);
static bool content_complete(struct inbound *inbound);

/* What one step takes in, so that the chunks at hand are enough for it: where every byte is a
 * line end to be repaired, it becomes twice as much. */
#define STEP_BYTES_MAX CHUNK_DATA_BYTES
static_assert((INBOUND_CHUNKS_MAX - 1) * CHUNK_DATA_BYTES >=
                      2 * STEP_BYTES_MAX + 16 + BYLINE_FROM_MAX + BYLINE_NAME_MAX,
        "a step's output fits the chunks at hand");

enum inbound_reply_name inbound_content_begin(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	struct message *message = inbound->message;
	uint64_t id;

	check(inbound->content == NULL);
	if (!inbound_is_fed(inbound))
		return INBOUND_REPLY_MEMORY;
	if (!ingest_take_id(ingest, &id))
		return INBOUND_REPLY_FAILED;
	message_name(message, id, loop_wall(&ingest->shard.loop));

	struct inbound_content *content = pool_take(&ingest->contents);
	check(content != NULL); /* there is one for each connection */
	const enum endings_mode mode =
	        inbound_device_repairs(inbound) ? ENDINGS_REPAIR : ENDINGS_REFUSE;
	eod_init(&content->eod, mode);
	endings_init(&content->endings, mode);
	header_init(&content->header);
	inbound_claim_begin(&content->claim);
	inbound_trace_begin(&content->trace);
	content->notice = NULL;
	inbound->content = content;
	content_begin_byline(inbound);

	char name[MESSAGE_ID_TEXT];
	char room[STAMP_BYTES_MAX];
	struct text text = TEXT_ON(room);
	struct message_recipient recipient;
	struct message_cursor cursor = message_recipients(message);
	check(message_next_recipient(&cursor, &recipient));
	const struct stamp stamp = {
		.hello = inbound_hello(inbound),
		.client = message_get(message, MESSAGE_CLIENT),
		.server = view_of(inbound->door->name),
		.id = view_of(message_id_format(id, name)),
		.recipient = message->recipient_count == 1 ? recipient.address : VIEW(""),
		.when = message->received,
		.esmtp = inbound->esmtp,
		.tls = inbound->secured,
		.signed_in = inbound->signed_in,
		.smtputf8 = (message->flags & MESSAGE_SMTPUTF8) != 0,
	};
	stamp_put_received(&text, &stamp);
	check(!text.overflow);
	content->stamp_bytes = text.bytes;
	check(rope_append(&message->body, &ingest->shard.shelf, text_view(&text), ingest->reserve));
	return INBOUND_REPLY_NONE;
}

void inbound_content_drop(struct inbound *inbound)
{
	if (inbound->content != NULL)
		inbound_content_give(inbound->ingest, MOVE(inbound->content));
}

void inbound_content_give(struct ingest *ingest, struct inbound_content *content)
{
	content_drop_byline(ingest, content);
	if (content->notice != NULL)
		pool_give(&ingest->notices, MOVE(content->notice));
	pool_give(&ingest->contents, content);
}

/* The next bytes that came, as many as a step takes; empty: none, and *progress says what to do.
 * Memory is at hand for all of them, unless they are thrown away. */
static struct view content_input(struct inbound *inbound, enum inbound_progress *progress)
{
	const struct view input = stream_peek(&inbound->stream);
	const struct inbound_content *content = inbound->content;

	*progress = INBOUND_WAITS;
	if (input.bytes == 0) {
		if (inbound->input_ended && !inbound_is_ahead(inbound))
			inbound_leave(inbound);
		return input;
	}
	if (content != NULL && content->refusal == INBOUND_REPLY_NONE && !inbound_is_fed(inbound)) {
		if (!inbound->famished) {
			*progress = INBOUND_STARVES;
			return VIEW("");
		}
		content_refuse(inbound, INBOUND_REPLY_MEMORY);
	}
	return view_first(input, STEP_BYTES_MAX);
}

enum inbound_progress inbound_content_step_data(struct inbound *inbound)
{
	struct inbound_content *content = inbound->content;
	enum inbound_progress progress;
	struct view input = content_input(inbound, &progress);
	const size_t bytes = input.bytes;
	enum eod_news news;
	struct view piece;

	if (bytes == 0)
		return progress;
	while ((news = eod_read(&content->eod, &input, &piece)) == EOD_PIECE)
		content_take(inbound, piece);
	if (eod_is_refused(&content->eod))
		content_refuse(inbound, INBOUND_REPLY_BARE);
	stream_consume(&inbound->stream, bytes - input.bytes);
	if (news == EOD_END)
		content_end(inbound);
	return INBOUND_ON;
}

enum inbound_progress inbound_content_step_chunk(struct inbound *inbound)
{
	struct inbound_content *content = inbound->content;
	enum inbound_progress progress;
	struct view piece;

	if (inbound->chunk_left == 0)
		return content_end_chunk(inbound);
	struct view input = content_input(inbound, &progress);
	if (input.bytes > inbound->chunk_left)
		input.bytes = (size_t)inbound->chunk_left;
	const size_t bytes = input.bytes;
	if (bytes == 0)
		return progress;
	while (content != NULL && endings_read(&content->endings, &input, &piece))
		content_take(inbound, piece);
	if (content != NULL && endings_are_refused(&content->endings))
		content_refuse(inbound, INBOUND_REPLY_BARE);
	inbound->chunk_left -= bytes;
	stream_consume(&inbound->stream, bytes);
	return INBOUND_ON;
}

static void content_take(struct inbound *inbound, struct view bytes)
{
	struct view piece;

	while (mbox_read(&inbound->content->mbox, &bytes, &piece))
		content_keep(inbound, piece);
}

static void content_keep(struct inbound *inbound, struct view piece)
{
	struct ingest *ingest = inbound->ingest;
	struct inbound_content *content = inbound->content;

	if (content->refusal != INBOUND_REPLY_NONE)
		return;
	content->bytes += piece.bytes;
	if (content->bytes > ingest->message_bytes_max) {
		content_refuse(inbound, INBOUND_REPLY_SIZE);
		return;
	}
	struct view kept;
	if (content->byline == NULL)
		content_store(inbound, piece);
	else
		while (byline_read(content->byline, &piece, &kept))
			content_store(inbound, kept);
}

static void content_store(struct inbound *inbound, struct view piece)
{
	struct ingest *ingest = inbound->ingest;

	header_feed(&inbound->content->header, piece);
	inbound_claim_feed(inbound, piece);
	check(rope_append(&inbound->message->body, &ingest->shard.shelf, piece, ingest->reserve));
}

/* It is too large for every connection to have one: it lies in a chunk of the message's budget,
 * which is at hand. */
static void content_begin_byline(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	struct inbound_content *content = inbound->content;
	const struct naming *naming = &inbound->naming;

	content->desk = (struct rope){ 0 };
	content->byline = NULL;
	if (naming->from.bytes == 0)
		return;
	content->byline = (void *)rope_extend(
	        &content->desk, &ingest->shard.shelf, sizeof *content->byline, ingest->reserve);
	check(content->byline != NULL);
	byline_init(content->byline, naming_byline(naming), naming->from,
	        (inbound->message->flags & MESSAGE_SMTPUTF8) != 0);
}

static void content_drop_byline(struct ingest *ingest, struct inbound_content *content)
{
	content->byline = NULL;
	rope_free(&content->desk, &ingest->shard.shelf);
}

/* The first reason counts. What came is of no use any more: its memory is for others. */
static void content_refuse(struct inbound *inbound, enum inbound_reply_name reason)
{
	if (inbound->content->refusal != INBOUND_REPLY_NONE)
		return;
	inbound->content->refusal = reason;
	content_drop_byline(inbound->ingest, inbound->content);
	rope_free(&inbound->message->body, &inbound->ingest->shard.shelf);
}

static enum inbound_progress content_end_chunk(struct inbound *inbound)
{
	struct inbound_content *content = inbound->content;
	struct view piece;

	if (content == NULL) {
		inbound_enter(inbound, inbound->after);
		inbound_reply(inbound, inbound->chunk_reply);
		return INBOUND_ON;
	}
	if (!inbound->chunk_last) {
		if (content->refusal != INBOUND_REPLY_NONE)
			return content_give_up(inbound, content->refusal);
		inbound_reply_chunk(inbound, content->bytes);
		inbound_enter(inbound, INBOUND_CHUNKS);
		return INBOUND_ON;
	}
	if (content->refusal == INBOUND_REPLY_NONE && !inbound_is_fed(inbound)) {
		if (!inbound->famished)
			return INBOUND_STARVES;
		content_refuse(inbound, INBOUND_REPLY_MEMORY);
	}
	if (endings_finish(&content->endings, &piece))
		content_take(inbound, piece);
	if (endings_are_refused(&content->endings))
		content_refuse(inbound, INBOUND_REPLY_BARE);
	content_end(inbound);
	return INBOUND_ON;
}

/* All of it has come. A few bytes may have been held; the chunk they need is at hand, for what was
 * taken in this step is less than a chunk. */
static void content_end(struct inbound *inbound)
{
	struct inbound_content *content = inbound->content;
	const struct view held = mbox_finish(&content->mbox);
	struct view kept;

	if (held.bytes > 0)
		content_keep(inbound, held);
	if (content->byline != NULL && byline_finish(content->byline, &kept))
		content_store(inbound, kept);
	header_finish(&content->header);
	if (content->eod.bare_lf || content->eod.bare_cr || content->endings.bare_lf ||
	        content->endings.bare_cr)
		inbound_device_use(inbound, DEVICE_USE_BARE_LF, VIEW(""));
	inbound_enter(inbound, INBOUND_FINISH);
}

/* Ends the transaction with a refusal. */
static enum inbound_progress content_give_up(struct inbound *inbound, enum inbound_reply_name reply)
{
	inbound_log_refused(inbound, inbound->message, inbound->content, reply);
	counters_add(inbound->ingest->shard.counters, messages_refused, 1);
	inbound_end_transaction(inbound);
	inbound_reply_unlogged(inbound, reply);
	return INBOUND_ON;
}

/* A report about mail is read, and heard by the spooler. */
static enum inbound_progress content_report(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	struct inbound_content *content = inbound->content;

	if (content->notice == NULL) {
		struct rope_cursor at = rope_start(&inbound->message->body);
		struct view piece;

		content->notice = pool_take(&ingest->notices);
		if (content->notice != NULL) {
			struct notice *notice = content->notice;
			ndr_reader_init(&notice->reader, &notice->ndr);
			while (notice->reader.left > 0 && rope_next(&at, &piece))
				ndr_reader_feed(&notice->reader, piece);
			ndr_reader_finish(&notice->reader);
		}
	}
	if (content->notice == NULL || !ingest_report(ingest, inbound)) {
		if (inbound->famished)
			return content_give_up(inbound, INBOUND_REPLY_FAILED);
		return INBOUND_STARVES;
	}
	inbound_enter(inbound, INBOUND_PUTTING);
	return INBOUND_ON;
}

enum inbound_progress inbound_content_step_finish(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	struct inbound_content *content = inbound->content;

	if (content->header.received_count >= ingest->shard.config->limits.hops)
		content_refuse(inbound, INBOUND_REPLY_LOOP);
	if (!inbound_claim_is_good(inbound))
		content_refuse(inbound, INBOUND_REPLY_KEY);
	if (content->header.expire_count > 1 ||
	        (content->header.expire_count == 1 && content->header.expire_s == 0))
		content_refuse(inbound, INBOUND_REPLY_EXPIRE);
	if (content->refusal != INBOUND_REPLY_NONE)
		return content_give_up(inbound, content->refusal);
	if (inbound->reports)
		return content_report(inbound);
	if (!inbound->message->sealed && !content_complete(inbound)) {
		if (inbound->famished)
			return content_give_up(inbound, INBOUND_REPLY_MEMORY);
		return INBOUND_STARVES;
	}
	struct ways ways;
	if (!ways_find(&ways, ingest->shard.config, inbound->message, &ingest->shard.shelf,
	            ingest->reserve)) {
		if (inbound->famished)
			return content_give_up(inbound, INBOUND_REPLY_MEMORY);
		return INBOUND_STARVES;
	}
	if (ways_lead_nowhere(&ways, inbound->message->recipient_count)) {
		ways_free(&ways, &ingest->shard.shelf);
		return content_give_up(inbound, INBOUND_REPLY_NO_ROUTES);
	}
	/* A hold of our own, to tell the log what was accepted. */
	struct message *message = message_hold(inbound->message);
	if (!ingest_put(ingest, inbound, &message, &ways)) {
		message_release(MOVE(message), &ingest->shard.shelf);
		ways_free(&ways, &ingest->shard.shelf);
		if (inbound->famished)
			return content_give_up(inbound, INBOUND_REPLY_FAILED);
		return INBOUND_STARVES;
	}
	inbound_enter(inbound, INBOUND_PUTTING);
	return INBOUND_ON;
}

static void content_insert(struct inbound *inbound, uint64_t offset, struct view bytes)
{
	struct ingest *ingest = inbound->ingest;

	if (bytes.bytes > 0)
		check(rope_insert(&inbound->message->body, &ingest->shard.shelf,
		        inbound->content->stamp_bytes + offset, bytes, ingest->reserve));
}

/* An empty field gets the value that a line of ours would have. */
static void content_fill(struct inbound *inbound, uint64_t gap, struct view line)
{
	const struct view value = view_skip(line, view_find(line, ':') + 1);

	content_insert(inbound, inbound_claim_place(inbound, gap),
	        view_first(value, value.bytes - strlen("\r\n")));
}

/* As MAIL gave it; empty: it gave none that is possible. */
static struct view content_sender(const struct inbound *inbound)
{
	const bool changed = inbound->naming.sender.bytes > 0;

	return message_get(inbound->message, changed ? MESSAGE_ORIGINAL : MESSAGE_SENDER);
}

static_assert(BYLINE_BYTES_MAX + STAMP_BYTES_MAX <= CHUNK_DATA_BYTES / 2,
        "what is put in front fits, as rope_insert() has it");

/* Nothing is put in before these lines any more. */
static void content_put_byline(struct inbound *inbound, struct text *front)
{
	const struct inbound_content *content = inbound->content;

	check(front->bytes == 0);
	const struct byline_place place =
	        byline_put(content->byline, content_sender(inbound), front);
	if (!inbound->naming.opens)
		return;
	check(place.bytes > 0);
	message_place_author(
	        inbound->message, (struct message_place){
	                                  .offset = (uint32_t)(content->stamp_bytes + place.offset),
	                                  .bytes = (uint16_t)place.bytes,
	                          });
}

/* Adds a From of ours behind our Received, and Message-ID and Date there where they are missing, or
 * in their places where they are empty. The later place comes first, so that what is put in shifts
 * no other. */
static void content_add_fields(struct inbound *inbound)
{
	struct inbound_trace *trace = &inbound->content->trace;
	const struct message *message = inbound->message;
	const struct header *header = &inbound->content->header;
	char name[MESSAGE_ID_TEXT];
	char rooms[2][STAMP_BYTES_MAX];
	char front_room[BYLINE_BYTES_MAX + STAMP_BYTES_MAX];
	struct text id = TEXT_ON(rooms[0]);
	struct text date = TEXT_ON(rooms[1]);
	struct text front = TEXT_ON(front_room);

	if (inbound->content->byline != NULL) {
		content_put_byline(inbound, &front);
		trace->marks |= front.bytes > 0 ? TRACE_MARK_FROM : 0;
	}
	if (!header->has_message_id)
		stamp_put_message_id(&id, view_of(message_id_format(message->id, name)),
		        view_of(inbound->door->name));
	if (!header->has_date)
		stamp_put_date(&date, message->received);
	inbound_trace_added(trace, text_view(&id), date.bytes > 0);
	const bool id_empty = id.bytes > 0 && header->message_id_gap > 0;
	const bool date_empty = date.bytes > 0 && header->date_gap > 0;
	const bool id_first = header->message_id_gap > header->date_gap;
	if (id_empty && id_first)
		content_fill(inbound, header->message_id_gap, text_view(&id));
	if (date_empty)
		content_fill(inbound, header->date_gap, text_view(&date));
	if (id_empty && !id_first)
		content_fill(inbound, header->message_id_gap, text_view(&id));
	if (!id_empty)
		text_put(&front, text_view(&id));
	if (!date_empty)
		text_put(&front, text_view(&date));
	/* Text without a header would otherwise continue ours. */
	if (header->fields == 0 && header->blank_missed)
		text_put(&front, VIEW("\r\n"));
	check(!front.overflow);
	/* Names that From had, where the client asked for SMTPUTF8. */
	if (!utf8_is_ascii(text_view(&front)))
		inbound->message->flags |= MESSAGE_8BIT | MESSAGE_HEADER_8BIT;
	content_insert(inbound, 0, text_view(&front));
}

/* Adds what the header lacks, and seals. False: no memory. */
static bool content_complete(struct inbound *inbound)
{
	struct message *message = inbound->message;
	const struct header *header = &inbound->content->header;

	if (!inbound_is_fed(inbound))
		return false;
	/* A report has no sender by right; anything else got one at MAIL. */
	if (inbound->senderless && header->is_report)
		message_clear(message, MESSAGE_SENDER);
	inbound_claim_make(inbound);
	content_add_fields(inbound);
	if (header->header_8bit || header->body_8bit)
		message->flags |= MESSAGE_8BIT;
	if (header->header_8bit)
		message->flags |= MESSAGE_HEADER_8BIT;
	message->expire_s = header->expire_s;
	message_seal(message);
	return true;
}

/* Its first copy was committed, so this is behind a commit too (I1). */
static enum inbound_progress content_say_known(struct inbound *inbound)
{
	inbound_log_known(inbound, "duplicate");
	counters_add(inbound->ingest->shard.counters, messages_known, 1);
	inbound->errors = 0;
	inbound_reply_queued(inbound, inbound->content->claim.claim.id);
	inbound_end_transaction(inbound);
	return INBOUND_ON;
}

static enum inbound_progress content_say_heard(struct inbound *inbound)
{
	inbound_log_heard(inbound);
	inbound->messages++;
	inbound->errors = 0;
	inbound->delays = 0;
	inbound_reply(inbound, INBOUND_REPLY_HEARD);
	inbound_end_transaction(inbound);
	return INBOUND_ON;
}

static enum inbound_reply_name content_reason(enum put_result result)
{
	return result == PUT_FULL ? INBOUND_REPLY_FULL : INBOUND_REPLY_FAILED;
}

void inbound_content_answer(struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum put_result result)
{
	struct counters *counters = inbound->ingest->shard.counters;

	if (result != PUT_COMMITTED) {
		if (result == PUT_FULL)
			counters_add(counters, messages_full, 1);
		inbound_log_refused(inbound, message, content, content_reason(result));
		counters_add(counters, messages_refused, 1);
		inbound_reply_unlogged(inbound, content_reason(result));
		return;
	}
	inbound_log_accepted(inbound, message, content, true);
	counters_add(counters, messages_taken, 1);
	counters_add(counters, recipients_taken, message->recipient_count);
	counters_add(counters, bytes_taken, message->body_bytes);
	inbound->messages++;
	if (!inbound->answering) { /* what came behind one that was set aside still counts */
		inbound->errors = 0;
		inbound->delays = 0;
	}
	/* I1: here alone, behind the commit. */
	inbound_reply_queued(inbound, message->id);
}

void inbound_content_lose(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum put_result result)
{
	if (result == PUT_COMMITTED)
		inbound_log_accepted(inbound, message, content, false);
	else
		inbound_log_refused(inbound, message, content, content_reason(result));
}

enum inbound_progress inbound_content_step_answer(struct inbound *inbound)
{
	const enum put_result result = (enum put_result)inbound->put_result;

	if (inbound->reports && result == PUT_COMMITTED)
		return content_say_heard(inbound);
	if (result == PUT_KNOWN)
		return content_say_known(inbound);
	if (result == PUT_CLASH) {
		inbound_log_known(inbound, "clash");
		return content_give_up(inbound, INBOUND_REPLY_CLASH);
	}
	inbound_content_answer(inbound, inbound->message, inbound->content, result);
	inbound_end_transaction(inbound);
	return INBOUND_ON;
}
