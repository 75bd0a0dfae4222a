/*
 * What a process used so far, read from /proc: time of each of its threads to the nanosecond,
 * context switches, memory, bytes written.
 *
 * Thread:  any.
 * Owns:    nothing.
 * Fails:   false: the process is gone. What a kernel doesn't tell is 0.
 */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

#include "queue/base/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_THREADS_MAX 256
#define PROCESS_NAME_MAX    16

struct process_thread {
	pid_t id;
	char name[PROCESS_NAME_MAX];
	int64_t cpu_ns;
	uint64_t switches; /* context switches, wanted or not */
};

struct process {
	struct process_thread threads[PROCESS_THREADS_MAX]; /* those beyond are not seen */
	size_t thread_count;
	int64_t cpu_ns;    /* of the threads that live, exact */
	int64_t user_ns;   /* of all there were; both in clock ticks of 10 ms, */
	int64_t system_ns; /* and shared between the two by sampling */
	uint64_t switches;
	uint64_t storage_bytes; /* made dirty in files: what is to reach the storage */
	uint64_t write_bytes;   /* passed to write calls */
};

struct process_memory {
	uint64_t own_bytes;    /* RssAnon + RssShmem */
	uint64_t mapped_bytes; /* RssFile: the kernel's cache, that it maps */
	uint64_t most_bytes;   /* of the sum of both, ever */
};

MUST_CHECK bool process_read(struct process *process, pid_t pid);
MUST_CHECK bool process_read_memory(struct process_memory *memory, pid_t pid);

#endif
