#include "engine/helper.h"

#include "queue/base/check.h"

static void *helper_run(void *argument);

struct err helper_init(struct helper *helper, struct depot *depot, const struct io_settings *io,
        void (*turn)(struct helper *helper), struct text *why)
{
	static const struct io_settings smallest = {
		.entries = 64,
		.buffer_count = 1,
		.buffer_bytes = 4096,
	};

	*helper = (struct helper){ .turn = turn };
	atomic_init(&helper->stopping, false);
	shelf_init(&helper->shelf, depot);
	return loop_init(&helper->loop, io == NULL ? &smallest : io, &helper->shelf, why);
}

struct err helper_join(struct helper *helper, uint16_t shard, struct loop *loop, uint32_t asks_max)
{
	check(shard < HELPER_SHARDS_MAX);
	check(asks_max > 0);
	struct helper_desk *desk = &helper->desks[shard];
	uint32_t capacity = 1;

	check(!desk->open);
	while (capacity < asks_max)
		capacity *= 2;
	struct err err = mailbox_init(
	        &desk->asks, sizeof(struct helper_ask *), capacity, &helper->loop.doorbell);
	if (failed(err))
		return err;
	err = mailbox_init(&desk->answers, sizeof(struct helper_ask *), capacity, &loop->doorbell);
	if (failed(err)) {
		mailbox_finish(&desk->asks);
		return err;
	}
	loop_writes(loop, &desk->asks);
	loop_reads(&helper->loop, &desk->asks);
	loop_writes(&helper->loop, &desk->answers);
	loop_reads(loop, &desk->answers);
	desk->open = true;
	helper->asks_most += asks_max;
	return err_ok();
}

struct err helper_start(struct helper *helper)
{
	const int error = pthread_create(&helper->thread, NULL, helper_run, helper);

	if (error != 0)
		return err_make(ERR_SYSTEM, error);
	helper->started = true;
	return err_ok();
}

void helper_stop(struct helper *helper)
{
	if (!helper->started)
		return;
	atomic_store(&helper->stopping, true);
	io_wake(NULL, helper->loop.io);
	check(pthread_join(helper->thread, NULL) == 0);
	helper->started = false;
}

void helper_leave(struct helper *helper, uint16_t shard, struct loop *loop)
{
	check(shard < HELPER_SHARDS_MAX);
	struct helper_desk *desk = &helper->desks[shard];

	if (!desk->open || desk->left)
		return;
	loop_leave(loop, &desk->asks);
	loop_leave(loop, &desk->answers);
	desk->left = true;
}

void helper_finish(struct helper *helper)
{
	helper_stop(helper);
	for (size_t i = 0; i < HELPER_SHARDS_MAX; i++) {
		struct helper_desk *desk = &helper->desks[i];
		if (!desk->open)
			continue;
		check(desk->left);
		loop_leave(&helper->loop, &desk->asks);
		loop_leave(&helper->loop, &desk->answers);
		mailbox_finish(&desk->asks);
		mailbox_finish(&desk->answers);
		desk->open = false;
	}
	loop_finish(&helper->loop);
	shelf_finish(&helper->shelf);
}

void helper_ask(struct helper *helper, uint16_t shard, struct helper_ask *ask)
{
	check(shard < HELPER_SHARDS_MAX);
	check(helper->desks[shard].open);
	check(!ask->in_flight);
	ask->in_flight = true;
	ask->shard = shard;
	const bool put = mailbox_put(&helper->desks[shard].asks, &ask);
	check(put);
}

struct helper_ask *helper_answered(struct helper *helper, uint16_t shard)
{
	struct helper_ask *ask;

	check(shard < HELPER_SHARDS_MAX);
	if (!mailbox_take(&helper->desks[shard].answers, &ask))
		return NULL;
	check(ask->in_flight);
	ask->in_flight = false;
	return ask;
}

void helper_turn_begin(struct helper *helper)
{
	loop_begin(&helper->loop);
	loop_run_completions(&helper->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&helper->loop);
}

struct helper_ask *helper_take(struct helper *helper)
{
	struct helper_ask *ask;

	for (size_t i = 0; i < HELPER_SHARDS_MAX; i++) {
		const size_t at = (helper->next + i) % HELPER_SHARDS_MAX;

		if (!helper->desks[at].open || !mailbox_take(&helper->desks[at].asks, &ask))
			continue;
		helper->next = at + 1;
		return ask;
	}
	return NULL;
}

void helper_answer(struct helper *helper, struct helper_ask *ask)
{
	check(ask->in_flight);
	check(ask->shard < HELPER_SHARDS_MAX);
	const bool put = mailbox_put(&helper->desks[ask->shard].answers, &ask);
	check(put); /* as many answers fit as asks may be in flight */
}

void helper_turn_end(struct helper *helper)
{
	loop_end(&helper->loop);
}

static void *helper_run(void *argument)
{
	struct helper *helper = argument;

	loop_start(&helper->loop);
	while (!atomic_load_explicit(&helper->stopping, memory_order_relaxed))
		helper->turn(helper);
	if (helper->leave != NULL)
		helper->leave(helper);
	return NULL;
}
