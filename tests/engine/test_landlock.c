/* Files that may be opened, and others: in children, since nothing takes it back. */
#include "engine/landlock.h"

#include "tests/engine/child.h"
#include "tests/engine/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

/* Of the kernel's interface, that first knows of them. */
#define VERSION_OF_PORTS   4
#define VERSION_OF_SIGNALS 6

static int begin(void **state)
{
	static struct place place;

	place_open(&place);
	place_make_folder(&place, "read", 0755);
	place_write(&place, "read/file", 0644);
	place_make_folder(&place, "write", 0700);
	place_write(&place, "write/file", 0600);
	place_write(&place, "file", 0644);
	place_write(&place, "other", 0644);
	*state = &place;
	return 0;
}

static int end(void **state)
{
	place_close(*state);
	return 0;
}

/* Gives the version; 0: this kernel has none. */
static int enforce(const struct place *place)
{
	static const struct {
		const char *name;
		enum landlock_use use;
	} rules[] = {
		{ "read", LANDLOCK_READ },
		{ "write", LANDLOCK_WRITE },
		{ "file", LANDLOCK_READ },
		{ "not/there", LANDLOCK_READ },
		{ "file/below", LANDLOCK_WRITE },
	};
	struct landlock landlock;
	char path[PLACE_PATH_BYTES];
	const struct err err = landlock_open(&landlock);

	if (err.code == ERR_UNSUPPORTED)
		return 0;
	child_wants(!failed(err));
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		child_wants(!failed(landlock_allow(
		        &landlock, place_path(place, rules[i].name, path), rules[i].use)));
	/* Without that the kernel wants a right which we may not have. */
	child_wants(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	child_wants(!failed(landlock_enforce(&landlock)));
	landlock_close(&landlock);
	landlock_close(&landlock); /* closed already: nothing */
	return landlock.version;
}

static bool forbids(const struct place *place, const char *name, int flags)
{
	errno = 0;
	return !place_opens(place, name, flags) && errno == EACCES;
}

static void use_files(const void *argument)
{
	const struct place *place = argument;
	char path[PLACE_PATH_BYTES];
	char other[PLACE_PATH_BYTES];
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (enforce(place) == 0)
		return;
	child_wants(place_opens(place, "read/file", O_RDONLY));
	child_wants(place_opens(place, "read", O_RDONLY | O_DIRECTORY));
	child_wants(place_opens(place, "file", O_RDONLY));
	child_wants(place_opens(place, "write/file", O_RDWR | O_TRUNC));
	child_wants(place_opens(place, "write/new", O_WRONLY | O_CREAT));
	child_wants(rename(place_path(place, "write/new", path),
	                    place_path(place, "write/file", other)) == 0);
	child_wants(unlink(other) == 0);
	place_path(place, "write/socket", path);
	memcpy(at.sun_path, path, strlen(path));
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	child_wants(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);

	child_wants(forbids(place, "other", O_RDONLY));
	child_wants(forbids(place, "read/file", O_WRONLY));
	child_wants(forbids(place, "read/new", O_WRONLY | O_CREAT));
	child_wants(forbids(place, "new", O_WRONLY | O_CREAT));
	child_wants(forbids(place, "", O_RDONLY | O_DIRECTORY));
	child_wants(unlink(place_path(place, "read/file", path)) < 0 && errno == EACCES);
	child_wants(mkdir(place_path(place, "write/folder", path), 0700) < 0 && errno == EACCES);
	child_wants(symlink("file", place_path(place, "write/link", path)) < 0 && errno == EACCES);
	child_wants(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	child_wants(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EACCES);
}

static void test_files(void **state)
{
	assert_true(child_is_fine(use_files, *state));
}

static int bind_to(in_port_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	child_wants(fd >= 0);
	errno = 0;
	const int result = bind(fd, (const struct sockaddr *)&at, sizeof at);
	child_wants(close(fd) == 0 || errno != 0);
	return result;
}

static void use_the_rest(const void *argument)
{
	const int version = enforce(argument);

	if (version >= VERSION_OF_PORTS) {
		child_wants(bind_to(0) == 0);
		child_wants(bind_to(20025) < 0 && errno == EACCES);
	}
	if (version >= VERSION_OF_SIGNALS)
		child_wants(kill(getppid(), 0) < 0 && errno == EPERM);
	child_wants(kill(getpid(), 0) == 0);
}

static void test_ports_and_signals(void **state)
{
	assert_true(child_is_fine(use_the_rest, *state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_ports_and_signals),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
