#include "bench/mock_script.h"

#include "engine/wire/reply.h"
#include "queue/base/check.h"

#include <stdlib.h>

static const struct {
	const char *word;
	bool replies;
} lies[] = {
#define X(name, word, replies, text) { word, replies },
	MOCK_LIES(X)
#undef X
};

static bool rule_set(struct mock_rule *rule, struct view key, struct view value, struct text *why);
static bool rule_is_whole(const struct mock_rule *rule, struct text *why);
static bool rule_set_drop(struct mock_rule *rule, struct view value);
static bool rule_set_lie(struct mock_rule *rule, struct view value);
static bool rule_set_probability(struct mock_rule *rule, struct view value);
static bool rule_copy(char *into, struct view value);
static size_t rule_value_bytes(struct view rule);

bool mock_script_add(struct mock_script *script, struct view rule, struct text *why)
{
	if (script->count == MOCK_RULES_MAX) {
		text_format(why, "more than %d rules", MOCK_RULES_MAX);
		return false;
	}
	struct mock_rule *made = &script->rules[script->count];
	*made = (struct mock_rule){ .stage = STAGE_ANY, .probability = 1, .limit = UINT64_MAX };
	while (rule.bytes > 0) {
		const size_t equals = view_find(rule, '=');
		if (equals == rule.bytes) {
			text_format(why, "\"%.*s\": KEY=VALUE is wanted, and a comma between two",
			        VIEW_ARGS(rule));
			return false;
		}
		const struct view key = view_first(rule, equals);
		rule = view_skip(rule, equals + 1);
		const size_t end = rule_value_bytes(rule);
		if (!rule_set(made, key, view_first(rule, end), why))
			return false;
		rule = view_skip(rule, end < rule.bytes ? end + 1 : end);
	}
	if (!rule_is_whole(made, why))
		return false;
	script->count++;
	return true;
}

static bool rule_is_whole(const struct mock_rule *rule, struct text *why)
{
	char memory[MOCK_RULE_TEXT_MAX];
	struct reply reply;
	const bool says = rule->reply[0] != '\0';

	if (!says && rule->drop == MOCK_DROP_NONE && lies[rule->lie].replies) {
		text_put(why, VIEW("a rule needs reply=TEXT, drop=before, drop=after or lie=drip"));
		return false;
	}
	if (says && (rule->drop != MOCK_DROP_NONE || !lies[rule->lie].replies)) {
		text_put(why, VIEW("reply= does not go with drop= or lie=drip"));
		return false;
	}
	if (says && rule->lie != MOCK_LIE_GARBAGE &&
	        !reply_parse(
	                view_of(rule->reply), (struct span){ memory, sizeof memory }, &reply)) {
		text_format(why,
		        "reply=%s: a reply is wanted, as \"451 4.7.0 Try later\"; or "
		        "lie=garbage besides",
		        rule->reply);
		return false;
	}
	return true;
}

/* A reply may have commas in it: a value ends at the comma before the next key. */
static size_t rule_value_bytes(struct view rule)
{
	static const struct view keys[] = {
		VIEW_INIT("stage="),
		VIEW_INIT("drop="),
		VIEW_INIT("lie="),
		VIEW_INIT("reply="),
		VIEW_INIT("match="),
		VIEW_INIT("probability="),
		VIEW_INIT("limit="),
	};

	for (size_t at = 0; at < rule.bytes; at++) {
		if (rule.data[at] != ',')
			continue;
		for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
			if (view_starts_fold(view_skip(rule, at + 1), keys[i]))
				return at;
	}
	return rule.bytes;
}

static bool rule_set(struct mock_rule *rule, struct view key, struct view value, struct text *why)
{
	const char *wanted = "one of stage, reply, drop, lie, match, probability, limit";
	bool fits = false;

	if (view_equal_fold(key, VIEW("stage"))) {
		wanted = "connect, ehlo, starttls, auth, mail, rcpt, data, eod, quit or any";
		fits = stage_from_word(value, &rule->stage);
	} else if (view_equal_fold(key, VIEW("drop"))) {
		wanted = "before or after";
		fits = rule_set_drop(rule, value);
	} else if (view_equal_fold(key, VIEW("lie"))) {
		wanted = "garbage, open, early, extra or drip";
		fits = rule_set_lie(rule, value);
	} else if (view_equal_fold(key, VIEW("reply"))) {
		wanted = "a shorter text";
		fits = rule_copy(rule->reply, value);
	} else if (view_equal_fold(key, VIEW("match"))) {
		wanted = "a shorter text";
		fits = rule_copy(rule->match, value);
	} else if (view_equal_fold(key, VIEW("limit"))) {
		wanted = "a number";
		fits = view_to_u64(value, &rule->limit);
	} else if (view_equal_fold(key, VIEW("probability"))) {
		wanted = "a number from 0 to 1";
		fits = rule_set_probability(rule, value);
	}
	if (!fits)
		text_format(
		        why, "%.*s=%.*s: %s is wanted", VIEW_ARGS(key), VIEW_ARGS(value), wanted);
	return fits;
}

static bool rule_set_drop(struct mock_rule *rule, struct view value)
{
	if (view_equal_fold(value, VIEW("before")))
		rule->drop = MOCK_DROP_BEFORE;
	else if (view_equal_fold(value, VIEW("after")))
		rule->drop = MOCK_DROP_AFTER;
	return rule->drop != MOCK_DROP_NONE;
}

static bool rule_set_lie(struct mock_rule *rule, struct view value)
{
	for (int i = 0; i < MOCK_LIE_COUNT; i++)
		if (view_equal_fold(value, view_of(lies[i].word)))
			rule->lie = (enum mock_lie)i;
	return rule->lie != MOCK_LIE_NONE;
}

static bool rule_set_probability(struct mock_rule *rule, struct view value)
{
	char number[32];
	struct text copy = TEXT_ON(number);
	char *end;

	text_put(&copy, value);
	rule->probability = strtod(text_string(&copy), &end);
	return value.bytes > 0 && *end == '\0' && rule->probability >= 0 && rule->probability <= 1;
}

static bool rule_copy(char *into, struct view value)
{
	struct text copy = text_on(into, MOCK_RULE_TEXT_MAX);

	text_put(&copy, value);
	(void)text_string(&copy);
	return !copy.overflow;
}

const struct mock_rule *mock_script_roll(
        struct mock_script *script, struct random *random, enum stage stage, struct view arguments)
{
	for (size_t i = 0; i < script->count; i++) {
		struct mock_rule *rule = &script->rules[i];

		if (rule->stage != stage && rule->stage != STAGE_ANY)
			continue;
		if (rule->count >= rule->limit)
			continue;
		if (!view_contains_fold(arguments, view_of(rule->match)))
			continue;
		if (rule->probability < 1 && random_unit(random) >= rule->probability)
			continue;
		rule->count++;
		return rule;
	}
	return NULL;
}
