#include "engine/wire/mend.h"

/* A command that has a path, and the word before it. */
struct mend_envelope {
	struct view verb;
	struct view word;
	const char *const *keywords; /* of its parameters; NULL ends them */
};

static const char *const mail_keywords[] = { "AUTH", "BODY", "ENVID", "RET", "SIZE", "SMTPUTF8",
	NULL };
static const char *const rcpt_keywords[] = { "NOTIFY", "ORCPT", NULL };

static const struct mend_envelope mend_mail = { VIEW_INIT("MAIL"), VIEW_INIT("FROM"),
	mail_keywords };
static const struct mend_envelope mend_rcpt = { VIEW_INIT("RCPT"), VIEW_INIT("TO"), rcpt_keywords };

static bool mend_is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool mend_is_right(struct view line)
{
	struct command command;
	struct command_mail mail;
	struct command_rcpt rcpt;
	struct view name;

	if (command_parse(line, &command) != COMMAND_FAULT_NONE)
		return false;
	switch (command.verb) {
	case COMMAND_MAIL:
		return command_mail_parse(command.arguments, &mail) == COMMAND_FAULT_NONE;
	case COMMAND_RCPT:
		return command_rcpt_parse(command.arguments, true, &rcpt) == COMMAND_FAULT_NONE;
	case COMMAND_EHLO:
	case COMMAND_HELO:
		return command_hello_parse(command.arguments, &name) == COMMAND_FAULT_NONE;
	default:
		return true;
	}
}

/* Takes the path off the text: what stands in angle brackets, closed or not, or else its first
 * word. */
static struct view mend_take_path(struct view *text)
{
	const size_t open = view_find(*text, '<');
	struct view rest = open < text->bytes ? view_skip(*text, open + 1) : *text;
	size_t end = view_find(rest, '>');

	if (open == text->bytes || end == rest.bytes) {
		rest = view_trim(rest);
		for (end = 0; end < rest.bytes && !mend_is_space(rest.data[end]);)
			end++;
	}
	const struct view path = view_trim(view_first(rest, end));
	*text = view_skip(rest, end);
	if (text->bytes > 0 && text->data[0] == '>')
		*text = view_skip(*text, 1);
	return path;
}

static bool mend_is_keyword(struct view word, const char *const *keywords)
{
	const struct view name = view_first(word, view_find(word, '='));

	for (; *keywords != NULL; keywords++)
		if (view_equal_fold(name, view_of(*keywords)))
			return true;
	return false;
}

/* Of what stands behind the path, the words that are parameters. */
static void mend_put_parameters(
        const struct mend_envelope *envelope, struct view text, struct text *mended)
{
	while ((text = view_trim(text)).bytes > 0) {
		size_t end = 0;

		while (end < text.bytes && !mend_is_space(text.data[end]))
			end++;
		const struct view word = view_first(text, end);
		text = view_skip(text, end);
		if (!mend_is_keyword(word, envelope->keywords))
			continue;
		text_put_byte(mended, ' ');
		text_put(mended, word);
	}
}

static bool mend_envelope_line(
        const struct mend_envelope *envelope, struct view line, struct text *mended)
{
	struct view rest = view_trim(view_skip(line, envelope->verb.bytes));
	const bool introduced = view_starts_fold(rest, envelope->word);

	if (introduced)
		rest = view_trim(view_skip(rest, envelope->word.bytes));
	const bool colon = rest.bytes > 0 && rest.data[0] == ':';
	if (colon)
		rest = view_skip(rest, 1);
	const struct view path = mend_take_path(&rest);
	/* An empty one is <>, if that may be meant. */
	if (path.bytes == 0 && !(introduced && colon))
		return false;
	mended->bytes = 0;
	text_put(mended, envelope->verb);
	text_put_byte(mended, ' ');
	text_put(mended, envelope->word);
	text_put(mended, VIEW(":<"));
	text_put(mended, path);
	text_put_byte(mended, '>');
	const size_t bare = mended->bytes;
	mend_put_parameters(envelope, rest, mended);
	if (!mended->overflow && mend_is_right(text_view(mended)))
		return true;
	mended->bytes = bare;
	return !mended->overflow && mend_is_right(text_view(mended));
}

static bool mend_hello(struct view verb, struct view name, struct text *mended)
{
	mended->bytes = 0;
	text_put(mended, verb);
	text_put_byte(mended, ' ');
	text_put(mended, name);
	return !mended->overflow && mend_is_right(text_view(mended));
}

bool mend_line(struct view line, struct view name, struct text *mended)
{
	const struct view trimmed = view_trim(line);
	struct command command;

	if (command_parse(line, &command) == COMMAND_FAULT_CONTROL || mend_is_right(line))
		return false;
	if (view_equal_fold(trimmed, VIEW("EHLO")) || view_equal_fold(trimmed, VIEW("HELO")))
		return mend_hello(trimmed, name, mended);
	if (view_starts_fold(trimmed, mend_mail.verb))
		return mend_envelope_line(&mend_mail, trimmed, mended);
	if (view_starts_fold(trimmed, mend_rcpt.verb))
		return mend_envelope_line(&mend_rcpt, trimmed, mended);
	return false;
}
