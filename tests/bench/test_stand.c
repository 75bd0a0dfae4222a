#include "bench/stand.h"

#include "bench/stand_files.h"
#include "engine/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct stand_settings settings(void)
{
	const char *programs = getenv("SLUICE_BUILD");

	return (struct stand_settings){ .programs = programs == NULL ? "build" : programs,
		.place = ".",
		.sessions = 2,
		.pipeline = 4,
		.connections = 10 };
}

static void test_lives_and_leaves_nothing(void **state)
{
	(void)state;
	const struct stand_settings wanted = settings();
	static struct stand stand;
	struct stand_account account;
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	char folder[STAND_PATH_MAX];
	uint64_t count = 99;

	assert_false(failed(stand_open(&stand, &wanted, &why)));
	(void)snprintf(folder, sizeof folder, "%s", stand.folder);
	assert_int_equal(access(stand.config, R_OK), 0);
	assert_int_equal(access(stand.authority, R_OK), 0);
	assert_int_not_equal(stand.mock_port, stand.sluice_port);
	assert_int_equal(stand_mock(&stand).port, stand.mock_port);
	assert_int_equal(stand_sluice(&stand).port, stand.sluice_port);
	if (failed(stand_start_mock(&stand, &why)) || failed(stand_start_sluice(&stand, &why)) ||
	        failed(stand_await_sluice(&stand, &why)))
		fail_msg("%s", text_string(&why));
	assert_true(stand_ask_account(&stand, &account));
	assert_int_equal(account.messages, 0);
	stand_account_finish(&account);
	assert_true(stand_queue_count(&stand, &count));
	assert_int_equal(count, 0);
	stand_close(&stand);
	assert_int_equal(stand.mock.pid, 0);
	assert_int_equal(stand.sluice.pid, 0);
	assert_int_not_equal(access(folder, F_OK), 0);
	assert_false(stand_ask_account(&stand, &account));
}

static void test_names_file_systems(void **state)
{
	(void)state;
	static struct stand stand = { .folder = "/proc" };
	char name[64];
	struct text text = TEXT_ON(name);

	stand_file_system(&stand, &text);
	assert_string_equal(text_string(&text), "file system 0x9fa0");
	text = text_on(name, sizeof name);
	(void)snprintf(stand.folder, sizeof stand.folder, "/there-is-no-such-folder");
	stand_file_system(&stand, &text);
	assert_string_equal(text_string(&text), "unknown");
}

static void test_reads_accounts(void **state)
{
	(void)state;
	char path[64];
	struct stand_account account;

	(void)snprintf(path, sizeof path, "test_stand.%d.json", (int)getpid());
	assert_false(stand_files_account(path, &account)); /* not there yet */
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("{\"messages\": 5, \"distinct\": 4, ", file);
	fflush(file);
	assert_false(stand_files_account(path, &account)); /* half of it */
	fputs("\"duplicates\": 1, \"last_ns\": 77, \"duplicate_ids\": [\"<1@x>\"], "
	      "\"latency\": {\"count\": 2, \"most_ns\": 9, \"buckets\": [[9, 2]]}}",
	        file);
	assert_int_equal(fclose(file), 0);
	assert_true(stand_files_account(path, &account));
	assert_int_equal(account.messages, 5);
	assert_int_equal(account.distinct, 4);
	assert_int_equal(account.duplicates, 1);
	assert_int_equal(account.last.ns, 77);
	assert_int_equal(account.latency.count, 2);
	assert_int_equal(account.duplicate_id_count, 1);
	assert_string_equal(account.duplicate_ids[0], "<1@x>");
	stand_account_finish(&account);
	assert_int_equal(remove(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives_and_leaves_nothing),
		cmocka_unit_test(test_names_file_systems),
		cmocka_unit_test(test_reads_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
