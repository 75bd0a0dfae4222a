#include "queue/store.h"
#include "spool_tools.h"

#include <fcntl.h>
#include <lmdb.h>

static struct tools tools;

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (tools.spool != NULL)
		tools_verify(&tools);
	tools_stop(&tools);
	return 0;
}

static void test_put_and_load(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, STORE_PAGE_BYTES - 1, STORE_PAGE_BYTES,
		STORE_PAGE_BYTES + 1, 16256, 16257, 10240, 1000000 };
	const size_t count = sizeof sizes / sizeof sizes[0];
	const uint64_t first = tools_ids(&tools, count);

	for (size_t i = 0; i < count; i++)
		tools_put(&tools, first + i, i % 2 == 0 ? 1 : 2000, sizes[i], 1, (int64_t)i);
	tools_reopen(&tools);
	tools_verify(&tools);
	for (size_t i = 0; i < count; i++) {
		struct job job = { 0 };
		assert_ok(spool_next(tools.spool, 1, (struct wall){ 100 }, &tools.shelf, 0, &job));
		assert_int_equal(job.id, first + i);
		assert_int_equal(job.route, 1);
		assert_int_equal(job.message->body_bytes, sizes[i]);
		assert_int_equal(job.owed_count, i % 2 == 0 ? 1 : 2000);
		assert_int_equal(job_owed(&job)[0].notify, NOTIFY_FAILURE);
		tools_check_body(&tools, job.message);
		assert_true(spool_is_lent(tools.spool, job.id, 0));
		job_clear(&job, &tools.shelf);
	}
	struct job none = { 0 };
	assert_int_equal(
	        spool_next(tools.spool, 1, (struct wall){ 100 }, &tools.shelf, 0, &none).code,
	        ERR_NOT_FOUND);
	assert_int_equal(spool_counts(tools.spool).lent, count);
	assert_int_equal(spool_counts(tools.spool).messages, count);
}

static void test_what_is_not_due_waits(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 3);
	struct job job = { 0 };
	struct wall due = { 0 };

	assert_false(spool_next_due(tools.spool, 0, &due));
	tools_put(&tools, id, 1, 10, 0, 5000);
	tools_put(&tools, id + 1, 1, 10, 0, 4000);
	tools_put(&tools, id + 2, 1, 10, 1, 1000);
	assert_true(spool_next_due(tools.spool, 0, &due));
	assert_int_equal(due.ms, 4000);
	assert_int_equal(
	        spool_next(tools.spool, 0, (struct wall){ 3999 }, &tools.shelf, 0, &job).code,
	        ERR_NOT_FOUND);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 4000 }, &tools.shelf, 0, &job));
	assert_int_equal(job.id, id + 1);
	assert_true(spool_next_due(tools.spool, 0, &due));
	assert_int_equal(due.ms, 5000);
	spool_unlend(tools.spool, job.id, 0);
	assert_true(spool_next_due(tools.spool, 0, &due));
	assert_int_equal(due.ms, 4000);
	job_clear(&job, &tools.shelf);
}

/* What lies further ahead than anything is planned comes when nothing else is due, in its order;
 * whoever waits for his time between waits on. */
static void test_what_lies_too_far_ahead_is_due(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 5);
	const uint64_t order[] = { id + 3, id + 2, id + 1 };
	const struct wall now = { 100 };
	struct wall due = { 0 };

	tools.ahead_ms = 1000;
	tools_reopen(&tools);
	tools_put(&tools, id, 1, 10, 0, 1100); /* just not too far */
	tools_put(&tools, id + 1, 1, 10, 0, 9000);
	tools_put(&tools, id + 2, 1, 10, 0, 1101);
	tools_put(&tools, id + 3, 1, 10, 0, 90);
	tools_put(&tools, id + 4, 1, 10, 1, 9000); /* another queue's */
	for (size_t i = 0; i < 3; i++) {
		struct job job = { 0 };
		assert_ok(spool_next(tools.spool, 0, now, &tools.shelf, 0, &job));
		assert_int_equal(job.id, order[i]);
		job_clear(&job, &tools.shelf);
	}
	struct job none = { 0 };
	assert_int_equal(
	        spool_next(tools.spool, 0, now, &tools.shelf, 0, &none).code, ERR_NOT_FOUND);
	assert_true(spool_next_due(tools.spool, 0, &due));
	assert_int_equal(due.ms, 1100);
	/* They come back as they were, and again. */
	spool_unlend(tools.spool, id + 1, 0);
	assert_ok(spool_next(tools.spool, 0, now, &tools.shelf, 0, &none));
	assert_int_equal(none.id, id + 1);
	job_clear(&none, &tools.shelf);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 1100 }, &tools.shelf, 0, &none));
	assert_int_equal(none.id, id);
	job_clear(&none, &tools.shelf);
	/* The clock's own end. */
	assert_int_equal(
	        spool_next(tools.spool, 0, (struct wall){ INT64_MAX }, &tools.shelf, 0, &none).code,
	        ERR_NOT_FOUND);
}

