#include "engine/wire/ndr_reader.h"

static bool text_is_address(struct view line);
static void text_quote(struct ndr_reader *reader, struct view line);
static void text_say(struct ndr_reader *reader, struct view reply);

/* Exchange's text has for each recipient its address on a line, then what was said; older ones
 * have a server's name there too:
 *     user@fabrikam.com
 *     Remote server returned '550 5.7.233 - Your message can't be sent ...'
 *     #550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##
 *     mail.contoso.com #<mail.contoso.com #5.1.1 smtp; 550 5.1.1 unknown> #SMTP#
 * and at last the header of the mail that it is about. */
void ndr_reader_text_line(struct ndr_reader *reader, struct view line)
{
	static const struct view returned = VIEW_INIT("remote server returned '");
	static const struct view server = VIEW_INIT("generating server:");
	static const struct view id = VIEW_INIT("message-id:");
	struct ndr *words = &reader->words;

	line = view_trim(line);
	if (reader->quoting) {
		text_quote(reader, line);
		return;
	}
	const size_t at = view_find_fold(line, returned);
	const size_t shell = view_find_fold(line, VIEW("#<"));
	if (at < line.bytes) {
		reader->quoting = true;
		reader->quote_bytes = 0;
		text_quote(reader, view_skip(line, at + returned.bytes));
	} else if (shell < line.bytes && view_contains_fold(line, VIEW("#SMTP#"))) {
		const struct view inner = view_skip(line, shell + 2);
		const size_t code = view_find(inner, '#');
		text_say(reader, code < inner.bytes ? view_skip(inner, code) : inner);
	} else if (line.bytes > 4 && line.data[0] == '#' && byte_is_digit(line.data[1])) {
		text_say(reader, line);
	} else if (view_starts_fold(line, server)) {
		if (words->reporter[0] == '\0')
			ndr_set(words->reporter, sizeof words->reporter,
			        view_trim(view_skip(line, server.bytes)));
	} else if (view_starts_fold(line, id)) {
		ndr_add_id(words, line, false);
	} else if (text_is_address(line)) {
		ndr_set(reader->address, sizeof reader->address,
		        view_first(line, view_find(line, '<')));
	}
}

/* "user@example.org", and nothing else but "<mailto:user@example.org>". */
static bool text_is_address(struct view line)
{
	const struct view address = view_first(line, view_find(line, '<'));
	const size_t at = view_find(address, '@');

	if (at == 0 || at + 1 >= address.bytes || address.bytes > NDR_ADDRESS_MAX)
		return false;
	for (size_t i = 0; i < address.bytes; i++)
		if (strchr(" \t,;:\"'()", address.data[i]) != NULL)
			return false;
	return true;
}

/* What stands between the quotes, over several lines where it was wrapped. */
static void text_quote(struct ndr_reader *reader, struct view line)
{
	const bool over = line.bytes == 0 || line.data[line.bytes - 1] == '\'';

	if (reader->quote_bytes > 0 && line.bytes > 0 && reader->quote_bytes < sizeof reader->quote)
		reader->quote[reader->quote_bytes++] = ' ';
	const struct view kept = view_first(line, sizeof reader->quote - reader->quote_bytes);
	if (kept.bytes > 0)
		memcpy(reader->quote + reader->quote_bytes, kept.data, kept.bytes);
	reader->quote_bytes += kept.bytes;
	if (!over)
		return;
	reader->quoting = false;
	text_say(reader, view_from(reader->quote, reader->quote_bytes));
}

/* Said of a recipient by its name, or of one that has no reply yet; the first word counts. */
static void text_say(struct ndr_reader *reader, struct view reply)
{
	struct ndr *words = &reader->words;
	const struct view address = view_of(reader->address);
	struct ndr_recipient *recipient = ndr_find_recipient(words, address);

	if (address.bytes == 0 && words->recipient_count > 0)
		return;
	if (recipient == NULL) {
		recipient = ndr_add_recipient(words);
		if (recipient == NULL)
			return;
		ndr_set(recipient->address, sizeof recipient->address, address);
		recipient->action = NDR_FAILED;
	}
	if (recipient->reply[0] != '\0')
		return;
	ndr_set_reply(recipient, reply, view_of(recipient->status));
	const struct view said = view_of(recipient->reply);
	if (recipient->status[0] == '\0' && said.bytes > 4)
		ndr_set(recipient->status, sizeof recipient->status,
		        ndr_status_of(view_skip(said, 4)));
}

void ndr_reader_text_end(struct ndr_reader *reader)
{
	if (reader->quoting)
		text_quote(reader, VIEW(""));
	reader->address[0] = '\0';
}
