#include "bench/load_session.h"

#include "engine/wire/capabilities.h"
#include "queue/base/check.h"

#define LOAD_NAME "load.example"

static void session_enter(struct load_session *session, enum load_step step);
static void session_open_again(struct timer *timer);
static void session_read(struct load_session *session);
static void session_reply(struct load_session *session, const struct reply *reply);
static void session_hello(struct load_session *session, const struct reply *reply);
static void session_flight_reply(struct load_session *session, const struct reply *reply);
static void session_landed(struct load_session *session, int code, struct view reply);
static void session_lost(struct load_session *session);
static void session_send(struct load_session *session, struct view line);
static bool session_has_room(const struct load_session *session);
static void session_begin(struct load_session *session, uint64_t number, struct mono since);
static void session_next_line(struct load_session *session);
static void session_content(struct load_session *session, struct load_flight *flight);
static void template_number(const struct load *load, char *header, uint64_t number);

void load_session_init(struct load_session *session, struct load *load)
{
	session->load = load;
	session->timer.expired = session_open_again;
	list_push_last(&load->closed, &session->link);
}

/* The load counts its sessions by step. */
static void session_enter(struct load_session *session, enum load_step step)
{
	struct load *load = session->load;
	const bool was_opening = session->step > LOAD_CLOSED && session->step < LOAD_OPEN;
	const bool is_opening = step > LOAD_CLOSED && step < LOAD_OPEN;

	check(step != session->step);
	if (link_is_linked(&session->link))
		list_remove(session->step == LOAD_CLOSED ? &load->closed : &load->hungry,
		        &session->link);
	load->opening += (unsigned)is_opening - (unsigned)was_opening;
	load->ready += (unsigned)(step == LOAD_OPEN) - (unsigned)(session->step == LOAD_OPEN);
	load->live += (unsigned)(step != LOAD_CLOSED) - (unsigned)(session->step != LOAD_CLOSED);
	session->step = step;
}

void load_session_open(struct load_session *session)
{
	struct load *load = session->load;

	check(session->step == LOAD_CLOSED);
	check(session->flight_count == 0);
	reply_init(&session->replies, (struct span){ session->reply_text, LOAD_REPLY_BYTES });
	session->paused = false;
	session_enter(session, LOAD_CONNECT);
	stream_connect(&session->stream, load->loop, &load->news, &load->settings.target, NULL);
}

void load_session_end(struct load_session *session)
{
	loop_timer_stop(session->load->loop, &session->timer);
	if (session->step == LOAD_CLOSED || session->step == LOAD_ENDING)
		return;
	if (session->step == LOAD_OPEN && session->flight_count == 0) {
		session_send(session, VIEW("QUIT\r\n"));
		stream_close(&session->stream);
	} else {
		stream_abort(&session->stream);
	}
	session_enter(session, LOAD_ENDING);
}

void load_session_work(struct load_session *session, unsigned what)
{
	struct load *load = session->load;

	if ((what & STREAM_GONE) != 0) {
		session->flight_count = 0;
		session_enter(session, LOAD_CLOSED);
		if (!load->stopping)
			loop_timer_after(load->loop, &session->timer, LOAD_OPEN_AGAIN);
		return;
	}
	if (session->step == LOAD_ENDING)
		return;
	if ((what & STREAM_CONNECTED) != 0)
		load->account.connections++;
	if ((what & STREAM_SECURED) != 0) {
		session_enter(session, LOAD_EHLO_TLS);
		session_send(session, VIEW("EHLO " LOAD_NAME "\r\n"));
	}
	session_read(session);
	if (session->step != LOAD_ENDING && (what & STREAM_ENDED) != 0) {
		if (session->step == LOAD_SECURE)
			load_fail(load, "TLS: %s", err_text(stream_failure(&session->stream).code));
		session_lost(session);
	}
	load_session_fill(session);
}

static void session_open_again(struct timer *timer)
{
	struct load_session *session = container_of(timer, struct load_session, timer);

	if (session->step == LOAD_CLOSED) {
		list_push_last(&session->load->closed, &session->link);
	} else {
		session->paused = false;
		load_session_fill(session);
	}
}

