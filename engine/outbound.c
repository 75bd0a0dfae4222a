#include "engine/outbound.h"

#include "engine/outbound_inner.h"
#include "engine/routing.h"
#include "engine/wire/write.h"
#include "queue/base/check.h"

static void outbound_say(struct outbound *outbound, enum outbound_news news);
static void outbound_expired(struct timer *timer);
static void outbound_work(struct loop_task *task);
static void outbound_connect(struct outbound *outbound);
static void outbound_read(struct outbound *outbound);
static void outbound_hear(struct outbound *outbound, const struct reply *reply);
static bool outbound_is_useless(const struct outbound *outbound);
static void outbound_complain(struct outbound *outbound);
static void outbound_ended(struct outbound *outbound);
static void outbound_gone(struct outbound *outbound);
static void outbound_log_closed(struct outbound *outbound);
static void outbound_begin_again(struct outbound *outbound);
static bool outbound_go_elsewhere(struct outbound *outbound, struct judge_case *it);
static bool outbound_blames_address(const struct outbound *outbound, const struct judge_case *it);

void outbound_open(struct outbound *outbound, struct target *target,
        const struct config_identity *identity, struct judge *judge, struct lane *lane,
        struct transaction *train, uint64_t id, struct list *news, struct list *stream_news)
{
	struct shard *shard = judge->shard;

	check(outbound->step == STEP_UNUSED);
	*outbound = (struct outbound){
		.target = target,
		.identity = identity,
		.shard = shard,
		.news = news,
		.stream_news = stream_news,
		.timer.expired = outbound_expired,
		.work.run = outbound_work,
		.id = id,
		.opened = loop_now(&shard->loop),
		.since = loop_now(&shard->loop),
		.refusals = lane->refusals,
		.train = train,
		.carrier = {
			.judge = judge,
			.lane = lane,
			.connection = id,
			.notices = routing_null_sender(target->route),
			.author = routing_author(target->route, identity),
		},
	};
	outbound->carrier.stream = &outbound->stream;
	reply_init(&outbound->reader,
	        (struct span){ outbound->reply_memory, sizeof outbound->reply_memory });
	outbound_connect(outbound);
}

static void outbound_connect(struct outbound *outbound)
{
	struct target *target = outbound->target;
	const struct host_address *address = target_pick(target, loop_now(&outbound->shard->loop));
	const struct host *host = &target->hosts.list[address->host];

	outbound->address = address->endpoint;
	memcpy(outbound->host, host->name, sizeof outbound->host);
	outbound->carrier.server = view_of(outbound->host);
	outbound->tries++;
	outbound_enter(outbound, STEP_CONNECT);
	stream_connect(&outbound->stream, &outbound->shard->loop, outbound->stream_news,
	        &outbound->address, NULL);
}

void outbound_enter(struct outbound *outbound, enum outbound_step step)
{
	check(outbound->step != step || step == STEP_AUTH);
	outbound->step = (uint8_t)step;
	const int64_t wait_ns =
	        step == STEP_QUIT ? OUTBOUND_QUIT_NS
	                          : outbound_step_wait_ns(step, &outbound->target->route->timeouts);
	loop_timer_after(&outbound->shard->loop, &outbound->timer, wait_ns);
}

/* News. */

static void outbound_say(struct outbound *outbound, enum outbound_news news)
{
	outbound->pending |= (uint8_t)news;
	if (!link_is_linked(&outbound->news_link))
		list_push_last(outbound->news, &outbound->news_link);
}

struct outbound *outbound_next_news(struct list *news, unsigned *what)
{
	struct link *link = list_pop_first(news);

	if (link == NULL)
		return NULL;
	struct outbound *outbound = container_of(link, struct outbound, news_link);
	*what = outbound->pending;
	outbound->pending = 0;
	return outbound;
}

void outbound_on_news(struct outbound *outbound, unsigned what)
{
	if ((what & STREAM_CONNECTED) != 0 && outbound->step == STEP_CONNECT)
		outbound_hello_connected(outbound);
	if ((what & STREAM_SECURED) != 0 && outbound->step == STEP_TLS)
		outbound_hello_secured(outbound);
	/* What has come is used, also where the connection has ended behind it. */
	if ((what & (STREAM_READABLE | STREAM_ENDED)) != 0)
		outbound_read(outbound);
	if ((what & STREAM_WRITTEN) != 0 && outbound->step == STEP_READY)
		outbound_progress(outbound);
	if ((what & STREAM_ENDED) != 0 && outbound->step != STEP_CLOSING)
		outbound_ended(outbound);
	if ((what & STREAM_GONE) != 0)
		outbound_gone(outbound);
}

