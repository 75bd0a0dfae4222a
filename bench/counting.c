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
#define EVENT_WRITE 4

static bool event_id(const char *name, uint64_t *id);
static bool counting_add_thread(struct counting *counting, pid_t thread,
        const uint64_t ids[COUNTING_EVENTS], const char *filter);
static bool counting_add(struct counting *counting, pid_t thread, unsigned event, uint64_t id);
static void filter_syncing(pid_t pid, struct text *filter);
static bool descriptor_syncs(pid_t pid, const char *descriptor);

bool counting_open(struct counting *counting, pid_t pid, struct text *why)
{
	uint64_t ids[COUNTING_EVENTS];
	char path[64];
	char filter_text[COUNTING_FILTER_MAX];
	struct text filter = TEXT_ON(filter_text);
	const struct dirent *entry;
	bool done = true;

	counting->count = 0;
	filter_syncing(pid, &filter);
	for (unsigned i = 0; i < COUNTING_EVENTS; i++) {
		if (event_id(event_names[i], &ids[i]))
			continue;
		text_put(why, VIEW("the kernel's tracepoints can't be read here"));
		return false;
	}
	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	if (tasks == NULL) {
		text_put(why, VIEW("the process is gone"));
		return false;
	}
	while (done && (entry = readdir(tasks)) != NULL) {
		const pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
		done = thread == 0 ||
		       counting_add_thread(counting, thread, ids, text_string(&filter));
	}
	const int number = errno;
	closedir(tasks);
	if (done)
		return true;
	text_format(why, "counting system calls is not permitted: %s", strerror(number));
	counting_close(counting);
	return false;
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

static bool counting_add_thread(struct counting *counting, pid_t thread,
        const uint64_t ids[COUNTING_EVENTS], const char *filter)
{
	for (unsigned i = 0; i < COUNTING_EVENTS; i++) {
		if (i == EVENT_WRITE && filter[0] == '\0')
			continue;
		const size_t at = counting->count;
		if (!counting_add(counting, thread, i, ids[i]))
			return false;
		if (i == EVENT_WRITE && counting->count > at &&
		        ioctl(counting->fds[at], PERF_EVENT_IOC_SET_FILTER, filter) != 0)
			return false;
	}
	return true;
}

/* A thread that ended meanwhile is none to count. */
static bool counting_add(struct counting *counting, pid_t thread, unsigned event, uint64_t id)
{
	struct perf_event_attr wanted = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof wanted,
		.config = id,
		.inherit = 1, /* by threads to come */
	};

	if (counting->count == sizeof counting->fds / sizeof counting->fds[0]) {
		errno = EMFILE;
		return false;
	}
	const int fd =
	        (int)syscall(SYS_perf_event_open, &wanted, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return errno == ESRCH;
	counting->events[counting->count] = event;
	counting->fds[counting->count++] = fd;
	return true;
}

/* "fd == 7 || fd == 9": what is written there is synced before the call returns. Beyond what fits
 * they are not counted; a spool has one. */
static void filter_syncing(pid_t pid, struct text *filter)
{
	char path[64];
	const struct dirent *entry;

	(void)snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
	DIR *descriptors = opendir(path);
	if (descriptors == NULL)
		return;
	while ((entry = readdir(descriptors)) != NULL) {
		if (!byte_is_digit(entry->d_name[0]) || !descriptor_syncs(pid, entry->d_name) ||
		        filter->size - filter->bytes < 32)
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
