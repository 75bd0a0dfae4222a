/*
 * A gate is what closes for more than one lane: a tenant that is blocked, an address of ours that
 * is. Its owner closes it on the word of whoever is refused, for a time that doubles with every
 * refusal in a row; when that is up, one message is let through to find out, by whoever asks
 * first. If that is taken the gate is open, for all. But where it was closed by a report, long
 * after the server took the mail, a message that is taken proves nothing until its own report has
 * had time to come: until then the gate is in doubt, and nothing goes.
 *
 * It is closed once an epoch: what began before it was closed last says nothing more.
 *
 * Thread:  its owner's.
 * Owns:    nothing; of a fixed size.
 * Never:   reads a clock.
 */
#ifndef SLUICE_GATE_H
#define SLUICE_GATE_H

#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/base/random.h"
#include "queue/quota.h"
#include "queue/replies.h"

#define GATE_MOST_NS (3600 * NS_PER_S) /* a growing wait; a verdict may ask for more */
/* A report comes within that, mostly (queue/quota.h, QUOTA_REPORT_NS). */
#define GATE_REPORT_NS    QUOTA_REPORT_NS
#define GATE_WORD_BYTES   200
#define GATE_SERVER_BYTES 80
#define GATE_RECORD_MAX   (80 + GATE_WORD_BYTES + GATE_SERVER_BYTES)

/* What the word of a message that was taken does. */
enum gate_change {
	GATE_SAME,
	GATE_DOUBTED, /* it stays closed until a report's time is over */
	GATE_OPENED,
};

struct gate {
	bool closed;
	bool lent;       /* somebody has the probe: */
	uint16_t prober; /* who */
	uint32_t epoch;  /* closings so far */
	uint32_t setbacks;
	bool late;    /* closed last by a report */
	bool doubted; /* the probe was taken, and its report may be on its way, until then */
	struct mono until;
	struct mono shut_at; /* when it was closed last */
	/* what was said */
	uint16_t code;
	uint16_t status[3];
	uint16_t advice;
	uint8_t stage;
	bool elsewhere; /* it lies in the route: another one may do */
	char text[GATE_WORD_BYTES];
	char server[GATE_SERVER_BYTES];
};

/* What began in `epoch` was refused. True: it is closed, or closed anew. */
bool gate_refuse(struct gate *gate, struct mono now, uint32_t epoch, int64_t wait_ns,
        const struct reply_note *note, struct random *random);
/* A report says that what began then was refused after all. True: as above. */
bool gate_refuse_late(struct gate *gate, struct mono now, struct mono began, int64_t wait_ns,
        const struct reply_note *note, struct random *random);
/* Copies what was said, and cuts it; gate_refuse() does. */
void gate_say(struct gate *gate, const struct reply_note *note);
/* May `who` let one message through? */
bool gate_ask(struct gate *gate, struct mono now, uint16_t who);
/* The probe of `who` came to nothing: somebody else may try. True: it was his. */
bool gate_give_up(struct gate *gate, uint32_t epoch, uint16_t who);
/* What began in `epoch` was taken. */
enum gate_change gate_take(struct gate *gate, struct mono now, uint32_t epoch);
/* Time passes. True: it was in doubt, no report has come, and it is open again. */
bool gate_pass(struct gate *gate, struct mono now);
/* An operator said retry. True: it is open again. */
bool gate_resume(struct gate *gate);
/* What was said; lends. */
struct reply_note gate_note(const struct gate *gate);

/* The record on disk; gives the bytes written; `into` has GATE_RECORD_MAX. */
size_t gate_encode(const struct gate *gate, struct mono now, struct wall wall, struct span into);
/* ERR_FORMAT: it is damaged, and the gate is open. */
MUST_CHECK struct err gate_decode(
        struct gate *gate, struct mono now, struct wall wall, struct view record);

#endif
