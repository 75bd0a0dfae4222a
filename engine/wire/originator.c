#include "engine/wire/originator.h"

#include "engine/wire/base64.h"
#include "queue/base/utf8.h"

/* Of UTF-8 in an encoded word, so that the word stays below RFC 2047's 75 characters. */
#define ENCODED_BYTES 42
/* Behind the longest name of a field that we write: X-Sluice-Original-From. */
#define FOLD_COLUMN_LEAST 23

/* One element of the list, as far as it was scanned. */
struct element {
	struct view before;  /* all of it up to the angle bracket */
	struct view inner;   /* between the brackets */
	struct view comment; /* the text of its last comment */
	bool angled;
};

static struct element element_scan(struct view *rest);
static void originator_fill(
        struct originator *originator, const struct element *element, bool allow_utf8);
static size_t address_read(struct view spec, bool allow_utf8, char *room);
static void name_put(struct text *text, const struct originator *originator, bool allow_utf8);

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct view trim(struct view view)
{
	while (view.bytes > 0 && is_space(view.data[0]))
		view = view_skip(view, 1);
	while (view.bytes > 0 && is_space(view.data[view.bytes - 1]))
		view.bytes--;
	return view;
}

/* Index behind what begins at `at` and ends with `end`; the end of text where it never does. */
static size_t enclosed_end(struct view text, size_t at, char end)
{
	for (at++; at < text.bytes; at++) {
		if (text.data[at] == '\\')
			at++;
		else if (text.data[at] == end)
			return at + 1;
	}
	return text.bytes;
}

/* The same for a comment, which may hold others. */
static size_t comment_end(struct view text, size_t at)
{
	size_t depth = 0;

	for (; at < text.bytes; at++) {
		if (text.data[at] == '\\')
			at++;
		else if (text.data[at] == '(')
			depth++;
		else if (text.data[at] == ')' && --depth == 0)
			return at + 1;
	}
	return text.bytes;
}

/* The text between an opening byte and its closing one, if that is there. */
static struct view enclosed(struct view text, size_t at, size_t end, char closing)
{
	const bool closed = end > at + 1 && text.data[end - 1] == closing;

	return view_from(text.data + at + 1, end - at - 1 - (closed ? 1 : 0));
}

/* The end of what is between angle brackets: addresses may be quoted there. */
static size_t angle_end(struct view text, size_t at)
{
	while (at < text.bytes && text.data[at] != '>')
		at = text.data[at] == '"' ? enclosed_end(text, at, '"') : at + 1;
	return at < text.bytes ? at + 1 : text.bytes;
}

bool originator_next(struct view *rest, bool allow_utf8, struct originator *originator)
{
	while (rest->bytes > 0) {
		const struct element element = element_scan(rest);

		if (!element.angled && trim(element.before).bytes == 0)
			continue; /* between two commas, or an empty group */
		originator_fill(originator, &element, allow_utf8);
		return true;
	}
	return false;
}

static struct element element_scan(struct view *rest)
{
	struct element element = { .before = *rest, .comment = VIEW_INIT("") };
	const struct view text = *rest;
	size_t from = 0;
	size_t at = 0;
	size_t end;

	while (at < text.bytes && text.data[at] != ',' && text.data[at] != ';') {
		const char c = text.data[at];

		end = at + 1;
		if (c == '"') {
			end = enclosed_end(text, at, '"');
		} else if (c == '[') {
			end = enclosed_end(text, at, ']');
		} else if (c == '(') {
			end = comment_end(text, at);
			element.comment = enclosed(text, at, end, ')');
		} else if (c == '<' && !element.angled) {
			end = angle_end(text, at);
			element.angled = true;
			element.before = view_from(text.data + from, at - from);
			element.inner = enclosed(text, at, end, '>');
		} else if (c == ':' && !element.angled) {
			from = end; /* what came was the name of a group */
			element.comment = VIEW("");
		}
		at = end;
	}
	if (!element.angled)
		element.before = view_from(text.data + from, at - from);
	*rest = view_skip(text, at < text.bytes ? at + 1 : at);
	return element;
}

