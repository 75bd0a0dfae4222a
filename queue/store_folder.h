/*
 * The folder that a store lies in: one process at a time has it.
 *
 * Thread:  the spooler's. Owns nothing: both descriptors are the store's.
 * Fails:   ERR_EXISTS: another process has it open. ERR_SYSTEM: errno.
 */
#ifndef SLUICE_STORE_FOLDER_H
#define SLUICE_STORE_FOLDER_H

#include "queue/base/errors.h"

/* Makes it, with mode 0700, where it is missing; holds its file `lock`. On failure what is open is
 * in the descriptors, and -1 what is not. */
MUST_CHECK struct err store_folder_open(const char *path, int *folder_fd, int *lock_fd);
/* The names of new files are durable, and the folder's own. */
MUST_CHECK struct err store_folder_sync(const char *path);

#endif
