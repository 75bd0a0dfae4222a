/*
 * The folder that a store lies in: one process at a time has it.
 *
 * Thread:  the spooler's. Owns nothing: both descriptors are the store's.
 * Fails:   ERR_EXISTS: another process has it open. ERR_SYSTEM: errno.
 */
#ifndef SLUICE_STORE_FOLDER_H
#define SLUICE_STORE_FOLDER_H

#include "queue/base/errors.h"

#include <stdint.h>

/* Makes it, with mode 0700, where it is missing; holds its file `lock`. On failure what is open is
 * in the descriptors, and -1 what is not. */
MUST_CHECK struct err store_folder_open(const char *path, int *folder_fd, int *lock_fd);
/* The secret of the spool's seals, kept in `lock` too: written where that has another. */
MUST_CHECK struct err store_folder_keep_secret(int lock_fd, uint64_t secret);
/* What `lock` has. False: none. */
bool store_folder_read_secret(int lock_fd, uint64_t *secret);
/* The names of new files are durable, and the folder's own. */
MUST_CHECK struct err store_folder_sync(const char *path);

#endif
