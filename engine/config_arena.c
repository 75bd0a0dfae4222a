#include "engine/config_arena.h"

#include "queue/base/check.h"

#include <stdlib.h>

/* One allocation a piece: a configuration has hundreds of them, not millions. */
struct piece {
	struct piece *next;
	_Alignas(max_align_t) char data[];
};

struct config_arena {
	struct piece *first;
};

struct config_arena *config_arena_create(void)
{
	struct config_arena *arena = calloc(1, sizeof *arena);

	check(arena != NULL);
	return arena;
}

void config_arena_destroy(struct config_arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->first != NULL) {
		struct piece *piece = arena->first;

		arena->first = piece->next;
		free(piece);
	}
	free(arena);
}

void *config_arena_take(struct config_arena *arena, size_t bytes)
{
	struct piece *piece = calloc(1, sizeof *piece + bytes);

	check(piece != NULL);
	piece->next = arena->first;
	arena->first = piece;
	return piece->data;
}

const char *config_arena_copy(struct config_arena *arena, struct view text)
{
	char *copy = config_arena_take(arena, text.bytes + 1);

	if (text.bytes > 0)
		memcpy(copy, text.data, text.bytes);
	return copy;
}
