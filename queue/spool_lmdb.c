#include "queue/spool.h"

#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/spool_state.h"

#include <stdio.h>
#include <stdlib.h>

/* Of the tables as a whole; each record has its own besides. Before 4 rows had no seals; no version
 * of Sluice that was released has written such a spool. */
#define FORMAT_VERSION 4
#define FORMAT_OLDEST  4
#define RECORD_VERSION 1 /* of the rows in meta and routes */

#define RESERVE_BYTES_DEFAULT (UINT64_C(64) << 20)
#define MAP_BYTES_DEFAULT     (UINT64_C(1) << 30)

/* A checkpoint is a stall of some milliseconds, and what the start reads after a crash; between two
 * of them most mail comes and goes. */
#define JOURNAL_BYTES_DEFAULT (UINT64_C(64) << 20)

/* Pages that a put may rewrite besides the rows it adds: a leaf in each of four tables, halves of
 * split ones, and its share of the ways to them. */
#define PAGES_TOUCHED 8

static const struct view format_name = VIEW_INIT("format");
static const struct view next_id_name = VIEW_INIT("next_id");

/* Numbers by name, in meta and routes. */

static struct err spool_get_number(
        struct spool *spool, enum store_table table, struct view name, uint64_t *number)
{
	struct view value;
	const struct err err = store_get(spool->store, table, name, &value);

	if (failed(err))
		return err;
	struct record_reader reader = record_read(value);
	const uint8_t version = record_get_u8(&reader);
	*number = record_get_u64(&reader);
	return record_is_read(&reader) && version == RECORD_VERSION ? err_ok()
	                                                            : err_make(ERR_FORMAT, 0);
}

static struct err spool_put_number(
        struct spool *spool, enum store_table table, struct view name, uint64_t number)
{
	char room[1 + 8];
	struct record_writer writer = record_write((struct span){ room, sizeof room });

	record_put_u8(&writer, RECORD_VERSION);
	record_put_u64(&writer, number);
	return store_put(spool->store, table, name, record_view(&writer));
}

/* Opening. */

/* A new spool's ids start from the time of its creation, so that they don't repeat those of a
 * spool that was here before: 2^24 for each second. */
static struct err spool_check_format(struct spool *spool)
{
	uint64_t format = 0;
	struct err err = spool_get_number(spool, TABLE_META, format_name, &format);

	if (err.code == ERR_NOT_FOUND) {
		const uint64_t seconds = (uint64_t)clock_wall().ms / 1000;
		err = spool_put_number(spool, TABLE_META, format_name, FORMAT_VERSION);
		if (!failed(err))
			err = spool_put_number(
			        spool, TABLE_META, next_id_name, (seconds << 24) + 1);
		return err;
	}
	if (!failed(err) && (format < FORMAT_OLDEST || format > FORMAT_VERSION))
		return err_make(ERR_FORMAT, (int)format);
	return err;
}

static struct err spool_add_route(struct spool *spool, struct view name, uint64_t id)
{
	if (spool->route_count == SPOOL_ROUTES_MAX)
		return err_make(ERR_LIMIT, 0);
	if (id >= SPOOL_ROUTES_MAX || name.bytes > 2 * SPOOL_ROUTE_NAME_MAX + 1)
		return err_make(ERR_FORMAT, 0);
	const uint16_t index = (uint16_t)spool->route_count++;
	struct spool_route *route = &spool->routes[index];

	*route = (struct spool_route){ .id = (uint16_t)id };
	memcpy(route->name, name.data, name.bytes);
	spool->route_index[id] = index;
	return err_ok();
}

static bool spool_knows_route(const struct spool *spool, struct view name)
{
	for (size_t i = 0; i < spool->route_count; i++)
		if (view_equal(view_of(spool->routes[i].name), name))
			return true;
	return false;
}

static struct err spool_next_route_id(struct spool *spool, uint64_t *next_id)
{
	struct store_row row;
	struct err err = store_seek(spool->store, TABLE_ROUTES, VIEW("\0"), &row);

