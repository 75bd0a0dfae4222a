#include "engine/config_file.h"

#include "engine/config_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opened for reading, and a regular file; -1 and why. */
static int open_file(const char *path, struct stat *status, struct text *why)
{
	/* O_NONBLOCK: a FIFO in a file's place must not make us wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		text_format(why, "can't read %s: %s", path, strerrordesc_np(errno));
		return -1;
	}
	if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode)) {
		text_format(why, "%s is not a file", path);
		close(fd);
		return -1;
	}
	return fd;
}

bool config_file_read(
        const char *path, struct config_arena *arena, struct view *result, struct text *why)
{
	struct stat status;
	int fd = open_file(path, &status, why);

	if (fd < 0)
		return false;
	if (status.st_size > CONFIG_FILE_BYTES_MAX) {
		text_format(why, "%s has %lld bytes; at most %d are read", path,
		        (long long)status.st_size, CONFIG_FILE_BYTES_MAX);
		close(fd);
		return false;
	}
	char *data = config_arena_take(arena, (size_t)status.st_size + 1);
	size_t bytes = 0;
	ssize_t got = 1;
	while (got > 0 && bytes < (size_t)status.st_size) {
		got = read(fd, data + bytes, (size_t)status.st_size - bytes);
		if (got > 0)
			bytes += (size_t)got;
	}
	if (got < 0)
		text_format(why, "can't read %s: %s", path, strerrordesc_np(errno));
	close(fd);
	*result = view_from(data, bytes);
	return got >= 0;
}

const char *config_file_join(struct config_arena *arena, const char *base, struct view path)
{
	const char *slash = strrchr(base, '/');

	if (path.bytes == 0 || path.data[0] == '/' || slash == NULL)
		return config_arena_copy(arena, path);
	struct view folder = view_from(base, (size_t)(slash - base) + 1);
	char *joined = config_arena_take(arena, folder.bytes + path.bytes + 1);
	memcpy(joined, folder.data, folder.bytes);
	memcpy(joined + folder.bytes, path.data, path.bytes);
	return joined;
}

bool config_file_is_readable(const char *path, struct text *why)
{
	struct stat status;
	int fd = open_file(path, &status, why);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool config_file_is_secret(const char *path, struct text *why)
{
	struct stat status;
	int fd = open_file(path, &status, why);

	if (fd < 0)
		return false;
	close(fd);
	if (status.st_size == 0) {
		text_format(why, "%s is empty; right is the password or token", path);
		return false;
	}
	if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
		text_format(why, "others can read or write %s (mode %04o); right is `chmod 600 %s`",
		        path, (unsigned)(status.st_mode & 07777), path);
		return false;
	}
	return true;
}

/* "a" has the parent ".", "/a" has "/". */
static const char *parent_of(const char *path, char room[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	while (slash != NULL && slash > path && slash[1] == '\0')
		slash = memrchr(path, '/', (size_t)(slash - path));
	if (slash == NULL)
		return ".";
	const size_t bytes = slash == path ? 1 : (size_t)(slash - path);
	snprintf(room, PATH_MAX, "%.*s", (int)bytes, path);
	return room;
}

bool config_file_may_be_folder(const char *path, struct text *why)
{
	struct stat status;
	char room[PATH_MAX];
	const char *folder = path;

	if (stat(path, &status) != 0 && errno == ENOENT) {
		folder = parent_of(path, room);
		if (stat(folder, &status) != 0 && errno == ENOENT) {
			text_format(why, "%s can't be made: there is no %s", path, folder);
			return false;
		}
	}
	if (stat(folder, &status) != 0) {
		text_format(why, "can't look at %s: %s", folder, strerrordesc_np(errno));
		return false;
	}
	if (!S_ISDIR(status.st_mode)) {
		text_format(why, "%s is not a folder", folder);
		return false;
	}
	/* Of its parent, that it can be made there is enough. */
	if (access(folder, (folder == path ? R_OK : 0) | W_OK | X_OK) == 0)
		return true;
	text_format(why, "can't write into %s: %s", folder, strerrordesc_np(errno));
	return false;
}
