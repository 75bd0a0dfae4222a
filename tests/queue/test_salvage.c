/* Mail is found in files whose tables say nothing any more, and what was settled is known for that
 * as far as anything still tells of it. */
#include "queue/salvage.h"
#include "queue/record.h"
#include "queue/row_key.h"
#include "queue/store_folder.h"
#include "queue/tables.h"
#include "spool_tools.h"

#include <fcntl.h>

#define MAILS      60
#define PAGE_BYTES 4096
#define BODY_MAX   20000

static struct tools tools;
static uint64_t first_id;
static char copy[40]; /* of the spool, as a crash leaves it */

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	first_id = tools_ids(&tools, MAILS);
	snprintf(copy, sizeof copy, "%s-copy", tools.path);
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	tools_stop(&tools);
	snprintf(command, sizeof command, "rm -rf %s", copy);
	assert_int_equal(system(command), 0);
	return 0;
}

static size_t body_bytes(uint64_t id)
{
	return (size_t)(id * 7919 % BODY_MAX);
}

static void put(uint64_t i)
{
	const uint64_t id = first_id + i;

	tools_put(&tools, id, 1 + (uint32_t)(i % 5) * 300, body_bytes(id), (uint16_t)(i % 2),
	        (int64_t)i);
}

static void settle(uint64_t i, enum owed_outcome outcome)
{
	const struct spool_place place = { first_id + i, 0 };
	struct job job = { 0 };

	assert_ok(spool_load(tools.spool, place, false, &tools.shelf, 0, &job));
	assert_ok(spool_begin(tools.spool));
	for (size_t at = 0; at + 1 < job.owed_count; at++)
		job_set_outcome(&job, at, OWED_DELIVERED, NULL, &tools.shelf);
	job_set_outcome(&job, job.owed_count - 1, outcome, NULL, &tools.shelf);
	job.attempts++;
	assert_ok(spool_settle(tools.spool, &job));
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
}

static void copy_spool(void)
{
	char command[300];

	snprintf(command, sizeof command,
	        "rm -rf %s && mkdir %s && cp %s/data.mdb %s/journal %s/lock %s", copy, copy,
	        tools.path, tools.path, tools.path, copy);
	assert_int_equal(system(command), 0);
}

static int open_file(const char *file, int flags)
{
	char name[100];

	snprintf(name, sizeof name, "%s/%s", copy, file);
	return open(name, flags | O_CLOEXEC);
}

static void overwrite(const char *file, uint64_t at, size_t bytes)
{
	static const char noise[PAGE_BYTES] = "noise";
	const int fd = open_file(file, O_WRONLY);

	assert_true(fd >= 0);
	while (bytes > 0) {
		const size_t piece = bytes < sizeof noise ? bytes : sizeof noise;
		assert_int_equal(pwrite(fd, noise, piece, (off_t)at), piece);
		at += piece;
		bytes -= piece;
	}
	close(fd);
}

static bool expect_salt(void *owner, struct store_row row)
{
	struct record_reader reader = record_read(row.value);

	if (!view_equal(row.key, VIEW("journal")))
		return true;
	(void)record_get(&reader, 1 + 8);
	salvage_expect_journal(owner, record_get(&reader, JOURNAL_SALT_BYTES).data);
	return true;
}

static bool expect_job(void *owner, struct store_row row)
{
	uint64_t id = 0;
	uint16_t number = 0;

	assert_true(row_key_parse_job(row.key, &id, &number));
	assert_ok(salvage_expect_job(owner, id, number));
	return true;
}

static struct salvage *salvage;
static int fds[3];

static void open_salvage(bool with_tables)
{
	struct seal_secret secret = { 0 };

	fds[0] = open_file("data.mdb", O_RDONLY);
	fds[1] = open_file("journal", O_RDONLY);
	fds[2] = open_file("lock", O_RDONLY);
	assert_true(store_folder_read_secret(fds[2], &secret.number));
	assert_ok(salvage_create(&salvage, fds[0], fds[1]));
	salvage_set_secret(salvage, secret);
	if (with_tables) {
		assert_ok(tables_walk(copy, TABLE_META, expect_salt, salvage));
		assert_ok(tables_walk(copy, TABLE_JOBS, expect_job, salvage));
		salvage_expect_no_more(salvage);
	}
	assert_ok(salvage_read(salvage));
}

