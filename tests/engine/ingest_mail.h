/*
 * What a test's spooler keeps of a message that it was given.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_INGEST_MAIL_H
#define SLUICE_TESTS_INGEST_MAIL_H

#include "engine/letters.h"
#include "queue/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct house_mail {
	uint64_t id;
	uint64_t ticket;
	uint16_t flags;
	char sender[64];
	char original[64];
	char author[64]; /* what stands in the place of an open one; empty: it is none */
	char user[64];
	char protocol[16];
	char envid[32];
	char recipients[512]; /* "a@b c@d/notify/orcpt" */
	uint32_t recipient_count;
	char ways[64]; /* "0 1 K" */
	size_t body_bytes;
	char *body;
	struct spool_claim *lent; /* the letter's; NULL: none */
	struct spool_claim claim; /* as it came */
};

static inline void house_mail_text(char *room, size_t bytes, struct view text)
{
	snprintf(room, bytes, "%.*s", VIEW_ARGS(text));
}

/* Copies what the letter's message holds. */
static inline void house_mail_keep(struct house_mail *mail, const struct letter *letter)
{
	const struct message *message = letter->message;
	struct message_cursor cursor = message_recipients(message);
	struct message_recipient recipient;

	mail->id = message->id;
	mail->lent = letter->claim;
	if (letter->claim != NULL)
		mail->claim = *letter->claim;
	mail->ticket = letter->ticket;
	mail->flags = message->flags;
	mail->recipient_count = message->recipient_count;
	house_mail_text(mail->sender, sizeof mail->sender, message_get(message, MESSAGE_SENDER));
	house_mail_text(
	        mail->original, sizeof mail->original, message_get(message, MESSAGE_ORIGINAL));
	house_mail_text(mail->user, sizeof mail->user, message_get(message, MESSAGE_USER));
	house_mail_text(mail->envid, sizeof mail->envid, message_get(message, MESSAGE_ENVID));
	house_mail_text(
	        mail->protocol, sizeof mail->protocol, message_get(message, MESSAGE_PROTOCOL));
	struct text recipients = TEXT_ON(mail->recipients);
	while (message_next_recipient(&cursor, &recipient)) {
		text_format(&recipients, "%s%.*s", recipients.bytes > 0 ? " " : "",
		        VIEW_ARGS(recipient.address));
		if (recipient.notify != 0 || recipient.orcpt.bytes > 0)
			text_format(&recipients, "/%u/%.*s", recipient.notify,
			        VIEW_ARGS(recipient.orcpt));
	}
	(void)text_string(&recipients);
	struct text ways = TEXT_ON(mail->ways);
	for (uint32_t i = 0; i < message->recipient_count; i++) {
		const uint16_t way = ways_of(&letter->ways, i);
		text_format(&ways, "%s%c", i > 0 ? " " : "",
		        way == WAYS_KEPT      ? 'K'
		        : way == WAYS_NOWHERE ? 'N'
		                              : (char)('0' + way));
	}
	(void)text_string(&ways);
	mail->body_bytes = message->body_bytes;
	mail->body = malloc(message->body_bytes + 1);
	assert_non_null(mail->body);
	assert_int_equal(
	        rope_copy(&message->body, 0, (struct span){ mail->body, mail->body_bytes }),
	        mail->body_bytes);
	mail->body[mail->body_bytes] = '\0';
	const struct message_place author = message_author(message);
	house_mail_text(mail->author, sizeof mail->author,
	        view_from(mail->body + author.offset, author.bytes));
}

#endif
