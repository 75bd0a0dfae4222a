#include "queue/schedule.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define SCHEDULE_COST (UINT64_C(1) << 20) /* of a job, for a stream of weight 1 */

static struct schedule_line *schedule_line(const struct schedule *schedule, uint32_t line);
static struct schedule_queue *schedule_queue(
        const struct schedule *schedule, const struct job *job);
static void schedule_count(struct schedule *schedule, const struct job *job);
static struct wall schedule_expires(const struct schedule *schedule, const struct job *job);
static struct job *schedule_queue_first(const struct schedule_queue *queue);
static uint32_t schedule_choose(
        const struct schedule *schedule, const struct schedule_group *group, uint64_t streams);
static void schedule_unlink(struct schedule *schedule, struct job *job);

struct err schedule_init(struct schedule *schedule, uint32_t line_count, uint32_t group_count,
        const struct schedule_stream *streams, uint32_t stream_count)
{
	check(line_count > 0);
	check(group_count > 0);
	check(stream_count > 0);
	check(stream_count <= SCHEDULE_STREAMS_MAX);
	*schedule = (struct schedule){
		.lines = calloc(line_count, sizeof *schedule->lines),
		.line_count = line_count,
		.groups = calloc(group_count, sizeof *schedule->groups),
		.group_count = group_count,
		.streams = streams,
		.stream_count = stream_count,
	};
	struct schedule_queue *queues = calloc((size_t)line_count * stream_count, sizeof *queues);
	if (schedule->lines == NULL || schedule->groups == NULL || queues == NULL) {
		free(queues);
		schedule_finish(schedule);
		return err_make(ERR_NO_MEMORY, 0);
	}
	for (uint32_t i = 0; i < line_count; i++) {
		schedule->lines[i].expires = WALL_NEVER;
		schedule->lines[i].queues = &queues[(size_t)i * stream_count];
		for (uint32_t j = 0; j < stream_count; j++) {
			list_init(&schedule->lines[i].queues[j].back);
			list_init(&schedule->lines[i].queues[j].waiting);
		}
	}
	for (uint32_t i = 0; i < stream_count; i++) {
		check(streams[i].weight > 0);
		check(streams[i].weight <= SCHEDULE_WEIGHT_MAX);
		check(streams[i].retry != NULL);
		schedule->urgent |= streams[i].urgent ? UINT64_C(1) << i : 0;
	}
	return err_ok();
}

void schedule_finish(struct schedule *schedule)
{
	if (schedule->lines != NULL)
		free(schedule->lines[0].queues); /* one array, which the first line's begin */
	free(MOVE(schedule->lines));
	free(MOVE(schedule->groups));
}

void schedule_set_group(struct schedule *schedule, uint32_t line, uint32_t group)
{
	check(group < schedule->group_count);
	check(schedule_line(schedule, line)->count == 0);
	schedule_line(schedule, line)->group = group;
}

void schedule_add(struct schedule *schedule, uint32_t line, struct job *job)
{
	check(job->state == JOB_READY);
	check(job->stream < schedule->stream_count);
	job->line = line;
	job->place = ++schedule->places;
	list_push_last(&schedule_queue(schedule, job)->waiting, &job->link);
	schedule_count(schedule, job);
}

void schedule_put_back(struct schedule *schedule, struct job *job)
{
	struct list *back = &schedule_queue(schedule, job)->back;

	check(job->place > 0);
	job_enter(job, JOB_READY);
	/* From the end: a train comes back in its order. */
	struct link *after = back->head.previous;
	while (after != &back->head && container_of(after, struct job, link)->place > job->place)
		after = after->previous;
	list_insert_(back, &job->link, after->next);
	schedule_count(schedule, job);
}

void schedule_move(struct schedule *schedule, uint32_t line, struct job *job)
{
	check(schedule_line(schedule, line)->group == schedule_line(schedule, job->line)->group);
	schedule_unlink(schedule, job);
	schedule_add(schedule, line, job);
}