static void close_salvage(void)
{
	salvage_destroy(MOVE(salvage));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* Whole as it was put; false: something is missing. */
static bool is_whole(const struct salvage_found *found)
{
	char room[200];
	struct text what = TEXT_ON(room);
	struct message *message = NULL;
	const struct err err = salvage_load(salvage, found, &tools.shelf, &message, &what);

	if (err.code == ERR_FORMAT) {
		assert_true(what.bytes > 0);
		return false;
	}
	assert_ok(err);
	assert_int_equal(message->id, found->id);
	assert_int_equal(message->body_bytes, body_bytes(found->id));
	assert_int_equal(message->recipient_count, 1 + (found->id - first_id) % 5 * 300);
	tools_check_body(&tools, message);
	message_release(message, &tools.shelf);
	return true;
}

static void check_job(const struct salvage_found *found, bool deferred)
{
	struct job job = { 0 };
	const uint64_t i = found->id - first_id;

	assert_int_equal(found->job_count, 1);
	assert_ok(salvage_load_job(salvage, found, 0, &tools.shelf, &job));
	assert_int_equal(job.attempts, deferred);
	assert_int_equal(job.owed_count, deferred ? 1 : 1 + i % 5 * 300);
	assert_string_equal(salvage_route_name(salvage, job.route), tools_routes[i % 2]);
	job_clear(&job, &tools.shelf);
}

/* Of every four: settled, put off, put off later, and as it came; the second half of all of it when
 * the tables were written last. */
static void work(void)
{
	for (uint64_t i = 0; i < MAILS; i++) {
		if (i == MAILS / 2)
			assert_ok(spool_tidy(tools.spool));
		put(i);
		if (i % 4 == 0)
			settle(i, OWED_DELIVERED);
		if (i % 4 == 1)
			settle(i, OWED_DEFERRED);
	}
	for (uint64_t i = 2; i < MAILS; i += 4)
		settle(i, OWED_DEFERRED);
	copy_spool();
}

static void test_whole_files(void **state)
{
	struct salvage_found found = { 0 };
	uint64_t count = 0;

	(void)state;
	work();
	open_salvage(true);
	while (salvage_next(salvage, &found)) {
		const uint64_t i = found.id - first_id;
		assert_int_not_equal(i % 4, 0);
		assert_int_equal(found.surety, SALVAGE_OWED);
		assert_true(is_whole(&found));
		check_job(&found, i % 4 != 3);
		count++;
	}
	assert_int_equal(count, MAILS / 4 * 3);
	assert_int_equal(salvage_unreadable_bytes(salvage), 0);
	close_salvage();
}

/* Nothing of the tables' own pages is left but leaves and bodies. */
static void test_no_tables(void **state)
{
	struct salvage_found found = { 0 };
	uint64_t count = 0;

	(void)state;
	work();
	overwrite("data.mdb", 0, 2 * PAGE_BYTES);
	open_salvage(false);
	while (salvage_next(salvage, &found)) {
		const uint64_t i = found.id - first_id;
		if (i % 4 == 0) {
			assert_int_not_equal(found.surety, SALVAGE_OWED);
			continue;
		}
		assert_int_equal(found.surety, SALVAGE_PERHAPS);
		assert_true(is_whole(&found));
		check_job(&found, i % 4 != 3);
		count++;
	}
	assert_int_equal(count, MAILS / 4 * 3);
	close_salvage();
}

/* Mail that the journal alone has: the tables were never written. */
static void test_journal_alone(void **state)
{
	struct salvage_found found = { 0 };
	uint64_t count = 0;

	(void)state;
	for (uint64_t i = 0; i < MAILS; i++)
		put(i);
	for (uint64_t i = 0; i < MAILS; i += 2)
		settle(i, OWED_DELIVERED);
	copy_spool();
	overwrite("data.mdb", 2 * PAGE_BYTES, PAGE_BYTES);
	open_salvage(false);
	while (salvage_next(salvage, &found)) {
		assert_int_equal((found.id - first_id) % 2, 1);
		assert_true(is_whole(&found));
		count++;
	}
	assert_int_equal(count, MAILS / 2);
	close_salvage();
}

/* One page after the other (every fifth, for the time) is spoilt: whoever has nothing on it is
 * found whole, and the others are found in part, which names them. */
static void test_every_page_once(void **state)
{
	struct stat file;
	uint64_t spoilt = 0;
	char name[100];

	(void)state;
	for (uint64_t i = 0; i < MAILS; i++)
		put(i);
	spool_close(MOVE(tools.spool));
	copy_spool();
	snprintf(name, sizeof name, "%s/data.mdb", copy);
	assert_int_equal(stat(name, &file), 0);
	for (uint64_t at = 0; at < (uint64_t)file.st_size; at += 5 * PAGE_BYTES) {
		struct salvage_found found = { 0 };
		uint64_t whole = 0;
		uint64_t count = 0;
		copy_spool();
		overwrite("data.mdb", at, PAGE_BYTES);
		overwrite("journal", 0, PAGE_BYTES); /* which has most of it, too */
		open_salvage(false);
		while (salvage_next(salvage, &found)) {
			count++;
			whole += is_whole(&found) && found.job_count == 1;
		}
		/* A page has a piece of one large row, or the small rows of some. */
		assert_true(count == MAILS);
		assert_true(whole + 40 >= MAILS);
		spoilt += whole < MAILS;
		close_salvage();
	}
	assert_true(spoilt > MAILS / 5);
	tools_open(&tools);
}

/* A list that tells of a job which is not there is not believed in what it leaves out. */
static void test_a_list_that_lies(void **state)
{
	struct salvage_found found = { 0 };
	struct seal_secret secret = { 0 };
	uint64_t perhaps = 0;
	uint64_t lost = 0;

	(void)state;
	for (uint64_t i = 0; i < MAILS; i++)
		put(i);
	spool_close(MOVE(tools.spool));
	copy_spool();
	fds[0] = open_file("data.mdb", O_RDONLY);
	fds[1] = open_file("journal", O_RDONLY);
	fds[2] = open_file("lock", O_RDONLY);
	assert_true(store_folder_read_secret(fds[2], &secret.number));
	assert_ok(salvage_create(&salvage, fds[0], -1));
	salvage_set_secret(salvage, secret);
	for (uint64_t i = 1; i < MAILS; i++)
		assert_ok(salvage_expect_job(salvage, first_id + i, 0));
	assert_ok(salvage_expect_job(salvage, first_id + MAILS + 5, 0));
	salvage_expect_no_more(salvage);
	assert_ok(salvage_read(salvage));
	while (salvage_next(salvage, &found)) {
		perhaps += found.surety == SALVAGE_PERHAPS;
		lost += found.surety == SALVAGE_JOB_LOST;
	}
	assert_int_equal(perhaps, 1);
	assert_int_equal(lost, 1);
	close_salvage();
	tools_open(&tools);
}

/* What stands behind a damaged group is found; nothing is sure any more, and it is known why. */
static void test_a_damaged_group(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < MAILS; i++)
		put(i);
	for (int with_tables = 0; with_tables < 2; with_tables++) {
		static const uint64_t pages[] = { 0, 40 };
		for (int i = 0; i < 2; i++) {
			struct salvage_found found = { 0 };
			uint64_t count = 0;
			copy_spool();
			overwrite("journal", pages[i] * PAGE_BYTES, 16);
			open_salvage(with_tables == 1);
			assert_true(salvage_journal_is_damaged(salvage));
			while (salvage_next(salvage, &found)) {
				assert_int_equal(found.surety, SALVAGE_PERHAPS);
				assert_int_equal(found.perhaps_count, 1);
				assert_true(is_whole(&found));
				count++;
			}
			/* Without the salt nobody can tell what belongs to a journal that has lost
			 * its start. */
			if (with_tables == 0 && pages[i] == 0)
				assert_int_equal(count, 0);
			else
				assert_true(count >= MAILS - 1);
			close_salvage();
		}
	}
}

