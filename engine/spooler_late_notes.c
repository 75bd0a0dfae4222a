#include "engine/spooler_inner.h"

#include "queue/base/check.h"
#include "queue/late_record.h"

#include <assert.h>

/* Of one message: who has one of its reports can't fill the disk with more. */
#define LATE_KEPT_MAX 64
/* Forgotten in a look, of which there is one a second. */
#define LATE_FORGOTTEN 4

static_assert(LATE_RECORD_MAX <= THROTTLE_RECORD_MAX, "a note has room for it");
static_assert(LATE_RECORD_NAME_MAX <= SPOOL_NOTE_NAME_MAX, "and for its name");
static_assert(LATE_RECORD_ROUTE_MAX >= SPOOL_SENT_ROUTE_MAX, "a route's name fits");
static_assert(LATE_RECORD_ADDRESS_MAX >= SPOOL_SENT_WHO_MAX, "a sender fits");
static_assert(LATE_RECORD_ADDRESS_MAX >= NDR_ADDRESS_MAX, "a recipient fits");
static_assert(LATE_RECORD_REPLY_MAX >= NDR_REPLY_MAX, "a reply fits");

/* One that waits for nothing; NULL: too many are under way. */
static struct note *late_take_note(struct spooler *spooler)
{
	for (size_t i = 0; i < LATE_NOTES && !batch_notes_full(&spooler->batch); i++) {
		struct note *note = &spooler->late_notes[i];
		if (note->owner != NULL)
			continue;
		note->owner = spooler;
		note->shard = FEED_NO_SHARD;
		return note;
	}
	return NULL;
}

static size_t late_count(struct spooler *spooler, struct view message)
{
	struct view name = message;
	struct view record;
	size_t count = 0;

	while (count < LATE_KEPT_MAX &&
	        !failed(spool_next_note(spooler->spool, message, name, &name, &record)))
		count++;
	return count;
}

/* Another reply is another refusal: a foreign server's doesn't hide the service's own. */
static bool late_says(struct view record, const struct ndr_recipient *recipient, struct wall since)
{
	struct late_record late;

	return !failed(late_record_decode(&late, record)) && late.heard.ms >= since.ms &&
	       strcmp(late.reply, recipient->reply) == 0;
}

/* The one that is on its way to disk and says so; NULL: none. */
static struct note *late_note_of(
        struct spooler *spooler, struct view name, const struct ndr_recipient *recipient)
{
	for (size_t i = 0; i < LATE_NOTES; i++) {
		struct note *note = &spooler->late_notes[i];
		if (note->owner != NULL && view_equal(note_name(note), name) &&
		        late_says(note_record(note), recipient, (struct wall){ 0 }))
			return note;
	}
	return NULL;
}

static uint64_t late_bit(const struct spooler *spooler, const struct note *note)
{
	return UINT64_C(1) << (note - spooler->late_notes);
}

enum late_kept spooler_look_late(
        struct spooler *spooler, struct late *late, const struct ndr_recipient *recipient)
{
	char memory[2][LATE_RECORD_NAME_MAX];
	struct text message = TEXT_ON(memory[0]);
	struct text name = TEXT_ON(memory[1]);
	struct view record;

	check(recipient != NULL);
	late_record_name_message(&message, late->sent.id);
	late_record_name(&name, late->sent.id, view_of(recipient->address));
	const struct note *note = late_note_of(spooler, text_view(&name), recipient);
	if (note != NULL) {
		late->notes = late_bit(spooler, note);
		return LATE_KEPT_AGAIN;
	}
	const bool found = !failed(spool_read_note(spooler->spool, text_view(&name), &record));
	/* Before a crash it may have been kept and told to nobody. */
	if (found && late_says(record, recipient, spooler->started))
		return LATE_KEPT_AGAIN;
	if (!found && late_count(spooler, text_view(&message)) == LATE_KEPT_MAX)
		return LATE_KEPT_FULL;
	for (size_t i = 0; i < LATE_NOTES && !batch_notes_full(&spooler->batch); i++)
		if (spooler->late_notes[i].owner == NULL)
			return LATE_KEPT_ROOM;
	return LATE_KEPT_BUSY;
}

