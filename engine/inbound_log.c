#include "engine/inbound_log.h"

#include "engine/inbound_content.h"
#include "engine/ingest.h"

/* Recipients in one line; a long list takes more lines, each with the message's id. */
#define RECIPIENTS_BYTES_MAX 1024
#define LINE_BYTES_MAX       998 /* without CRLF: RFC 5322 2.1.1 */
#define ARGUMENTS_BYTES_MAX  400 /* of a command that makes no sense: an address and some more */
#define FOREIGN_BYTES_MAX    80  /* enough of a line to know it by */

static struct log_line log_about(
        const struct inbound *inbound, enum log_level level, const char *event)
{
	struct log_line line = log_begin(inbound->ingest->shard.log, level, event);

	log_connection(&line, inbound->id);
	return line;
}

static void log_endpoint(struct log_line *line, const char *key, const struct endpoint *endpoint)
{
	char room[ENDPOINT_TEXT_BYTES];
	struct text text = TEXT_ON(room);

	endpoint_format(&text, endpoint);
	log_text(line, key, text_view(&text));
}

static void log_client(struct log_line *line, const struct inbound *inbound)
{
	log_endpoint(line, "client", &inbound->client);
}

void inbound_log_connected(const struct inbound *inbound)
{
	struct log_line line = log_about(inbound, LOG_INFO, "connected");

	log_client(&line, inbound);
	if (!endpoint_equal(&inbound->client, &inbound->stream.peer))
		log_endpoint(&line, "proxy", &inbound->stream.peer);
	log_word(&line, "listener", inbound->door->address);
	log_end(&line);
}

void inbound_log_proxy_refused(const struct inbound *inbound, const char *reason)
{
	struct log_line line = log_about(inbound, LOG_WARNING, "proxy_refused");

	log_endpoint(&line, "proxy", &inbound->stream.peer);
	log_word(&line, "listener", inbound->door->address);
	log_word(&line, "reason", reason);
	log_word(&line, "advice",
	        "Who connects from an address in the listener's proxy begins with a PROXY header, "
	        "version 2 (HAProxy: send-proxy-v2).");
	log_end(&line);
}

void inbound_log_secured(const struct inbound *inbound)
{
	const struct tls *tls = stream_tls(&inbound->stream);
	struct log_line line = log_about(inbound, LOG_INFO, "secured");

	log_word(&line, "tls", tls_version(tls));
	log_word(&line, "cipher", tls_cipher(tls));
	log_end(&line);
}

static const char *log_advice_on_tls(const struct inbound *inbound)
{
	switch (tls_trouble(stream_tls(&inbound->stream))) {
	case TLS_TROUBLE_OTHER:
		break;
	case TLS_TROUBLE_VERSION:
		return "The client's TLS is older than 1.2: update it, or name it in the "
		       "listener's old_devices, with tls: 1.0.";
	case TLS_TROUBLE_CIPHERS:
		return "The client has only ciphers that are not taken here (CBC, RSA key "
		       "exchange), or ones for another kind of key than the certificate's: "
		       "update it, or name it in the listener's old_devices, with tls: 1.2.";
	case TLS_TROUBLE_PLAIN:
		return "The client speaks no TLS where TLS comes first: set it to SSL/TLS (not "
		       "STARTTLS), or to a listener without tls.implicit.";
	}
	return NULL;
}

void inbound_log_tls_refused(const struct inbound *inbound, const char *reason)
{
	struct ingest *ingest = inbound->ingest;
	uint64_t omitted;

	if (!log_burst_is_due(&ingest->device_burst, loop_now(&ingest->shard.loop), &omitted))
		return;
	struct log_line line = log_about(inbound, LOG_WARNING, "tls_refused");
	log_client(&line, inbound);
	log_word(&line, "listener", inbound->door->address);
	log_word(&line, "reason", reason);
	log_word(&line, "advice", log_advice_on_tls(inbound));
	if (omitted > 0)
		log_number(&line, "omitted", omitted);
	log_end(&line);
}