/* One of a message's jobs is lost: that is not forgotten for the others. */
static void test_one_job_of_some(void **state)
{
	struct salvage_found found = { 0 };
	struct seal_secret secret = { 0 };

	(void)state;
	put(0);
	spool_close(MOVE(tools.spool));
	copy_spool();
	fds[0] = open_file("data.mdb", O_RDONLY);
	fds[1] = open_file("journal", O_RDONLY);
	fds[2] = open_file("lock", O_RDONLY);
	assert_true(store_folder_read_secret(fds[2], &secret.number));
	assert_ok(salvage_create(&salvage, fds[0], -1));
	salvage_set_secret(salvage, secret);
	assert_ok(salvage_expect_job(salvage, first_id, 0));
	assert_ok(salvage_expect_job(salvage, first_id, 1));
	salvage_expect_no_more(salvage);
	assert_ok(salvage_read(salvage));
	assert_true(salvage_next(salvage, &found));
	assert_int_equal(found.surety, SALVAGE_OWED);
	assert_int_equal(found.job_count, 1);
	assert_int_equal(found.lost_count, 1);
	assert_false(salvage_next(salvage, &found));
	close_salvage();
	tools_open(&tools);
}

/* A mail that has a spool's rows in its body, sealed by another spool, adds nothing. */
static void test_rows_in_a_body(void **state)
{
	struct salvage_found found = { 0 };
	char name[100];
	static char rows[200000];
	struct message *message = NULL;
	struct job job = { 0 };

	(void)state;
	put(0);
	spool_close(MOVE(tools.spool));
	snprintf(name, sizeof name, "%s/data.mdb", tools.path);
	FILE *file = fopen(name, "rb");
	assert_non_null(file);
	const size_t bytes = fread(rows, 1, sizeof rows, file);
	fclose(file);
	tools_remove(&tools);
	tools_open(&tools);
	const uint64_t id = tools_ids(&tools, 100) + 50;
	message = message_create(&tools.shelf, 0);
	message_name(message, id, (struct wall){ 5 });
	const struct message_recipient recipient = { .address = VIEW("a@example.org") };
	assert_true(message_add_recipient(message, &tools.shelf, 0, &recipient));
	assert_true(rope_append(&message->body, &tools.shelf, view_from(rows, bytes), 0));
	message_seal(message);
	job_begin(&job, message, 0, 0);
	message_release(message, &tools.shelf);
	assert_true(job_owe_all(&job, &tools.shelf, 0));
	assert_ok(spool_begin(tools.spool));
	assert_ok(tools_try_put(&tools, &job));
	assert_ok(spool_commit(tools.spool));
	job_clear(&job, &tools.shelf);
	spool_close(MOVE(tools.spool));
	copy_spool();
	/* Also where the row that holds it is no row any more. */
	for (int spoils = 0; spoils < 2; spoils++) {
		open_salvage(false);
		assert_true(salvage_next(salvage, &found));
		assert_int_equal(found.id, id);
		assert_false(salvage_next(salvage, &found));
		close_salvage();
		found = (struct salvage_found){ 0 };
		for (uint64_t at = 0; at < 64; at++) {
			const int fd = open_file("data.mdb", O_RDWR);
			char mark[SEAL_HEAD_BYTES];
			if (pread(fd, mark, sizeof mark, (off_t)(at * PAGE_BYTES + 16)) ==
			                (ssize_t)sizeof mark &&
			        seal_find(view_from(mark, sizeof mark)) == 0 &&
			        mark[5] == TABLE_BODIES)
				overwrite("data.mdb", at * PAGE_BYTES + 16 + 20, 1);
			close(fd);
		}
	}
	tools_open(&tools);
}

#define SALVAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SALVAGE_TEST(test_whole_files),
		SALVAGE_TEST(test_no_tables),
		SALVAGE_TEST(test_journal_alone),
		SALVAGE_TEST(test_every_page_once),
		SALVAGE_TEST(test_a_list_that_lies),
		SALVAGE_TEST(test_a_damaged_group),
		SALVAGE_TEST(test_one_job_of_some),
		SALVAGE_TEST(test_rows_in_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
