#include "engine/ops/trace_json.h"

#include "engine/json_write.h"
#include "queue/base/date.h"

/* The longest text with each byte as \u00HH. */
#define TEXT_ROOM (6 * TRACE_REPLY_BYTES + 2)

static void put_text(FILE *file, struct view value)
{
	char room[TEXT_ROOM];
	struct text text = TEXT_ON(room);

	json_write_text(&text, view_first(value, TRACE_REPLY_BYTES));
	fwrite(text.data, 1, text.bytes, file);
}

static void put_key(FILE *file, const char *key)
{
	fprintf(file, ",\"%s\":", key);
}

static void put_field(FILE *file, const char *key, struct view value)
{
	if (value.bytes == 0)
		return;
	put_key(file, key);
	put_text(file, value);
}

static void put_number(FILE *file, const char *key, uint64_t value)
{
	fprintf(file, ",\"%s\":%llu", key, (unsigned long long)value);
}

static void put_id(FILE *file, const char *key, uint64_t id)
{
	char room[MESSAGE_ID_TEXT];

	if (id != 0)
		put_field(file, key, view_of(message_id_format(id, room)));
}

static void put_time(FILE *file, const char *key, struct wall when)
{
	char room[32];
	struct text text = TEXT_ON(room);

	date_put_iso(&text, when);
	put_field(file, key, text_view(&text));
}

static void put_accept(FILE *file, const struct trace_story *story)
{
	const struct trace_accept *accept = &story->accept;
	static const struct {
		const char *key;
		enum message_field field;
	} fields[] = {
		{ "original_from", MESSAGE_ORIGINAL },
		{ "client", MESSAGE_CLIENT },
		{ "helo", MESSAGE_HELO },
		{ "user", MESSAGE_USER },
		{ "listener", MESSAGE_LISTENER },
		{ "protocol", MESSAGE_PROTOCOL },
	};

	put_time(file, "received", accept->received);
	put_time(file, "accepted", story->accepted);
	put_key(file, "from");
	put_text(file, accept->fields[MESSAGE_SENDER]);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		put_field(file, fields[i].key, accept->fields[fields[i].field]);
	put_field(file, "message_id", accept->message_id);
	put_field(file, "tls", accept->tls);
	put_field(file, "cipher", accept->cipher);
	put_field(file, "device", accept->device);
	put_field(file, "proxy", accept->proxy);
	put_field(file, "stream", accept->stream);
	put_id(file, "session", accept->connection);
	put_id(file, "report_about", accept->about);
	put_number(file, "bytes", accept->bytes);
	put_number(file, "recipient_count", accept->recipient_count);
}

static void put_changes(FILE *file, const struct trace_accept *accept)
{
	const char *comma = "";

	put_key(file, "changes");
	fputc('[', file);
	for (size_t bit = 0; bit < TRACE_MARK_COUNT; bit++) {
		if ((accept->marks & 1U << bit) == 0)
			continue;
		fprintf(file, "%s\"%s\"", comma, trace_mark_word(bit));
		comma = ",";
	}
	fputc(']', file);
}

static void put_ways(FILE *file, const struct trace_accept *accept)
{
	struct trace_accept walk = *accept;
	struct trace_way way;
	const char *comma = "";

	put_key(file, "ways");
	fputc('[', file);
	while (trace_read_way(&walk, &way)) {
		fprintf(file, "%s{\"job\":%u", comma, way.number);
		put_field(file, "route", way.route);
		put_field(file, "state", view_of(trace_way_word(way.state)));
		if (way.rule != TRACE_NO_RULE)
			put_number(file, "rule", way.rule);
		fputc('}', file);
		comma = ",";
	}
	fputc(']', file);
}

