#include "queue/trace_read.h"

/* A word that stands in the block before it, as what it is there. */
static struct view get_again(struct view block, size_t at, bool *bad)
{
	struct record_reader reader =
	        record_read(view_skip(block, at < block.bytes ? at : block.bytes));
	const uint8_t bytes = record_get_u8(&reader);
	const struct view word = record_get(&reader, bytes);

	*bad |= reader.bad || bytes > TRACE_WORD_MAX;
	return *bad ? VIEW("") : word;
}

static struct view get_word(struct record_reader *reader, struct view block)
{
	const uint8_t bytes = record_get_u8(reader);

	if (bytes == TRACE_WORD_AGAIN)
		return get_again(block, record_get_u16(reader), &reader->bad);
	reader->bad |= bytes > TRACE_WORD_MAX;
	return record_get(reader, bytes);
}

static struct wall get_wall(struct record_reader *reader)
{
	return (struct wall){ (int64_t)record_get_u64(reader) };
}

bool trace_read_block(struct view bytes, struct trace_block *block)
{
	struct record_reader reader = record_read(bytes);
	const uint8_t version = record_get_u8(&reader);

	block->bytes = bytes;
	block->from = get_wall(&reader);
	block->to = get_wall(&reader);
	block->rows = reader.rest;
	return !reader.bad && version == TRACE_VERSION;
}

bool trace_read_row(struct trace_block *block, struct trace_row *row)
{
	struct record_reader reader = record_read(block->rows);
	const uint16_t bytes = record_get_u16(&reader);

	row->kind = (enum trace_kind)record_get_u8(&reader);
	row->id = record_get_u64(&reader);
	row->when.ms = (int64_t)((uint64_t)block->from.ms + record_get_u32(&reader));
	row->block = block->bytes;
	if (reader.bad || bytes < TRACE_ROW_HEAD || bytes > block->rows.bytes ||
	        row->kind < TRACE_ACCEPT || row->kind > TRACE_SETTLE)
		return false;
	row->body = view_first(reader.rest, bytes - (size_t)TRACE_ROW_HEAD);
	block->rows = view_skip(block->rows, bytes);
	return true;
}

static struct trace_way get_way(struct record_reader *reader, struct view block)
{
	struct trace_way way = { .number = record_get_u16(reader) };

	way.state = (enum trace_way_state)record_get_u8(reader);
	way.rule = record_get_u16(reader);
	way.route = get_word(reader, block);
	reader->bad |= way.state >= TRACE_WAY_COUNT;
	return way;
}

bool trace_read_way(struct trace_accept *accept, struct trace_way *way)
{
	if (accept->ways_read == accept->way_count)
		return false;
	accept->ways_read++;
	*way = get_way(&accept->ways, accept->block);
	return true;
}

bool trace_read_recipient(struct trace_accept *accept, struct trace_recipient *recipient)
{
	if (accept->recipients_read == accept->count)
		return false;
	recipient->index = (uint16_t)(accept->first + accept->recipients_read++);
	recipient->address = get_word(&accept->recipients, accept->block);
	recipient->number = accept->parted ? record_get_u16(&accept->recipients) : accept->only;
	return true;
}

static void get_fields(
        struct record_reader *reader, const struct trace_row *row, struct trace_accept *accept)
{
	accept->received.ms = (int64_t)((uint64_t)row->when.ms - record_get_u32(reader));
	accept->connection = record_get_u64(reader);
	accept->marks = record_get_u16(reader);
	accept->bytes = record_get_u32(reader);
	if ((accept->marks & TRACE_MARK_REPORT) != 0)
		accept->about = record_get_u64(reader);
	accept->recipient_count = record_get_u16(reader);
	for (int i = 0; i < MESSAGE_FIELD_COUNT; i++)
		if (trace_write_keeps((enum message_field)i))
			accept->fields[i] = get_word(reader, row->block);
	accept->tls = get_word(reader, row->block);
	accept->cipher = get_word(reader, row->block);
	accept->device = get_word(reader, row->block);
	accept->proxy = get_word(reader, row->block);
	accept->stream = get_word(reader, row->block);
	accept->message_id = get_word(reader, row->block);
	accept->way_count = record_get_u16(reader);
	accept->ways = *reader;
	for (size_t i = 0; i < accept->way_count && !reader->bad; i++)
		(void)get_way(reader, row->block);
}

