#include "engine/outbound_step.h"

#include "queue/base/check.h"

#include <assert.h>
#include <stddef.h>

struct step_row {
	const char *word;
	enum stage stage;
	size_t timeout; /* offset in struct config_timeouts */
};

static const struct step_row step_rows[] = {
#define X(name, word, stage, timeout, text)                                                        \
	[STEP_##name] = { word, STAGE_##stage, offsetof(struct config_timeouts, timeout##_ns) },
	OUTBOUND_STEPS(X)
#undef X
};
static_assert(sizeof step_rows / sizeof step_rows[0] == STEP_COUNT, "one row per step");

const char *outbound_step_word(enum outbound_step step)
{
	check(step < STEP_COUNT);
	return step_rows[step].word;
}

enum stage outbound_step_stage(enum outbound_step step)
{
	check(step < STEP_COUNT);
	return step_rows[step].stage;
}

int64_t outbound_step_wait_ns(enum outbound_step step, const struct config_timeouts *timeouts)
{
	check(step < STEP_COUNT);
	return *(const int64_t *)(const void *)((const char *)timeouts + step_rows[step].timeout);
}
