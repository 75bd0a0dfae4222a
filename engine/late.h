/*
 * A late refusal: what a report by mail (engine/wire/ndr.h) says of a message that a server had
 * taken, what that means, and what came of it. And the sheet by which the spooler tells the shards
 * whose lanes it is about.
 *
 * Thread:  late: the spooler's. A sheet: the spooler's; between LETTER_LATE and its answer the
 *          shard's.
 * Owns:    its texts.
 */
#ifndef SLUICE_LATE_H
#define SLUICE_LATE_H

#include "engine/wire/ndr.h"
#include "queue/base/list.h"
#include "queue/spool_sent.h"
#include "queue/verdict.h"

#include <assert.h>

/* Under way to shards at most, and so what a shard's mailboxes have room for besides. */
#define LATE_SHEETS 16
/* Records under way to the disk at most; a report has up to NDR_RECIPIENTS_MAX. One that finds no
 * room is refused for now, as a whole. */
#define LATE_NOTES 64
/* Reports that wait for the commit of what is kept of them. */
#define LATE_HEARD 64

/* name, word, what came of it */
#define LATE_FATES(X)                                                                              \
	X(NONE, "no_report", "it is no report about mail, or names no recipient")                  \
	X(UNKNOWN, "unknown", "no message was sent that it could be about: not believed")          \
	X(NOTED, "noted",                                                                          \
	        "it is about a message, and stops nothing: a delay, a success, a fault "           \
	        "of the message or recipient, or another server's word")                           \
	X(ACTED, "acted", "the lanes of what sent it hear it as if a session had")                 \
	X(AGAIN, "again",                                                                          \
	        "the same was heard before, of the same recipient: nobody hears it twice")         \
	X(BUSY, "busy", "too many are under way: nobody heard it")

static_assert(LATE_NOTES <= 64, "a bit each");

enum late_fate {
#define X(name, word, text) LATE_##name,
	LATE_FATES(X)
#undef X
};

struct late {
	enum late_fate fate;
	struct spool_sent sent; /* unless NONE, UNKNOWN */
	bool known;             /* the recipient is one that it was sent to; else of a group */
	bool kept;              /* with the message, for `sluice queue show` */
	uint64_t notes;         /* of the spooler's that it is kept by, as bits; 0: it is on disk */
	bool foreign;           /* another server said it, and not the service */
	struct verdict verdict;
};

/* A report that came by mail, and is answered after the commit. */
struct late_heard {
	uint64_t ticket;
	size_t shard;
	uint64_t notes; /* that it waits for, as bits */
};

struct late_sheet {
	struct link link; /* of those that wait for room at `shard` */
	bool used;
	size_t shard;   /* who hears it next */
	uint16_t route; /* of the configuration's */
	bool signed_in; /* by an identity: */
	uint16_t identity;
	struct wall sent;
	char sender[SPOOL_SENT_WHO_MAX + 1];
	char reply[NDR_REPLY_MAX + 1];
};

const char *late_word(enum late_fate fate);
const char *late_text(enum late_fate fate);
/* Whether the report's reply is the service's own: by the host that said it (Remote-MTA, else the
 * reporter), which is Microsoft's or `host`, the route's; or no host is named. */
bool late_is_own(const struct ndr *ndr, const struct ndr_recipient *recipient, struct view host);

#endif
