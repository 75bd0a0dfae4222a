#include "engine/wire/eod.h"

#include "queue/base/check.h"

static const struct view crlf = VIEW_INIT("\r\n");
static const struct view dot = VIEW_INIT(".");
static const struct view nothing = { 0 };

void eod_init(struct eod *eod, enum endings_mode mode)
{
	*eod = (struct eod){ .state = EOD_AT_LINE, .mode = mode };
}

bool eod_is_refused(const struct eod *eod)
{
	return eod->mode == ENDINGS_REFUSE && (eod->bare_cr || eod->bare_lf);
}

/* The byte behind a CR. LF makes them a line end (or the end); else the CR stood alone, and the
 * byte is looked at again, as one within the line. */
static struct view eod_after_cr(struct eod *eod, struct view *input)
{
	if (input->data[0] != '\n') {
		eod->state = EOD_IN_LINE;
		eod->bare_cr = true;
		return crlf;
	}
	*input = view_skip(*input, 1);
	if (eod->state == EOD_HELD_DOT_CR) {
		eod->state = EOD_OVER;
		return nothing;
	}
	eod->state = EOD_AT_LINE;
	return crlf;
}

/* As many bytes as go through unchanged; or one bare CR or LF. */
static struct view eod_in_line(struct eod *eod, struct view *input)
{
	enum endings_stop stop;
	struct view run = view_first(*input, endings_run(*input, &stop));

	*input = view_skip(*input, run.bytes);
	eod->state = EOD_IN_LINE;
	if (stop == ENDINGS_STOP_AT_LINE) {
		eod->state = EOD_AT_LINE;
	} else if (stop == ENDINGS_STOP_CR) {
		*input = view_skip(*input, 1);
		eod->state = EOD_HELD_CR;
	} else if (stop == ENDINGS_STOP_BARE && run.bytes == 0) {
		eod->bare_cr |= input->data[0] == '\r';
		eod->bare_lf |= input->data[0] == '\n';
		if (input->data[0] == '\n' && eod->mode == ENDINGS_REPAIR)
			eod->state = EOD_AT_REPAIRED;
		*input = view_skip(*input, 1);
		run = crlf;
	}
	return run;
}

/* Takes at least one byte off the input, or changes the state; gives what they become. */
static struct view eod_step(struct eod *eod, struct view *input)
{
	switch (eod->state) {
	case EOD_AT_LINE:
		if (input->data[0] != '.')
			return eod_in_line(eod, input);
		*input = view_skip(*input, 1);
		eod->state = EOD_HELD_DOT;
		return nothing;
	case EOD_AT_REPAIRED:
		if (input->data[0] != '.')
			return eod_in_line(eod, input);
		*input = view_skip(*input, 1);
		eod->state = EOD_REPAIRED_DOT;
		return nothing;
	case EOD_REPAIRED_DOT:
		/* It is content: the line goes on, and can't be the end. */
		eod->state = EOD_IN_LINE;
		if (input->data[0] == '.')
			*input = view_skip(*input, 1);
		return dot;
	case EOD_IN_LINE:
		return eod_in_line(eod, input);
	case EOD_HELD_DOT:
		if (input->data[0] != '\r')
			return eod_in_line(eod, input);
		*input = view_skip(*input, 1);
		eod->state = EOD_HELD_DOT_CR;
		return nothing;
	case EOD_HELD_CR:
	case EOD_HELD_DOT_CR:
		return eod_after_cr(eod, input);
	case EOD_OVER:
		break;
	}
	check(eod->state != EOD_OVER);
	return nothing;
}

enum eod_news eod_read(struct eod *eod, struct view *input, struct view *piece)
{
	while (input->bytes > 0) {
		*piece = eod_step(eod, input);
		if (eod->state == EOD_OVER)
			return EOD_END;
		if (piece->bytes > 0 && !eod_is_refused(eod))
			return EOD_PIECE;
	}
	return EOD_MORE;
}
