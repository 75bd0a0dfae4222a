#include "engine/judge_case.h"

#include "queue/base/check.h"

void judge_case_hear(
        struct judge_case *it, enum stage stage, const struct reply *reply, struct view server)
{
	it->stage = stage;
	it->judged = true;
	it->verdict = verdict_judge(stage, reply->whole);
	it->reply = reply;
	it->late = false;
	it->began = (struct mono){ 0 };
	it->connection = 0;
	it->denied = VIEW("");
	it->note = (struct reply_note){
		.code = (uint16_t)reply->code,
		.status = { reply->enhanced.class, reply->enhanced.subject,
		        reply->enhanced.detail },
		.stage = (uint8_t)stage,
		.server = server,
	};
}

void judge_case_say(struct judge_case *it, enum stage stage, struct view text)
{
	it->stage = stage;
	it->judged = false;
	it->verdict = (struct verdict){ 0 };
	it->reply = NULL;
	it->late = false;
	it->began = (struct mono){ 0 };
	it->connection = 0;
	it->denied = VIEW("");
	it->note = (struct reply_note){ .stage = (uint8_t)stage, .text = text };
}

void judge_case_refuse(struct judge_case *it, enum stage stage, struct view reply)
{
	struct text text = TEXT_ON(it->text);
	const bool parsed = judge_case_repeat(it, stage, reply, VIEW(""));

	check(parsed);
	reply_put_text(&text, it->reply);
	it->reply = NULL; /* no server said it */
	it->note.code = 0;
	it->note.text = text_view(&text);
}

bool judge_case_repeat(
        struct judge_case *it, enum stage stage, struct view reply, struct view server)
{
	if (!reply_parse(reply, (struct span){ it->own_memory, sizeof it->own_memory }, &it->own))
		return false;
	judge_case_hear(it, stage, &it->own, server);
	return true;
}

void judge_case_fault(struct judge_case *it, enum cause cause, enum scope scope, const char *advice,
        struct view text)
{
	judge_case_say(it, STAGE_AUTH, text);
	it->judged = true;
	it->verdict = (struct verdict){
		.cause = cause,
		.scope = scope,
		.permanence = PERMANENCE_PERMANENT,
		.outcome = OUTCOME_FAIL_CONFIG,
		.basis = BASIS_RULE,
		.wait_s = VERDICT_NO_WAIT,
		.advice = advice,
	};
}

void judge_case_wait(struct judge_case *it, const char *advice, int32_t wait_s, struct view text)
{
	judge_case_say(it, STAGE_AUTH, text);
	it->judged = true;
	it->verdict = (struct verdict){
		.cause = CAUSE_AUTH_TEMPORARY,
		.scope = SCOPE_IDENTITY,
		.permanence = PERMANENCE_TRANSIENT,
		.outcome = OUTCOME_RETRY_OTHER_SESSION,
		.basis = BASIS_RULE,
		.wait_s = wait_s,
		.advice = advice,
	};
}

/* The words are taken out of the reply only where somebody wants them: not on success. */
const struct reply_note *judge_case_note(struct judge_case *it)
{
	if (it->note.text.data == NULL) {
		struct text text = TEXT_ON(it->text);

		check(it->reply != NULL);
		reply_put_text(&text, it->reply);
		it->note.text = text_view(&text);
	}
	return &it->note;
}

/* As it was said: code and enhanced code in front again. */
static void note_put(struct text *text, const struct reply_note *note)
{
	if (note->code > 0)
		text_format(text, "%u ", note->code);
	if (note->code > 0 && note->status[0] > 0)
		text_format(text, "%u.%u.%u ", note->status[0], note->status[1], note->status[2]);
	text_put(text, note->text);
}

void judge_case_log(struct log_line *line, struct judge_case *it)
{
	char memory[REPLY_TEXT_MAX + 32];
	struct text text = TEXT_ON(memory);

	log_word(line, "stage", stage_word(it->stage));
	if (it->reply != NULL) {
		log_text(line, "reply", it->reply->whole);
	} else {
		note_put(&text, &it->note);
		log_text(line, "reply", text_view(&text));
	}
	if (!it->judged)
		return;
	log_word(line, "cause", cause_word(it->verdict.cause));
	log_word(line, "advice", it->verdict.advice);
}
