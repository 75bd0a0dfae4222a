#include "engine/wire/header_walk.h"

enum walk_state {
	WALK_START, /* before the first line */
	WALK_LINE, /* before a line, behind a field that is whole unless this one goes on with it */
	WALK_NAME, /* in what may be a name */
	WALK_SPACE, /* between a name and its colon, an old form */
	WALK_VALUE, /* in a value */
	WALK_OVER,
};

static void walk_name_byte(struct header_walk *walk, char c);
static bool walk_give(struct header_walk *walk, struct view *name, struct view *value);

void header_walk_init(struct header_walk *walk)
{
	walk->name_bytes = 0;
	walk->value_bytes = 0;
	walk->state = WALK_START;
}

enum header_walk_news header_walk_next(
        struct header_walk *walk, struct view *bytes, struct view *name, struct view *value)
{
	while (bytes->bytes > 0 && walk->state != WALK_OVER) {
		const char c = bytes->data[0];

		if (walk->state == WALK_LINE) {
			const bool continues = c == ' ' || c == '\t';
			/* A byte of the next field is read again there. */
			walk->state = continues ? WALK_VALUE : WALK_START;
			if (!continues && walk_give(walk, name, value))
				return HEADER_WALK_FIELD;
		}
		*bytes = view_skip(*bytes, 1);
		switch ((enum walk_state)walk->state) {
		case WALK_START:
			walk->name_bytes = 0;
			walk->value_bytes = 0;
			walk->state = WALK_NAME;
			walk_name_byte(walk, c);
			break;
		case WALK_NAME:
			walk_name_byte(walk, c);
			break;
		case WALK_SPACE:
			if (c == ':')
				walk->state = WALK_VALUE;
			else if (c != ' ' && c != '\t')
				walk->state = WALK_OVER;
			break;
		default:
			if (c == '\n')
				walk->state = WALK_LINE;
			else if (c != '\r' && walk->value_bytes < HEADER_WALK_VALUE_MAX)
				walk->value[walk->value_bytes++] = c;
			break;
		}
	}
	return walk->state == WALK_OVER ? HEADER_WALK_OVER : HEADER_WALK_MORE;
}

static void walk_name_byte(struct header_walk *walk, char c)
{
	if (c == ':' && walk->name_bytes > 0) {
		walk->state = WALK_VALUE;
	} else if ((c == ' ' || c == '\t') && walk->name_bytes > 0) {
		walk->state = WALK_SPACE;
	} else if (c <= ' ' || c > '~' || c == ':') {
		walk->state = WALK_OVER; /* the blank line, or no header any more */
	} else {
		if (walk->name_bytes < HEADER_WALK_NAME_MAX)
			walk->name[walk->name_bytes] = c;
		if (walk->name_bytes <= HEADER_WALK_NAME_MAX)
			walk->name_bytes++;
	}
}

/* False: a name that is too long is none that anybody looks for. */
static bool walk_give(struct header_walk *walk, struct view *name, struct view *value)
{
	if (walk->name_bytes > HEADER_WALK_NAME_MAX)
		return false;
	*name = view_from(walk->name, walk->name_bytes);
	*value = view_trim(view_from(walk->value, walk->value_bytes));
	return true;
}

bool header_walk_finish(struct header_walk *walk, struct view *name, struct view *value)
{
	const bool whole = walk->state == WALK_VALUE || walk->state == WALK_LINE;

	walk->state = WALK_OVER;
	return whole && walk_give(walk, name, value);
}