static void session_read(struct load_session *session)
{
	struct reply reply;

	for (struct view piece = stream_peek(&session->stream); piece.bytes > 0;
	        piece = stream_peek(&session->stream)) {
		struct view input = piece;
		const enum reply_news news = reply_read(&session->replies, &input, &reply);

		stream_consume(&session->stream, piece.bytes - input.bytes);
		if (news == REPLY_BAD) {
			load_fail(session->load, "the server sent what is no reply");
			session_lost(session);
		} else if (news == REPLY_READY) {
			session_reply(session, &reply);
		}
		if (session->step == LOAD_ENDING || session->step == LOAD_SECURE)
			return;
	}
}

static void session_reply(struct load_session *session, const struct reply *reply)
{
	struct load *load = session->load;

	/* The server closes the connection; what is in flight is told by that. */
	if (reply->code == 421) {
		session_lost(session);
		return;
	}
	if (session->step != LOAD_OPEN && reply->code >= 400) {
		load_fail(load, "the server greets with: %.*s", VIEW_ARGS(reply->whole));
		session_lost(session);
		return;
	}
	switch (session->step) {
	case LOAD_CONNECT:
		session_enter(session, LOAD_EHLO);
		session_send(session, VIEW("EHLO " LOAD_NAME "\r\n"));
		break;
	case LOAD_EHLO:
	case LOAD_EHLO_TLS:
		session_hello(session, reply);
		break;
	case LOAD_STARTTLS:
		session_enter(session, LOAD_SECURE);
		(void)stream_secure_client(&session->stream, load->settings.tls,
		        &(struct tls_peer){ .host = load->settings.tls_host });
		break;
	case LOAD_OPEN:
		session_flight_reply(session, reply);
		break;
	case LOAD_CLOSED:
	case LOAD_SECURE:
	case LOAD_ENDING:
		check(false);
	}
}

static void session_hello(struct load_session *session, const struct reply *reply)
{
	const struct load_settings *settings = &session->load->settings;
	struct capabilities offered = { 0 };

	capabilities_parse(reply->whole, &offered);
	if (session->step == LOAD_EHLO && settings->tls != NULL) {
		if (!offered.starttls)
			load_fail(session->load, "the server offers no STARTTLS");
		session_enter(session, LOAD_STARTTLS);
		session_send(session, VIEW("STARTTLS\r\n"));
		return;
	}
	if (settings->chunking && !offered.chunking)
		load_fail(session->load, "the server offers no CHUNKING");
	else if (!offered.pipelining && (settings->chunking || settings->window > 1))
		load_fail(session->load, "the server offers no PIPELINING");
	session->lockstep = !offered.pipelining;
	session_enter(session, LOAD_OPEN);
}

static void session_flight_reply(struct load_session *session, const struct reply *reply)
{
	const struct load_settings *settings = &session->load->settings;
	struct load_flight *flight = &session->flights[session->flight_first];

	if (session->flight_count == 0) {
		load_fail(session->load, "the server replied out of turn: %.*s",
		        VIEW_ARGS(reply->whole));
		session_lost(session);
		return;
	}
	if (reply->code >= 400 && flight->code == 0)
		flight->code = reply->code;
	session->answered++;
	const unsigned envelope = 1 + settings->recipients;
	if (session->answered <= envelope) {
		if (session->lockstep)
			session_next_line(session);
		return;
	}
	if (settings->chunking || session->answered > envelope + 1)
		session_landed(session, reply->code < 400 ? 0 : flight->code, reply->whole);
	else if (reply->code == 354)
		session_content(session, flight);
	else
		session_landed(session, flight->code, reply->whole);
}

/* The first message in flight has its answer. */
static void session_landed(struct load_session *session, int code, struct view reply)
{
	struct load *load = session->load;
	const struct load_flight flight = session->flights[session->flight_first];

	session->flight_first = (session->flight_first + 1) % LOAD_WINDOW_MAX;
	session->flight_count--;
	session->answered = 0;
	if (code >= 400 && code < 500) {
		session->paused = true;
		loop_timer_after(load->loop, &session->timer, LOAD_DEFER_PAUSE);
	}
	load_answered(load, &flight, code, reply);
}

