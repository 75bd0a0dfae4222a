#include "bench/mock_session.h"

#include "bench/mock_command.h"
#include "bench/mock_message.h"
#include "queue/base/check.h"
#include "queue/base/date.h"

#include <stdarg.h>
#include <stdio.h>

#define MOCK_CLOCK_AGAIN (100 * NS_PER_MS) /* where nothing can be said just now */

static void session_greet(struct mock_session *session);
static void session_gone(struct mock_session *session);
static void session_certified(struct mock_session *session);
static void session_read(struct mock_session *session);
static bool session_may_read(const struct mock_session *session);
static bool session_read_line(struct mock_session *session);
static void session_queue(
        struct mock_session *session, enum mock_end end, int64_t extra_ns, struct view text);
static void session_flush(struct mock_session *session);
static void session_replied(struct mock_session *session, enum mock_end end);
static void session_answered(struct mock_session *session, enum mock_end end);
static void session_due(struct timer *timer);
static void session_clock(struct timer *timer);

void mock_session_open(struct mock *mock, int fd)
{
	struct mock_session *session = pool_take(&mock->sessions);

	check(session != NULL);
	session->mock = mock;
	session->timer.expired = session_due;
	session->identity = mock_account_identity(&mock->account, VIEW("-"));
	stream_open(&session->stream, mock->loop, &mock->news, fd);
	list_push_last(&mock->live, &session->link);
	mock_account_joined(&mock->account);
	if (mock->settings.tenant != NULL) {
		session->visit = pool_take(&mock->visits);
		check(session->visit != NULL);
		mock_visit_open(session->visit, mock->settings.tenant, mock->settings.interface,
		        &session->stream.peer, loop_now(mock->loop));
		session->clock_timer.expired = session_clock;
		loop_timer_set(
		        mock->loop, &session->clock_timer, mock_visit_wanted(session->visit));
	}
	if (mock_session_struck(session, STAGE_CONNECT, VIEW(""), MOCK_END_CLOSE))
		session->state = MOCK_OVER;
	else
		session_greet(session);
	session_flush(session);
}

static void session_greet(struct mock_session *session)
{
	const struct mock *mock = session->mock;
	char banner[256];
	struct text text = TEXT_ON(banner);

	if (session->visit == NULL) {
		mock_session_reply(session, MOCK_END_NONE,
		        "220 " MOCK_HOST " Microsoft ESMTP MAIL Service ready [%08zX]",
		        pool_index(&mock->sessions, session));
		return;
	}
	if (mock_session_says(session, mock_visit_connect(session->visit, loop_now(mock->loop)),
	            MOCK_END_NONE))
		return;
	text_put(&text, VIEW("220 "));
	mock_host_put_public(&text, &session->visit->front);
	text_put(&text, VIEW(" Microsoft ESMTP MAIL Service ready at "));
	date_put_mail(&text, loop_wall(mock->loop));
	text_format(&text, " [%016llX]\r\n", (unsigned long long)session->visit->front.session);
	check(!text.overflow);
	mock_session_queue(session, MOCK_END_NONE, 0, text_view(&text));
}

void mock_session_work(struct mock_session *session, unsigned what)
{
	if ((what & STREAM_GONE) != 0) {
		session_gone(session);
		return;
	}
	if (session->visit != NULL)
		mock_visit_hear(session->visit, loop_now(session->mock->loop));
	if ((what & STREAM_SECURED) != 0) {
		session->secure = true;
		session->mock->account.tls_connections++;
		session->mock->account.tls_resumed += tls_resumed(stream_tls(&session->stream));
		mock_session_reset(session);
		if (session->visit != NULL)
			session_certified(session);
	}
	session_read(session);
	session_flush(session);
	if ((what & STREAM_ENDED) != 0)
		stream_close(&session->stream);
}

