/*
 * A window counts what happened within its length, ending now: exactly, for any half-open
 * interval (now - length, now], and not by rings of buckets.
 *
 * What happens at one instant is kept as one event. An event may lie in the future (a message
 * that is delayed until there is room for it); what comes later is counted from there on.
 *
 * Thread:  the mock's.
 * Owns:    its events, whose memory grows with what a window's length holds.
 */
#ifndef SLUICE_MOCK_WINDOW_H
#define SLUICE_MOCK_WINDOW_H

#include "queue/base/clock.h"

#include <stddef.h>

#define MOCK_WINDOW_UNLIMITED UINT64_MAX

struct mock_event {
	int64_t at_ns;
	uint64_t count;
};

struct mock_window {
	int64_t length_ns;
	uint64_t count;     /* of all events kept */
	uint64_t count_max; /* the most that was ever within one length */
	/* a ring, oldest first */
	struct mock_event *events;
	size_t size; /* 0, or a power of two */
	size_t first;
	size_t used;
};

void mock_window_init(struct mock_window *window, int64_t length_ns);
void mock_window_finish(struct mock_window *window);

/* How much is in the window that ends now (or at the latest event, if that lies ahead). */
uint64_t mock_window_count(struct mock_window *window, struct mono now);
/* `now` may not lie before an earlier one; it counts as the latest event's time if it does. */
void mock_window_add(struct mock_window *window, struct mono now, uint64_t count);
/* The first moment, now or later, at which `count` more would stay within `limit`; MONO_NEVER
 * where no moment will do. */
struct mono mock_window_room(
        const struct mock_window *window, struct mono now, uint64_t count, uint64_t limit);

#endif