static void session_lost(struct load_session *session)
{
	struct load *load = session->load;
	const uint64_t begun = stream_begun_total(&session->stream);

	if (session->step == LOAD_OPEN)
		load->account.losses++;
	while (session->flight_count > 0) {
		const struct load_flight *flight = &session->flights[session->flight_first];
		load_lost(load, flight, begun >= flight->ends_at);
		session->flight_first = (session->flight_first + 1) % LOAD_WINDOW_MAX;
		session->flight_count--;
	}
	session->answered = 0;
	loop_timer_stop(load->loop, &session->timer);
	session_enter(session, LOAD_ENDING);
	stream_abort(&session->stream);
}

static void session_send(struct load_session *session, struct view line)
{
	if (!stream_put(&session->stream, line))
		load_fail(session->load, "out of memory");
}

void load_session_fill(struct load_session *session)
{
	struct load *load = session->load;

	if (session->step != LOAD_OPEN || session->paused || link_is_linked(&session->link))
		return;
	while (session_has_room(session)) {
		uint64_t number;
		struct mono since;

		if (!load_take(load, &number, &since)) {
			list_push_last(&load->hungry, &session->link);
			return;
		}
		session_begin(session, number, since);
	}
}

/* With DATA the next envelope may follow the content of the one before, no sooner. */
static bool session_has_room(const struct load_session *session)
{
	const struct load *load = session->load;
	const unsigned count = session->flight_count;

	if (count == load->settings.window)
		return false;
	const unsigned last = (session->flight_first + count - 1) % LOAD_WINDOW_MAX;
	if (count > 0 && session->flights[last].ends_at == UINT64_MAX)
		return false;
	return stream_room_pieces(&session->stream) >= 4 &&
	       stream_room_bytes(&session->stream) >= load->envelope_bytes + load->header_bytes;
}

static void session_begin(struct load_session *session, uint64_t number, struct mono since)
{
	struct load *load = session->load;
	struct stream *stream = &session->stream;
	const unsigned at = (session->flight_first + session->flight_count) % LOAD_WINDOW_MAX;

	session->flight_count++;
	session->flights[at] =
	        (struct load_flight){ .number = number, .since = since, .ends_at = UINT64_MAX };
	if (load->settings.chunking)
		template_number(load, load->envelope, number);
	session->envelope_sent = 0;
	if (session->lockstep)
		session_next_line(session);
	else
		session_send(session, view_from(load->envelope, load->envelope_bytes));
	if (!load->settings.chunking)
		return;
	if (!stream_lend(stream, view_from(load->body, load->body_bytes)))
		load_fail(load, "out of memory");
	session->flights[at].ends_at = stream_queued_total(stream);
}

/* To a server without PIPELINING a line of the envelope goes when the one before was answered. */
static void session_next_line(struct load_session *session)
{
	const struct load *load = session->load;
	const struct view left =
	        view_skip(view_from(load->envelope, load->envelope_bytes), session->envelope_sent);
	const struct view line = view_first(left, view_find(left, '\n') + 1);

	session->envelope_sent += line.bytes;
	session_send(session, line);
}

static void session_content(struct load_session *session, struct load_flight *flight)
{
	struct load *load = session->load;

	template_number(load, load->header, flight->number);
	session_send(session, view_from(load->header, load->header_bytes));
	if (!stream_lend(&session->stream, view_from(load->body, load->body_bytes)))
		load_fail(load, "out of memory");
	flight->ends_at = stream_queued_total(&session->stream);
}

/* As LOAD_ID_FORMAT has them. */
static void template_number(const struct load *load, char *header, uint64_t number)
{
	char *at = header + load->number_at;

	stamp_digits(at, number, LOAD_NUMBER_DIGITS);
	stamp_digits(at + LOAD_NUMBER_DIGITS + 1, (uint64_t)load->stamps[number].ns, STAMP_DIGITS);
}
