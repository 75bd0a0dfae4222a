#include "bench/pump.h"

#include "bench/progress.h"
#include "queue/base/check.h"

static void pump_work(struct pump *pump);
static void pump_tick(struct timer *timer);
static bool pump_stalls(struct pump *pump);

struct err pump_open(struct pump *pump, const struct load_settings *settings,
        const volatile sig_atomic_t *interrupted, struct text *why)
{
	const struct io_settings io = {
		.entries = 1024, .buffer_count = 1024, .buffer_bytes = 2048
	}; /* replies are short */

	*pump = (struct pump){ .interrupted = interrupted };
	struct err err = depot_create(&pump->depot, PUMP_MEMORY);
	if (failed(err))
		return err;
	shelf_init(&pump->shelf, pump->depot);
	err = loop_init(&pump->loop, &io, &pump->shelf, why);
	if (failed(err))
		goto fail_loop;
	loop_start(&pump->loop);
	err = load_init(&pump->load, &pump->loop, settings);
	if (failed(err))
		goto fail_load;
	pump->tick.expired = pump_tick;
	pump->moved_at = clock_mono();
	loop_timer_after(&pump->loop, &pump->tick, 0);
	return err_ok();

fail_load:
	loop_finish(&pump->loop);
fail_loop:
	shelf_finish(&pump->shelf);
	depot_destroy(pump->depot);
	return err;
}

void pump_close(struct pump *pump)
{
	load_stop(&pump->load);
	while (!load_is_idle(&pump->load)) /* a stream ends within STREAM_CLOSE_WITHIN_S */
		pump_work(pump);
	loop_timer_stop(&pump->loop, &pump->tick);
	load_finish(&pump->load);
	loop_finish(&pump->loop);
	shelf_finish(&pump->shelf);
	depot_destroy(pump->depot);
}

bool pump_turn(struct pump *pump)
{
	pump_work(pump);
	progress_tell(pump->load.settings.progress, "handed in", pump->load.account.taken,
	        pump->load.settings.messages, loop_now(&pump->loop));
	return !load_is_done(&pump->load) && !pump_stalls(pump) && *pump->interrupted == 0;
}

static void pump_work(struct pump *pump)
{
	loop_begin(&pump->loop);
	loop_run_completions(&pump->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&pump->loop);
	load_work(&pump->load);
	loop_end(&pump->loop);
}

static void pump_tick(struct timer *timer)
{
	struct pump *pump = container_of(timer, struct pump, tick);

	loop_timer_after(&pump->loop, timer, PUMP_TURN_NS);
}

static bool pump_stalls(struct pump *pump)
{
	const struct load_account *account = &pump->load.account;
	const uint64_t moved = account->taken + account->refused + pump->load.ready;

	if (moved != pump->moved) {
		pump->moved = moved;
		pump->moved_at = loop_now(&pump->loop);
	}
	return loop_now(&pump->loop).ns - pump->moved_at.ns > PUMP_PATIENCE;
}

bool pump_run(struct pump *pump, struct text *why)
{
	while (pump_turn(pump))
		continue;
	return pump_succeeded(pump, why);
}

bool pump_succeeded(const struct pump *pump, struct text *why)
{
	if (load_failure(&pump->load) != NULL)
		text_put(why, view_of(load_failure(&pump->load)));
	else if (*pump->interrupted != 0)
		text_put(why, VIEW("interrupted"));
	else if (!load_is_done(&pump->load))
		text_format(why, "nothing moved for %lld s: %llu of %llu messages answered",
		        PUMP_PATIENCE / NS_PER_S, (unsigned long long)pump->load.account.taken,
		        (unsigned long long)pump->load.settings.messages);
	else
		return true;
	return false;
}
