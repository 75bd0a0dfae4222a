/* The whole of it: made, started, asked, drained by a signal; and what can't be made says why. */
#include "engine/config_report.h"
#include "engine/engine.h"
#include "engine/request.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "engine-XXXXXX";

static struct config *config_of(const char *listener, const char *route)
{
	struct config_report report;
	struct config *config = NULL;
	char text[2048];

	if (snprintf(text, sizeof text,
	            "name: relay.example\n"
	            "spool: {path: %s/spool, reserve: 1MiB}\n"
	            "limits: {memory: 64MiB, message: 1MiB}\n"
	            "drain: 1s\n"
	            "threads: {ingest: 2, delivery: 2}\n"
	            "listeners: [{address: \"%s\"}]\n"
	            "routes: [{name: far, interface: connector, host: 127.0.0.1, %s}]\n",
	            folder, listener, route) >= (int)sizeof text)
		abort();
	config_report_init(&report);
	if (failed(config_load_text(&config, "engine.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static struct engine *try_create(const struct config *config, struct text *why)
{
	static struct keeper_process keeper;
	static const struct engine_options options = { .log.level = LOG_ERROR, .keeper = &keeper };
	const struct keeper_options kept = { .log = options.log };
	struct engine *engine = NULL;

	/* There is nothing to keep, and so no process. */
	assert_false(failed(keeper_process_start(&keeper, config, &kept, why)));
	assert_int_equal(keeper.id, 0);
	return failed(engine_create(&engine, config, &options, why)) ? NULL : engine;
}

static struct engine *start(const struct config *config)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);
	struct engine *engine = try_create(config, &why);

	if (engine == NULL || failed(engine_start(engine, &why)))
		fail_msg("%s", text_string(&why));
	return engine;
}

static void it_runs_answers_and_drains(void **state)
{
	struct config *config = config_of("127.0.0.1:0", "tls: {mode: none}");
	struct request *request;

	(void)state;
	assert_false(failed(request_create(&request)));
	for (int round = 0; round < 2; round++) {
		struct engine *engine = start(config);
		request_reset(request, REQUEST_COUNT);
		assert_false(failed(engine_ask(engine, request)));
		assert_int_equal(request->count, 0);
		assert_int_equal(raise(SIGTERM), 0);
		assert_int_equal(engine_wait(engine), EXIT_SUCCESS);
		request_reset(request, REQUEST_COUNT);
		assert_int_equal(engine_ask(engine, request).code, ERR_CLOSED);
		engine_destroy(engine);
	}
	request_destroy(request);
	config_destroy(config);
}

static void it_ends_without_having_started(void **state)
{
	struct config *config = config_of("127.0.0.1:0", "tls: {mode: none}");

	(void)state;
	char sentence[512];
	struct text why = TEXT_ON(sentence);
	struct engine *engine = try_create(config, &why);
	assert_non_null(engine);
	engine_destroy(engine);
	config_destroy(config);
}

static void refuses(struct config *config, const char *words)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	assert_null(try_create(config, &why));
	if (!view_contains_fold(text_view(&why), view_of(words)))
		fail_msg("\"%s\" says nothing of \"%s\"", text_string(&why), words);
	config_destroy(config);
}

static void it_says_what_is_wrong(void **state)
{
	struct config *config = config_of("127.0.0.1:0", "tls: {mode: none}");

	(void)state;
	/* The spool is another's. */
	struct engine *engine = start(config);
	refuses(config_of("127.0.0.1:0", "tls: {mode: none}"), "another process");
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(engine_wait(engine), EXIT_SUCCESS);
	engine_destroy(engine);
	config_destroy(config);
	/* Nor can a file be one; here the folder went after the file was checked. */
	config = config_of("127.0.0.1:0", "tls: {mode: none}");
	config->spool.path = "/dev/null/spool";
	refuses(config, "spool /dev/null/spool: the system refused: Not a directory");
	/* A file that went likewise; by then the shards know each other. */
	config = config_of("127.0.0.1:0", "tls: {mode: required}");
	((struct config_route *)config->routes.at)->tls.ca_file = "/dev/null/ca.pem";
	refuses(config, "/dev/null/ca.pem");
	/* Not an address of this machine. */
	refuses(config_of("192.0.2.1:25", "tls: {mode: none}"), "192.0.2.1");
}

/* The second signal doesn't wait, not even for a thread that doesn't answer. */
static void a_second_signal_stops_at_once(void **state)
{
	int status = -1;

	(void)state;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct config *config = config_of("127.0.0.1:0", "tls: {mode: none}");
		struct engine *engine = start(config);
		(void)raise(SIGTERM);
		(void)raise(SIGINT);
		_exit(engine_wait(engine) == EXIT_SUCCESS ? 0 : 9);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	static const char *const files[] = { "spool/data.mdb", "spool/lock.mdb", "spool/lock",
		"spool" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_signal_stops_at_once),
		cmocka_unit_test(it_runs_answers_and_drains),
		cmocka_unit_test(it_ends_without_having_started),
		cmocka_unit_test(it_says_what_is_wrong),
	};
	char name[64];

	if (mkdtemp(folder) == NULL)
		return 1;
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof name, "%s/%s", folder, files[i]);
		(void)remove(name);
	}
	(void)rmdir(folder);
	return status;
}
