/*
 * A case: what was said about recipients or a session, and by whom. A server's reply with its
 * verdict, or our own words where the network failed, a message can't be carried, or the settings
 * are at fault.
 *
 * Thread:  the delivery shard's; a value, for as long as the reply or the words are lent.
 */
#ifndef SLUICE_JUDGE_CASE_H
#define SLUICE_JUDGE_CASE_H

#include "engine/log.h"
#include "engine/wire/reply.h"
#include "queue/incident.h"
#include "queue/replies.h"
#include "queue/verdict.h"

/* What was said: a server's reply, or our own words where it said nothing. */
struct judge_case {
	enum stage stage;
	bool judged;               /* there is a verdict: not where the network failed */
	struct verdict verdict;    /* all zero unless judged */
	const struct reply *reply; /* lent by its reader; NULL: our own words, in note.text */
	bool late;                 /* a report repeats it, of what began then: */
	struct mono began;
	uint64_t connection; /* c= in the log: whose reply it is; 0: no session's */
	struct view denied; /* SEND_AS_DENIED of a mailbox: whose name, in own_memory; else empty */
	struct reply_note note; /* for recipients; text is filled in when it is wanted */
	char text[REPLY_TEXT_MAX];
	struct reply own;
	char own_memory[INCIDENT_WHO_MAX];
};

void judge_case_hear(
        struct judge_case *it, enum stage stage, const struct reply *reply, struct view server);
/* The machine or the network failed, not the mail. */
void judge_case_say(struct judge_case *it, enum stage stage, struct view text);
/* Our own refusal of a message or recipient, judged as if a server had put it so: code and
 * enhanced code begin the text. But the words are ours, and are noted as such. */
void judge_case_refuse(struct judge_case *it, enum stage stage, struct view reply);
/* A reply that was heard before, out of a copy. False: it was cut short, and is none any more. */
bool judge_case_repeat(
        struct judge_case *it, enum stage stage, struct view reply, struct view server);
/* A fault in the settings of an identity or route, that only the operator can mend. */
void judge_case_fault(struct judge_case *it, enum cause cause, enum scope scope, const char *advice,
        struct view text);
/* What we need to sign in is not to be had for now: no fault of the mail, and it heals by itself
 * after wait_s or later. */
void judge_case_wait(struct judge_case *it, const char *advice, int32_t wait_s, struct view text);

/* For recipients. The words are taken out of the reply here, and so only where they are wanted. */
const struct reply_note *judge_case_note(struct judge_case *it);
/* stage=, reply=, cause=, advice= */
void judge_case_log(struct log_line *line, struct judge_case *it);

#endif