static void outbound_expired(struct timer *timer)
{
	struct outbound *outbound = container_of(timer, struct outbound, timer);
	char memory[OUTBOUND_TEXT_BYTES];
	struct text why = TEXT_ON(memory);
	enum outbound_step step = outbound->step;

	if (step == STEP_QUIT) {
		outbound_lose(outbound, VIEW("no reply to QUIT"));
		stream_abort(&outbound->stream);
		return;
	}
	if (step == STEP_READY && outbound->train_count == 0) {
		outbound_quit(outbound);
		return;
	}
	if (step == STEP_READY)
		step = outbound_train_step(outbound);
	text_format(&why, "timed out in %s", outbound_step_word(step));
	if (outbound->step == STEP_READY)
		outbound_lose(outbound, text_view(&why));
	else
		outbound_fail_with(outbound, text_view(&why));
}

static void outbound_work(struct loop_task *task)
{
	struct outbound *outbound = container_of(task, struct outbound, work);

	if (outbound->step == STEP_READY)
		outbound_progress(outbound);
}

static void outbound_read(struct outbound *outbound)
{
	bool heard = false;

	while (outbound->step != STEP_CLOSING && outbound->step != STEP_UNUSED) {
		const struct view piece = stream_peek(&outbound->stream);
		struct view input = piece;
		struct reply reply;

		if (piece.bytes == 0)
			break;
		const enum reply_news news = reply_read(&outbound->reader, &input, &reply);
		stream_consume(&outbound->stream, piece.bytes - input.bytes);
		heard |= news == REPLY_READY;
		if (news == REPLY_READY)
			outbound_hear(outbound, &reply);
		else if (news == REPLY_BAD && outbound->step == STEP_READY)
			outbound_lose(outbound, VIEW("the server sent what is no SMTP reply"));
		else if (news == REPLY_BAD)
			outbound_fail_with(outbound, VIEW("this is no SMTP server"));
	}
	/* Part of a reply is no progress: who drips has no more time than others. */
	if (heard && outbound->step == STEP_READY)
		outbound_progress(outbound);
}

static void outbound_hear(struct outbound *outbound, const struct reply *reply)
{
	if (log_wants(outbound->shard->log, LOG_DEBUG)) {
		struct log_line line = outbound_log(outbound, LOG_DEBUG, "reply");
		log_text(&line, "reply", reply->whole);
		log_end(&line);
	}
	if (outbound->step == STEP_QUIT)
		outbound_lose(outbound, VIEW(""));
	else if (outbound->step == STEP_READY)
		outbound_hear_train(outbound, reply);
	else
		outbound_hello_reply(outbound, reply);
}

/* The end. */

void outbound_retire(struct outbound *outbound)
{
	outbound->retiring = true;
	if (outbound->step == STEP_READY) {
		if (outbound->train_count == 0)
			outbound_quit(outbound);
	} else if (outbound->step < STEP_READY) {
		outbound_lose(outbound, VIEW("not needed any more"));
	}
}

void outbound_abort(struct outbound *outbound)
{
	if (outbound->step != STEP_CLOSING)
		outbound_lose(outbound, VIEW("it was time to stop"));
	stream_abort(&outbound->stream); /* not even for the server's goodbye */
}

void outbound_quit(struct outbound *outbound)
{
	char memory[16];
	struct text line = TEXT_ON(memory);
	const bool written = write_word(&line, WRITE_QUIT);

	check(written);
	check(outbound->train_count == 0);
	lane_unstand(outbound->carrier.lane);
	outbound_enter(outbound, STEP_QUIT);
	outbound_list_idle(outbound);
	if (!stream_put(&outbound->stream, text_view(&line)))
		outbound_lose(outbound, VIEW(""));
}

void outbound_fail_with(struct outbound *outbound, struct view why)
{
	char memory[OUTBOUND_TEXT_BYTES];
	struct text text = TEXT_ON(memory);
	struct judge_case it;

	if (outbound->step == STEP_CONNECT) {
		text_put(&text, VIEW("connect to "));
		endpoint_format(&text, &outbound->address);
	} else {
		text_format(
		        &text, "%s with %s", outbound_step_word(outbound->step), outbound->host);
	}
	text_put(&text, VIEW(": "));
	text_put(&text, why);
	judge_case_say(&it, outbound_step_stage(outbound->step), text_view(&text));
	outbound_fail(outbound, &it);
}