/* A recipient's row goes only with its end (I2); the message goes with its last one. */
static void test_settle(void **state)
{
	(void)state;
	const struct reply_note note = { .code = 451, .status = { 4, 3, 2 }, .text = VIEW("busy") };
	const uint64_t id = tools_ids(&tools, 1);
	struct job job = { 0 };
	struct reply_note found;

	tools_put(&tools, id, 6, 10000, 0, 1);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job));
	for (size_t i = 0; i < 6; i++)
		job_set_outcome(
		        &job, i, i < 4 ? OWED_DELIVERED : OWED_DEFERRED, &note, &tools.shelf);
	job.attempts = 1;
	job.next_attempt.ms = 60000;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_settle(tools.spool, &job));
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
	assert_false(spool_is_lent(tools.spool, id, 0));
	tools_reopen(&tools);
	tools_verify(&tools);

	assert_ok(spool_next(tools.spool, 0, (struct wall){ 60000 }, &tools.shelf, 0, &job));
	assert_int_equal(job.owed_count, 2);
	assert_int_equal(job_owed(&job)[0].index, 4);
	assert_int_equal(job.attempts, 1);
	assert_true(job_reply(&job, 1, &found));
	assert_true(view_equal(found.text, VIEW("busy")));
	assert_ok(spool_begin(tools.spool));
	tools_settle_all(&tools, &job, OWED_DELIVERED);
	assert_ok(spool_commit(tools.spool));
	assert_int_equal(spool_counts(tools.spool).messages, 0);
	assert_int_equal(spool_counts(tools.spool).jobs, 0);
	assert_ok(spool_begin(tools.spool));
	assert_int_equal(spool_settle(tools.spool, &job).code, ERR_NOT_FOUND);
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
}

static void test_two_jobs_share_a_message(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 1);
	struct message *message = tools_message(&tools, id, 2, 5000);
	struct job jobs[2] = { 0 };

	for (uint16_t i = 0; i < 2; i++) {
		job_begin(&jobs[i], message, i, i);
		assert_true(job_owe(&jobs[i], &tools.shelf, 0, i, 0));
	}
	assert_ok(spool_begin(tools.spool));
	assert_ok(
	        spool_put(tools.spool, message, (struct job *[]){ &jobs[0], &jobs[1] }, 2, false));
	assert_ok(spool_commit(tools.spool));
	tools_verify(&tools);
	for (uint16_t i = 0; i < 2; i++) {
		assert_int_equal(spool_counts(tools.spool).messages, 1);
		assert_int_equal(spool_counts(tools.spool).jobs, 2 - i);
		assert_ok(spool_begin(tools.spool));
		tools_settle_all(&tools, &jobs[i], OWED_REMOVED);
		assert_ok(spool_commit(tools.spool));
		tools_verify(&tools);
		job_clear(&jobs[i], &tools.shelf);
	}
	assert_int_equal(spool_counts(tools.spool).messages, 0);
	message_release(message, &tools.shelf);
}

