#include "engine/config_reach.h"

#include "engine/routing.h"
#include "queue/base/check.h"

/* Neither says which, or they have one in common. */
static bool words_meet(const struct rulebook_words *a, const struct rulebook_words *b)
{
	if (a->count == 0 || b->count == 0)
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (view_equal_fold(a->at[i], b->at[j]))
				return true;
	return false;
}

/* Whether a message may match both. Senders and networks are not compared. */
static bool rules_meet(const struct rulebook_rule *a, const struct rulebook_rule *b)
{
	return words_meet(&a->listeners, &b->listeners) && words_meet(&a->users, &b->users);
}

static bool rule_takes_all(const struct rulebook_rule *rule)
{
	const struct config_rule *from = rule->config;

	return from->recipient_domain.count + from->recipient.count + from->sender.count +
	               from->listener.count + from->client.count + from->user.count +
	               from->header.count ==
	       0;
}

/* The route itself, or one that falls back on it. */
static bool leads_to(const struct config *config, uint16_t from, uint16_t route)
{
	do {
		if (from == route)
			return true;
	} while (routing_fallback(config, from, &from));
	return false;
}

/* One of them is taken: the first that can carry it, as routing has it. */
static bool choice_leads_to(
        const struct config *config, const uint16_t *routes, size_t count, uint16_t route)
{
	for (size_t i = 0; i < count; i++) {
		const uint16_t index = routes == NULL ? (uint16_t)i : routes[i];

		if (leads_to(config, index, route))
			return true;
		if (routing_takes(config, &config->routes.at[index], false))
			return false; /* it takes what has a sender, to anybody */
	}
	return false;
}

bool config_reach_has(
        const struct config *config, const struct rulebook_rule *entry, uint16_t route)
{
	check(config->rulebook != NULL);
	for (size_t i = 0; i < config->rules.count; i++) {
		const struct rulebook_rule *rule = &config->rulebook->rules[i];

		if (!rules_meet(entry, rule))
			continue;
		if (choice_leads_to(config, rule->routes, rule->route_count, route))
			return true;
		if (rule_takes_all(rule))
			return false;
	}
	return choice_leads_to(config, NULL, config->routes.count, route);
}
