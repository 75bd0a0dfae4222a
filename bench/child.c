#include "bench/child.h"

#include "bench/process.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_LOOK_NS    (5 * NS_PER_MS)
#define CHILD_PATIENCE   (45 * NS_PER_S) /* between SIGTERM and SIGKILL: Sluice drains first */
#define CHILD_LAST_BYTES 2000

static _Noreturn void child_become(const char *const *arguments, int out, pid_t parent);
static char *file_tail(const char *path, size_t bytes_max);

struct err child_start(
        struct child *child, const char *const *arguments, const char *output, bool append)
{
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC);
	const pid_t parent = getpid();
	/* Here, so that nobody takes what an earlier one said for this one's words. */
	const int out = open(output, flags, 0600);

	if (out < 0)
		return err_make(ERR_SYSTEM, errno);
	fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0)
		child_become(arguments, out, parent);
	const int number = errno;
	close(out);
	if (pid < 0)
		return err_make(ERR_SYSTEM, number);
	*child = (struct child){ .pid = pid, .output = output };
	return err_ok();
}

static _Noreturn void child_become(const char *const *arguments, int out, pid_t parent)
{
	const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* Our end ends it; we may have ended before this took hold. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && in >= 0 &&
	        dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		fprintf(stderr, "%s: %s\n", arguments[0], strerror(errno));
	}
	_exit(CHILD_NOT_FOUND);
}

bool child_await(const struct child *child, const char *word, int64_t within_ns)
{
	struct child watched = *child;
	const struct mono until = mono_after(clock_mono(), within_ns);

	for (;;) {
		const bool running = child_is_running(&watched);
		char *text = file_tail(child->output, SIZE_MAX);
		const bool found = text != NULL && strstr(text, word) != NULL;
		free(text);
		if (found || !running || mono_reached(clock_mono(), until))
			return found;
		child_pause(CHILD_LOOK_NS);
	}
}

bool child_is_running(struct child *child)
{
	siginfo_t info = { 0 };

	/* WNOWAIT: its exit code stays for child_wait(). */
	return child->pid != 0 &&
	       waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

void child_signal(const struct child *child, int number)
{
	if (child->pid != 0)
		(void)kill(child->pid, number); /* it may have ended by itself */
}

int child_wait(struct child *child)
{
	int status;

	check(child->pid != 0);
	while (waitpid(child->pid, &status, 0) < 0)
		check(errno == EINTR);
	child->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool child_wait_for(struct child *child, int64_t within_ns, int *code)
{
	const struct mono until = mono_after(clock_mono(), within_ns);

	while (child_is_running(child)) {
		if (mono_reached(clock_mono(), until))
			return false;
		child_pause(CHILD_LOOK_NS);
	}
	*code = child_wait(child);
	return true;
}

void child_end(struct child *child)
{
	int code;

	if (child->pid == 0)
		return;
	child_signal(child, SIGTERM);
	if (!child_wait_for(child, CHILD_PATIENCE, &code))
		child_kill(child);
}

void child_kill(struct child *child)
{
	if (child->pid == 0)
		return;
	child_signal(child, SIGKILL);
	(void)child_wait(child);
}

bool child_run(const char *const *arguments, const char *output)
{
	struct child child;

	return !failed(child_start(&child, arguments, output, false)) && child_wait(&child) == 0;
}

bool child_usage(const struct child *child, struct child_usage *usage)
{
	struct process process;
	struct process_memory memory;

	if (!process_read(&process, child->pid) || !process_read_memory(&memory, child->pid))
		return false;
	*usage = (struct child_usage){
		.cpu_ns = process.cpu_ns,
		.switches = process.switches,
		.memory_bytes = memory.own_bytes,
		.memory_most_bytes = memory.most_bytes,
	};
	return true;
}

bool child_logged(const char *output, const char *event, const char *key, uint64_t *number)
{
	char line[4096];
	char event_text[64];
	char key_text[64];
	bool found = false;
	FILE *file = fopen(output, "re");

	if (file == NULL)
		return false;
	(void)snprintf(event_text, sizeof event_text, "event=%s ", event);
	(void)snprintf(key_text, sizeof key_text, " %s=", key);
	while (fgets(line, sizeof line, file) != NULL) {
		const char *at = strstr(line, event_text) == NULL ? NULL : strstr(line, key_text);
		if (at == NULL)
			continue;
		*number = strtoull(at + strlen(key_text), NULL, 10);
		found = true;
	}
	fclose(file);
	return found;
}

void child_last_words(const char *output)
{
	char *text = file_tail(output, CHILD_LAST_BYTES);

	if (text == NULL)
		return;
	fputs(text, stderr);
	free(text);
}

/* The file's last bytes as a string; NULL: it can't be read. /proc's files have no size. */
static char *file_tail(const char *path, size_t bytes_max)
{
	size_t size = 0;
	size_t room = 8192;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return NULL;
	char *text = malloc(room + 1);
	while (text != NULL) {
		size += fread(text + size, 1, room - size, file);
		if (size < room)
			break;
		room *= 2;
		char *grown = realloc(text, room + 1);
		if (grown == NULL)
			free(text);
		text = grown;
	}
	fclose(file);
	if (text == NULL)
		return NULL;
	const size_t kept = size < bytes_max ? size : bytes_max;
	memmove(text, text + size - kept, kept);
	text[kept] = '\0';
	return text;
}

void child_pause(int64_t ns)
{
	(void)poll(NULL, 0, (int)((ns + NS_PER_MS - 1) / NS_PER_MS));
}
