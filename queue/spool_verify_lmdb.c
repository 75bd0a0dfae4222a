#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/spool_state.h"
#include "queue/trace_read.h"

/* One job at a time is looked at: a chunk for its recipients, the rest for its envelope. */
#define LINE_ROOM     200
#define VERIFY_BUDGET ((size_t)256 * CHUNK_BYTES)

struct verify {
	struct spool *spool;
	struct text *what; /* NULL: all is said to `say` */
	void (*say)(void *owner, const char *line);
	void *owner;
	uint64_t complaints;
	struct shelf shelf;
	uint64_t body_rows;     /* that all messages together should have */
	uint64_t envelope_rows; /* likewise */
};

static struct err verify_complain(struct verify *verify, uint64_t id, const char *what)
{
	char id_text[MESSAGE_ID_TEXT];
	char room[LINE_ROOM];
	struct text line = TEXT_ON(room);

	message_id_format(id, id_text);
	verify->complaints++;
	if (verify->what != NULL) {
		text_format(verify->what, "m=%s: %s", id_text, what);
		return err_make(ERR_FORMAT, 0);
	}
	if (id != 0)
		text_format(&line, "message %s: ", id_text);
	text_put(&line, view_of(what));
	verify->say(verify->owner, text_string(&line));
	return err_ok();
}

/* An end of the table is what a walk hopes for. */
static struct err verify_ended(struct err err)
{
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

static struct err verify_job(struct verify *verify, struct spool_place place)
{
	struct job job = { 0 };
	struct row_key due_key;
	struct store_row row;
	struct err err = spool_load(verify->spool, place, false, &verify->shelf, 0, &job);

	if (failed(err))
		return verify_complain(verify, place.id, "its job or envelope can't be read");
	due_key = row_key_due((struct due_key){
	        .route_id = verify->spool->routes[spool_queue_of(verify->spool, &job)].id,
	        .when = job.next_attempt,
	        .id = place.id,
	        .number = place.number,
	});
	err = store_seek(verify->spool->store, TABLE_DUE, row_key_view(&due_key), &row);
	const bool due = !failed(err) && view_equal(row.key, row_key_view(&due_key));
	const bool held = job.held;
	job_clear(&job, &verify->shelf);
	if (due == held)
		return verify_complain(
		        verify, place.id, held ? "held and due" : "neither held nor due");
	return err_ok();
}

static struct err verify_jobs(struct verify *verify)
{
	struct spool_place place = { 0 };
	struct err err = err_ok();

	while (!failed(err) && spool_walk(verify->spool, &place))
		err = verify_job(verify, place);
	return err;
}

static struct err verify_due(struct verify *verify)
{
	struct store *store = verify->spool->store;
	struct store_row row;
	struct due_key due;
	struct err err = store_seek(store, TABLE_DUE, VIEW("\0"), &row);

	for (; !failed(err); err = store_next(store, TABLE_DUE, &row)) {
		struct job_facts facts;
		struct view record;
		struct err one = err_ok();
		const bool parsed = row_key_parse_due(row.key, &due);
		const struct row_key key = row_key_job(due.id, due.number);
		if (!parsed)
			one = verify_complain(verify, 0, "a due row that is none");
		else if (failed(store_get(store, TABLE_JOBS, row_key_view(&key), &record)) ||
		         failed(job_decode_facts(record, &facts)))
			one = verify_complain(verify, due.id, "due, but without a job");
		else if (facts.route_id != due.route_id || facts.next_attempt.ms != due.when.ms ||
		         facts.held)
			one = verify_complain(verify, due.id, "due, but not as its job says");
		if (failed(one))
			return one;
	}
	return verify_ended(err);
}

static struct err verify_body(struct verify *verify, uint64_t id, uint64_t body_bytes)
{
	uint64_t left = body_bytes;

	for (uint32_t i = 0; left > 0; i++) {
		const struct row_key key = row_key_body(id, i);
		struct view row;
		const struct err err =
		        store_get(verify->spool->store, TABLE_BODIES, row_key_view(&key), &row);
		if (failed(err) || row.bytes == 0 || row.bytes > left)
			return verify_complain(verify, id, "its body is not whole");
		left -= row.bytes;
		verify->body_rows++;
	}
	return err_ok();
}

static struct err verify_message(struct verify *verify, const struct store_row *row)
{
	struct message *message = NULL;
	struct store_row job;
	uint64_t id = 0;

