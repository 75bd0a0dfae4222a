#include "queue/window.h"

#include "queue/base/check.h"

#include <assert.h>

static_assert((WINDOW_SLOTS & (WINDOW_SLOTS - 1)) == 0, "times below zero find their slot too");

static int64_t window_slot_of(const struct window *window, int64_t at_ns);
static uint32_t *window_slot(struct window *window, int64_t slot);
static int64_t window_oldest(const struct window *window);
static void window_go_on(struct window *window, int64_t now_ns);

void window_init(struct window *window, uint64_t limit, int64_t length_ns)
{
	memset(window, 0, sizeof *window);
	window->limit = limit;
	window->latest = INT64_MIN;
	if (limit == WINDOW_NONE)
		return;
	check(length_ns > 0);
	window->slot_ns = (length_ns + WINDOW_SLOTS - 2) / (WINDOW_SLOTS - 1);
}

uint64_t window_used(struct window *window, int64_t now_ns)
{
	if (!window_is_limited(window))
		return 0;
	window_go_on(window, now_ns);
	return window->used;
}

uint64_t window_room(struct window *window, int64_t now_ns)
{
	return window_room_under(window, now_ns, window->limit);
}

uint64_t window_room_under(struct window *window, int64_t now_ns, uint64_t limit)
{
	if (!window_is_limited(window))
		return WINDOW_NONE;
	if (limit > window->limit)
		limit = window->limit;
	const uint64_t used = window_used(window, now_ns);
	return used < limit ? limit - used : 0;
}

struct window_stamp window_add(struct window *window, int64_t now_ns, uint32_t count)
{
	if (!window_is_limited(window))
		return (struct window_stamp){ 0 };
	window_go_on(window, now_ns);
	*window_slot(window, window->latest) += count;
	window->used += count;
	return (struct window_stamp){ window->latest };
}

void window_give_back(struct window *window, struct window_stamp stamp, uint32_t count)
{
	if (!window_is_limited(window) || count == 0 || stamp.slot < window_oldest(window))
		return;
	check(stamp.slot <= window->latest);
	uint32_t *slot = window_slot(window, stamp.slot);
	check(*slot >= count);
	*slot -= count;
	check(window->used >= count);
	window->used -= count;
}

int64_t window_when(struct window *window, int64_t now_ns, uint64_t limit, uint32_t count)
{
	if (!window_is_limited(window))
		return now_ns;
	if (limit > window->limit)
		limit = window->limit;
	if (count > limit)
		return INT64_MAX;
	uint64_t used = window_used(window, now_ns);
	if (used + count <= limit)
		return now_ns;
	int64_t slot = window_oldest(window);
	for (; used + count > limit; slot++)
		used -= *window_slot(window, slot);
	/* As this one begins, a length has passed since the last that has to go ended. */
	return (slot - 1 + WINDOW_SLOTS) * window->slot_ns;
}

bool window_next(const struct window *window, size_t *cursor, int64_t *at_ns, uint32_t *count)
{
	if (!window_is_limited(window) || window->latest == INT64_MIN)
		return false;
	const int64_t oldest = window_oldest(window);
	for (; oldest + (int64_t)*cursor <= window->latest; (*cursor)++) {
		const int64_t slot = oldest + (int64_t)*cursor;
		const uint32_t found = *window_slot((struct window *)(uintptr_t)window, slot);
		if (found == 0)
			continue;
		*at_ns = (slot + 1) * window->slot_ns;
		*count = found;
		(*cursor)++;
		return true;
	}
	return false;
}

void window_restore(struct window *window, int64_t at_ns, uint32_t count)
{
	if (!window_is_limited(window))
		return;
	if (window->latest == INT64_MIN)
		window_go_on(window, at_ns);
	int64_t slot = window_slot_of(window, at_ns);
	if (slot < window_oldest(window))
		return;
	if (slot > window->latest)
		slot = window->latest;
	*window_slot(window, slot) += count;
	window->used += count;
}

/* The slot that holds the time; to the earlier side for times below zero too. */
static int64_t window_slot_of(const struct window *window, int64_t at_ns)
{
	const int64_t slot = at_ns / window->slot_ns;

	return at_ns % window->slot_ns < 0 ? slot - 1 : slot;
}

static uint32_t *window_slot(struct window *window, int64_t slot)
{
	return &window->slots[(uint64_t)slot % WINDOW_SLOTS];
}

/* The oldest slot that still counts: a length after the end of the one before, that is over. */
static int64_t window_oldest(const struct window *window)
{
	return window->latest - (WINDOW_SLOTS - 1);
}

/* Empties the slots that are forgotten by now. */
static void window_go_on(struct window *window, int64_t now_ns)
{
	const int64_t slot = window_slot_of(window, now_ns);

	if (window->latest == INT64_MIN)
		window->latest = slot;
	if (slot <= window->latest)
		return;
	if (slot - window->latest >= WINDOW_SLOTS) {
		memset(window->slots, 0, sizeof window->slots);
		window->used = 0;
		window->latest = slot;
		return;
	}
	while (window->latest < slot) {
		uint32_t *oldest = window_slot(window, window_oldest(window));
		window->used -= *oldest;
		*oldest = 0;
		window->latest++; /* takes the place of the one that was emptied */
	}
}
