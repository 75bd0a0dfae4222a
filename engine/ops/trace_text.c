#include "engine/ops/trace_text.h"

#include "engine/ops/cli.h"
#include "queue/base/date.h"

/* Of recipients with the same fate a line names so many; all are in --json. */
#define NAMED_MAX 10

static void print_view(struct view text)
{
	char room[REPLY_TEXT_MAX + 1];

	snprintf(room, sizeof room, "%.*s", VIEW_ARGS(view_first(text, sizeof room - 1)));
	cli_print_plain(room);
}

static void print_time(struct wall when)
{
	char room[32];
	struct text text = TEXT_ON(room);

	date_put_iso(&text, when);
	printf("%s", text_string(&text));
}

static void print_address(struct view address)
{
	printf("<");
	print_view(address);
	printf(">");
}

static void print_id(const char *before, uint64_t id)
{
	char room[MESSAGE_ID_TEXT];

	printf("%s%s", before, message_id_format(id, room));
}

static void begin_step(struct wall when)
{
	printf("  ");
	print_time(when);
	printf("  ");
}

static void begin_more(const char *title)
{
	printf("      %s: ", title);
}

static void print_field(const char *before, struct view value)
{
	if (value.bytes == 0)
		return;
	printf("%s", before);
	print_view(value);
}

static void print_title(const struct trace_story *story)
{
	const struct trace_accept *accept = &story->accept;

	print_id("", story->message->id);
	printf("  %s", trace_status_word(story->message->status));
	if (!story->message->accepted) {
		printf("  (its acceptance is forgotten)\n");
		return;
	}
	printf("  ");
	print_address(accept->fields[MESSAGE_SENDER]);
	printf(" to ");
	print_address(trace_story_address(story, 0));
	if (accept->recipient_count > 1)
		printf(" and %u more", accept->recipient_count - 1U);
	printf(", %llu bytes\n", (unsigned long long)accept->bytes);
	if (accept->message_id.bytes > 0) {
		printf("  Message-ID ");
		print_view(accept->message_id);
		putchar('\n');
	}
}

static void print_changes(const struct trace_accept *accept)
{
	const unsigned told = accept->marks & ~(unsigned)TRACE_MARK_REPORT;

	if (accept->fields[MESSAGE_ORIGINAL].bytes > 0) {
		begin_more("changed");
		printf("MAIL said ");
		print_address(accept->fields[MESSAGE_ORIGINAL]);
		printf("; it goes out as ");
		print_address(accept->fields[MESSAGE_SENDER]);
		putchar('\n');
	}
	for (size_t bit = 0; bit < TRACE_MARK_COUNT; bit++) {
		if ((told & 1U << bit) == 0)
			continue;
		begin_more("changed");
		printf("%s\n", trace_mark_text(bit));
	}
}

static void print_accepted(const struct trace_story *story)
{
	const struct trace_accept *accept = &story->accept;

	begin_step(story->accepted);
	if ((accept->marks & TRACE_MARK_REPORT) != 0) {
		print_id("made here: a report about ", accept->about);
		putchar('\n');
		return;
	}
	printf("accepted from ");
	print_view(accept->fields[MESSAGE_CLIENT]);
	print_field(" by way of the proxy ", accept->proxy);
	print_field(" (", accept->fields[MESSAGE_HELO]);
	printf("%s at ", accept->fields[MESSAGE_HELO].bytes > 0 ? ")" : "");
	print_view(accept->fields[MESSAGE_LISTENER]);
	print_field(" by ", accept->fields[MESSAGE_PROTOCOL]);
	print_field(", signed in as ", accept->fields[MESSAGE_USER]);
	print_field(", ", accept->tls);
	print_field(" ", accept->cipher);
	printf("%s", accept->tls.bytes > 0 ? "" : ", without TLS");
	print_field(", old device ", accept->device);
	print_id(", session ", accept->connection);
	putchar('\n');
	print_changes(accept);
}

static void print_way(const struct trace_story *story, const struct trace_way *way)
{
	begin_step(story->accepted);
	if (way->state == TRACE_WAY_NOWHERE)
		printf("no route takes it");
	else if (way->state == TRACE_WAY_KEPT)
		printf("held: no route of its can carry the null sender");
	else if (way->state == TRACE_WAY_REHEARSED)
		print_field("a rehearsal: nothing will be sent; it would go by route ", way->route);
	else
		print_field("queued on route ", way->route);
	print_field(" in stream ", story->accept.stream);
	if (way->rule != TRACE_NO_RULE)
		printf(", by rules[%u]", way->rule);
	else if (way->state == TRACE_WAY_GOES)
		printf("; no rule matches, and that is the first that can carry it");
	if (story->accept.way_count > 1)
		printf(" (job %u)", way->number);
	putchar('\n');
}

