#include "engine/io/handed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 3

static struct handed handed;
static char sentence[256];

static void tell(const char *process, const char *sockets)
{
	char own[32];

	(void)snprintf(own, sizeof own, "%d", (int)getpid());
	assert_int_equal(setenv("LISTEN_PID", process == NULL ? own : process, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", sockets, 1), 0);
}

static bool opens(void)
{
	struct text why = TEXT_ON(sentence);

	sentence[0] = '\0';
	const bool fine = !failed(handed_open(&handed, &why));
	(void)text_string(&why);
	return fine;
}

/* What is not for us, or says nothing, is nothing. */
static void nobody_hands_anything(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("LISTEN_PID"), 0);
	assert_true(opens());
	assert_int_equal(handed.count, 0);
	static const char *const others[][2] = { { "1", "1" }, { NULL, "0" }, { NULL, "" },
		{ NULL, "x" }, { "x", "1" } };
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		tell(others[i][0], others[i][1]);
		assert_true(opens());
		assert_int_equal(handed.count, 0);
		assert_null(getenv("LISTEN_FDS"));
		assert_null(getenv("LISTEN_PID"));
	}
}

static void too_many(void **state)
{
	(void)state;
	tell(NULL, "257");
	assert_false(opens());
	assert_non_null(strstr(sentence, "LISTEN_FDS is 257"));
}

static int put_socket(int kind, bool listens)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, kind, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
	        (listens && listen(fd, 1) != 0) || dup2(fd, FIRST) != FIRST)
		return -1;
	return fd;
}

/* In a child: the descriptors have the numbers that they must have. */
static int child(int kind, bool listens, bool fine)
{
	struct sockaddr_in at;
	socklen_t bytes = sizeof at;
	struct endpoint wanted = { .address = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	int shared;

	const int fd = put_socket(kind, listens);
	if (fd < 0)
		return 10;
	tell(NULL, "1");
	if (opens() != fine)
		return 11;
	if (!fine)
		return strstr(sentence, "descriptor 3") != NULL ? 0 : 12;
	if (getsockname(fd, (struct sockaddr *)&at, &bytes) != 0)
		return 13;
	wanted.port = 1;
	if (handed_find(&handed, &wanted) >= 0 || handed.taken[0])
		return 14;
	wanted.port = ntohs(at.sin_port);
	if (handed_find(&handed, &wanted) != FIRST || !handed.taken[0])
		return 15;
	if (failed(handed_share(FIRST, &shared)) || shared == FIRST || close(shared) != 0)
		return 16;
	handed_close(&handed);
	return handed.count == 0 && close(FIRST) != 0 ? 0 : 17;
}

static void sockets_are_found_by_their_address(void **state)
{
	static const struct {
		int kind;
		bool listens;
		bool fine;
	} rows[] = {
		{ SOCK_STREAM, true, true },
		{ SOCK_STREAM, false, false },
		{ SOCK_DGRAM, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status;
		const pid_t id = fork();

		assert_true(id >= 0);
		if (id == 0)
			_exit(child(rows[i].kind, rows[i].listens, rows[i].fine));
		assert_int_equal(waitpid(id, &status, 0), id);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_hands_anything),
		cmocka_unit_test(too_many),
		cmocka_unit_test(sockets_are_found_by_their_address),
	};

	return cmocka_run_group_tests_name("handed", tests, NULL, NULL);
}