/* One more. A stream that had nothing in the group begins where the others are. */
static void schedule_count(struct schedule *schedule, const struct job *job)
{
	struct schedule_line *line = schedule_line(schedule, job->line);
	struct schedule_group *group = &schedule->groups[line->group];
	const uint64_t clock = group->clock[schedule_is_urgent(schedule, job)];
	const struct wall expires = schedule_expires(schedule, job);

	if (expires.ms < line->expires.ms)
		line->expires = expires;
	if (group->count[job->stream]++ == 0 && group->had[job->stream] < clock)
		group->had[job->stream] = clock;
	line->streams |= UINT64_C(1) << job->stream;
	line->count++;
	schedule->job_count++;
}

size_t schedule_waiting(const struct schedule *schedule, uint32_t line)
{
	return schedule_line(schedule, line)->count;
}

bool schedule_has_urgent(const struct schedule *schedule, uint32_t line)
{
	return (schedule_line(schedule, line)->streams & schedule->urgent) != 0;
}

bool schedule_group_waits(const struct schedule *schedule, uint32_t group)
{
	check(group < schedule->group_count);
	for (uint32_t i = 0; i < schedule->stream_count; i++)
		if (schedule->groups[group].count[i] > 0)
			return true;
	return false;
}

bool schedule_is_urgent(const struct schedule *schedule, const struct job *job)
{
	return (schedule->urgent >> job->stream & 1) != 0;
}

struct job *schedule_first(
        const struct schedule *schedule, struct schedule_reach reach, bool urgent_only)
{
	struct job *first = NULL;
	uint64_t streams = 0;

	check(reach.count > 0);
	for (uint32_t i = 0; i < reach.count; i++)
		streams |= schedule_line(schedule, reach.lines[i])->streams;
	if (urgent_only)
		streams &= schedule->urgent;
	if (streams == 0)
		return NULL;
	const struct schedule_group *group =
	        &schedule->groups[schedule_line(schedule, reach.lines[0])->group];
	const uint32_t stream = schedule_choose(schedule, group, streams);
	for (uint32_t i = 0; i < reach.count; i++) {
		const struct schedule_line *line = schedule_line(schedule, reach.lines[i]);
		if ((line->streams >> stream & 1) == 0)
			continue;
		struct job *job = schedule_queue_first(&line->queues[stream]);
		if (first == NULL || job->place < first->place)
			first = job;
	}
	return first;
}

/* The urgent ones, unless they had their run; of those left, who has had least. */
static uint32_t schedule_choose(
        const struct schedule *schedule, const struct schedule_group *group, uint64_t streams)
{
	const uint64_t urgent = streams & schedule->urgent;
	const uint64_t ordinary = streams & ~schedule->urgent;
	uint32_t best = SCHEDULE_STREAMS_MAX;

	if (urgent != 0 && (ordinary == 0 || group->urgent_run < SCHEDULE_URGENT_RUN))
		streams = urgent;
	else
		streams = ordinary;
	for (; streams != 0; streams &= streams - 1) {
		const uint32_t stream = (uint32_t)__builtin_ctzll(streams);
		if (best == SCHEDULE_STREAMS_MAX || group->had[stream] < group->had[best])
			best = stream;
	}
	check(best < schedule->stream_count);
	return best;
}

struct job *schedule_take(struct schedule *schedule, struct job *job)
{
	const bool urgent = schedule_is_urgent(schedule, job);
	struct schedule_group *group = &schedule->groups[schedule_line(schedule, job->line)->group];
	bool ordinary_waits = false;

	schedule_unlink(schedule, job);
	for (uint32_t i = 0; urgent && i < schedule->stream_count && !ordinary_waits; i++)
		ordinary_waits = (schedule->urgent >> i & 1) == 0 && group->count[i] > 0;
	group->urgent_run = urgent && ordinary_waits ? group->urgent_run + 1 : 0;
	if (group->clock[urgent] < group->had[job->stream])
		group->clock[urgent] = group->had[job->stream];
	group->had[job->stream] += SCHEDULE_COST / schedule->streams[job->stream].weight;
	job_enter(job, JOB_SENDING);
	return job;
}

struct job *schedule_withdraw(struct schedule *schedule, struct job *job)
{
	schedule_unlink(schedule, job);
	job_enter(job, JOB_SETTLING);
	return job;
}

/* Looking. */

