/*
 * A rota says who gets a place under a cap that is full: those who asked in vain, by turns, before
 * one who gave his place back a moment ago. All of them ask again and again, soon; who does not
 * wants it no more, and is forgotten, however often the others ask.
 *
 * Thread:  its owner's.
 * Owns:    nothing; of a fixed size. All zero is a new one.
 * Never:   reads a clock.
 */
#ifndef SLUICE_ROTA_H
#define SLUICE_ROTA_H

#include "queue/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define ROTA_MAX       64             /* a bit each */
#define ROTA_FORGET_NS (1 * NS_PER_S) /* and after twice that, at the latest */

struct rota {
	uint64_t starving;
	uint64_t asked;        /* in vain, since the last look at who still does */
	unsigned from;         /* the one behind him who was served last */
	struct mono forget_at; /* who has not asked by then */
};

/* `who` of so many asks, and so many places are free. False: others come first, or none is. */
bool rota_serve(struct rota *rota, struct mono now, unsigned who, unsigned count, uint64_t room);

#endif