static void originator_fill(
        struct originator *originator, const struct element *element, bool allow_utf8)
{
	const struct view spec = element->angled ? element->inner : element->before;
	const struct view before = trim(element->before);

	originator->commented = false;
	originator->name = VIEW("");
	originator->address_bytes = address_read(spec, allow_utf8, originator->room);
	/* "root" is no address, but a name. */
	if (element->angled || view_find(before, '@') == before.bytes)
		originator->name = before;
	if (originator->name.bytes > 0 && originator->name.data[0] != '(')
		return;
	originator->name = trim(element->comment);
	originator->commented = true;
}

/* Without the spaces and comments that may stand around its dots and its @; and without a source
 * route. 0: it is none. */
static size_t address_read(struct view spec, bool allow_utf8, char *room)
{
	struct text text = text_on(room, ADDRESS_BYTES_MAX);
	struct address address;
	bool gap = false;

	spec = trim(spec);
	if (spec.bytes > 0 && spec.data[0] == '@') {
		const size_t colon = view_find(spec, ':');
		spec = view_skip(spec, colon < spec.bytes ? colon + 1 : 0);
	}
	for (size_t at = 0; at < spec.bytes && !text.overflow;) {
		const char c = spec.data[at];
		size_t end = at + 1;

		if (is_space(c) || c == '(') {
			at = c == '(' ? comment_end(spec, at) : end;
			gap = text.bytes > 0;
			continue;
		}
		const char last = text.bytes > 0 ? text.data[text.bytes - 1] : '.';
		if (gap && c != '.' && c != '@' && last != '.' && last != '@')
			return 0;
		gap = false;
		if (c == '"')
			end = enclosed_end(spec, at, '"');
		text_put(&text, view_from(spec.data + at, end - at));
		at = end;
	}
	if (text.overflow || address_parse(text_view(&text), allow_utf8, &address) != ADDRESS_OK)
		return 0;
	return text.bytes;
}

/* Writing. */

void originator_put_space(struct text *text, size_t bytes)
{
	size_t column = 0;

	while (column < text->bytes && text->data[text->bytes - 1 - column] != '\n')
		column++;
	/* A field does not begin with a fold. */
	const bool folds = column > FOLD_COLUMN_LEAST && column + 1 + bytes > ORIGINATOR_COLUMNS;
	text_put(text, folds ? VIEW("\r\n ") : VIEW(" "));
}

void originator_put(struct text *text, const struct originator *originator, struct view address,
        bool allow_utf8)
{
	originator_put_for(text, originator, address, address.bytes, allow_utf8);
}

void originator_put_for(struct text *text, const struct originator *originator, struct view address,
        size_t bytes_max, bool allow_utf8)
{
	char room[ORIGINATOR_NAME_ROOM];
	struct text name = TEXT_ON(room);
	struct text trial = *text;

	/* Once to see whether there is one, and that it is not too long. */
	name_put(&name, originator, allow_utf8);
	if (name.bytes > 0 && !name.overflow)
		name_put(&trial, originator, allow_utf8);
	if (!trial.overflow)
		*text = trial;
	originator_put_space(text, bytes_max + 2);
	text_put_byte(text, '<');
	text_put(text, address);
	text_put_byte(text, '>');
}

static bool is_atom(struct view word)
{
	for (size_t i = 0; i < word.bytes; i++) {
		const unsigned char c = (unsigned char)word.data[i];
		const char small = byte_lower(word.data[i]);
		if (c < 0x80 && !byte_is_digit((char)c) && (small < 'a' || small > 'z') &&
		        strchr("!#$%&'*+-/=?^_`{|}~.", (char)c) == NULL)
			return false;
	}
	return word.bytes > 0;
}

