/* What a ring of ours refuses once it runs, asked past the interface that never asks for it. */
#include "tests/engine/io/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUFFERS     32
#define DESCRIPTORS 64  /* a test program has fewer */
#define ENTRIES     64  /* fixture_init()'s, which the layout of the memory hangs on */
#define COMPLETIONS 256 /* what io_uring.c makes of them */

/* The descriptor of the only ring that is open. */
static int ring_descriptor(void)
{
	char path[64];
	char leads_to[64];
	int found = -1;

	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		const ssize_t bytes = readlink(path, leads_to, sizeof leads_to - 1);
		if (bytes < 0)
			continue;
		leads_to[bytes] = '\0';
		if (strstr(leads_to, "io_uring") == NULL)
			continue;
		assert_int_equal(found, -1);
		found = fd;
	}
	assert_true(found >= 0);
	return found;
}

static bool is_restricted(const struct io *io)
{
	char room[512];
	struct text text = TEXT_ON(room);

	io_describe(io, &text);
	return strstr(text_string(&text), "restrictions=yes") != NULL;
}

static void test_registering_is_refused(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture);
	if (!is_restricted(fixture.loop.io)) {
		fixture_finish(&fixture, BUFFERS);
		skip();
	}
	const int ring = ring_descriptor();
	int event = eventfd(0, EFD_CLOEXEC);
	assert_true(event >= 0);
	errno = 0;
	assert_int_equal(
	        syscall(__NR_io_uring_register, ring, IORING_REGISTER_EVENTFD, &event, 1), -1);
	assert_int_equal(errno, EACCES);
	(void)close(event);
	fixture_finish(&fixture, BUFFERS);
}

/* The ring's memory a second time: another of its size has the same layout. */
static void map_again(struct io_uring *mapped, int ring)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS };
	struct io_uring other;

	assert_int_equal(io_uring_queue_init_params(ENTRIES, &other, &params), 0);
	io_uring_queue_exit(&other);
	assert_int_equal(io_uring_queue_mmap(ring, &params, mapped), 0);
}

static int ask(struct io_uring *ring, const struct io_uring_sqe *wish)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;

	assert_non_null(sqe);
	*sqe = *wish;
	assert_int_equal(io_uring_submit_and_wait(ring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(ring, &cqe), 0);
	const int result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static void test_operations_are_refused(void **state)
{
	struct fixture fixture;
	struct io_uring mapped;
	struct io_uring_sqe wish = { 0 };

	(void)state;
	fixture_init(&fixture);
	if (!is_restricted(fixture.loop.io)) {
		fixture_finish(&fixture, BUFFERS);
		skip();
	}
	map_again(&mapped, ring_descriptor());
	io_uring_prep_openat(&wish, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	assert_int_equal(ask(&mapped, &wish), -EACCES);
	wish = (struct io_uring_sqe){ 0 };
	io_uring_prep_nop(&wish);
	assert_int_equal(ask(&mapped, &wish), -EACCES);
	/* One of ours, with a flag that we never set. */
	wish = (struct io_uring_sqe){ 0 };
	io_uring_prep_shutdown(&wish, -1, 0);
	assert_int_equal(ask(&mapped, &wish), -EBADF);
	wish.flags = IOSQE_ASYNC;
	assert_int_equal(ask(&mapped, &wish), -EACCES);
	fixture_finish(&fixture, BUFFERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registering_is_refused),
		cmocka_unit_test(test_operations_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
