/*
 * Patterns with wildcards: `*` stands for any bytes, also none, `?` for any one; all else stands
 * for itself, ASCII case ignored.
 *
 * Thread:  any; pure. Never: allocates, recurses; takes more than pattern times text steps.
 */
#ifndef SLUICE_GLOB_H
#define SLUICE_GLOB_H

#include "queue/base/bytes.h"

/* All of the text. */
bool glob_matches(struct view pattern, struct view text);

#endif
