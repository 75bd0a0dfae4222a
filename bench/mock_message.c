#include "bench/mock_message.h"

#include "queue/base/check.h"

static void message_body(struct mock_session *session, struct view piece);
static void message_end(struct mock_session *session);
static void message_take(struct mock_session *session, const struct mock_rule *rule);
static void message_thank(const struct mock_session *session, struct view id, struct text *text);
static bool message_refused(struct mock_session *session);

void mock_message_begin(struct mock_session *session)
{
	header_init(&session->header);
	session->message_bytes = 0;
}

bool mock_message_read_data(struct mock_session *session)
{
	const struct view all = stream_peek(&session->stream);
	struct view input = all;
	struct view piece;
	enum eod_news news;

	if (all.bytes == 0)
		return false;
	while ((news = eod_read(&session->eod, &input, &piece)) == EOD_PIECE)
		message_body(session, piece);
	stream_consume(&session->stream, all.bytes - input.bytes);
	if (news != EOD_END)
		return true;
	session->state = MOCK_COMMAND;
	if (eod_is_refused(&session->eod)) {
		mock_session_reply(session, MOCK_END_NONE,
		        "554 5.6.0 Invalid message content, contains bare linefeeds");
		mock_session_reset(session);
	} else {
		message_end(session);
	}
	return true;
}

bool mock_message_read_chunk(struct mock_session *session)
{
	const struct view input = stream_peek(&session->stream);

	if (input.bytes == 0)
		return false;
	const struct view piece = view_first(input,
	        session->chunk_left < input.bytes ? (size_t)session->chunk_left : input.bytes);
	if (!session->chunk_skip)
		message_body(session, piece);
	stream_consume(&session->stream, piece.bytes);
	session->chunk_left -= piece.bytes;
	if (session->chunk_left == 0)
		mock_message_end_chunk(session);
	return true;
}

void mock_message_end_chunk(struct mock_session *session)
{
	session->state = MOCK_COMMAND;
	if (session->chunk_skip)
		mock_session_reply(session, MOCK_END_NONE,
		        session->has_mail ? "503 5.5.2 Need rcpt command"
		                          : "503 5.5.2 Need mail command");
	else if (session->chunk_last)
		message_end(session);
	else
		mock_session_reply(session, MOCK_END_NONE, "250 2.0.0 OK");
}

/* Only the header is looked at: the mock must not be what a benchmark measures. */
static void message_body(struct mock_session *session, struct view piece)
{
	session->message_bytes += piece.bytes;
	if (session->visit != NULL && !session->header.ended)
		mock_letter_feed(&session->visit->letter, piece);
	if (!session->header.ended)
		header_feed(&session->header, piece);
}

static void message_end(struct mock_session *session)
{
	struct mock *mock = session->mock;
	const struct header *header = &session->header;

	header_finish(&session->header);
	const struct view id = view_from(header->message_id, header->message_id_bytes);
	session->identity->in_flight++;
	if (session->identity->in_flight > session->identity->in_flight_max)
		session->identity->in_flight_max = session->identity->in_flight;
	if (message_refused(session)) {
		session->identity->refused++;
		mock_session_reset(session);
		return;
	}
	const struct mock_rule *rule =
	        mock_script_roll(&mock->script, &mock->random, STAGE_EOD, id);
	if (rule != NULL && mock_session_lies(session, rule))
		rule = NULL;
	if (rule != NULL && rule->drop == MOCK_DROP_BEFORE) {
		mock->account.drops_before++;
		mock_session_lose(session, false);
		mock_session_drop(session);
	} else if (rule != NULL && rule->drop == MOCK_DROP_NONE) {
		session->identity->refused++;
		mock_session_rule(session, rule, MOCK_END_MESSAGE);
	} else {
		message_take(session, rule);
	}
	mock_session_reset(session);
}