static void session_gone(struct mock_session *session)
{
	struct mock *mock = session->mock;

	loop_timer_stop(mock->loop, &session->timer);
	for (; session->reply_count > 0; session->reply_count--) {
		session_answered(
		        session, (enum mock_end)session->replies[session->reply_first].ends);
		session->reply_first = (session->reply_first + 1) % MOCK_REPLIES_MAX;
	}
	if (session->waiting != NULL)
		shelf_give(mock->loop->shelf, MOVE(session->waiting));
	if (session->signin_memory != NULL)
		shelf_give(mock->loop->shelf, MOVE(session->signin_memory));
	if (session->visit != NULL) {
		loop_timer_stop(mock->loop, &session->clock_timer);
		mock_visit_reset(session->visit);
		pool_give(&mock->visits, MOVE(session->visit));
	}
	mock_session_leave(session);
	list_remove(&mock->live, &session->link);
	pool_give(&mock->sessions, session);
}

/* A connector believes no certificate but a verified one. */
static void session_certified(struct mock_session *session)
{
	const struct tls *tls = stream_tls(&session->stream);
	char room[MOCK_CERTIFICATE_MAX];

	if (tls_auth(tls) == TLS_AUTH_NONE)
		return;
	for (size_t i = 0;; i++) {
		struct text name = TEXT_ON(room);
		if (!tls_peer_name(tls, i, &name))
			return;
		if (!name.overflow)
			mock_visit_certified(session->visit, text_view(&name));
	}
}

static void session_read(struct mock_session *session)
{
	bool moved = true;

	while (moved && session_may_read(session) && session->stream.state < STREAM_CLOSING) {
		switch (session->state) {
		case MOCK_COMMAND:
		case MOCK_SIGNIN:
			moved = session_read_line(session);
			break;
		case MOCK_DATA:
			moved = mock_message_read_data(session);
			break;
		case MOCK_BDAT:
			moved = mock_message_read_chunk(session);
			break;
		case MOCK_OVER:
			moved = false;
			break;
		}
	}
}

/* A client that sends more while its replies wait has to wait too. */
static bool session_may_read(const struct mock_session *session)
{
	return session->reply_count < MOCK_REPLIES_MAX &&
	       (session->waiting == NULL ||
	               session->waiting->used + MOCK_REPLY_BYTES_MAX <= CHUNK_DATA_BYTES);
}

static bool session_read_line(struct mock_session *session)
{
	char copy[SIGNIN_LINE_MAX];
	struct view input = stream_peek(&session->stream);
	const size_t end = view_find(input, '\n');

	if (end == input.bytes) {
		if (input.bytes > sizeof copy) {
			mock_session_reply(session, MOCK_END_CLOSE, "500 5.5.2 Line too long");
			session->state = MOCK_OVER;
			return false;
		}
		return input.bytes > 0 && stream_gather(&session->stream);
	}
	struct text line = TEXT_ON(copy);
	text_put(&line, view_first(input, end > 0 && input.data[end - 1] == '\r' ? end - 1 : end));
	stream_consume(&session->stream, end + 1);
	if (line.overflow) {
		mock_session_reply(session, MOCK_END_NONE, "500 5.5.2 Line too long");
		return true;
	}
	if (session->state == MOCK_SIGNIN)
		mock_command_signin(
		        session, signin_server_feed(&session->signin, text_view(&line)));
	else
		mock_command(session, text_view(&line));
	return true;
}

void mock_session_reset(struct mock_session *session)
{
	session->has_mail = false;
	session->null_sender = false;
	session->chunking = false;
	session->recipients = 0;
	if (session->visit != NULL)
		mock_visit_reset(session->visit);
}

bool mock_session_says(struct mock_session *session, enum mock_saying saying, enum mock_end end)
{
	const struct loop *loop = session->mock->loop;
	char line[MOCK_SAYING_BYTES_MAX + sizeof "\r\n"];
	struct text text = TEXT_ON(line);

	if (saying == MOCK_SAYS_NOTHING)
		return false;
	mock_visit_put(session->visit, &text, saying, loop_now(loop), loop_wall(loop));
	check(text.bytes <= MOCK_SAYING_BYTES_MAX);
	session->mock->account.refused++;
	const bool closes =
	        view_starts_fold(text_view(&text), VIEW("421")) || saying == MOCK_SAYS_IDLE;
	const int64_t delay_ns = mock_visit_delay_ns(session->visit, saying);
	text_put(&text, VIEW("\r\n"));
	mock_session_queue(session, end, delay_ns, text_view(&text));
	if (closes) {
		mock_session_queue(session, MOCK_END_CLOSE, delay_ns, VIEW(""));
		session->state = MOCK_OVER;
	}
	return true;
}

