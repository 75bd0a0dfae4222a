#include "engine/wire/write.h"

#include "queue/base/check.h"

static const struct view crlf = VIEW_INIT("\r\n");

/* No control character may go out, and no space: it would begin another parameter. An address may
 * hold spaces and brackets within quotes, and ends with a bracket elsewhere. What comes here was
 * parsed when it came in; this is the last door. */
static bool write_is_safe(struct view value, bool address)
{
	bool quoted = false;

	for (size_t i = 0; i < value.bytes; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (c < ' ' || c == 0x7f)
			return false;
		if (address && quoted && c == '\\' && i + 1 < value.bytes) {
			if ((unsigned char)value.data[++i] < ' ')
				return false;
			continue;
		}
		if (address && c == '"')
			quoted = !quoted;
		else if (!quoted && (c == ' ' || (address && (c == '<' || c == '>'))))
			return false;
	}
	return !quoted;
}

/* Either the whole line stands in the text, or nothing of it. */
static bool write_end(struct text *text, struct text before)
{
	text_put(text, crlf);
	if (!text->overflow || before.overflow)
		return !text->overflow;
	*text = before;
	return false;
}

bool write_word(struct text *text, enum write_word word)
{
	static const char *const words[] = {
#define X(name, string) string,
		WRITE_WORDS(X)
#undef X
	};
	struct text before = *text;

	check(word < WRITE_WORD_COUNT);
	text_put(text, view_of(words[word]));
	return write_end(text, before);
}

static bool write_hello(struct text *text, struct view verb, struct view name)
{
	struct text before = *text;

	if (name.bytes == 0 || !write_is_safe(name, false))
		return false;
	text_put(text, verb);
	text_put(text, name);
	return write_end(text, before);
}

bool write_ehlo(struct text *text, struct view name)
{
	return write_hello(text, VIEW("EHLO "), name);
}

bool write_helo(struct text *text, struct view name)
{
	return write_hello(text, VIEW("HELO "), name);
}

bool write_mail(struct text *text, const struct write_mail *mail)
{
	struct text before = *text;

	if (!write_is_safe(mail->sender, true) || !write_is_safe(mail->envid, false))
		return false;
	text_put(text, VIEW("MAIL FROM:<"));
	text_put(text, mail->sender);
	text_put(text, VIEW(">"));
	if (mail->with_size) {
		text_put(text, VIEW(" SIZE="));
		text_put_u64(text, mail->size);
	}
	if (mail->body == WRITE_BODY_7BIT)
		text_put(text, VIEW(" BODY=7BIT"));
	if (mail->body == WRITE_BODY_8BITMIME)
		text_put(text, VIEW(" BODY=8BITMIME"));
	if (mail->smtputf8)
		text_put(text, VIEW(" SMTPUTF8"));
	if (mail->ret == MESSAGE_RET_FULL)
		text_put(text, VIEW(" RET=FULL"));
	if (mail->ret == MESSAGE_RET_HEADERS)
		text_put(text, VIEW(" RET=HDRS"));
	if (mail->envid.bytes > 0) {
		text_put(text, VIEW(" ENVID="));
		text_put(text, mail->envid);
	}
	return write_end(text, before);
}

static void write_notify(struct text *text, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ NOTIFY_NEVER, "NEVER" },
		{ NOTIFY_SUCCESS, "SUCCESS" },
		{ NOTIFY_FAILURE, "FAILURE" },
		{ NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		text_put(text, view_of(before));
		text_put(text, view_of(words[i].word));
		before = ",";
	}
}

bool write_rcpt(struct text *text, const struct write_rcpt *rcpt)
{
	struct text before = *text;

	check((rcpt->notify & ~(unsigned)NOTIFY_ALL) == 0);
	if (rcpt->recipient.bytes == 0 || !write_is_safe(rcpt->recipient, true) ||
	        !write_is_safe(rcpt->orcpt, false))
		return false;
	text_put(text, VIEW("RCPT TO:<"));
	text_put(text, rcpt->recipient);
	text_put(text, VIEW(">"));
	write_notify(text, rcpt->notify);
	if (rcpt->orcpt.bytes > 0) {
		text_put(text, VIEW(" ORCPT="));
		text_put(text, rcpt->orcpt);
	}
	return write_end(text, before);
}

bool write_bdat(struct text *text, uint64_t bytes, bool last)
{
	struct text before = *text;

	text_put(text, VIEW("BDAT "));
	text_put_u64(text, bytes);
	if (last)
		text_put(text, VIEW(" LAST"));
	return write_end(text, before);
}
