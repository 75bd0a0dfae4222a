#include "engine/log_pace.h"

bool log_pace_is_due(struct log_pace *pace, struct mono now, uint64_t *omitted)
{
	if (pace->begun && !mono_reached(now, pace->next)) {
		pace->omitted++;
		return false;
	}
	*omitted = pace->omitted;
	*pace = (struct log_pace){ .begun = true, .next = mono_after(now, LOG_PACE_NS) };
	return true;
}