void mock_session_lose(struct mock_session *session, bool slot)
{
	session_answered(session, slot ? MOCK_END_TAKEN : MOCK_END_MESSAGE);
}

bool mock_session_struck(
        struct mock_session *session, enum stage stage, struct view arguments, enum mock_end end)
{
	struct mock *mock = session->mock;
	const struct mock_rule *rule =
	        mock_script_roll(&mock->script, &mock->random, stage, arguments);

	if (rule == NULL || mock_session_lies(session, rule))
		return false;
	if (rule->drop != MOCK_DROP_NONE) {
		mock->account.drops_before++;
		mock_session_drop(session);
	} else {
		mock_session_rule(session, rule, end);
	}
	return true;
}

void mock_session_rule(
        struct mock_session *session, const struct mock_rule *rule, enum mock_end end)
{
	const bool closes = view_starts_fold(view_of(rule->reply), VIEW("421"));

	session->mock->account.refused++;
	session->mock->account.lies += rule->lie != MOCK_LIE_NONE;
	mock_session_reply(session, end, "%s", rule->reply);
	if (!closes || rule->lie == MOCK_LIE_OPEN || end == MOCK_END_CLOSE)
		return;
	session->mock->account.closed++;
	mock_session_queue(session, MOCK_END_CLOSE, 0, VIEW(""));
	session->state = MOCK_OVER;
}

bool mock_session_lies(struct mock_session *session, const struct mock_rule *rule)
{
	if (rule->lie < MOCK_LIE_EARLY ||
	        session->reply_count + MOCK_DRIP_BYTES > MOCK_REPLIES_MAX / 2)
		return false;
	session->mock->account.lies++;
	if (rule->lie == MOCK_LIE_EARLY)
		mock_session_reply(session, MOCK_END_NONE, "%s", rule->reply);
	else
		session->lie = rule;
	return true;
}

void mock_session_leave(struct mock_session *session)
{
	if (!session->left)
		mock_account_left(&session->mock->account);
	session->left = true;
}

void mock_session_drop(struct mock_session *session)
{
	mock_session_queue(session, MOCK_END_ABORT, 0, VIEW(""));
	session->state = MOCK_OVER;
}

void mock_session_reply(struct mock_session *session, enum mock_end end, const char *format, ...)
{
	char line[MOCK_REPLY_BYTES_MAX];
	va_list args;

	va_start(args, format);
	int bytes = vsnprintf(line, sizeof line - 2, format, args);
	va_end(args);
	check(bytes >= 0);
	check((size_t)bytes < sizeof line - 2);
	line[bytes] = '\r';
	line[bytes + 1] = '\n';
	mock_session_queue(session, end, 0, view_from(line, (size_t)bytes + 2));
}

void mock_session_queue(
        struct mock_session *session, enum mock_end end, int64_t extra_ns, struct view text)
{
	const struct mock_rule *lie = text.bytes > 0 ? session->lie : NULL;

	if (lie != NULL)
		session->lie = NULL;
	if (lie != NULL && lie->lie == MOCK_LIE_DRIP)
		for (int i = 0; i < MOCK_DRIP_BYTES && text.bytes > 1; i++) {
			session_queue(session, MOCK_END_NONE, extra_ns, view_first(text, 1));
			text = view_skip(text, 1);
			extra_ns += MOCK_DRIP_NS;
		}
	session_queue(session, end, extra_ns, text);
	if (lie != NULL && lie->lie == MOCK_LIE_EXTRA)
		mock_session_reply(session, MOCK_END_NONE, "%s", lie->reply);
}

