#include "engine/wire/endings.h"

#include "queue/base/check.h"
#include "queue/base/scan.h"

static const struct view crlf = VIEW_INIT("\r\n");

/* Index of the first CR or LF, or view.bytes. */
static size_t endings_find(struct view view)
{
	size_t at = 0;

	while (at < view.bytes && view.data[at] != '\r' && view.data[at] != '\n')
		at++;
	return at;
}

/* Bytes at the start of view among which nothing stops a run, as far as whole blocks go. It ends
 * before a line's end that the last of them begins. */
static size_t endings_skip(struct view view)
{
	uint64_t after_cr = 0; /* bit 0: the byte before this block is CR, */
	uint64_t after_lf = 0; /* or LF */
	size_t at = 0;

	for (; at + SCAN_BYTES <= view.bytes; at += SCAN_BYTES) {
		const struct scan block = scan_load(view.data + at);
		const uint64_t cr = scan_equal(&block, '\r');
		const uint64_t lf = scan_equal(&block, '\n');
		const uint64_t dot = scan_equal(&block, '.') | scan_equal(&block, '\0');
		if ((lf ^ (cr << 1 | after_cr)) != 0 || (dot & (lf << 1 | after_lf)) != 0)
			break;
		after_cr = cr >> 63;
		after_lf = lf >> 63;
	}
	return at - after_cr - 2 * after_lf;
}

size_t endings_run(struct view view, enum endings_stop *stop)
{
	size_t at = endings_skip(view);

	for (;;) {
		at += endings_find(view_skip(view, at));
		if (at == view.bytes) {
			*stop = ENDINGS_STOP_IN_LINE;
			return at;
		}
		if (view.data[at] == '\r' && at + 1 == view.bytes) {
			*stop = ENDINGS_STOP_CR;
			return at;
		}
		if (view.data[at] == '\n' || view.data[at + 1] != '\n') {
			*stop = ENDINGS_STOP_BARE;
			return at;
		}
		at += crlf.bytes;
		if (at == view.bytes || view.data[at] == '.' || view.data[at] == '\0') {
			*stop = ENDINGS_STOP_AT_LINE;
			return at;
		}
	}
}

void endings_init(struct endings *endings, enum endings_mode mode)
{
	*endings = (struct endings){ .mode = mode };
}

bool endings_are_refused(const struct endings *endings)
{
	return endings->mode == ENDINGS_REFUSE && (endings->bare_cr || endings->bare_lf);
}

/* Takes the next bytes off the input; gives what they become, perhaps nothing. */
static struct view endings_step(struct endings *endings, struct view *input)
{
	enum endings_stop stop;

	if (endings->held_cr) {
		endings->held_cr = false;
		if (input->data[0] == '\n')
			*input = view_skip(*input, 1);
		else
			endings->bare_cr = true;
		return crlf;
	}
	struct view run = view_first(*input, endings_run(*input, &stop));
	*input = view_skip(*input, run.bytes);
	if (stop == ENDINGS_STOP_CR) {
		*input = view_skip(*input, 1);
		endings->held_cr = true;
	} else if (stop == ENDINGS_STOP_BARE && run.bytes == 0) {
		endings->bare_cr |= input->data[0] == '\r';
		endings->bare_lf |= input->data[0] == '\n';
		*input = view_skip(*input, 1);
		run = crlf;
	}
	return run;
}

bool endings_read(struct endings *endings, struct view *input, struct view *piece)
{
	while (input->bytes > 0) {
		*piece = endings_step(endings, input);
		if (piece->bytes > 0 && !endings_are_refused(endings))
			return true;
	}
	return false;
}

bool endings_finish(struct endings *endings, struct view *piece)
{
	if (!endings->held_cr)
		return false;
	endings->held_cr = false;
	endings->bare_cr = true;
	*piece = crlf;
	return !endings_are_refused(endings);
}