static void put_recipients(FILE *file, const struct trace_story *story)
{
	const char *comma = "";

	put_key(file, "recipients");
	fputc('[', file);
	for (size_t i = 0; i < story->recipient_count; i++) {
		if (!story->known[i])
			continue;
		fprintf(file, "%s{\"index\":%zu", comma, i);
		put_key(file, "address");
		put_text(file, story->recipients[i].address);
		put_number(file, "job", story->recipients[i].number);
		fputc('}', file);
		comma = ",";
	}
	fputc(']', file);
}

static void put_said(FILE *file, const struct reply_note *note)
{
	char room[TRACE_REPLY_BYTES];
	struct text reply = TEXT_ON(room);
	struct verdict verdict;

	trace_story_reply(note, &reply);
	put_field(file, "reply", text_view(&reply));
	put_field(file, "server", note->server);
	put_field(file, "stage", view_of(stage_word((enum stage)note->stage)));
	if (!trace_story_judge(note, &verdict) || verdict.outcome == OUTCOME_PROCEED)
		return;
	put_field(file, "cause", view_of(cause_word(verdict.cause)));
	put_field(file, "scope", view_of(scope_word(verdict.scope)));
	put_field(file, "meaning", view_of(verdict.advice));
}

static void put_group(FILE *file, const struct trace_story *story, const struct trace_group *group)
{
	struct trace_group walk = *group;
	const char *comma = "";
	uint16_t index;

	fprintf(file, "{\"outcome\":\"%s\",\"recipients\":[", owed_word(group->outcome));
	while (trace_read_index(&walk, &index)) {
		fputs(comma, file);
		if (index < MESSAGE_RECIPIENTS_MAX && story->known[index])
			put_text(file, trace_story_address(story, index));
		else
			fprintf(file, "%u", index);
		comma = ",";
	}
	fputc(']', file);
	if ((group->flags & OWED_EXPIRED) != 0)
		fprintf(file, ",\"expired\":true");
	if ((group->flags & OWED_IN_DOUBT) != 0)
		fprintf(file, ",\"in_doubt\":true");
	if (group->said)
		put_said(file, &group->note);
	fputc('}', file);
}

static void put_step(FILE *file, const struct trace_story *story, struct wall when,
        const struct trace_settle *settle)
{
	struct trace_settle walk = *settle;
	struct trace_group group;
	const char *comma = "";

	fprintf(file, "{\"what\":\"%s\"", trace_act_word(settle->act));
	put_time(file, "time", when);
	put_number(file, "job", settle->number);
	put_field(file, "route", settle->route);
	put_field(file, "identity", settle->identity);
	put_id(file, "session", settle->connection);
	put_number(file, "failed_attempts", settle->attempts);
	put_key(file, "results");
	fputc('[', file);
	while (trace_read_group(&walk, &group)) {
		fputs(comma, file);
		put_group(file, story, &group);
		comma = ",";
	}
	fputc(']', file);
	put_id(file, "report", settle->report);
	if (settle->branched) {
		put_number(file, "moved_to_job", settle->branch_number);
		put_field(file, "moved_to_route", settle->branch);
	}
	if (trace_story_owes(settle)) {
		fprintf(file, ",\"held\":%s", settle->held ? "true" : "false");
		if (!settle->held)
			put_time(file, "next_attempt", settle->next_attempt);
	}
	fputc('}', file);
}

void trace_json_print(const struct trace_story *story, FILE *file)
{
	char id[MESSAGE_ID_TEXT];
	struct trace_settle settle;
	struct wall when;
	const char *comma = "";
	size_t at = 0;

	fprintf(file, "{\"id\":\"%s\",\"status\":\"%s\"", message_id_format(story->message->id, id),
	        trace_status_word(story->message->status));
	if (story->message->accepted) {
		put_accept(file, story);
		put_changes(file, &story->accept);
		put_ways(file, &story->accept);
		put_recipients(file, story);
	}
	put_key(file, "steps");
	fputc('[', file);
	for (; trace_story_step(story, &at, &when, &settle); comma = ",") {
		fputs(comma, file);
		put_step(file, story, when, &settle);
	}
	fprintf(file, "]}\n");
}
