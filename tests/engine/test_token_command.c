#include "engine/token_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)
#define OUTPUT_MAX  64

static char output[OUTPUT_MAX];

static void run_words(struct token_command *command, const char *const *words, int64_t timeout_ns)
{
	*command = (struct token_command){
		.words = words,
		.deadline = mono_after(clock_mono(), timeout_ns),
		.into = { output, sizeof output },
	};
	token_command_begin(command);
	while (!command->done) {
		const struct timespec moment = { .tv_nsec = NS_PER_MS };
		token_command_work(command, clock_mono());
		(void)nanosleep(&moment, NULL);
	}
	assert_int_equal(command->process, 0);
	assert_int_equal(command->output, -1);
}

static void run(struct token_command *command, const char *script)
{
	const char *const words[] = { "/bin/sh", "-c", script, NULL };

	run_words(command, words, PATIENCE_NS);
}

static void test_output(void **state)
{
	const char *const words[] = { "/bin/echo", "-n", "a b;c", "$HOME", NULL };
	struct token_command command;

	(void)state;
	run(&command, "printf token; sleep 0.05; printf more");
	assert_true(command.fine);
	assert_int_equal(command.bytes, 9);
	assert_memory_equal(output, "tokenmore", 9);
	/* No shell stands between. */
	run_words(&command, words, PATIENCE_NS);
	assert_true(command.fine);
	assert_int_equal(command.bytes, 11);
	assert_memory_equal(output, "a b;c $HOME", 11);
}

static void test_surroundings(void **state)
{
	struct token_command command;

	(void)state;
	/* Nothing to read, no descriptor of ours, a group of its own. */
	run(&command, "read line || printf nothing; ls /proc/$$/fd | tr -d '\\n'");
	assert_true(command.fine);
	assert_memory_equal(output, "nothing012", 10);
	run(&command, "test \"$(ps -o pgid= $$ | tr -d ' ')\" = $$ && printf own");
	assert_true(command.fine);
	assert_memory_equal(output, "own", 3);
}

static void test_failures(void **state)
{
	static const struct {
		const char *script;
		const char *why;
	} cases[] = {
		{ "exit 3", "it ended with status 3" },
		{ "printf token; exit 1", "it ended with status 1" },
		{ "kill -TERM $$", "it was ended by signal 15" },
		{ "while :; do printf xxxxxxxx; done", "it prints too much for a token" },
	};
	const char *const missing[] = { "/nonexistent/program", NULL };
	struct token_command command;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run(&command, cases[i].script);
		assert_false(command.fine);
		assert_string_equal(command.why, cases[i].why);
	}
	run_words(&command, missing, PATIENCE_NS);
	assert_false(command.fine);
	assert_string_equal(command.why, "No such file or directory");
}

/* Also what it started is gone, though it would run for long. */
static void test_time(void **state)
{
	char file[] = "token-command-XXXXXX";
	char script[128];
	struct token_command command;
	long child = 0;

	(void)state;
	const int fd = mkstemp(file);
	assert_true(fd >= 0);
	snprintf(script, sizeof script, "sleep 1000 & echo $! >%s; wait", file);
	const char *const words[] = { "/bin/sh", "-c", script, NULL };
	run_words(&command, words, NS_PER_S);
	assert_false(command.fine);
	assert_string_equal(command.why, "it took too long");
	FILE *stream = fdopen(fd, "r");
	assert_non_null(stream);
	assert_int_equal(fscanf(stream, "%ld", &child), 1);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(unlink(file), 0);
	/* Killed; whoever adopts it takes it away in a moment. */
	snprintf(script, sizeof script, "/proc/%ld/cmdline", child);
	for (int i = 0; i < 1000 && kill((pid_t)child, 0) == 0; i++) {
		const struct timespec moment = { .tv_nsec = 10 * NS_PER_MS };
		FILE *left = fopen(script, "re");
		const int first = left == NULL ? EOF : fgetc(left);
		if (left != NULL)
			(void)fclose(left);
		if (first == EOF)
			return; /* a zombie has no words */
		(void)nanosleep(&moment, NULL);
	}
	assert_int_equal(kill((pid_t)child, 0), -1);
}

static void test_cancel(void **state)
{
	const char *const words[] = { "/bin/sh", "-c", "sleep 1000", NULL };
	struct token_command command = {
		.words = words,
		.deadline = MONO_NEVER,
		.into = { output, sizeof output },
	};

	(void)state;
	token_command_begin(&command);
	assert_false(command.done);
	const pid_t process = command.process;
	token_command_cancel(&command);
	assert_int_equal(kill(process, 0), -1);
	assert_int_equal(errno, ESRCH);
	token_command_cancel(&command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
