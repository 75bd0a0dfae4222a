/* A block of the trace, of any bytes: its rows are whole or damaged, and the walks over whole ones
 * stay in them and agree with their counts. */
#include "queue/trace_read.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 4096

static void look_in(struct view block, struct view part)
{
	if (part.bytes == 0)
		return;
	check(part.data >= block.data);
	check(part.data + part.bytes <= block.data + block.bytes);
}

static void read_accept(struct view block, const struct trace_row *row)
{
	struct trace_recipient recipient;
	struct trace_accept accept;
	struct trace_way way;
	size_t count = 0;

	if (!trace_read_accept(row, &accept))
		return;
	for (int i = 0; i < MESSAGE_FIELD_COUNT; i++)
		look_in(block, accept.fields[i]);
	look_in(block, accept.stream);
	while (trace_read_way(&accept, &way)) {
		look_in(block, way.route);
		check(trace_way_word(way.state) != NULL);
	}
	while (trace_read_recipient(&accept, &recipient)) {
		check(recipient.index < MESSAGE_RECIPIENTS_MAX);
		look_in(block, recipient.address);
		count++;
	}
	check(count == accept.count);
}

static void read_settle(struct view block, const struct trace_row *row)
{
	struct trace_settle settle;
	struct trace_group group;
	uint16_t index;
	size_t groups = 0;

	if (!trace_read_settle(row, &settle))
		return;
	look_in(block, settle.branch);
	check(trace_act_word(settle.act) != NULL);
	for (; trace_read_group(&settle, &group); groups++) {
		size_t count = 0;
		check(group.outcome < OWED_OUTCOME_COUNT);
		if (group.said)
			look_in(block, group.note.text);
		while (trace_read_index(&group, &index))
			count++;
		check(count == group.count);
	}
	check(groups == settle.group_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	struct trace_block block;
	struct trace_row row;

	if (!trace_read_block(input, &block))
		return 0;
	while (trace_read_row(&block, &row)) {
		look_in(input, row.body);
		if (row.kind == TRACE_SETTLE)
			read_settle(input, &row);
		else
			read_accept(input, &row);
	}
	return 0;
}
