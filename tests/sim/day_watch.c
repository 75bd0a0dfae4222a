#include "tests/sim/day_watch.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define LOOK_NS (1 * NS_PER_S)
/* A limit, and what the default stop of 98 % leaves of two: whole messages. */
#define PER_MINUTE  30.0
#define STOP_MINUTE 29.0
#define STOP_DAY    9800.0
/* So many a mailbox are under way or in the shard: what is beyond has to wait. */
#define UNDER_WAY 10

static uint64_t throttled(const struct mock_tenant *tenant);
static struct day_mark mark(const struct day_watch *watch, struct mono now);
static double share(uint64_t part, uint64_t whole);
static double used(const struct day_watch *watch, const struct day_mark *from,
        const struct day_mark *to, double per_minute);

void day_watch_init(struct day_watch *watch, const struct day_settings *settings,
        const struct mock_tenant *tenant, struct mono now)
{
	*watch = (struct day_watch){
		.settings = settings,
		.tenant = tenant,
		.began = now,
		.last = now,
	};
}

void day_watch_see(
        struct day_watch *watch, struct mono now, size_t queued, const struct mock_tenant *tenant)
{
	const double seconds = (double)(now.ns - watch->began.ns) / (double)NS_PER_S;
	const struct day_settings *settings = watch->settings;
	const bool waits = queued > (size_t)settings->mailboxes * UNDER_WAY;

	if (now.ns - watch->last.ns < LOOK_NS && waits == watch->waiting)
		return;
	for (unsigned i = 0; i < settings->mailboxes; i++) {
		const uint64_t accepted = tenant->mailboxes[i]->accepted;
		if (watch->waiting)
			watch->waited[i] += accepted - watch->before[i];
		watch->before[i] = accepted;
	}
	if (watch->waiting)
		watch->waiting_ns += now.ns - watch->last.ns;
	watch->waiting = waits;
	watch->last = now;
	if (settings->halve_at_s <= 0)
		return;
	if (watch->halved.at_ns == 0 && seconds >= settings->halve_at_s + 60)
		watch->halved = mark(watch, now);
	if (watch->settled.at_ns == 0 && seconds >= settings->halve_at_s + 300)
		watch->settled = mark(watch, now);
	if (settings->lift_at_s <= 0)
		return;
	if (watch->lifted.at_ns == 0 && seconds >= settings->lift_at_s)
		watch->lifted = mark(watch, now);
	if (watch->returned.at_ns == 0 &&
	        seconds >= settings->lift_at_s +
	                           0.75 * (settings->stop_hours * 3600 - settings->lift_at_s))
		watch->returned = mark(watch, now);
}

static struct day_mark mark(const struct day_watch *watch, struct mono now)
{
	return (struct day_mark){
		.tried = watch->tenant->tried,
		.accepted = watch->tenant->accepted,
		.throttled = throttled(watch->tenant),
		.at_ns = now.ns,
	};
}

static uint64_t throttled(const struct mock_tenant *tenant)
{
	return tenant->refused[MOCK_SAYS_CONCURRENT] + tenant->refused[MOCK_SAYS_RATE] +
	       tenant->refused[MOCK_SAYS_DAILY];
}

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

static double used(const struct day_watch *watch, const struct day_mark *from,
        const struct day_mark *to, double per_minute)
{
	const double minutes = (double)(to->at_ns - from->at_ns) / (60.0 * (double)NS_PER_S);

	return (double)(to->accepted - from->accepted) /
	       (minutes * per_minute * watch->settings->mailboxes);
}

void day_watch_judge(struct day_watch *watch, struct mono now, struct day_result *result)
{
	const struct mock_tenant *tenant = watch->tenant;
	const struct day_settings *settings = watch->settings;
	const struct day_mark end = mark(watch, now);
	uint64_t refused = 0;

	result->simulated_s = (double)(now.ns - watch->began.ns) / (double)NS_PER_S;
	result->waiting_s = (double)watch->waiting_ns / (double)NS_PER_S;
	for (int i = MOCK_SAYS_NOTHING + 1; i < MOCK_SAYING_COUNT; i++)
		refused += tenant->refused[i];
	result->throttled = share(end.throttled, end.tried);
	result->refused = share(refused, end.tried);
	result->over = mock_tenant_over(tenant);
	/* The tightest of the limits: by the minute, by messages at once, by the day. */
	const double minutes = result->waiting_s / 60;
	double most = minutes * STOP_MINUTE;
	if (settings->work_s > 0 && minutes * 60 * 3 / settings->work_s < most)
		most = minutes * 60 * 3 / settings->work_s;
	const double days = result->simulated_s / 86400;
	const double daily = STOP_DAY * (days > 1 ? days : 1);
	if (daily < most)
		most = daily;
	double sum = 0;
	for (unsigned i = 0; i < settings->mailboxes && most > 0; i++) {
		const double part = (double)watch->waited[i] / most;
		sum += part;
		if (i == 0 || part < result->used_least)
			result->used_least = part;
	}
	result->used_mean = settings->mailboxes > 0 ? sum / settings->mailboxes : 0;
	if (watch->settled.at_ns == 0)
		return;
	const struct day_mark *until = watch->lifted.at_ns != 0 ? &watch->lifted : &end;
	result->halved_throttled = share(
	        until->throttled - watch->halved.throttled, until->tried - watch->halved.tried);
	result->halved_used = used(watch, &watch->settled, until, PER_MINUTE / 2);
	if (watch->returned.at_ns != 0)
		result->lifted_used = used(watch, &watch->returned, &end, STOP_MINUTE);
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return a < b ? -1 : a > b;
}

void day_watch_judge_waits(const struct feeder_mail *mails, size_t count, struct day_result *result)
{
	double *waits = malloc((count + 1) * sizeof *waits);
	size_t urgent = 0;

	check(waits != NULL);
	for (size_t i = 0; i < count; i++)
		if (mails[i].urgent && mails[i].delivered_ns != 0)
			waits[urgent++] = (double)(mails[i].delivered_ns - mails[i].due_ns) /
			                  (double)NS_PER_S;
	qsort(waits, urgent, sizeof *waits, compare);
	if (urgent > 0) {
		result->urgent_p99_s = waits[urgent * 99 / 100];
		result->urgent_most_s = waits[urgent - 1];
	}
	free(waits);
}