void inbound_log_old_device(const struct inbound *inbound, const char *used, struct view said)
{
	struct ingest *ingest = inbound->ingest;
	uint64_t omitted;

	if (!log_burst_is_due(&ingest->device_burst, loop_now(&ingest->shard.loop), &omitted))
		return;
	struct log_line line = log_about(inbound, LOG_INFO, "old_device");
	log_word(&line, "name", inbound->device->config->name);
	log_client(&line, inbound);
	log_word(&line, "used", used);
	if (inbound->secured) {
		log_word(&line, "tls", tls_version(stream_tls(&inbound->stream)));
		log_word(&line, "cipher", tls_cipher(stream_tls(&inbound->stream)));
	}
	if (said.bytes > 0)
		log_text(&line, "said", view_first(said, ARGUMENTS_BYTES_MAX));
	if (omitted > 0)
		log_number(&line, "omitted", omitted);
	log_end(&line);
}

void inbound_log_foreign(const struct inbound *inbound, struct view line)
{
	struct log_line log_line = log_about(inbound, LOG_WARNING, "foreign");

	log_client(&log_line, inbound);
	log_text(&log_line, "line", view_first(line, FOREIGN_BYTES_MAX));
	if (line.bytes > 0 && line.data[0] == 0x16)
		log_word(&log_line, "advice",
		        "The client begins with TLS: let it use STARTTLS, or a listener with "
		        "tls.implicit.");
	else
		log_word(&log_line, "advice",
		        "No mail client says this: find out who sent it, a browser or a device.");
	log_end(&log_line);
}

void inbound_log_injection(const struct inbound *inbound, size_t discarded)
{
	struct log_line line = log_about(inbound, LOG_WARNING, "discarded");

	log_client(&line, inbound);
	log_number(&line, "bytes", discarded);
	log_word(&line, "reason", "sent ahead of the TLS handshake");
	log_end(&line);
}

void inbound_log_signed_in(const struct inbound *inbound, struct view user)
{
	struct log_line line = log_about(inbound, LOG_INFO, "signed_in");

	log_text(&line, "user", user);
	log_client(&line, inbound);
	log_end(&line);
}

static const char *log_advice_on_bar(enum guesses_bar bar)
{
	switch (bar) {
	case GUESSES_BAR_NONE:
		break;
	case GUESSES_BAR_CLIENT:
		return "Somebody at this address guesses passwords, or a device there has an old "
		       "one: mend the device, or shut the address out.";
	case GUESSES_BAR_USER:
		return "Somebody guesses this user's password from many addresses: where the user "
		       "signs in as usual nothing changes, elsewhere it may take some tries.";
	case GUESSES_BAR_PAIR:
		return "This user at this address had the right password, or may relay without "
		       "one, and has a wrong one now: mend the device.";
	case GUESSES_BAR_COUNT:
		break;
	}
	return NULL;
}

void inbound_log_signin_refused(const struct inbound *inbound, const struct password_check *check)
{
	struct ingest *ingest = inbound->ingest;
	const struct guesses_ruling *ruling = &check->ruling;
	uint64_t omitted;

	if (!log_burst_is_due(&ingest->signin_burst, loop_now(&ingest->shard.loop), &omitted))
		return;
	struct log_line line = log_about(inbound, LOG_WARNING, "signin_refused");
	log_text(&line, "user", check->user);
	log_client(&line, inbound);
	log_word(&line, "password", password_answer_word(check->answer));
	if (ruling->bar != GUESSES_BAR_NONE) {
		log_word(&line, "barred_by", guesses_bar_word(ruling->bar));
		log_seconds(&line, "barred_for", ruling->barred_ns);
		log_word(&line, "advice", log_advice_on_bar(ruling->bar));
	}
	if (omitted > 0)
		log_number(&line, "omitted", omitted);
	log_end(&line);
}

