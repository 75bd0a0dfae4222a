#include "engine/io/timers.h"

#define TIMERS_SLOT_BITS 6
#define TIMERS_SLOT_MASK (TIMERS_SLOTS - 1)
#define TIMERS_TICK_MAX  ((UINT64_C(1) << (TIMERS_LEVELS * TIMERS_SLOT_BITS)) - 1)
#define TIMERS_DUE       UINT16_MAX

_Static_assert(1 << TIMERS_SLOT_BITS == TIMERS_SLOTS, "a slot is a digit of the tick");

static uint64_t timers_tick_after(struct mono deadline);
static void timers_link(struct timers *timers, struct timer *timer);
static void timers_unlink(struct timers *timers, struct timer *timer);
static uint64_t timers_passed(uint64_t from, uint64_t to);

void timers_init(struct timers *timers, struct mono now)
{
	*timers = (struct timers){ .tick = (uint64_t)(now.ns / NS_PER_MS) };
	for (size_t i = 0; i < sizeof timers->slots / sizeof timers->slots[0]; i++)
		list_init(&timers->slots[i]);
	list_init(&timers->due);
}

void timers_set(struct timers *timers, struct timer *timer, struct mono deadline)
{
	check(timer->expired != NULL);
	if (timer_is_set(timer))
		timers_unlink(timers, timer);
	timer->deadline = deadline;
	if (deadline.ns != MONO_NEVER.ns)
		timers_link(timers, timer);
}

void timers_stop(struct timers *timers, struct timer *timer)
{
	if (timer_is_set(timer))
		timers_unlink(timers, timer);
}

/* Rounded up: a timer never runs early. */
static uint64_t timers_tick_after(struct mono deadline)
{
	if (deadline.ns <= 0)
		return 0;
	uint64_t tick = ((uint64_t)deadline.ns + NS_PER_MS - 1) / NS_PER_MS;
	return tick < TIMERS_TICK_MAX ? tick : TIMERS_TICK_MAX;
}

/* A timer's level is the highest digit (to base 64) in which its tick differs from ours, its
 * slot that digit: so it lies ahead of ours, and when ours gets there it moves down a level. */
static void timers_link(struct timers *timers, struct timer *timer)
{
	uint64_t tick = timers_tick_after(timer->deadline);

	if (tick <= timers->tick) {
		timer->slot = TIMERS_DUE;
		list_push_last(&timers->due, &timer->link);
		return;
	}
	unsigned level = (63 - (unsigned)__builtin_clzll(tick ^ timers->tick)) / TIMERS_SLOT_BITS;
	unsigned index = (tick >> (level * TIMERS_SLOT_BITS)) & TIMERS_SLOT_MASK;
	check(level < TIMERS_LEVELS);
	timer->slot = (uint16_t)(level * TIMERS_SLOTS + index);
	timers->occupied[level] |= UINT64_C(1) << index;
	list_push_last(&timers->slots[timer->slot], &timer->link);
}

static void timers_unlink(struct timers *timers, struct timer *timer)
{
	if (timer->slot == TIMERS_DUE) {
		list_remove(&timers->due, &timer->link);
		return;
	}
	struct list *slot = &timers->slots[timer->slot];
	list_remove(slot, &timer->link);
	if (list_is_empty(slot))
		timers->occupied[timer->slot / TIMERS_SLOTS] &=
		        ~(UINT64_C(1) << (timer->slot % TIMERS_SLOTS));
}

void timers_advance(struct timers *timers, struct mono now)
{
	uint64_t from = timers->tick;
	uint64_t to = (uint64_t)(now.ns / NS_PER_MS);
	struct list moved;

	if (to <= from)
		return;
	list_init(&moved);
	for (unsigned level = 0; level < TIMERS_LEVELS && from != to; level++) {
		uint64_t passed = timers_passed(from, to) & timers->occupied[level];
		timers->occupied[level] &= ~passed;
		while (passed != 0) {
			unsigned index = (unsigned)__builtin_ctzll(passed);
			struct list *slot = &timers->slots[level * TIMERS_SLOTS + index];
			while (!list_is_empty(slot))
				list_push_last(&moved, list_pop_first(slot));
			passed &= passed - 1;
		}
		from >>= TIMERS_SLOT_BITS;
		to >>= TIMERS_SLOT_BITS;
	}
	timers->tick = (uint64_t)(now.ns / NS_PER_MS);
	while (!list_is_empty(&moved))
		timers_link(timers, container_of(list_pop_first(&moved), struct timer, link));
}

/* The slots of one level that the hand passes going from one count to a later one. */
static uint64_t timers_passed(uint64_t from, uint64_t to)
{
	if (to - from >= TIMERS_SLOTS)
		return UINT64_MAX;
	uint64_t run = (UINT64_C(1) << (to - from)) - 1;
	unsigned first = (unsigned)((from + 1) & TIMERS_SLOT_MASK);
	return first == 0 ? run : run << first | run >> (TIMERS_SLOTS - first);
}

struct timer *timers_next_due(struct timers *timers)
{
	struct link *link = list_pop_first(&timers->due);

	return link == NULL ? NULL : container_of(link, struct timer, link);
}

struct mono timers_wanted(const struct timers *timers)
{
	if (!list_is_empty(&timers->due))
		return (struct mono){ (int64_t)timers->tick * NS_PER_MS };
	for (unsigned level = 0; level < TIMERS_LEVELS; level++) {
		if (timers->occupied[level] == 0)
			continue;
		/* A lower level is always earlier. Above the lowest this is when its slot
		 * moves down, not yet when the timer is due. */
		uint64_t index = (uint64_t)__builtin_ctzll(timers->occupied[level]);
		unsigned shift = level * TIMERS_SLOT_BITS;
		uint64_t above = timers->tick >> shift >> TIMERS_SLOT_BITS;
		uint64_t tick = (above << TIMERS_SLOT_BITS | index) << shift;
		return (struct mono){ (int64_t)tick * NS_PER_MS };
	}
	return MONO_NEVER;
}
