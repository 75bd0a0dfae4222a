#include "queue/verdict_rules.h"

#include "queue/base/check.h"

#include <assert.h>

/* In the order of search: the special above the general. */
static const struct verdict_rules *const tables[] = {
	&verdict_rules_auth,
	&verdict_rules_session,
	&verdict_rules_sender,
	&verdict_rules_route,
	&verdict_rules_recipient,
	&verdict_rules_general,
};

/* A pattern of one or two digits stands for all codes that begin so. */
static bool rule_code_fits(uint16_t pattern, uint16_t code)
{
	if (pattern == 0 || pattern == code)
		return true;
	if (pattern < 10)
		return pattern == code / 100;
	return pattern < 100 && pattern == code / 10;
}

static bool rule_status_fits(const struct status_range *range, struct enhanced enhanced)
{
	if (range->high == 0 && range->subject == 0)
		return true;
	return enhanced.class != 0 && (range->class == 0 || range->class == enhanced.class) &&
	       range->subject == enhanced.subject && enhanced.detail >= range->low &&
	       enhanced.detail <= range->high;
}

/* Before MAIL no message is at stake, and no recipient: what reads as if it were about one is about
 * us, for whatever reason. */
static bool rule_is_out_of_place(const struct verdict_rule *rule, enum stage stage)
{
	const bool mail = rule->scope == SCOPE_MESSAGE || rule->scope == SCOPE_RECIPIENT;

	return mail && stage <= STAGE_AUTH && rule->outcome != OUTCOME_PROCEED;
}
static_assert(STAGE_CONNECT < STAGE_AUTH, "the stages before mail come first");
static_assert(STAGE_EHLO < STAGE_AUTH, "the stages before mail come first");
static_assert(STAGE_STARTTLS < STAGE_AUTH, "the stages before mail come first");

static const struct verdict_rule *rules_search(const struct verdict_rules *rules, enum stage stage,
        const struct verdict_reply *reply, struct enhanced enhanced)
{
	uint32_t stages = 1u << stage; /* no row names STAGE_ANY: its bit fits none of theirs */
	for (size_t i = 0; i < rules->count; i++) {
		const struct verdict_rule *rule = &rules->rows[i];
		if (rule->stages != 0 && (rule->stages & stages) == 0)
			continue;
		if (rule_is_out_of_place(rule, stage))
			continue;
		if (!rule_code_fits(rule->code, reply->judged_code))
			continue;
		if (!rule_status_fits(&rule->status, enhanced))
			continue;
		if (rule->text == NULL || verdict_reply_has(reply, rule->text))
			return rule;
	}
	return NULL;
}

const struct verdict_rule *verdict_rules_find(
        enum stage stage, const struct verdict_reply *reply, enum basis *basis)
{
	const struct verdict_rule *rule = NULL;
	bool success = reply->judged_code >= 200 && reply->judged_code < 400;
	*basis = BASIS_RULE;
	for (size_t i = 0; !success && rule == NULL && i < sizeof tables / sizeof tables[0]; i++)
		rule = rules_search(tables[i], stage, reply, reply->judged_enhanced);
	if (rule != NULL)
		return rule;
	/* Where code and class are at odds and no row knows why, the code rules: it is the one that
	 * the protocol goes by. */
	struct enhanced enhanced = reply->judged_enhanced;
	if (!success && enhanced.class != 0)
		enhanced.class = reply->judged_code / 100;
	*basis = BASIS_ENHANCED;
	if (!success && enhanced.class != 0)
		rule = rules_search(&verdict_rules_by_status, stage, reply, enhanced);
	if (rule != NULL)
		return rule;
	*basis = reply->judged_code != 0 ? BASIS_CODE : BASIS_NOTHING;
	rule = rules_search(&verdict_rules_by_code, stage, reply, enhanced);
	check(rule != NULL);
	return rule;
}
