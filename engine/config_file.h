/*
 * What the configuration asks of the file system: its own text, and whether the files that it
 * names can be used.
 *
 * Thread:  start-up. The only part of the configuration that touches files.
 * Fails:   with a sentence for people in `why`: what is wrong, and what would be right.
 */
#ifndef SLUICE_CONFIG_FILE_H
#define SLUICE_CONFIG_FILE_H

#include "queue/base/bytes.h"

struct config_arena;

#define CONFIG_FILE_BYTES_MAX (16 << 20)

/* All of a file, in the arena. */
bool config_file_read(
        const char *path, struct config_arena *arena, struct view *result, struct text *why);
/* `path` as seen from the folder that holds `base`. */
const char *config_file_join(struct config_arena *arena, const char *base, struct view path);
/* Exists, is a regular file, can be read. */
bool config_file_is_readable(const char *path, struct text *why);
/* The same, and others can't read it, and it is not empty. */
bool config_file_is_secret(const char *path, struct text *why);
/* A folder that we may write into, or nothing yet and it can be made. */
bool config_file_may_be_folder(const char *path, struct text *why);

#endif
