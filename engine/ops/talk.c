#include "engine/ops/talk.h"

#include "queue/base/check.h"

static void talk_begin_step(struct talk *talk);
static bool talk_await(struct talk *talk, unsigned news);
static void talk_turn(struct talk *talk);
static void talk_lose_patience(struct timer *timer);
static bool talk_fail(struct talk *talk);

bool talk_connect(struct talk *talk, struct desk *desk, const struct endpoint *to,
        const struct endpoint *from)
{
	*talk = (struct talk){ .desk = desk, .patience.expired = talk_lose_patience };
	talk->why = (struct text)TEXT_ON(talk->why_bytes);
	list_init(&talk->news);
	reply_init(&talk->reader, (struct span){ talk->memory, sizeof talk->memory });
	talk_begin_step(talk);
	stream_connect(&talk->stream, &desk->loop, &talk->news, to, from);
	return talk_await(talk, STREAM_CONNECTED);
}

bool talk_secure(struct talk *talk, struct tls_context *context, const struct tls_peer *peer)
{
	talk_begin_step(talk);
	(void)stream_secure_client(&talk->stream, context, peer);
	reply_init(&talk->reader, (struct span){ talk->memory, sizeof talk->memory });
	return talk_await(talk, STREAM_SECURED);
}

void talk_want_offers(struct talk *talk, struct capabilities *offers)
{
	reply_want_offers(&talk->reader, offers);
}

bool talk_say(struct talk *talk, struct view line)
{
	if (!stream_lend(&talk->stream, line)) {
		text_put(&talk->why, VIEW("no memory to send"));
		return false;
	}
	return talk_hear(talk);
}

bool talk_hear(struct talk *talk)
{
	talk_begin_step(talk);
	for (;;) {
		struct view input = stream_peek(&talk->stream);
		const size_t before = input.bytes;

		const enum reply_news news =
		        before == 0 ? REPLY_MORE : reply_read(&talk->reader, &input, &talk->reply);
		if (before > 0)
			stream_consume(&talk->stream, before - input.bytes);
		if (news == REPLY_READY)
			return true;
		if (news == REPLY_BAD) {
			text_put(&talk->why, VIEW("what it says is no SMTP"));
			return false;
		}
		if (before > 0)
			continue;
		talk->seen &= ~(unsigned)STREAM_READABLE;
		if (!talk_await(talk, STREAM_READABLE))
			return false;
	}
}

static void talk_begin_step(struct talk *talk)
{
	loop_timer_stop(&talk->desk->loop, &talk->patience);
	talk->late = false;
	loop_timer_after(&talk->desk->loop, &talk->patience, TALK_PATIENCE_NS);
}

/* What came before the end is read first. */
static bool talk_await(struct talk *talk, unsigned news)
{
	for (;;) {
		if ((talk->seen & news) != 0) {
			loop_timer_stop(&talk->desk->loop, &talk->patience);
			return true;
		}
		if (talk->late || (talk->seen & STREAM_ENDED) != 0)
			return talk_fail(talk);
		talk_turn(talk);
	}
}

static void talk_turn(struct talk *talk)
{
	struct loop *loop = &talk->desk->loop;
	unsigned what;

	loop_end(loop);
	loop_begin(loop);
	loop_run_completions(loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(loop);
	while (stream_next_news(&talk->news, &what) != NULL) {
		talk->seen |= what;
		talk->gone |= (what & STREAM_GONE) != 0;
	}
}

static void talk_lose_patience(struct timer *timer)
{
	container_of(timer, struct talk, patience)->late = true;
}

static bool talk_fail(struct talk *talk)
{
	loop_timer_stop(&talk->desk->loop, &talk->patience);
	if (talk->late)
		text_format(&talk->why, "no answer within %lld seconds",
		        (long long)(TALK_PATIENCE_NS / NS_PER_S));
	else
		stream_failure_text(&talk->stream, &talk->why);
	return false;
}

void talk_end(struct talk *talk)
{
	if (talk->desk == NULL)
		return;
	loop_timer_stop(&talk->desk->loop, &talk->patience);
	stream_abort(&talk->stream);
	while (!talk->gone)
		talk_turn(talk);
	talk->desk = NULL;
}