	if (!row_key_parse_message(row->key, &id) ||
	        failed(message_load(&message, &verify->shelf, 0, id, row->value)))
		return verify_complain(verify, id, "its envelope can't be read");
	const uint64_t body_bytes = message->body_bytes;
	verify->envelope_rows += message->part_count - 1U;
	message_release(message, &verify->shelf);
	if (!spool_found(store_seek(verify->spool->store, TABLE_JOBS, row->key, &job)) ||
	        !view_equal(view_first(job.key, ROW_KEY_ID_BYTES), row->key))
		return verify_complain(verify, id, "it has no job");
	return verify_body(verify, id, body_bytes);
}

static struct err verify_messages(struct verify *verify)
{
	struct store *store = verify->spool->store;
	struct store_row row;
	struct err err = store_seek(store, TABLE_MESSAGES, VIEW("\0"), &row);

	for (; spool_found(err); err = store_next(store, TABLE_MESSAGES, &row)) {
		const struct err one = verify_message(verify, &row);
		if (failed(one))
			return one;
	}
	return verify_ended(err);
}

/* With every message whole, equal numbers of rows mean that none is left over. */
static struct err verify_leftovers(struct verify *verify)
{
	struct store_counts counts;
	const struct err err = store_counts(verify->spool->store, &counts);

	if (failed(err) || verify->complaints > 0)
		return err;
	if (counts.rows[TABLE_BODIES] != verify->body_rows)
		return verify_complain(verify, 0, "rows of bodies without a message");
	if (counts.rows[TABLE_ENVELOPES] != verify->envelope_rows)
		return verify_complain(verify, 0, "parts of envelopes without a message");
	return err_ok();
}

/* A claim has its end. Ends may be more: that of a claim that could not be read stays till then. */
static struct err verify_claims(struct verify *verify)
{
	struct store *store = verify->spool->store;
	struct store_row row;
	struct err err = store_seek(store, TABLE_CLAIMS, VIEW("\0"), &row);

	for (; !failed(err); err = store_next(store, TABLE_CLAIMS, &row)) {
		char end[8 + SPOOL_CLAIM_BYTES];
		struct record_reader reader = record_read(row.value);
		struct record_writer writer = record_write((struct span){ end, sizeof end });
		struct view nothing;
		(void)record_get(&reader, 1 + 8 + 8);
		record_put_u64(&writer, record_get_u64(&reader));
		if (!record_is_read(&reader) || row.key.bytes != SPOOL_CLAIM_BYTES)
			return verify_complain(verify, 0, "a claim that can't be read");
		record_put(&writer, row.key);
		if (failed(store_get(store, TABLE_CLAIM_ENDS, record_view(&writer), &nothing)))
			return verify_complain(verify, 0, "a claim without an end");
	}
	return verify_ended(err);
}

static bool verify_block(struct view bytes)
{
	struct trace_block block;
	struct trace_row row;

	if (!trace_read_block(bytes, &block))
		return false;
	while (trace_read_row(&block, &row))
		if (!trace_read_is_whole(&row))
			return false;
	return block.rows.bytes == 0;
}

static struct err verify_trace(struct verify *verify)
{
	struct store *store = verify->spool->store;
	struct store_row row;
	struct err err = store_seek(store, TABLE_TRACE, VIEW("\0"), &row);

	for (; !failed(err); err = store_next(store, TABLE_TRACE, &row)) {
		if (row.key.bytes == SPOOL_TRACE_KEY_BYTES && verify_block(row.value))
			continue;
		const struct err one =
		        verify_complain(verify, 0, "a block of the trace that can't be read");
		if (failed(one))
			return one;
	}
	return verify_ended(err);
}

static struct err verify_spool(struct verify *verify)
{
	struct depot *depot = NULL;
	struct err err = depot_create(&depot, VERIFY_BUDGET);

	check(!verify->spool->batch_open);
	if (failed(err))
		return err;
	shelf_init(&verify->shelf, depot);
	err = verify_jobs(verify);
	if (!failed(err))
		err = verify_due(verify);
	if (!failed(err))
		err = verify_messages(verify);
	if (!failed(err))
		err = verify_leftovers(verify);
	if (!failed(err))
		err = verify_claims(verify);
	if (!failed(err))
		err = verify_trace(verify);
	shelf_finish(&verify->shelf);
	depot_destroy(depot);
	return err;
}

struct err spool_verify(struct spool *spool, struct text *what)
{
	struct verify verify = { .spool = spool, .what = what };

	return verify_spool(&verify);
}

struct err spool_verify_all(struct spool *spool, void (*say)(void *owner, const char *line),
        void *owner, uint64_t *count)
{
	struct verify verify = { .spool = spool, .say = say, .owner = owner };
	const struct err err = verify_spool(&verify);

	*count = verify.complaints;
	return err;
}
