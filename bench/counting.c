#include "bench/counting.h"

#include "queue/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first counts calls, the others syncs. */
static const char *const event_names[COUNTING_EVENTS] = {
	"raw_syscalls/sys_enter", "syscalls/sys_enter_fdatasync", "syscalls/sys_enter_fsync",
	"syscalls/sys_enter_msync", "syscalls/sys_enter_pwrite64", /* to descriptors that sync */
};
#define EVENT_WRITE     4
#define FIRST_NAMESPACE "pid:[4026531836]" /* PROC_PID_INIT_INO, the same on every machine */

/* What is to be counted. */
struct wanted {
	uint64_t ids[COUNTING_EVENTS];
	pid_t threads[COUNTING_THREADS_MAX];
	size_t thread_count;
	char descriptors[COUNTING_FILTER_MAX]; /* "fd == 7 || fd == 9"; empty: none syncs */
};

static bool wanted_find(struct wanted *wanted, pid_t pid, struct text *why);
static bool event_id(const char *name, uint64_t *id);
static bool find_threads(struct wanted *wanted, pid_t pid);
static void find_syncing(pid_t pid, struct text *filter);
static bool descriptor_syncs(pid_t pid, const char *descriptor);
static bool in_first_namespace(void);
static bool count_by_cpu(struct counting *counting, const struct wanted *wanted);
static bool count_by_thread(struct counting *counting, const struct wanted *wanted);
static void put_threads(const struct wanted *wanted, struct text *filter);
static bool counting_add(struct counting *counting, const struct wanted *wanted, unsigned event,
        pid_t thread, int cpu, const char *filter);

bool counting_open(struct counting *counting, pid_t pid, struct text *why)
{
	struct wanted wanted;

	counting->count = 0;
	if (!wanted_find(&wanted, pid, why))
		return false;
	if (in_first_namespace() && count_by_cpu(counting, &wanted))
		return true;
	counting_close(counting);
	if (count_by_thread(counting, &wanted))
		return true;
	text_format(why, "counting system calls is not permitted: %s", strerror(errno));
	counting_close(counting);
	return false;
}

static bool wanted_find(struct wanted *wanted, pid_t pid, struct text *why)
{
	struct text descriptors = TEXT_ON(wanted->descriptors);

	for (unsigned i = 0; i < COUNTING_EVENTS; i++) {
		if (event_id(event_names[i], &wanted->ids[i]))
			continue;
		text_put(why, VIEW("the kernel's tracepoints can't be read here"));
		return false;
	}
	if (!find_threads(wanted, pid)) {
		text_put(why, VIEW("the process is gone"));
		return false;
	}
	find_syncing(pid, &descriptors);
	(void)text_string(&descriptors);
	return true;
}

static bool event_id(const char *name, uint64_t *id)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128];
	unsigned long long number;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/events/%s/id", places[i], name);
		FILE *file = fopen(path, "re");
		if (file == NULL)
			continue;
		const bool is_read = fscanf(file, "%llu", &number) == 1;
		fclose(file);
		*id = number;
		if (is_read)
			return true;
	}
	return false;
}

