#include "engine/delivery.h"

#include "queue/base/check.h"

static struct err delivery_join(
        struct delivery *delivery, const struct delivery_settings *settings);
static void delivery_take_letters(struct delivery *delivery);
static void delivery_hear_gate(struct delivery *delivery, const struct letter *letter);
static void delivery_drain(struct delivery *delivery);
static void delivery_recall(struct delivery *delivery, const struct letter *letter);
static void delivery_return_jobs(struct delivery *delivery);
static void delivery_sweep(struct timer *timer);
static void delivery_drain_expired(struct timer *timer);

struct err delivery_init(
        struct delivery *delivery, const struct delivery_settings *settings, struct text *why)
{
	struct shard *shard = &delivery->shard;

	*delivery = (struct delivery){
		.shard = {
			.config = settings->config,
			.index = settings->index,
			.counters = settings->counters,
			.log = settings->log,
			.spooler = settings->spooler,
		},
		.sweep_timer.expired = delivery_sweep,
		.drain_timer.expired = delivery_drain_expired,
	};
	random_seed(&shard->random, settings->seed);
	shelf_init(&shard->shelf, settings->depot);
	struct err err = loop_init(&shard->loop, &settings->io, &shard->shelf, why);
	if (failed(err))
		return err;
	shard_name_connections(shard, true);
	loop_reads(&shard->loop, shard->spooler.in);
	loop_writes(&shard->loop, shard->spooler.out);
	/* What delivery_finish() needs, however far we get. */
	delivery->dispatch = (struct dispatch){
		.shard = shard,
		.schedule = &delivery->schedule,
		.resolver = settings->helpers.resolver,
		.keeper = settings->helpers.keeper,
	};
	err = delivery_join(delivery, settings);
	if (failed(err))
		goto fail;
	judge_init(&delivery->judge, shard, &delivery->schedule);
	err = dispatch_init(&delivery->dispatch, &delivery->judge, settings->shard_count,
	        &settings->helpers, why);
	if (failed(err))
		goto fail;
	if (settings->spool != NULL)
		dispatch_read_ledger(&delivery->dispatch, settings->spool);
	return err_ok();
fail:
	delivery_finish(delivery);
	return err;
}

/* At most one ask a route, and one a lane, is under way. */
static struct err delivery_join(struct delivery *delivery, const struct delivery_settings *settings)
{
	const struct config_routes *routes = &settings->config->routes;
	const uint16_t index = (uint16_t)settings->index;
	struct loop *loop = &delivery->shard.loop;
	const uint32_t identities = config_identity_count(settings->config);
	struct err err = err_ok();

	if (settings->helpers.resolver != NULL)
		err = helper_join(
		        &settings->helpers.resolver->helper, index, loop, (uint32_t)routes->count);
	if (!failed(err) && settings->helpers.keeper != NULL && identities > 0)
		err = helper_join(settings->helpers.keeper, index, loop, identities);
	return err;
}

void delivery_start(struct delivery *delivery)
{
	loop_start(&delivery->shard.loop);
}

void delivery_turn(struct delivery *delivery)
{
	struct shard *shard = &delivery->shard;

	loop_begin(&shard->loop);
	delivery_take_letters(delivery);
	loop_run_completions(&shard->loop, COMPLETIONS_PER_TURN);
	loop_run_timers(&shard->loop);
	dispatch_read_news(&delivery->dispatch);
	dispatch_start_jobs(&delivery->dispatch);
	if (delivery->schedule.job_count > 0 && !timer_is_set(&delivery->sweep_timer))
		loop_timer_after(&shard->loop, &delivery->sweep_timer, DELIVERY_SWEEP_NS);
	if (shard->draining && !shard->drained && delivery_is_over(delivery) &&
	        dispatch_close_ledger(&delivery->dispatch)) {
		const struct letter drained = { .kind = LETTER_DRAINED };
		const bool put = mailbox_put(shard->spooler.out, &drained);
		check(put);
		shard->drained = true;
		loop_timer_stop(&shard->loop, &delivery->drain_timer);
	}
	counters_set(shard->counters, turns, shard->loop.turns);
	counters_set(shard->counters, turns_slow, shard->loop.turns_long);
	/* With nothing in flight any more, the loop would sleep for good. */
	if (!delivery->aborting || !delivery_is_over(delivery))
		loop_end(&shard->loop);
}

