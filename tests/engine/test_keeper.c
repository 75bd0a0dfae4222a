#include "engine/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct config config;
	struct keeper keeper;
	char path[32];
	struct config_identity identity;
	struct keeper_ask ask;
};

static int begin(void **state)
{
	static const struct io_settings settings = { 64, 1, 4096 };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(fixture);
	(void)snprintf(fixture->path, sizeof fixture->path, "keeper-%d", (int)getpid());
	fixture->identity.secret_file = fixture->path;
	fixture->ask.identity = &fixture->identity;
	assert_false(failed(depot_create(&fixture->depot, 1 << 20)));
	const struct keeper_settings settings_of = { .config = &fixture->config,
		.depot = fixture->depot };
	assert_false(failed(keeper_init(&fixture->keeper, &settings_of, &why)));
	shelf_init(&fixture->shelf, fixture->depot);
	assert_false(failed(loop_init(&fixture->loop, &settings, &fixture->shelf, &why)));
	loop_start(&fixture->loop);
	assert_false(failed(helper_join(&fixture->keeper.helper, 0, &fixture->loop, 1)));
	assert_false(failed(helper_start(&fixture->keeper.helper)));
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	helper_stop(&fixture->keeper.helper);
	helper_leave(&fixture->keeper.helper, 0, &fixture->loop);
	keeper_finish(&fixture->keeper);
	loop_finish(&fixture->loop);
	shelf_finish(&fixture->shelf);
	depot_destroy(fixture->depot);
	(void)remove(fixture->path);
	free(fixture);
	return 0;
}

static void write_secret(const struct fixture *fixture, const char *secret, size_t bytes)
{
	FILE *file = fopen(fixture->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(secret, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

static void ask(struct fixture *fixture)
{
	struct helper_ask *answered = NULL;

	helper_ask(&fixture->keeper.helper, 0, &fixture->ask.ask);
	while (answered == NULL) {
		loop_begin(&fixture->loop);
		loop_run_completions(&fixture->loop, 64);
		answered = helper_answered(&fixture->keeper.helper, 0);
		if (answered == NULL)
			loop_end(&fixture->loop);
	}
	assert_ptr_equal(answered, &fixture->ask.ask);
}

static void test_secret(void **state)
{
	/* The last line end goes, and no other. */
	static const struct {
		const char *file;
		const char *secret;
	} cases[] = {
		{ "s3cret", "s3cret" },
		{ "s3cret\n", "s3cret" },
		{ "s3cret\r\n", "s3cret" },
		{ "s3 cret \n\n", "s3 cret \n" },
		{ "\xc3\xa4\r", "\xc3\xa4" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_secret(fixture, cases[i].file, strlen(cases[i].file));
		ask(fixture);
		assert_false(failed(fixture->ask.err));
		assert_int_equal(fixture->ask.bytes, strlen(cases[i].secret));
		assert_memory_equal(fixture->ask.secret, cases[i].secret, fixture->ask.bytes);
	}
	keeper_wipe(&fixture->ask);
	for (size_t i = 0; i < sizeof fixture->ask.secret; i++)
		assert_int_equal(fixture->ask.secret[i], 0);
}

static void test_faults(void **state)
{
	static char long_secret[KEEPER_SECRET_MAX];
	struct fixture *fixture = *state;

	ask(fixture);
	assert_int_equal(fixture->ask.err.code, ERR_SYSTEM);
	write_secret(fixture, "\n", 1);
	ask(fixture);
	assert_int_equal(fixture->ask.err.code, ERR_NOT_FOUND);
	memset(long_secret, 'x', sizeof long_secret);
	write_secret(fixture, long_secret, sizeof long_secret);
	ask(fixture);
	assert_int_equal(fixture->ask.err.code, ERR_LIMIT);
	/* One less is fine. */
	write_secret(fixture, long_secret, sizeof long_secret - 1);
	ask(fixture);
	assert_false(failed(fixture->ask.err));
	assert_int_equal(fixture->ask.bytes, sizeof long_secret - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_secret, begin, end),
		cmocka_unit_test_setup_teardown(test_faults, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
