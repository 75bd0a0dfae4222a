#include "engine/ingest.h"

#include "engine/inbound_ahead.h"
#include "engine/inbound_content.h"
#include "engine/inbound_signin.h"
#include "engine/inbound_trace.h"
#include "engine/wire/stamp.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

#include <stdlib.h>

static void ingest_take_letters(struct ingest *ingest);
static void ingest_take_answers(struct ingest *ingest);
static void ingest_read_news(struct ingest *ingest);
static void ingest_feed(struct ingest *ingest);
static void ingest_feed_again(struct timer *timer);
static void ingest_log_hunger(struct ingest *ingest);
static void ingest_ask_for_ids(struct ingest *ingest);
static void ingest_drain(struct ingest *ingest);
static void ingest_say_drained(struct ingest *ingest);
static void ingest_lingered(struct timer *timer);
static void ingest_drain_expired(struct timer *timer);
static void ingest_send(struct ingest *ingest, const struct letter *letter);

/* Received in front, and what content_complete() adds. */
static_assert(CONFIG_MESSAGE_BYTES_MAX + 2 * STAMP_BYTES_MAX <= MESSAGE_BODY_MAX,
        "the largest message and our headers fit");

static struct err ingest_listeners_open(struct ingest *ingest, bool shared, struct text *why)
{
	struct doors *doors = ingest->doors;

	ingest->listeners = calloc(doors->count, sizeof *ingest->listeners);
	if (ingest->listeners == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < doors->count; i++) {
		struct err err =
		        listener_open(&ingest->listeners[i], ingest, &doors->at[i], shared, why);
		if (failed(err))
			return err;
	}
	return err_ok();
}

static struct err ingest_pools_init(struct ingest *ingest)
{
	/* Any shard may get all the connections: the kernel spreads them as it likes. What is
	 * never taken costs address space only. */
	const size_t connections =
	        (size_t)ingest->shard.config->limits.connections + INGEST_REFUSED_MAX;

	struct err err = pool_init(&ingest->inbounds, sizeof(struct inbound), connections);
	if (failed(err))
		return err;
	err = pool_init(
	        &ingest->contents, sizeof(struct inbound_content), connections + INGEST_AHEADS_MAX);
	if (failed(err))
		return err;
	err = pool_init(&ingest->aheads, sizeof(struct inbound_ahead), INGEST_AHEADS_MAX);
	if (failed(err))
		return err;
	err = pool_init(&ingest->notices, sizeof(struct notice), NOTICES_MAX);
	if (failed(err))
		return err;
	err = pool_init(&ingest->signins, sizeof(struct inbound_signin), connections);
	if (!failed(err))
		pool_hide(&ingest->signins);
	return err;
}

struct err ingest_init(
        struct ingest *ingest, const struct ingest_settings *settings, struct text *why)
{
	const struct config_limits *limits = &settings->config->limits;

	check(limits->message_bytes <= config_message_most(limits->memory_bytes));
	*ingest = (struct ingest){
		.shard = {
			.config = settings->config,
			.index = settings->index,
			.counters = settings->counters,
			.log = settings->log,
			.spooler = settings->spooler,
		},
		.doors = settings->doors,
		.feed_timer = { .expired = ingest_feed_again },
		.linger_timer = { .expired = ingest_lingered },
		.drain_timer = { .expired = ingest_drain_expired },
		.message_bytes_max = limits->message_bytes,
		.reserve = depot_chunks_max(settings->depot) / CONFIG_RESERVE_SHARE,
	};
	shelf_init(&ingest->shard.shelf, settings->depot);
	random_seed(&ingest->shard.random, settings->seed);
	list_init(&ingest->sessions);
	list_init(&ingest->hungry);
	list_init(&ingest->news);
	struct err err = loop_init(&ingest->shard.loop, &settings->io, &ingest->shard.shelf, why);
	if (failed(err))
		return err;
	shard_name_connections(&ingest->shard, false);
	loop_reads(&ingest->shard.loop, settings->spooler.in);
	loop_writes(&ingest->shard.loop, settings->spooler.out);
	err = ingest_pools_init(ingest);
	if (!failed(err))
		err = ingest_listeners_open(ingest, settings->shard_count > 1, why);
	if (failed(err)) {
		if (why->bytes == 0)
			text_put(why, view_of(err_text(err.code)));
		ingest_finish(ingest);
	}
	return err;
}

