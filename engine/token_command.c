#include "engine/token_command.h"

#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(struct token_command *command, int output);
static int set_files(posix_spawn_file_actions_t *files, int output, bool loud);
static int set_manners(posix_spawnattr_t *manners);
static bool read_output(struct token_command *command);
static void ended(struct token_command *command, int status);
static void fail(struct token_command *command, const char *why);

void token_command_begin(struct token_command *command)
{
	int ends[2];

	command->done = false;
	command->fine = false;
	command->bytes = 0;
	command->why[0] = '\0';
	command->process = 0;
	command->output = -1;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		fail(command, strerrordesc_np(errno));
		return;
	}
	command->output = ends[0];
	check(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	const int error = spawn(command, ends[1]);
	check(close(ends[1]) == 0);
	if (error != 0)
		fail(command, strerrordesc_np(error));
}

static int spawn(struct token_command *command, int output)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t manners;
	pid_t process = 0;

	int error = posix_spawn_file_actions_init(&files);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&manners);
	if (error == 0) {
		error = set_files(&files, output, command->loud);
		if (error == 0)
			error = set_manners(&manners);
		/* It takes strings that it does not change, and does not say so. */
		if (error == 0)
			error = posix_spawn(&process, command->words[0], &files, &manners,
			        (char *const *)(uintptr_t)command->words, environ);
		check(posix_spawnattr_destroy(&manners) == 0);
	}
	check(posix_spawn_file_actions_destroy(&files) == 0);
	command->process = error == 0 ? process : 0;
	return error;
}

static int set_files(posix_spawn_file_actions_t *files, int output, bool loud)
{
	int error = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
	if (error == 0 && !loud)
		error = posix_spawn_file_actions_addopen(
		        files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return error;
}

/* A group of its own, to end it with all that it started; signals as a shell would have them. */
static int set_manners(posix_spawnattr_t *manners)
{
	sigset_t none;
	sigset_t all;

	check(sigemptyset(&none) == 0);
	check(sigfillset(&all) == 0);
	int error = posix_spawnattr_setflags(
	        manners, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (error == 0)
		error = posix_spawnattr_setpgroup(manners, 0);
	if (error == 0)
		error = posix_spawnattr_setsigmask(manners, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(manners, &all);
	return error;
}

void token_command_work(struct token_command *command, struct mono now)
{
	int status;

	if (command->done)
		return;
	if (command->output >= 0 && !read_output(command))
		return;
	/* Its output has ended: so does it, as a rule. */
	if (command->output < 0) {
		const pid_t process = waitpid(command->process, &status, WNOHANG);
		if (process == command->process) {
			ended(command, status);
			return;
		}
	}
	if (mono_reached(now, command->deadline))
		fail(command, "it took too long");
}

/* False: it is done with. */
static bool read_output(struct token_command *command)
{
	while (command->bytes < command->into.bytes) {
		const ssize_t more = read(command->output, command->into.data + command->bytes,
		        command->into.bytes - command->bytes);

		if (more > 0) {
			command->bytes += (size_t)more;
		} else if (more == 0) {
			check(close(command->output) == 0);
			command->output = -1;
			return true;
		} else {
			check(errno == EAGAIN || errno == EINTR);
			return true;
		}
	}
	fail(command, "it prints too much for a token");
	return false;
}

static void ended(struct token_command *command, int status)
{
	struct text why = TEXT_ON(command->why);

	/* Whatever it left running goes too. */
	(void)kill(-command->process, SIGKILL);
	command->process = 0;
	command->done = true;
	command->fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!command->fine && WIFSIGNALED(status))
		text_format(&why, "it was ended by signal %d", WTERMSIG(status));
	else if (!command->fine)
		text_format(&why, "it ended with status %d", WEXITSTATUS(status));
	(void)text_string(&why);
}

static void fail(struct token_command *command, const char *why)
{
	struct text text = TEXT_ON(command->why);

	token_command_cancel(command);
	text_put(&text, view_of(why));
	(void)text_string(&text);
	command->done = true;
}

void token_command_cancel(struct token_command *command)
{
	if (command->output >= 0)
		check(close(command->output) == 0);
	command->output = -1;
	if (command->process == 0)
		return;
	(void)kill(-command->process, SIGKILL);
	/* Killed, it ends at once. */
	while (waitpid(command->process, NULL, 0) < 0 && errno == EINTR)
		continue;
	command->process = 0;
}
