#include "engine/pace.h"

#include "queue/base/check.h"

#include <time.h>

static struct wall pace_deadline(const struct pace *pace, struct wall now, int days);

void pace_init(struct pace *pace, const struct config_stream *stream)
{
	*pace = (struct pace){ 0 };
	if (stream == NULL)
		return;
	if (stream->pace.count != LIMIT_NONE)
		pace->apart_us = stream->pace.period_ns / NS_PER_US / (int64_t)stream->pace.count;
	pace->finish_by = stream->finish_by;
}

/* The time of the day on the day of `now`, or so many days away: a day may have 23 hours. */
static struct wall pace_deadline(const struct pace *pace, struct wall now, int days)
{
	const time_t seconds = (time_t)(now.ms / 1000);
	struct tm day;

	check(pace->finish_by != 0);
	check(localtime_r(&seconds, &day) != NULL);
	day.tm_hour = (int)(pace->finish_by - 1) / 60;
	day.tm_min = (int)(pace->finish_by - 1) % 60;
	day.tm_sec = 0;
	day.tm_mday += days;
	day.tm_isdst = -1;
	return (struct wall){ (int64_t)mktime(&day) * 1000 };
}

struct wall pace_day(const struct pace *pace, struct wall now)
{
	const struct wall today = pace_deadline(pace, now, 0);

	return today.ms <= now.ms ? today : pace_deadline(pace, now, -1);
}

static struct wall pace_day_ends(const struct pace *pace, struct wall now)
{
	const struct wall today = pace_deadline(pace, now, 0);

	return today.ms > now.ms ? today : pace_deadline(pace, now, 1);
}

void pace_set(struct pace *pace, struct wall now, uint64_t waiting, uint64_t overdue)
{
	check(overdue <= waiting);
	pace->waiting = waiting;
	pace->overdue = overdue;
	pace->ends = pace_day_ends(pace, now);
}

void pace_wait(struct pace *pace)
{
	pace->waiting++;
}

void pace_leave(struct pace *pace)
{
	pace->waiting -= pace->waiting > 0;
	pace->overdue -= pace->overdue > 0; /* the oldest are due first */
}

void pace_look(struct pace *pace, struct wall now)
{
	if (!pace_counts(pace) || now.ms < pace->ends.ms)
		return;
	pace->overdue = pace->waiting;
	pace->ends = pace_day_ends(pace, now);
}

int64_t pace_next_us(const struct pace *pace, struct wall now, uint64_t coming)
{
	const int64_t now_us = now.ms * 1000;
	/* A clock that is set back must not stop it for longer than that. */
	const int64_t last_us = pace->last_us < now_us ? pace->last_us : now_us;
	const int64_t apart_us = last_us + pace->apart_us;

	const uint64_t waiting = pace->waiting + coming;

	if (!pace_counts(pace) || pace->overdue > 0 || waiting == 0)
		return apart_us;
	/* As far from the last one as all that wait are from each other, and the last from the
	 * end. */
	const int64_t left_us = pace->ends.ms * 1000 - last_us;
	const int64_t even_us = last_us + left_us / (int64_t)(waiting + 1);
	return even_us > apart_us ? even_us : apart_us;
}

void pace_lent(struct pace *pace, struct wall now)
{
	pace->last_us = now.ms * 1000;
}
