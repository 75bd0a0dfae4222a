#include "engine/inbound_command.h"

#include "engine/inbound_ahead.h"
#include "engine/inbound_content.h"
#include "engine/inbound_device.h"
#include "engine/inbound_log.h"
#include "engine/inbound_signin.h"
#include "engine/ingest.h"
#include "engine/rehearsal.h"
#include "engine/wire/mend.h"
#include "engine/wire/stamp.h"
#include "queue/base/check.h"
#include "queue/xtext.h"

#define LITERAL_BYTES (ENDPOINT_TEXT_BYTES + sizeof "[IPv6:]")

static enum inbound_progress command_run(struct inbound *inbound, struct view line);
static bool command_greet(struct inbound *inbound, struct view arguments, bool esmtp);
static enum inbound_progress on_ehlo(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_helo(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_mail(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_rcpt(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_data(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_bdat(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_rset(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_noop(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_quit(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_vrfy(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_expn(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_help(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_starttls(struct inbound *inbound, struct view arguments);
static enum inbound_progress on_auth(struct inbound *inbound, struct view arguments);

struct command_row {
	enum inbound_progress (*run)(struct inbound *inbound, struct view arguments);
	/* What is said instead, by state; NONE: the command may come now. */
	uint8_t refusals[INBOUND_STATE_COUNT];
	bool late; /* it looks at the refusal itself */
};

#define ROW(verb, function, fresh, ready, mail, rcpt, chunks)                                      \
	[COMMAND_##verb] = { .run = (function),                                                    \
		.refusals = {                                                                      \
		        [INBOUND_FRESH] = INBOUND_REPLY_##fresh,                                   \
		        [INBOUND_READY] = INBOUND_REPLY_##ready,                                   \
		        [INBOUND_MAIL] = INBOUND_REPLY_##mail,                                     \
		        [INBOUND_RCPT] = INBOUND_REPLY_##rcpt,                                     \
		        [INBOUND_CHUNKS] = INBOUND_REPLY_##chunks,                                 \
		},                                                                                 \
		.late = COMMAND_##verb == COMMAND_BDAT }

/* clang-format off */
static const struct command_row command_rows[] = {
	/*                     FRESH        READY       MAIL        RCPT    CHUNKS */
	ROW(EHLO, on_ehlo,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(HELO, on_helo,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(MAIL, on_mail,     HELLO_FIRST, NONE,       NESTED,     NESTED, NESTED),
	ROW(RCPT, on_rcpt,     HELLO_FIRST, MAIL_FIRST, NONE,       NONE,   LATE_RCPT),
	ROW(DATA, on_data,     HELLO_FIRST, MAIL_FIRST, RCPT_FIRST, NONE,   MIXED),
	ROW(BDAT, on_bdat,     HELLO_FIRST, MAIL_FIRST, RCPT_FIRST, NONE,   NONE),
	ROW(RSET, on_rset,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(NOOP, on_noop,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(QUIT, on_quit,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(VRFY, on_vrfy,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(EXPN, on_expn,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(HELP, on_help,     NONE,        NONE,       NONE,       NONE,   NONE),
	ROW(STARTTLS, on_starttls, HELLO_FIRST, NONE,   NESTED,     NESTED, NESTED),
	ROW(AUTH, on_auth,     HELLO_FIRST, NONE,       NESTED,     NESTED, NESTED),
};
/* clang-format on */
static_assert(
        sizeof command_rows / sizeof command_rows[0] == COMMAND_VERB_COUNT, "one row per command");

static enum inbound_progress command_say(struct inbound *inbound, enum inbound_reply_name reply)
{
	inbound_reply(inbound, reply);
	return INBOUND_ON;
}

static enum inbound_progress command_fail(struct inbound *inbound, enum command_fault fault)
{
	inbound_reply_fault(inbound, fault);
	return INBOUND_ON;
}

static enum inbound_progress command_turn_away(struct inbound *inbound, struct view line)
{
	counters_add(inbound->ingest->shard.counters, commands_refused, 1);
	inbound_log_foreign(inbound, line);
	inbound_close(inbound, INBOUND_REPLY_FOREIGN);
	return INBOUND_ON;
}

/* The bytes of a chunk that has no place are swallowed, and then the reply is due. */
static enum inbound_progress command_swallow(struct inbound *inbound, enum inbound_reply_name reply)
{
	inbound->after = inbound->state;
	inbound->chunk_reply = (uint8_t)reply;
	inbound_enter(inbound, INBOUND_CHUNK);
	return INBOUND_ON;
}

/* A BDAT that makes no sense, and yet a chunk follows: its bytes must not run as commands. Where
 * its length can't be read either, there is no way to go on. The message lacks that chunk now. */
static enum inbound_progress command_spoil_chunk(
        struct inbound *inbound, struct view arguments, enum inbound_reply_name reply)
{
	struct command_bdat bdat;

	if (!command_bdat_has_size(arguments, &bdat)) {
		inbound_log_reply(inbound, LOG_INFO, inbound_reply_text(reply));
		inbound_close(inbound, reply);
		return INBOUND_ON;
	}
	inbound_end_transaction(inbound);
	inbound->chunk_left = bdat.bytes;
	return command_swallow(inbound, reply);
}

/* Whose name nobody said is called by his address (RFC 5321 4.1.3). */
static struct view command_literal(const struct inbound *inbound, struct text *text)
{
	text_put(text, endpoint_is_ipv4(&inbound->client) ? VIEW("[") : VIEW("[IPv6:"));
	endpoint_format_address(text, &inbound->client);
	text_put_byte(text, ']');
	return text_view(text);
}

/* A tolerated device begins without a greeting. */
static bool command_suppose_hello(struct inbound *inbound)
{
	char room[LITERAL_BYTES];
	struct text name = TEXT_ON(room);

	if (!inbound_device_is_tolerant(inbound))
		return false;
	inbound_device_use(inbound, DEVICE_USE_GRAMMAR, VIEW("no EHLO or HELO"));
	return command_greet(inbound, command_literal(inbound, &name), false);
}

static enum inbound_progress command_run_mended(struct inbound *inbound, struct view line)
{
	char literal[LITERAL_BYTES];
	char room[MEND_LINE_BYTES];
	struct text name = TEXT_ON(literal);
	struct text mended = TEXT_ON(room);

	if (!mend_line(line, command_literal(inbound, &name), &mended))
		return command_run(inbound, line);
	inbound_device_use(inbound, DEVICE_USE_GRAMMAR, line);
	const enum inbound_progress progress = command_run(inbound, text_view(&mended));
	inbound->arguments = VIEW("");
	return progress;
}

static enum inbound_progress command_run(struct inbound *inbound, struct view line)
{
	struct command command;
	const enum command_fault fault = command_parse(line, &command);

	if (fault != COMMAND_FAULT_NONE && command_is_foreign(line))
		return command_turn_away(inbound, line);
	inbound->verb = (uint8_t)command.verb;
	inbound->arguments = command.arguments;
	if (fault != COMMAND_FAULT_NONE && command.verb == COMMAND_BDAT)
		return command_spoil_chunk(inbound, command.arguments, INBOUND_REPLY_CHUNK_SYNTAX);
	if (fault != COMMAND_FAULT_NONE)
		return command_fail(inbound, fault);
	const struct command_row *row = &command_rows[command.verb];
	enum inbound_reply_name refusal = row->refusals[inbound->state];
	if (refusal == INBOUND_REPLY_HELLO_FIRST && command.verb == COMMAND_MAIL &&
	        command_suppose_hello(inbound))
		refusal = row->refusals[inbound->state];
	if (refusal != INBOUND_REPLY_NONE && !row->late)
		return command_say(inbound, refusal);
	return row->run(inbound, command.arguments);
}

static enum inbound_progress command_refuse_bare(struct inbound *inbound, struct view line)
{
	struct command command;

	(void)command_parse(line, &command);
	inbound->verb = COMMAND_UNKNOWN;
	if (command.verb == COMMAND_BDAT)
		return command_spoil_chunk(inbound, command.arguments, INBOUND_REPLY_LINE_BARE);
	return command_say(inbound, INBOUND_REPLY_LINE_BARE);
}

enum inbound_progress inbound_command_step(struct inbound *inbound)
{
	struct view line;
	size_t line_bytes;
	enum inbound_progress progress = INBOUND_ON;
	const bool ahead = inbound_is_ahead(inbound);

	if (!ahead && !inbound->skipping && command_is_tls(stream_peek(&inbound->stream)))
		return command_turn_away(inbound, stream_peek(&inbound->stream));
	switch (inbound_line(inbound, COMMAND_LINE_MAX, &line, &line_bytes)) {
	case INBOUND_LINE_NONE:
		return INBOUND_WAITS;
	case INBOUND_LINE_LONG:
		inbound->verb = COMMAND_UNKNOWN;
		return command_say(inbound, INBOUND_REPLY_LINE_LONG);
	case INBOUND_LINE_BARE:
		if (ahead)
			return INBOUND_WAITS;
		if (command_is_foreign(line))
			return command_turn_away(inbound, line);
		progress = command_refuse_bare(inbound, line);
		break;
	case INBOUND_LINE:
		if (ahead && !inbound_ahead_takes(line))
			return INBOUND_WAITS;
		progress = inbound_device_is_tolerant(inbound) ? command_run_mended(inbound, line)
		                                               : command_run(inbound, line);
		inbound->arguments = VIEW("");
		break;
	}
	/* One that starves is read again; who says goodbye reads no more. */
	if (progress != INBOUND_STARVES && inbound->state != INBOUND_CLOSING) {
		/* Also one that was refused, as people send who forget to ask for TLS first. */
		if (view_starts_fold(line, VIEW("AUTH")))
			inbound_signin_wipe(line);
		stream_consume(&inbound->stream, line_bytes);
	}
	inbound->silent_since = loop_now(&inbound->ingest->shard.loop);
	return progress;
}

/* Greetings */

static bool command_greet(struct inbound *inbound, struct view arguments, bool esmtp)
{
	struct view name;
	const enum command_fault fault = command_hello_parse(arguments, &name);

	if (fault != COMMAND_FAULT_NONE) {
		inbound_reply_fault(inbound, fault);
		return false;
	}
	check(name.bytes > 0);
	check(name.bytes <= sizeof inbound->hello);
	memcpy(inbound->hello, name.data, name.bytes);
	inbound->hello_bytes = (uint8_t)name.bytes;
	inbound->esmtp = esmtp;
	inbound_end_transaction(inbound);
	return true;
}

static enum inbound_progress on_ehlo(struct inbound *inbound, struct view arguments)
{
	if (command_greet(inbound, arguments, true))
		inbound_reply_ehlo(inbound);
	return INBOUND_ON;
}

static enum inbound_progress on_helo(struct inbound *inbound, struct view arguments)
{
	if (command_greet(inbound, arguments, false))
		inbound_reply_helo(inbound);
	return INBOUND_ON;
}

/* The envelope */

static void command_set(struct message *message, enum message_field field, struct view value)
{
	/* What was parsed is shorter than the field's maximum. */
	check(message_set(message, field, value));
}

/* The address of a MAIL that is right in all else is none: an entry of `names` may know a better
 * one. */
static bool command_is_impossible(enum command_fault fault)
{
	return fault == COMMAND_FAULT_SENDER || fault == COMMAND_FAULT_SENDER_DOMAIN ||
	       fault == COMMAND_FAULT_SENDER_LONG || fault == COMMAND_FAULT_UTF8;
}

static struct naming command_name(const struct inbound *inbound, struct view sender)
{
	const struct rulebook_mail mail = {
		.sender = sender,
		.user = inbound_user(inbound),
		.listener = view_of(inbound->door->address),
		.client = inbound->client,
		.has_client = true,
	};

	return naming_decide(inbound->ingest->shard.config, &mail);
}

static void command_fill_envelope(struct inbound *inbound, const struct command_mail *mail)
{
	const struct view renamed = inbound->naming.sender;
	struct message *message = inbound->message;
	const struct stamp stamp = {
		.esmtp = inbound->esmtp,
		.tls = inbound->secured,
		.signed_in = inbound->signed_in,
		.smtputf8 = mail->smtputf8,
	};
	char room[ENDPOINT_TEXT_BYTES];
	struct text client = TEXT_ON(room);

	endpoint_format_address(&client, &inbound->client);
	command_set(message, MESSAGE_SENDER, renamed.bytes > 0 ? renamed : mail->sender.whole);
	if (renamed.bytes > 0 && mail->sender.whole.bytes > 0)
		command_set(message, MESSAGE_ORIGINAL, mail->sender.whole);
	if (inbound->naming.opens)
		message_open_author(message);
	command_set(message, MESSAGE_ENVID, mail->envid);
	command_set(message, MESSAGE_HELO, inbound_hello(inbound));
	command_set(message, MESSAGE_CLIENT, text_view(&client));
	command_set(message, MESSAGE_USER, inbound_user(inbound));
	command_set(message, MESSAGE_LISTENER, view_of(inbound->door->address));
	command_set(message, MESSAGE_PROTOCOL, view_of(stamp_protocol(&stamp)));
	message->flags |= (uint16_t)mail->ret;
	if (mail->body == COMMAND_BODY_8BITMIME)
		message->flags |= MESSAGE_8BITMIME;
	if (mail->smtputf8)
		message->flags |= MESSAGE_SMTPUTF8;
}

static enum inbound_progress on_mail(struct inbound *inbound, struct view arguments)
{
	struct ingest *ingest = inbound->ingest;
	struct command_mail mail;
	const enum command_fault fault = command_mail_parse(arguments, &mail);
	const bool may_relay = inbound->may_relay || inbound->signed_in;
	const bool nameable = fault == COMMAND_FAULT_NONE || command_is_impossible(fault);
	struct naming naming = { .entry = NAMING_NONE };

	if (nameable && may_relay)
		naming = command_name(inbound, mail.sender.whole);
	if (naming.refuses)
		return command_say(inbound, INBOUND_REPLY_NOT_ALLOWED);
	if (fault != COMMAND_FAULT_NONE && naming.sender.bytes == 0)
		return command_fail(inbound, fault);
	if (mail.has_size && mail.size > ingest->message_bytes_max)
		return command_say(inbound, INBOUND_REPLY_SIZE);
	if (ingest->spool_full) {
		counters_add(ingest->shard.counters, messages_full, 1);
		return command_say(inbound, INBOUND_REPLY_FULL);
	}
	/* I9: who may not relay gets no memory either, but only refusals from here on. */
	if (!may_relay) {
		inbound_log_stranger(inbound, mail.sender.whole);
		inbound_enter(inbound, INBOUND_MAIL);
		return command_say(inbound, INBOUND_REPLY_SENDER);
	}
	if (!inbound_is_fed(inbound)) {
		if (!inbound->famished)
			return INBOUND_STARVES;
		return command_say(inbound, INBOUND_REPLY_MEMORY);
	}
	inbound->message = message_create(&ingest->shard.shelf, ingest->reserve);
	check(inbound->message != NULL);
	ingest->transactions++;
	inbound->transaction_until = mono_after(
	        loop_now(&ingest->shard.loop), ingest->shard.config->limits.transaction_ns);
	inbound->naming = naming;
	inbound->senderless = mail.is_null;
	inbound->reports = false;
	command_fill_envelope(inbound, &mail);
	if (fault != COMMAND_FAULT_NONE)
		inbound_log_sender_replaced(inbound, arguments, naming.sender);
	inbound_enter(inbound, INBOUND_MAIL);
	return command_say(inbound, INBOUND_REPLY_SENDER);
}

/* Postmaster without a domain (RFC 5321 4.5.1) is ours, as far as the tenant's domains say. */
static struct view command_postmaster(
        const struct inbound *inbound, const struct address *recipient, struct text *text)
{
	const struct config *config = inbound->ingest->shard.config;
	const bool known = config->accepted_domains.count > 0;

	text_put(text, recipient->local);
	text_put_byte(text, '@');
	text_put(text, view_of(known ? config->accepted_domains.at[0] : inbound->door->name));
	return view_first(text_view(text), MESSAGE_ADDRESS_MAX);
}

/* As far as that is known before the header is. */
static bool command_has_route(const struct inbound *inbound, struct view recipient)
{
	const struct config *config = inbound->ingest->shard.config;

	if (config->rulebook == NULL || !config->rulebook->decides)
		return true;
	const struct rulebook_mail mail = rulebook_mail_of(inbound->message);

	return routing_decide(config, &mail, recipient).fate != ROUTING_NOWHERE;
}

/* Mail to this listener's ndr_address; ASCII case ignored. */
static bool command_is_report(const struct inbound *inbound, struct view recipient)
{
	const char *address = inbound->door->config->ndr_address;

	return address != NULL && view_equal_fold(recipient, view_of(address));
}

static enum inbound_progress command_redirect(
        struct inbound *inbound, const struct message_recipient *meant, struct view stand_in);
static enum inbound_progress command_take(
        struct inbound *inbound, const struct message_recipient *recipient, bool reports);

static enum inbound_progress on_rcpt(struct inbound *inbound, struct view arguments)
{
	struct ingest *ingest = inbound->ingest;
	struct message *message = inbound->message;
	const uint32_t limit = ingest->shard.config->limits.recipients;
	struct command_rcpt rcpt;
	char room[MESSAGE_ADDRESS_MAX];
	struct text text = TEXT_ON(room);

	const bool stranger = message == NULL;
	const bool smtputf8 = stranger || (message->flags & MESSAGE_SMTPUTF8) != 0;
	const enum command_fault fault = command_rcpt_parse(arguments, smtputf8, &rcpt);
	if (fault != COMMAND_FAULT_NONE)
		return command_fail(inbound, fault);
	struct message_recipient recipient = {
		.address = rcpt.recipient.whole,
		.orcpt = rcpt.orcpt,
		.notify = (uint8_t)rcpt.notify,
	};
	if (stranger) {
		counters_add(ingest->shard.counters, relays_refused, 1);
		return command_say(inbound, INBOUND_REPLY_RELAY);
	}
	const bool reports = command_is_report(inbound, recipient.address);
	/* A report goes no further, and so nowhere else: the client sends that by itself. */
	if (inbound->reports || (reports && message->recipient_count > 0))
		return command_say(inbound, INBOUND_REPLY_RECIPIENTS);
	if (message->recipient_count >= limit || message->recipient_count >= MESSAGE_RECIPIENTS_MAX)
		return command_say(inbound, INBOUND_REPLY_RECIPIENTS);
	if (!inbound_is_fed(inbound)) {
		if (!inbound->famished)
			return INBOUND_STARVES;
		return command_say(inbound, INBOUND_REPLY_MEMORY);
	}
	if (rcpt.recipient.kind == ADDRESS_LOCAL_ONLY)
		recipient.address = command_postmaster(inbound, &rcpt.recipient, &text);
	const struct view stand_in =
	        reports ? VIEW("") : rehearsal_stand_in(ingest->shard.config, message);
	if (stand_in.bytes > 0)
		return command_redirect(inbound, &recipient, stand_in);
	return command_take(inbound, &recipient, reports);
}

/* All mail of a rehearsal goes to one address, a copy of each message; ORCPT keeps whom the first
 * recipient was, and the log all of them. */
static enum inbound_progress command_redirect(
        struct inbound *inbound, const struct message_recipient *meant, struct view stand_in)
{
	struct message_recipient recipient = *meant;
	char memory[MESSAGE_ORCPT_MAX];
	struct text orcpt = TEXT_ON(memory);

	inbound_log_redirected(inbound, meant->address, stand_in);
	if (inbound->message->recipient_count > 0)
		return command_say(inbound, INBOUND_REPLY_RECIPIENT);
	recipient.address = stand_in;
	if (recipient.orcpt.bytes == 0) {
		text_put(&orcpt, VIEW("rfc822;"));
		xtext_encode(&orcpt, meant->address);
		if (!orcpt.overflow && xtext_is_orcpt(text_view(&orcpt), false))
			recipient.orcpt = text_view(&orcpt);
	}
	return command_take(inbound, &recipient, false);
}

static enum inbound_progress command_take(
        struct inbound *inbound, const struct message_recipient *recipient, bool reports)
{
	struct ingest *ingest = inbound->ingest;

	if (!reports && !command_has_route(inbound, recipient->address)) {
		counters_add(ingest->shard.counters, recipients_refused, 1);
		return command_say(inbound, INBOUND_REPLY_NO_ROUTE);
	}
	check(message_add_recipient(
	        inbound->message, &ingest->shard.shelf, ingest->reserve, recipient));
	inbound->reports = reports;
	inbound_enter(inbound, INBOUND_RCPT);
	return command_say(inbound, INBOUND_REPLY_RECIPIENT);
}

/* The content */

static enum inbound_progress on_data(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	const enum inbound_reply_name missing = inbound_content_begin(inbound);

	if (missing != INBOUND_REPLY_NONE && !inbound->famished)
		return INBOUND_STARVES;
	if (missing != INBOUND_REPLY_NONE) {
		inbound_end_transaction(inbound);
		return command_say(inbound, missing);
	}
	inbound_enter(inbound, INBOUND_DATA);
	return command_say(inbound, INBOUND_REPLY_START);
}

static enum inbound_progress on_bdat(struct inbound *inbound, struct view arguments)
{
	const enum inbound_reply_name refusal = command_rows[COMMAND_BDAT].refusals[inbound->state];
	struct command_bdat bdat;

	if (command_bdat_parse(arguments, &bdat) != COMMAND_FAULT_NONE)
		return command_spoil_chunk(inbound, arguments, INBOUND_REPLY_CHUNK_SYNTAX);
	enum inbound_reply_name missing = INBOUND_REPLY_NONE;
	if (refusal == INBOUND_REPLY_NONE && inbound->content == NULL)
		missing = inbound_content_begin(inbound);
	if (missing != INBOUND_REPLY_NONE && !inbound->famished)
		return INBOUND_STARVES;
	inbound->chunk_left = bdat.bytes;
	inbound->chunk_last = bdat.last;
	if (refusal != INBOUND_REPLY_NONE)
		return command_swallow(inbound, refusal);
	if (missing != INBOUND_REPLY_NONE) {
		inbound_end_transaction(inbound);
		return command_swallow(inbound, missing);
	}
	inbound_enter(inbound, INBOUND_CHUNK);
	return INBOUND_ON;
}

/* The others */

static enum inbound_progress on_rset(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	inbound_end_transaction(inbound);
	return command_say(inbound, INBOUND_REPLY_OK);
}

static enum inbound_progress on_noop(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	return command_say(inbound, INBOUND_REPLY_OK);
}

static enum inbound_progress on_quit(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	inbound_close(inbound, INBOUND_REPLY_BYE);
	return INBOUND_ON;
}

static enum inbound_progress on_vrfy(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	return command_say(inbound, INBOUND_REPLY_MAYBE);
}

static enum inbound_progress on_expn(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	return command_say(inbound, INBOUND_REPLY_NO_EXPN);
}

static enum inbound_progress on_help(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	return command_say(inbound, INBOUND_REPLY_HELP);
}

static enum inbound_progress on_starttls(struct inbound *inbound, struct view arguments)
{
	(void)arguments;
	if (inbound->secured)
		return command_say(inbound, INBOUND_REPLY_TLS_TWICE);
	if (inbound->door->tls == NULL)
		return command_say(inbound, INBOUND_REPLY_NO_TLS);
	inbound_enter(inbound, INBOUND_UPGRADE);
	return command_say(inbound, INBOUND_REPLY_TLS_READY);
}

bool inbound_command_offers_auth(const struct inbound *inbound)
{
	const struct door *door = inbound->door;

	return door->config->users_file != NULL && !inbound->signed_in &&
	       (inbound->secured || inbound_device_may_auth_plainly(inbound));
}

static enum inbound_progress on_auth(struct inbound *inbound, struct view arguments)
{
	struct command_auth auth;

	if (inbound->door->config->users_file == NULL)
		return command_say(inbound, INBOUND_REPLY_NO_AUTH);
	if (inbound->signed_in)
		return command_say(inbound, INBOUND_REPLY_AUTH_TWICE);
	if (!inbound_command_offers_auth(inbound))
		return command_say(inbound, INBOUND_REPLY_AUTH_NEEDS_TLS);
	const enum command_fault fault = command_auth_parse(arguments, &auth);
	if (fault != COMMAND_FAULT_NONE)
		return command_fail(inbound, fault);
	if (auth.mechanism != SIGNIN_PLAIN && auth.mechanism != SIGNIN_LOGIN)
		return command_fail(inbound, COMMAND_FAULT_MECHANISM);
	if (!inbound->secured && !inbound->door->config->allow_plaintext_auth)
		inbound_device_use(inbound, DEVICE_USE_PLAIN_AUTH, VIEW(""));
	inbound_signin_begin(inbound, &auth);
	return INBOUND_ON;
}
