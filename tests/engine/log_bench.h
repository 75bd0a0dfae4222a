/*
 * A logger that writes into memory, for the tests of log and logger.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_LOG_BENCH_H
#define SLUICE_TESTS_LOG_BENCH_H

#include "engine/logger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct log_bench {
	struct logger *logger;
	struct log *log;
	int fd;
	char *text;
};

static inline struct log_bench log_bench_setup(struct logger_options options)
{
	struct log_bench bench = { .fd = memfd_create("log", 0) };

	assert_true(bench.fd >= 0);
	options.fd = bench.fd;
	assert_false(failed(logger_create(&bench.logger, options)));
	assert_false(failed(logger_open(bench.logger, &bench.log)));
	return bench;
}

static inline const char *log_bench_drained(struct log_bench *bench)
{
	struct stat status;

	logger_drain(bench->logger);
	assert_int_equal(fstat(bench->fd, &status), 0);
	free(bench->text);
	bench->text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(bench->text);
	assert_int_equal(pread(bench->fd, bench->text, (size_t)status.st_size, 0), status.st_size);
	return bench->text;
}

static inline void log_bench_teardown(struct log_bench *bench)
{
	logger_destroy(bench->logger);
	close(bench->fd);
	free(bench->text);
}

static inline void log_bench_write(struct log *log)
{
	struct log_line line = log_begin(log, LOG_INFO, "queued");

	log_text(&line, "from", VIEW("a@b.test"));
	log_number(&line, "bytes", 812);
	log_signed(&line, "change", -3);
	log_seconds(&line, "took_s", 1234567890);
	log_connection(&line, 5);
	log_message(&line, 1234567);
	log_word(&line, "absent", NULL);
	log_end(&line);
}

/* How many lines hold the word. Line by line: a sanitizer's strstr() looks at all of the text. */
static inline size_t log_bench_count(const char *text, const char *word)
{
	size_t found = 0;

	for (const char *end = strchr(text, '\n'); end != NULL; end = strchr(text, '\n')) {
		found += memmem(text, (size_t)(end - text), word, strlen(word)) != NULL;
		text = end + 1;
	}
	return found;
}

#endif
