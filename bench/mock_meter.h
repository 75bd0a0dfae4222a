/*
 * A meter is a limit over a sliding window, and what was tried and taken against it.
 *
 * What is enforced is what was taken; what was tried says whether a sender that knows the limit
 * kept to it.
 *
 * Thread:  the mock's.
 * Owns:    its windows.
 */
#ifndef SLUICE_MOCK_METER_H
#define SLUICE_MOCK_METER_H

#include "bench/mock_window.h"

#include <stdbool.h>

struct mock_meter {
	uint64_t limit;       /* in force; MOCK_WINDOW_UNLIMITED: none */
	uint64_t limit_first; /* as it was at the start, which factors refer to */
	uint64_t over;        /* tried beyond the limit that was in force then */
	struct mock_window tried;
	struct mock_window taken;
};

void mock_meter_init(struct mock_meter *meter, uint64_t limit, int64_t length_ns);
void mock_meter_finish(struct mock_meter *meter);

void mock_meter_try(struct mock_meter *meter, struct mono now, uint64_t count);
/* Would `count` more stay within the limit? */
bool mock_meter_fits(struct mock_meter *meter, struct mono now, uint64_t count);
void mock_meter_take(struct mock_meter *meter, struct mono now, uint64_t count);

#endif
