#include "queue/verdict_words.h"

#include "queue/base/check.h"

#include <stddef.h>

const char *stage_word(enum stage stage)
{
	static const char *const words[] = {
#define X(name, word) [STAGE_##name] = word,
		STAGES(X)
#undef X
	};
	check(stage < STAGE_COUNT);
	return words[stage];
}

bool stage_from_word(struct view word, enum stage *result)
{
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (view_equal(word, view_of(stage_word((enum stage)stage)))) {
			*result = (enum stage)stage;
			return true;
		}
	}
	return false;
}

const char *cause_word(enum cause cause)
{
	static const char *const words[] = {
#define X(name, word) [CAUSE_##name] = word,
		CAUSES(X)
#undef X
	};
	check(cause < CAUSE_COUNT);
	return words[cause];
}

const char *scope_word(enum scope scope)
{
	static const char *const words[] = {
#define X(name, word) [SCOPE_##name] = word,
		SCOPES(X)
#undef X
	};
	check(scope < SCOPE_COUNT);
	return words[scope];
}

const char *permanence_word(enum permanence permanence)
{
	static const char *const words[] = {
#define X(name, word) [PERMANENCE_##name] = word,
		PERMANENCES(X)
#undef X
	};
	check(permanence < PERMANENCE_COUNT);
	return words[permanence];
}

const char *fate_word(enum fate fate)
{
	static const char *const words[] = {
#define X(name, word) [FATE_##name] = word,
		FATES(X)
#undef X
	};
	check(fate < FATE_COUNT);
	return words[fate];
}

const char *outcome_word(enum outcome outcome)
{
	static const char *const words[] = {
#define X(name, word, fate, wait_s, counts) [OUTCOME_##name] = word,
		OUTCOMES(X)
#undef X
	};
	check(outcome < OUTCOME_COUNT);
	return words[outcome];
}
