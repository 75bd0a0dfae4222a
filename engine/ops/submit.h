/*
 * Hands a message in at a listener of the relay, as any mail client would: by SMTP, over a socket
 * that waits. For programs that must not need more than that (io_uring, the spool, the
 * configuration's secrets).
 *
 * Thread:  a command's main one.
 * Fails:   by its answer: which step, and what the relay said, or why it can't be reached.
 */
#ifndef SLUICE_SUBMIT_H
#define SLUICE_SUBMIT_H

#include "engine/io/endpoint.h"

#define SUBMIT_PATIENCE_S 300 /* for each reply: RFC 5321 4.5.3.2 has it so for MAIL and RCPT */
#define SUBMIT_WHY_BYTES  2048

struct submit_mail {
	struct endpoint to;
	const char *name;   /* ours, in EHLO */
	const char *sender; /* empty: the null sender */
	const char *const *recipients;
	size_t recipient_count;
	struct view content; /* lines by LF or CRLF, no dots stuffed */
	bool is_8bit;
};

/* name, what is true */
#define SUBMIT_RESULTS(X)                                                                          \
	X(TAKEN, "the relay has it on disk")                                                       \
	X(LATER, "it can't be reached, or says: not now")                                          \
	X(NOBODY, "it refuses a recipient; nothing was sent")                                      \
	X(REFUSED, "it refuses the sender or the message")

enum submit_result {
#define X(name, text) SUBMIT_##name,
	SUBMIT_RESULTS(X)
#undef X
};

/* `why`: what was said last, of TAKEN too. */
enum submit_result submit(const struct submit_mail *mail, struct text *why);

#endif
