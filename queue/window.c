#include "queue/window.h"

#include "queue/base/check.h"

#include <assert.h>

static_assert((WINDOW_SLOTS & (WINDOW_SLOTS - 1)) == 0, "times below zero find their slot too");
static_assert(WINDOW_SLOTS % 64 == 0, "whole words of bits");

static int64_t window_slot_of(const struct window *window, int64_t at_ns);
static uint32_t *window_slot(struct window *window, int64_t slot);
static void window_fill(struct window *window, int64_t slot, uint32_t count);
static void window_drop(struct window *window, int64_t slot, uint32_t count);
static int64_t window_filled(const struct window *window, int64_t slot, int64_t end);
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
	window_fill(window, window->latest, count);
	return (struct window_stamp){ window->latest };
}

void window_give_back(struct window *window, struct window_stamp stamp, uint32_t count)
{
	if (!window_is_limited(window) || count == 0 || stamp.slot < window_oldest(window))
		return;
	check(stamp.slot <= window->latest);
	window_drop(window, stamp.slot, count);
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
	for (; used + count > limit; slot++) {
		slot = window_filled(window, slot, window->latest + 1);
		used -= *window_slot(window, slot);
	}
	/* As this one begins, a length has passed since the last that has to go ended. */
	return (slot - 1 + WINDOW_SLOTS) * window->slot_ns;
}

uint16_t window_filled_count(const struct window *window)
{
	int count = 0;

	for (size_t i = 0; i < WINDOW_SLOTS / 64; i++)
		count += __builtin_popcountll(window->filled[i]);
	return (uint16_t)count;
}

bool window_next(const struct window *window, size_t *cursor, int64_t *at_ns, uint32_t *count)
{
	if (!window_is_limited(window) || window->latest == INT64_MIN)
		return false;
	const int64_t oldest = window_oldest(window);
	const int64_t end = window->latest + 1;
	const int64_t slot = window_filled(window, oldest + (int64_t)*cursor, end);
	if (slot == end)
		return false;
	*at_ns = (slot + 1) * window->slot_ns;
	*count = *window_slot((struct window *)(uintptr_t)window, slot);
	*cursor = (size_t)(slot + 1 - oldest);
	return true;
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
	window_fill(window, slot, count);
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

static void window_fill(struct window *window, int64_t slot, uint32_t count)
{
	const uint64_t at = (uint64_t)slot % WINDOW_SLOTS;

	if (count == 0)
		return;
	*window_slot(window, slot) += count;
	window->used += count;
	window->filled[at / 64] |= UINT64_C(1) << at % 64;
}

static void window_drop(struct window *window, int64_t slot, uint32_t count)
{
	const uint64_t at = (uint64_t)slot % WINDOW_SLOTS;
	uint32_t *counted = window_slot(window, slot);

	check(*counted >= count);
	check(window->used >= count);
	*counted -= count;
	window->used -= count;
	if (*counted == 0)
		window->filled[at / 64] &= ~(UINT64_C(1) << at % 64);
}

/* The first at or behind `slot` that is not zero; `end`: none before that. */
static int64_t window_filled(const struct window *window, int64_t slot, int64_t end)
{
	while (slot < end) {
		const uint64_t at = (uint64_t)slot % WINDOW_SLOTS;
		const uint64_t bits = window->filled[at / 64] >> at % 64;
		if (bits != 0) {
			slot += __builtin_ctzll(bits);
			break;
		}
		slot += 64 - (int64_t)(at % 64);
	}
	return slot < end ? slot : end;
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
	int64_t end = slot - (WINDOW_SLOTS - 1);
	if (end > window->latest + 1)
		end = window->latest + 1;
	for (int64_t at = window_filled(window, window_oldest(window), end); at < end;
	        at = window_filled(window, at + 1, end))
		window_drop(window, at, *window_slot(window, at));
	window->latest = slot;
}