/* `rule`: drops the connection instead of the reply; or NULL. */
static void message_take(struct mock_session *session, const struct mock_rule *rule)
{
	struct mock *mock = session->mock;
	struct loop *loop = mock->loop;
	const struct view id =
	        view_from(session->header.message_id, session->header.message_id_bytes);
	char taken[MOCK_REPLY_BYTES_MAX];
	struct text text = TEXT_ON(taken);
	int64_t extra_ns = mock->settings.work_ns;
	bool slot = false;

	if (mock->settings.work_spread > 0)
		extra_ns += (int64_t)((double)extra_ns * mock->settings.work_spread *
		                      (2 * random_unit(&mock->random) - 1));
	if (mock->settings.observer != NULL)
		mock->settings.observer->message(mock->settings.observer, session, id);
	mock_account_take(&mock->account, session->identity, id, session->recipients,
	        session->message_bytes, loop_now(loop));
	if (session->visit != NULL) {
		slot = mock_visit_take(session->visit, loop_now(loop), loop_wall(loop));
		extra_ns += mock_visit_delay_ns(session->visit, MOCK_SAYS_NOTHING);
	}
	if (rule != NULL) {
		mock->account.drops_after++;
		mock_session_lose(session, slot);
		mock_session_drop(session);
		return;
	}
	message_thank(session, id, &text);
	mock_session_queue(
	        session, slot ? MOCK_END_TAKEN : MOCK_END_MESSAGE, extra_ns, text_view(&text));
}

static void message_thank(const struct mock_session *session, struct view id, struct text *text)
{
	const struct mock *mock = session->mock;
	char room[64];
	struct text host = TEXT_ON(room);

	if (session->visit == NULL)
		text_put(&host, VIEW(MOCK_BACKEND));
	else
		mock_visit_put_host(session->visit, &host);
	if (mock_interface_facts(mock->settings.interface)->signs_in)
		text_format(text, "250 2.0.0 OK %.*s [Hostname=%.*s]\r\n", VIEW_ARGS(id),
		        VIEW_ARGS(text_view(&host)));
	else
		text_format(text,
		        "250 2.6.0 %.*s [InternalId=%llu, Hostname=%.*s] %llu bytes in 0.105, "
		        "%llu.000 KB/sec Queued mail for delivery\r\n",
		        VIEW_ARGS(id), (unsigned long long)mock->account.messages,
		        VIEW_ARGS(text_view(&host)), (unsigned long long)session->message_bytes,
		        (unsigned long long)session->message_bytes / 105);
}

/* What the service itself refuses at the end of data; true: it did. */
static bool message_refused(struct mock_session *session)
{
	const struct mock_settings *settings = &session->mock->settings;
	const char *reply = NULL;

	if (session->visit != NULL &&
	        mock_session_says(session,
	                mock_visit_end(session->visit, loop_now(session->mock->loop)),
	                MOCK_END_MESSAGE))
		return true;
	if (session->message_bytes > settings->size_max)
		reply = "552 5.3.4 Message size exceeds fixed maximum message size";
	else if (settings->connections_max > 0 &&
	         session->identity->in_flight > settings->connections_max)
		reply = "432 4.3.2 Concurrent connections limit exceeded. Visit "
		        "https://aka.ms/concurrent_sending for more information. "
		        "[Hostname=" MOCK_BACKEND "]";
	else if (settings->messages_minute_max > 0 &&
	         session->identity->minute_messages >= settings->messages_minute_max &&
	         loop_now(session->mock->loop).ns - session->identity->minute.ns < 60 * NS_PER_S)
		reply = "450 4.5.127 Message rejected. Excessive message rate from sender. For "
		        "more "
		        "information see https://aka.ms/EXOSmtpErrors.";
	else if (session->visit == NULL && session->null_sender &&
	         mock_interface_facts(settings->interface)->signs_in)
		reply = "550 5.7.60 SMTP; Client does not have permissions to send as this sender "
		        "[" MOCK_BACKEND "]";
	if (reply == NULL)
		return false;
	session->mock->account.refused++;
	mock_session_reply(session, MOCK_END_MESSAGE, "%s", reply);
	return true;
}