/* What stands in the way there says nothing of other addresses: the network, TLS, a front end that
 * blames nobody. What an identity is told while it signs in follows it anywhere. */
static bool outbound_blames_address(const struct outbound *outbound, const struct judge_case *it)
{
	if (it->judged)
		return it->verdict.outcome == OUTCOME_RETRY_OTHER_SESSION;
	return outbound->step < STEP_SECRET;
}

/* True: another address is tried, soon; the judge need not hear of this one. */
static bool outbound_go_elsewhere(struct outbound *outbound, struct judge_case *it)
{
	const struct mono now = loop_now(&outbound->shard->loop);
	char memory[ENDPOINT_TEXT_BYTES];
	struct text peer = TEXT_ON(memory);

	if (!outbound_blames_address(outbound, it))
		return false;
	target_blame(outbound->target, &outbound->address, now);
	if (outbound->retiring || outbound->shard->draining ||
	        outbound->tries >= TARGET_TRIES_MAX ||
	        !target_has_other(outbound->target, outbound->since))
		return false;
	endpoint_format(&peer, &outbound->address);
	struct log_line line = outbound_log(outbound, LOG_WARNING, "next_address");
	log_word(&line, "host", outbound->host);
	log_text(&line, "peer", text_view(&peer));
	judge_case_log(&line, it);
	log_end(&line);
	outbound->elsewhere = true;
	return true;
}

void outbound_fail(struct outbound *outbound, struct judge_case *it)
{
	check(outbound->step < STEP_READY);
	if (!outbound_go_elsewhere(outbound, it)) {
		counters_add(outbound->shard->counters, sessions_failed, 1);
		if (!outbound->shard->draining)
			judge_session(outbound->carrier.judge, outbound->carrier.lane, it);
	}
	outbound_lose(outbound, it->reply != NULL ? it->reply->whole : it->note.text);
}

void outbound_lose(struct outbound *outbound, struct view why)
{
	struct text text = TEXT_ON(outbound->text);

	check(outbound->step != STEP_CLOSING);
	if (!outbound->goodbye) {
		text_put(&text, why);
		outbound->text_bytes = (uint8_t)text.bytes;
	}
	outbound->begun = stream_begun_total(&outbound->stream);
	if (outbound->step == STEP_READY)
		lane_unstand(outbound->carrier.lane);
	if (outbound_is_useless(outbound))
		outbound_complain(outbound);
	const bool polite = outbound->step == STEP_QUIT;
	outbound_hello_forget(outbound);
	loop_task_drop(&outbound->shard->loop.starved, &outbound->work);
	loop_timer_stop(&outbound->shard->loop, &outbound->timer);
	outbound->step = STEP_CLOSING;
	outbound_list_idle(outbound);
	if (polite)
		stream_close(&outbound->stream);
	else
		stream_abort(&outbound->stream);
}

/* It was ready, and ends without having answered a message; and neither we nor its age ended it.
 * Otherwise the next one would be opened at once, to the same end. But a server may close right
 * after a 5xx (reference.md, 5): whom or what that refused is done with, or judged otherwise. */
static bool outbound_is_useless(const struct outbound *outbound)
{
	const int64_t stood_ns = loop_now(&outbound->shard->loop).ns - outbound->ready.ns;

	if (outbound->step != STEP_READY || outbound->messages > 0 || outbound->shard->draining)
		return false;
	if (outbound->carrier.refused && !outbound->goodbye)
		return false;
	const bool ours = outbound->retiring && !outbound->goodbye;
	return outbound->train_count > 0 || (!ours && stood_ns < OUTBOUND_YOUNG_NS);
}

/* The lane is not to open the next one at once. Where no message was in it, the one that waits in
 * front is told why. */
static void outbound_complain(struct outbound *outbound)
{
	const struct carrier *carrier = &outbound->carrier;
	const struct view text = view_from(outbound->text, outbound->text_bytes);
	struct judge_case it;

	if (!outbound->goodbye || !judge_case_repeat(&it, STAGE_ANY, text, carrier->server))
		judge_case_say(&it, STAGE_ANY, text);
	it.judged = outbound->goodbye;
	it.verdict = outbound->verdict;
	target_blame(outbound->target, &outbound->address, loop_now(&outbound->shard->loop));
	if (outbound->train_count == 0)
		judge_session(carrier->judge, carrier->lane, &it);
	else
		judge_useless(carrier->judge, carrier->lane, &it);
}

