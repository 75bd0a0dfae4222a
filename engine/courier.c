#include "engine/courier.h"

#include "engine/io/packets.h"
#include "queue/base/check.h"

#include <stdlib.h>

static void courier_heard(struct tube *tube, struct view packet);
static void courier_send(struct tube *tube);
static void courier_ended(struct tube *tube);
static void courier_looked(struct timer *timer);
static struct helper_ask *courier_close(struct courier *courier, uint32_t ticket);
static void courier_refuse_all(struct courier *courier);
static void courier_refuse(struct courier *courier, struct helper_ask *ask);

struct err courier_init(
        struct courier *courier, const struct courier_settings *settings, struct text *why)
{
	static const struct io_settings io = TUBE_IO;

	*courier = (struct courier){
		.tube = { .heard = courier_heard, .vacant = courier_send, .ended = courier_ended },
		.trade = settings->trade,
		.config = settings->config,
		.look.expired = courier_looked,
	};
	list_init(&courier->unsent);
	tube_init(&courier->tube, &courier->helper.loop, settings->end);
	const struct err err =
	        helper_init(&courier->helper, settings->depot, &io, courier_turn, why);
	if (failed(err))
		tube_discard(&courier->tube);
	courier->helper.leave = courier_leave;
	return err;
}

struct err courier_start(struct courier *courier)
{
	const uint32_t count = courier->helper.asks_most;

	courier->open = calloc(count, sizeof(struct helper_ask *));
	courier->free = calloc(count, sizeof *courier->free);
	if (courier->open == NULL || courier->free == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	courier->ticket_count = count;
	for (uint32_t i = 0; i < count; i++)
		courier->free[courier->free_count++] = count - 1 - i;
	return helper_start(&courier->helper);
}

void courier_finish(struct courier *courier)
{
	for (uint32_t i = 0; i < courier->ticket_count; i++)
		check(courier->open[i] == NULL);
	loop_timer_stop(&courier->helper.loop, &courier->look);
	tube_discard(&courier->tube);
	helper_finish(&courier->helper);
	free(MOVE(courier->open));
	free(MOVE(courier->free));
}

void courier_turn(struct helper *helper)
{
	struct courier *courier = container_of(helper, struct courier, helper);
	struct helper_ask *ask;

	helper_turn_begin(helper);
	if (!courier->started)
		tube_start(&courier->tube);
	courier->started = true;
	while ((ask = helper_take(helper)) != NULL)
		list_push_last(&courier->unsent, &ask->link);
	if (courier->tube.over)
		courier_refuse_all(courier);
	else if (tube_is_vacant(&courier->tube))
		courier_send(&courier->tube);
	if (courier->free_count < courier->ticket_count && !timer_is_set(&courier->look))
		loop_timer_after(&helper->loop, &courier->look, COURIER_LOOK_NS);
	helper_turn_end(helper);
}

/* The next ask that waits for its turn. */
static void courier_send(struct tube *tube)
{
	struct courier *courier = container_of(tube, struct courier, tube);
	/* Without a ticket: those that were given up are not answered yet. */
	struct link *first = courier->free_count == 0 ? NULL : list_pop_first(&courier->unsent);

	if (first == NULL)
		return;
	struct helper_ask *ask = container_of(first, struct helper_ask, link);
	const uint32_t ticket = courier->free[--courier->free_count];
	struct span room = tube_room(tube);
	courier->open[ticket] = ask;
	memcpy(room.data, &ticket, sizeof ticket);
	tube_send(tube, sizeof ticket + courier->trade->put_ask(courier->config, ask,
	                                        (struct span){ room.data + sizeof ticket,
	                                                room.bytes - sizeof ticket }));
}

static void courier_heard(struct tube *tube, struct view packet)
{
	struct courier *courier = container_of(tube, struct courier, tube);
	uint32_t ticket = UINT32_MAX;

	if (packet.bytes >= sizeof ticket)
		memcpy(&ticket, packet.data, sizeof ticket);
	if (ticket >= courier->ticket_count) {
		courier_ended(tube);
		return;
	}
	struct helper_ask *ask = courier_close(courier, ticket);
	if (ask == NULL) /* it was given up */
		return;
	if (courier->trade->take_answer(view_skip(packet, sizeof ticket), ask))
		helper_answer(&courier->helper, ask);
	else
		courier_refuse(courier, ask);
}

/* The ticket is free again; NULL: nobody waits for it any more. */
static struct helper_ask *courier_close(struct courier *courier, uint32_t ticket)
{
	struct helper_ask *ask = courier->open[ticket];

	courier->open[ticket] = NULL;
	check(courier->free_count < courier->ticket_count);
	courier->free[courier->free_count++] = ticket;
	return ask;
}

static void courier_ended(struct tube *tube)
{
	tube->over = true; /* the turn refuses what is under way */
}

static void courier_refuse_all(struct courier *courier)
{
	struct link *link;

	for (uint32_t i = 0; i < courier->ticket_count; i++)
		if (courier->open[i] != NULL)
			courier_refuse(courier, courier_close(courier, i));
	while ((link = list_pop_first(&courier->unsent)) != NULL)
		courier_refuse(courier, container_of(link, struct helper_ask, link));
}

static void courier_refuse(struct courier *courier, struct helper_ask *ask)
{
	courier->trade->refuse(ask);
	helper_answer(&courier->helper, ask);
}

/* A ticket is not free before its answer has come: it could be taken for another's. */
static void courier_looked(struct timer *timer)
{
	struct courier *courier = container_of(timer, struct courier, look);

	for (uint32_t i = 0; i < courier->ticket_count; i++) {
		struct helper_ask *ask = courier->open[i];

		if (ask == NULL || !courier->trade->is_given_up(ask))
			continue;
		courier->open[i] = NULL;
		courier_refuse(courier, ask);
	}
}

void courier_leave(struct helper *helper)
{
	struct courier *courier = container_of(helper, struct courier, helper);

	tube_close(&courier->tube);
	/* With nothing in flight any more, a turn's end would sleep for good. */
	while (!tube_is_gone(&courier->tube)) {
		helper_turn_end(helper);
		helper_turn_begin(helper);
	}
}
