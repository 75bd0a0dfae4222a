/*
 * A reply made ready for the rules, private to the verdict files: its codes, and its text without
 * what varies (case, spacing, line breaks, the trailers that say which host answered).
 *
 * A reply that quotes another ("530 5.7.57 ... Error: 535 5.7.139 ...") is judged as the quoted
 * one: that is what happened. A text that is no reply but tells of one ("Remote Server returned
 * '550 5.7.64 ...'") is read as that one.
 *
 * Thread:  any; a value on the caller's stack.
 * Lends:   the reply's bytes, as long as the value is asked.
 * Never:   fails. What is no reply has code 0; text beyond the room is left out.
 */
#ifndef SLUICE_VERDICT_REPLY_H
#define SLUICE_VERDICT_REPLY_H

#include "queue/verdict.h"

/* Features stand near the beginning; real lines pass 1.5 KB (reference.md, 5). */
#define VERDICT_TEXT_BYTES_MAX 4096

struct verdict_reply {
	uint16_t code; /* of the reply itself; 0: none, though an enhanced code there may be */
	struct enhanced enhanced;
	uint16_t judged_code; /* of the reply quoted in it, or the same */
	struct enhanced judged_enhanced;
	struct view unread; /* the reply, where it is a success: seldom is its text asked for */
	size_t text_bytes;
	/* Lower case, single spaces, codes and trailers removed. */
	char text[VERDICT_TEXT_BYTES_MAX];
};

void verdict_reply_read(struct verdict_reply *reply, struct view bytes);
/* Whether the text has the feature; see struct verdict_rule. */
bool verdict_reply_has(const struct verdict_reply *reply, const char *feature);
/* The time to wait that the text states, in seconds, or VERDICT_NO_WAIT; a success states none. */
int32_t verdict_reply_wait(const struct verdict_reply *reply);

#endif
