#include "bench/mock_session.h"

#include "engine/wire/command.h"
#include "queue/base/check.h"

#include <stdarg.h>
#include <stdio.h>

#define MOCK_REPLY_BYTES_MAX 2048 /* the longest that we make, and a rule's text */

static void session_gone(struct mock_session *session);
static void session_read(struct mock_session *session);
static bool session_read_line(struct mock_session *session);
static bool session_read_data(struct mock_session *session);
static bool session_read_chunk(struct mock_session *session);
static void session_command(struct mock_session *session, struct view line);
static void session_hello(struct mock_session *session, const struct command *command);
static bool session_offers(const struct mock_session *session, enum mock_extension extension);
static void session_offer(
        const struct mock_session *session, enum mock_extension extension, struct text *text);
static void session_starttls(struct mock_session *session);
static void session_auth(struct mock_session *session, struct view arguments);
static void session_signin(struct mock_session *session, enum signin_news news);
static bool session_knows(const struct mock_session *session);
static void session_mail(struct mock_session *session, struct view arguments);
static void session_rcpt(struct mock_session *session, struct view arguments);
static void session_data(struct mock_session *session);
static void session_bdat(struct mock_session *session, struct view arguments);
static void session_chunk_end(struct mock_session *session);
static void session_body(struct mock_session *session, struct view piece);
static void session_message_begin(struct mock_session *session);
static void session_message_end(struct mock_session *session);
static bool session_message_refused(struct mock_session *session);
static void session_reset(struct mock_session *session);
static bool session_struck(
        struct mock_session *session, enum stage stage, struct view arguments, enum mock_end end);
static void session_drop(struct mock_session *session);
__attribute__((format(printf, 3, 4))) static void session_reply(
        struct mock_session *session, enum mock_end end, const char *format, ...);
static void session_queue(
        struct mock_session *session, enum mock_end end, int64_t extra_ns, struct view text);
static bool session_may_read(const struct mock_session *session);
static void session_flush(struct mock_session *session);
static void session_replied(struct mock_session *session, enum mock_end end);
static void session_due(struct timer *timer);

void mock_session_open(struct mock *mock, int fd)
{
	struct mock_session *session = pool_take(&mock->sessions);

	check(session != NULL);
	session->mock = mock;
	session->timer.expired = session_due;
	session->identity = mock_account_identity(&mock->account, VIEW("-"));
	stream_open(&session->stream, mock->loop, &mock->news, fd);
	list_push_last(&mock->live, &session->link);
	mock->account.connections++;
	if (session_struck(session, STAGE_CONNECT, VIEW(""), MOCK_END_CLOSE))
		session->state = MOCK_OVER;
	else
		session_reply(session, MOCK_END_NONE,
		        "220 " MOCK_HOST " Microsoft ESMTP MAIL Service ready [%08zX]",
		        pool_index(&mock->sessions, session));
	session_flush(session);
}

void mock_session_work(struct mock_session *session, unsigned what)
{
	if ((what & STREAM_GONE) != 0) {
		session_gone(session);
		return;
	}
	if ((what & STREAM_SECURED) != 0) {
		session->secure = true;
		session->mock->account.tls_connections++;
		session_reset(session);
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
		if (session->replies[session->reply_first].ends == MOCK_END_MESSAGE)
			session->identity->in_flight--;
		session->reply_first = (session->reply_first + 1) % MOCK_REPLIES_MAX;
	}
	if (session->waiting != NULL)
		shelf_give(mock->loop->shelf, MOVE(session->waiting));
	if (session->signin_memory != NULL)
		shelf_give(mock->loop->shelf, MOVE(session->signin_memory));
	list_remove(&mock->live, &session->link);
	pool_give(&mock->sessions, session);
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
			moved = session_read_data(session);
			break;
		case MOCK_BDAT:
			moved = session_read_chunk(session);
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
			session_reply(session, MOCK_END_CLOSE, "500 5.5.2 Line too long");
			session->state = MOCK_OVER;
			return false;
		}
		return input.bytes > 0 && stream_gather(&session->stream);
	}
	struct text line = TEXT_ON(copy);
	text_put(&line, view_first(input, end > 0 && input.data[end - 1] == '\r' ? end - 1 : end));
	stream_consume(&session->stream, end + 1);
	if (line.overflow) {
		session_reply(session, MOCK_END_NONE, "500 5.5.2 Line too long");
		return true;
	}
	if (session->state == MOCK_SIGNIN)
		session_signin(session, signin_server_feed(&session->signin, text_view(&line)));
	else
		session_command(session, text_view(&line));
	return true;
}

