/*
 * A file that holds a secret: read whole into the caller's memory, written so that a crash at any
 * instant leaves the old one or the new one.
 *
 * Thread:  any that may block: a helper's, or start-up.
 * Owns:    nothing. The caller wipes what it read.
 * Fails:   by its err: SYSTEM with errno, NOT_FOUND where the file is empty, LIMIT where it is
 *          longer than the room for it.
 */
#ifndef SLUICE_SECRET_FILE_H
#define SLUICE_SECRET_FILE_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

/* Without its last line end; `into` must have room for a byte more than the file has. */
MUST_CHECK struct err secret_file_read(const char *path, struct span into, size_t *bytes);
/* Replaces it: a new file, synced, renamed over the old one, the folder synced. Its mode is 0600;
 * its owner, its group and whether that may read it are the old one's, as far as we may. */
MUST_CHECK struct err secret_file_replace(const char *path, struct view secret);
/* "no such file or directory", "is empty", ... */
const char *secret_file_why(struct err err);

#endif
