#include "bench/mock_limit.h"

#include "queue/base/check.h"

static const struct {
	const char *word;
	uint64_t value;
} limits[] = {
#define X(name, spelled, number) [MOCK_LIMIT_##name] = { (spelled), (number) },
	MOCK_LIMITS(X)
#undef X
};

const char *mock_limit_word(enum mock_limit limit)
{
	check(limit < MOCK_LIMIT_COUNT);
	return limits[limit].word;
}

uint64_t mock_limit_default(enum mock_limit limit)
{
	check(limit < MOCK_LIMIT_COUNT);
	return limits[limit].value;
}

bool mock_limit_from_word(struct view word, enum mock_limit *limit)
{
	for (int i = 0; i < MOCK_LIMIT_COUNT; i++) {
		if (!view_equal(word, view_of(limits[i].word)))
			continue;
		*limit = (enum mock_limit)i;
		return true;
	}
	return false;
}
