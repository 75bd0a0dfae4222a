#include "queue/base/check.h"
#include "queue/spool_state.h"

void spool_rewind(struct spool *spool, const struct due_key *due)
{
	uint16_t index = 0;

	check(spool_find_route(spool, due->route_id, &index));
	struct spool_route *route = &spool->routes[index];
	if (due_key_compare(due, &route->resume) < 0)
		route->resume = *due;
}

/* The earliest due row of the route whose job is not lent. Each search starts where the last one
 * ended, so that it passes over a lent job once and not every time. */
static struct err spool_first_due(struct spool *spool, uint16_t index, struct due_key *due)
{
	check(index < spool->route_count);
	struct spool_route *route = &spool->routes[index];
	struct store_row row;

	route->resume.route_id = route->id;
	const struct row_key start = row_key_due(route->resume);
	struct err err = store_seek(spool->store, TABLE_DUE, row_key_view(&start), &row);
	for (; !failed(err); err = store_next(spool->store, TABLE_DUE, &row)) {
		if (!row_key_parse_due(row.key, due))
			return err_make(ERR_FORMAT, 0);
		if (due->route_id != route->id)
			return err_make(ERR_NOT_FOUND, 0);
		route->resume = *due;
		if (!spool_is_lent(spool, due->id, due->number))
			return err_ok();
	}
	return err;
}

/* The first row of the route that lies too far ahead, and whose job is not lent. There are few, but
 * where the wall clock was set back; and then each is lent once. */
static struct err spool_first_far(
        struct spool *spool, uint16_t index, struct wall now, struct due_key *due)
{
	const uint16_t id = spool->routes[index].id;
	struct store_row row;

	if (spool->ahead_ms == 0 || now.ms >= INT64_MAX - spool->ahead_ms)
		return err_make(ERR_NOT_FOUND, 0);
	/* One more that can't be read would not be passed over, but found for ever. */
	if (spool->damaged_count == SPOOL_DAMAGED_MAX)
		return err_make(ERR_NOT_FOUND, 0);
	*due = (struct due_key){ .route_id = id, .when = { now.ms + spool->ahead_ms + 1 } };
	const struct row_key start = row_key_due(*due);
	struct err err = store_seek(spool->store, TABLE_DUE, row_key_view(&start), &row);
	for (; !failed(err); err = store_next(spool->store, TABLE_DUE, &row)) {
		if (!row_key_parse_due(row.key, due))
			return err_make(ERR_FORMAT, 0);
		if (due->route_id != id)
			return err_make(ERR_NOT_FOUND, 0);
		if (!spool_is_lent(spool, due->id, due->number))
			return err_ok();
	}
	return err;
}

/* Nobody else shall wait behind a job that can't be read. */
static void spool_pass_over(struct spool *spool, uint16_t route, const struct due_key *due)
{
	struct due_key *resume = &spool->routes[route].resume;

	if (spool->damaged_count < SPOOL_DAMAGED_MAX) {
		const bool noted = map_set(&spool->lent, spool_lent_key(due->id, due->number), 0);
		check(noted);
		spool->damaged_count++;
	} else if (due->number < UINT16_MAX) {
		*resume = *due;
		resume->number++;
	} else {
		*resume = *due;
		resume->id++;
		resume->number = 0;
	}
}

struct err spool_next(struct spool *spool, uint16_t route, struct wall now, struct shelf *shelf,
        size_t reserve, struct job *job)
{
	struct due_key due;

	check(!spool->batch_open);
	struct err err = spool_first_due(spool, route, &due);
	if (failed(err))
		return err;
	if (due.when.ms > now.ms)
		err = spool_first_far(spool, route, now, &due);
	if (failed(err))
		return err;
	const struct spool_place place = { due.id, due.number };
	err = spool_load(spool, place, true, shelf, reserve, job);
	if (err.code == ERR_NOT_FOUND)
		err = err_make(ERR_FORMAT, 0); /* due, but not there */
	if (err.code == ERR_FORMAT) {
		job->id = place.id;
		job->number = place.number;
		spool_pass_over(spool, route, &due);
	}
	if (!failed(err))
		spool_lend(spool, place.id, place.number);
	return err;
}

bool spool_next_due(struct spool *spool, uint16_t route, struct wall *due)
{
	struct due_key key;

	check(!spool->batch_open);
	if (failed(spool_first_due(spool, route, &key)))
		return false;
	*due = key.when;
	return true;
}

uint64_t spool_count_due(struct spool *spool, uint16_t index, struct wall day, uint64_t *overdue)
{
	struct due_key due = { 0 };
	uint64_t count = 0;
	struct store_row row;

	check(!spool->batch_open);
	check(index < spool->route_count);
	due.route_id = spool->routes[index].id;
	const struct row_key start = row_key_due(due);
	struct err err = store_seek(spool->store, TABLE_DUE, row_key_view(&start), &row);
	for (; !failed(err); err = store_next(spool->store, TABLE_DUE, &row)) {
		if (!row_key_parse_due(row.key, &due) || due.route_id != spool->routes[index].id)
			break;
		if (spool_is_lent(spool, due.id, due.number))
			continue;
		count++;
		*overdue += due.when.ms < day.ms;
	}
	return count;
}

void spool_lend(struct spool *spool, uint64_t id, uint16_t number)
{
	check(!spool_is_lent(spool, id, number));
	check(spool->lent.count - spool->damaged_count < spool->lent_max);
	const bool noted = map_set(&spool->lent, spool_lent_key(id, number), 0);
	check(noted);
}

bool spool_is_lent(const struct spool *spool, uint64_t id, uint16_t number)
{
	return map_find(&spool->lent, spool_lent_key(id, number)) != NULL;
}

void spool_unlend(struct spool *spool, uint64_t id, uint16_t number)
{
	const struct row_key key = row_key_job(id, number);
	struct job_facts facts;
	struct view record;

	check(!spool->batch_open);
	const bool was_lent = map_remove(&spool->lent, spool_lent_key(id, number));
	check(was_lent);
	/* A row that can't be read is found again after the next start. */
	if (failed(store_get(spool->store, TABLE_JOBS, row_key_view(&key), &record)) ||
	        failed(job_decode_facts(record, &facts)) || facts.held)
		return;
	const struct due_key due = {
		.route_id = facts.route_id,
		.when = facts.next_attempt,
		.id = id,
		.number = number,
	};
	spool_rewind(spool, &due);
}
