#include "bench/process.h"

#include "queue/base/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 8192 /* /proc's short files have less */

static bool read_text(const char *path, char *text);
static uint64_t number_behind(const char *text, const char *key);
static bool read_thread(struct process_thread *thread, pid_t pid);
static void read_ticks(struct process *process, pid_t pid);
static void read_io(struct process *process, pid_t pid);

bool process_read(struct process *process, pid_t pid)
{
	char path[64];
	const struct dirent *entry;

	*process = (struct process){ 0 };
	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = pid == 0 ? NULL : opendir(path);
	if (tasks == NULL)
		return false;
	while (process->thread_count < PROCESS_THREADS_MAX && (entry = readdir(tasks)) != NULL) {
		struct process_thread *thread = &process->threads[process->thread_count];
		*thread = (struct process_thread){ .id = (pid_t)strtol(entry->d_name, NULL, 10) };
		if (thread->id == 0 || !read_thread(thread, pid))
			continue;
		process->cpu_ns += thread->cpu_ns;
		process->switches += thread->switches;
		process->thread_count++;
	}
	closedir(tasks);
	read_ticks(process, pid);
	read_io(process, pid);
	return process->thread_count > 0;
}

static bool read_thread(struct process_thread *thread, pid_t pid)
{
	char path[80];
	char text[TEXT_BYTES];

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)thread->id);
	if (read_text(path, text))
		thread->cpu_ns = (int64_t)strtoull(text, NULL, 10);
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)thread->id);
	if (!read_text(path, text))
		return false;
	thread->switches = number_behind(text, "\nvoluntary_ctxt_switches:") +
	                   number_behind(text, "\nnonvoluntary_ctxt_switches:");
	const char *name = strstr(text, "Name:\t");
	if (name != NULL)
		(void)snprintf(thread->name, sizeof thread->name, "%.*s",
		        (int)strcspn(name + 6, "\n"), name + 6);
	return true;
}

static void read_ticks(struct process *process, pid_t pid)
{
	char path[64];
	char text[TEXT_BYTES];
	unsigned long user = 0;
	unsigned long kernel = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!read_text(path, text))
		return;
	/* The program's name, in brackets, may hold anything. */
	const char *rest = strrchr(text, ')');
	if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	                            &user, &kernel) != 2)
		return;
	const int64_t tick_ns = NS_PER_S / sysconf(_SC_CLK_TCK);
	process->user_ns = (int64_t)user * tick_ns;
	process->system_ns = (int64_t)kernel * tick_ns;
}

static void read_io(struct process *process, pid_t pid)
{
	char path[64];
	char text[TEXT_BYTES];

	(void)snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	if (!read_text(path, text))
		return;
	process->storage_bytes = number_behind(text, "\nwrite_bytes:");
	process->write_bytes = number_behind(text, "\nwchar:");
}

bool process_read_memory(struct process_memory *memory, pid_t pid)
{
	char path[64];
	char text[TEXT_BYTES];

	*memory = (struct process_memory){ 0 };
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	if (pid == 0 || !read_text(path, text))
		return false;
	*memory = (struct process_memory){
		.own_bytes =
		        (number_behind(text, "\nRssAnon:") + number_behind(text, "\nRssShmem:")) *
		        1024,
		.mapped_bytes = number_behind(text, "\nRssFile:") * 1024,
		.most_bytes = number_behind(text, "\nVmHWM:") * 1024,
	};
	return true;
}

/* TEXT_BYTES of room. */
static bool read_text(const char *path, char *text)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	const size_t bytes = fread(text, 1, TEXT_BYTES - 1, file);
	fclose(file);
	text[bytes] = '\0';
	return bytes > 0;
}

static uint64_t number_behind(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}
