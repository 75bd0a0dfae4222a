/*
 * The content of a message on its way in: DATA or BDAT, checked and stamped as it passes, from
 * the socket's buffer straight into the chunks that the spool and the servers will read.
 *
 * What makes the message bad is noted, what came of it is freed, and the rest is swallowed to
 * its real end, so that the session stays in step and nothing of it is taken for a command.
 *
 * Thread:  the shard's.
 * Owns:    itself, from inbound_content_begin() to inbound_content_drop(); the body is the
 *          message's.
 */
#ifndef SLUICE_INBOUND_CONTENT_H
#define SLUICE_INBOUND_CONTENT_H

#include "engine/inbound.h"
#include "engine/inbound_claim.h"
#include "engine/inbound_trace.h"
#include "engine/wire/byline.h"
#include "engine/wire/eod.h"
#include "engine/wire/header.h"
#include "engine/notice.h"
#include "engine/wire/mbox.h"

struct inbound_content {
	struct eod eod;         /* DATA */
	struct endings endings; /* BDAT */
	struct mbox mbox;
	struct header header;
	struct inbound_claim claim;
	struct inbound_trace trace;
	struct notice *notice;           /* of a report, once it is read; else NULL */
	struct rope desk;                /* the memory of byline */
	struct byline *byline;           /* where From may have to change; else NULL */
	uint64_t bytes;                  /* of content so far, before a From of its goes */
	size_t stamp_bytes;              /* our Received, at the body's start */
	enum inbound_reply_name refusal; /* INBOUND_REPLY_NONE: all well so far */
};

/* Gives the message its id and its Received line. Else it gives the reply that says what is
 * missing: wait for it, or say so. */
enum inbound_reply_name inbound_content_begin(struct inbound *inbound);
/* None is fine. */
void inbound_content_drop(struct inbound *inbound);
/* Back to the shard. Takes content. */
void inbound_content_give(struct ingest *ingest, struct inbound_content *content);
/* Tells client, log and counters what became of a message without a claim. */
void inbound_content_answer(struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum put_result result);
/* Tells the log: the client is gone. */
void inbound_content_lose(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum put_result result);

/* The steps of DATA, CHUNK, FINISH and ANSWER. */
enum inbound_progress inbound_content_step_data(struct inbound *inbound);
enum inbound_progress inbound_content_step_chunk(struct inbound *inbound);
enum inbound_progress inbound_content_step_finish(struct inbound *inbound);
enum inbound_progress inbound_content_step_answer(struct inbound *inbound);

#endif
