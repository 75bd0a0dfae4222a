#include "engine/log_burst.h"

bool log_burst_is_due(struct log_burst *burst, struct mono now, uint64_t *omitted)
{
	if (burst->lines == 0 || mono_reached(now, burst->until)) {
		burst->until = mono_after(now, LOG_BURST_NS);
		burst->lines = 0;
	}
	if (burst->lines >= LOG_BURST_LINES) {
		burst->omitted++;
		return false;
	}
	burst->lines++;
	*omitted = burst->omitted;
	burst->omitted = 0;
	return true;
}
