/*
 * A folder of a test's own with files in it, that any user may pass through.
 *
 * Thread:  the test's. For tests alone.
 */
#ifndef SLUICE_TESTS_PLACE_H
#define SLUICE_TESTS_PLACE_H

#include "queue/base/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_PATH_BYTES 256

struct place {
	char folder[64];
};

static inline void place_open(struct place *place)
{
	static const char name[] = P_tmpdir "/sluice-place-XXXXXX";

	memcpy(place->folder, name, sizeof name);
	check(mkdtemp(place->folder) != NULL);
	check(chmod(place->folder, 0755) == 0);
}

static inline const char *place_path(
        const struct place *place, const char *name, char path[PLACE_PATH_BYTES])
{
	check(snprintf(path, PLACE_PATH_BYTES, "%s/%s", place->folder, name) < PLACE_PATH_BYTES);
	return path;
}

static inline void place_write(const struct place *place, const char *name, mode_t mode)
{
	char path[PLACE_PATH_BYTES];
	const int fd = open(place_path(place, name, path), O_WRONLY | O_CREAT | O_EXCL, 0600);

	check(fd >= 0);
	check(write(fd, "text\n", 5) == 5);
	check(fchmod(fd, mode) == 0);
	check(close(fd) == 0);
}

static inline void place_make_folder(const struct place *place, const char *name, mode_t mode)
{
	char path[PLACE_PATH_BYTES];

	check(mkdir(place_path(place, name, path), 0700) == 0);
	check(chmod(path, mode) == 0);
}

static inline int place_remove_one(
        const char *path, const struct stat *status, int what, struct FTW *where)
{
	(void)status;
	(void)what;
	(void)where;
	return remove(path);
}

static inline void place_close(struct place *place)
{
	check(nftw(place->folder, place_remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* Whether it can be opened; else errno says why not. */
static inline bool place_opens(const struct place *place, const char *name, int flags)
{
	char path[PLACE_PATH_BYTES];
	const int fd = open(place_path(place, name, path), flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	check(close(fd) == 0);
	return true;
}

#endif