static void session_command(struct mock_session *session, struct view line)
{
	struct command command;
	const enum command_fault fault = command_parse(line, &command);

	if (fault != COMMAND_FAULT_NONE) {
		session_reply(session, MOCK_END_NONE, "500 5.3.3 Unrecognized command");
		return;
	}
	switch (command.verb) {
	case COMMAND_EHLO:
	case COMMAND_HELO:
		session_hello(session, &command);
		break;
	case COMMAND_STARTTLS:
		session_starttls(session);
		break;
	case COMMAND_AUTH:
		session_auth(session, command.arguments);
		break;
	case COMMAND_MAIL:
		session_mail(session, command.arguments);
		break;
	case COMMAND_RCPT:
		session_rcpt(session, command.arguments);
		break;
	case COMMAND_DATA:
		session_data(session);
		break;
	case COMMAND_BDAT:
		session_bdat(session, command.arguments);
		break;
	case COMMAND_RSET:
		session_reset(session);
		session_reply(session, MOCK_END_NONE, "250 2.0.0 Resetting");
		break;
	case COMMAND_NOOP:
		session_reply(session, MOCK_END_NONE, "250 2.0.0 OK");
		break;
	case COMMAND_QUIT:
		session_reply(
		        session, MOCK_END_CLOSE, "221 2.0.0 Service closing transmission channel");
		session->state = MOCK_OVER;
		break;
	default:
		session_reply(session, MOCK_END_NONE, "502 5.3.3 Command not implemented");
		break;
	}
}

static void session_hello(struct mock_session *session, const struct command *command)
{
	const struct mock_settings *settings = &session->mock->settings;
	char lines[MOCK_REPLY_BYTES_MAX];
	struct text text = TEXT_ON(lines);

	session_reset(session);
	if (session_struck(session, STAGE_EHLO, command->arguments, MOCK_END_NONE))
		return;
	if (command->verb == COMMAND_HELO) {
		session_reply(session, MOCK_END_NONE, "250 " MOCK_HOST " Hello [127.0.0.1]");
		return;
	}
	text_format(&text, "250-" MOCK_HOST " Hello [127.0.0.1]\r\n250-SIZE %llu\r\n",
	        (unsigned long long)settings->size_max);
	for (int i = 0; i < MOCK_EXTENSION_COUNT; i++)
		if (session_offers(session, (enum mock_extension)i))
			session_offer(session, (enum mock_extension)i, &text);
	check(!text.overflow);
	/* The last line has a space where the others have a hyphen. */
	size_t last = text.bytes - 2;
	while (last > 0 && lines[last - 1] != '\n')
		last--;
	lines[last + 3] = ' ';
	session_queue(session, MOCK_END_NONE, 0, text_view(&text));
}

static bool session_offers(const struct mock_session *session, enum mock_extension extension)
{
	const struct mock_settings *settings = &session->mock->settings;
	const bool open = settings->tls != NULL && !session->secure; /* still in the open */

	if (settings->lacks[extension])
		return false;
	if (extension == MOCK_STARTTLS)
		return open;
	return extension != MOCK_AUTH || (settings->mechanisms != 0 && !open);
}

static void session_offer(
        const struct mock_session *session, enum mock_extension extension, struct text *text)
{
	static const char *const words[] = {
#define X(name, word) [MOCK_##name] = word,
		MOCK_EXTENSIONS(X)
#undef X
	};

	text_format(text, "250-%s", words[extension]);
	for (unsigned i = SIGNIN_NONE + 1; extension == MOCK_AUTH && i < SIGNIN_MECHANISM_COUNT;
	        i++)
		if ((session->mock->settings.mechanisms & SIGNIN_BIT(i)) != 0)
			text_format(text, " %s", signin_mechanism_name((enum signin_mechanism)i));
	text_put(text, VIEW("\r\n"));
}

