#include "engine/logger.h"

#include "engine/log_format.h"
#include "engine/log_ring.h"
#include "queue/base/check.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOGS_MAX     256         /* threads: more than config_schema.h lets anybody have */
#define OUTPUT_BYTES (128 << 10) /* written at once */
/* After a write the logger lets lines gather this long: a busy engine is then never asked to
 * wake it, and a quiet one's lines come at once. */
#define GATHER_NS (10 * NS_PER_MS)
#define WRITE_MS  1000 /* a slow reader is waited for in steps, to see when we are to stop */

struct logger {
	struct logger_options options;
	int own_fd; /* a pipe, opened so that nobody waits in a write; -1: it is none */
	struct log_bell bell;
	struct log *logs[LOGS_MAX];
	size_t logs_count;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	bool in_a_line; /* the last write ended within one */
	uint64_t lost;  /* lines that could not be written, and were not told of */
	char output_bytes[OUTPUT_BYTES];
	struct text output;
};

static void *run(void *argument);

/* JOURNAL_STREAM is inherited by whatever a unit starts, with its output wherever it leads: it
 * names the device and inode of the journal's own. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (stream == NULL || fstat(fd, &status) != 0)
		return false;
	snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

struct logger_options logger_options_default(void)
{
	return (struct logger_options){
		.fd = STDOUT_FILENO,
		.journal = is_journal(STDOUT_FILENO),
		.level = LOG_INFO,
	};
}

/* Who shares a pipe with others, as the engine and its keeper do, finds it full though poll(2) has
 * just said that there is room: a write must not wait then. */
static int open_pipe(int fd)
{
	struct stat status;
	char path[64];

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode))
		return -1;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

struct err logger_create(struct logger **result, struct logger_options options)
{
	struct logger *logger = calloc(1, sizeof *logger);

	if (logger == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	logger->options = options;
	logger->own_fd = open_pipe(options.fd);
	if (logger->own_fd >= 0)
		logger->options.fd = logger->own_fd;
	logger->output = text_on(logger->output_bytes, sizeof logger->output_bytes);
	*result = logger;
	return err_ok();
}

struct err logger_open(struct logger *logger, struct log **result)
{
	check(!logger->started);
	if (logger->logs_count == LOGS_MAX)
		return err_make(ERR_LIMIT, 0);
	struct log *log = aligned_alloc(_Alignof(struct log), sizeof *log);
	if (log == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	struct err err = log_ring_open(log, &logger->bell, logger->options.level);
	if (failed(err)) {
		free(log);
		return err;
	}
	logger->logs[logger->logs_count++] = log;
	*result = log;
	return err_ok();
}

struct err logger_start(struct logger *logger)
{
	sigset_t all;
	sigset_t before;

	check(!logger->started);
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&logger->thread, NULL, run, logger);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return err_make(ERR_SYSTEM, error);
	logger->started = true;
	return err_ok();
}

/* Writes as much as goes, and gives what is left. A reader who is slow is waited for; one who is
 * gone costs us the lines, and so does a full disk, or a slow one when we are to stop. */
static struct view write_out(struct logger *logger, struct view rest)
{
	struct pollfd ready = { .fd = logger->options.fd, .events = POLLOUT };

	while (rest.bytes > 0) {
		int count = poll(&ready, 1, WRITE_MS);

		if (count == 0 && atomic_load_explicit(&logger->stopping, memory_order_relaxed))
			break;
		if (count <= 0)
			continue;
		if ((ready.revents & ~POLLOUT) != 0)
			break;
		ssize_t written = write(ready.fd, rest.data, rest.bytes);
		if (written < 0 && logger->own_fd >= 0)
			continue; /* full again; one that nobody reads is told of by poll(2) */
		if (written < 0)
			break;
		if (written > 0)
			logger->in_a_line = rest.data[written - 1] != '\n';
		rest = view_skip(rest, (size_t)written);
	}
	return rest;
}

static size_t count_lines(struct view text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text.bytes; i++)
		lines += text.data[i] == '\n';
	return lines;
}

/* Writes what was formatted; gives how many lines were lost. The first begins on a fresh line, also
 * where the one before was cut. */
