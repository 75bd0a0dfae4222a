#include "engine/secret_file.h"

#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t trim(const char *secret, size_t bytes);
static void keep_readers(int fd, const struct stat *old);
static struct err write_all(int fd, struct view secret);
static struct err sync_folder(const char *path);

struct err secret_file_read(const char *path, struct span into, size_t *bytes)
{
	struct err err = err_ok();
	size_t got = 0;
	ssize_t more = 1;

	*bytes = 0;
	/* O_NONBLOCK: a FIFO in a file's place must not make us wait. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	while (more > 0 && got < into.bytes) {
		more = read(fd, into.data + got, into.bytes - got);
		if (more > 0)
			got += (size_t)more;
		else if (more < 0)
			err = err_make(ERR_SYSTEM, errno);
	}
	check(close(fd) == 0);
	if (!failed(err) && got == into.bytes)
		err = err_make(ERR_LIMIT, 0);
	if (failed(err))
		return err;
	*bytes = trim(into.data, got);
	return *bytes == 0 ? err_make(ERR_NOT_FOUND, 0) : err_ok();
}

/* The file's last line end is no part of the secret. */
static size_t trim(const char *secret, size_t bytes)
{
	if (bytes > 0 && secret[bytes - 1] == '\n')
		bytes--;
	if (bytes > 0 && secret[bytes - 1] == '\r')
		bytes--;
	return bytes;
}

struct err secret_file_replace(const char *path, struct view secret)
{
	char beside[PATH_MAX];
	struct stat old;

	/* Beside the old one, since a rename works within one file system alone. */
	if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	/* What a crash left there is of no use to anybody. */
	(void)unlink(beside);
	const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (stat(path, &old) == 0)
		keep_readers(fd, &old);
	struct err err = write_all(fd, secret);
	if (!failed(err) && fsync(fd) != 0)
		err = err_make(ERR_SYSTEM, errno);
	if (close(fd) != 0 && !failed(err))
		err = err_make(ERR_SYSTEM, errno);
	if (!failed(err) && rename(beside, path) != 0)
		err = err_make(ERR_SYSTEM, errno);
	if (failed(err)) {
		(void)unlink(beside);
		return err;
	}
	return sync_folder(path);
}

/* Root may replace it, by `sluice token`, where the relay is another user: it must be able to read
 * the new one too. Whom we can't give it to has given it to us. */
static void keep_readers(int fd, const struct stat *old)
{
	if (fchown(fd, old->st_uid, old->st_gid) == 0)
		(void)fchmod(fd, S_IRUSR | S_IWUSR | (old->st_mode & S_IRGRP));
}

static struct err write_all(int fd, struct view secret)
{
	while (secret.bytes > 0) {
		const ssize_t wrote = write(fd, secret.data, secret.bytes);

		if (wrote < 0)
			return err_make(ERR_SYSTEM, errno);
		secret = view_skip(secret, (size_t)wrote);
	}
	return write(fd, "\n", 1) == 1 ? err_ok() : err_make(ERR_SYSTEM, ENOSPC);
}

static struct err sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct err err = err_ok();

	(void)snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
	        slash == NULL ? "." : path);
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (fsync(fd) != 0)
		err = err_make(ERR_SYSTEM, errno);
	check(close(fd) == 0);
	return err;
}

const char *secret_file_why(struct err err)
{
	if (err.code == ERR_SYSTEM)
		return strerrordesc_np(err.detail);
	if (err.code == ERR_NOT_FOUND)
		return "the file is empty";
	if (err.code == ERR_LIMIT)
		return "the file is too long";
	return err_text(err.code);
}
