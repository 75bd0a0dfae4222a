#include "engine/hatch.h"

#include "engine/io/packets.h"
#include "engine/vault.h"
#include "queue/base/check.h"

#include <stdlib.h>

static void hatch_turn(struct hatch *hatch);
static bool hatch_is_gone(const struct hatch *hatch);
static void counter_heard(struct tube *tube, struct view packet);
static void counter_send(struct tube *tube);
static void counter_ended(struct tube *tube);
static void counter_answered(struct hatch_counter *counter);
static struct helper_ask *counter_copy(const struct hatch_counter *counter, uint32_t index);
static uint32_t counter_index(const struct hatch_counter *counter, const struct helper_ask *ask);

struct err hatch_open(
        struct hatch *hatch, const struct config *config, struct depot *depot, struct text *why)
{
	static const struct io_settings io = TUBE_IO;

	*hatch = (struct hatch){ .config = config };
	shelf_init(&hatch->shelf, depot);
	return loop_init(&hatch->loop, &io, &hatch->shelf, why);
}

struct err hatch_counter_open(struct hatch *hatch, const struct trade *trade, struct helper *helper,
        uint32_t asks_most, int end)
{
	check(hatch->counter_count < HATCH_COUNTERS_MAX);
	check(asks_most > 0);
	struct hatch_counter *counter = &hatch->counters[hatch->counter_count++];

	*counter = (struct hatch_counter){
		.hatch = hatch,
		.tube = { .heard = counter_heard, .vacant = counter_send, .ended = counter_ended },
		.trade = trade,
		.helper = helper,
		.asks_most = asks_most,
	};
	list_init(&counter->unsent);
	tube_init(&counter->tube, &hatch->loop, end);
	struct err err = vault_create(&counter->copies, asks_most * trade->copy_bytes);
	if (failed(err))
		return err;
	counter->tickets = calloc(asks_most, sizeof *counter->tickets);
	counter->free = calloc(asks_most, sizeof *counter->free);
	if (counter->tickets == NULL || counter->free == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	while (counter->free_count < asks_most) {
		counter->free[counter->free_count] = asks_most - 1 - counter->free_count;
		counter->free_count++;
	}
	return helper_join(helper, 0, &hatch->loop, asks_most);
}

void hatch_close(struct hatch *hatch)
{
	for (size_t i = 0; i < hatch->counter_count; i++) {
		struct hatch_counter *counter = &hatch->counters[i];

		helper_leave(counter->helper, 0, &hatch->loop);
		tube_discard(&counter->tube);
		vault_destroy(counter->copies);
		free(MOVE(counter->tickets));
		free(MOVE(counter->free));
	}
	hatch->counter_count = 0;
	loop_finish(&hatch->loop);
	shelf_finish(&hatch->shelf);
}

void hatch_run(struct hatch *hatch)
{
	loop_start(&hatch->loop);
	for (size_t i = 0; i < hatch->counter_count; i++)
		tube_start(&hatch->counters[i].tube);
	hatch_turn(hatch);
	while (!hatch->ended) {
		loop_end(&hatch->loop);
		hatch_turn(hatch);
	}
	for (size_t i = 0; i < hatch->counter_count; i++)
		tube_close(&hatch->counters[i].tube);
	while (!hatch_is_gone(hatch)) {
		loop_end(&hatch->loop);
		hatch_turn(hatch);
	}
}

/* All but its end, which would sleep for good once nothing is in flight any more. */
static void hatch_turn(struct hatch *hatch)
{
	loop_begin(&hatch->loop);
	loop_run_completions(&hatch->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&hatch->loop);
	for (size_t i = 0; i < hatch->counter_count; i++)
		counter_answered(&hatch->counters[i]);
}

static bool hatch_is_gone(const struct hatch *hatch)
{
	for (size_t i = 0; i < hatch->counter_count; i++)
		if (!tube_is_gone(&hatch->counters[i].tube))
			return false;
	return true;
}

/* An ask, or what pretends to be one. */
static void counter_heard(struct tube *tube, struct view packet)
{
	struct hatch_counter *counter = container_of(tube, struct hatch_counter, tube);
	uint32_t ticket;

	if (packet.bytes < sizeof ticket || counter->free_count == 0) {
		counter_ended(tube);
		return;
	}
	memcpy(&ticket, packet.data, sizeof ticket);
	const uint32_t index = counter->free[counter->free_count - 1];
	struct helper_ask *ask = counter_copy(counter, index);
	if (!counter->trade->take_ask(
	            counter->hatch->config, view_skip(packet, sizeof ticket), ask)) {
		counter_ended(tube);
		return;
	}
	counter->free_count--;
	counter->tickets[index] = ticket;
	helper_ask(counter->helper, 0, ask);
}

static void counter_ended(struct tube *tube)
{
	container_of(tube, struct hatch_counter, tube)->hatch->ended = true;
}

static void counter_answered(struct hatch_counter *counter)
{
	struct helper_ask *ask;

	while ((ask = helper_answered(counter->helper, 0)) != NULL)
		list_push_last(&counter->unsent, &ask->link);
	if (tube_is_vacant(&counter->tube))
		counter_send(&counter->tube);
}

/* The next answer that waits for its turn. */
static void counter_send(struct tube *tube)
{
	struct hatch_counter *counter = container_of(tube, struct hatch_counter, tube);
	struct link *first = list_pop_first(&counter->unsent);

	if (first == NULL)
		return;
	struct helper_ask *ask = container_of(first, struct helper_ask, link);
	const uint32_t index = counter_index(counter, ask);
	const uint32_t ticket = counter->tickets[index];
	struct span room = tube_room(tube);
	memcpy(room.data, &ticket, sizeof ticket);
	const size_t bytes = counter->trade->put_answer(
	        ask, (struct span){ room.data + sizeof ticket, room.bytes - sizeof ticket });
	counter->trade->wipe(ask);
	counter->free[counter->free_count++] = index;
	tube_send(tube, sizeof ticket + bytes);
}

static struct helper_ask *counter_copy(const struct hatch_counter *counter, uint32_t index)
{
	return (struct helper_ask *)(void *)(counter->copies.data +
	                                     index * counter->trade->copy_bytes);
}

static uint32_t counter_index(const struct hatch_counter *counter, const struct helper_ask *ask)
{
	return (uint32_t)((size_t)((const char *)ask - counter->copies.data) /
	                  counter->trade->copy_bytes);
}
