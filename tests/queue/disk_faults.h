/*
 * A disk that fails on demand: the program's own pread, pwrite, writev, syncs, fallocate and
 * statfs, which the database library finds before those of libc. Included by one file of a test
 * program.
 *
 * Thread:  the test's. Owns nothing; with nothing set, everything goes through.
 */
#ifndef SLUICE_DISK_FAULTS_H
#define SLUICE_DISK_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
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
	uint64_t capacity;   /* bytes that a file may have, and none that is new; 0: any number */
	bool journal_spared; /* it has what it needs */
	bool cut;         /* ...and a write that crosses that is done in part, as kernels do it */
	bool no_allocate; /* the file system can't allocate ahead */
	bool copies;      /* it writes elsewhere what it rewrites */
	bool no_blocks;   /* none is free, says statvfs */
	bool hasty;       /* it says that it has synced and allocated, and has not */
	bool fails_late;  /* a write that fails has come to the cache before */
	uint64_t read_fails_at; /* the how-manieth read of the journal fails; 0: none */
	uint64_t reads;         /* so far */
	uint64_t ops;           /* so far */
	bool hit;               /* it has failed... */
	enum disk_kind kind;    /* ...doing this */
	int unseen_sync;        /* descriptors that have yet to hear of a failed sync */
	/* Who wants to know what was done, and in which order; NULL: nobody. */
	void (*wrote)(int fd, const void *data, size_t bytes, uint64_t at);
	void (*synced)(int fd);
	void (*renamed)(const char *name); /* to this one */
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

/* The journal has no meta pages. */
static bool disk_is_journal(int fd)
{
	char link[64];
	char name[512] = "";

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	const ssize_t bytes = readlink(link, name, sizeof name - 1);
	return bytes > 8 && strcmp(name + bytes - 8, "/journal") == 0;
}

static bool disk_is_new(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && file.st_nlink == 0;
}

/* How much of a write is done where the disk is full behind it; 0: none. */
static size_t disk_cut(uint64_t start, size_t bytes)
{
	if (!disk.cut || disk.capacity == 0 || start >= disk.capacity ||
	        start + bytes <= disk.capacity)
		return bytes;
	disk.ops++;
	return (size_t)(disk.capacity - start);
}

/* Prototypes are libc's. */
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	const bool meta = offset < DISK_META_BYTES && !disk_is_journal(fd);
	const enum disk_kind kind = meta ? DISK_META : DISK_DATA;

	bytes = disk_cut((uint64_t)offset, bytes);
	if (disk.fails_late)
		(void)syscall(SYS_pwrite64, fd, data, bytes, offset);
	const bool spared = disk.journal_spared && disk_is_journal(fd);
	const uint64_t end = disk_is_new(fd) ? UINT64_MAX : (uint64_t)offset + bytes;
	if (disk_fails(kind, spared ? 0 : end))
		return -1;
	if (disk.wrote != NULL)
		disk.wrote(fd, data, bytes, (uint64_t)offset);
	return syscall(SYS_pwrite64, fd, data, bytes, offset);
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
	if (disk.read_fails_at > 0 && disk_is_journal(fd) && ++disk.reads == disk.read_fails_at) {
		errno = disk.error;
		return -1;
	}
	return syscall(SYS_pread64, fd, data, bytes, offset);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	const uint64_t start = (uint64_t)lseek(fd, 0, SEEK_CUR);
	uint64_t end = start;

	for (int i = 0; i < count; i++)
		end += pieces[i].iov_len;
	const size_t cut = disk_cut(start, end - start);
	if (cut < end - start)
		return syscall(SYS_pwrite64, fd, pieces[0].iov_base,
		        cut < pieces[0].iov_len ? cut : pieces[0].iov_len, start);
	if (disk_fails(DISK_DATA, end))
		return -1;
	end = start;
	for (int i = 0; i < count && disk.wrote != NULL; end += pieces[i++].iov_len)
		disk.wrote(fd, pieces[i].iov_base, pieces[i].iov_len, end);
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
	if (disk.synced != NULL)
		disk.synced(fd);
	if (disk.hasty)
		return 0;
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	if (disk.synced != NULL)
		disk.synced(fd);
	return disk.hasty ? 0 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
	if (disk.renamed != NULL)
		disk.renamed(to);
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
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
	if (disk.hasty)
		return 0;
	return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

int fstatfs(int fd, struct statfs *result)
{
	const int status = (int)syscall(SYS_fstatfs, fd, result);

	if (disk.copies)
		result->f_type = BTRFS_SUPER_MAGIC;
	return status;
}

int fstatvfs(int fd, struct statvfs *result)
{
	struct statfs disk_of;
	const int status = (int)syscall(SYS_fstatfs, fd, &disk_of);

	*result = (struct statvfs){
		.f_bsize = (unsigned long)disk_of.f_bsize,
		.f_frsize = (unsigned long)disk_of.f_frsize,
		.f_bavail = disk.no_blocks ? 0 : disk_of.f_bavail,
	};
	return status;
}

#endif
