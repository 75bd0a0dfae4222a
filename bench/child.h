/*
 * A child is a program that a run starts, watches from outside, and ends: Sluice, the mock,
 * openssl. Its output goes to a file. It dies with us.
 *
 * Thread:  the one that started it.
 * Owns:    the process, until child_end() or child_kill().
 * Fails:   child_start(): no process; that the program is not there shows in its exit code, 127.
 */
#ifndef SLUICE_CHILD_H
#define SLUICE_CHILD_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#include <sys/types.h>

#define CHILD_NOT_FOUND 127 /* exit code: the program could not be run */

struct child {
	pid_t pid;          /* 0: none */
	const char *output; /* lent: the file that has its output */
};

/* What a process used so far, from /proc. */
struct child_usage {
	int64_t cpu_ns;
	uint64_t switches;          /* context switches */
	uint64_t memory_bytes;      /* RssAnon + RssShmem: mapped files are the kernel's cache */
	uint64_t memory_most_bytes; /* at its peak, mapped files included */
};

/* `arguments` as execv() takes them; `output` is written anew unless `append`. */
MUST_CHECK struct err child_start(
        struct child *child, const char *const *arguments, const char *output, bool append);
/* Until `word` stands in its output. False: it ended, or the time is over. */
MUST_CHECK bool child_await(const struct child *child, const char *word, int64_t within_ns);
bool child_is_running(struct child *child);
void child_signal(const struct child *child, int number);
/* Waits for its end; gives the exit code, or 128 + the signal that ended it. */
int child_wait(struct child *child);
/* Until it ended; false: it has not, in time. `code` as child_wait(). */
MUST_CHECK bool child_wait_for(struct child *child, int64_t within_ns, int *code);
/* SIGTERM, then SIGKILL after a while; not running: nothing happens. */
void child_end(struct child *child);
/* SIGKILL. */
void child_kill(struct child *child);
/* Runs it to its end. True: exit code 0. */
MUST_CHECK bool child_run(const char *const *arguments, const char *output);
/* False: it is gone. */
MUST_CHECK bool child_usage(const struct child *child, struct child_usage *usage);
/* The number behind `key=` in the last line of the file that holds `event=EVENT`. */
MUST_CHECK bool child_logged(
        const char *output, const char *event, const char *key, uint64_t *number);
/* Copies the last lines of its output to stderr. */
void child_last_words(const char *output);
/* Waits without turning any loop. */
void child_pause(int64_t ns);

#endif
