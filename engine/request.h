/*
 * What an operator asks of the queue, and the answer: the letter between control and spooler.
 *
 * Control fills in the question, sends the request and waits; the spooler fills in the answer
 * and says so by request_answer(). Room for the answer is the request's own.
 *
 * Thread:  whoever holds it, one at a time.
 * Owns:    its page. The question's views and ids are lent by control until it is answered.
 * Never:   allocates after request_create(); a page that is full ends there, and the next
 *          LIST goes on behind its last row.
 */
#ifndef SLUICE_REQUEST_H
#define SLUICE_REQUEST_H

#include "engine/late.h"
#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

#include <semaphore.h>
#include <stdatomic.h>

struct incident;
struct incident_book;

/* name, word, whether it changes the queue, what it does */
#define REQUEST_VERBS(X)                                                                           \
	X(LIST, "list", false, "one row a message not yet settled and route")                      \
	X(COUNT, "count", false, "the number of messages not yet settled")                         \
	X(SHOW, "show", false, "one message, with each recipient's last reply")                    \
	X(RETRY, "retry", true, "try now, whatever the next attempt's time")                       \
	X(HOLD, "hold", true, "keep, and don't try until released")                                \
	X(RELEASE, "release", true, "end a hold")                                                  \
	X(BOUNCE, "bounce", true, "give up now and tell the sender")                               \
	X(REMOVE, "remove", true, "take out of the queue and tell nobody")                         \
	X(INCIDENTS, "incidents", false,                                                           \
	        "what stops mail: those that are open; `all`: and closed")                         \
	X(REPORT, "report", false, "what a report by mail says of a recipient is heard")           \
	X(TIDY, "tidy", false, "what the journal has goes into data.mdb, for who reads that")

enum request_verb {
#define X(name, ...) REQUEST_##name,
	REQUEST_VERBS(X)
#undef X
	        REQUEST_VERB_COUNT
};

/* What is not given takes any; an empty `from` is the null sender. An address is compared whole,
 * `@domain` by domain; ASCII case ignored. */
struct request_filter {
	bool by_route;
	bool by_from;
	bool by_to;
	struct view route;
	struct view from;
	struct view to; /* one recipient is enough */
	bool in_doubt;  /* likewise: it may have arrived, and no answer came */
};

struct request_recipient {
	struct view address;
	struct view state; /* a word: waiting, delivered, bounced */
	struct view reply; /* the last one; empty: none yet */
};

/* One row of LIST and SHOW: a job. A message whose recipients take two routes has two. */
struct request_row {
	uint64_t id;
	uint16_t number; /* among the jobs of its message */
	struct view route;
	struct view from; /* empty: the null sender */
	const struct request_recipient *recipients;
	size_t recipients_count; /* those not yet settled; SHOW: all that are known */
	uint64_t bytes;
	struct wall received;
	struct view state; /* a word: ready, active, waiting, held */
	uint32_t attempts;
	struct wall next_attempt; /* ms 0: none is planned */
	struct view reply;        /* the last one */
	bool in_doubt;            /* a recipient's copy may have arrived, and no answer came */
};

#define REQUEST_ROWS_MAX   256
#define REQUEST_TEXT_BYTES (1024 * 1024) /* of a page: texts and recipients of its rows */

struct request {
	/* The question. */
	enum request_verb verb;
	struct request_filter filter;
	bool all;            /* acts: every message that passes the filter; else those of ids */
	const uint64_t *ids; /* SHOW: one; acts: any number */
	size_t ids_count;
	uint64_t after;           /* LIST: rows of ids above this, in order; */
	uint16_t after_number;    /* and of this id, those of jobs above this */
	const struct ndr *report; /* REPORT: of at most one recipient */

	/* The answer. */
	struct err result;
	struct view complaint; /* of a result that failed, in words; empty: err_text() says it */
	uint64_t count;        /* COUNT: messages; acts: messages acted on, whatever their jobs */
	struct request_row rows[REQUEST_ROWS_MAX];
	uint64_t under_way; /* acts: of them, those that a shard still has: not done yet */
	size_t rows_count;
	bool more; /* LIST: the page was full; go on after the last row's id */
	const struct incident *incidents; /* INCIDENTS: in the page, the last opened first */
	size_t incidents_count;
	struct late late; /* REPORT: what came of it */

	sem_t answered;
	atomic_bool whole; /* said again for the thread sanitizer, which is deaf to sem_clockwait */
	char *text;        /* REQUEST_TEXT_BYTES */
	size_t text_bytes;
};

MUST_CHECK struct err request_create(struct request **result);
/* NULL is fine. */
void request_destroy(struct request *request);
/* Empties the question and the answer. */
void request_reset(struct request *request, enum request_verb verb);
/* The spooler's last word: the request is the asker's again. */
void request_answer(struct request *request);
/* Waits for that, `ms` at most. False: not yet. */
bool request_wait(struct request *request, int64_t ms);
/* Copies the row into the page. False: the page is full (more is set), stop here. A row too
 * long for an empty page is taken with as many of its recipients as fit. */
bool request_put_row(struct request *request, const struct request_row *row);
/* Ends the request with a failure, in these words, which are copied; before its first row. */
void request_refuse(struct request *request, struct err err, struct view why);
/* Nothing is given. */
bool request_filter_is_any(const struct request_filter *filter);
/* Likewise. All there are fit. */
void request_put_incidents(struct request *request, const struct incident_book *book, bool closed);
bool request_filter_takes(const struct request_filter *filter, struct view route, struct view from);
/* For each recipient; one true is enough. */
bool request_filter_takes_recipient(const struct request_filter *filter, struct view to);
const char *request_verb_word(enum request_verb verb);
/* False: no such verb. */
bool request_verb_parse(struct view word, enum request_verb *verb);

#endif
