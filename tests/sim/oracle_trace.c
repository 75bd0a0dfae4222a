#include "queue/base/check.h"
#include "queue/trace_read.h"
#include "tests/sim/oracle.h"

static struct oracle_message *oracle_message_of(struct oracle *oracle, uint64_t id)
{
	for (size_t i = 0; i < oracle->count; i++)
		if (oracle->messages[i].id == id)
			return &oracle->messages[i];
	return NULL; /* a report, or one of a stranger */
}

static void oracle_see_settle(
        struct oracle *oracle, struct oracle_message *message, const struct trace_row *row)
{
	struct trace_settle settle;
	struct trace_group group;
	uint16_t index;

	if (!trace_read_settle(row, &settle)) {
		oracle_fail(oracle, "trace: a settle can't be read");
		return;
	}
	while (trace_read_group(&settle, &group))
		while (trace_read_index(&group, &index)) {
			if (group.outcome == OWED_MOVED || !owed_is_ended(group.outcome))
				continue;
			check(index < ORACLE_RECIPIENTS);
			message->traced_end[index] = (uint8_t)group.outcome;
		}
}

static void oracle_see_block(struct oracle *oracle, const struct disk_row *from)
{
	struct trace_block block;
	struct trace_row row;

	if (!trace_read_block(view_from(from->value.data, from->value.bytes), &block))
		oracle_fail(oracle, "trace: a block can't be read");
	while (trace_read_row(&block, &row)) {
		struct oracle_message *message = oracle_message_of(oracle, row.id);

		if (message == NULL)
			continue;
		if (row.kind == TRACE_ACCEPT)
			message->traced = true;
		else if (row.kind == TRACE_SETTLE)
			oracle_see_settle(oracle, message, &row);
	}
	if (block.rows.bytes > 0)
		oracle_fail(oracle, "trace: a row can't be read");
}

void oracle_see_trace(struct oracle *oracle, const struct disk_state *state)
{
	const struct disk_table *table = &state->tables[TABLE_TRACE];
	char room[8];
	struct record_writer key = record_write((struct span){ room, sizeof room });

	record_put_u64(&key, oracle->trace_seen);
	for (size_t i = disk_seek(table, record_view(&key)); i < table->count; i++) {
		struct record_reader reader = record_read(table->rows[i]->key);
		oracle->trace_seen = record_get_u64(&reader) + 1;
		oracle_see_block(oracle, table->rows[i]);
	}
	for (size_t i = 0; i < oracle->count; i++)
		if (oracle->messages[i].id != 0 && !oracle->messages[i].traced)
			oracle_fail(
			        oracle, "trace: %zu is queued, and its acceptance is not told", i);
}

void oracle_judge_trace(struct oracle *oracle, int number, int recipient)
{
	const struct oracle_message *message = &oracle->messages[number];
	const uint8_t end = message->traced_end[recipient];

	if (end == OWED_PENDING)
		oracle_fail(oracle, "trace: %d ended for recipient %d, which is not told", number,
		        recipient);
	if (end == OWED_DELIVERED && message->delivered[recipient] == 0)
		oracle_fail(oracle, "trace: %d is told as delivered to recipient %d, and was not",
		        number, recipient);
	if (end == OWED_BOUNCED && !message->bad[recipient] && !message->poison)
		oracle_fail(oracle,
		        "trace: %d is told as bounced to recipient %d, and had no cause", number,
		        recipient);
}