struct err ingest_join(struct ingest *ingest, struct helper *passwords)
{
	ingest->passwords = passwords;
	return helper_join(passwords, (uint16_t)ingest->shard.index, &ingest->shard.loop,
	        PASSWORDS_CHECKS_MAX);
}

void ingest_finish(struct ingest *ingest)
{
	struct loop *loop = &ingest->shard.loop;

	check(list_is_empty(&ingest->sessions));
	check(list_is_empty(&ingest->hungry));
	check(ingest->puts == 0);
	check(ingest->checks == 0);
	for (size_t i = 0; ingest->listeners != NULL && i < ingest->doors->count; i++) {
		listener_stop(&ingest->listeners[i]);
		check(listener_is_closed(&ingest->listeners[i]));
	}
	free(ingest->listeners);
	loop_timer_stop(loop, &ingest->feed_timer);
	loop_timer_stop(loop, &ingest->linger_timer);
	loop_timer_stop(loop, &ingest->drain_timer);
	if (ingest->passwords != NULL)
		helper_leave(ingest->passwords, (uint16_t)ingest->shard.index, loop);
	loop_leave(loop, ingest->shard.spooler.in);
	loop_leave(loop, ingest->shard.spooler.out);
	pool_finish(&ingest->inbounds);
	pool_finish(&ingest->notices);
	pool_finish(&ingest->contents);
	pool_finish(&ingest->aheads);
	pool_finish(&ingest->signins);
	loop_finish(loop);
	shelf_finish(&ingest->shard.shelf);
}

void ingest_start(struct ingest *ingest)
{
	loop_start(&ingest->shard.loop);
	for (size_t i = 0; i < ingest->doors->count; i++)
		listener_start(&ingest->listeners[i]);
}

void ingest_turn(struct ingest *ingest)
{
	struct shard *shard = &ingest->shard;
	const uint64_t turns_long = shard->loop.turns_long;

	loop_begin(&shard->loop);
	ingest_ask_for_ids(ingest);
	ingest_take_letters(ingest);
	ingest_take_answers(ingest);
	loop_run_completions(&shard->loop, COMPLETIONS_PER_TURN);
	loop_run_timers(&shard->loop);
	ingest_feed(ingest);
	ingest_read_news(ingest);
	ingest_log_hunger(ingest);
	ingest_say_drained(ingest);
	counters_add(shard->counters, turns, 1);
	counters_add(shard->counters, turns_slow, shard->loop.turns_long - turns_long);
	/* With nothing in flight any more, the loop would sleep for good. */
	if (!ingest->aborting || !ingest_is_over(ingest))
		loop_end(&shard->loop);
}

void ingest_abort(struct ingest *ingest)
{
	ingest->aborting = true;
	for (size_t i = 0; i < ingest->doors->count; i++)
		listener_stop(&ingest->listeners[i]);
	list_each_safe(link, &ingest->sessions)
		inbound_abort(container_of(link, struct inbound, session_link));
}

bool ingest_is_over(const struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->doors->count; i++) {
		if (!listener_is_closed(&ingest->listeners[i]))
			return false;
	}
	return list_is_empty(&ingest->sessions) && ingest->puts == 0 && ingest->checks == 0;
}

void ingest_accept(struct ingest *ingest, const struct door *door, int fd)
{
	struct inbound *inbound = pool_take(&ingest->inbounds);

	if (inbound == NULL) {
		counters_add(ingest->shard.counters, connections_refused, 1);
		io_discard(ingest->shard.loop.io, fd);
		return;
	}
	inbound_open(inbound, ingest, door, fd);
}

/* Letters */

static void ingest_take_letters(struct ingest *ingest)
{
	struct letter letter;

	for (size_t i = 0; i < LETTERS_PER_TURN; i++) {
		if (!mailbox_take(ingest->shard.spooler.in, &letter))
			break;
		switch (letter.kind) {
		case LETTER_PUT_DONE:
			check(ingest->puts > 0);
			ingest->puts--;
			inbound_put_done(pool_at(&ingest->inbounds, (uint32_t)letter.ticket),
			        (uint32_t)(letter.ticket >> 32), letter.result);
			break;
		case LETTER_IDS:
			check(ingest->ids.asked);
			check(ingest->ids.spare_left == 0);
			ingest->ids.asked = false;
			ingest->ids.spare_next = letter.ticket;
			ingest->ids.spare_left = letter.count;
			break;
		case LETTER_PRESSURE:
			ingest->spool_full = letter.result == PUT_FULL;
			break;
		case LETTER_DRAIN:
			ingest_drain(ingest);
			break;
		default:
			check(letter.kind == LETTER_DRAIN);
		}
	}
}