/* A job that takes over recipients gets a number of its own; the message goes with the last. */
static void test_branch(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 1);
	struct job job = tools_job(&tools, id, 3, 5000, 0, 10);
	struct job branches[2] = { 0 };
	struct spool_place place = { 0, 0 };

	assert_ok(spool_begin(tools.spool));
	assert_ok(tools_try_put(&tools, &job));
	assert_ok(spool_commit(tools.spool));
	for (uint16_t i = 0; i < 2; i++) {
		const bool moves[3] = { false, i == 1, i == 0 };

		assert_true(job_split(&job, &branches[i], moves, &tools.shelf, 0));
		branches[i].route = 1;
		branches[i].next_attempt.ms = 20 + i;
		assert_ok(spool_begin(tools.spool));
		assert_ok(spool_settle(tools.spool, &job));
		assert_ok(spool_branch(tools.spool, &branches[i]));
		assert_ok(spool_commit(tools.spool));
		assert_int_equal(branches[i].number, i + 1);
		tools_verify(&tools);
	}
	assert_int_equal(spool_counts(tools.spool).messages, 1);
	for (uint16_t i = 0; i < 3; i++) {
		struct job loaded = { 0 };

		assert_true(spool_walk(tools.spool, &place));
		assert_int_equal(place.number, i);
		assert_ok(spool_load(tools.spool, place, true, &tools.shelf, 0, &loaded));
		assert_int_equal(loaded.owed_count, 1);
		assert_int_equal(job_owed(&loaded)[0].index, i == 0 ? 0 : 3 - i);
		assert_int_equal(loaded.route, i > 0);
		tools_check_body(&tools, loaded.message);
		assert_ok(spool_begin(tools.spool));
		tools_settle_all(&tools, &loaded, OWED_DELIVERED);
		assert_ok(spool_commit(tools.spool));
		tools_verify(&tools);
		job_clear(&loaded, &tools.shelf);
	}
	assert_int_equal(spool_counts(tools.spool).messages, 0);
	job_clear(&job, &tools.shelf);
	job_clear(&branches[0], &tools.shelf);
	job_clear(&branches[1], &tools.shelf);
}

/* Hold, release, retry, another route: settles of a job that is not lent. */
static void test_operators_acts(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 1);
	struct spool_place place = { 0 };
	struct job job = { 0 };
	struct wall due = { 0 };

	tools_put(&tools, id, 3, 100, 0, 9000);
	assert_true(spool_walk(tools.spool, &place));
	assert_int_equal(place.id, id);
	assert_ok(spool_load(tools.spool, place, false, &tools.shelf, 0, &job));
	assert_int_equal(job.message->body.bytes, 0);
	assert_int_equal(job.message->body_bytes, 100);
	assert_false(spool_walk(tools.spool, &place));

	job.held = true;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_settle(tools.spool, &job));
	assert_ok(spool_commit(tools.spool));
	assert_int_equal(spool_counts(tools.spool).held, 1);
	assert_false(spool_next_due(tools.spool, 0, &due));
	tools_verify(&tools);

	job.held = false;
	job.next_attempt.ms = 3;
	job.route = 1;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_settle(tools.spool, &job));
	assert_ok(spool_commit(tools.spool));
	assert_false(spool_next_due(tools.spool, 0, &due));
	assert_true(spool_next_due(tools.spool, 1, &due));
	assert_int_equal(due.ms, 3);
	job_clear(&job, &tools.shelf);
}

static void test_abort_changes_nothing(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 2);
	struct job job = { 0 };

	tools_put(&tools, id, 1, 100, 0, 1);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job));
	struct job other = tools_job(&tools, id + 1, 1, 50000, 0, 1);
	assert_ok(spool_begin(tools.spool));
	assert_ok(tools_try_put(&tools, &other));
	tools_settle_all(&tools, &job, OWED_DELIVERED);
	spool_abort(tools.spool);
	assert_int_equal(spool_counts(tools.spool).messages, 1);
	assert_true(spool_is_lent(tools.spool, id, 0)); /* its settle did not happen */
	tools_verify(&tools);
	job_clear(&job, &tools.shelf);
	job_clear(&other, &tools.shelf);
}

static void test_ids_are_never_given_twice(void **state)
{
	(void)state;
	uint64_t last = tools_ids(&tools, 1000) + 999;
	uint64_t first = 0;

	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_reserve_ids(tools.spool, 5, &first));
	assert_true(first > last);
	spool_abort(tools.spool); /* not durable: may come again */
	tools_reopen(&tools);
	assert_true(tools_ids(&tools, 1) > last);
}