static size_t flush(struct logger *logger)
{
	struct view rest = text_view(&logger->output);

	if (logger->options.fd >= 0 &&
	        (!logger->in_a_line || write_out(logger, VIEW("\n")).bytes == 0))
		rest = write_out(logger, rest);
	logger->output.bytes = 0;
	return logger->options.fd >= 0 ? count_lines(rest) : 0;
}

static void put(struct logger *logger, const struct log_record *record)
{
	if (logger->output.size - logger->output.bytes < LOG_FORMAT_BYTES)
		logger->lost += flush(logger);
	if (logger->options.json)
		log_format_json(&logger->output, record);
	else
		log_format_text(&logger->output, record, logger->options.journal);
}

static void put_dropped(struct logger *logger, uint64_t count)
{
	struct {
		struct log_record record;
		struct log_field field;
		uint64_t count;
	} line = {
		.record = { .level = LOG_WARNING,
		        .fields_count = 1,
		        .when = clock_wall(),
		        .event = "log_dropped" },
		.field = { .key = "count", .kind = LOG_FIELD_NUMBER, .bytes = sizeof line.count },
		.count = count,
	};

	put(logger, &line.record);
}

/* The log whose next line is the oldest; NULL: none has any before its head of this pass. */
static struct log *oldest(
        struct logger *logger, const uint64_t *heads, const struct log_record **result)
{
	struct log *found = NULL;

	for (size_t i = 0; i < logger->logs_count; i++) {
		const struct log_record *record = log_ring_first(logger->logs[i], heads[i]);

		if (record == NULL || (found != NULL && record->order.ns >= (*result)->order.ns))
			continue;
		found = logger->logs[i];
		*result = record;
	}
	return found;
}

static bool has_lines(struct logger *logger)
{
	for (size_t i = 0; i < logger->logs_count; i++)
		if (log_ring_first(logger->logs[i], log_ring_head(logger->logs[i])) != NULL)
			return true;
	return false;
}

size_t logger_drain(struct logger *logger)
{
	uint64_t heads[LOGS_MAX] = { 0 };
	const struct log_record *record = NULL;
	size_t lines = 0;

	for (size_t i = 0; i < logger->logs_count; i++)
		heads[i] = log_ring_head(logger->logs[i]);
	if (logger->lost > 0 && has_lines(logger)) {
		put_dropped(logger, logger->lost);
		if (flush(logger) == 0)
			logger->lost = 0;
	}
	struct log *log = oldest(logger, heads, &record);
	while (log != NULL) {
		put(logger, record);
		log_ring_next(log, record);
		lines++;
		log = oldest(logger, heads, &record);
	}
	for (size_t i = 0; i < logger->logs_count; i++) {
		uint64_t dropped = log_ring_take_dropped(logger->logs[i]);

		if (dropped == 0)
			continue;
		put_dropped(logger, dropped);
		lines++;
	}
	logger->lost += flush(logger);
	return lines;
}

/* See log.c's ring() for the order. */
static void wait_for_lines(struct logger *logger)
{
	atomic_store(&logger->bell.sleeping, 1);
	if (!has_lines(logger) && !atomic_load(&logger->stopping))
		syscall(SYS_futex, &logger->bell.sleeping, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	atomic_store_explicit(&logger->bell.sleeping, 0, memory_order_relaxed);
}

static void *run(void *argument)
{
	struct logger *logger = argument;
	const struct timespec gather = { .tv_nsec = GATHER_NS };

	pthread_setname_np(pthread_self(), "log");
	while (!atomic_load(&logger->stopping)) {
		if (logger_drain(logger) > 0)
			nanosleep(&gather, NULL);
		else
			wait_for_lines(logger);
	}
	return NULL;
}

void logger_destroy(struct logger *logger)
{
	if (logger == NULL)
		return;
	atomic_store(&logger->stopping, true);
	if (logger->started) {
		atomic_store(&logger->bell.sleeping, 0);
		syscall(SYS_futex, &logger->bell.sleeping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		pthread_join(logger->thread, NULL);
	}
	logger_drain(logger);
	for (size_t i = 0; i < logger->logs_count; i++) {
		log_ring_close(logger->logs[i]);
		free(logger->logs[i]);
	}
	if (logger->own_fd >= 0)
		close(logger->own_fd);
	free(logger);
}
