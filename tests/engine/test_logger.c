#include "engine/logger.h"

#include "tests/engine/log_bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static const struct logger_options as_text = { .level = LOG_INFO };

static void a_full_ring_drops_and_tells(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	char wanted[64];

	for (int i = 0; i < 20000; i++)
		log_bench_write(bench.log);
	const char *text = log_bench_drained(&bench);
	size_t kept = log_bench_count(text, "event=queued");
	assert_true(kept > 4000);
	snprintf(wanted, sizeof wanted, "event=log_dropped level=warning count=%zu ", 20000 - kept);
	assert_non_null(strstr(text, wanted));
	/* There is room again, and nothing more to tell. */
	log_bench_write(bench.log);
	text = log_bench_drained(&bench);
	assert_int_equal(log_bench_count(text, "event=queued"), kept + 1);
	assert_int_equal(log_bench_count(text, "log_dropped"), 1);
	log_bench_teardown(&bench);
}

static void lines_of_several_threads_come_in_order(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	struct log *other;

	assert_false(failed(logger_open(bench.logger, &other)));
	for (unsigned i = 0; i < 100; i++) {
		struct log_line line = log_begin(i % 3 == 0 ? bench.log : other, LOG_INFO, "e");
		log_number(&line, "n", i);
		log_end(&line);
	}
	char *at = (char *)log_bench_drained(&bench);
	for (unsigned i = 0; i < 100; i++) {
		char wanted[32];
		size_t bytes = (size_t)snprintf(wanted, sizeof wanted, "event=e n=%u ", i);

		assert_int_equal(strncmp(at, wanted, bytes), 0);
		at = strchr(at, '\n') + 1;
	}
	log_bench_teardown(&bench);
}

#define WRITERS      4
#define LINES_EACH   20000
#define LINES_A_REST 500

static void *write_lines(void *argument)
{
	struct log *log = argument;
	const struct timespec rest = { .tv_nsec = 3000000 };

	for (unsigned i = 0; i < LINES_EACH; i++) {
		struct log_line line = log_begin(log, LOG_INFO, "e");
		log_number(&line, "n", i);
		log_end(&line);
		if (i % LINES_A_REST == 0)
			nanosleep(&rest, NULL);
	}
	return NULL;
}

static void the_thread_writes_what_many_log(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	struct log *logs[WRITERS] = { bench.log };
	pthread_t threads[WRITERS];

	for (size_t i = 1; i < WRITERS; i++)
		assert_false(failed(logger_open(bench.logger, &logs[i])));
	assert_false(failed(logger_start(bench.logger)));
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, logs[i]), 0);
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	logger_destroy(bench.logger);
	bench.logger = NULL;
	struct stat status;
	assert_int_equal(fstat(bench.fd, &status), 0);
	bench.text = calloc(1, (size_t)status.st_size + 1);
	assert_int_equal(pread(bench.fd, bench.text, (size_t)status.st_size, 0), status.st_size);
	size_t dropped = 0;
	for (const char *at = strstr(bench.text, "log_dropped level=warning count="); at != NULL;
	        at = strstr(at + 1, "log_dropped level=warning count="))
		dropped += strtoul(strchr(at, '=') + 15, NULL, 10);
	assert_int_equal(log_bench_count(bench.text, "event=e ") + dropped, WRITERS * LINES_EACH);
	log_bench_teardown(&bench);
}

/* A line comes at once though nobody else logs: the bell wakes the logger from its sleep. */
static void a_quiet_thread_is_heard(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	const struct timespec moment = { .tv_nsec = 5000000 };

	assert_false(failed(logger_start(bench.logger)));
	for (int i = 1; i <= 20; i++) {
		struct stat status = { .st_size = 0 };
		off_t before;

		assert_int_equal(fstat(bench.fd, &status), 0);
		before = status.st_size;
		log_bench_write(bench.log);
		for (int wait = 0; wait < 1000 && status.st_size == before; wait++) {
			nanosleep(&moment, NULL);
			assert_int_equal(fstat(bench.fd, &status), 0);
		}
		assert_true(status.st_size > before);
	}
	log_bench_teardown(&bench);
}

static void a_reader_who_is_gone_stops_nothing(void **state)
{
	(void)state;
	struct logger *logger;
	struct log *log;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_false(failed(logger_create(
	        &logger, (struct logger_options){ .fd = ends[1], .level = LOG_INFO })));
	assert_false(failed(logger_open(logger, &log)));
	log_bench_write(log);
	assert_int_equal(logger_drain(logger), 1);
	logger_destroy(logger);
	close(ends[1]);
	/* Nowhere at all is fine too. */
	assert_false(failed(
	        logger_create(&logger, (struct logger_options){ .fd = -1, .level = LOG_INFO })));
	assert_false(failed(logger_open(logger, &log)));
	log_bench_write(log);
	assert_int_equal(logger_drain(logger), 1);
	logger_destroy(logger);
	logger_destroy(NULL);
}

/* A disk that fills up, as a limit of the file's size. */
static void lines_that_are_not_written_are_counted(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	struct rlimit before;
	const char *text;

	assert_int_equal(signal(SIGXFSZ, SIG_IGN) == SIG_ERR, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	log_bench_write(bench.log);
	const size_t line = strlen(log_bench_drained(&bench));
	/* Two lines and a half are written, of five; then none of three. */
	const struct rlimit full = { line * 3 + line / 2, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < 5; i++)
		log_bench_write(bench.log);
	logger_drain(bench.logger);
	for (int i = 0; i < 3; i++)
		log_bench_write(bench.log);
	logger_drain(bench.logger);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	log_bench_write(bench.log);
	text = log_bench_drained(&bench);
	assert_int_equal(log_bench_count(text, "took_s=1.234 t=2"), 4);
	const char *dropped = strstr(text, "\nevent=log_dropped level=warning count=6 ");
	assert_non_null(dropped); /* on a line of its own */
	assert_ptr_equal(dropped, text + full.rlim_cur);
	assert_non_null(strstr(dropped, "event=queued"));
	/* It is told once. */
	log_bench_write(bench.log);
	assert_int_equal(log_bench_count(log_bench_drained(&bench), "log_dropped"), 1);
	log_bench_teardown(&bench);
}

static void the_journal_is_known_by_its_stream(void **state)
{
	struct stat status;
	char own[64];

	(void)state;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	assert_false(logger_options_default().journal);
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	assert_false(logger_options_default().journal);
	assert_int_equal(fstat(STDOUT_FILENO, &status), 0);
	snprintf(own, sizeof own, "%lu:%lu", (unsigned long)status.st_dev,
	        (unsigned long)status.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", own, 1), 0);
	assert_true(logger_options_default().journal);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_drops_and_tells),
		cmocka_unit_test(lines_of_several_threads_come_in_order),
		cmocka_unit_test(the_thread_writes_what_many_log),
		cmocka_unit_test(a_quiet_thread_is_heard),
		cmocka_unit_test(a_reader_who_is_gone_stops_nothing),
		cmocka_unit_test(lines_that_are_not_written_are_counted),
		cmocka_unit_test(the_journal_is_known_by_its_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
