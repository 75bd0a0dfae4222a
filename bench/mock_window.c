#include "bench/mock_window.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define EVENTS_FIRST 16 /* a power of two */

static struct mock_event *window_event(const struct mock_window *window, size_t index);
static struct mono window_now(const struct mock_window *window, struct mono now);
static void window_forget(struct mock_window *window, struct mono now);
static void window_grow(struct mock_window *window);

void mock_window_init(struct mock_window *window, int64_t length_ns)
{
	check(length_ns > 0);
	*window = (struct mock_window){ .length_ns = length_ns };
}

void mock_window_finish(struct mock_window *window)
{
	free(window->events);
	*window = (struct mock_window){ 0 };
}

static struct mock_event *window_event(const struct mock_window *window, size_t index)
{
	check(index < window->used);
	return &window->events[(window->first + index) & (window->size - 1)];
}

/* Time does not go back behind the latest event. */
static struct mono window_now(const struct mock_window *window, struct mono now)
{
	if (window->used == 0)
		return now;
	const int64_t latest = window_event(window, window->used - 1)->at_ns;
	return now.ns < latest ? (struct mono){ latest } : now;
}

uint64_t mock_window_count(struct mock_window *window, struct mono now)
{
	window_forget(window, window_now(window, now));
	return window->count;
}

/* What is a whole length old shares no half-open window with what happens now. */
static void window_forget(struct mock_window *window, struct mono now)
{
	while (window->used > 0) {
		const struct mock_event *oldest = window_event(window, 0);
		if (oldest->at_ns > now.ns - window->length_ns)
			return;
		check(window->count >= oldest->count);
		window->count -= oldest->count;
		window->first = (window->first + 1) & (window->size - 1);
		window->used--;
	}
}

void mock_window_add(struct mock_window *window, struct mono now, uint64_t count)
{
	now = window_now(window, now);
	window_forget(window, now);
	if (count == 0)
		return;
	if (window->used > 0 && window_event(window, window->used - 1)->at_ns == now.ns) {
		window_event(window, window->used - 1)->count += count;
	} else {
		if (window->used == window->size)
			window_grow(window);
		window->used++;
		*window_event(window, window->used - 1) = (struct mock_event){ now.ns, count };
	}
	window->count += count;
	if (window->count > window->count_max)
		window->count_max = window->count;
}

static void window_grow(struct mock_window *window)
{
	const size_t size = window->size == 0 ? EVENTS_FIRST : 2 * window->size;
	struct mock_event *events = calloc(size, sizeof *events);

	check(events != NULL); /* a measuring tool without memory measures nothing */
	for (size_t i = 0; i < window->used; i++)
		events[i] = *window_event(window, i);
	free(window->events);
	window->events = events;
	window->size = size;
	window->first = 0;
}

struct mono mock_window_room(
        const struct mock_window *window, struct mono now, uint64_t count, uint64_t limit)
{
	uint64_t within = window->count;

	if (limit == MOCK_WINDOW_UNLIMITED)
		return now;
	if (count > limit)
		return MONO_NEVER;
	now = window_now(window, now);
	for (size_t i = 0; i < window->used; i++) {
		const struct mock_event *event = window_event(window, i);
		const int64_t leaves_ns = event->at_ns + window->length_ns;
		if (leaves_ns > now.ns) {
			if (within <= limit - count)
				return now;
			now.ns = leaves_ns;
		}
		within -= event->count;
	}
	return now;
}
