#include "engine/wire/byline.h"

#include "engine/wire/originator.h"
#include "queue/base/check.h"
#include "queue/base/utf8.h"

#include <assert.h>

/* An address and its name, written with folds. */
#define MAILBOX_ROOM (ORIGINATOR_NAME_ROOM + ADDRESS_BYTES_MAX + 16)
/* Reply-To takes no further mailbox where so much would be passed. */
#define REPLIES_ROOM 3000
static_assert(MAILBOX_ROOM + REPLIES_ROOM + 2 * BYLINE_VALUE_MAX + 128 <= BYLINE_BYTES_MAX,
        "all lines fit");
/* A word without a space is never folded. */
static_assert(BYLINE_VALUE_MAX + ADDRESS_BYTES_MAX < 998, "no line is too long");

static bool byline_take_line(struct byline *byline, struct view *bytes, struct view *piece);
static bool byline_take_name(struct byline *byline, struct view *bytes, struct view *piece);
static bool byline_take_tail(struct byline *byline, struct view *bytes, struct view *piece);
static bool byline_take_value(struct byline *byline, struct view *bytes, struct view *piece);
static bool byline_begin_field(struct byline *byline, struct view *piece);
static enum byline_state byline_fate(const struct byline *byline, struct view name);
static bool byline_hold(struct byline *byline, struct view bytes);
static bool byline_judge(struct byline *byline, struct view *piece);
static struct byline_place byline_put_from(
        const struct byline *byline, struct view value, struct text *text);
static void byline_put_replies(
        const struct byline *byline, struct view value, struct view sender, struct text *text);
static void byline_put_original(
        const struct byline *byline, struct view value, struct view sender, struct text *text);

void byline_init(struct byline *byline, enum byline_rule rule, struct view address, bool allow_utf8)
{
	check(address.bytes > 0);
	check(address.bytes <= ADDRESS_BYTES_MAX);
	byline->address = address;
	byline->rule = rule;
	byline->state = BYLINE_LINE;
	byline->field = BYLINE_BODY;
	byline->allow_utf8 = allow_utf8;
	byline->kept = false;
	byline->seen = false;
	byline->cut = false;
	byline->has_reply_to = false;
	byline->name_bytes = 0;
	byline->value_at = 0;
	byline->from_bytes = 0;
}

bool byline_read(struct byline *byline, struct view *bytes, struct view *piece)
{
	bool gives = false;

	while (bytes->bytes > 0 && !gives) {
		switch (byline->state) {
		case BYLINE_LINE:
			gives = byline_take_line(byline, bytes, piece);
			break;
		case BYLINE_CR: /* a blank line, or no line of a header: the body begins */
			byline->state = BYLINE_BODY;
			*piece = VIEW("\r");
			gives = true;
			break;
		case BYLINE_NAME:
		case BYLINE_SPACE:
			gives = byline_take_name(byline, bytes, piece);
			break;
		case BYLINE_TAIL:
		case BYLINE_GAP:
			gives = byline_take_tail(byline, bytes, piece);
			break;
		case BYLINE_PASS:
		case BYLINE_HOLD:
		case BYLINE_DROP:
			gives = byline_take_value(byline, bytes, piece);
			break;
		case BYLINE_BODY:
			*piece = *bytes;
			*bytes = view_skip(*bytes, bytes->bytes);
			gives = true;
			break;
		}
	}
	return gives;
}

