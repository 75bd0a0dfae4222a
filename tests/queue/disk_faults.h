/*
 * A disk that fails on demand: the program's own pwrite, writev, fdatasync and fallocate, which
 * the database library finds before those of libc. Included by one file of a test program.
 *
 * Thread:  the test's. Owns nothing; with nothing set, everything goes through.
 */
#ifndef SLUICE_DISK_FAULTS_H
#define SLUICE_DISK_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK_META_BYTES 8192 /* LMDB's two meta pages are the first of the file */

enum disk_kind {
	DISK_DATA,
	DISK_META,
	DISK_SYNC,
};

struct disk_faults {
	uint64_t fail_at;    /* the how-manieth write or sync fails; 0: none */
	int error;           /* with this */
	uint64_t capacity;   /* bytes that a file may have; 0: any number */
	bool no_allocate;    /* the file system can't allocate ahead */
	uint64_t ops;        /* so far */
	bool hit;            /* it has failed... */
	enum disk_kind kind; /* ...doing this */
	int unseen_sync;     /* descriptors that have yet to hear of a failed sync */
};

static struct disk_faults disk;

static bool disk_fails(enum disk_kind kind, uint64_t end)
{
	disk.ops++;
	if (disk.fail_at == disk.ops) {
		disk.hit = true;
		disk.kind = kind;
		disk.unseen_sync = kind == DISK_SYNC;
		errno = disk.error;
		return true;
	}
	if (disk.capacity > 0 && end > disk.capacity) {
		errno = ENOSPC;
		return true;
	}
	return false;
}

/* Prototypes are libc's. */
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	const enum disk_kind kind = offset < DISK_META_BYTES ? DISK_META : DISK_DATA;

	if (disk_fails(kind, (uint64_t)offset + bytes))
		return -1;
	return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	uint64_t end = (uint64_t)lseek(fd, 0, SEEK_CUR);

	for (int i = 0; i < count; i++)
		end += pieces[i].iov_len;
	if (disk_fails(DISK_DATA, end))
		return -1;
	return syscall(SYS_writev, fd, pieces, count);
}

/* As the kernel does it: an error is told to each descriptor once. */
int fdatasync(int fd)
{
	if (disk.unseen_sync > 0) {
		disk.unseen_sync--;
		errno = disk.error;
		return -1;
	}
	if (disk_fails(DISK_SYNC, 0))
		return -1;
	return (int)syscall(SYS_fdatasync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	if (disk.no_allocate) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (disk.capacity > 0 && (uint64_t)(offset + bytes) > disk.capacity) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

#endif
