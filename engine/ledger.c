#include "engine/ledger.h"

#include "queue/base/check.h"

#include <stdlib.h>

static const struct view name_prefix = VIEW_INIT("limits/");

static void ledger_write(struct ledger *ledger, struct ledger_entry *entry, struct note *note);
static void ledger_put_name(struct text *text, const char *name);

struct err ledger_init(struct ledger *ledger, struct shard *shard, uint32_t count_max)
{
	*ledger = (struct ledger){ .shard = shard };
	list_init(&ledger->wanting);
	if (count_max == 0)
		return err_ok();
	ledger->entries = calloc(count_max, sizeof *ledger->entries);
	if (ledger->entries == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	return pool_init(&ledger->notes, sizeof(struct note), NOTES_PER_SHARD);
}

void ledger_finish(struct ledger *ledger)
{
	free(ledger->entries);
	if (ledger->notes.memory == NULL)
		return;
	ledger->notes.taken = 0; /* what a broken or stopped spooler has is never looked at again */
	pool_finish(&ledger->notes);
}

struct ledger_entry *ledger_add(
        struct ledger *ledger, struct throttle *throttle, const char *name, void *owner)
{
	struct ledger_entry *entry = &ledger->entries[ledger->count++];

	*entry = (struct ledger_entry){ .throttle = throttle, .name = name, .owner = owner };
	throttle_keep(throttle);
	return entry;
}

void ledger_read(struct ledger *ledger, struct spool *spool)
{
	const struct mono now = clock_mono();
	const struct wall wall = clock_wall();

	for (uint32_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];
		char memory[SPOOL_NOTE_NAME_MAX];
		struct text name = TEXT_ON(memory);
		struct view record;

		ledger_put_name(&name, entry->name);
		struct err err = spool_read_note(spool, text_view(&name), &record);
		if (!failed(err))
			err = throttle_decode(entry->throttle, now, wall, record);
		if (!failed(err) || err.code == ERR_NOT_FOUND)
			continue;
		struct log_line line = log_begin(ledger->shard->log, LOG_WARNING, "limits_damaged");
		log_word(&line, "identity", entry->name);
		log_err(&line, err);
		log_word(&line, "advice",
		        "What was sent before is not known: all that its limits allow counts as "
		        "sent.");
		log_end(&line);
	}
}

void ledger_look(struct ledger *ledger, struct ledger_entry *entry)
{
	if (ledger->broken || entry->writing || link_is_linked(&entry->link) ||
	        !throttle_wants_record(entry->throttle))
		return;
	list_push_last(&ledger->wanting, &entry->link);
}

void ledger_work(struct ledger *ledger)
{
	while (!list_is_empty(&ledger->wanting) && pool_left(&ledger->notes) > 0) {
		struct ledger_entry *entry =
		        container_of(list_pop_first(&ledger->wanting), struct ledger_entry, link);
		ledger_write(ledger, entry, pool_take_as_is(&ledger->notes));
	}
}

static void ledger_write(struct ledger *ledger, struct ledger_entry *entry, struct note *note)
{
	struct loop *loop = &ledger->shard->loop;
	struct text name = text_on(note->name, sizeof note->name);
	const struct letter letter = { .kind = LETTER_NOTE, .note = note };

	memset(note, 0, offsetof(struct note, name)); /* of the rest only what is written is read */
	ledger_put_name(&name, entry->name);
	note->owner = entry;
	note->name_bytes = name.bytes;
	note->record_bytes = throttle_encode(entry->throttle, loop_now(loop), loop_wall(loop),
	        ledger->closing, (struct span){ note->record, sizeof note->record });
	entry->writing = true;
	entry->wrote = true;
	entry->last = ledger->closing;
	const bool put = mailbox_put(ledger->shard->spooler.out, &letter);
	check(put); /* there is room for all notes */
}

/* The same account whatever the case of its letters; a name too long to be one is cut, and shares
 * its record with others so long. */
static void ledger_put_name(struct text *text, const char *name)
{
	text_put(text, name_prefix);
	for (const char *at = name; *at != '\0' && text->bytes < SPOOL_NOTE_NAME_MAX; at++)
		text_put_byte(text, byte_lower(*at));
}

struct ledger_entry *ledger_noted(struct ledger *ledger, struct note *note)
{
	struct ledger_entry *entry = note->owner;

	check(entry->writing);
	entry->writing = false;
	entry->closed = entry->last && note->kept;
	ledger->broken |= !note->kept;
	throttle_kept(entry->throttle, !note->kept);
	pool_give(&ledger->notes, note);
	if (ledger->closing && !entry->closed && !ledger->broken)
		list_push_last(&ledger->wanting, &entry->link); /* that was not the last one */
	else if (!ledger->closing)
		ledger_look(ledger, entry);
	return entry;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->closing)
		return;
	ledger->closing = true;
	for (uint32_t i = 0; i < ledger->count; i++) {
		struct ledger_entry *entry = &ledger->entries[i];
		entry->closed = !entry->wrote && !link_is_linked(&entry->link);
		if (!entry->closed && !entry->writing && !link_is_linked(&entry->link))
			list_push_last(&ledger->wanting, &entry->link);
	}
}

bool ledger_is_closed(const struct ledger *ledger)
{
	if (ledger->broken || ledger->count == 0)
		return true;
	if (!ledger->closing)
		return false;
	for (uint32_t i = 0; i < ledger->count; i++)
		if (!ledger->entries[i].closed)
			return false;
	return true;
}
