#include "queue/verdict.h"

#include "queue/base/check.h"
#include "queue/verdict_rules.h"

struct outcome_row {
	uint8_t fate;
	int32_t wait_s;
	bool counts;
};

static const struct outcome_row outcome_rows[] = {
#define X(name, word, fate, wait_s, counts) [OUTCOME_##name] = { FATE_##fate, wait_s, counts },
	OUTCOMES(X)
#undef X
};

struct verdict verdict_judge(enum stage stage, struct view bytes)
{
	check(stage < STAGE_COUNT);
	struct verdict_reply reply;
	verdict_reply_read(&reply, bytes);

	struct verdict verdict = { .code = reply.code, .enhanced = reply.enhanced };
	const struct verdict_rule *rule = verdict_rules_find(stage, &reply, &verdict.basis);
	verdict.cause = (enum cause)rule->cause;
	verdict.scope = (enum scope)rule->scope;
	verdict.permanence = (enum permanence)rule->permanence;
	verdict.outcome = (enum outcome)rule->outcome;
	verdict.wait_s = rule->wait_s;
	verdict.advice = rule->advice;

	/* A time that the reply itself states is better than the row's. */
	int32_t stated = VERDICT_NO_WAIT;
	if (outcome_rows[verdict.outcome].fate == FATE_DEFERRED)
		stated = verdict_reply_wait(&reply);
	if (stated != VERDICT_NO_WAIT)
		verdict.wait_s = stated;
	return verdict;
}

int32_t verdict_wait_s(const struct verdict *verdict)
{
	check(verdict->outcome < OUTCOME_COUNT);
	if (verdict->wait_s != VERDICT_NO_WAIT)
		return verdict->wait_s;
	return outcome_rows[verdict->outcome].wait_s;
}

enum fate verdict_fate(const struct verdict *verdict, enum stage stage)
{
	check(verdict->outcome < OUTCOME_COUNT);
	if (verdict->outcome == OUTCOME_PROCEED && stage == STAGE_EOD)
		return FATE_DELIVERED;
	return (enum fate)outcome_rows[verdict->outcome].fate;
}

bool verdict_counts(const struct verdict *verdict)
{
	check(verdict->outcome < OUTCOME_COUNT);
	return outcome_rows[verdict->outcome].counts;
}

bool verdict_is_external(struct view reply)
{
	return view_contains_fold(reply, VIEW("external recipient")) ||
	       view_contains_fold(reply, VIEW("5.7.232")) ||
	       view_contains_fold(reply, VIEW("5.7.233"));
}
