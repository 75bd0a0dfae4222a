/*
 * What the files of the judge share: judge.c (recipients and jobs), judge_gate.c (lanes: what the
 * outcomes of verdicts do, and the gates they close), judge_quota.c (a tenant's quota),
 * judge_strike.c (the budget of errors).
 *
 * Thread:  the delivery shard's. For these files alone.
 */
#ifndef SLUICE_JUDGE_INNER_H
#define SLUICE_JUDGE_INNER_H

#include "engine/judge.h"

/* What a reply does to the recipients it answers for. */
enum judge_act {
	ACT_BY_FATE, /* delivered at the end of the data; before it, nothing yet */
	ACT_BOUNCE,
	ACT_DEFER,   /* a failed attempt of this recipient */
	ACT_HOLD,    /* nothing is decided: the lane waits, the job keeps its place */
	ACT_RESTART, /* nothing is decided: another session may do, soon */
	ACT_SPLIT,   /* nothing is decided: fewer at a time */
};

/* What it does to the lanes of the route in this shard. */
enum judge_gate {
	GATE_NONE,
	GATE_DOOR, /* no session is opened for a moment; those that stand go on */
	GATE_LANE,
	GATE_ROUTE,
	GATE_SCOPE,  /* by the verdict's scope: see judge_scope_gate() */
	GATE_PAIR,   /* the mailbox takes no mail of the sender; others may */
	GATE_REAUTH, /* one more sign-in with a fresh token, if it has any; then as GATE_LANE */
};

enum judge_act judge_act_of(const struct judge_case *it);
enum judge_gate judge_gate_of(const struct judge_case *it);
/* The reply says that the tenant may send to no more external recipients for now. True: they wait,
 * and nothing else does. */
bool judge_exhaust(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin);
/* How long its recipient has to wait. Another front end is tried soon, however the first one put
 * it; but not in the same breath. */
int32_t judge_wait_s(const struct judge_case *it);
/* An incident, if the reply makes one, is there or there once more. */
void judge_count(struct judge *judge, struct lane *lane, struct judge_case *it, bool route);
/* A refusal that its mailbox may have few of. */
void judge_strike(struct judge *judge, struct lane *lane, const struct judge_case *it);
/* The same where a message had too many recipients: `accepted` of so many that were asked for. */
void judge_strike_crowd(struct judge *judge, struct lane *lane, uint16_t accepted, uint16_t asked);
/* route= and identity= */
void judge_log_lane(struct judge *judge, const struct lane *lane, struct log_line *line);

#endif