static struct job *schedule_find_in(const struct list *list, uint64_t id, uint16_t number)
{
	list_each(link, list) {
		struct job *job = container_of(link, struct job, link);
		if (job->id == id && job->number == number)
			return job;
	}
	return NULL;
}

struct job *schedule_find(const struct schedule *schedule, uint64_t id, uint16_t number)
{
	struct job *job = NULL;

	for (uint32_t i = 0; i < schedule->line_count; i++) {
		const struct schedule_line *line = &schedule->lines[i];
		for (uint32_t j = 0; j < schedule->stream_count && line->count > 0; j++) {
			job = schedule_find_in(&line->queues[j].back, id, number);
			if (job == NULL)
				job = schedule_find_in(&line->queues[j].waiting, id, number);
			if (job != NULL)
				return job;
		}
	}
	return NULL;
}

struct job *schedule_any(const struct schedule *schedule)
{
	for (uint32_t i = 0; i < schedule->line_count; i++) {
		const struct schedule_line *line = &schedule->lines[i];
		for (uint32_t j = 0; j < schedule->stream_count && line->count > 0; j++) {
			struct job *job = schedule_queue_first(&line->queues[j]);
			if (job != NULL)
				return job;
		}
	}
	return NULL;
}

static struct wall schedule_expires(const struct schedule *schedule, const struct job *job)
{
	const struct retry_settings own =
	        retry_within(schedule->streams[job->stream].retry, job->message->expire_s);

	return retry_until(&own, job->message->received, WALL_NEVER);
}

/* NULL: none is; *earliest is no later than the first time of those looked at. */
static struct job *schedule_expired_in(const struct schedule *schedule, const struct list *list,
        struct wall now, struct wall *earliest)
{
	list_each(link, list) {
		struct job *job = container_of(link, struct job, link);
		const struct wall expires = schedule_expires(schedule, job);
		if (expires.ms <= now.ms)
			return job;
		if (expires.ms < earliest->ms)
			*earliest = expires;
	}
	return NULL;
}

struct job *schedule_expired(struct schedule *schedule, struct wall now, uint32_t *line)
{
	for (; *line < schedule->line_count; (*line)++) {
		struct schedule_line *at = &schedule->lines[*line];
		struct wall earliest = WALL_NEVER;
		if (at->expires.ms > now.ms)
			continue;
		for (uint32_t i = 0; i < schedule->stream_count && at->count > 0; i++) {
			struct job *job =
			        schedule_expired_in(schedule, &at->queues[i].back, now, &earliest);
			if (job == NULL)
				job = schedule_expired_in(
				        schedule, &at->queues[i].waiting, now, &earliest);
			if (job != NULL)
				return job;
		}
		at->expires = earliest;
	}
	return NULL;
}

/* Places. */

static struct schedule_line *schedule_line(const struct schedule *schedule, uint32_t line)
{
	check(line < schedule->line_count);
	return &schedule->lines[line];
}

static struct schedule_queue *schedule_queue(const struct schedule *schedule, const struct job *job)
{
	return &schedule_line(schedule, job->line)->queues[job->stream];
}

static struct job *schedule_queue_first(const struct schedule_queue *queue)
{
	struct link *first = list_first(&queue->back);

	if (first == NULL)
		first = list_first(&queue->waiting);
	return first == NULL ? NULL : container_of(first, struct job, link);
}

/* The list that `job` is in is told by its place: those put back have one below all waiting. */
static void schedule_unlink(struct schedule *schedule, struct job *job)
{
	struct schedule_line *line = schedule_line(schedule, job->line);
	struct schedule_queue *queue = schedule_queue(schedule, job);
	const struct job *waiting = NULL;

	check(job->state == JOB_READY);
	check(schedule->job_count > 0);
	if (!list_is_empty(&queue->waiting))
		waiting = container_of(list_first(&queue->waiting), struct job, link);
	const bool is_back = waiting == NULL || job->place < waiting->place;
	list_remove(is_back ? &queue->back : &queue->waiting, &job->link);
	if (list_is_empty(&queue->back) && list_is_empty(&queue->waiting))
		line->streams &= ~(UINT64_C(1) << job->stream);
	line->count--;
	schedule->groups[line->group].count[job->stream]--;
	schedule->job_count--;
}
