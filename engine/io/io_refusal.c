#include "engine/io/io_refusal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

static int io_refusal_sysctl(void);

void io_refusal_explain(int error, struct text *why)
{
	struct utsname kernel = { 0 };
	int disabled = io_refusal_sysctl();

	uname(&kernel);
	if (error == EPERM && disabled != 0)
		text_format(why,
		        "the system forbids io_uring: kernel.io_uring_disabled is %d "
		        "(sysctl -w kernel.io_uring_disabled=0 allows it)",
		        disabled);
	else if (error == EPERM || error == EACCES)
		text_format(why,
		        "a seccomp filter forbids io_uring_setup, as the default profiles of "
		        "container runtimes do (Docker: --security-opt seccomp=unconfined, or a "
		        "profile that allows io_uring_setup, io_uring_enter, io_uring_register)");
	else if (error == ENOSYS)
		text_format(why,
		        "kernel %s has no io_uring: it is older than 5.1, built without "
		        "CONFIG_IO_URING, or a seccomp filter hides it; 6.1 or later is needed",
		        kernel.release);
	else if (error == EINVAL)
		text_format(why, "the io_uring of kernel %s is too old: 6.1 or later is needed",
		        kernel.release);
	else if (error == ENOMEM)
		text_format(why, "no memory for io_uring: raise RLIMIT_MEMLOCK (ulimit -l)");
	else
		text_format(why, "io_uring can't be set up: %s", strerror(error));
}

/* 0 where there is no such setting (before 6.6). */
static int io_refusal_sysctl(void)
{
	int disabled = 0;
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &disabled) != 1)
		disabled = 0;
	fclose(file);
	return disabled;
}
