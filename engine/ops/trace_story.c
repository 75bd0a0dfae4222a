#include "engine/ops/trace_story.h"

#include "queue/base/check.h"

static void story_take_recipients(struct trace_story *story, const struct trace_accept *accept)
{
	struct trace_accept walk = *accept;
	struct trace_recipient recipient;

	while (trace_read_recipient(&walk, &recipient)) {
		check(recipient.index < MESSAGE_RECIPIENTS_MAX);
		story->recipients[recipient.index] = recipient;
		story->known[recipient.index] = true;
		if (story->recipient_count <= recipient.index)
			story->recipient_count = recipient.index + 1U;
	}
}

void trace_story_read(struct trace_story *story, const struct trace_message *message)
{
	memset(story, 0, sizeof *story);
	story->message = message;
	for (size_t i = 0; i < message->row_count; i++) {
		const struct trace_row *row = &message->rows[i];
		struct trace_accept accept;

		if (row->kind == TRACE_SETTLE || !trace_read_accept(row, &accept))
			continue;
		if (row->kind == TRACE_ACCEPT) {
			story->accept = accept;
			story->accepted = row->when;
		}
		story_take_recipients(story, &accept);
	}
}

struct view trace_story_address(const struct trace_story *story, uint16_t index)
{
	if (index >= MESSAGE_RECIPIENTS_MAX || !story->known[index])
		return VIEW("");
	return story->recipients[index].address;
}

void trace_story_reply(const struct reply_note *note, struct text *text)
{
	if (note->code > 0)
		text_format(text, "%u ", note->code);
	if (note->code > 0 && note->status[0] > 0)
		text_format(text, "%u.%u.%u ", note->status[0], note->status[1], note->status[2]);
	text_put(text, note->text);
}

bool trace_story_judge(const struct reply_note *note, struct verdict *verdict)
{
	char room[TRACE_REPLY_BYTES];
	struct text reply = TEXT_ON(room);

	if (note->code == 0)
		return false;
	trace_story_reply(note, &reply);
	*verdict = verdict_judge((enum stage)note->stage, text_view(&reply));
	return true;
}

bool trace_story_step(
        const struct trace_story *story, size_t *at, struct wall *when, struct trace_settle *settle)
{
	for (; *at < story->message->row_count; ++*at) {
		const struct trace_row *row = &story->message->rows[*at];

		if (row->kind != TRACE_SETTLE || !trace_read_settle(row, settle))
			continue;
		*when = row->when;
		++*at;
		return true;
	}
	return false;
}

bool trace_story_owes(const struct trace_settle *settle)
{
	struct trace_settle walk = *settle;
	struct trace_group group;

	while (trace_read_group(&walk, &group))
		if (!owed_is_ended(group.outcome))
			return true;
	return false;
}
