#include "queue/store_room.h"

#include "queue/base/check.h"
#include "queue/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ZFS_MAGIC         0x2fc12fc1 /* not in linux/magic.h */
#define PROBE_PIECE_BYTES 8192
#define PROBE_NAME        "probe"

bool store_room_ran_out(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* What is rewritten goes to new blocks: to have some is not enough. */
static bool store_room_is_copied(int fd)
{
	struct statfs disk;

	if (fstatfs(fd, &disk) != 0)
		return false;
	return (uint32_t)disk.f_type == BTRFS_SUPER_MAGIC || (uint32_t)disk.f_type == ZFS_MAGIC;
}

static bool store_room_allocate(struct store_room *room, uint64_t from, uint64_t end)
{
	int refused = 0;

	do {
		refused = fallocate(room->fd, FALLOC_FL_KEEP_SIZE, (off_t)from,
		                  (off_t)(end - from)) == 0
		                  ? 0
		                  : errno;
	} while (refused == EINTR);
	if (refused == EOPNOTSUPP)
		room->unsure = true;
	return refused == 0;
}

static uint64_t store_room_left(const struct store_room *room)
{
	struct statvfs disk;

	return fstatvfs(room->fd, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
}

bool store_room_is_left(const struct store_room *room, uint64_t bytes)
{
	return store_room_left(room) >= bytes;
}

static bool store_room_ask(struct store_room *room, uint64_t used, uint64_t wanted)
{
	room->allocated = used + store_room_left(room);
	room->full = wanted > room->allocated;
	return !room->full;
}

bool store_room_ensure(struct store_room *room, uint64_t used, uint64_t wanted)
{
	if (!room->unsure && wanted <= room->allocated)
		return true;
	/* A generous step first; near a full disk, just what is wanted. */
	const uint64_t ends[] = { wanted + ROOM_STEP_BYTES, wanted };
	for (int i = 0; i < 2 && !room->unsure; i++) {
		if (!store_room_allocate(room, room->allocated, ends[i]))
			continue;
		room->allocated = ends[i];
		room->full = false;
		return true;
	}
	if (room->unsure)
		return store_room_ask(room, used, wanted);
	room->full = true;
	return false;
}

void store_room_init(struct store_room *room, int fd, uint64_t used, uint64_t reserve)
{
	*room = (struct store_room){ .fd = fd, .reserve = reserve };
	room->unsure = store_room_is_copied(fd);
	/* From the start: pages that were never written are holes, and need blocks too. On a full
	 * disk only what is there is sure, and the next batches try again. */
	if (!store_room_ensure(room, used, used + reserve))
		room->allocated = used;
}

void store_room_distrust(struct store_room *room, uint64_t used)
{
	room->allocated = used;
	room->full = true;
}

/* Bytes that no file system can make smaller. */
static enum store_probe store_room_write(int fd, uint64_t bytes)
{
	uint64_t piece[PROBE_PIECE_BYTES / sizeof(uint64_t)];
	struct random random;

	random_seed(&random, bytes);
	for (uint64_t done = 0; done < bytes;) {
		for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++)
			piece[i] = random_u64(&random);
		const ssize_t written = pwrite(fd, piece, sizeof piece, (off_t)done);
		if (written < 0 && errno != EINTR)
			return store_room_ran_out(errno) ? PROBE_FULL : PROBE_FAILED;
		done += written > 0 ? (uint64_t)written : 0;
	}
	if (fdatasync(fd) == 0)
		return PROBE_WRITTEN;
	return store_room_ran_out(errno) ? PROBE_FULL : PROBE_FAILED;
}

enum store_probe store_room_probe(int folder_fd, uint64_t bytes)
{
	const int fd =
	        openat(folder_fd, PROBE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return store_room_ran_out(errno) ? PROBE_FULL : PROBE_FAILED;
	const bool gone = unlinkat(folder_fd, PROBE_NAME, 0) == 0;
	const enum store_probe probe = store_room_write(fd, bytes);
	close(fd);
	return gone ? probe : PROBE_FAILED;
}