static void session_starttls(struct mock_session *session)
{
	if (session->mock->settings.tls == NULL || session->mock->settings.lacks[MOCK_STARTTLS]) {
		session_reply(session, MOCK_END_NONE, "502 5.3.3 Command not implemented");
		return;
	}
	if (session->secure) {
		session_reply(session, MOCK_END_NONE,
		        "503 5.5.2 Only one STARTTLS command can be issued per session");
		return;
	}
	if (session_struck(session, STAGE_STARTTLS, VIEW(""), MOCK_END_NONE))
		return;
	session_reply(session, MOCK_END_STARTTLS, "220 2.0.0 SMTP server ready");
	session->state = MOCK_OVER; /* until the reply is out and TLS begins */
}

static void session_auth(struct mock_session *session, struct view arguments)
{
	const struct mock_settings *settings = &session->mock->settings;
	struct command_auth auth;

	if (command_auth_parse(arguments, &auth) != COMMAND_FAULT_NONE ||
	        (settings->mechanisms & SIGNIN_BIT(auth.mechanism)) == 0 ||
	        (!session->secure && settings->tls != NULL)) {
		session_reply(session, MOCK_END_NONE,
		        "504 5.7.4 Unrecognized authentication type [" MOCK_HOST "]");
		return;
	}
	session->signin_memory = shelf_take(session->mock->loop->shelf);
	if (session->signin_memory == NULL) {
		session_reply(session, MOCK_END_NONE, "454 4.7.0 Temporary authorization failure");
		return;
	}
	const struct span memory = { session->signin_memory->data, SIGNIN_LINE_MAX };
	session_signin(session, signin_server_start(&session->signin, auth.mechanism, memory,
	                                auth.has_initial, auth.initial));
}

static void session_signin(struct mock_session *session, enum signin_news news)
{
	session->state = MOCK_COMMAND;
	switch (news) {
	case SIGNIN_CHALLENGE:
		session->state = MOCK_SIGNIN;
		session_reply(
		        session, MOCK_END_NONE, "334 %.*s", VIEW_ARGS(session->signin.challenge));
		return;
	case SIGNIN_CANCELLED:
	case SIGNIN_BAD:
		session_reply(session, MOCK_END_NONE, "501 5.5.4 Authentication cancelled");
		break;
	case SIGNIN_DONE:
		if (session_struck(session, STAGE_AUTH, session->signin.user, MOCK_END_NONE))
			break;
		if (!session_knows(session)) {
			session_reply(session, MOCK_END_NONE,
			        "535 5.7.3 Authentication unsuccessful [" MOCK_HOST "]");
			break;
		}
		session->signed_in = true;
		session->identity =
		        mock_account_identity(&session->mock->account, session->signin.user);
		session->identity->signins++;
		session_reply(session, MOCK_END_NONE, "235 2.7.0 Authentication successful");
		break;
	}
	memset(session->signin_memory->data, 0, SIGNIN_LINE_MAX);
	shelf_give(session->mock->loop->shelf, MOVE(session->signin_memory));
}

static bool session_knows(const struct mock_session *session)
{
	const struct mock_settings *settings = &session->mock->settings;

	for (size_t i = 0; i < settings->user_count; i++) {
		const struct view user = view_of(settings->users[i]);
		const size_t colon = view_find(user, ':');
		if (view_equal_fold(view_first(user, colon), session->signin.user) &&
		        view_equal(view_skip(user, colon + 1), session->signin.password))
			return true;
	}
	return settings->user_count == 0;
}

static void session_mail(struct mock_session *session, struct view arguments)
{
	const struct mock *mock = session->mock;
	struct command_mail mail;

	if (session->has_mail) {
		session_reply(session, MOCK_END_NONE, "503 5.5.2 Sender already specified");
		return;
	}
	if (mock->settings.submission && mock->settings.tls != NULL && !session->secure) {
		session_reply(session, MOCK_END_NONE,
		        "451 5.7.3 STARTTLS is required to send mail [" MOCK_HOST "]");
		return;
	}
	if (mock->settings.submission && !session->signed_in) {
		session_reply(session, MOCK_END_NONE,
		        "530 5.7.57 Client not authenticated to send mail. [" MOCK_HOST "]");
		return;
	}
	if (command_mail_parse(arguments, &mail) != COMMAND_FAULT_NONE) {
		session_reply(session, MOCK_END_NONE, "501 5.1.7 Invalid address");
		return;
	}
	if (mail.has_size && mail.size > mock->settings.size_max) {
		session_reply(session, MOCK_END_NONE,
		        "552 5.3.4 Message size exceeds fixed maximum message size");
		return;
	}
	if (session_struck(session, STAGE_MAIL, arguments, MOCK_END_NONE))
		return;
	session->has_mail = true;
	session->null_sender = mail.is_null;
	session->recipients = 0;
	session_reply(session, MOCK_END_NONE, "250 2.1.0 Sender OK");
}

