#include "queue/store_folder.h"

#include "queue/base/check.h"
#include "queue/store_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

struct err store_folder_open(const char *path, int *folder_fd, int *lock_fd)
{
	char name[PATH_ROOM];

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_make(ERR_SYSTEM, errno);
	if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	*folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*folder_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	*lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*lock_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (flock(*lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_make(errno == EWOULDBLOCK ? ERR_EXISTS : ERR_SYSTEM, errno);
	return err_ok();
}

/* A line of text: what a file that is called `lock` has in it should say what it is. */
#define SECRET_FORMAT "sluice spool, seal %016" PRIx64 "\n"
#define SECRET_LINE   (sizeof "sluice spool, seal 0123456789abcdef\n" - 1)

bool store_folder_read_secret(int lock_fd, uint64_t *secret)
{
	char line[SECRET_LINE + 1] = "";
	char end = '\0';

	if (pread(lock_fd, line, SECRET_LINE, 0) != (ssize_t)SECRET_LINE)
		return false;
	return sscanf(line, "sluice spool, seal %16" SCNx64 "%c", secret, &end) == 2 && end == '\n';
}

struct err store_folder_keep_secret(int lock_fd, uint64_t secret)
{
	char line[SECRET_LINE + 1];
	uint64_t kept = 0;

	if (store_folder_read_secret(lock_fd, &kept) && kept == secret)
		return err_ok();
	check(snprintf(line, sizeof line, SECRET_FORMAT, secret) == (int)SECRET_LINE);
	/* Without it mail is safe, and harder to rescue: a full disk is no reason not to start. */
	const ssize_t written = pwrite(lock_fd, line, SECRET_LINE, 0);
	if (written < 0 && !store_room_ran_out(errno))
		return err_make(ERR_SYSTEM, errno);
	if (written != (ssize_t)SECRET_LINE)
		return err_ok();
	return fdatasync(lock_fd) == 0 ? err_ok() : err_make(ERR_SYSTEM, errno);
}

struct err store_folder_sync(const char *path)
{
	char parent[PATH_ROOM];

	check(snprintf(parent, sizeof parent, "%s/..", path) < (int)sizeof parent);
	const char *const names[] = { path, parent };
	for (int i = 0; i < 2; i++) {
		const int fd = open(names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_make(ERR_SYSTEM, errno);
		const int rc = fsync(fd) == 0 ? 0 : errno;
		close(fd);
		/* Some file systems can't sync a directory, and say so. */
		if (rc != 0 && rc != EINVAL)
			return err_make(ERR_SYSTEM, rc);
	}
	return err_ok();
}