/* A map of 64 KiB grows to what is needed, without a restart. */
static void test_map_grows(void **state)
{
	(void)state;
	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
	tools.map_bytes = 1 << 17;
	tools_open(&tools);
	const uint64_t id = tools_ids(&tools, 20);
	int again = 0;

	for (uint64_t i = 0; i < 20; i++) {
		struct job job = tools_job(&tools, id + i, 1, 100000, 0, 1);
		struct err err;
		do {
			assert_int_equal(spool_counts(tools.spool).messages, i); /* a snapshot */
			err = spool_begin(tools.spool);
			assert_ok(err);
			err = tools_try_put(&tools, &job);
			if (failed(err))
				spool_abort(tools.spool);
			else
				err = spool_commit(tools.spool);
			again += err.code == ERR_AGAIN;
		} while (err.code == ERR_AGAIN);
		assert_ok(err);
		job_clear(&job, &tools.shelf);
	}
	assert_true(again > 2);
	assert_true(spool_counts(tools.spool).map_bytes > 2000000);
	assert_int_equal(spool_counts(tools.spool).messages, 20);
	tools_reopen(&tools);
	assert_int_equal(spool_counts(tools.spool).messages, 20);
}

static void test_batch_has_a_bound(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 3);
	struct job large = tools_job(&tools, id, 1, SPOOL_BATCH_BYTES + 100000, 0, 1);
	struct job other = tools_job(&tools, id + 1, 1, 100, 0, 1);

	assert_ok(spool_begin(tools.spool));
	assert_ok(tools_try_put(&tools, &large)); /* alone it may */
	assert_int_equal(tools_try_put(&tools, &other).code, ERR_LIMIT);
	assert_ok(spool_commit(tools.spool));
	assert_ok(spool_begin(tools.spool));
	assert_ok(tools_try_put(&tools, &other));
	assert_ok(spool_commit(tools.spool));
	assert_int_equal(spool_counts(tools.spool).messages, 2);
	job_clear(&large, &tools.shelf);
	job_clear(&other, &tools.shelf);
}

static void test_one_process(void **state)
{
	(void)state;
	const struct spool_settings settings = {
		.routes = tools_routes, .route_count = 1, .lent_max = 1
	};
	struct spool *second = NULL;

	assert_int_equal(spool_open(&second, tools.path, &settings).code, ERR_EXISTS);
	assert_int_equal(spool_open(&second, "missing/folder", &settings).code, ERR_SYSTEM);
}

static void test_folder_is_private(void **state)
{
	(void)state;
	struct stat folder;
	struct stat file;
	char name[64];

	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
	tools_open(&tools);
	assert_int_equal(stat(tools.path, &folder), 0);
	assert_int_equal(folder.st_mode & 0777, 0700);
	snprintf(name, sizeof name, "%s/data.mdb", tools.path);
	assert_int_equal(stat(name, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
}

static void test_not_a_spool(void **state)
{
	(void)state;
	const struct spool_settings settings = {
		.routes = tools_routes, .route_count = 1, .lent_max = 1
	};
	struct spool *spool = NULL;
	char name[64];

	spool_close(MOVE(tools.spool));
	snprintf(name, sizeof name, "%s/data.mdb", tools.path);
	const int fd = open(name, O_WRONLY | O_TRUNC);
	static const char page[8192] = "this is a text";
	assert_int_equal(write(fd, page, sizeof page), sizeof page);
	close(fd);
	assert_int_equal(spool_open(&spool, tools.path, &settings).code, ERR_FORMAT);
}

/* One that is earlier than seals, or later than ours, is left alone. */
static void test_formats(void **state)
{
	static const char record[][9] = { { 1, 0, 0, 0, 0, 0, 0, 0, 3 },
		{ 1, 0, 0, 0, 0, 0, 0, 0, 5 } };
	const struct store_settings settings = { .map_bytes = 1 << 26, .reserve_bytes = 1 << 20 };
	const struct spool_settings spool_settings = {
		.routes = tools_routes, .route_count = 1, .lent_max = 1
	};
	struct store *store = NULL;
	struct spool *spool = NULL;
	struct view value;

	(void)state;
	spool_close(MOVE(tools.spool));
	for (int i = 0; i < 2; i++) {
		assert_ok(store_open(&store, tools.path, &settings));
		assert_ok(store_begin(store));
		assert_ok(store_put(store, TABLE_META, VIEW("format"), view_from(record[i], 9)));
		assert_ok(store_commit(store));
		store_close(store);
		const struct err err = spool_open(&spool, tools.path, &spool_settings);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_int_equal(err.detail, record[i][8]);
		assert_ok(store_open(&store, tools.path, &settings));
		assert_ok(store_get(store, TABLE_META, VIEW("format"), &value));
		assert_int_equal(value.data[8], record[i][8]);
		store_close(store);
	}
}

/* Routes keep their durable ids, whatever the order of the settings; what is configured no more
 * keeps its jobs, which another route may adopt. */
static void test_routes_are_durable(void **state)
{
	(void)state;
	static const char *const other[] = { "hve", "direct" };
	const struct spool_settings settings = {
		.routes = other, .route_count = 2, .lent_max = 10
	};
	const uint64_t id = tools_ids(&tools, 2);
	struct job job = { 0 };

	tools_put(&tools, id, 1, 10, 0, 1);
	tools_put(&tools, id + 1, 1, 10, 1, 1);
	spool_close(MOVE(tools.spool));
	assert_ok(spool_open(&tools.spool, tools.path, &settings));
	assert_string_equal(spool_route_name(tools.spool, 0), "hve");
	assert_string_equal(spool_route_name(tools.spool, 1), "direct");
	assert_string_equal(spool_route_name(tools.spool, 2), "submission");
	assert_null(spool_route_name(tools.spool, 3));
	assert_ok(spool_next(tools.spool, 1, (struct wall){ 1 }, &tools.shelf, 0, &job));
	assert_int_equal(job.id, id + 1);
	job_clear(&job, &tools.shelf);

	assert_ok(spool_next(tools.spool, 2, (struct wall){ 1 }, &tools.shelf, 0, &job));
	assert_int_equal(job.id, id);
	job.route = 0;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_settle(tools.spool, &job));
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job));
	assert_int_equal(job.id, id);
	job_clear(&job, &tools.shelf);
}

