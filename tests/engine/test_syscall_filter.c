/* System calls that are let through, and others: in children, since nothing takes it back. */
#include "engine/syscall_filter.h"

#include "tests/engine/child.h"
#include "tests/engine/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <cmocka.h>

#define PAGE 4096

static int begin(void **state)
{
	static struct place place;

	place_open(&place);
	place_write(&place, "file", 0600);
	*state = &place;
	return 0;
}

static int end(void **state)
{
	place_close(*state);
	return 0;
}

/* False: this kernel has no filters. */
static bool enforce(void)
{
	const struct err err = syscall_filter_enforce();

	child_wants(!failed(err) || err.code == ERR_UNSUPPORTED);
	return !failed(err);
}

#define refused(call) (errno = 0, (call) < 0 && errno == EPERM)

static void make_forbidden_calls(const void *argument)
{
	char *const words[] = { (char *)(uintptr_t) "true", NULL };
	struct io_uring_params params = { 0 };
	struct clone_args process = { .exit_signal = SIGCHLD };
	const pid_t parent = getppid();

	(void)argument;
	if (!enforce())
		return;
	child_wants(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0); /* no wish of ours either */
	/* Programs and processes. */
	child_wants(refused(execve("/bin/true", words, words)));
	child_wants(refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, words, 0)));
	child_wants(refused(fork()));
	child_wants(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
	child_wants(refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
	child_wants(syscall(SYS_clone3, &process, sizeof process) < 0 && errno == ENOSYS);
	child_wants(refused(unshare(CLONE_NEWUSER)));
	child_wants(refused(kill(parent, 0)));
	child_wants(refused(syscall(SYS_tgkill, parent, parent, 0)));
	/* What others do. */
	child_wants(refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
	child_wants(refused(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0)));
	child_wants(refused(syscall(SYS_bpf, 0, NULL, 0)));
	child_wants(refused(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)));
	child_wants(refused(syscall(SYS_userfaultfd, 0)));
	child_wants(refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)));
	/* The machine. */
	child_wants(refused(mount("none", "/mnt", "tmpfs", 0, NULL)));
	child_wants(refused(chroot("/")));
	child_wants(refused(syscall(SYS_init_module, NULL, 0, "")));
	child_wants(refused(syscall(SYS_kexec_load, 0, 0, NULL, 0)));
	child_wants(refused(setresuid(0, 0, 0)));
	child_wants(refused(chmod(P_tmpdir, 01777)));
	child_wants(refused(mkdir(P_tmpdir "/sluice-no-folder", 0700)));
	child_wants(refused(symlink("a", P_tmpdir "/sluice-no-link")));
	/* Rings without restrictions, and sockets that are not ours. */
	child_wants(refused(syscall(SYS_io_uring_setup, 8, &params)));
	child_wants(refused(socket(AF_PACKET, SOCK_RAW, 0)));
	child_wants(refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)));
	child_wants(refused(socket(AF_ALG, SOCK_SEQPACKET, 0)));
	child_wants(refused(socket(AF_VSOCK, SOCK_STREAM, 0)));
	child_wants(refused(listen(0, 1)));
	child_wants(refused(ioctl(0, TIOCSTI, "x")));
	/* A filter that takes this one's place. */
	child_wants(refused(syscall(SYS_seccomp, 0, 0, NULL)));
	_exit(0);
}

static void test_forbidden_calls(void **state)
{
	(void)state;
	assert_true(child_is_fine(make_forbidden_calls, NULL));
}

static void use_memory(const void *argument)
{
	const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
	const int private = MAP_PRIVATE | MAP_ANONYMOUS;

	(void)argument;
	if (!enforce())
		return;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, private, -1, 0);
	child_wants(page != MAP_FAILED);
	child_wants(mprotect(page, PAGE, PROT_READ) == 0);
	child_wants(mprotect(page, PAGE, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
	child_wants(mprotect(page, PAGE, all) < 0 && errno == EPERM);
	child_wants(mmap(NULL, PAGE, all, private, -1, 0) == MAP_FAILED && errno == EPERM);
	/* As libraries are loaded. */
	child_wants(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, private, -1, 0) != MAP_FAILED);
	child_wants(madvise(page, PAGE, MADV_DONTDUMP) == 0);
	child_wants(munmap(page, PAGE) == 0);
}

static void test_memory(void **state)
{
	(void)state;
	assert_true(child_is_fine(use_memory, NULL));
}

static void make_our_calls(const void *argument)
{
	const struct place *place = argument;
	char path[PLACE_PATH_BYTES];
	char other[PLACE_PATH_BYTES];
	char bytes[16];
	struct statfs disk;
	struct utsname kernel;
	int ends[2];
	int bytes_there;

	if (!enforce())
		return;
	const int fd = open(place_path(place, "file", path), O_RDWR | O_CLOEXEC);
	child_wants(fd >= 0);
	child_wants(pwrite(fd, "x", 1, 0) == 1);
	child_wants(fdatasync(fd) == 0);
	child_wants(flock(fd, LOCK_EX) == 0);
	child_wants(fstatfs(fd, &disk) == 0);
	child_wants(fchmod(fd, 0640) == 0);
	child_wants(fchown(fd, geteuid(), getegid()) == 0);
	child_wants(rename(path, place_path(place, "file.new", other)) == 0);
	child_wants(rename(other, path) == 0);
	child_wants(ioctl(fd, FIONREAD, &bytes_there) == 0);
	child_wants(uname(&kernel) == 0);
	child_wants(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
	child_wants(pipe2(ends, O_CLOEXEC) == 0);
	child_wants(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	child_wants(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	child_wants(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) >= 0);
	child_wants(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
	child_wants(eventfd(0, EFD_CLOEXEC) >= 0);
	child_wants(epoll_create1(EPOLL_CLOEXEC) >= 0);
	child_wants(prctl(PR_SET_NAME, "named", 0, 0, 0) == 0);
	child_wants(raise(0) == 0);
	child_wants(kill(getpid(), 0) == 0);
	abort(); /* as check() does, which must end us */
}

static void test_our_calls(void **state)
{
	const struct place *place = *state;
	int status = 0;
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		make_our_calls(place);
		abort();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* A sanitizer may turn the signal into an exit of its own. */
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden_calls),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_our_calls),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
