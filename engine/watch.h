/*
 * What the main thread waits for: signals, and the spooler's word that its state changed.
 *
 * Thread:  the main one; watch_open() blocks the signals, so threads started later do too.
 * Owns:    two descriptors.
 */
#ifndef SLUICE_WATCH_H
#define SLUICE_WATCH_H

#include "queue/base/clock.h"
#include "queue/base/errors.h"

struct watch {
	int signals;   /* a signalfd */
	int events;    /* an eventfd: anyone may write to it */
	int keeper;    /* an end of a pair with the keeper, lent; -1: there is none */
	bool released; /* watch_let_go() */
};

enum watch_news {
	WATCH_EVENT, /* somebody wrote to the eventfd */
	WATCH_END,   /* SIGTERM or SIGINT */
	WATCH_HANGUP,
	WATCH_LOST, /* the keeper is gone; said once */
	WATCH_TIMEOUT,
};

MUST_CHECK struct err watch_open(struct watch *watch);
void watch_close(struct watch *watch);
/* MONO_NEVER: without end. */
enum watch_news watch_wait(struct watch *watch, struct mono until);
/* Nobody waits any more: from here on, until watch_close(), SIGTERM and SIGINT end the process
 * themselves, with exit code 0. */
void watch_let_go(struct watch *watch);

#endif