/* It has room: see INGEST_LETTERS. */
static void ingest_send(struct ingest *ingest, const struct letter *letter)
{
	check(mailbox_put(ingest->shard.spooler.out, letter));
}

static void ingest_take_answers(struct ingest *ingest)
{
	const uint16_t index = (uint16_t)ingest->shard.index;
	struct helper_ask *answer;

	while (ingest->checks > 0 && (answer = helper_answered(ingest->passwords, index)) != NULL) {
		ingest->checks--;
		inbound_checked(container_of(answer, struct inbound_signin, check.ask)->inbound);
	}
}

/* News */

static void ingest_read_news(struct ingest *ingest)
{
	struct stream *stream;
	unsigned news;

	/* No more than there were: who has news again meanwhile comes in the next turn. */
	for (size_t left = ingest->news.count; left > 0; left--) {
		stream = stream_next_news(&ingest->news, &news);
		if (stream == NULL)
			break;
		inbound_on_news(container_of(stream, struct inbound, stream), news);
	}
}

/* Memory */

/* So many chunks are on the shelf that a step's takes can't fail. */
static bool ingest_stock(struct ingest *ingest)
{
	struct shelf *shelf = &ingest->shard.shelf;
	struct chunk *chunks[INBOUND_CHUNKS_MAX];
	size_t count = 0;

	if (shelf->count >= INBOUND_CHUNKS_MAX)
		return true;
	while (count < INBOUND_CHUNKS_MAX) {
		chunks[count] = shelf_take_above(shelf, ingest->reserve);
		if (chunks[count] == NULL)
			break;
		count++;
	}
	const bool stocked = count == INBOUND_CHUNKS_MAX;
	while (count > 0)
		shelf_give(shelf, chunks[--count]);
	return stocked;
}

bool ingest_can_reply(struct ingest *ingest)
{
	struct shelf *shelf = &ingest->shard.shelf;

	if (shelf->count > 0)
		return true;
	struct chunk *chunk = shelf_take(shelf);
	if (chunk == NULL)
		return false;
	shelf_give(shelf, chunk);
	return true;
}

bool ingest_has_memory(struct ingest *ingest)
{
	/* Who waits already comes first. */
	if (!list_is_empty(&ingest->hungry) && !ingest->feeding)
		return false;
	return ingest_stock(ingest);
}

static void ingest_feed(struct ingest *ingest)
{
	if (list_is_empty(&ingest->hungry))
		return;
	ingest->feeding = true;
	for (size_t left = ingest->hungry.count; left > 0; left--) {
		struct link *first = list_first(&ingest->hungry);
		if (first == NULL || !ingest_stock(ingest))
			break;
		if (!inbound_feed(container_of(first, struct inbound, hungry_link)))
			break;
	}
	ingest->feeding = false;
	if (!list_is_empty(&ingest->hungry) && !timer_is_set(&ingest->feed_timer))
		loop_timer_after(&ingest->shard.loop, &ingest->feed_timer, INGEST_FEED_NS);
}

/* What frees memory is often another thread, which wakes nobody: look again. The turn that comes
 * with the timer does. */
static void ingest_feed_again(struct timer *timer)
{
	(void)timer;
}

/* That memory stops the reading is told once a minute, and then when it goes on. Who waits for ids
 * or for the spooler waits for the disk: that is how the relay keeps its pace, and no news. */
static void ingest_log_hunger(struct ingest *ingest)
{
	const struct mono now = loop_now(&ingest->shard.loop);
	struct log *log = ingest->shard.log;
	uint64_t omitted;

	if (!list_is_empty(&ingest->hungry) == ingest->hunger_told)
		return;
	if (ingest->hunger_told) {
		struct log_line line = log_begin(log, LOG_INFO, "memory_again");
		log_seconds(&line, "seconds", now.ns - ingest->hunger_since.ns);
		log_end(&line);
		ingest->hunger_told = false;
		return;
	}
	if (ingest_stock(ingest) || !log_pace_is_due(&ingest->hunger_pace, now, &omitted))
		return;
	ingest->hunger_told = true;
	ingest->hunger_since = now;
	struct log_line line = log_begin(log, LOG_WARNING, "memory_short");
	log_number(&line, "waiting", ingest->hungry.count);
	log_number(&line, "connections", ingest->sessions.count);
	log_number(&line, "memory", ingest->shard.config->limits.memory_bytes);
	log_word(&line, "advice",
	        "Reading waits for memory: raise limits.memory, or see why delivery doesn't keep "
	        "up.");
	log_end(&line);
}

