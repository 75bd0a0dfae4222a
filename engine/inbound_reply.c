#include "engine/inbound_reply.h"

#include "engine/inbound_ahead.h"
#include "engine/inbound_command.h"
#include "engine/inbound_log.h"
#include "engine/ingest.h"
#include "queue/base/check.h"

#define EHLO_BYTES_MAX 640
static_assert(EHLO_BYTES_MAX < INBOUND_REPLY_ROOM, "a reply fits the room kept for it");

#define FAULT_BYTES_MAX 256
static_assert(FAULT_BYTES_MAX <= INBOUND_AHEAD_ROOM, "and the room where it waits");
#define X(name, code, enhanced, text)                                                              \
	static_assert(sizeof(code " " enhanced text "\r\n") <= INBOUND_AHEAD_ROOM, "likewise");
INBOUND_REPLIES(X)
#undef X

struct inbound_reply_row {
	const char *text;
	struct view line;
};

static const struct inbound_reply_row inbound_reply_rows[] = {
	[INBOUND_REPLY_NONE] = { "", VIEW_INIT("") },
#define X(name, code, enhanced, text)                                                              \
	[INBOUND_REPLY_##                                                                          \
	        name] = { code " " enhanced text, VIEW_INIT(code " " enhanced text "\r\n") },
	INBOUND_REPLIES(X)
#undef X
};

const char *inbound_reply_text(enum inbound_reply_name reply)
{
	check(reply < INBOUND_REPLY_COUNT);
	return inbound_reply_rows[reply].text;
}

static void inbound_reply_put(struct inbound *inbound, struct view line)
{
	if (inbound_is_ahead(inbound) && !inbound->answering) {
		inbound_ahead_keep(inbound, line);
		return;
	}
	/* Room and memory were there before the step. They may not be where a deadline is met: then
	 * the connection is closed without a word. */
	const bool said = stream_put(&inbound->stream, line);

	(void)said;
}

/* What was refused is in the log: what concerns mail at once, the rest for who asks for it. An
 * error counts, and so is bounded by limits.errors; as many delays are logged. */
static void inbound_reply_log(struct inbound *inbound, const char *text)
{
	static const bool concerns_mail[COMMAND_VERB_COUNT] = {
		[COMMAND_MAIL] = true,
		[COMMAND_RCPT] = true,
		[COMMAND_DATA] = true,
		[COMMAND_BDAT] = true,
		[COMMAND_AUTH] = true,
	};
	enum log_level level = concerns_mail[inbound->verb] ? LOG_INFO : LOG_DEBUG;

	if (text[0] == '4' && inbound->delays >= inbound->ingest->shard.config->limits.errors)
		level = LOG_DEBUG;
	else if (text[0] == '4')
		inbound->delays++;
	inbound_log_reply(inbound, level, text);
}

/* One more error of the client's; true: it was one too many, and the connection was closed. */
static bool inbound_reply_counts(struct inbound *inbound)
{
	const struct shard *shard = &inbound->ingest->shard;

	counters_add(shard->counters, commands_refused, 1);
	if (inbound->errors >= shard->config->limits.errors) {
		inbound_close(inbound, INBOUND_REPLY_ERRORS);
		return true;
	}
	inbound->errors++;
	return false;
}

void inbound_reply_say(struct inbound *inbound, enum inbound_reply_name reply)
{
	check(reply != INBOUND_REPLY_NONE);
	inbound_reply_put(inbound, inbound_reply_rows[reply].line);
}

void inbound_reply(struct inbound *inbound, enum inbound_reply_name reply)
{
	const char *text = inbound_reply_text(reply);

	if (text[0] == '4' || text[0] == '5')
		inbound_reply_log(inbound, text);
	inbound_reply_unlogged(inbound, reply);
}

void inbound_reply_unlogged(struct inbound *inbound, enum inbound_reply_name reply)
{
	if (inbound_reply_text(reply)[0] == '5' && inbound_reply_counts(inbound))
		return;
	inbound_reply_say(inbound, reply);
}

void inbound_reply_fault(struct inbound *inbound, enum command_fault fault)
{
	const struct command_answer *answer = command_answer(fault);
	char room[FAULT_BYTES_MAX];
	struct text text = TEXT_ON(room);

	text_format(&text, "%d %s %s", answer->code, answer->enhanced, answer->text);
	inbound_reply_log(inbound, text_string(&text));
	if (inbound_reply_counts(inbound))
		return;
	text_put(&text, VIEW("\r\n"));
	check(!text.overflow);
	inbound_reply_put(inbound, text_view(&text));
}

void inbound_reply_greeting(struct inbound *inbound)
{
	char room[EHLO_BYTES_MAX];
	struct text text = TEXT_ON(room);

	text_format(&text, "220 %s ESMTP Sluice\r\n", inbound->door->name);
	inbound_reply_put(inbound, text_view(&text));
}

static void inbound_reply_put_hello(
        const struct inbound *inbound, struct text *text, const char *mark)
{
	text_format(text, "250%s%s Hello [", mark, inbound->door->name);
	endpoint_format_address(text, &inbound->client);
	text_put(text, VIEW("]\r\n"));
}

void inbound_reply_ehlo(struct inbound *inbound)
{
	char room[EHLO_BYTES_MAX];
	struct text text = TEXT_ON(room);

	inbound_reply_put_hello(inbound, &text, "-");
	text_format(&text,
	        "250-SIZE %llu\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	        "250-CHUNKING\r\n250-DSN\r\n",
	        (unsigned long long)inbound->ingest->message_bytes_max);
	if (inbound->door->tls != NULL && !inbound->secured)
		text_put(&text, VIEW("250-STARTTLS\r\n"));
	if (inbound_command_offers_auth(inbound))
		text_put(&text, VIEW("250-AUTH PLAIN LOGIN\r\n"));
	text_put(&text, VIEW("250 ENHANCEDSTATUSCODES\r\n"));
	check(!text.overflow);
	inbound_reply_put(inbound, text_view(&text));
}

void inbound_reply_helo(struct inbound *inbound)
{
	char room[EHLO_BYTES_MAX];
	struct text text = TEXT_ON(room);

	inbound_reply_put_hello(inbound, &text, " ");
	inbound_reply_put(inbound, text_view(&text));
}

void inbound_reply_challenge(struct inbound *inbound, struct view challenge)
{
	char room[128];
	struct text text = TEXT_ON(room);

	text_put(&text, VIEW("334 "));
	text_put(&text, challenge);
	text_put(&text, VIEW("\r\n"));
	check(!text.overflow);
	inbound_reply_put(inbound, text_view(&text));
}

void inbound_reply_chunk(struct inbound *inbound, uint64_t bytes)
{
	char room[128];
	struct text text = TEXT_ON(room);

	text_format(&text, "250 2.0.0 %llu bytes so far\r\n", (unsigned long long)bytes);
	inbound_reply_put(inbound, text_view(&text));
}

void inbound_reply_queued(struct inbound *inbound, uint64_t id)
{
	char name[MESSAGE_ID_TEXT];
	char room[128];
	struct text text = TEXT_ON(room);

	text_put(&text, VIEW("250 2.0.0 queued as "));
	text_put(&text, view_of(message_id_format(id, name)));
	text_put(&text, VIEW("\r\n"));
	inbound_reply_put(inbound, text_view(&text));
}