static void word_put(struct text *text, struct view word, bool quoted)
{
	originator_put_space(text, word.bytes + 2);
	if (!quoted && is_atom(word)) {
		text_put(text, word);
		return;
	}
	text_put_byte(text, '"');
	for (size_t i = 0; i < word.bytes; i++) {
		if (word.data[i] == '"' || word.data[i] == '\\')
			text_put_byte(text, '\\');
		text_put_byte(text, word.data[i]);
	}
	text_put_byte(text, '"');
}

/* UTF-8 in encoded words, none of which ends within a character. */
static void encoded_put(struct text *text, struct view plain)
{
	while (plain.bytes > 0) {
		size_t bytes = 0;

		while (bytes < plain.bytes) {
			const size_t more = utf8_sequence_bytes(view_skip(plain, bytes));
			if (bytes + more > ENCODED_BYTES)
				break;
			bytes += more;
		}
		originator_put_space(text, BASE64_ENCODED_BYTES(bytes) + 12);
		text_put(text, VIEW("=?utf-8?B?"));
		base64_encode(text, view_first(plain, bytes));
		text_put(text, VIEW("?="));
		plain = view_skip(plain, bytes);
	}
}

/* What may stand in a header: no controls; `keep` says whether bytes above 127 may. */
static char safe_byte(char c, bool keep)
{
	if (is_space(c))
		return ' ';
	const bool high = (unsigned char)c >= 0x80;
	return (high && keep) || (c > ' ' && c <= '~') ? c : '?';
}

/* The next word of a name, without its quotes and escapes. False: there are no more. */
static bool word_next(struct view *rest, bool commented, bool keep, struct text *word, bool *quoted)
{
	size_t at = 0;

	while (at < rest->bytes &&
	        (is_space(rest->data[at]) || (rest->data[at] == '(' && !commented)))
		at = rest->data[at] == '(' ? comment_end(*rest, at) : at + 1;
	*rest = view_skip(*rest, at);
	word->bytes = 0;
	*quoted = false;
	if (rest->bytes == 0)
		return false;
	*quoted = rest->data[0] == '"' && !commented;
	const size_t end = *quoted ? enclosed_end(*rest, 0, '"') : rest->bytes;
	struct view text = *quoted ? enclosed(*rest, 0, end, '"') : *rest;
	for (at = 0; at < text.bytes; at++) {
		char c = text.data[at];
		if (!*quoted && (is_space(c) || (!commented && (c == '"' || c == '('))))
			break;
		if (c == '\\' && at + 1 < text.bytes && (*quoted || commented))
			c = text.data[++at];
		c = safe_byte(c, keep);
		/* A fold within quotes is a space. */
		if (c != ' ' || word->bytes == 0 || word->data[word->bytes - 1] != ' ')
			text_put_byte(word, c);
	}
	*rest = view_skip(*rest, *quoted ? end : at);
	return true;
}

static void name_put(struct text *text, const struct originator *originator, bool allow_utf8)
{
	const struct view name = originator->name;
	char plain_room[ORIGINATOR_NAME_MAX];
	struct text plain = TEXT_ON(plain_room);
	char word_room[ORIGINATOR_NAME_MAX];
	struct text word = TEXT_ON(word_room);
	struct view rest = name;
	bool quoted;
	const bool keep = utf8_is_valid(name);

	if (name.bytes > ORIGINATOR_NAME_MAX)
		return;
	if (keep && !allow_utf8 && !utf8_is_ascii(name)) {
		while (word_next(&rest, originator->commented, true, &word, &quoted)) {
			if (plain.bytes > 0)
				text_put_byte(&plain, ' ');
			text_put(&plain, text_view(&word));
		}
		if (!plain.overflow && utf8_is_valid(text_view(&plain)))
			encoded_put(text, text_view(&plain));
		return;
	}
	while (word_next(&rest, originator->commented, keep && allow_utf8, &word, &quoted))
		word_put(text, text_view(&word), quoted);
}
