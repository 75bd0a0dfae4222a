/*
 * A message's rows of the trace, put together for whoever tells them: its acceptance, who the
 * recipients are, and the steps behind each other.
 *
 * Thread:  a command's.
 * Lends:   all it holds from the message's rows.
 */
#ifndef SLUICE_TRACE_STORY_H
#define SLUICE_TRACE_STORY_H

#include "engine/ops/trace_find.h"
#include "queue/verdict.h"

/* Code, enhanced code, a reply's text, and NUL. */
#define TRACE_REPLY_BYTES (32 + REPLY_TEXT_MAX)

struct trace_story {
	const struct trace_message *message;
	struct trace_accept accept; /* where message->accepted */
	struct wall accepted;
	size_t recipient_count;
	struct trace_recipient recipients[MESSAGE_RECIPIENTS_MAX]; /* by index; those known */
	bool known[MESSAGE_RECIPIENTS_MAX];
};

void trace_story_read(struct trace_story *story, const struct trace_message *message);
/* The address; empty: its row is forgotten. */
struct view trace_story_address(const struct trace_story *story, uint16_t index);
/* As it was said: code and enhanced code in front. */
void trace_story_reply(const struct reply_note *note, struct text *text);
/* What a server's reply means. False: we said it ourselves, and it means what it says. */
bool trace_story_judge(const struct reply_note *note, struct verdict *verdict);
/* Steps, one after the other: start with 0. False: there are no more. */
bool trace_story_step(const struct trace_story *story, size_t *at, struct wall *when,
        struct trace_settle *settle);
/* Whether the job still owes somebody an end after this step. */
bool trace_story_owes(const struct trace_settle *settle);

#endif
