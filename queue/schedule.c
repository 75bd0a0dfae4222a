#include "queue/schedule.h"

#include "queue/base/check.h"

static struct schedule_line *schedule_line(const struct schedule *schedule, uint32_t line);
static struct job *schedule_line_first(const struct schedule_line *line);
static void schedule_unlink(struct schedule *schedule, struct job *job);

void schedule_init(struct schedule *schedule, struct schedule_line *lines, uint32_t line_count)
{
	check(line_count > 0);
	*schedule = (struct schedule){ .lines = lines, .line_count = line_count };
	for (uint32_t i = 0; i < line_count; i++) {
		list_init(&lines[i].back);
		list_init(&lines[i].waiting);
	}
}

void schedule_add(struct schedule *schedule, uint32_t line, struct job *job)
{
	check(job->state == JOB_READY);
	job->line = line;
	job->place = ++schedule->places;
	list_push_last(&schedule_line(schedule, line)->waiting, &job->link);
	schedule->job_count++;
}

void schedule_put_back(struct schedule *schedule, struct job *job)
{
	struct list *back = &schedule_line(schedule, job->line)->back;

	check(job->place > 0);
	job_enter(job, JOB_READY);
	/* From the end: a train comes back in its order. */
	struct link *after = back->head.previous;
	while (after != &back->head && container_of(after, struct job, link)->place > job->place)
		after = after->previous;
	list_insert_(back, &job->link, after->next);
	schedule->job_count++;
}

size_t schedule_waiting(const struct schedule *schedule, uint32_t line)
{
	const struct schedule_line *at = schedule_line(schedule, line);

	return at->back.count + at->waiting.count;
}

struct job *schedule_first(const struct schedule *schedule, uint32_t own_line, uint32_t shared_line)
{
	struct job *own = schedule_line_first(schedule_line(schedule, own_line));
	struct job *shared = schedule_line_first(schedule_line(schedule, shared_line));

	if (own == NULL || shared == NULL)
		return own != NULL ? own : shared;
	return own->place < shared->place ? own : shared;
}

struct job *schedule_take(struct schedule *schedule, uint32_t own_line, uint32_t shared_line)
{
	struct job *job = schedule_first(schedule, own_line, shared_line);

	if (job != NULL) {
		schedule_unlink(schedule, job);
		job_enter(job, JOB_SENDING);
	}
	return job;
}

struct job *schedule_withdraw(struct schedule *schedule, struct job *job)
{
	schedule_unlink(schedule, job);
	job_enter(job, JOB_SETTLING);
	return job;
}

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

	for (uint32_t i = 0; i < schedule->line_count && job == NULL; i++) {
		job = schedule_find_in(&schedule->lines[i].back, id, number);
		if (job == NULL)
			job = schedule_find_in(&schedule->lines[i].waiting, id, number);
	}
	return job;
}

struct job *schedule_any(const struct schedule *schedule)
{
	struct job *job = NULL;

	for (uint32_t i = 0; i < schedule->line_count && job == NULL; i++)
		job = schedule_line_first(&schedule->lines[i]);
	return job;
}

struct job *schedule_expired(const struct schedule *schedule, const struct retry_settings *retry,
        struct wall now, uint32_t *line)
{
	for (; *line < schedule->line_count; (*line)++) {
		struct list *lists[] = { &schedule->lines[*line].back,
			&schedule->lines[*line].waiting };

		for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
			list_each(link, lists[i]) {
				struct job *job = container_of(link, struct job, link);
				if (retry_expired(retry, job->message->received, now))
					return job;
			}
		}
	}
	return NULL;
}

static struct schedule_line *schedule_line(const struct schedule *schedule, uint32_t line)
{
	check(line < schedule->line_count);
	return &schedule->lines[line];
}

static struct job *schedule_line_first(const struct schedule_line *line)
{
	struct link *first = list_first(&line->back);

	if (first == NULL)
		first = list_first(&line->waiting);
	return first == NULL ? NULL : container_of(first, struct job, link);
}

/* The list that `job` is in is told by its place: those put back have one below all waiting. */
static void schedule_unlink(struct schedule *schedule, struct job *job)
{
	struct schedule_line *line = schedule_line(schedule, job->line);
	const struct job *waiting = NULL;

	check(job->state == JOB_READY);
	check(schedule->job_count > 0);
	if (!list_is_empty(&line->waiting))
		waiting = container_of(list_first(&line->waiting), struct job, link);
	const bool is_back = waiting == NULL || job->place < waiting->place;
	list_remove(is_back ? &line->back : &line->waiting, &job->link);
	schedule->job_count--;
}
