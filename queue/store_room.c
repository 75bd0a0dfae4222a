#include "queue/store_room.h"

#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

static bool store_room_allocate(struct store_room *room, uint64_t from, uint64_t end)
{
	int refused = 0;

	do {
		refused = fallocate(room->fd, FALLOC_FL_KEEP_SIZE, (off_t)from,
		                  (off_t)(end - from)) == 0
		                  ? 0
		                  : errno;
	} while (refused == EINTR);
	if (refused != EOPNOTSUPP)
		return refused == 0;

	struct statvfs disk;
	if (fstatvfs(room->fd, &disk) != 0)
		return false;
	return (uint64_t)disk.f_bavail * disk.f_frsize >= end - from;
}

bool store_room_ensure(struct store_room *room, uint64_t wanted)
{
	if (wanted <= room->allocated)
		return true;
	/* A generous step first; near a full disk, just what is wanted. */
	const uint64_t ends[] = { wanted + ROOM_STEP_BYTES, wanted };
	for (int i = 0; i < 2; i++) {
		if (!store_room_allocate(room, room->allocated, ends[i]))
			continue;
		room->allocated = ends[i];
		room->full = false;
		return true;
	}
	room->full = true;
	return false;
}

void store_room_init(struct store_room *room, int fd, uint64_t used, uint64_t reserve)
{
	*room = (struct store_room){ .fd = fd, .reserve = reserve };
	/* From the start: pages that were never written are holes, and need blocks too. On a full
	 * disk only what is there is sure, and the next batches try again. */
	if (!store_room_ensure(room, used + reserve))
		room->allocated = used;
}

void store_room_distrust(struct store_room *room, uint64_t used)
{
	room->allocated = used;
	room->full = true;
}
