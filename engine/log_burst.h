/*
 * The pace of a line of which each is news, yet a stranger decides how many there are: some a
 * minute, and then how many were left out.
 *
 * Thread:  its owner's. Zeroed, it is ready.
 */
#ifndef SLUICE_LOG_BURST_H
#define SLUICE_LOG_BURST_H

#include "queue/base/clock.h"

#include <stdbool.h>

#define LOG_BURST_NS    (60 * NS_PER_S)
#define LOG_BURST_LINES 60 /* enough for what counts failures in a log; a day's are 15 MB */

struct log_burst {
	struct mono until; /* of this minute */
	unsigned lines;    /* in it */
	uint64_t omitted;
};

/* Whether the line is due. True: *omitted is how many were not, since the last. */
bool log_burst_is_due(struct log_burst *burst, struct mono now, uint64_t *omitted);

#endif
