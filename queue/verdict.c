#include "queue/verdict.h"

#include "queue/base/check.h"
#include "queue/verdict_reply.h"
#include "queue/verdict_rules.h"

/* In the order of search: the special above the general. */
static const struct verdict_rules *const tables[] = {
	&verdict_rules_auth,
	&verdict_rules_session,
	&verdict_rules_sender,
	&verdict_rules_route,
	&verdict_rules_recipient,
	&verdict_rules_general,
};

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

/* A pattern of one or two digits stands for all codes that begin so. */
static bool verdict_code_fits(uint16_t pattern, uint16_t code)
{
	if (pattern == 0 || pattern == code)
		return true;
	if (pattern < 10)
		return pattern == code / 100;
	return pattern < 100 && pattern == code / 10;
}

static bool verdict_status_fits(const struct status_range *range, struct enhanced enhanced)
{
	if (range->high == 0 && range->subject == 0)
		return true;
	return enhanced.class != 0 && (range->class == 0 || range->class == enhanced.class) &&
	       range->subject == enhanced.subject && enhanced.detail >= range->low &&
	       enhanced.detail <= range->high;
}

static const struct verdict_rule *verdict_search(
        const struct verdict_rules *rules, enum stage stage, const struct verdict_reply *reply)
{
	uint32_t stages = 1u << stage; /* no row names STAGE_ANY: its bit fits none of theirs */
	for (size_t i = 0; i < rules->count; i++) {
		const struct verdict_rule *rule = &rules->rows[i];
		if (rule->stages != 0 && (rule->stages & stages) == 0)
			continue;
		if (!verdict_code_fits(rule->code, reply->judged_code))
			continue;
		if (!verdict_status_fits(&rule->status, reply->judged_enhanced))
			continue;
		if (rule->text == NULL || verdict_reply_has(reply, rule->text))
			return rule;
	}
	return NULL;
}

static const struct verdict_rule *verdict_find(
        enum stage stage, const struct verdict_reply *reply, enum basis *basis)
{
	const struct verdict_rule *rule = NULL;
	bool success = reply->judged_code >= 200 && reply->judged_code < 400;
	*basis = BASIS_RULE;
	for (size_t i = 0; !success && rule == NULL && i < sizeof tables / sizeof tables[0]; i++)
		rule = verdict_search(tables[i], stage, reply);
	if (rule != NULL)
		return rule;
	*basis = BASIS_ENHANCED;
	if (!success && reply->judged_enhanced.class != 0)
		rule = verdict_search(&verdict_rules_by_status, stage, reply);
	if (rule != NULL)
		return rule;
	*basis = reply->judged_code != 0 ? BASIS_CODE : BASIS_NOTHING;
	rule = verdict_search(&verdict_rules_by_code, stage, reply);
	check(rule != NULL);
	return rule;
}

struct verdict verdict_judge(enum stage stage, struct view bytes)
{
	check(stage < STAGE_COUNT);
	struct verdict_reply reply;
	verdict_reply_read(&reply, bytes);

	struct verdict verdict = { .code = reply.code, .enhanced = reply.enhanced };
	const struct verdict_rule *rule = verdict_find(stage, &reply, &verdict.basis);
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