static void session_queue(
        struct mock_session *session, enum mock_end end, int64_t extra_ns, struct view text)
{
	struct loop *loop = session->mock->loop;
	const struct mono due =
	        mono_after(loop_now(loop), session->mock->settings.delay_ns + extra_ns);

	if (session->waiting == NULL) {
		session->waiting = shelf_take(loop->shelf);
		check(session->waiting != NULL); /* the mock's budget holds one for each session */
		session->waiting_start = 0;
	}
	check(session->reply_count < MOCK_REPLIES_MAX);
	check(session->waiting->used + text.bytes <= CHUNK_DATA_BYTES);
	memcpy(session->waiting->data + session->waiting->used, text.data, text.bytes);
	session->waiting->used += (uint32_t)text.bytes;
	session->replies[(session->reply_first + session->reply_count) % MOCK_REPLIES_MAX] =
	        (struct mock_reply){ .due = due, .bytes = (uint16_t)text.bytes, .ends = end };
	session->reply_count++;
}

/* Sends the replies whose time has come, in order. */
static void session_flush(struct mock_session *session)
{
	struct loop *loop = session->mock->loop;

	while (session->reply_count > 0 && session->stream.state < STREAM_CLOSING) {
		const struct mock_reply reply = session->replies[session->reply_first];

		if (!mono_reached(loop_now(loop), reply.due)) {
			loop_timer_set(loop, &session->timer, reply.due);
			return;
		}
		const struct view text =
		        view_from(session->waiting->data + session->waiting_start, reply.bytes);
		if (text.bytes > 0 && !stream_put(&session->stream, text))
			return; /* STREAM_WRITTEN brings us here again */
		session->waiting_start += reply.bytes;
		session->reply_first = (session->reply_first + 1) % MOCK_REPLIES_MAX;
		session->reply_count--;
		session_replied(session, (enum mock_end)reply.ends);
	}
	if (session->waiting != NULL && session->reply_count == 0)
		shelf_give(loop->shelf, MOVE(session->waiting));
}

static void session_replied(struct mock_session *session, enum mock_end end)
{
	switch (end) {
	case MOCK_END_NONE:
		break;
	case MOCK_END_MESSAGE:
	case MOCK_END_TAKEN:
		session_answered(session, end);
		break;
	case MOCK_END_CLOSE:
		stream_close(&session->stream);
		break;
	case MOCK_END_ABORT:
		stream_abort(&session->stream);
		break;
	case MOCK_END_STARTTLS:
		session->state = MOCK_COMMAND;
		(void)stream_secure_server(&session->stream, session->mock->settings.tls);
		break;
	}
}

/* What a reply that went out, or that was lost, means for the message it answers. */
static void session_answered(struct mock_session *session, enum mock_end end)
{
	if (end != MOCK_END_MESSAGE && end != MOCK_END_TAKEN)
		return;
	check(session->identity->in_flight > 0);
	session->identity->in_flight--;
	if (session->visit != NULL)
		mock_visit_answered(session->visit, end == MOCK_END_TAKEN);
}

/* The visit's time may be up. */
static void session_clock(struct timer *timer)
{
	struct mock_session *session = container_of(timer, struct mock_session, clock_timer);
	struct loop *loop = session->mock->loop;

	if (session->stream.state >= STREAM_CLOSING)
		return;
	if (session->state == MOCK_OVER || !session_may_read(session)) {
		loop_timer_after(loop, &session->clock_timer, MOCK_CLOCK_AGAIN);
		return;
	}
	if (session->reply_count > 0) /* it is we who are slow */
		mock_visit_hear(session->visit, loop_now(loop));
	if (mock_session_says(
	            session, mock_visit_clock(session->visit, loop_now(loop)), MOCK_END_NONE))
		session_flush(session);
	else
		loop_timer_set(loop, &session->clock_timer, mock_visit_wanted(session->visit));
}

static void session_due(struct timer *timer)
{
	struct mock_session *session = container_of(timer, struct mock_session, timer);

	session_flush(session);
	session_read(session);
	session_flush(session);
}
