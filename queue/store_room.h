/*
 * The blocks of a file, allocated ahead of its end, so that writing within them can't meet a
 * full disk. The file's length is not touched.
 *
 * Where the file system can't allocate ahead, or writes elsewhere what it rewrites (btrfs, ZFS),
 * that promises nothing: then its free space is asked for, each time anew. That is nearly as good,
 * but another program may take it in between.
 *
 * Thread:  the spooler's. Owns nothing: the descriptor is the store's.
 */
#ifndef SLUICE_STORE_ROOM_H
#define SLUICE_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#define ROOM_STEP_BYTES (UINT64_C(32) << 20)
/* What a probe writes beyond what was wanted: file systems keep some blocks for themselves. */
#define ROOM_PROBE_BYTES (UINT64_C(1) << 20)

struct store_room {
	int fd;
	uint64_t allocated; /* bytes of the file that surely have blocks, or will get them */
	uint64_t reserve;
	bool unsure; /* nothing is allocated ahead: see above */
	bool full;   /* the last try found no space */
};

/* `used`, here and below: bytes of the file that hold pages. */
void store_room_init(struct store_room *room, int fd, uint64_t used, uint64_t reserve);
/* Sees that the first `wanted` bytes have blocks. False: no space for them. */
bool store_room_ensure(struct store_room *room, uint64_t used, uint64_t wanted);
/* Whether the disk has so many bytes more, says its file system. */
bool store_room_is_left(const struct store_room *room, uint64_t bytes);
/* A write within it met a full disk all the same: only the `used` bytes are sure. */
void store_room_distrust(struct store_room *room, uint64_t used);

/* Whether errno says that a disk, a quota or a file's size is used up. */
bool store_room_ran_out(int error);

enum store_probe {
	PROBE_WRITTEN, /* there is room */
	PROBE_FULL,
	PROBE_FAILED, /* the disk fails */
};

/* Whether so many bytes can be written and synced in the folder, by doing so, in a file that has
 * no name and goes again. */
enum store_probe store_room_probe(int folder_fd, uint64_t bytes);

#endif