	for (*next_id = 0; !failed(err); err = store_next(spool->store, TABLE_ROUTES, &row))
		(*next_id)++; /* none is ever removed: they are numbered without gaps */
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

/* "ROUTE" of what is in no stream, else "ROUTE/STREAM". */
static void spool_put_queue_name(
        struct text *text, const struct spool_settings *settings, size_t queue)
{
	const size_t stream = queue / settings->route_count;

	text_put(text, view_of(settings->routes[queue % settings->route_count]));
	if (stream == 0)
		return;
	text_put_byte(text, '/');
	text_put(text, view_of(settings->streams[stream]));
}

/* A queue of the settings, new ones with a new id. */
static struct err spool_open_queue(struct spool *spool, struct view name, uint64_t *next_id)
{
	uint64_t id = 0;

	check(name.bytes > 0);
	check(!spool_knows_route(spool, name));
	struct err err = spool_get_number(spool, TABLE_ROUTES, name, &id);
	if (err.code == ERR_NOT_FOUND) {
		id = (*next_id)++;
		err = spool_put_number(spool, TABLE_ROUTES, name, id);
	}
	return failed(err) ? err : spool_add_route(spool, name, id);
}

/* The settings' queues; then those that only old jobs name. */
static struct err spool_open_routes(struct spool *spool, const struct spool_settings *settings)
{
	uint64_t next_id = 0;
	struct store_row row;
	struct err err = spool_next_route_id(spool, &next_id);

	spool->routes_named = settings->route_count;
	spool->streams_named = settings->stream_count > 0 ? settings->stream_count : 1;
	for (size_t i = 0; i < spool->routes_named * spool->streams_named && !failed(err); i++) {
		char memory[2 * SPOOL_ROUTE_NAME_MAX + 2];
		struct text name = TEXT_ON(memory);
		spool_put_queue_name(&name, settings, i);
		err = spool_open_queue(spool, text_view(&name), &next_id);
	}
	if (failed(err))
		return err;

