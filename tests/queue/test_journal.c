#include "disk_faults.h"
#include "queue/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define GROUP_BYTES   65536
#define JOURNAL_BYTES (2 * JOURNAL_STEP_BYTES)
#define GROUPS        5

static const char salt[JOURNAL_SALT_BYTES] = "of this time...";
static const char old_salt[JOURNAL_SALT_BYTES] = "of another time";
static char path[32];
static int folder;
static struct journal journal;
static struct journal_group group;

static void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static void open_journal(void)
{
	assert_ok(journal_open(&journal, folder, JOURNAL_BYTES));
	journal_restart(&journal, 10, salt);
}

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	snprintf(path, sizeof path, "journal-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	folder = open(path, O_RDONLY | O_DIRECTORY);
	open_journal();
	return failed(journal_group_init(&group, GROUP_BYTES));
}

static int tear_down(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	journal_close(&journal);
	journal_group_finish(&group);
	(void)unlinkat(folder, "journal", 0);
	close(folder);
	return rmdir(path);
}

/* A group that says which it is, of a page or several. */
static struct err append(uint64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%lu", (unsigned long)number);
	const struct journal_change put = { JOURNAL_PUT, 1, view_of(text), VIEW("x") };
	journal_group_clear(&group);
	journal_group_add(&group, &put);
	const struct span room = journal_group_add_room(&group, 2, VIEW("body"), number % 3 * 3000);
	memset(room.data, (int)number, room.bytes);
	return journal_append(&journal, &group);
}

static void assert_group(struct view changes, uint64_t number)
{
	struct journal_change change;
	uint64_t is = 0;

	assert_true(journal_change_next(&changes, &change));
	assert_true(view_to_u64(change.key, &is));
	assert_int_equal(is, number);
	assert_true(journal_change_next(&changes, &change));
	assert_int_equal(change.value.bytes, number % 3 * 3000);
	assert_false(journal_change_next(&changes, &change));
}

/* Reads all; how many there were from number 10 on. */
static uint64_t read_all_groups(enum err_code end)
{
	struct view changes;
	uint64_t count = 0;
	struct err err;

	journal_restart(&journal, 10, salt);
	while (!failed(err = journal_read(&journal, group.room, &changes)))
		assert_group(changes, 10 + count++);
	assert_int_equal(err.code, end);
	return count;
}

static void test_groups_come_back(void **state)
{
	(void)state;
	assert_true(journal_is_empty(&journal));
	for (uint64_t i = 0; i < GROUPS; i++)
		assert_ok(append(10 + i));
	assert_false(journal_is_empty(&journal));
	journal_close(&journal);
	open_journal();
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), GROUPS);
	/* And it goes on behind them. */
	assert_ok(append(10 + GROUPS));
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), GROUPS + 1);
	journal_rewind(&journal);
	struct view changes;
	assert_ok(journal_read(&journal, group.room, &changes));
	assert_group(changes, 10);
}

/* Groups of an earlier time lie behind those of this one, and are none. */
static void test_begins_anew(void **state)
{
	(void)state;
	journal_restart(&journal, 10, old_salt);
	for (uint64_t i = 0; i < GROUPS; i++)
		assert_ok(append(10 + i));
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), 0);
	journal_restart(&journal, 10, salt);
	assert_ok(append(10));
	assert_ok(append(11));
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), 2);
}

static void test_until_it_is_full(void **state)
{
	(void)state;
	uint64_t count = 0;
	struct err err;
	struct stat file;

	while (!failed(err = append(10 + count)))
		count++;
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(count > JOURNAL_BYTES / (3 * JOURNAL_PAGE_BYTES));
	assert_int_equal(fstatat(folder, "journal", &file, 0), 0);
	assert_int_equal(file.st_size, JOURNAL_BYTES);
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), count);
}

/* A crash may leave any part of the last group: the others are there, it is not. */
static void test_torn_at_any_page(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < GROUPS; i++)
		assert_ok(append(10 + i));
	const uint64_t end = journal.at;
	for (uint64_t at = end - 2 * JOURNAL_PAGE_BYTES; at < end; at += 512) {
		char kept[512];
		char torn[512] = "torn";
		assert_int_equal(pread(journal.fd, kept, sizeof kept, (off_t)at), sizeof kept);
		if (memcmp(kept, (char[512]){ 0 }, sizeof kept) == 0)
			continue; /* what fills the last page */
		assert_int_equal(pwrite(journal.fd, torn, sizeof torn, (off_t)at), sizeof torn);
		assert_int_equal(read_all_groups(ERR_NOT_FOUND), GROUPS - 1);
		assert_int_equal(pwrite(journal.fd, kept, sizeof kept, (off_t)at), sizeof kept);
	}
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), GROUPS);
}

/* One that others follow was whole once: then the disk has lost mail, and says so. */
static void test_damaged_in_its_midst(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < GROUPS; i++)
		assert_ok(append(10 + i));
	for (uint64_t at = 0;
	        at + 2 * JOURNAL_PAGE_BYTES < journal.file_bytes && at < 3 * JOURNAL_PAGE_BYTES;
	        at += JOURNAL_PAGE_BYTES) {
		char kept[64];
		assert_int_equal(pread(journal.fd, kept, sizeof kept, (off_t)at), sizeof kept);
		assert_int_equal(pwrite(journal.fd, "bad", 3, (off_t)at), 3);
		assert_true(read_all_groups(ERR_FORMAT) < GROUPS - 1);
		assert_int_equal(pwrite(journal.fd, kept, sizeof kept, (off_t)at), sizeof kept);
	}
}

static void test_failing_disk(void **state)
{
	(void)state;
	assert_ok(append(10));
	disk = (struct disk_faults){ .fail_at = 1, .error = EIO };
	assert_int_equal(append(11).code, ERR_BROKEN); /* its write is its sync */
	disk = (struct disk_faults){ .fail_at = 1, .error = ENOSPC };
	assert_int_equal(append(11).code, ERR_NO_SPACE);
	disk = (struct disk_faults){ 0 };
	assert_ok(append(11));
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), 2);
}

static void test_full_disk(void **state)
{
	(void)state;
	uint64_t count = 0;
	struct err err;

	assert_ok(append(10));
	disk.capacity = JOURNAL_STEP_BYTES + 10000;
	while (!failed(err = append(11 + count)))
		count++;
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_true(count > 50);
	disk.capacity = 0;
	assert_int_equal(read_all_groups(ERR_NOT_FOUND), count + 1);
	assert_ok(append(11 + count));
}

int main(void)
{
#define JOURNAL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(test_groups_come_back),
		JOURNAL_TEST(test_begins_anew),
		JOURNAL_TEST(test_until_it_is_full),
		JOURNAL_TEST(test_torn_at_any_page),
		JOURNAL_TEST(test_damaged_in_its_midst),
		JOURNAL_TEST(test_failing_disk),
		JOURNAL_TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
