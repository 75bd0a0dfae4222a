/*
 * Holds a test that says it has one thread to its word: the program's own pthread_create, which
 * everybody finds before that of libc. A thread sanitizer's build leaves such tests out.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

int pthread_create(
        pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument)
{
	(void)thread;
	(void)attributes;
	(void)body;
	(void)argument;
	fputs("this test starts a thread: name it among `threaded` in tests/CMakeLists.txt\n",
	        stderr);
	abort();
}