void inbound_log_stranger(const struct inbound *inbound, struct view sender)
{
	struct log_line line = log_about(inbound, LOG_INFO, "stranger");

	log_client(&line, inbound);
	log_text(&line, "from", sender);
	log_word(&line, "listener", inbound->door->address);
	log_end(&line);
}

void inbound_log_sender_replaced(
        const struct inbound *inbound, struct view said, struct view sender)
{
	struct log_line line = log_about(inbound, LOG_INFO, "sender_replaced");

	log_client(&line, inbound);
	log_text(&line, "said", view_first(said, ARGUMENTS_BYTES_MAX));
	log_text(&line, "from", sender);
	log_end(&line);
}

void inbound_log_redirected(
        const struct inbound *inbound, struct view recipient, struct view stand_in)
{
	struct log_line line = log_about(inbound, LOG_INFO, "redirected");

	log_text(&line, "to", recipient);
	log_text(&line, "stand_in", stand_in);
	log_end(&line);
}

/* Whose mail it is about, as far as that was said and makes sense; else what was said. */
static void log_envelope(struct log_line *line, const struct inbound *inbound)
{
	const struct message *message = inbound->message;
	struct command_mail mail;
	struct command_rcpt rcpt;

	if (message != NULL)
		log_text(line, "from", message_get(message, MESSAGE_SENDER));
	/* A secret, or nothing; and what is no command may be the rest of a refused sign-in. */
	if (inbound->verb == COMMAND_AUTH || inbound->verb == COMMAND_UNKNOWN ||
	        inbound->arguments.bytes == 0)
		return;
	/* Within a transaction `from` is its sender, and stands there once. */
	if (inbound->verb == COMMAND_MAIL && message == NULL &&
	        command_mail_parse(inbound->arguments, &mail) == COMMAND_FAULT_NONE)
		log_text(line, "from", mail.sender.whole);
	else if (inbound->verb == COMMAND_RCPT &&
	         command_rcpt_parse(inbound->arguments, true, &rcpt) == COMMAND_FAULT_NONE)
		log_text(line, "to", rcpt.recipient.whole);
	else
		log_text(line, "arguments", view_first(inbound->arguments, ARGUMENTS_BYTES_MAX));
}

static void log_stage(struct log_line *line, const struct inbound *inbound)
{
	const struct view name = view_of(command_verb_name((enum command_verb)inbound->verb));
	char stage[16];

	check(name.bytes <= sizeof stage);
	for (size_t i = 0; i < name.bytes; i++)
		stage[i] = byte_lower(name.data[i]);
	log_text(line, "stage", view_from(stage, name.bytes));
}

void inbound_log_reply(const struct inbound *inbound, enum log_level level, const char *reply)
{
	if (!log_wants(inbound->ingest->shard.log, level))
		return;
	struct log_line line = log_about(inbound, level, "refused");

	log_stage(&line, inbound);
	log_client(&line, inbound);
	log_envelope(&line, inbound);
	log_word(&line, "reply", reply);
	log_end(&line);
}

void inbound_log_refused(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum inbound_reply_name reply)
{
	struct log_line line = log_about(inbound, LOG_INFO, "refused");

	log_message(&line, message->id);
	log_word(&line, "stage", "data");
	log_client(&line, inbound);
	log_text(&line, "from", message_get(message, MESSAGE_SENDER));
	log_number(&line, "bytes", content->bytes);
	log_word(&line, "reply", inbound_reply_text(reply));
	log_end(&line);
}

static void log_key(struct log_line *line, const struct inbound_content *content)
{
	const struct header *header = &content->header;

	if (content->claim.made && header->key_bytes > 0)
		log_text(line, "key", view_from(header->key, header->key_bytes));
}

