/*
 * What is measured of a day: how much of each mailbox's limits is used while mail waits, what the
 * service refuses, how long mail takes.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_DAY_WATCH_H
#define SLUICE_SIM_DAY_WATCH_H

#include "bench/mock_tenant.h"
#include "tests/sim/day.h"
#include "tests/sim/feeder.h"

struct day_mark {
	uint64_t tried;
	uint64_t accepted;
	uint64_t throttled;
	int64_t at_ns;
};

struct day_watch {
	const struct day_settings *settings;
	const struct mock_tenant *tenant;
	struct mono began;
	struct mono last;
	int64_t waiting_ns;
	bool waiting;
	uint64_t waited[DAY_MAILBOXES_MAX]; /* accepted of each mailbox while mail waited */
	uint64_t before[DAY_MAILBOXES_MAX]; /* accepted when the wait began, or at the last look */
	/* after the service halved its limit, and after it lifted that */
	struct day_mark halved;   /* a minute after */
	struct day_mark settled;  /* five minutes after */
	struct day_mark lifted;   /* as it is lifted */
	struct day_mark returned; /* three quarters of the rest later */
};

void day_watch_init(struct day_watch *watch, const struct day_settings *settings,
        const struct mock_tenant *tenant, struct mono now);
/* Time went on; `queued` messages are on the relay's disk. */
void day_watch_see(
        struct day_watch *watch, struct mono now, size_t queued, const struct mock_tenant *tenant);
void day_watch_judge(struct day_watch *watch, struct mono now, struct day_result *result);
void day_watch_judge_waits(
        const struct feeder_mail *mails, size_t count, struct day_result *result);

#endif
