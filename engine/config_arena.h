/*
 * Memory for what a configuration holds: taken piece by piece, freed all at once.
 *
 * Thread:  start-up.
 * Owns:    every piece, until config_arena_destroy().
 * Fails:   never; out of memory stops the program, as nothing has started yet.
 */
#ifndef SLUICE_CONFIG_ARENA_H
#define SLUICE_CONFIG_ARENA_H

#include "queue/base/bytes.h"

struct config_arena;

struct config_arena *config_arena_create(void);
/* NULL is fine. */
void config_arena_destroy(struct config_arena *arena);
/* Zeroed, aligned for anything. Lends. */
void *config_arena_take(struct config_arena *arena, size_t bytes);
/* A copy, NUL-terminated. Lends. */
const char *config_arena_copy(struct config_arena *arena, struct view text);

#endif
