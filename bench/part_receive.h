/*
 * The first of the parts that make a relay: to receive. A minimal SMTP server on the loopback
 * interface, in a thread of its own: it reads MAIL, RCPT and DATA, takes the message into memory,
 * finds its end, answers 250 and forgets it. What its thread uses of the CPU is the part.
 *
 * Thread:  the caller's turns the load, one more receives.
 * Fails:   as the load does (pump.h), or no socket can be had; `why` says it.
 */
#ifndef SLUICE_PART_RECEIVE_H
#define SLUICE_PART_RECEIVE_H

#include "bench/pump.h"

#define PART_RECEIVE_SESSIONS_MAX 1000

/* `load`: how many messages, of what size, on how many sessions; its target is ours. */
MUST_CHECK bool part_receive(const struct load_settings *load,
        const volatile sig_atomic_t *interrupted, double *cpu_us, struct text *why);

#endif