static void session_rcpt(struct mock_session *session, struct view arguments)
{
	struct command_rcpt rcpt;

	if (!session->has_mail) {
		session_reply(session, MOCK_END_NONE, "503 5.5.2 Need mail command");
		return;
	}
	if (session->recipients == MOCK_RECIPIENTS_MAX) {
		session_reply(session, MOCK_END_NONE, "452 4.5.3 Too many recipients");
		return;
	}
	if (command_rcpt_parse(arguments, true, &rcpt) != COMMAND_FAULT_NONE) {
		session_reply(session, MOCK_END_NONE, "501 5.1.3 Invalid address");
		return;
	}
	if (session_struck(session, STAGE_RCPT, arguments, MOCK_END_NONE))
		return;
	session->recipients++;
	session_reply(session, MOCK_END_NONE, "250 2.1.5 Recipient OK");
}

static void session_data(struct mock_session *session)
{
	if (!session->has_mail || session->recipients == 0 || session->chunking) {
		session_reply(session, MOCK_END_NONE, "503 5.5.2 Need rcpt command");
		return;
	}
	if (session_struck(session, STAGE_DATA, VIEW(""), MOCK_END_NONE))
		return;
	session_message_begin(session);
	eod_init(&session->eod, ENDINGS_REFUSE);
	session->state = MOCK_DATA;
	session_reply(session, MOCK_END_NONE, "354 Start mail input; end with <CRLF>.<CRLF>");
}

static bool session_read_data(struct mock_session *session)
{
	const struct view all = stream_peek(&session->stream);
	struct view input = all;
	struct view piece;
	enum eod_news news;

	if (all.bytes == 0)
		return false;
	while ((news = eod_read(&session->eod, &input, &piece)) == EOD_PIECE)
		session_body(session, piece);
	stream_consume(&session->stream, all.bytes - input.bytes);
	if (news != EOD_END)
		return true;
	session->state = MOCK_COMMAND;
	if (eod_is_refused(&session->eod)) {
		session_reply(session, MOCK_END_NONE,
		        "554 5.6.0 Invalid message content, contains bare linefeeds");
		session_reset(session);
	} else {
		session_message_end(session);
	}
	return true;
}

static void session_bdat(struct mock_session *session, struct view arguments)
{
	struct command_bdat bdat;

	if (session->mock->settings.lacks[MOCK_CHUNKING] ||
	        command_bdat_parse(arguments, &bdat) != COMMAND_FAULT_NONE) {
		session_reply(session, MOCK_END_NONE, "501 5.5.4 Invalid arguments");
		return;
	}
	session->chunk_left = bdat.bytes;
	session->chunk_last = bdat.last;
	session->chunk_skip = !session->has_mail || session->recipients == 0;
	if (!session->chunk_skip && !session->chunking) {
		session->chunking = true;
		session_message_begin(session);
	}
	session->state = MOCK_BDAT;
	if (session->chunk_left == 0)
		session_chunk_end(session);
}

static bool session_read_chunk(struct mock_session *session)
{
	const struct view input = stream_peek(&session->stream);

	if (input.bytes == 0)
		return false;
	const struct view piece = view_first(input,
	        session->chunk_left < input.bytes ? (size_t)session->chunk_left : input.bytes);
	if (!session->chunk_skip)
		session_body(session, piece);
	stream_consume(&session->stream, piece.bytes);
	session->chunk_left -= piece.bytes;
	if (session->chunk_left == 0)
		session_chunk_end(session);
	return true;
}

static void session_chunk_end(struct mock_session *session)
{
	session->state = MOCK_COMMAND;
	if (session->chunk_skip)
		session_reply(session, MOCK_END_NONE,
		        session->has_mail ? "503 5.5.2 Need rcpt command"
		                          : "503 5.5.2 Need mail command");
	else if (session->chunk_last)
		session_message_end(session);
	else
		session_reply(session, MOCK_END_NONE, "250 2.0.0 OK");
}

static void session_message_begin(struct mock_session *session)
{
	header_init(&session->header);
	session->message_bytes = 0;
}