	err = store_seek(spool->store, TABLE_ROUTES, VIEW("\0"), &row);
	for (; !failed(err); err = store_next(spool->store, TABLE_ROUTES, &row)) {
		struct record_reader reader = record_read(view_skip(row.value, 1));
		const uint64_t id = record_get_u64(&reader);
		if (!spool_knows_route(spool, row.key))
			err = spool_add_route(spool, row.key, id);
		if (failed(err))
			return err;
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

static struct err spool_open_rows(struct spool *spool, const struct spool_settings *settings)
{
	struct err err = store_begin(spool->store);

	if (!failed(err))
		err = spool_check_format(spool);
	if (!failed(err))
		err = spool_open_routes(spool, settings);
	if (!failed(err))
		err = spool_trace_open(spool);
	if (failed(err)) {
		store_abort(spool->store);
		return err;
	}
	return store_commit(spool->store);
}

static uint64_t spool_journal_bytes(const struct spool_settings *settings)
{
	if (settings->journal_bytes == SPOOL_NO_JOURNAL)
		return 0;
	return settings->journal_bytes != 0 ? settings->journal_bytes : JOURNAL_BYTES_DEFAULT;
}

struct err spool_open(
        struct spool **result, const char *path, const struct spool_settings *settings)
{
	const struct store_settings store_settings = {
		.map_bytes = settings->map_bytes != 0 ? settings->map_bytes : MAP_BYTES_DEFAULT,
		.reserve_bytes = settings->reserve_bytes != 0 ? settings->reserve_bytes
		                                              : RESERVE_BYTES_DEFAULT,
		.bytes_max = settings->bytes_max,
		.journal_bytes = spool_journal_bytes(settings),
	};
	struct spool *spool = calloc(1, sizeof *spool);

	check(settings->lent_max > 0);
	if (spool == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	spool->lent_max = settings->lent_max;
	spool->ahead_ms = settings->ahead_ms;
	spool->settled = calloc(settings->lent_max, sizeof *spool->settled);
	struct err err = spool->settled == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
	if (!failed(err))
		err = map_init(&spool->lent, settings->lent_max + SPOOL_DAMAGED_MAX, 0);
	if (!failed(err))
		err = store_open(&spool->store, path, &store_settings);
	if (!failed(err))
		err = spool_open_rows(spool, settings);
	if (failed(err)) {
		spool_close(spool);
		return err;
	}
	*result = spool;
	return err_ok();
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	check(!spool->batch_open);
	store_close(spool->store);
	map_finish(&spool->lent);
	free(spool->settled);
	free(spool);
}

bool spool_is_broken(const struct spool *spool)
{
	return store_is_broken(spool->store);
}

uint16_t spool_queue_count(const struct spool *spool)
{
	return (uint16_t)(spool->routes_named * spool->streams_named);
}

bool spool_has_queue(const struct spool *spool, uint16_t queue)
{
	return queue < spool->route_count;
}

uint16_t spool_queue_of(const struct spool *spool, const struct job *job)
{
	if (job->route >= spool->routes_named)
		return job->route; /* one that only old jobs name */
	check(job->stream < spool->streams_named);
	return (uint16_t)(job->stream * spool->routes_named + job->route);
}

void spool_set_queue(const struct spool *spool, struct job *job, uint16_t queue)
{
	const bool named = queue < spool_queue_count(spool);

	job->route = named ? (uint16_t)(queue % spool->routes_named) : queue;
	job->stream = named ? (uint8_t)(queue / spool->routes_named) : 0;
}

const char *spool_route_name(const struct spool *spool, uint16_t route)
{
	return route < spool->route_count ? spool->routes[route].name : NULL;
}

bool spool_find_route(const struct spool *spool, uint16_t id, uint16_t *index)
{
	if (id >= SPOOL_ROUTES_MAX)
		return false;
	*index = spool->route_index[id];
	return *index < spool->route_count && spool->routes[*index].id == id;
}

/* A batch. */

struct err spool_begin(struct spool *spool)
{
	check(!spool->batch_open);
	/* What was given up for mail is room for it once it is out of the tables. */
	if (spool->trace.shed && failed(store_tidy(spool->store)) && spool_is_broken(spool))
		return err_make(ERR_BROKEN, 0);
	spool->trace.shed = false;
	const struct err err = store_begin(spool->store);

	spool->batch_open = !failed(err);
	spool_trace_begin(spool);
	spool->settled_count = 0;
	spool->put_bytes = 0;
	return err;
}

void spool_abort(struct spool *spool)
{
	store_abort(spool->store);
	spool->batch_open = false;
}

struct err spool_commit(struct spool *spool)
{
	check(spool->batch_open);
	struct err err = spool_trace_end(spool);
	if (failed(err)) {
		spool_abort(spool);
		return err;
	}
	spool->batch_open = false;
	err = store_commit(spool->store);
	if (failed(err))
		return err;
	spool_trace_committed(spool);
	for (size_t i = 0; i < spool->settled_count; i++)
		map_remove(&spool->lent,
		        spool_lent_key(spool->settled[i].id, spool->settled[i].number));
	return err_ok();
}

struct err spool_tidy(struct spool *spool)
{
	check(!spool->batch_open);
	return store_tidy(spool->store);
}

bool spool_is_tidy(const struct spool *spool)
{
	return store_is_tidy(spool->store);
}

void spool_rest(struct spool *spool)
{
	check(!spool->batch_open);
	store_rest(spool->store);
}

static uint64_t spool_put_pages(const struct message *message)
{
	const uint64_t body = spool_body_pages(message->body_bytes);
	const uint64_t parts = (uint64_t)message->part_count * (CHUNK_BYTES / STORE_PAGE_BYTES + 1);

	return body + body / 64 + parts + PAGES_TOUCHED;
}

static struct err spool_put_envelope(struct spool *spool, const struct message *message)
{
	struct rope_cursor at = message_parts(message);
	struct err err = err_ok();
	struct view part;

	for (uint16_t i = 0; !failed(err) && message_next_part(message, &at, &part); i++) {
		const struct row_key key =
		        i == 0 ? row_key_message(message->id) : row_key_part(message->id, i);
		struct span room;
		err = store_put_room(spool->store, i == 0 ? TABLE_MESSAGES : TABLE_ENVELOPES,
		        row_key_view(&key), part.bytes, &room);
		if (!failed(err))
			memcpy(room.data, part.data, part.bytes);
	}
	return err;
}

/* Fills `room` from the rope; a piece may go on into the next row. */
static void spool_fill_row(struct span room, struct rope_cursor *at, struct view *piece)
{
	while (room.bytes > 0) {
		if (piece->bytes == 0) {
			const bool more = rope_next(at, piece);
			check(more);
		}
		const struct view taken = view_first(*piece, room.bytes);
		memcpy(room.data, taken.data, taken.bytes);
		room = (struct span){ room.data + taken.bytes, room.bytes - taken.bytes };
		*piece = view_skip(*piece, taken.bytes);
	}
}

static struct err spool_put_body(struct spool *spool, const struct message *message)
{
	const size_t most = store_row_bytes(spool->store);
	struct rope_cursor at = rope_start(&message->body);
	uint64_t left = message->body_bytes;
	struct view piece = { 0 };
	struct err err = err_ok();

	for (uint32_t row = 0; left > 0 && !failed(err); row++) {
		const struct row_key key = row_key_body(message->id, row);
		const size_t bytes = left < most ? (size_t)left : most;
		struct span room;
		err = store_put_room(spool->store, TABLE_BODIES, row_key_view(&key), bytes, &room);
		if (!failed(err))
			spool_fill_row(room, &at, &piece);
		left -= bytes;
	}
	return err;
}

static struct due_key spool_due_of(const struct spool *spool, const struct job *job)
{
	const uint16_t queue = spool_queue_of(spool, job);

	check(queue < spool->route_count);
	return (struct due_key){
		.route_id = spool->routes[queue].id,
		.when = job->next_attempt,
		.id = job->id,
		.number = job->number,
	};
}

/* The job's row, and its place in the due index unless it is held. */
static struct err spool_write_job(struct spool *spool, struct job *job)
{
	const struct due_key due = spool_due_of(spool, job);
	const struct row_key key = row_key_job(job->id, job->number);
	const size_t bytes =
	        job_encode(job, due.route_id, (struct span){ spool->record, sizeof spool->record });
	struct err err = store_put(
	        spool->store, TABLE_JOBS, row_key_view(&key), view_from(spool->record, bytes));

	if (failed(err) || job->held)
		return err;
	const struct row_key due_key = row_key_due(due);
	err = store_put(spool->store, TABLE_DUE, row_key_view(&due_key), view_from("", 0));
	if (!failed(err))
		spool_rewind(spool, &due);
	return err;
}

struct err spool_put(struct spool *spool, const struct message *message, struct job *const *jobs,
        size_t job_count, bool urgent)
{
	const uint64_t pages = spool_put_pages(message);
	const uint64_t bytes = message->body_bytes + message->envelope.bytes;

	check(spool->batch_open);
	check(message->sealed);
	check(message->body.bytes == message->body_bytes);
	check(job_count > 0);
	if (spool->put_bytes > 0 && spool->put_bytes + bytes > SPOOL_BATCH_BYTES)
		return err_make(ERR_LIMIT, 0);
	struct err err = store_admit(spool->store, pages, urgent);
	if (err.code == ERR_NO_SPACE && !urgent &&
	        (store_would_gain(spool->store) || spool_trace_shed(spool)))
		return err_make(ERR_LIMIT, 0);
	if (failed(err))
		return err;
	spool->put_bytes += bytes;
	err = spool_put_envelope(spool, message);
	if (!failed(err))
		err = spool_put_body(spool, message);
	for (size_t i = 0; i < job_count && !failed(err); i++) {
		check(jobs[i]->id == message->id);
		err = spool_write_job(spool, jobs[i]);
	}
	return err;
}

/* Above all numbers that the message's jobs have: each has a recipient of its own, so they never
 * run out. */
static struct err spool_next_number(struct spool *spool, uint64_t id, uint16_t *number)
{
	const struct row_key prefix = row_key_message(id);
	struct store_row row;
	struct err err = store_seek(spool->store, TABLE_JOBS, row_key_view(&prefix), &row);
	uint64_t row_id;
	uint16_t last = 0;

	for (; spool_found(err); err = store_next(spool->store, TABLE_JOBS, &row)) {
		if (!view_equal(view_first(row.key, ROW_KEY_ID_BYTES), row_key_view(&prefix)))
			break;
		if (!row_key_parse_job(row.key, &row_id, &last) || last == UINT16_MAX)
			return err_make(ERR_FORMAT, 0);
	}
	*number = (uint16_t)(last + 1);
	return spool_found(err) || err.code == ERR_NOT_FOUND ? err_ok() : err;
}

struct err spool_branch(struct spool *spool, struct job *branch)
{
	check(spool->batch_open);
	const struct err err = spool_next_number(spool, branch->id, &branch->number);

	return failed(err) ? err : spool_write_job(spool, branch);
}

/* The last job of a message is gone: the message goes too. */
static struct err spool_delete_message(struct spool *spool, uint64_t id)
{
	const struct row_key key = row_key_message(id);
	struct err err = store_delete(spool->store, TABLE_MESSAGES, row_key_view(&key));

	if (!failed(err))
		err = store_delete_all(spool->store, TABLE_ENVELOPES, row_key_view(&key));
	if (!failed(err))
		err = store_delete_all(spool->store, TABLE_BODIES, row_key_view(&key));
	return err;
}

static struct err spool_delete_job(struct spool *spool, uint64_t id, uint16_t number)
{
	const struct row_key key = row_key_job(id, number);
	const struct row_key message = row_key_message(id);
	struct store_row row;
	struct err err = store_delete(spool->store, TABLE_JOBS, row_key_view(&key));

	if (failed(err))
		return err;
	err = store_seek(spool->store, TABLE_JOBS, row_key_view(&message), &row);
	if (spool_found(err) &&
	        view_equal(view_first(row.key, ROW_KEY_ID_BYTES), row_key_view(&message)))
		return err_ok(); /* another job still needs the message */
	if (!spool_found(err) && err.code != ERR_NOT_FOUND)
		return err;
	return spool_delete_message(spool, id);
}

static struct err spool_delete_due(
        struct spool *spool, const struct job *job, const struct job_facts *facts)
{
	if (facts->held)
		return err_ok();
	const struct row_key due = row_key_due((struct due_key){
	        .route_id = facts->route_id,
	        .when = facts->next_attempt,
	        .id = job->id,
	        .number = job->number,
	});
	return store_delete(spool->store, TABLE_DUE, row_key_view(&due));
}

/* Rows that were whole when their job was read, and are not any more: the disk lies. */
static struct err spool_damaged(struct err err, enum err_code sign)
{
	return err.code == sign ? err_make(ERR_BROKEN, 0) : err;
}

struct err spool_settle(struct spool *spool, struct job *job)
{
	const struct row_key key = row_key_job(job->id, job->number);
	const struct job_tally tally = job_tally(job);
	struct job_facts facts;
	struct view record;

	check(spool->batch_open);
	if (spool_is_lent(spool, job->id, job->number)) {
		check(spool->settled_count < spool->lent_max);
		spool->settled[spool->settled_count++] =
		        (struct spool_place){ job->id, job->number };
	}
	struct err err = store_get(spool->store, TABLE_JOBS, row_key_view(&key), &record);
	if (!failed(err))
		err = job_decode_facts(record, &facts);
	if (failed(err))
		return spool_damaged(err, ERR_FORMAT);
	err = spool_delete_due(spool, job, &facts);
	if (failed(err))
		return spool_damaged(err, ERR_NOT_FOUND);
	if (tally.of[OWED_PENDING] + tally.of[OWED_DEFERRED] > 0)
		return spool_write_job(spool, job);
	err = spool_delete_job(spool, job->id, job->number);
	return spool_damaged(err, ERR_NOT_FOUND);
}

struct err spool_reserve_ids(struct spool *spool, uint64_t count, uint64_t *first)
{
	check(spool->batch_open);
	const struct err err = spool_get_number(spool, TABLE_META, next_id_name, first);

	if (failed(err))
		return err;
	check(*first > 0);
	check(*first <= UINT64_MAX - count);
	return spool_put_number(spool, TABLE_META, next_id_name, *first + count);
}