/* Changes the first rows behind the spool's back. */
static void damage_rows(const char *table, const char *mode, uint64_t rows)
{
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_cursor *cursor = NULL;
	MDB_dbi dbi = 0;
	MDB_val key;
	MDB_val value;

	spool_close(MOVE(tools.spool));
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 16), 0);
	assert_int_equal(mdb_env_open(env, tools.path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
	assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
	if (strcmp(mode, "delete") == 0) {
		for (; rows > 0; rows--) {
			assert_int_equal(mdb_cursor_del(cursor, 0), 0);
			(void)mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
		}
	} else {
		char *copy = malloc(value.mv_size);
		assert_non_null(copy);
		memcpy(copy, value.mv_data, value.mv_size);
		value.mv_data = copy;
		if (strcmp(mode, "cut") == 0)
			value.mv_size--;
		else
			copy[value.mv_size / 2] ^= 1;
		assert_int_equal(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), 0);
		free(copy);
	}
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	tools_open(&tools);
}

/* A damaged message is named, passed over, and stands in nobody's way. */
static void test_damage_is_passed_over(void **state)
{
	(void)state;
	static const char *const tables[] = { "messages", "bodies", "jobs" };
	static const char *const modes[] = { "delete", "cut", "one bit" };
	char room[200];

	for (size_t i = 0; i < 9; i++) {
		const uint64_t id = tools_ids(&tools, 2);
		struct text what = TEXT_ON(room);
		struct job job = { 0 };
		tools_put(&tools, id, 1, 9000, 0, 1);
		tools_put(&tools, id + 1, 1, 9000, 0, 2);
		damage_rows(tables[i % 3], modes[i / 3], 1);
		assert_int_equal(spool_verify(tools.spool, &what).code, ERR_FORMAT);
		assert_int_equal(
		        spool_next(tools.spool, 0, (struct wall){ 5 }, &tools.shelf, 0, &job).code,
		        ERR_FORMAT);
		assert_int_equal(job.id, id);
		job = (struct job){ 0 };
		assert_ok(spool_next(tools.spool, 0, (struct wall){ 5 }, &tools.shelf, 0, &job));
		assert_int_equal(job.id, id + 1);
		job_clear(&job, &tools.shelf);
		spool_close(MOVE(tools.spool));
		tools_remove(&tools);
		tools_open(&tools);
	}
}

