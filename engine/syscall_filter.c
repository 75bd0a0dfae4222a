#include "engine/syscall_filter.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SORT_MASK 0xf /* of a socket's type; the rest are flags */
/* A tree of the calls, where a list would be gone through from its beginning. */
#define TREE 2

/* Whatever their arguments. A name that the machine's architecture has not is passed over. */
static const char *const names[] = {
	/* The rings. No io_uring_setup: all are made. */
	"io_uring_enter", "io_uring_register",
	/* Memory. */
	"brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock", "msync", "mincore",
	"membarrier",
	/* Threads, and what they wait with. */
	"futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "sched_yield",
	"sched_getaffinity", "getcpu", "gettid", "getpid", "exit", "exit_group", "restart_syscall",
	/* Signals. */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "rt_sigtimedwait",
	/* The keeper's end is waited for. */
	"wait4",
	/* Time. */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	/* What the process is and may use. */
	"getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrlimit", "prlimit64",
	"getrusage", "getrandom",
	/* Descriptors. */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"close", "dup", "fcntl", "pipe", "pipe2", "eventfd2", "poll", "ppoll", "select", "pselect6",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"timerfd_create", "timerfd_settime",
	/* Files: the spool, secrets that are read again, tokens that are written back. */
	"open", "openat", "stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "rename", "renameat",
	"renameat2", "unlink", "unlinkat", "ftruncate", "fallocate", "fadvise64", "fsync",
	"fdatasync", "flock", "fchmod", "fchown", "fstatfs", "statfs",
	/* Sockets: those of name servers and token endpoints; mail goes by the rings. */
	"bind", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto",
	"recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
	/* The admin port's clients; nothing else listens without a ring. */
	"accept4"
};

static struct err hide_calls(void);
static struct err refuse_calls(void);
static struct err load(scmp_filter_ctx filter, int code);
static int allow_names(scmp_filter_ctx filter);
static int allow_memory(scmp_filter_ctx filter);
static int allow_threads(scmp_filter_ctx filter);
static int allow_controls(scmp_filter_ctx filter);
static int allow_sockets(scmp_filter_ctx filter);

struct err syscall_filter_enforce(void)
{
	/* Two, for what the one refuses is logged, and libc's tries are not worth a line. The
	 * strict one comes last: after it there is no other. */
	const struct err err = hide_calls();

	return failed(err) ? err : refuse_calls();
}

/* The flags of clone3() lie in memory, where no filter looks: it seems not to be there, and libc
 * takes clone(). */
static struct err hide_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	return load(filter, seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
}

static struct err refuse_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (filter == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, TREE);
	/* Where the kernel can't log them, they are refused all the same. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (code == 0)
		code = allow_names(filter);
	if (code == 0)
		code = allow_memory(filter);
	if (code == 0)
		code = allow_threads(filter);
	if (code == 0)
		code = allow_controls(filter);
	if (code == 0)
		code = allow_sockets(filter);
	return load(filter, code);
}

/* Takes the filter. `code` tells whether it was made. The library knows few errors of the kernel's,
 * EPERM not among them: errno is right. */
static struct err load(scmp_filter_ctx filter, int code)
{
	struct err err = err_ok();

	if (code != 0)
		err = err_make(ERR_SYSTEM, -code);
	else if (seccomp_load(filter) != 0)
		err = err_make(ERR_UNSUPPORTED, errno);
	seccomp_release(filter);
	return err;
}

static int allow_names(scmp_filter_ctx filter)
{
	int code = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && code == 0; i++) {
		const int number = seccomp_syscall_resolve_name(names[i]);
		/* A younger call than the library knows is none that we need. */
		if (number != __NR_SCMP_ERROR)
			code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return code;
}

/* Libraries are loaded while we run, those of names; nothing that was written is run. */
static int allow_memory(scmp_filter_ctx filter)
{
	const scmp_datum_t both = PROT_WRITE | PROT_EXEC;
	int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
	return code;
}

/* Threads are made, processes are not. Signals are for ourselves, as abort()'s. */
static int allow_threads(scmp_filter_ctx filter)
{
	static const scmp_datum_t wishes[] = { PR_SET_NAME, PR_SET_VMA };
	int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0] && code == 0; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
		        SCMP_A0(SCMP_CMP_EQ, wishes[i]));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		        SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
		        SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return code;
}

/* Of descriptors: a terminal, among others, takes what would be typed into it. */
static int allow_controls(scmp_filter_ctx filter)
{
	static const scmp_datum_t wishes[] = { FIONBIO, FIONREAD, TCGETS };
	int code = 0;

	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0] && code == 0; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		        SCMP_A1(SCMP_CMP_EQ, wishes[i]));
	return code;
}

static int allow_sockets(scmp_filter_ctx filter)
{
	static const struct {
		int family;
		int sort;
	} kinds[] = {
		{ AF_INET, SOCK_STREAM }, { AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_STREAM },
		{ AF_INET6, SOCK_DGRAM }, { AF_UNIX, SOCK_STREAM }, { AF_UNIX, SOCK_DGRAM },
		{ AF_NETLINK, SOCK_RAW }, /* libc asks it for our addresses, to sort others' */
	};
	int code = seccomp_rule_add(
	        filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && code == 0; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
		        SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)kinds[i].family),
		        SCMP_A1(SCMP_CMP_MASKED_EQ, SORT_MASK, (scmp_datum_t)kinds[i].sort));
	return code;
}