static bool find_threads(struct wanted *wanted, pid_t pid)
{
	char path[64];
	const struct dirent *entry;

	wanted->thread_count = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	if (tasks == NULL)
		return false;
	while (wanted->thread_count < COUNTING_THREADS_MAX && (entry = readdir(tasks)) != NULL)
		if (byte_is_digit(entry->d_name[0]))
			wanted->threads[wanted->thread_count++] =
			        (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(tasks);
	return wanted->thread_count > 0;
}

/* What is written there is synced before the call returns. Beyond what fits they are not counted;
 * a spool has one. */
static void find_syncing(pid_t pid, struct text *filter)
{
	char path[64];
	const struct dirent *entry;

	(void)snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
	DIR *descriptors = opendir(path);
	if (descriptors == NULL)
		return;
	while ((entry = readdir(descriptors)) != NULL) {
		if (!byte_is_digit(entry->d_name[0]) || !descriptor_syncs(pid, entry->d_name) ||
		        filter->bytes > 256)
			continue;
		text_format(filter, "%sfd == %s", filter->bytes > 0 ? " || " : "", entry->d_name);
	}
	closedir(descriptors);
}

static bool descriptor_syncs(pid_t pid, const char *descriptor)
{
	char path[64];
	char line[128];
	unsigned flags = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/fdinfo/%.20s", (int)pid, descriptor);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	fclose(file);
	return (flags & O_DSYNC) != 0;
}

static bool in_first_namespace(void)
{
	char name[64];
	const ssize_t bytes = readlink("/proc/self/ns/pid", name, sizeof name);

	return bytes > 0 && view_equal(view_from(name, (size_t)bytes), VIEW(FIRST_NAMESPACE));
}

static bool count_by_cpu(struct counting *counting, const struct wanted *wanted)
{
	const long cpus = sysconf(_SC_NPROCESSORS_CONF);
	char bytes[COUNTING_FILTER_MAX];
	char write_bytes[COUNTING_FILTER_MAX];
	struct text threads = TEXT_ON(bytes);
	struct text writes = TEXT_ON(write_bytes);

	put_threads(wanted, &threads);
	text_format(&writes, "(%s) && (%s)", text_string(&threads), wanted->descriptors);
	if (threads.overflow || writes.overflow)
		return false;
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned i = 0; i < COUNTING_EVENTS; i++)
			if (!counting_add(counting, wanted, i, -1, cpu,
			            i == EVENT_WRITE ? text_string(&writes)
			                             : text_string(&threads)))
				return false;
	return true;
}

static bool count_by_thread(struct counting *counting, const struct wanted *wanted)
{
	for (size_t thread = 0; thread < wanted->thread_count; thread++)
		for (unsigned i = 0; i < COUNTING_EVENTS; i++)
			if (!counting_add(counting, wanted, i, wanted->threads[thread], -1,
			            i == EVENT_WRITE ? wanted->descriptors : ""))
				return false;
	return true;
}

/* Threads that were started together have neighbouring numbers: ranges are shorter, and quicker
 * for the kernel to look through. */
static void put_threads(const struct wanted *wanted, struct text *filter)
{
	for (size_t first = 0; first < wanted->thread_count;) {
		size_t last = first;
		while (last + 1 < wanted->thread_count &&
		        wanted->threads[last + 1] == wanted->threads[last] + 1)
			last++;
		text_format(filter, "%s(common_pid >= %d && common_pid <= %d)",
		        first > 0 ? " || " : "", (int)wanted->threads[first],
		        (int)wanted->threads[last]);
		first = last + 1;
	}
}

/* A thread that ended meanwhile is none to count, nor is a CPU that is off, nor are writes where no
 * descriptor syncs. */
static bool counting_add(struct counting *counting, const struct wanted *wanted, unsigned event,
        pid_t thread, int cpu, const char *filter)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof attributes,
		.config = wanted->ids[event],
		.inherit = cpu < 0, /* by threads to come */
	};

	if (event == EVENT_WRITE && wanted->descriptors[0] == '\0')
		return true;
	if (counting->count == COUNTING_FDS_MAX) {
		errno = EMFILE;
		return false;
	}
	const int fd = (int)syscall(
	        SYS_perf_event_open, &attributes, thread, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return errno == ESRCH || errno == ENODEV;
	counting->events[counting->count] = event;
	counting->fds[counting->count++] = fd;
	return filter[0] == '\0' || ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter) == 0;
}

struct counted counting_read(const struct counting *counting)
{
	struct counted counted = { 0 };
	uint64_t number;

	for (size_t i = 0; i < counting->count; i++) {
		if (read(counting->fds[i], &number, sizeof number) != (ssize_t)sizeof number)
			continue;
		if (counting->events[i] == 0)
			counted.calls += number;
		else
			counted.syncs += number;
	}
	return counted;
}

void counting_close(struct counting *counting)
{
	for (size_t i = 0; i < counting->count; i++)
		close(counting->fds[i]);
	counting->count = 0;
}
