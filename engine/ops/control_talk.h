/*
 * What is said over control.sock: a question is one line of JSON, the answer is one line that
 * says how it went, then one line a row.
 *
 *	{"verb":"list","after":"0","after_job":1,"from":"a@b.c"}
 *	{"ok":true,"count":0,"under_way":0,"rows":2,"more":false}
 *	{"id":"...","route":"far","from":"a@b.c","recipients":["x@y.z"],...}
 *	{"id":"...",...}
 *
 *	{"verb":"hold","ids":["..."]}          {"verb":"remove","all":true,"to":"@y.z"}
 *	{"ok":false,"error":"..."}
 *
 * `from`, `to` and `route` are filters; an empty `from` is the null sender. Of the messages that
 * `count` tells, those `under_way` are with a server, and not done yet.
 *
 * A row is what `sluice queue list --json` prints: id, job (its number among the message's, one a
 * route), route, from (empty: the null sender), recipients, bytes, received, state, attempts,
 * next_attempt, reply (null: none) and in_doubt (whether it may have arrived); SHOW adds `owed`, an
 * object for each recipient with its state and reply.
 *
 *	{"verb":"incidents","all":true}
 *
 * has a row for each incident, the last opened first: what `sluice incidents --json` prints.
 *
 *	{"verb":"report","is_report":true,"message_ids":["<a@x>"],"reporter":"host",
 *	 "address":"b@x","original":"","remote":"","action":"failed","status":"5.7.233",
 *	 "reply":"550 5.7.233 ..."}
 *
 * is what a report by mail says of a recipient, and has one row: what came of it, as
 * `sluice ndr --json` prints it.
 *
 * Thread:  control's.
 * Owns:    a question owns its JSON, until control_talk_forget().
 * Fails:   a question in words for its asker; an answer when the shelf is empty.
 */
#ifndef SLUICE_CONTROL_TALK_H
#define SLUICE_CONTROL_TALK_H

#include "engine/request.h"
#include "queue/base/rope.h"

#define CONTROL_IDS_MAX        500   /* in one question: clients ask again for more */
#define CONTROL_QUESTION_BYTES 16000 /* of a line: 500 ids and three addresses fit */

#define CONTROL_SOCKET        "control.sock" /* in the spool's folder */
#define CONTROL_ADDRESS_BYTES 4096

struct json_t;

struct control_question {
	struct json_t *json; /* what the request's views lend from */
	uint64_t ids[CONTROL_IDS_MAX];
	struct ndr report;
};

/* The socket's address in this folder. A socket's holds 107 bytes; to a longer path it leads
 * through an open folder, which must stay open while the address is used. *fd: -1 where none was
 * opened. */
const char *control_talk_address(const char *folder, int *fd, char buffer[CONTROL_ADDRESS_BYTES]);
/* Reads a line into the request. False: `why` says what is wrong with it. */
bool control_talk_read(struct control_question *question, struct view line, struct request *request,
        struct text *why);
void control_talk_forget(struct control_question *question);
/* All or nothing. */
MUST_CHECK bool control_talk_answer(
        struct rope *rope, struct shelf *shelf, const struct request *request);
MUST_CHECK bool control_talk_refuse(struct rope *rope, struct shelf *shelf, struct view why);

#endif
