#include "queue/store_folder.h"

#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
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
