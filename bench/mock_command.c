#include "bench/mock_command.h"

#include "bench/mock_message.h"
#include "engine/wire/command.h"
#include "queue/base/check.h"

static void command_hello(struct mock_session *session, const struct command *command);
static void command_greet(const struct mock_session *session, struct text *text);
static bool command_offers(const struct mock_session *session, enum mock_extension extension);
static void command_offer(
        const struct mock_session *session, enum mock_extension extension, struct text *text);
static void command_starttls(struct mock_session *session);
static void command_auth(struct mock_session *session, struct view arguments);
static void command_judge_signin(struct mock_session *session);
static void command_learn_token(struct mock_session *session);
static bool command_takes_token(const struct mock_session *session);
static bool command_knows(const struct mock_session *session);
static void command_mail(struct mock_session *session, struct view arguments);
static void command_rcpt(struct mock_session *session, struct view arguments);
static void command_data(struct mock_session *session);
static void command_bdat(struct mock_session *session, struct view arguments);

void mock_command(struct mock_session *session, struct view line)
{
	struct command command;
	const enum command_fault fault = command_parse(line, &command);

	if (fault != COMMAND_FAULT_NONE) {
		mock_session_reply(session, MOCK_END_NONE, "500 5.3.3 Unrecognized command");
		return;
	}
	switch (command.verb) {
	case COMMAND_EHLO:
	case COMMAND_HELO:
		command_hello(session, &command);
		break;
	case COMMAND_STARTTLS:
		command_starttls(session);
		break;
	case COMMAND_AUTH:
		command_auth(session, command.arguments);
		break;
	case COMMAND_MAIL:
		command_mail(session, command.arguments);
		break;
	case COMMAND_RCPT:
		command_rcpt(session, command.arguments);
		break;
	case COMMAND_DATA:
		command_data(session);
		break;
	case COMMAND_BDAT:
		command_bdat(session, command.arguments);
		break;
	case COMMAND_RSET:
		mock_session_reset(session);
		mock_session_reply(session, MOCK_END_NONE, "250 2.0.0 Resetting");
		break;
	case COMMAND_NOOP:
		mock_session_reply(session, MOCK_END_NONE, "250 2.0.0 OK");
		break;
	case COMMAND_QUIT:
		mock_session_leave(session);
		mock_session_reply(
		        session, MOCK_END_CLOSE, "221 2.0.0 Service closing transmission channel");
		session->state = MOCK_OVER;
		break;
	default:
		mock_session_reply(session, MOCK_END_NONE, "502 5.3.3 Command not implemented");
		break;
	}
}

static void command_hello(struct mock_session *session, const struct command *command)
{
	const struct mock_settings *settings = &session->mock->settings;
	char lines[MOCK_REPLY_BYTES_MAX];
	struct text text = TEXT_ON(lines);

	mock_session_reset(session);
	if (mock_session_struck(session, STAGE_EHLO, command->arguments, MOCK_END_NONE))
		return;
	text_put(&text, command->verb == COMMAND_HELO ? VIEW("250 ") : VIEW("250-"));
	command_greet(session, &text);
	if (command->verb == COMMAND_HELO) {
		mock_session_queue(session, MOCK_END_NONE, 0, text_view(&text));
		return;
	}
	text_format(&text, "250-SIZE %llu\r\n", (unsigned long long)settings->size_max);
	for (int i = 0; i < MOCK_EXTENSION_COUNT; i++)
		if (command_offers(session, (enum mock_extension)i))
			command_offer(session, (enum mock_extension)i, &text);
	check(!text.overflow);
	/* The last line has a space where the others have a hyphen. */
	size_t last = text.bytes - 2;
	while (last > 0 && lines[last - 1] != '\n')
		last--;
	lines[last + 3] = ' ';
	mock_session_queue(session, MOCK_END_NONE, 0, text_view(&text));
}

static void command_greet(const struct mock_session *session, struct text *text)
{
	if (session->visit == NULL) {
		text_put(text, VIEW(MOCK_HOST " Hello [127.0.0.1]\r\n"));
		return;
	}
	mock_host_put_public(text, &session->visit->front);
	text_put(text, VIEW(" Hello ["));
	endpoint_format_address(text, &session->visit->peer);
	text_put(text, VIEW("]\r\n"));
}

static bool command_offers(const struct mock_session *session, enum mock_extension extension)
{
	const struct mock_settings *settings = &session->mock->settings;
	const bool open = settings->tls != NULL && !session->secure; /* still in the open */

	if (settings->lacks[extension])
		return false;
	if (extension == MOCK_STARTTLS)
		return open;
	return extension != MOCK_AUTH || (settings->mechanisms != 0 && !open);
}

