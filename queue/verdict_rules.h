/*
 * The rows behind verdict_judge(), private to the verdict files: a row is a condition on stage,
 * code, enhanced code and text, and the verdict that holds where all four fit.
 *
 * The tables are searched in the order of verdict_rules.c, each from its top; the first row that
 * fits wins, so the special stands above the general. verdict_rules_general.c is last: texts of
 * servers other than Exchange Online. A row never holds a whole reply: hosts, addresses, numbers
 * and the wording around a feature change every few years.
 *
 * Thread:  any; constant memory.
 */
#ifndef SLUICE_VERDICT_RULES_H
#define SLUICE_VERDICT_RULES_H

#include "queue/verdict_reply.h"

#include <stddef.h>

/* class 0: any class; high 0: any code at all, a missing one too. */
struct status_range {
	uint16_t class;
	uint16_t subject;
	uint16_t low;
	uint16_t high;
};

struct verdict_rule {
	uint32_t stages; /* set of 1 << STAGE_x; 0: any */
	uint16_t code;   /* 550: that; 55: 550 to 559; 5: every 5yz; 0: any, a missing one too */
	struct status_range status;
	/* Features of the text in lower case; NULL: any. `a|b`: a or b. `a*b`: a, later b.
	 * `<` and `>`: a word's edge. `#`: a number. */
	const char *text;
	uint8_t cause;
	uint8_t scope;
	uint8_t permanence;
	uint8_t outcome;
	int32_t wait_s; /* or VERDICT_NO_WAIT */
	const char *advice;
};

struct verdict_rules {
	const struct verdict_rule *rows;
	size_t count;
};

/* For the tables: what the columns are written with. */
#define ANY_STATUS                                                                                 \
	{                                                                                          \
		0, 0, 0, 0                                                                         \
	}
#define STATUS(c, s, d)                                                                            \
	{                                                                                          \
		c, s, d, d                                                                         \
	}
#define STATUSES(c, s, low, high)                                                                  \
	{                                                                                          \
		c, s, low, high                                                                    \
	}
#define ANY_STAGE 0
#define AT(stage) (1u << STAGE_##stage)
#define NO_WAIT   VERDICT_NO_WAIT

#define RULE(                                                                                      \
        stages_, code_, status_, text_, cause_, scope_, permanence_, outcome_, wait_, advice_)     \
	{                                                                                          \
		.stages = (stages_), .code = (code_), .status = status_, .text = (text_),          \
		.cause = CAUSE_##cause_, .scope = SCOPE_##scope_,                                  \
		.permanence = PERMANENCE_##permanence_, .outcome = OUTCOME_##outcome_,             \
		.wait_s = (wait_), .advice = (advice_)                                             \
	}

/* Stands in two tables. */
#define VERDICT_BARRED_ADVICE                                                                      \
	"Exchange Online has barred this mailbox from SMTP for a while because of repeated "       \
	"errors of the kind named. Stop their cause (senders without Send As, unknown "            \
	"recipients, full mailbox, missing licence); support can't lift the bar, it ends by "      \
	"itself after hours. To send meanwhile, use another identity."

#define RULES(rows_)                                                                               \
	{                                                                                          \
		rows_, sizeof(rows_) / sizeof((rows_)[0])                                          \
	}

extern const struct verdict_rules verdict_rules_session;
extern const struct verdict_rules verdict_rules_auth;
extern const struct verdict_rules verdict_rules_sender;
extern const struct verdict_rules verdict_rules_route;
extern const struct verdict_rules verdict_rules_recipient;
extern const struct verdict_rules verdict_rules_general;

/* verdict_fallback.c: what the enhanced code means on its own, and what the basic code does at its
 * stage. The last row of by_code fits everything. */
extern const struct verdict_rules verdict_rules_by_status;
extern const struct verdict_rules verdict_rules_by_code;

/* The row that decides about a reply; never NULL. */
const struct verdict_rule *verdict_rules_find(
        enum stage stage, const struct verdict_reply *reply, enum basis *basis);

#endif
