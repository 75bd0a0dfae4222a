/*
 * Commits: what durable writing costs on this disk, without anybody around it. Messages of one
 * size go into a fresh file, so many at once, and each time all of it is synced.
 *
 * Thread:  its own. Owns: the folder `path`, made for it and removed after it.
 * Fails:   as the spool does.
 */
#ifndef SLUICE_COMMITS_H
#define SLUICE_COMMITS_H

#include "queue/base/clock.h"
#include "queue/base/errors.h"

#include <stddef.h>

#define COMMITS_BYTES_MAX ((size_t)384 << 20) /* written in all: well below the map's first size */
#define COMMITS_BATCH_MAX ((size_t)12 << 20)  /* of one commit; the spool takes a little more */
#define COMMITS_GROUP_MAX 1024

enum commits_way {
	COMMITS_APPEND, /* a write and a sync, to a file whose blocks are there: nothing is less */
	COMMITS_BARE,   /* a transaction of LMDB, a row for each message */
	COMMITS_SPOOL,  /* as the spooler writes new mail: envelope, body, job, due row */
};

struct commits_settings {
	const char *path;
	size_t bytes;   /* of a message */
	unsigned group; /* messages in a commit; group * bytes within COMMITS_BATCH_MAX */
	enum commits_way way;
	int64_t within_ns; /* how long it goes on, if COMMITS_BYTES_MAX are not written before */
};

/* Making the messages is not counted. */
struct commits_result {
	double per_s;   /* messages */
	double cpu_us;  /* of this thread, a message */
	int64_t p50_ns; /* of a commit, from its begin to its end */
};

/* Does a group of messages of this size fit in a commit? */
bool commits_fit(size_t bytes, unsigned group);
MUST_CHECK struct err commits_run(
        const struct commits_settings *settings, struct commits_result *result);

#endif