void spooler_keep_late(
        struct spooler *spooler, struct late *late, const struct ndr_recipient *recipient)
{
	struct late_record kept = {
		.sent = late->sent.when,
		.heard = loop_wall(&spooler->shard.loop),
		.times = 1,
	};
	struct late_record before;
	char memory[LATE_RECORD_NAME_MAX];
	struct text name = TEXT_ON(memory);
	struct view record;

	check(recipient != NULL);
	late_record_name(&name, late->sent.id, view_of(recipient->address));
	check(!name.overflow);
	if (!failed(spool_read_note(spooler->spool, text_view(&name), &record)) &&
	        !failed(late_record_decode(&before, record)))
		kept.times = before.times + (before.times < UINT32_MAX);
	struct note *note = late_take_note(spooler);
	check(note != NULL); /* spooler_look_late() saw one */
	late->notes = late_bit(spooler, note);
	late->kept = true;
	memcpy(kept.route, late->sent.route, sizeof late->sent.route);
	memcpy(kept.sender, late->sent.sender, sizeof late->sent.sender);
	memcpy(kept.recipient, recipient->address, sizeof recipient->address);
	memcpy(kept.reply, recipient->reply, sizeof recipient->reply);
	memcpy(note->name, name.data, name.bytes);
	note->name_bytes = name.bytes;
	note->record_bytes =
	        late_record_encode(&kept, (struct span){ note->record, sizeof note->record });
	batch_add_note(&spooler->batch, note, FEED_NO_SHARD);
}

void spooler_forget_lates(struct spooler *spooler, struct wall since)
{
	char memory[LATE_RECORD_NAME_MAX];
	struct text prefix = TEXT_ON(memory);
	struct late_record late;
	struct view record;

	late_record_prefix(&prefix);
	struct view name = text_view(&prefix);
	for (int i = 0; i < LATE_FORGOTTEN; i++) {
		if (failed(spool_next_note(
		            spooler->spool, text_view(&prefix), name, &name, &record)))
			return;
		if (!failed(late_record_decode(&late, record)) && late.heard.ms >= since.ms)
			return;
		struct note *note = late_take_note(spooler);
		if (note == NULL)
			return;
		memcpy(note->name, name.data, name.bytes);
		note->name_bytes = name.bytes;
		note->record_bytes = 0; /* takes it away */
		batch_add_note(&spooler->batch, note, FEED_NO_SHARD);
	}
}

bool spooler_owns_late_note(const struct spooler *spooler, const struct note *note)
{
	return note >= spooler->late_notes && note < spooler->late_notes + LATE_NOTES;
}

void spooler_kept_late(struct note *note)
{
	note->owner = NULL;
}

uint64_t spooler_lates_under_way(const struct spooler *spooler)
{
	uint64_t notes = 0;

	for (size_t i = 0; i < LATE_NOTES; i++)
		if (spooler->late_notes[i].owner != NULL)
			notes |= late_bit(spooler, &spooler->late_notes[i]);
	return notes;
}

bool spooler_lates_are_kept(const struct spooler *spooler)
{
	return spooler_lates_under_way(spooler) == 0;
}

void spooler_put_lates(struct spooler *spooler, struct request *request)
{
	char memory[LATE_RECORD_NAME_MAX];
	struct text message = TEXT_ON(memory);
	struct late_record late;
	struct view record;
	uint16_t number = 0;

	check(request->ids_count == 1);
	late_record_name_message(&message, request->ids[0]);
	struct view name = text_view(&message);
	while (!failed(
	        spool_next_note(spooler->spool, text_view(&message), name, &name, &record))) {
		if (failed(late_record_decode(&late, record)))
			continue;
		const struct request_recipient recipient = {
			.address = view_of(late.recipient),
			.state = VIEW("refused_late"),
			.reply = view_of(late.reply),
		};
		const struct request_row row = {
			.id = request->ids[0],
			.number = number++,
			.route = view_of(late.route),
			.from = view_of(late.sender),
			.recipients = &recipient,
			.recipients_count = 1,
			.received = late.sent,
			.state = VIEW("refused_late"),
			.reply = view_of(late.reply),
		};
		if (!request_put_row(request, &row))
			return;
	}
}
