"""Says at once which setting forbids io_uring here; exit 0 only where a ring can be made."""

import ctypes
import errno
import os
import sys

IO_URING_SETUP = 425  # the same number on every architecture of Debian


def refusal(number):
    """What stands behind the kernel's answer, and what would change it."""
    if number == errno.ENOSYS:
        return ("the kernel has no io_uring (CONFIG_IO_URING, Linux 6.1 or later is needed),"
                " or a seccomp profile answers for it")
    try:
        with open("/proc/sys/kernel/io_uring_disabled", encoding="ascii") as setting:
            disabled = int(setting.read())
    except (OSError, ValueError):
        disabled = 0
    if disabled == 2 or (disabled == 1 and os.geteuid() != 0):
        return (f"sysctl kernel.io_uring_disabled is {disabled};"
                " `sysctl kernel.io_uring_disabled=0` on the host allows it")
    return ("a seccomp profile forbids io_uring_setup, as Docker's and Podman's default ones do;"
            " run the container with --security-opt seccomp=unconfined, or with a profile that"
            " allows io_uring_setup, io_uring_enter and io_uring_register")


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    params = (ctypes.c_uint8 * 120)()
    ring = libc.syscall(IO_URING_SETUP, 1, params)
    if ring >= 0:
        os.close(ring)
        return 0
    number = ctypes.get_errno()
    print(f"io_uring is refused here ({os.strerror(number)}): {refusal(number)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