static void print_members(const struct trace_story *story, const struct trace_group *group)
{
	struct trace_group walk = *group;
	uint16_t index;

	for (size_t named = 0; trace_read_index(&walk, &index); named++) {
		if (named == NAMED_MAX) {
			printf(" and %zu more", group->count - named);
			return;
		}
		printf("%s", named > 0 ? ", " : "");
		if (story->known[index])
			print_address(trace_story_address(story, index));
		else
			printf("recipient %u", index + 1U);
	}
}

static void print_said(const struct reply_note *note)
{
	char room[TRACE_REPLY_BYTES];
	struct text reply = TEXT_ON(room);
	struct verdict verdict;

	trace_story_reply(note, &reply);
	begin_more(note->code > 0 ? "reply" : "because");
	if (note->server.bytes > 0) {
		print_view(note->server);
		if (note->stage != STAGE_ANY)
			printf(", %s", stage_word((enum stage)note->stage));
		printf(": ");
	}
	print_view(text_view(&reply));
	putchar('\n');
	if (!trace_story_judge(note, &verdict) || verdict.outcome == OUTCOME_PROCEED)
		return;
	begin_more("meaning");
	printf("%s: %s\n", cause_word(verdict.cause), verdict.advice);
}

static void print_group(const struct trace_story *story, const struct trace_group *group)
{
	begin_more(owed_word(group->outcome));
	print_members(story, group);
	if ((group->flags & OWED_EXPIRED) != 0)
		printf("; its time was over");
	if ((group->flags & OWED_IN_DOUBT) != 0)
		printf("; in doubt: it may have arrived, though no answer came");
	if (group->outcome == OWED_DELIVERED && (group->flags & OWED_RELAYED) != 0)
		printf("; the server reports no further");
	putchar('\n');
	/* What was said before is told where it was said. */
	if (group->said && group->outcome != OWED_PENDING)
		print_said(&group->note);
}

static void print_next(const struct trace_story *story, const struct trace_settle *settle)
{
	if (settle->branched) {
		begin_more("next");
		printf("the rest goes on as job %u", settle->branch_number);
		print_field(" by route ", settle->branch);
		putchar('\n');
	}
	if (settle->report != 0) {
		begin_more("next");
		print_id("the sender is told by report ", settle->report);
		putchar('\n');
	}
	if (!trace_story_owes(settle))
		return;
	begin_more("next");
	if (settle->held) {
		print_id("it is held: sluice queue release ", story->message->id);
	} else {
		printf("another attempt from ");
		print_time(settle->next_attempt);
		printf(" on");
	}
	putchar('\n');
}

static void print_step(
        const struct trace_story *story, struct wall when, const struct trace_settle *settle)
{
	struct trace_settle walk = *settle;
	struct trace_group group;

	begin_step(when);
	if (settle->act == TRACE_ACT_ATTEMPT)
		printf("attempt");
	else
		printf("%s", trace_act_text(settle->act));
	print_field(settle->act == TRACE_ACT_ATTEMPT ? " on route " : ", route ", settle->route);
	print_field(" as ", settle->identity);
	if (settle->connection != 0)
		print_id(", session ", settle->connection);
	if (settle->attempts > 0)
		printf(", %u failed so far", settle->attempts);
	if (story->accept.way_count > 1 || settle->number > 0)
		printf(" (job %u)", settle->number);
	putchar('\n');
	while (trace_read_group(&walk, &group))
		print_group(story, &group);
	print_next(story, settle);
}

void trace_text_print(const struct trace_story *story)
{
	struct trace_accept walk = story->accept;
	struct trace_settle settle;
	struct trace_way way;
	struct wall when;
	size_t at = 0;
	size_t steps = 0;

	print_title(story);
	if (story->message->accepted) {
		print_accepted(story);
		while (trace_read_way(&walk, &way))
			print_way(story, &way);
	}
	for (; trace_story_step(story, &at, &when, &settle); steps++)
		print_step(story, when, &settle);
	if (steps == 0) {
		begin_more("next");
		print_id("it waits for its turn: sluice queue show ", story->message->id);
		putchar('\n');
	}
}
