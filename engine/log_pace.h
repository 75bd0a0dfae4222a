/*
 * The pace of a line that could come a thousand times a second: now one, and how many it stands
 * for, and none for a minute.
 *
 * Thread:  its owner's. Zeroed, it is ready.
 */
#ifndef SLUICE_LOG_PACE_H
#define SLUICE_LOG_PACE_H

#include "queue/base/clock.h"

#include <stdbool.h>

#define LOG_PACE_NS (60 * NS_PER_S)

struct log_pace {
	bool begun;
	struct mono next;
	uint64_t omitted;
};

/* Whether the line is due. True: *omitted is how many were not, since the last. */
bool log_pace_is_due(struct log_pace *pace, struct mono now, uint64_t *omitted);

#endif
