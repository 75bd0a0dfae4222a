#include "queue/trace_words.h"

#include "queue/base/check.h"

static const char *const act_words[] = {
#define X(name, word, text) [TRACE_ACT_##name] = (word),
	TRACE_ACTS(X)
#undef X
};

static const char *const act_texts[] = {
#define X(name, word, text) [TRACE_ACT_##name] = (text),
	TRACE_ACTS(X)
#undef X
};

static const char *const way_words[] = {
#define X(name, word) [TRACE_WAY_##name] = (word),
	TRACE_WAYS(X)
#undef X
};

static const char *const mark_words[] = {
#define X(name, word, text) [TRACE_BIT_##name] = (word),
	TRACE_MARKS(X)
#undef X
};

static const char *const mark_texts[] = {
#define X(name, word, text) [TRACE_BIT_##name] = (text),
	TRACE_MARKS(X)
#undef X
};

const char *trace_act_word(enum trace_act act)
{
	check(act < TRACE_ACT_COUNT);
	return act_words[act];
}

const char *trace_act_text(enum trace_act act)
{
	check(act < TRACE_ACT_COUNT);
	return act_texts[act];
}

const char *trace_way_word(enum trace_way_state state)
{
	check(state < TRACE_WAY_COUNT);
	return way_words[state];
}

const char *trace_mark_word(size_t bit)
{
	check(bit < TRACE_MARK_COUNT);
	return mark_words[bit];
}

const char *trace_mark_text(size_t bit)
{
	check(bit < TRACE_MARK_COUNT);
	return mark_texts[bit];
}
