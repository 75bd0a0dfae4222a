#include "engine/wire/mbox.h"

static const struct view mbox_mark = VIEW_INIT(">From ");

/* What is held, as it came. */
static struct view mbox_held(const struct mbox *mbox)
{
	const struct view mark = mbox->quoted ? mbox_mark : view_skip(mbox_mark, 1);

	return view_first(mark, mbox->matched + mbox->quoted);
}

static void mbox_match(struct mbox *mbox, struct view *input)
{
	const struct view from = view_skip(mbox_mark, 1);
	const char c = input->data[0];

	if (c == '>' && !mbox->quoted && mbox->matched == 0) {
		mbox->quoted = true;
	} else if (c == from.data[mbox->matched]) {
		mbox->matched++;
	} else {
		mbox->state = MBOX_PASSING;
		return;
	}
	*input = view_skip(*input, 1);
	if (mbox->matched == from.bytes)
		mbox->state = MBOX_DROPPING;
}

bool mbox_read(struct mbox *mbox, struct view *input, struct view *piece)
{
	while (input->bytes > 0 && mbox->state == MBOX_MATCHING) {
		mbox_match(mbox, input);
		if (mbox->state != MBOX_PASSING)
			continue;
		*piece = mbox_held(mbox);
		if (piece->bytes > 0)
			return true;
	}
	if (mbox->state == MBOX_DROPPING) {
		const size_t end = view_find(*input, '\n');
		if (end < input->bytes)
			mbox->state = MBOX_PASSING;
		*input = view_skip(*input, end < input->bytes ? end + 1 : end);
	}
	*piece = *input;
	*input = view_skip(*input, input->bytes);
	return piece->bytes > 0;
}

struct view mbox_finish(struct mbox *mbox)
{
	const bool matching = mbox->state == MBOX_MATCHING;

	mbox->state = MBOX_PASSING;
	return matching ? mbox_held(mbox) : VIEW("");
}