static void outbound_ended(struct outbound *outbound)
{
	char memory[OUTBOUND_TEXT_BYTES];
	struct text why = TEXT_ON(memory);

	stream_failure_text(&outbound->stream, &why);
	if (outbound->step == STEP_QUIT)
		outbound_lose(outbound, VIEW(""));
	else if (outbound->step == STEP_READY)
		outbound_lose(outbound, text_view(&why));
	else {
		if (stream_failure(&outbound->stream).code == ERR_TLS)
			counters_add(outbound->shard->counters, tls_failed, 1);
		outbound_fail_with(outbound, text_view(&why));
	}
}

/* The stream is gone: nobody reads the messages any more. */
static void outbound_gone(struct outbound *outbound)
{
	check(outbound->step == STEP_CLOSING);
	outbound_hello_end(outbound);
	if (outbound->elsewhere && !outbound->retiring && target_is_known(outbound->target)) {
		outbound_begin_again(outbound);
		return;
	}
	outbound_lose_train(outbound);
	outbound_log_closed(outbound);
	outbound->step = STEP_UNUSED;
	outbound_say(outbound, OUTBOUND_GONE);
}

static void outbound_log_closed(struct outbound *outbound)
{
	if (!outbound->connected)
		return;
	counters_add(outbound->shard->counters, sessions_closed, 1);
	struct log_line line = outbound_log(outbound, LOG_INFO, "closed");
	log_number(&line, "messages", outbound->messages);
	if (outbound->text_bytes > 0)
		log_text(&line, "cause", view_from(outbound->text, outbound->text_bytes));
	log_end(&line);
}

/* With another address, as if nothing had been. */
static void outbound_begin_again(struct outbound *outbound)
{
	check(outbound->train_count == 0);
	outbound_log_closed(outbound);
	outbound->elsewhere = false;
	outbound->connected = false;
	outbound->secured = false;
	outbound->text_bytes = 0;
	outbound->carrier.offers = (struct capabilities){ 0 };
	outbound->opened = loop_now(&outbound->shard->loop);
	reply_init(&outbound->reader,
	        (struct span){ outbound->reply_memory, sizeof outbound->reply_memory });
	outbound_connect(outbound);
}

/* What its other file uses. */

void outbound_want_secret(struct outbound *outbound)
{
	outbound_say(outbound, OUTBOUND_WANTS_SECRET);
}

void outbound_become_ready(struct outbound *outbound)
{
	const struct config_route *route = outbound->target->route;
	const struct capabilities *offers = &outbound->carrier.offers;
	const uint64_t limits[] = {
		outbound->identity == NULL ? route->recipients_per_message.count
		                           : outbound->identity->recipients_per_message.count,
		offers->rcpt_max > 0 ? offers->rcpt_max : UINT64_MAX,
	};
	const uint64_t sizes[] = { offers->size_max, route->message_bytes };
	struct carrier *carrier = &outbound->carrier;

	carrier->rcpt_max = MESSAGE_RECIPIENTS_MAX;
	carrier->by_domain = route->group_by_domain;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		if (limits[i] < carrier->rcpt_max)
			carrier->rcpt_max = (uint32_t)limits[i];
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (sizes[i] > 0 && (carrier->size_max == 0 || sizes[i] < carrier->size_max))
			carrier->size_max = sizes[i];
	lane_stand(carrier->lane);
	outbound->ready = loop_now(&outbound->shard->loop);
	outbound_enter(outbound, STEP_READY);
	outbound_list_idle(outbound);
	outbound_arm(outbound);
	outbound_say(outbound, OUTBOUND_READY);
}

void outbound_list_idle(struct outbound *outbound)
{
	struct list *list = &outbound->carrier.lane->idle;
	const bool idle =
	        outbound->step == STEP_READY && outbound->train_count == 0 && !outbound->retiring;

	if (idle && !link_is_linked(&outbound->idle_link))
		list_push_last(list, &outbound->idle_link);
	else if (!idle && link_is_linked(&outbound->idle_link))
		list_remove(list, &outbound->idle_link);
}

void outbound_send(struct outbound *outbound, const struct text *line)
{
	check(!line->overflow);
	if (!stream_put(&outbound->stream, text_view(line)))
		outbound_fail_with(outbound, VIEW("no memory for a command"));
}

struct log_line outbound_log(
        const struct outbound *outbound, enum log_level level, const char *event)
{
	struct log_line line = log_begin(outbound->shard->log, level, event);

	log_connection(&line, outbound->id);
	log_word(&line, "route", outbound->target->route->name);
	if (outbound->identity != NULL)
		log_word(&line, "identity", outbound->identity->user);
	return line;
}
