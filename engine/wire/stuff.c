#include "engine/wire/stuff.h"

#include "queue/base/check.h"
#include "engine/wire/endings.h"

static const struct view crlf = VIEW_INIT("\r\n");
static const struct view dot = VIEW_INIT(".");
static const struct view nothing = { 0 };
static const char nuls[64]; /* they are given so many at a time */

void stuff_init(struct stuff *stuff)
{
	*stuff = (struct stuff){ .state = STUFF_AT_LINE };
}

/* As many bytes as go through unchanged; or one bare CR or LF, which becomes a line end like
 * any other: a dot behind it starts a line. */
static struct view stuff_in_line(struct stuff *stuff, struct view *input)
{
	enum endings_stop stop;
	struct view run = view_first(*input, endings_run(*input, &stop));

	*input = view_skip(*input, run.bytes);
	stuff->state = STUFF_IN_LINE;
	if (stop == ENDINGS_STOP_AT_LINE) {
		stuff->state = STUFF_AT_LINE;
	} else if (stop == ENDINGS_STOP_CR) {
		*input = view_skip(*input, 1);
		stuff->state = STUFF_HELD_CR;
	} else if (stop == ENDINGS_STOP_BARE && run.bytes == 0) {
		*input = view_skip(*input, 1);
		stuff->state = STUFF_AT_LINE;
		run = crlf;
	}
	return run;
}

static struct view stuff_hold_nuls(struct stuff *stuff, struct view *input)
{
	size_t count = 0;

	while (count < input->bytes && input->data[count] == '\0')
		count++;
	*input = view_skip(*input, count);
	stuff->nuls += count;
	stuff->state = STUFF_HELD_NULS;
	return nothing;
}

static struct view stuff_give_nuls(struct stuff *stuff)
{
	const size_t count = stuff->nuls < sizeof nuls ? (size_t)stuff->nuls : sizeof nuls;

	check(count > 0);
	stuff->nuls -= count;
	stuff->state = stuff->nuls > 0 ? STUFF_NULS : STUFF_IN_LINE;
	return view_from(nuls, count);
}

static struct view stuff_step(struct stuff *stuff, struct view *input)
{
	check(stuff->state != STUFF_OVER);
	switch (stuff->state) {
	case STUFF_AT_LINE:
	case STUFF_HELD_NULS:
		if (input->data[0] == '\0')
			return stuff_hold_nuls(stuff, input);
		stuff->state = stuff->nuls > 0 ? STUFF_NULS : STUFF_IN_LINE;
		return input->data[0] == '.' ? dot : nothing;
	case STUFF_NULS:
		return stuff_give_nuls(stuff);
	case STUFF_HELD_CR:
		if (input->data[0] == '\n')
			*input = view_skip(*input, 1);
		stuff->state = STUFF_AT_LINE;
		return crlf;
	case STUFF_IN_LINE:
	case STUFF_OVER:
		break;
	}
	return stuff_in_line(stuff, input);
}

bool stuff_read(struct stuff *stuff, struct view *input, struct view *piece)
{
	while (input->bytes > 0) {
		*piece = stuff_step(stuff, input);
		if (piece->bytes > 0)
			return true;
	}
	return false;
}

bool stuff_finish(struct stuff *stuff, struct view *piece)
{
	check(stuff->state != STUFF_OVER);
	if (stuff->nuls > 0) {
		*piece = stuff_give_nuls(stuff);
		return true;
	}
	const bool at_line = stuff->state == STUFF_AT_LINE;

	stuff->state = STUFF_OVER;
	*piece = at_line ? VIEW(".\r\n") : VIEW("\r\n.\r\n");
	return false;
}