/* Ids and puts */

static void ingest_ask_for_ids(struct ingest *ingest)
{
	struct ingest_ids *ids = &ingest->ids;
	const struct letter letter = { .kind = LETTER_IDS_WANTED, .count = INGEST_IDS_WANTED };

	if (ids->asked || ids->spare_left > 0 || ids->left >= INGEST_IDS_LOW)
		return;
	ids->asked = true;
	ingest_send(ingest, &letter);
}

bool ingest_take_id(struct ingest *ingest, uint64_t *id)
{
	struct ingest_ids *ids = &ingest->ids;

	if (ids->left == 0) {
		ids->next = ids->spare_next;
		ids->left = ids->spare_left;
		ids->spare_left = 0;
	}
	if (ids->left == 0)
		return false;
	ids->left--;
	*id = ids->next++;
	return true;
}

/* Who put it, and which of its puts it is. */
static uint64_t ingest_ticket(const struct ingest *ingest, struct inbound *inbound)
{
	return (uint64_t)++inbound->put << 32 | pool_index(&ingest->inbounds, inbound);
}

bool ingest_put(
        struct ingest *ingest, struct inbound *inbound, struct message **message, struct ways *ways)
{
	if (ingest->puts >= INGEST_PUTS_MAX)
		return false;
	const struct letter letter = {
		.kind = LETTER_PUT,
		.message = MOVE(*message),
		.ways = { .all = ways->all, .stream = ways->stream, .each = MOVE(ways->each) },
		.ticket = ingest_ticket(ingest, inbound),
		.claim = inbound_claim_lend(inbound),
		.origin = inbound_trace_lend(inbound),
	};
	ingest->puts++;
	ingest_send(ingest, &letter);
	milestone_reached(MILESTONE_PUT_SENT);
	return true;
}

bool ingest_report(struct ingest *ingest, struct inbound *inbound)
{
	if (ingest->puts >= INGEST_PUTS_MAX)
		return false;
	const struct letter letter = {
		.kind = LETTER_PUT,
		.report = &inbound->content->notice->ndr,
		.ticket = ingest_ticket(ingest, inbound),
	};
	ingest->puts++;
	ingest_send(ingest, &letter);
	return true;
}

bool ingest_check(struct ingest *ingest, struct inbound *inbound)
{
	if (ingest->checks >= PASSWORDS_CHECKS_MAX)
		return false;
	ingest->checks++;
	helper_ask(ingest->passwords, (uint16_t)ingest->shard.index, &inbound->signin->check.ask);
	return true;
}

/* Draining */

static void ingest_drain(struct ingest *ingest)
{
	const int64_t drain_ns = ingest->shard.config->drain_ns;

	ingest->shard.draining = true;
	/* The last reply is to be read within that time too. */
	loop_timer_after(&ingest->shard.loop, &ingest->drain_timer,
	        drain_ns > INGEST_LINGER_NS ? drain_ns - INGEST_LINGER_NS : 0);
	for (size_t i = 0; i < ingest->doors->count; i++)
		listener_stop(&ingest->listeners[i]);
	list_each_safe(link, &ingest->sessions)
		inbound_drain(container_of(link, struct inbound, session_link));
}

/* The last replies are given some time to be read: what follows resets the connections. */
static void ingest_say_drained(struct ingest *ingest)
{
	struct shard *shard = &ingest->shard;
	const struct letter letter = { .kind = LETTER_DRAINED };

	if (!shard->draining || shard->drained || ingest->transactions > 0 || ingest->puts > 0)
		return;
	if (!list_is_empty(&ingest->sessions) && !ingest->lingered) {
		if (!timer_is_set(&ingest->linger_timer))
			loop_timer_after(&shard->loop, &ingest->linger_timer, INGEST_LINGER_NS);
		return;
	}
	shard->drained = true;
	ingest_send(ingest, &letter);
}

static void ingest_drain_expired(struct timer *timer)
{
	struct ingest *ingest = container_of(timer, struct ingest, drain_timer);

	ingest->hurried = true;
	list_each_safe(link, &ingest->sessions)
		inbound_drain_now(container_of(link, struct inbound, session_link));
}

static void ingest_lingered(struct timer *timer)
{
	container_of(timer, struct ingest, linger_timer)->lingered = true;
}