static void command_offer(
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

static void command_starttls(struct mock_session *session)
{
	if (session->mock->settings.tls == NULL || session->mock->settings.lacks[MOCK_STARTTLS]) {
		mock_session_reply(session, MOCK_END_NONE, "502 5.3.3 Command not implemented");
		return;
	}
	if (session->secure) {
		mock_session_reply(session, MOCK_END_NONE,
		        "503 5.5.2 Only one STARTTLS command can be issued per session");
		return;
	}
	if (mock_session_struck(session, STAGE_STARTTLS, VIEW(""), MOCK_END_NONE))
		return;
	mock_session_reply(session, MOCK_END_STARTTLS, "220 2.0.0 SMTP server ready");
	session->state = MOCK_OVER; /* until the reply is out and TLS begins */
}

static void command_auth(struct mock_session *session, struct view arguments)
{
	const struct mock_settings *settings = &session->mock->settings;
	struct command_auth auth;

	if (session->signed_in || session->has_mail) {
		mock_session_reply(session, MOCK_END_NONE, "503 5.5.1 Bad sequence of commands");
		return;
	}
	if (command_auth_parse(arguments, &auth) != COMMAND_FAULT_NONE ||
	        (settings->mechanisms & SIGNIN_BIT(auth.mechanism)) == 0 ||
	        (!session->secure && settings->tls != NULL)) {
		mock_session_reply(session, MOCK_END_NONE,
		        "504 5.7.4 Unrecognized authentication type [" MOCK_HOST "]");
		return;
	}
	session->signin_memory = shelf_take(session->mock->loop->shelf);
	if (session->signin_memory == NULL) {
		mock_session_reply(
		        session, MOCK_END_NONE, "454 4.7.0 Temporary authorization failure");
		return;
	}
	const struct span memory = { session->signin_memory->data, SIGNIN_LINE_MAX };
	mock_command_signin(session, signin_server_start(&session->signin, auth.mechanism, memory,
	                                     auth.has_initial, auth.initial));
}

void mock_command_signin(struct mock_session *session, enum signin_news news)
{
	session->state = MOCK_COMMAND;
	switch (news) {
	case SIGNIN_CHALLENGE:
		session->state = MOCK_SIGNIN;
		mock_session_reply(
		        session, MOCK_END_NONE, "334 %.*s", VIEW_ARGS(session->signin.challenge));
		return;
	case SIGNIN_CANCELLED:
	case SIGNIN_BAD:
		mock_session_reply(session, MOCK_END_NONE, "501 5.5.4 Authentication cancelled");
		break;
	case SIGNIN_DONE:
		command_judge_signin(session);
		break;
	}
	memset(session->signin_memory->data, 0, SIGNIN_LINE_MAX);
	shelf_give(session->mock->loop->shelf, MOVE(session->signin_memory));
}

static void command_judge_signin(struct mock_session *session)
{
	const struct signin_server *signin = &session->signin;

	if (mock_session_struck(session, STAGE_AUTH, signin->user, MOCK_END_NONE))
		return;
	command_learn_token(session);
	if (session->visit != NULL) {
		if (mock_session_says(session,
		            mock_visit_signin(session->visit, signin->mechanism, signin->user,
		                    signin->password, loop_now(session->mock->loop)),
		            MOCK_END_NONE))
			return;
	} else if (!command_knows(session)) {
		mock_session_reply(session, MOCK_END_NONE,
		        "535 5.7.3 Authentication unsuccessful [" MOCK_HOST "]");
		return;
	}
	session->signed_in = true;
	session->identity = mock_account_identity(&session->mock->account, signin->user);
	session->identity->signins++;
	mock_session_reply(session, MOCK_END_NONE, "235 2.7.0 Authentication successful");
}

/* Where there is a token endpoint, it alone says which token is a tenant's mailbox's own. */
static void command_learn_token(struct mock_session *session)
{
	const struct mock_settings *settings = &session->mock->settings;
	const struct signin_server *signin = &session->signin;

	if (settings->tokens == NULL || session->visit == NULL ||
	        signin->mechanism != SIGNIN_XOAUTH2)
		return;
	struct mock_mailbox *mailbox = mock_tenant_mailbox(settings->tenant, signin->user);
	if (mailbox == NULL)
		return;
	const bool right = command_takes_token(session);
	mock_mailbox_set_token(mailbox, right ? signin->password : VIEW(""), MONO_NEVER);
}

static bool command_takes_token(const struct mock_session *session)
{
	const struct mock *mock = session->mock;

	return mock_token_accepts(mock->settings.tokens, session->signin.user,
	        session->signin.password, loop_wall(mock->loop).ms / 1000);
}

static bool command_knows(const struct mock_session *session)
{
	const struct mock_settings *settings = &session->mock->settings;

	if (settings->tokens != NULL && session->signin.mechanism == SIGNIN_XOAUTH2)
		return command_takes_token(session);
	for (size_t i = 0; i < settings->user_count; i++) {
		const struct view user = view_of(settings->users[i]);
		const size_t colon = view_find(user, ':');
		if (view_equal_fold(view_first(user, colon), session->signin.user) &&
		        view_equal(view_skip(user, colon + 1), session->signin.password))
			return true;
	}
	return settings->user_count == 0;
}

static void command_mail(struct mock_session *session, struct view arguments)
{
	const struct mock *mock = session->mock;
	const bool signs_in = mock_interface_facts(mock->settings.interface)->signs_in;
	struct command_mail mail;

	if (session->has_mail) {
		mock_session_reply(session, MOCK_END_NONE, "503 5.5.2 Sender already specified");
		return;
	}
	if (signs_in && mock->settings.tls != NULL && !session->secure) {
		mock_session_reply(session, MOCK_END_NONE,
		        "451 5.7.3 STARTTLS is required to send mail [" MOCK_HOST "]");
		return;
	}
	if (signs_in && !session->signed_in) {
		mock_session_reply(session, MOCK_END_NONE,
		        "530 5.7.57 Client not authenticated to send mail. [" MOCK_HOST "]");
		return;
	}
	if (command_mail_parse(arguments, &mail) != COMMAND_FAULT_NONE) {
		mock_session_reply(session, MOCK_END_NONE, "501 5.1.7 Invalid address");
		return;
	}
	if (mail.has_size && mail.size > mock->settings.size_max) {
		mock_session_reply(session, MOCK_END_NONE,
		        "552 5.3.4 Message size exceeds fixed maximum message size");
		return;
	}
	if (session->visit != NULL &&
	        mock_session_says(session,
	                mock_visit_mail(session->visit, &mail, loop_now(mock->loop)),
	                MOCK_END_NONE))
		return;
	if (mock_session_struck(session, STAGE_MAIL, arguments, MOCK_END_NONE)) {
		mock_session_reset(session);
		return;
	}
	session->has_mail = true;
	session->null_sender = mail.is_null;
	session->recipients = 0;
	mock_session_reply(session, MOCK_END_NONE, "250 2.1.0 Sender OK");
}

static void command_rcpt(struct mock_session *session, struct view arguments)
{
	const struct mono now = loop_now(session->mock->loop);
	struct command_rcpt rcpt;

	if (!session->has_mail) {
		mock_session_reply(session, MOCK_END_NONE, "503 5.5.2 Need mail command");
		return;
	}
	if (session->recipients == MOCK_RECIPIENTS_MAX) {
		mock_session_reply(session, MOCK_END_NONE, "452 4.5.3 Too many recipients");
		return;
	}
	if (command_rcpt_parse(arguments, true, &rcpt) != COMMAND_FAULT_NONE) {
		mock_session_reply(session, MOCK_END_NONE, "501 5.1.3 Invalid address");
		return;
	}
	if (session->visit != NULL &&
	        mock_session_says(session, mock_visit_rcpt(session->visit, &rcpt.recipient, now),
	                MOCK_END_NONE))
		return;
	if (mock_session_struck(session, STAGE_RCPT, arguments, MOCK_END_NONE))
		return;
	if (session->visit != NULL)
		mock_visit_rcpt_take(session->visit, &rcpt.recipient, now);
	struct mock_observer *observer = session->mock->settings.observer;
	if (observer != NULL)
		observer->recipient(observer, session, arguments);
	session->recipients++;
	mock_session_reply(session, MOCK_END_NONE, "250 2.1.5 Recipient OK");
}

static void command_data(struct mock_session *session)
{
	if (!session->has_mail || session->recipients == 0 || session->chunking) {
		mock_session_reply(session, MOCK_END_NONE, "503 5.5.2 Need rcpt command");
		return;
	}
	if (mock_session_struck(session, STAGE_DATA, VIEW(""), MOCK_END_NONE))
		return;
	mock_message_begin(session);
	eod_init(&session->eod, ENDINGS_REFUSE);
	session->state = MOCK_DATA;
	mock_session_reply(session, MOCK_END_NONE, "354 Start mail input; end with <CRLF>.<CRLF>");
}

static void command_bdat(struct mock_session *session, struct view arguments)
{
	struct command_bdat bdat;

	if (session->mock->settings.lacks[MOCK_CHUNKING] ||
	        command_bdat_parse(arguments, &bdat) != COMMAND_FAULT_NONE) {
		mock_session_reply(session, MOCK_END_NONE, "501 5.5.4 Invalid arguments");
		return;
	}
	session->chunk_left = bdat.bytes;
	session->chunk_last = bdat.last;
	session->chunk_skip = !session->has_mail || session->recipients == 0;
	if (!session->chunk_skip && !session->chunking) {
		session->chunking = true;
		mock_message_begin(session);
	}
	session->state = MOCK_BDAT;
	if (session->chunk_left == 0)
		mock_message_end_chunk(session);
}
