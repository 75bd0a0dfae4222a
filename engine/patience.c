#include "engine/patience.h"

static bool patience_expects_mail(
        const struct patience *patience, const struct patience_batch *batch)
{
	return patience->rest == 0 && patience->expected >= PATIENCE_MAIL_MIN &&
	       batch->puts < patience->expected && batch->put_bytes < PATIENCE_MAIL_BYTES;
}

/* For what it may wait; 0: for nothing. */
static int64_t patience_longest(const struct patience *patience, const struct patience_batch *batch)
{
	if (batch->urgent)
		return 0;
	if (batch->puts > 0)
		return patience_expects_mail(patience, batch) ? PATIENCE_MAIL_NS : 0;
	return batch->settles < PATIENCE_SETTLES ? PATIENCE_SETTLES_NS : 0;
}

bool patience_waits(struct patience *patience, const struct patience_batch *batch, struct mono now)
{
	const bool for_mail = batch->puts > 0;
	const int64_t longest = patience_longest(patience, batch);

	if (longest > 0 && (!patience->waits || patience->for_mail != for_mail)) {
		patience->until = mono_after(now, longest);
		patience->for_mail = for_mail;
		patience->waits = true;
		return true;
	}
	const bool waited = patience->waits && patience->for_mail;
	patience->waits = longest > 0 && !mono_reached(now, patience->until);
	if (patience->waits || !waited)
		return patience->waits;
	if (longest == 0) {
		patience->vain = 0;
	} else {
		patience->vain = patience->vain == 0                  ? PATIENCE_VAIN_MIN
		                 : patience->vain < PATIENCE_VAIN_MAX ? patience->vain * 2
		                                                      : PATIENCE_VAIN_MAX;
		patience->rest = patience->vain;
	}
	return false;
}

struct mono patience_until(const struct patience *patience)
{
	return patience->waits ? patience->until : MONO_NEVER;
}

void patience_committed(struct patience *patience, size_t answered, size_t queued)
{
	if (answered == 0)
		return;
	patience->expected = answered + queued;
	if (patience->rest > 0)
		patience->rest--;
}