static void delivery_take_letters(struct delivery *delivery)
{
	struct shard *shard = &delivery->shard;
	struct letter letter;

	for (size_t i = 0; i < LETTERS_PER_TURN; i++) {
		if (!mailbox_take(shard->spooler.in, &letter))
			return;
		switch (letter.kind) {
		case LETTER_JOB:
			counters_add(shard->counters, jobs_taken, 1);
			check(letter.job->state == JOB_READY);
			dispatch_add(&delivery->dispatch, letter.job);
			break;
		case LETTER_RECALL:
			delivery_recall(delivery, &letter);
			break;
		case LETTER_NOTED:
			dispatch_noted(&delivery->dispatch, letter.note);
			break;
		case LETTER_INCIDENT:
			incidents_told(&delivery->dispatch.incidents, letter.sheet);
			break;
		case LETTER_GATE:
			gates_told(&delivery->dispatch.gates, letter.gate);
			break;
		case LETTER_GATE_NEWS:
			delivery_hear_gate(delivery, &letter);
			break;
		case LETTER_PORTION:
			dispatch_portioned(&delivery->dispatch, letter.portion);
			break;
		case LETTER_LATE:
			dispatch_hear_late(&delivery->dispatch, letter.late);
			check(mailbox_put(shard->spooler.out, &letter)); /* room is kept for it */
			break;
		case LETTER_RESUME:
			dispatch_resume(&delivery->dispatch);
			break;
		default:
			check(letter.kind == LETTER_DRAIN);
			delivery_drain(delivery);
			break;
		}
		if (shard->draining)
			delivery_return_jobs(delivery);
	}
}

static void delivery_hear_gate(struct delivery *delivery, const struct letter *letter)
{
	dispatch_gate_news(&delivery->dispatch, letter->news);
	const bool put = mailbox_put(delivery->shard.spooler.out, letter);
	check(put); /* there is room for all news */
}

/* What has begun, or is another shard's, comes back by itself. */
static void delivery_recall(struct delivery *delivery, const struct letter *letter)
{
	struct job *job =
	        schedule_find(&delivery->schedule, letter->ticket, (uint16_t)letter->count);

	if (job != NULL)
		judge_return(&delivery->judge, job);
}

static void delivery_drain(struct delivery *delivery)
{
	struct shard *shard = &delivery->shard;

	shard->draining = true;
	dispatch_drain(&delivery->dispatch);
	loop_timer_after(&shard->loop, &delivery->drain_timer, shard->config->drain_ns);
}

static void delivery_return_jobs(struct delivery *delivery)
{
	struct job *job;

	while ((job = schedule_any(&delivery->schedule)) != NULL)
		judge_return(&delivery->judge, job);
}

static void delivery_sweep(struct timer *timer)
{
	struct delivery *delivery = container_of(timer, struct delivery, sweep_timer);

	judge_sweep(&delivery->judge);
	if (delivery->shard.draining)
		return;
	dispatch_divert(&delivery->dispatch);
	if (dispatch_rest(&delivery->dispatch))
		loop_timer_after(
		        &delivery->shard.loop, &delivery->sweep_timer, DELIVERY_SWEEP_MORE_NS);
}

static void delivery_drain_expired(struct timer *timer)
{
	struct delivery *delivery = container_of(timer, struct delivery, drain_timer);

	dispatch_abort(&delivery->dispatch);
}

void delivery_abort(struct delivery *delivery)
{
	delivery->aborting = true;
	if (!delivery->shard.draining)
		delivery_drain(delivery);
	delivery_return_jobs(delivery);
	dispatch_abort(&delivery->dispatch);
}

bool delivery_is_over(const struct delivery *delivery)
{
	return delivery->schedule.job_count == 0 && dispatch_is_idle(&delivery->dispatch);
}

void delivery_finish(struct delivery *delivery)
{
	struct shard *shard = &delivery->shard;

	loop_timer_stop(&shard->loop, &delivery->sweep_timer);
	loop_timer_stop(&shard->loop, &delivery->drain_timer);
	dispatch_finish(&delivery->dispatch);
	loop_leave(&shard->loop, shard->spooler.in);
	loop_leave(&shard->loop, shard->spooler.out);
	if (delivery->dispatch.resolver != NULL)
		helper_leave(
		        &delivery->dispatch.resolver->helper, (uint16_t)shard->index, &shard->loop);
	if (delivery->dispatch.keeper != NULL)
		helper_leave(delivery->dispatch.keeper, (uint16_t)shard->index, &shard->loop);
	loop_finish(&shard->loop);
	shelf_finish(&shard->shelf);
}
