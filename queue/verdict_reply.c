#include "queue/verdict_reply.h"

#include "queue/base/check.h"

#define WAIT_S_MAX (7 * 86400) /* what states more is not believed */

/* One line of a reply: its codes, and the rest. */
struct line {
	uint16_t code;
	struct enhanced enhanced;
	struct view rest;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static bool is_word(char c)
{
	/* Bytes of UTF-8 are letters here, so that a feature never ends inside one. */
	return byte_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

static struct view skip_spaces(struct view view)
{
	while (view.bytes > 0 && is_space(view.data[0]))
		view = view_skip(view, 1);
	return view;
}

/* One to three digits; 0 taken means none. */
static size_t take_number(struct view *view, uint16_t *number)
{
	size_t digits = 0;
	*number = 0;
	while (digits < view->bytes && digits < 4 && byte_is_digit(view->data[digits])) {
		*number = (uint16_t)(*number * 10 + (view->data[digits] - '0'));
		digits++;
	}
	if (digits > 3)
		return 0;
	*view = view_skip(*view, digits);
	return digits;
}

/* "550", then a space, a hyphen or the end. Codes start with 2 to 5. */
static bool take_code(struct view *view, uint16_t *code)
{
	struct view at = *view;
	uint16_t number;
	if (at.bytes < 3 || at.data[0] < '2' || at.data[0] > '5')
		return false;
	if (take_number(&at, &number) != 3)
		return false;
	if (at.bytes > 0 && at.data[0] != '-' && !is_space(at.data[0]))
		return false;
	if (at.bytes > 0)
		at = view_skip(at, 1);
	*code = number;
	*view = at;
	return true;
}

/* "5.7.139", perhaps behind a '#', not the beginning of an address: no digit, letter or further
 * ".digit" may follow. */
static bool take_enhanced(struct view *view, struct enhanced *enhanced)
{
	struct view at = skip_spaces(*view);
	struct enhanced found;
	if (at.bytes > 0 && at.data[0] == '#')
		at = view_skip(at, 1);
	if (take_number(&at, &found.class) != 1)
		return false;
	if (found.class != 2 && found.class != 4 && found.class != 5)
		return false;
	if (at.bytes == 0 || at.data[0] != '.')
		return false;
	at = view_skip(at, 1);
	if (take_number(&at, &found.subject) == 0 || at.bytes == 0 || at.data[0] != '.')
		return false;
	at = view_skip(at, 1);
	if (take_number(&at, &found.detail) == 0)
		return false;
	if (at.bytes > 0 && is_word(at.data[0]))
		return false;
	if (at.bytes > 1 && at.data[0] == '.' && byte_is_digit(at.data[1]))
		return false;
	*enhanced = found;
	*view = at;
	return true;
}

/* Trailers: "[host]", "[host time id]", "[Hostname=host]", several in a row. Other groups stay:
 * "[Message=Socket error code 10061]" says something, and so does an address. */
static bool is_trailer(struct view group)
{
	if (view_starts_fold(group, VIEW("hostname=")))
		return true;
	size_t end = 0;
	bool dotted = false;
	bool lettered = false;
	for (; end < group.bytes && !is_space(group.data[end]); end++) {
		if (group.data[end] == '=' || group.data[end] == ':')
			return false;
		dotted = dotted || group.data[end] == '.';
		if (is_word(group.data[end]) && !byte_is_digit(group.data[end]))
			lettered = true;
	}
	return dotted && lettered;
}

static struct view cut_trailers(struct view text)
{
	for (;;) {
		while (text.bytes > 0 && is_space(text.data[text.bytes - 1]))
			text.bytes--;
		if (text.bytes == 0 || text.data[text.bytes - 1] != ']')
			return text;
		size_t open = text.bytes - 1;
		while (open > 0 && text.data[open] != '[')
			open--;
		if (text.data[open] != '[')
			return text;
		if (!is_trailer(view_from(text.data + open + 1, text.bytes - open - 2)))
			return text;
		text.bytes = open;
	}
}

/* Between two servers of others: Exchange Online's own words for what happened there come first,
 * and the reply that it got there is not about us. */
static bool tells_of_others(struct enhanced enhanced)
{
	return enhanced.detail >= 300 && enhanced.detail <= 399;
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* The innermost reply that is quoted behind a colon: a code and an enhanced code together, since
 * a number alone proves nothing. */
static bool find_quoted(struct view text, struct line *quoted)
{
	bool found = false;
	for (size_t i = 0; i + 1 < text.bytes; i++) {
		if (text.data[i] != ':' || !is_space(text.data[i + 1]))
			continue;
		struct view at = skip_spaces(view_skip(text, i + 1));
		if (at.bytes > 0 && is_quote(at.data[0]))
			at = view_skip(at, 1);
		struct line line;
		if (!take_code(&at, &line.code) || line.code < 400)
			continue;
		if (!take_enhanced(&at, &line.enhanced))
			continue;
		line.rest = at;
		*quoted = line;
		found = true;
	}
	return found;
}

/* A number that may begin a code: not the middle of a word, an address or a version. */
static bool begins_code(struct view text, size_t at)
{
	if (!byte_is_digit(text.data[at]))
		return false;
	if (at == 0)
		return true;
	char before = text.data[at - 1];
	return !is_word(before) && before != '.' && before != '-';
}

/* The refusal that a text tells of which is no reply itself, as programs and reports do ("Remote
 * Server returned '550 5.7.64 ...'"): the first code and enhanced code together, else the first
 * enhanced code. */
static bool find_told(struct view text, struct line *told)
{
	bool found = false;
	for (size_t i = 0; i < text.bytes; i++) {
		if (!begins_code(text, i))
			continue;
		struct view at = view_skip(text, i);
		struct line line = { 0 };
		bool coded = take_code(&at, &line.code) && line.code >= 400;
		if (!take_enhanced(&at, &line.enhanced) || line.enhanced.class < 4)
			continue;
		if (!coded)
			line.code = 0;
		line.rest = at;
		if (coded || !found)
			*told = line;
		if (coded)
			return true;
		found = true;
	}
	return found;
}

static void append_text(struct verdict_reply *reply, struct view text)
{
	bool space = reply->text_bytes > 0;
	for (size_t i = 0; i < text.bytes; i++) {
		if (is_space(text.data[i])) {
			space = reply->text_bytes > 0;
			continue;
		}
		if (reply->text_bytes + 2 > sizeof reply->text)
			return;
		if (space)
			reply->text[reply->text_bytes++] = ' ';
		reply->text[reply->text_bytes++] = byte_lower(text.data[i]);
		space = false;
	}
}

/* Cuts the next line off the front. */
static struct view take_line(struct view *bytes)
{
	size_t end = view_find(*bytes, '\n');
	end = view_find(view_first(*bytes, end), '\r');
	struct view line = view_first(*bytes, end);
	*bytes = view_skip(*bytes, end < bytes->bytes ? end + 1 : end);
	return line;
}

static void take_codes(struct verdict_reply *reply, const struct line *line)
{
	if (reply->code == 0) {
		reply->code = line->code;
		reply->judged_code = line->code;
	}
	if (reply->enhanced.class == 0)
		reply->enhanced = line->enhanced;
	if (reply->judged_code == reply->code && reply->judged_enhanced.class == 0)
		reply->judged_enhanced = line->enhanced;
}

static bool is_success(const struct verdict_reply *reply)
{
	return reply->code > 0 && reply->code < 400;
}

static void read_line(struct verdict_reply *reply, struct view text, bool words)
{
	struct line line = { .rest = skip_spaces(text) };
	if (take_code(&line.rest, &line.code)) {
		take_enhanced(&line.rest, &line.enhanced);
		take_codes(reply, &line);
	} else if (reply->code == 0 && reply->enhanced.class == 0 && find_told(line.rest, &line)) {
		/* What stood before is about who tells it. */
		reply->text_bytes = 0;
		take_codes(reply, &line);
	}
	struct line quoted;
	if (!is_success(reply) && !tells_of_others(reply->enhanced) &&
	        find_quoted(line.rest, &quoted)) {
		/* What stood before is about the reply that quotes. */
		reply->text_bytes = 0;
		reply->judged_code = quoted.code;
		reply->judged_enhanced = quoted.enhanced;
		line.rest = quoted.rest;
	}
	if (words || !is_success(reply))
		append_text(reply, cut_trailers(line.rest));
}

static void read_reply(struct verdict_reply *reply, struct view bytes, bool words)
{
	struct view rest = bytes;

	reply->unread = VIEW("");
	reply->code = 0;
	reply->judged_code = 0;
	reply->enhanced = (struct enhanced){ 0 };
	reply->judged_enhanced = (struct enhanced){ 0 };
	reply->text_bytes = 0;
	while (rest.bytes > 0)
		read_line(reply, take_line(&rest), words);
	if (!words && is_success(reply))
		reply->unread = bytes;
	/* "5.7.60 SMTP; ...", as some libraries hand it on: the class is that of the code. */
	if (reply->judged_code == 0 && reply->judged_enhanced.class != 0)
		reply->judged_code = (uint16_t)(reply->judged_enhanced.class * 100 + 50);
	check(reply->text_bytes <= sizeof reply->text);
}

void verdict_reply_read(struct verdict_reply *reply, struct view bytes)
{
	read_reply(reply, bytes, false);
}

/* Where a piece of a feature ends when it starts at `at`, or 0 when it does not fit there. */
static size_t piece_end(struct view text, size_t at, struct view piece)
{
	for (size_t i = 0; i < piece.bytes; i++) {
		bool before = at > 0 && is_word(text.data[at - 1]);
		bool after = at < text.bytes && is_word(text.data[at]);
		if (piece.data[i] == '<' || piece.data[i] == '>') {
			if (before && after)
				return 0;
			continue;
		}
		if (at == text.bytes)
			return 0;
		if (piece.data[i] == '#') {
			if (!byte_is_digit(text.data[at]))
				return 0;
			while (at < text.bytes && byte_is_digit(text.data[at]))
				at++;
			continue;
		}
		if (text.data[at] != piece.data[i])
			return 0;
		at++;
	}
	return at;
}

/* The first place at or behind `from` where the piece fits; gives its end, 0 for none. */
static size_t find_piece(struct view text, size_t from, struct view piece)
{
	/* Most places fail at the first letter: let memchr pass them. */
	size_t first = 0;
	while (first < piece.bytes && (piece.data[first] == '<' || piece.data[first] == '>'))
		first++;
	while (from < text.bytes) {
		if (first < piece.bytes && piece.data[first] != '#') {
			const char *next =
			        memchr(text.data + from, piece.data[first], text.bytes - from);
			if (next == NULL)
				return 0;
			from = (size_t)(next - text.data);
		}
		size_t end = piece_end(text, from, piece);
		if (end > 0)
			return end;
		from++;
	}
	return 0;
}

static struct view cut_at(struct view *pattern, char separator)
{
	size_t end = view_find(*pattern, separator);
	struct view head = view_first(*pattern, end);
	*pattern = view_skip(*pattern, end < pattern->bytes ? end + 1 : end);
	return head;
}

bool verdict_reply_has(const struct verdict_reply *reply, const char *feature)
{
	if (reply->unread.bytes > 0) {
		struct verdict_reply whole;
		read_reply(&whole, reply->unread, true);
		return verdict_reply_has(&whole, feature);
	}
	struct view text = view_from(reply->text, reply->text_bytes);
	struct view alternatives = view_of(feature);
	while (alternatives.bytes > 0) {
		struct view pieces = cut_at(&alternatives, '|');
		size_t at = 0;
		bool fits = pieces.bytes > 0;
		while (fits && pieces.bytes > 0) {
			at = find_piece(text, at, cut_at(&pieces, '*'));
			fits = at > 0;
		}
		if (fits)
			return true;
	}
	return false;
}

static int32_t unit_seconds(struct view word)
{
	static const struct {
		struct view word;
		int32_t seconds;
	} units[] = {
		{ VIEW_INIT("s"), 1 },
		{ VIEW_INIT("sec"), 1 },
		{ VIEW_INIT("secs"), 1 },
		{ VIEW_INIT("second"), 1 },
		{ VIEW_INIT("seconds"), 1 },
		{ VIEW_INIT("m"), 60 },
		{ VIEW_INIT("min"), 60 },
		{ VIEW_INIT("mins"), 60 },
		{ VIEW_INIT("minute"), 60 },
		{ VIEW_INIT("minutes"), 60 },
		{ VIEW_INIT("h"), 3600 },
		{ VIEW_INIT("hr"), 3600 },
		{ VIEW_INIT("hrs"), 3600 },
		{ VIEW_INIT("hour"), 3600 },
		{ VIEW_INIT("hours"), 3600 },
		{ VIEW_INIT("day"), 86400 },
		{ VIEW_INIT("days"), 86400 },
	};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (view_equal(word, units[i].word))
			return units[i].seconds;
	return 0;
}

/* "300 seconds", "10 mins/hr", "an hour", "30s"; 0: none of these. */
static int32_t read_duration(struct view text)
{
	size_t digits = 0;
	int32_t number = 0;
	while (digits < text.bytes && byte_is_digit(text.data[digits]) && number <= WAIT_S_MAX)
		number = number * 10 + (text.data[digits++] - '0');
	text = view_skip(text, digits);
	if (digits == 0) {
		struct view words = text;
		struct view one = cut_at(&words, ' ');
		if (!view_equal(one, VIEW("an")) && !view_equal(one, VIEW("a")) &&
		        !view_equal(one, VIEW("one")))
			return 0;
		number = 1;
		text = words;
	}
	if (text.bytes > 0 && text.data[0] == ' ')
		text = view_skip(text, 1);
	size_t letters = 0;
	while (letters < text.bytes && is_word(text.data[letters]))
		letters++;
	int32_t unit = unit_seconds(view_first(text, letters));
	if (unit == 0 || number > WAIT_S_MAX / unit)
		return 0;
	return number * unit;
}

int32_t verdict_reply_wait(const struct verdict_reply *reply)
{
	static const char *const cues[] = { "<in ", "<after ", "<for ", "<wait ", "<least ",
		"<within " };
	struct view text = view_from(reply->text, reply->text_bytes);
	for (size_t i = 0; i < sizeof cues / sizeof cues[0]; i++) {
		size_t at = 0;
		while ((at = find_piece(text, at, view_of(cues[i]))) > 0) {
			int32_t wait = read_duration(view_skip(text, at));
			if (wait > 0)
				return wait;
		}
	}
	return VERDICT_NO_WAIT;
}
