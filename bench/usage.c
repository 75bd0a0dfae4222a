#include "bench/usage.h"

#include "queue/base/check.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_NS (10 * NS_PER_MS) /* of what a process's ended threads used */

static void *usage_look(void *argument);
static void usage_see(struct usage *usage);
static void usage_stop(struct usage *usage);
static void add_cpu(struct figures *figures, const struct process *before,
        const struct process *after, int64_t cpu_ns, double messages);
static void add_threads(struct figures *figures, const struct process *before,
        const struct process *after, double messages);
static int64_t cpu_between(const struct process *before, const struct process *after);
static int64_t thread_cpu(const struct process *process, pid_t id);
static void kind_of(const struct process_thread *thread, char *kind, size_t size);

bool usage_start(struct usage *usage, const struct child *child, bool uncounted, struct text *why)
{
	struct text lack = TEXT_ON(usage->lack);

	*usage = (struct usage){ .pid = child->pid };
	if (uncounted)
		text_put(&lack, VIEW("system calls were not to be counted"));
	else if (!counting_open(&usage->counting, child->pid, &lack))
		check(lack.bytes > 0);
	(void)text_string(&lack);
	if (!process_read(&usage->before, child->pid)) {
		text_put(why, VIEW("sluice serve ended by itself"));
		counting_close(&usage->counting);
		return false;
	}
	usage->stop = eventfd(0, EFD_CLOEXEC);
	check(usage->stop >= 0);
	check(pthread_create(&usage->looker, NULL, usage_look, usage) == 0);
	return true;
}

/* Often enough for a peak, and seldom enough to cost nothing: some 20 us each. */
static void *usage_look(void *argument)
{
	struct usage *usage = argument;
	struct pollfd stop = { .fd = usage->stop, .events = POLLIN };

	do
		usage_see(usage);
	while (poll(&stop, 1, USAGE_LOOK_NS / NS_PER_MS) <= 0);
	usage_see(usage);
	return NULL;
}

static void usage_see(struct usage *usage)
{
	struct process_memory memory;

	if (!process_read_memory(&memory, usage->pid))
		return;
	if (memory.own_bytes > usage->own_most_bytes)
		usage->own_most_bytes = memory.own_bytes;
	if (memory.mapped_bytes > usage->mapped_most_bytes)
		usage->mapped_most_bytes = memory.mapped_bytes;
}

void usage_drop(struct usage *usage)
{
	usage_stop(usage);
	counting_close(&usage->counting);
}

static void usage_stop(struct usage *usage)
{
	check(eventfd_write(usage->stop, 1) == 0);
	check(pthread_join(usage->looker, NULL) == 0);
	close(usage->stop);
}

struct usage_sum usage_end(
        struct usage *usage, struct figures *figures, double messages, double mail_bytes)
{
	struct process after;
	const struct process *before = &usage->before;
	struct usage_sum sum = { .counted = counting_read(&usage->counting) };
	const bool is_there = process_read(&after, usage->pid);

	usage_drop(usage);
	if (!is_there || messages <= 0)
		return sum;
	sum.cpu_ns = cpu_between(before, &after);
	sum.switches = after.switches - before->switches;
	sum.storage_bytes = after.storage_bytes - before->storage_bytes;
	sum.write_bytes = after.write_bytes - before->write_bytes;
	sum.own_most_bytes = usage->own_most_bytes;
	sum.mapped_most_bytes = usage->mapped_most_bytes;
	if (figures == NULL)
		return sum;
	add_cpu(figures, before, &after, sum.cpu_ns, messages);
	if (usage_lack(usage) == NULL) {
		figures_add(
		        figures, "engine_calls", (double)sum.counted.calls / messages, "1/message");
		figures_add(
		        figures, "engine_syncs", (double)sum.counted.syncs / messages, "1/message");
	}
	figures_add(figures, "engine_switches", (double)sum.switches / messages, "1/message");
	if (mail_bytes > 0) {
		figures_add(figures, "engine_storage", (double)sum.storage_bytes / mail_bytes,
		        "bytes/byte");
		figures_add(figures, "engine_writes", (double)sum.write_bytes / mail_bytes,
		        "bytes/byte");
	}
	figures_add(figures, "engine_memory", (double)sum.own_most_bytes / (1 << 20), "MiB");
	figures_add(figures, "engine_mapped", (double)sum.mapped_most_bytes / (1 << 20), "MiB");
	return sum;
}

const char *usage_lack(const struct usage *usage)
{
	return usage->lack[0] == '\0' ? NULL : usage->lack;
}

/* The kernel counts the sum exactly, and shares it out by sampling. */
static void add_cpu(struct figures *figures, const struct process *before,
        const struct process *after, int64_t cpu_ns, double messages)
{
	const double cpu_us = (double)cpu_ns / (double)NS_PER_US / messages;
	const double user = (double)(after->user_ns - before->user_ns);
	const double system = (double)(after->system_ns - before->system_ns);

	figures_add(figures, "engine_cpu", cpu_us, "us/message");
	if (user + system > 0) {
		figures_add(figures, "engine_user", cpu_us * user / (user + system), "us/message");
		figures_add(
		        figures, "engine_system", cpu_us * system / (user + system), "us/message");
	}
	add_threads(figures, before, after, messages);
}

static int64_t cpu_between(const struct process *before, const struct process *after)
{
	const int64_t ticks_ns =
	        after->user_ns + after->system_ns - before->user_ns - before->system_ns;
	int64_t sum = 0;

	for (size_t i = 0; i < after->thread_count; i++)
		sum += after->threads[i].cpu_ns - thread_cpu(before, after->threads[i].id);
	/* Threads ended meanwhile, the kernel's workers for instance; ticks have theirs too. */
	return ticks_ns - sum > 2 * TICK_NS + ticks_ns / 50 ? ticks_ns : sum;
}

static int64_t thread_cpu(const struct process *process, pid_t id)
{
	for (size_t i = 0; i < process->thread_count; i++)
		if (process->threads[i].id == id)
			return process->threads[i].cpu_ns;
	return 0;
}

/* A row for each kind of thread: those whose names differ by their number are one kind. */
static void add_threads(struct figures *figures, const struct process *before,
        const struct process *after, double messages)
{
	char kind[PROCESS_NAME_MAX];
	char other[PROCESS_NAME_MAX];
	char name[FIGURE_NAME_MAX];

	for (size_t i = 0; i < after->thread_count; i++) {
		int64_t sum = 0;
		bool is_first = true;
		kind_of(&after->threads[i], kind, sizeof kind);
		for (size_t j = 0; j < after->thread_count; j++) {
			const struct process_thread *thread = &after->threads[j];
			kind_of(thread, other, sizeof other);
			if (strcmp(kind, other) != 0)
				continue;
			is_first = is_first && j >= i;
			sum += thread->cpu_ns - thread_cpu(before, thread->id);
		}
		if (!is_first)
			continue;
		(void)snprintf(name, sizeof name, "engine_cpu_%s", kind);
		figures_add(
		        figures, name, (double)sum / (double)NS_PER_US / messages, "us/message");
	}
}

/* Its name's letters; "iou-wrk-1234" are workers of io_uring. */
static void kind_of(const struct process_thread *thread, char *kind, size_t size)
{
	size_t bytes = 0;

	for (const char *at = thread->name; *at != '\0' && bytes + 1 < size; at++)
		if (isalpha((unsigned char)*at))
			kind[bytes++] = *at;
	kind[bytes] = '\0';
}
