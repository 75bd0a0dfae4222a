/*
 * A thread of the engine in small, for tests of engine/io: memory, a loop, and turns.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_IO_FIXTURE_H
#define SLUICE_TESTS_IO_FIXTURE_H

#include "engine/io/loop.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define FIXTURE_PATIENCE_NS (10 * NS_PER_S) /* a slow machine is no failure */

struct fixture {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct timer tick; /* so that a turn never waits for long */
};

static inline void fixture_on_tick(struct timer *timer)
{
	struct fixture *fixture = container_of(timer, struct fixture, tick);

	loop_timer_after(&fixture->loop, timer, 5 * NS_PER_MS);
}

static inline void fixture_open(
        struct fixture *fixture, const struct io_settings *settings, size_t chunks)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	*fixture = (struct fixture){ 0 };
	assert_false(failed(depot_create(&fixture->depot, chunks * CHUNK_BYTES)));
	shelf_init(&fixture->shelf, fixture->depot);
	if (failed(loop_init(&fixture->loop, settings, &fixture->shelf, &why)))
		fail_msg("%s", text_string(&why));
	loop_start(&fixture->loop);
	fixture->tick.expired = fixture_on_tick;
	loop_timer_after(&fixture->loop, &fixture->tick, 0);
}

static inline void fixture_init(struct fixture *fixture)
{
	const struct io_settings settings = { 64, 32, 4096 };

	fixture_open(fixture, &settings, 256);
}

/* Nothing is left over: no operation, no buffer, no chunk. */
static inline void fixture_finish(struct fixture *fixture, size_t buffers)
{
	loop_timer_stop(&fixture->loop, &fixture->tick);
	assert_int_equal(io_in_flight(fixture->loop.io), 0);
	assert_int_equal(io_buffers_free(fixture->loop.io), buffers);
	loop_finish(&fixture->loop);
	shelf_finish(&fixture->shelf);
	assert_int_equal(depot_chunks_out(fixture->depot), 0);
	depot_destroy(fixture->depot);
}

static inline void fixture_turn(struct fixture *fixture)
{
	loop_begin(&fixture->loop);
	loop_run_completions(&fixture->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&fixture->loop);
	loop_end(&fixture->loop);
}

/* Turns until the condition holds. */
#define fixture_turn_until(fixture, condition)                                                     \
	do {                                                                                       \
		struct mono begun_ = clock_mono();                                                 \
		while (!(condition)) {                                                             \
			fixture_turn(fixture);                                                     \
			if (clock_mono().ns - begun_.ns > FIXTURE_PATIENCE_NS)                     \
				fail_msg("waited in vain for: %s", #condition);                    \
		}                                                                                  \
	} while (0)

#endif
