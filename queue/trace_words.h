/*
 * The words of the message trace (queue/trace_write.h): what may have been done to a message, what
 * may lead to a settle, and how its jobs may stand, each a table that makes the enum and its text.
 * They stand in what `sluice trace` says: they don't change.
 *
 * Thread:  any.
 * Lends:   strings of constant memory.
 */
#ifndef SLUICE_TRACE_WORDS_H
#define SLUICE_TRACE_WORDS_H

#include "queue/base/bytes.h"

/* name, word, what is true of the message */
#define TRACE_MARKS(X)                                                                             \
	X(REPORT, "report", "a report that this relay made")                                       \
	X(AS_IDENTITY, "as_identity", "goes out in the name of the mailbox that sends it")         \
	X(FROM, "from_rewritten", "its From was rewritten")                                        \
	X(MESSAGE_ID, "message_id_added", "it had no Message-ID and got one")                      \
	X(DATE, "date_added", "it had no Date and got one")                                        \
	X(KEY, "key_removed", "its X-Sluice-Key was taken out")                                    \
	X(BARE_LF, "bare_lf_repaired", "bare line ends were repaired on this connection")          \
	X(MENDED, "commands_mended", "commands were mended on this connection")

enum trace_mark_bit {
#define X(name, word, text) TRACE_BIT_##name,
	TRACE_MARKS(X)
#undef X
	        TRACE_MARK_COUNT
};

enum trace_mark {
#define X(name, word, text) TRACE_MARK_##name = 1 << TRACE_BIT_##name,
	TRACE_MARKS(X)
#undef X
};

/* name, word, what led to the settle */
#define TRACE_ACTS(X)                                                                              \
	X(WAIT, "wait", "nobody could send it then") /* of zeroed memory */                        \
	X(ATTEMPT, "attempt", "a server was asked, or could not be")                               \
	X(FALLBACK, "fallback", "its route is out, and another one takes its mail")                \
	X(REROUTE, "reroute", "its route can't carry it any more")                                 \
	X(NO_ROUTE, "no_route", "no route takes it")                                               \
	X(RETRY, "retry", "the operator: try now")                                                 \
	X(HOLD, "hold", "the operator: keep it")                                                   \
	X(RELEASE, "release", "the operator: end the hold")                                        \
	X(BOUNCE, "bounce", "the operator: give up and tell the sender")                           \
	X(REMOVE, "remove", "the operator: take it out and tell nobody")                           \
	X(REHEARSE, "rehearse", "a rehearsal: it would have been sent now")

enum trace_act {
#define X(name, word, text) TRACE_ACT_##name,
	TRACE_ACTS(X)
#undef X
	        TRACE_ACT_COUNT
};

/* name, word: how a job of the message stood when that was accepted */
#define TRACE_WAYS(X)                                                                              \
	X(GOES, "queued")                                                                          \
	X(KEPT, "held")                                                                            \
	X(NOWHERE, "no_route")                                                                     \
	X(REHEARSED, "rehearsed")

enum trace_way_state {
#define X(name, word) TRACE_WAY_##name,
	TRACE_WAYS(X)
#undef X
	        TRACE_WAY_COUNT
};

const char *trace_act_word(enum trace_act act);
const char *trace_act_text(enum trace_act act);
const char *trace_way_word(enum trace_way_state state);
/* Of the bit-th mark, below TRACE_MARK_COUNT. */
const char *trace_mark_word(size_t bit);
const char *trace_mark_text(size_t bit);

#endif
