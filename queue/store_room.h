/*
 * The blocks of a file, allocated ahead of its end, so that writing within them can't meet a
 * full disk. The file's length is not touched.
 *
 * Where the file system can't allocate ahead, its free space is asked for instead: nearly as
 * good, but another program may take it in between.
 *
 * Thread:  the spooler's. Owns nothing: the descriptor is the store's.
 */
#ifndef SLUICE_STORE_ROOM_H
#define SLUICE_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#define ROOM_STEP_BYTES (UINT64_C(32) << 20)

struct store_room {
	int fd;
	uint64_t allocated; /* bytes of the file that surely have blocks */
	uint64_t reserve;
	bool full; /* the last try found no space */
};

/* `used`: bytes of the file that hold pages. */
void store_room_init(struct store_room *room, int fd, uint64_t used, uint64_t reserve);
/* Sees that the first `wanted` bytes have blocks. False: no space for them. */
bool store_room_ensure(struct store_room *room, uint64_t wanted);
/* A write within it met a full disk all the same: only the `used` bytes are sure. */
void store_room_distrust(struct store_room *room, uint64_t used);

#endif