/* However many there are: a whole table of envelopes lost. */
static void test_much_damage(void **state)
{
	(void)state;
	const uint64_t count = 1300;
	const uint64_t id = tools_ids(&tools, count + 1);
	struct job job = { 0 };

	assert_ok(spool_begin(tools.spool));
	for (uint64_t i = 0; i < count; i++) {
		struct job one = tools_job(&tools, id + i, 1, 0, 0, 1);
		assert_ok(tools_try_put(&tools, &one));
		job_clear(&one, &tools.shelf);
	}
	assert_ok(spool_commit(tools.spool));
	damage_rows("messages", "delete", count);
	tools_put(&tools, id + count, 1, 0, 0, 2);
	for (uint64_t i = 0; i < count; i++) {
		assert_int_equal(
		        spool_next(tools.spool, 0, (struct wall){ 5 }, &tools.shelf, 0, &job).code,
		        ERR_FORMAT);
		assert_int_equal(job.id, id + i);
		job = (struct job){ 0 };
	}
	assert_int_equal(spool_counts(tools.spool).damaged, 1024);
	assert_int_equal(spool_counts(tools.spool).lent, 0);
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 5 }, &tools.shelf, 0, &job));
	assert_int_equal(job.id, id + count);
	job_clear(&job, &tools.shelf);
	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
	tools_open(&tools);
}

static void test_budget_used_up(void **state)
{
	(void)state;
	const uint64_t id = tools_ids(&tools, 1);
	struct chunk *taken = NULL;
	struct job job = { 0 };

	tools_put(&tools, id, 1, 100000, 0, 1);
	for (int left = 0; left < 6; left++) {
		for (struct chunk *chunk = shelf_take(&tools.shelf); chunk != NULL;
		        chunk = shelf_take(&tools.shelf)) {
			chunk->next = taken;
			taken = chunk;
		}
		for (int i = 0; i < left; i++) {
			struct chunk *next = MOVE(taken->next);
			shelf_give(&tools.shelf, taken);
			taken = next;
		}
		assert_int_equal(
		        spool_next(tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job).code,
		        ERR_NO_MEMORY);
		assert_false(spool_is_lent(tools.spool, id, 0));
	}
	while (taken != NULL) {
		struct chunk *next = MOVE(taken->next);
		shelf_give(&tools.shelf, taken);
		taken = next;
	}
	assert_ok(spool_next(tools.spool, 0, (struct wall){ 1 }, &tools.shelf, 0, &job));
	job_clear(&job, &tools.shelf);
}

static void note(const char *name, const char *record)
{
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_note(tools.spool, view_of(name), view_of(record)));
	assert_ok(spool_commit(tools.spool));
}

static void test_notes(void **state)
{
	(void)state;
	const struct view prefix = VIEW("a/");
	struct view name;
	struct view record;

	assert_int_equal(spool_read_note(tools.spool, VIEW("a/1"), &record).code, ERR_NOT_FOUND);
	note("a/1", "one");
	note("a/2", "two");
	note("b/1", "other");
	note("a/1", "another");
	note("a/3", "gone soon");
	note("a/3", "");
	note("a/4", ""); /* never was */
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_note(tools.spool, VIEW("a/2"), VIEW("not to be")));
	spool_abort(tools.spool);
	tools_reopen(&tools);
	assert_ok(spool_read_note(tools.spool, VIEW("a/1"), &record));
	assert_true(view_equal(record, VIEW("another")));
	assert_ok(spool_next_note(tools.spool, prefix, prefix, &name, &record));
	assert_true(view_equal(name, VIEW("a/1")));
	assert_ok(spool_next_note(tools.spool, prefix, VIEW("a/1"), &name, &record));
	assert_true(view_equal(name, VIEW("a/2")));
	assert_true(view_equal(record, VIEW("two")));
	assert_int_equal(spool_next_note(tools.spool, prefix, VIEW("a/2"), &name, &record).code,
	        ERR_NOT_FOUND);
}

int main(void)
{
#define SPOOL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_formats),
		SPOOL_TEST(test_put_and_load),
		SPOOL_TEST(test_what_is_not_due_waits),
		SPOOL_TEST(test_what_lies_too_far_ahead_is_due),
		SPOOL_TEST(test_settle),
		SPOOL_TEST(test_two_jobs_share_a_message),
		SPOOL_TEST(test_branch),
		SPOOL_TEST(test_operators_acts),
		SPOOL_TEST(test_abort_changes_nothing),
		SPOOL_TEST(test_ids_are_never_given_twice),
		SPOOL_TEST(test_map_grows),
		SPOOL_TEST(test_batch_has_a_bound),
		SPOOL_TEST(test_one_process),
		SPOOL_TEST(test_folder_is_private),
		SPOOL_TEST(test_not_a_spool),
		SPOOL_TEST(test_routes_are_durable),
		SPOOL_TEST(test_damage_is_passed_over),
		SPOOL_TEST(test_much_damage),
		SPOOL_TEST(test_budget_used_up),
		SPOOL_TEST(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
