#include "engine/wire/stamp.h"

#include "queue/base/date.h"

/* A client's word within a header: nothing that could end the line, the word or a comment. */
static bool stamp_is_safe(char c)
{
	switch (c) {
	case '(':
	case ')':
	case '<':
	case '>':
	case '\\':
	case '"':
	case ';':
	case ',':
		return false;
	default:
		return c > ' ' && c <= '~';
	}
}

static void stamp_put_safe(struct text *text, struct view word)
{
	while (word.bytes > 0) {
		size_t safe = 0;
		while (safe < word.bytes && stamp_is_safe(word.data[safe]))
			safe++;
		text_put(text, view_first(word, safe));
		word = view_skip(word, safe);
		if (word.bytes == 0)
			return;
		text_put_byte(text, '?');
		word = view_skip(word, 1);
	}
}

/* An address was parsed when it came: quotes and backslashes are balanced in it. UTF-8 passes,
 * since only a message that has SMTPUTF8 anyway can have it. */
static void stamp_put_address(struct text *text, struct view address)
{
	for (size_t i = 0; i < address.bytes; i++) {
		unsigned char c = (unsigned char)address.data[i];
		text_put_byte(text, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
}

const char *stamp_protocol(const struct stamp *stamp)
{
	/* [tls][signed in] */
	static const char *const ascii[2][2] = { { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } };
	static const char *const utf8[2][2] = { { "UTF8SMTP", "UTF8SMTPA" },
		{ "UTF8SMTPS", "UTF8SMTPSA" } };

	if (!stamp->esmtp)
		return "SMTP";
	return (stamp->smtputf8 ? utf8 : ascii)[stamp->tls][stamp->signed_in];
}

void stamp_put_received(struct text *text, const struct stamp *stamp)
{
	bool ipv6 = view_find(stamp->client, ':') < stamp->client.bytes;

	text_put(text, VIEW("Received: from "));
	if (stamp->hello.bytes > 0)
		stamp_put_safe(text, stamp->hello);
	else
		text_put(text, VIEW("unknown"));
	text_put(text, ipv6 ? VIEW(" ([IPv6:") : VIEW(" (["));
	stamp_put_safe(text, stamp->client);
	text_put(text, VIEW("])\r\n\tby "));
	stamp_put_safe(text, stamp->server);
	text_put(text, VIEW(" with "));
	text_put(text, view_of(stamp_protocol(stamp)));
	text_put(text, VIEW(" id "));
	stamp_put_safe(text, stamp->id);
	if (stamp->recipient.bytes > 0) {
		text_put(text, VIEW("\r\n\tfor <"));
		stamp_put_address(text, stamp->recipient);
		text_put(text, VIEW(">"));
	}
	text_put(text, VIEW(";\r\n\t"));
	date_put_mail(text, stamp->when);
	text_put(text, VIEW("\r\n"));
}

void stamp_put_message_id(struct text *text, struct view id, struct view server)
{
	text_put(text, VIEW("Message-ID: <"));
	stamp_put_safe(text, id);
	text_put(text, VIEW("@"));
	stamp_put_safe(text, server);
	text_put(text, VIEW(">\r\n"));
}

void stamp_put_date(struct text *text, struct wall when)
{
	text_put(text, VIEW("Date: "));
	date_put_mail(text, when);
	text_put(text, VIEW("\r\n"));
}
