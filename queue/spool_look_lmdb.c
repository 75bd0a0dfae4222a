#include "queue/base/check.h"
#include "queue/spool_state.h"

static struct err spool_load_parts(
        struct spool *spool, struct message *message, struct shelf *shelf, size_t reserve)
{
	struct err err = err_ok();

	for (uint16_t i = 1; i < message->part_count && !failed(err); i++) {
		const struct row_key key = row_key_part(message->id, i);
		struct view part;
		err = store_get(spool->store, TABLE_ENVELOPES, row_key_view(&key), &part);
		if (!failed(err))
			err = message_load_part(message, shelf, reserve, part);
	}
	return err;
}

static struct err spool_load_body(
        struct spool *spool, struct message *message, struct shelf *shelf, size_t reserve)
{
	uint64_t left = message->body_bytes;
	struct err err = err_ok();

	for (uint32_t i = 0; left > 0 && !failed(err); i++) {
		const struct row_key key = row_key_body(message->id, i);
		struct store_row row;
		err = i == 0 ? store_seek(spool->store, TABLE_BODIES, row_key_view(&key), &row)
		             : store_next(spool->store, TABLE_BODIES, &row);
		if (failed(err))
			break;
		if (!view_equal(row.key, row_key_view(&key)) || row.value.bytes == 0 ||
		        row.value.bytes > left)
			return err_make(ERR_FORMAT, 0);
		if (!rope_append(&message->body, shelf, row.value, reserve))
			return err_make(ERR_NO_MEMORY, 0);
		left -= row.value.bytes;
	}
	return err;
}

static struct err spool_load_message(struct spool *spool, uint64_t id, bool with_body,
        struct shelf *shelf, size_t reserve, struct message **result)
{
	const struct row_key key = row_key_message(id);
	struct message *message = NULL;
	struct view part;
	struct err err = store_get(spool->store, TABLE_MESSAGES, row_key_view(&key), &part);

	if (!failed(err))
		err = message_load(&message, shelf, reserve, id, part);
	if (failed(err))
		return err;
	err = spool_load_parts(spool, message, shelf, reserve);
	if (!failed(err) && with_body)
		err = spool_load_body(spool, message, shelf, reserve);
	if (!failed(err))
		err = message_load_end(message);
	if (failed(err))
		message_release(message, shelf);
	else
		*result = message;
	return err;
}

struct err spool_load(struct spool *spool, struct spool_place place, bool with_body,
        struct shelf *shelf, size_t reserve, struct job *job)
{
	const struct row_key key = row_key_job(place.id, place.number);
	uint16_t route_id = 0;
	struct view record;

	check(!spool->batch_open);
	struct err err = store_get(spool->store, TABLE_JOBS, row_key_view(&key), &record);
	if (!failed(err))
		err = job_decode(job, shelf, reserve, record, &route_id);
	if (failed(err))
		return err;
	err = spool_load_message(spool, place.id, with_body, shelf, reserve, &job->message);
	if (err.code == ERR_NOT_FOUND)
		err = err_make(ERR_FORMAT, 0); /* a job without all of its message */
	uint16_t queue = 0;
	if (!failed(err) && !spool_find_route(spool, route_id, &queue))
		err = err_make(ERR_FORMAT, 0);
	if (!failed(err))
		spool_set_queue(spool, job, queue);
	if (!failed(err) &&
	        job_owed(job)[job->owed_count - 1].index >= job->message->recipient_count)
		err = err_make(ERR_FORMAT, 0);
	job->id = place.id;
	job->number = place.number;
	if (failed(err))
		job_clear(job, shelf);
	return err;
}

bool spool_walk(struct spool *spool, struct spool_place *place)
{
	const bool last = place->number == UINT16_MAX;
	const struct row_key key =
	        row_key_job(place->id + last, (uint16_t)(last ? 0 : place->number + 1));
	struct store_row row;

	check(!spool->batch_open);
	if (!spool_found(store_seek(spool->store, TABLE_JOBS, row_key_view(&key), &row)))
		return false;
	return row_key_parse_job(row.key, &place->id, &place->number);
}

struct spool_counts spool_counts(struct spool *spool)
{
	struct store_counts counts;
	const uint64_t lent = spool->lent.count - spool->damaged_count;
	const struct err err = store_counts(spool->store, &counts);

	if (failed(err))
		return (struct spool_counts){ .lent = lent, .damaged = spool->damaged_count };
	return (struct spool_counts){
		.messages = counts.rows[TABLE_MESSAGES],
		.jobs = counts.rows[TABLE_JOBS],
		.held = counts.rows[TABLE_JOBS] - counts.rows[TABLE_DUE],
		.lent = lent,
		.damaged = spool->damaged_count,
		.file_bytes = counts.file_bytes,
		.map_bytes = counts.map_bytes,
		.full = counts.full,
		.unsure = counts.unsure,
		.checkpoints = counts.checkpoints,
		.checkpoints_ns = counts.checkpoints_ns,
		.checkpoint_longest_ns = counts.checkpoint_longest_ns,
	};
}

uint64_t spool_message_count(const struct spool *spool)
{
	return store_row_count(spool->store, TABLE_MESSAGES);
}

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	check(!spool->batch_open);
	return store_has_room(spool->store, bytes);
}