static bool byline_replaces(const struct byline *byline)
{
	return byline->rule != BYLINE_REPAIR;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool byline_take_line(struct byline *byline, struct view *bytes, struct view *piece)
{
	const char c = bytes->data[0];

	if (is_blank(c) && byline->field != BYLINE_BODY) {
		byline->state = byline->field;
		return false;
	}
	if (byline->field == BYLINE_HOLD) {
		byline->field = BYLINE_DROP;
		return byline_judge(byline, piece);
	}
	byline->name_bytes = 0;
	byline->state = BYLINE_NAME;
	if (c == '\r') {
		byline->state = BYLINE_CR;
		*bytes = view_skip(*bytes, 1);
	} else if (c == '\n') {
		byline->state = BYLINE_BODY;
	}
	return false;
}

/* What was kept back of a line that is none of ours. */
static bool byline_let_go(struct byline *byline, enum byline_state state, struct view *piece)
{
	*piece = view_from(byline->name, byline->name_bytes);
	byline->state = state;
	return byline->name_bytes > 0;
}

static bool byline_take_name(struct byline *byline, struct view *bytes, struct view *piece)
{
	const char c = bytes->data[0];
	const bool blank = is_blank(c) && byline->name_bytes > 0;
	const bool colon = c == ':' && byline->name_bytes > 0;

	if (!colon && !blank && (c <= ' ' || c > '~' || c == ':' || byline->state == BYLINE_SPACE))
		return byline_let_go(byline, BYLINE_BODY, piece);
	const bool full = byline->name_bytes == BYLINE_NAME_MAX - 1;
	const struct view name = view_trim(view_from(byline->name, byline->name_bytes));
	if (full && blank && byline_fate(byline, name) != BYLINE_PASS) {
		*bytes = view_skip(*bytes, 1); /* spaces must not hide a name */
		return false;
	}
	if (full && !colon)
		return byline_let_go(
		        byline, byline->state == BYLINE_NAME ? BYLINE_TAIL : BYLINE_GAP, piece);
	*bytes = view_skip(*bytes, 1);
	byline->name[byline->name_bytes++] = c;
	if (colon)
		return byline_begin_field(byline, piece);
	if (blank)
		byline->state = BYLINE_SPACE;
	return false;
}

static bool byline_take_tail(struct byline *byline, struct view *bytes, struct view *piece)
{
	size_t at = 0;

	while (at < bytes->bytes && byline->state != BYLINE_PASS && byline->state != BYLINE_BODY) {
		const char c = bytes->data[at];

		if (c == ':') {
			byline->state = byline->field = BYLINE_PASS;
		} else if (is_blank(c)) {
			byline->state = BYLINE_GAP;
		} else if (c <= ' ' || c > '~' || byline->state == BYLINE_GAP) {
			byline->state = BYLINE_BODY;
			break;
		}
		at++;
	}
	*piece = view_first(*bytes, at);
	*bytes = view_skip(*bytes, at);
	return at > 0;
}

/* The name with its colon is whole. */
static bool byline_begin_field(struct byline *byline, struct view *piece)
{
	const struct view name =
	        view_trim(view_from(byline->name, byline->name_bytes - 1 /* the colon */));
	const enum byline_state field = byline_fate(byline, name);

	byline->has_reply_to |= view_equal_fold(name, VIEW("Reply-To"));
	byline->field = field;
	byline->state = field;
	if (field == BYLINE_PASS)
		return byline_let_go(byline, BYLINE_PASS, piece);
	if (field == BYLINE_HOLD) {
		byline->seen = true;
		byline->from_bytes = 0;
		byline->value_at = byline->name_bytes;
		check(byline_hold(byline, view_from(byline->name, byline->name_bytes)));
	}
	return false;
}
static_assert(BYLINE_NAME_MAX < BYLINE_FROM_MAX, "a name is held whole");

/* What becomes of a field of this name. */
static enum byline_state byline_fate(const struct byline *byline, struct view name)
{
	const bool replaces = byline_replaces(byline);

	if (view_equal_fold(name, VIEW("From")) && replaces)
		return byline->seen ? BYLINE_DROP : BYLINE_HOLD;
	if (view_equal_fold(name, VIEW("From")))
		return byline->kept ? BYLINE_PASS : BYLINE_HOLD;
	/* It would say another name than From does. */
	if (view_equal_fold(name, VIEW("Sender")))
		return replaces ? BYLINE_DROP : BYLINE_PASS;
	/* Ours alone. */
	return view_equal_fold(name, VIEW("X-Sluice-Original-From")) ? BYLINE_DROP : BYLINE_PASS;
}

static bool byline_take_value(struct byline *byline, struct view *bytes, struct view *piece)
{
	const size_t end = view_find(*bytes, '\n');
	const struct view line = view_first(*bytes, end + 1);

	if (byline->state == BYLINE_HOLD && !byline_hold(byline, line)) {
		/* So much is no device's, and it may hold anything: it stays. */
		byline->kept = true;
		byline->field = BYLINE_PASS;
		byline->state = BYLINE_PASS;
		*piece = view_from(byline->from, byline->from_bytes);
		return true;
	}
	const bool passes = byline->state == BYLINE_PASS;
	if (end < bytes->bytes)
		byline->state = BYLINE_LINE;
	*piece = line;
	*bytes = view_skip(*bytes, line.bytes);
	return passes;
}

/* False, and nothing was taken: it does not fit, and must not be cut. */
static bool byline_hold(struct byline *byline, struct view bytes)
{
	const size_t room = BYLINE_FROM_MAX - byline->from_bytes;

	if (bytes.bytes > room && byline->rule == BYLINE_REPAIR)
		return false;
	byline->cut |= bytes.bytes > room;
	bytes = view_first(bytes, room);
	memcpy(byline->from + byline->from_bytes, bytes.data, bytes.bytes);
	byline->from_bytes += bytes.bytes;
	return true;
}

/* The value; of one that was cut, what was whole. */
static struct view byline_value(const struct byline *byline)
{
	struct view value =
	        view_from(byline->from + byline->value_at, byline->from_bytes - byline->value_at);

	while (byline->cut && value.bytes > 0 && value.data[value.bytes - 1] != ',')
		value.bytes--;
	return value;
}

static bool is_ours(const struct byline *byline, const struct originator *originator)
{
	struct address ours;
	struct address theirs;

	return byline->rule != BYLINE_OPEN &&
	       address_parse(byline->address, true, &ours) == ADDRESS_OK &&
	       address_parse(originator_address(originator), true, &theirs) == ADDRESS_OK &&
	       address_equal(&ours, &theirs);
}

/* A From is whole. True: it stays, and *piece is all of it. A group has a name that may be
 * anybody's: it is never ours. */
static bool byline_judge(struct byline *byline, struct view *piece)
{
	const struct view value = byline_value(byline);
	const bool grouped = view_find(value, ':') < value.bytes;
	struct view rest = value;
	struct originator originator;
	size_t count = 0;
	size_t possible = 0;
	bool ours = true;

	while (originator_next(&rest, byline->allow_utf8, &originator)) {
		count++;
		possible += originator.address_bytes > 0;
		ours = ours && originator.address_bytes > 0 && is_ours(byline, &originator);
	}
	byline->kept = byline->rule == BYLINE_REPAIR
	                       ? possible > 0
	                       : count == 1 && ours && !grouped && !byline->cut;
	*piece = view_from(byline->from, byline->from_bytes);
	return byline->kept;
}

bool byline_finish(struct byline *byline, struct view *piece)
{
	const enum byline_state state = byline->state;
	const bool held =
	        byline->field == BYLINE_HOLD && (state == BYLINE_HOLD || state == BYLINE_LINE);

	byline->state = BYLINE_BODY;
	byline->field = BYLINE_BODY;
	if (held)
		return byline_judge(byline, piece);
	if (state == BYLINE_CR) {
		*piece = VIEW("\r");
		return true;
	}
	if (state == BYLINE_NAME || state == BYLINE_SPACE)
		return byline_let_go(byline, BYLINE_BODY, piece);
	return false;
}

/* Writing. */

struct byline_place byline_put(const struct byline *byline, struct view sender, struct text *text)
{
	const struct view value = byline_value(byline);
	struct byline_place place = { 0 };

	check(byline->state == BYLINE_BODY);
	if (byline->kept)
		return place;
	place = byline_put_from(byline, value, text);
	if (byline_replaces(byline) && !byline->has_reply_to)
		byline_put_replies(byline, value, sender, text);
	byline_put_original(byline, value, sender, text);
	return place;
}

/* Its first name is kept; and its address stands where ours is still open. */
static struct byline_place byline_put_from(
        const struct byline *byline, struct view value, struct text *text)
{
	const bool open = byline->rule == BYLINE_OPEN;
	struct view address = byline->address;
	struct originator originator;

	if (!originator_next(&value, byline->allow_utf8, &originator))
		originator = (struct originator){ .name = VIEW_INIT("") };
	if (open && originator.address_bytes > 0)
		address = originator_address(&originator);
	text_put(text, VIEW("From:"));
	originator_put_for(text, &originator, address, open ? ADDRESS_BYTES_MAX : address.bytes,
	        byline->allow_utf8);
	const size_t behind = text->bytes - strlen(">");
	text_put(text, VIEW("\r\n"));
	if (!open)
		return (struct byline_place){ 0 };
	return (struct byline_place){ behind - address.bytes, address.bytes };
}

static void byline_put_replies(
        const struct byline *byline, struct view value, struct view sender, struct text *text)
{
	const size_t begun = text->bytes;
	struct originator originator;
	bool possible = false;
	size_t count = 0;

	while (count < BYLINE_REPLIES_MAX && text->bytes - begun < REPLIES_ROOM - MAILBOX_ROOM &&
	        originator_next(&value, byline->allow_utf8, &originator)) {
		possible |= originator.address_bytes > 0;
		if (originator.address_bytes == 0 || is_ours(byline, &originator))
			continue;
		text_put(text, count++ == 0 ? VIEW("Reply-To:") : VIEW(","));
		originator_put(
		        text, &originator, originator_address(&originator), byline->allow_utf8);
	}
	/* No address in From: who reads it can still answer the one of the envelope. */
	if (!possible && originator_next(&sender, byline->allow_utf8, &originator) &&
	        originator.address_bytes > 0 && !is_ours(byline, &originator)) {
		count++;
		text_put(text, VIEW("Reply-To:"));
		originator_put(
		        text, &originator, originator_address(&originator), byline->allow_utf8);
	}
	if (count > 0)
		text_put(text, VIEW("\r\n"));
}

/* Word by word, so that no fold and no control of it comes through. */
static void byline_put_original(
        const struct byline *byline, struct view value, struct view sender, struct text *text)
{
	struct view rest = byline->seen ? value : sender;

	if (byline->cut && rest.bytes == 0)
		rest = view_skip(view_from(byline->from, byline->from_bytes), byline->value_at);
	rest = view_first(rest, BYLINE_VALUE_MAX);
	const bool keep = byline->allow_utf8 && utf8_is_valid(rest);
	bool begun = false;
	while (rest.bytes > 0) {
		size_t end = 0;

		while (end < rest.bytes && (unsigned char)rest.data[end] > ' ')
			end++;
		if (end > 0 && !begun)
			text_put(text, VIEW("X-Sluice-Original-From:"));
		if (end > 0)
			originator_put_space(text, end);
		begun |= end > 0;
		for (size_t i = 0; i < end; i++) {
			const unsigned char c = (unsigned char)rest.data[i];
			text_put_byte(text, c == 0x7f || (c > 0x7f && !keep) ? '?' : (char)c);
		}
		rest = view_skip(rest, end < rest.bytes ? end + 1 : end);
	}
	if (begun)
		text_put(text, VIEW("\r\n"));
}