/* Only the header is looked at: the mock must not be what a benchmark measures. */
static void session_body(struct mock_session *session, struct view piece)
{
	session->message_bytes += piece.bytes;
	if (!session->header.ended)
		header_feed(&session->header, piece);
}

static void session_message_end(struct mock_session *session)
{
	struct mock *mock = session->mock;
	const struct header *header = &session->header;
	char taken[MOCK_REPLY_BYTES_MAX];
	struct text text = TEXT_ON(taken);

	header_finish(&session->header);
	const struct view id = view_from(header->message_id, header->message_id_bytes);
	session->identity->in_flight++;
	if (session->identity->in_flight > session->identity->in_flight_max)
		session->identity->in_flight_max = session->identity->in_flight;
	if (session_message_refused(session)) {
		session->identity->refused++;
		session_reset(session);
		return;
	}
	const struct mock_rule *rule =
	        mock_script_roll(&mock->script, &mock->random, STAGE_EOD, id);
	if (rule != NULL && rule->drop == MOCK_DROP_BEFORE) {
		mock->account.drops_before++;
		session->identity->in_flight--;
		session_drop(session);
		return;
	}
	if (rule != NULL && rule->drop == MOCK_DROP_NONE) {
		mock->account.refused++;
		session->identity->refused++;
		session_reply(session, MOCK_END_MESSAGE, "%s", rule->reply);
		session_reset(session);
		return;
	}
	mock_account_take(&mock->account, session->identity, id, session->recipients,
	        session->message_bytes, loop_now(mock->loop));
	if (rule != NULL) {
		mock->account.drops_after++;
		session->identity->in_flight--;
		session_drop(session);
		return;
	}
	if (mock->settings.submission)
		text_format(
		        &text, "250 2.0.0 OK %.*s [Hostname=" MOCK_BACKEND "]\r\n", VIEW_ARGS(id));
	else
		text_format(&text,
		        "250 2.6.0 %.*s [InternalId=%llu, Hostname=" MOCK_BACKEND
		        "] %llu bytes in 0.105, %llu.000 KB/sec Queued mail for delivery\r\n",
		        VIEW_ARGS(id), (unsigned long long)mock->account.messages,
		        (unsigned long long)session->message_bytes,
		        (unsigned long long)session->message_bytes / 105);
	session_queue(session, MOCK_END_MESSAGE, mock->settings.work_ns, text_view(&text));
	session_reset(session);
}

/* What the service itself refuses at the end of data; true: it did. */
static bool session_message_refused(struct mock_session *session)
{
	const struct mock_settings *settings = &session->mock->settings;
	const char *reply = NULL;

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
	else if (settings->submission && session->null_sender)
		reply = "550 5.7.60 SMTP; Client does not have permissions to send as this sender "
		        "[" MOCK_BACKEND "]";
	if (reply == NULL)
		return false;
	session->mock->account.refused++;
	session_reply(session, MOCK_END_MESSAGE, "%s", reply);
	return true;
}

static void session_reset(struct mock_session *session)
{
	session->has_mail = false;
	session->null_sender = false;
	session->chunking = false;
	session->recipients = 0;
}

/* True: a rule struck, and its reply (or none) stands for the real one. */
static bool session_struck(
        struct mock_session *session, enum stage stage, struct view arguments, enum mock_end end)
{
	struct mock *mock = session->mock;
	const struct mock_rule *rule =
	        mock_script_roll(&mock->script, &mock->random, stage, arguments);

	if (rule == NULL)
		return false;
	if (rule->drop != MOCK_DROP_NONE) {
		mock->account.drops_before++;
		session_drop(session);
	} else {
		mock->account.refused++;
		session_reply(session, end, "%s", rule->reply);
	}
	return true;
}

/* The connection ends here, behind the replies that are due before. */
static void session_drop(struct mock_session *session)
{
	session_queue(session, MOCK_END_ABORT, 0, VIEW(""));
	session->state = MOCK_OVER;
}

static void session_reply(struct mock_session *session, enum mock_end end, const char *format, ...)
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
	session_queue(session, end, 0, view_from(line, (size_t)bytes + 2));
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
		check(session->identity->in_flight > 0);
		session->identity->in_flight--;
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

static void session_due(struct timer *timer)
{
	struct mock_session *session = container_of(timer, struct mock_session, timer);

	session_flush(session);
	session_read(session);
	session_flush(session);
}
