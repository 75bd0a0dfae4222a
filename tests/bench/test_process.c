#include "bench/process.h"

#include "queue/base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WRITTEN (1 << 20)

static struct process before;
static struct process after;

static void *spin(void *argument)
{
	const struct mono until = mono_after(clock_mono(), 30 * NS_PER_MS);

	(void)argument;
	pthread_setname_np(pthread_self(), "spinner-1");
	while (!mono_reached(clock_mono(), until))
		continue;
	assert_true(process_read(&after, getpid()));
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	pthread_t thread;
	const struct process_thread *found = NULL;

	assert_true(process_read(&before, getpid()));
	assert_int_equal(pthread_create(&thread, NULL, spin, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(after.cpu_ns > before.cpu_ns);
	assert_true(after.switches >= before.switches);
	for (size_t i = 0; i < after.thread_count; i++)
		if (strcmp(after.threads[i].name, "spinner-1") == 0)
			found = &after.threads[i];
	assert_non_null(found);
	assert_true(found->cpu_ns > 0);
	assert_true(found->cpu_ns <= after.cpu_ns);
}

static void test_writing(void **state)
{
	(void)state;
	static char bytes[WRITTEN];
	char path[] = "test_process.XXXXXX";
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_true(process_read(&before, getpid()));
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	assert_true(process_read(&after, getpid()));
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_true(after.write_bytes - before.write_bytes >= WRITTEN);
}

static void test_memory(void **state)
{
	(void)state;
	struct process_memory memory;

	assert_true(process_read_memory(&memory, getpid()));
	assert_true(memory.own_bytes > 0);
	assert_true(memory.mapped_bytes > 0);
	assert_true(memory.most_bytes >= memory.own_bytes);
}

static void test_gone(void **state)
{
	(void)state;
	struct process_memory memory;

	assert_false(process_read(&before, 0));
	assert_false(process_read(&before, 0x3fffffff));
	assert_false(process_read_memory(&memory, 0));
	assert_false(process_read_memory(&memory, 0x3fffffff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
