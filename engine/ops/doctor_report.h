/*
 * What `sluice doctor` found, a step each: with its time, what was said, what that means and what
 * to do; for people, or as one JSON object a line.
 *
 * Thread:  a command's main one.
 * Lends:   all that a finding names.
 */
#ifndef SLUICE_DOCTOR_REPORT_H
#define SLUICE_DOCTOR_REPORT_H

#include "queue/base/clock.h"
#include "queue/verdict.h"

#include <stdio.h>

/* name, word: what was tried */
#define DOCTOR_STEPS(X)                                                                            \
	X(DNS, "dns")                                                                              \
	X(CONNECT, "connect")                                                                      \
	X(GREETING, "greeting")                                                                    \
	X(EHLO, "ehlo")                                                                            \
	X(STARTTLS, "starttls")                                                                    \
	X(TLS, "tls")                                                                              \
	X(TOKEN, "token")                                                                          \
	X(SIGN_IN, "sign_in")                                                                      \
	X(MAIL, "mail")                                                                            \
	X(RCPT, "rcpt")                                                                            \
	X(DATA, "data")                                                                            \
	X(LISTENER, "listener")

enum doctor_step {
#define X(name, word) DOCTOR_##name,
	DOCTOR_STEPS(X)
#undef X
};

/* name, word, mark for people */
#define DOCTOR_RESULTS(X)                                                                          \
	X(FINE, "fine", "ok")                                                                      \
	X(NOTE, "note", "note")                                                                    \
	X(WRONG, "wrong", "WRONG")

enum doctor_result {
#define X(name, word, mark) DOCTOR_##name,
	DOCTOR_RESULTS(X)
#undef X
};

struct doctor_finding {
	enum doctor_step step;
	enum doctor_result result;
	struct view subject; /* whom or what it is about */
	struct view said;    /* by a server, or by us of what failed */
	const char *cause;   /* a word of replies.tsv; NULL: none */
	const char *advice;  /* NULL: none */
};

struct doctor_report {
	FILE *file;
	bool json;
	const char *route;    /* of what follows; NULL: none */
	const char *identity; /* likewise */
	struct mono since;    /* the step began */
	size_t wrong_count;
	size_t finding_count;
};

/* What follows is about this route, and identity. */
void doctor_report_title(struct doctor_report *report, const char *route, const char *identity);
/* A step begins. */
void doctor_report_begin(struct doctor_report *report);
void doctor_report_add(struct doctor_report *report, const struct doctor_finding *finding);
/* What a server's reply to the step comes to. True: it is as it should be. */
bool doctor_report_reply(struct doctor_report *report, enum doctor_step step, struct view subject,
        struct view reply);

#endif