void inbound_log_known(const struct inbound *inbound, const char *event)
{
	const struct header *header = &inbound->content->header;
	struct log_line line = log_about(inbound, LOG_INFO, event);

	log_message(&line, inbound->content->claim.claim.id);
	log_client(&line, inbound);
	log_text(&line, "from", message_get(inbound->message, MESSAGE_SENDER));
	log_key(&line, inbound->content);
	if (header->message_id_bytes > 0)
		log_text(&line, "message_id",
		        view_from(header->message_id, header->message_id_bytes));
	log_end(&line);
}

/* As many recipients as one line takes. True: there were some. */
static bool log_recipients(struct message_cursor *cursor, struct text *text)
{
	struct message_cursor next = *cursor;
	struct message_recipient recipient;

	text->bytes = 0;
	while (message_next_recipient(&next, &recipient)) {
		if (text->bytes > 0 && text->size - text->bytes < recipient.address.bytes + 1)
			break;
		if (text->bytes > 0)
			text_put_byte(text, ',');
		text_put(text, recipient.address);
		*cursor = next;
	}
	return text->bytes > 0;
}

void inbound_log_heard(const struct inbound *inbound)
{
	const struct ndr *ndr = &inbound->content->notice->ndr;
	struct log_line line = log_about(inbound, LOG_INFO, "report_heard");

	log_client(&line, inbound);
	if (inbound->user_bytes > 0)
		log_text(&line, "user", inbound_user(inbound));
	log_text(&line, "from", message_get(inbound->message, MESSAGE_SENDER));
	log_number(&line, "recipients", ndr->recipient_count + ndr->recipients_missed);
	if (ndr->id_count > 0)
		log_word(&line, "message_id", ndr->ids[0]);
	log_end(&line);
}

void inbound_log_accepted(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, bool told)
{
	const struct header *header = &content->header;
	struct message_cursor cursor = message_recipients(message);
	char room[RECIPIENTS_BYTES_MAX];
	struct text recipients = TEXT_ON(room);

	struct log_line line = log_about(inbound, LOG_INFO, "accepted");
	log_message(&line, message->id);
	log_text(&line, "from", message_get(message, MESSAGE_SENDER));
	if (message_get(message, MESSAGE_ORIGINAL).bytes > 0)
		log_text(&line, "original_from", message_get(message, MESSAGE_ORIGINAL));
	if (message_author_is_open(message))
		log_word(&line, "sent_as", "identity");
	(void)log_recipients(&cursor, &recipients);
	log_text(&line, "to", text_view(&recipients));
	log_number(&line, "recipients", message->recipient_count);
	log_number(&line, "bytes", message->body_bytes);
	log_text(&line, "client", message_get(message, MESSAGE_CLIENT));
	log_text(&line, "protocol", message_get(message, MESSAGE_PROTOCOL));
	if (inbound->user_bytes > 0)
		log_text(&line, "user", inbound_user(inbound));
	if (header->message_id_bytes > 0)
		log_text(&line, "message_id",
		        view_from(header->message_id, header->message_id_bytes));
	/* What a server may refuse, so that it is found here: we take it, for devices send it. */
	if (header->longest_line > LINE_BYTES_MAX)
		log_number(&line, "longest_line", header->longest_line);
	if (header->has_nul)
		log_word(&line, "nul", "yes");
	log_key(&line, content);
	if (!told)
		log_word(&line, "answer", "lost");
	log_end(&line);
	while (log_recipients(&cursor, &recipients)) {
		line = log_about(inbound, LOG_INFO, "recipients");
		log_message(&line, message->id);
		log_text(&line, "to", text_view(&recipients));
		log_end(&line);
	}
}

void inbound_log_closed(const struct inbound *inbound, const char *reason)
{
	const struct shard *shard = &inbound->ingest->shard;
	struct log_line line = log_about(inbound, LOG_INFO, "closed");

	log_word(&line, "reason", reason);
	log_client(&line, inbound);
	log_number(&line, "messages", inbound->messages);
	log_number(&line, "errors", inbound->errors);
	log_seconds(&line, "seconds", loop_now(&shard->loop).ns - inbound->opened.ns);
	log_end(&line);
}
