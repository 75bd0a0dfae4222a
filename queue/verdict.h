/*
 * A verdict says what a reply of the next server means: whose fault, for how long, what to do.
 *
 * Verdicts are data: one ordered table (verdict_rules_*.c) from stage, code, enhanced code and
 * features of the text; the first row that fits wins. What no row knows falls back by enhanced
 * code (RFC 3463 and IANA's registry), then by basic code and stage. `basis` tells which, so
 * that new wordings can be counted and shown.
 *
 * The code's first digit does not tell the nature: some 4yz never heal (451 4.4.62), some 5yz do
 * (550 5.7.233); `permanence` and `outcome` do.
 *
 * Thread:  any; pure functions of their arguments, byte-safe on any input.
 * Lends:   strings of constant memory.
 * Never:   allocates, fails, or reads a clock.
 */
#ifndef SLUICE_VERDICT_H
#define SLUICE_VERDICT_H

#include "queue/base/bytes.h"
#include "queue/verdict_words.h"

#include <stdbool.h>
#include <stdint.h>

/* What the verdict rests on, from surest to least. */
enum basis {
	BASIS_RULE,     /* a row of the table */
	BASIS_ENHANCED, /* the enhanced code's general meaning */
	BASIS_CODE,     /* the basic code and the stage */
	BASIS_NOTHING   /* no code at all: the peer did not speak SMTP */
};

/* The enhanced code, RFC 3463. class 0: there is none. */
struct enhanced {
	uint16_t class;
	uint16_t subject;
	uint16_t detail;
};

#define VERDICT_NO_WAIT (-1)

struct verdict {
	enum cause cause;
	enum scope scope;
	enum permanence permanence;
	enum outcome outcome;
	enum basis basis;
	int32_t wait_s;           /* what the text says, else the row; or VERDICT_NO_WAIT */
	uint16_t code;            /* of the reply itself, not of one quoted in it; 0: none */
	struct enhanced enhanced; /* likewise */
	const char *advice;       /* for people: what it means, whose move it is, what to do */
};

/* `reply`: the whole reply; several lines by CRLF, CR or LF, with or without the last line end. */
struct verdict verdict_judge(enum stage stage, struct view reply);
/* How long to keep away: wait_s, or what the outcome asks for. Never negative. */
int32_t verdict_wait_s(const struct verdict *verdict);
enum fate verdict_fate(const struct verdict *verdict, enum stage stage);
bool verdict_counts(const struct verdict *verdict);
/* Of a tenant's rate: it is that of external recipients, so mail to its own goes on. 5.7.232 is a
 * trial tenant's, 5.7.233 another's (reference.md, 3.2). */
bool verdict_is_external(struct view reply);

#endif