/* Looks through them, so that nobody who walks over them has to. */
static void get_recipients(struct record_reader *reader, struct trace_accept *accept)
{
	struct trace_accept walk;
	struct trace_recipient recipient;

	accept->first = record_get_u16(reader);
	accept->count = record_get_u16(reader);
	accept->parted = record_get_u8(reader) != 0;
	if (!accept->parted)
		accept->only = record_get_u16(reader);
	accept->recipients = *reader;
	reader->bad |= accept->first + accept->count > MESSAGE_RECIPIENTS_MAX;
	walk = *accept;
	while (!reader->bad && trace_read_recipient(&walk, &recipient))
		reader->bad = walk.recipients.bad;
	reader->rest = walk.recipients.rest;
}

bool trace_read_accept(const struct trace_row *row, struct trace_accept *accept)
{
	struct record_reader reader = record_read(row->body);

	*accept = (struct trace_accept){ .block = row->block };
	if (row->kind == TRACE_SETTLE)
		return false;
	if (row->kind == TRACE_ACCEPT)
		get_fields(&reader, row, accept);
	get_recipients(&reader, accept);
	return record_is_read(&reader);
}

static struct reply_note get_note(struct record_reader *reader, struct view block)
{
	struct reply_note note = { .code = record_get_u16(reader) };

	for (size_t i = 0; i < 3; i++)
		note.status[i] = record_get_u16(reader);
	note.stage = record_get_u8(reader);
	reader->bad |= note.stage >= STAGE_COUNT;
	note.server = get_word(reader, block);
	note.text = record_get(reader, record_get_u16(reader));
	return note;
}

static struct trace_group get_group(struct record_reader *reader, struct view block)
{
	struct trace_group group = { .outcome = (enum owed_outcome)record_get_u8(reader) };

	group.flags = record_get_u8(reader);
	group.said = record_get_u8(reader) != 0;
	if (group.said)
		group.note = get_note(reader, block);
	group.count = record_get_u16(reader);
	group.indices = record_read(record_get(reader, (size_t)group.count * 2));
	reader->bad |= group.outcome >= OWED_OUTCOME_COUNT;
	return group;
}

bool trace_read_group(struct trace_settle *settle, struct trace_group *group)
{
	if (settle->groups_read == settle->group_count)
		return false;
	settle->groups_read++;
	*group = get_group(&settle->groups, settle->block);
	return true;
}

bool trace_read_index(struct trace_group *group, uint16_t *index)
{
	if (group->indices.rest.bytes == 0)
		return false;
	*index = record_get_u16(&group->indices);
	return true;
}

bool trace_read_settle(const struct trace_row *row, struct trace_settle *settle)
{
	struct record_reader reader = record_read(row->body);

	*settle = (struct trace_settle){ .block = row->block };
	settle->number = record_get_u16(&reader);
	settle->act = (enum trace_act)record_get_u8(&reader);
	const uint8_t flags = record_get_u8(&reader);
	settle->held = (flags & TRACE_SETTLE_HELD) != 0;
	settle->branched = (flags & TRACE_SETTLE_BRANCHED) != 0;
	settle->attempts = record_get_u16(&reader);
	if ((flags & TRACE_SETTLE_OWES) != 0)
		settle->next_attempt = get_wall(&reader);
	if ((flags & TRACE_SETTLE_SESSION) != 0)
		settle->connection = record_get_u64(&reader);
	if ((flags & TRACE_SETTLE_REPORT) != 0)
		settle->report = record_get_u64(&reader);
	settle->route = get_word(&reader, row->block);
	settle->identity = get_word(&reader, row->block);
	if (settle->branched) {
		settle->branch_number = record_get_u16(&reader);
		settle->branch = get_word(&reader, row->block);
	}
	settle->group_count = record_get_u16(&reader);
	settle->groups = reader;
	for (size_t i = 0; i < settle->group_count && !reader.bad; i++)
		(void)get_group(&reader, row->block);
	return row->kind == TRACE_SETTLE && settle->act < TRACE_ACT_COUNT &&
	       record_is_read(&reader);
}

bool trace_read_is_whole(const struct trace_row *row)
{
	struct trace_accept accept;
	struct trace_settle settle;

	return row->kind == TRACE_SETTLE ? trace_read_settle(row, &settle)
	                                 : trace_read_accept(row, &accept);
}
