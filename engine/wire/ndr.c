#include "engine/wire/ndr.h"

#include "queue/base/check.h"

#define IS_ONE_OF(set, c) ((c) != '\0' && strchr((set), (c)) != NULL)

static const struct view action_words[] = {
#define X(name, word) VIEW_INIT(word),
	NDR_ACTIONS(X)
#undef X
};

void ndr_set(char *into, size_t size, struct view text)
{
	const struct view kept = view_first(text, size - 1);

	check(size > 0);
	for (size_t i = 0; i < kept.bytes; i++) {
		const unsigned char c = (unsigned char)kept.data[i];
		into[i] = c < ' ' || c == 127 ? ' ' : (char)c;
	}
	memset(into + kept.bytes, 0, size - kept.bytes);
}

void ndr_add_id(struct ndr *ndr, struct view text, bool first)
{
	const struct view from = view_skip(text, view_find(text, '<'));
	const size_t end = view_find(from, '>');
	char id[NDR_ID_MAX + 1];
	const size_t at = first ? 0 : ndr->id_count;

	/* A longer one is kept by nobody. */
	if (end == from.bytes || end < 2 || end >= NDR_ID_MAX)
		return;
	ndr_set(id, sizeof id, view_first(from, end + 1));
	for (size_t i = 0; i < ndr->id_count; i++) {
		if (strcmp(ndr->ids[i], id) != 0)
			continue;
		if (!first)
			return;
		memmove(ndr->ids[1], ndr->ids[0], i * sizeof ndr->ids[0]);
		memcpy(ndr->ids[0], id, sizeof id);
		return;
	}
	const bool full = ndr->id_count == NDR_IDS_MAX;
	if (full && !first)
		return;
	const size_t moved = (full ? NDR_IDS_MAX - 1 : ndr->id_count) - at;
	memmove(ndr->ids + at + 1, ndr->ids + at, moved * sizeof ndr->ids[0]);
	ndr->id_count += full ? 0 : 1;
	memcpy(ndr->ids[at], id, sizeof id);
}

struct ndr_recipient *ndr_add_recipient(struct ndr *ndr)
{
	if (ndr->recipient_count == NDR_RECIPIENTS_MAX) {
		ndr->recipients_missed++;
		return NULL;
	}
	struct ndr_recipient *recipient = &ndr->recipients[ndr->recipient_count++];
	*recipient = (struct ndr_recipient){ .action = NDR_UNKNOWN };
	return recipient;
}

struct ndr_recipient *ndr_find_recipient(struct ndr *ndr, struct view address)
{
	for (size_t i = 0; i < ndr->recipient_count; i++)
		if (view_equal_fold(view_of(ndr->recipients[i].address), address) ||
		        (ndr->recipients[i].original[0] != '\0' &&
		                view_equal_fold(view_of(ndr->recipients[i].original), address)))
			return &ndr->recipients[i];
	return NULL;
}

struct view ndr_status_of(struct view text)
{
	size_t parts = 1;
	size_t digits = 0;
	size_t at = 0;

	if (text.bytes == 0 || !IS_ONE_OF("245", text.data[0]))
		return VIEW("");
	for (; at < text.bytes; at++) {
		const bool dot = text.data[at] == '.';
		if (!dot && !byte_is_digit(text.data[at]))
			break;
		if (dot && (digits == 0 || parts == 3))
			break;
		parts += dot;
		digits = dot ? 0 : digits + 1;
		if (digits > 3 || (parts == 1 && digits > 1))
			return VIEW("");
	}
	return parts == 3 && digits > 0 ? view_first(text, at) : VIEW("");
}

/* "550 ", "550-", "550" and no more. */
static bool has_code(struct view text)
{
	if (text.bytes < 3 || !IS_ONE_OF("245", text.data[0]))
		return false;
	return text.data[1] >= '0' && text.data[1] <= '5' && byte_is_digit(text.data[2]) &&
	       (text.bytes == 3 || text.data[3] == ' ' || text.data[3] == '-');
}

/* What stands around a reply in Exchange's words. */
static struct view reply_shell(struct view text)
{
	static const struct view smtp = VIEW_INIT("smtp;");

	text = view_trim(text);
	while (text.bytes > 0 && IS_ONE_OF("#<' ", text.data[0]))
		text = view_skip(text, 1);
	const size_t at = view_find_fold(text, smtp);
	const bool type = at < text.bytes && view_find(view_first(text, at), ' ') == at;
	const bool code = at < text.bytes && ndr_status_of(text).bytes > 0;
	if (type || code)
		text = view_trim(view_skip(text, at + smtp.bytes));
	else if (view_find(text, ';') < view_find(text, ' ') && !has_code(text))
		text = view_trim(view_skip(text, view_find(text, ';') + 1)); /* X-Postfix; ... */
	const size_t mark = view_find_fold(text, VIEW("> #SMTP#"));
	text = view_first(text, mark);
	while (text.bytes > 0 && IS_ONE_OF("#'> ", text.data[text.bytes - 1]))
		text.bytes--;
	return text;
}

void ndr_set_reply(struct ndr_recipient *recipient, struct view text, struct view status)
{
	char room[NDR_REPLY_MAX + 1];
	struct text reply = TEXT_ON(room);

	text = reply_shell(text);
	if (text.bytes == 0 && status.bytes == 0)
		return;
	const struct view own = ndr_status_of(text);
	if (!has_code(text)) {
		const struct view shown = own.bytes > 0 ? own : status;
		/* Not told: what a report is about has failed for good. */
		const char class = shown.bytes > 0 ? shown.data[0] : '5';
		text_put(&reply, class == '4'   ? VIEW("450 ")
		                 : class == '2' ? VIEW("250 ")
		                                : VIEW("550 "));
		if (own.bytes == 0 && status.bytes > 0) {
			text_put(&reply, status);
			text_put_byte(&reply, ' ');
		}
	}
	text_put(&reply, text);
	/* The first line stands for all: no more than one was kept. */
	if (reply.bytes > 3 && room[3] == '-')
		room[3] = ' ';
	ndr_set(recipient->reply, sizeof recipient->reply, view_trim(text_view(&reply)));
}

enum ndr_action ndr_action_of(struct view word)
{
	for (size_t i = 0; i < sizeof action_words / sizeof action_words[0]; i++)
		if (view_equal_fold(word, action_words[i]))
			return (enum ndr_action)i;
	return NDR_UNKNOWN;
}

const char *ndr_action_word(enum ndr_action action)
{
	check(action < NDR_ACTION_COUNT);
	return action_words[action].data;
}
