/*
 * A learned limit follows what a server allows where that is not known, or not as documented.
 *
 * A refusal cuts it: to what was held without one, or by a quarter, whichever is less, and never
 * below one. Then it grows again while all of it is used: halfway towards what was refused last,
 * and past that by one, by two, by four. A growth that is refused goes back to where it was, and
 * the wait until the next one doubles: a limit that stands costs a refusal ever more seldom, and
 * one that is lifted is found again.
 *
 * It is cut once an epoch: what began before the last cut says nothing about the limit after it
 * (as TCP cuts once a window).
 *
 * Thread:  the owner's. A value.
 * Never:   exceeds `most`; reads a clock.
 * Source:  throttling.md, part 4.
 */
#ifndef SLUICE_LEARNED_H
#define SLUICE_LEARNED_H

#include "queue/base/clock.h"

#define LEARNED_NONE UINT64_MAX

struct learned_settings {
	uint64_t known;       /* the limit that is documented or configured; LEARNED_NONE */
	uint64_t most;        /* what growth may reach: known, or more where that is asked for */
	int64_t wait_ns;      /* between two growths */
	int64_t wait_most_ns; /* that wait at its longest */
};

struct learned {
	struct learned_settings settings;
	uint64_t limit;   /* in force */
	uint64_t proven;  /* before the last growth */
	uint64_t refused; /* what was held when the last refusal came; 0: none yet */
	uint64_t step;    /* of the next growth, past what was refused */
	int64_t wait_ns;  /* until it, from the last change */
	struct mono changed;
	uint32_t epoch; /* cuts so far */
	bool tries;     /* the last change was a growth */
};

void learned_init(struct learned *learned, const struct learned_settings *settings);
/* What began in `epoch` was refused, while `held` others were not. True: the limit was cut. */
bool learned_refuse(struct learned *learned, struct mono now, uint32_t epoch, uint64_t held);
/* What began in `epoch` was taken, while `used` counted, itself among them; `full`: that is all
 * that may be used. True: it grew. */
bool learned_accept(
        struct learned *learned, struct mono now, uint32_t epoch, uint64_t used, bool full);
/* An operator said retry: as if nothing had been learned. */
void learned_forget(struct learned *learned);

static inline bool learned_is_cut(const struct learned *learned)
{
	return learned->limit < learned->settings.known;
}

#endif
