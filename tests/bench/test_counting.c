#include "bench/counting.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS 1000

static struct counting counting;

static int asked[2];

static void call(void)
{
	for (int i = 0; i < CALLS; i++)
		(void)syscall(SYS_getppid);
	(void)syscall(SYS_fsync, -1);
}

static void *call_when_asked(void *argument)
{
	char byte;

	if (read(asked[0], &byte, 1) == 1)
		call();
	return argument;
}

/* Of all threads that are there, and of no other process. */
static void test_counts(void **state)
{
	(void)state;
	char words[160];
	struct text why = TEXT_ON(words);
	pthread_t thread;

	assert_int_equal(pipe(asked), 0);
	assert_int_equal(pthread_create(&thread, NULL, call_when_asked, NULL), 0);
	const bool counts = counting_open(&counting, getpid(), &why);
	const pid_t other = fork();
	if (other == 0) {
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_int_equal(counts && counting_read(&counting).calls > CALLS / 2, false);
	call();
	assert_int_equal(write(asked[1], "x", 1), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(asked[0]);
	close(asked[1]);
	if (!counts) {
		assert_true(why.bytes > 0);
		assert_int_equal(counting.count, 0);
		skip(); /* not everybody may */
	}
	const struct counted counted = counting_read(&counting);
	assert_true(counted.calls >= 2 * CALLS);
	assert_true(counted.calls < 3 * CALLS);
	assert_int_equal(counted.syncs, 2);
	counting_close(&counting);
	assert_int_equal(counting_read(&counting).calls, 0);
}

/* A write that syncs is a sync; another is not. */
static void test_counts_writes_that_sync(void **state)
{
	(void)state;
	char words[160];
	struct text why = TEXT_ON(words);
	const int fd = open("test_counting.out", O_WRONLY | O_CREAT | O_DSYNC, 0600);
	const int other = open("test_counting.out", O_WRONLY);

	assert_true(fd >= 0);
	assert_true(other >= 0);
	const bool counts = counting_open(&counting, getpid(), &why);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(pwrite(other, "x", 1, 0), 1);
	close(fd);
	close(other);
	assert_int_equal(unlink("test_counting.out"), 0);
	if (!counts)
		skip();
	assert_int_equal(counting_read(&counting).syncs, 3);
	counting_close(&counting);
}

static void test_says_why_not(void **state)
{
	(void)state;
	char words[160];
	struct text why = TEXT_ON(words);

	assert_false(counting_open(&counting, 0x3fffffff, &why));
	assert_true(why.bytes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_writes_that_sync),
		cmocka_unit_test(test_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
