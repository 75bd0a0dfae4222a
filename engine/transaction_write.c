#include "engine/routing.h"
#include "engine/rulebook.h"
#include "engine/transaction_inner.h"
#include "engine/wire/write.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

/* The longest command: RCPT with an address, NOTIFY and ORCPT at their maxima. */
#define LINE_BYTES 1280

static const char reply_no_convert[] =
        "554 5.6.3 The server takes no 8-bit mail, and this can't be converted";
static const char reply_sender[] = "550 5.1.7 The sender's address can't be written in SMTP";
static const char reply_recipient[] = "550 5.1.3 The address can't be written in SMTP";

static enum transaction_wrote transaction_prepare(
        struct transaction *transaction, struct carrier *carrier, struct shelf *shelf);
static bool transaction_put(struct carrier *carrier, const struct text *line);
static enum transaction_wrote transaction_write_reset(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_mail(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_rcpt(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_data(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_body(
        struct transaction *transaction, struct carrier *carrier);

enum transaction_wrote transaction_write(
        struct transaction *transaction, struct carrier *carrier, struct shelf *shelf)
{
	enum transaction_wrote wrote = transaction_prepare(transaction, carrier, shelf);

	while (wrote == TRANSACTION_WROTE && transaction->sent != TRANSACTION_OVER) {
		const bool lockstep = !carrier->offers.pipelining && carrier->replies_due > 0;

		switch ((enum outbound_step)transaction->sent) {
		case STEP_RSET:
			wrote = lockstep ? TRANSACTION_WAITS
			                 : transaction_write_reset(transaction, carrier);
			break;
		case STEP_MAIL:
			wrote = lockstep ? TRANSACTION_WAITS
			                 : transaction_write_mail(transaction, carrier);
			break;
		case STEP_RCPT:
			wrote = lockstep ? TRANSACTION_WAITS
			                 : transaction_write_rcpt(transaction, carrier);
			break;
		case STEP_DATA:
			wrote = lockstep ? TRANSACTION_WAITS
			                 : transaction_write_data(transaction, carrier);
			break;
		default:
			check(transaction->sent == STEP_BODY);
			wrote = transaction_write_body(transaction, carrier);
			break;
		}
	}
	transaction_pass(transaction);
	return wrote;
}

/* Before anything is written: how the body goes out, and whether it can. */
static enum transaction_wrote transaction_prepare(
        struct transaction *transaction, struct carrier *carrier, struct shelf *shelf)
{
	const struct message *message = transaction->job->message;
	const bool convert = (message->flags & MESSAGE_8BIT) != 0 && !carrier->offers.eightbitmime;
	enum mime_answer answer = MIME_UNNEEDED;

	if (transaction->prepared)
		return TRANSACTION_WROTE;
	if (!transaction->scanning) {
		/* What is converted has no size beforehand, so it goes by DATA. */
		transaction->bdat = carrier->offers.chunking && !convert;
		body_begin(&transaction->body, message, transaction->author, !transaction->bdat);
		if (transaction->prefix.bytes > 0)
			body_prepend(&transaction->body, transaction->prefix);
		transaction->scanning = convert && body_convert_begin(&transaction->body, shelf);
		if (convert && !transaction->scanning)
			return TRANSACTION_WORKS;
	}
	if (transaction->scanning && !body_convert_scan(&transaction->body, shelf, &answer))
		return TRANSACTION_WORKS;
	transaction->prepared = true;
	/* Our own report is the last that anybody hears of a message: it goes as it is, which most
	 * servers without 8BITMIME pass on all the same, rather than be lost for sure. */
	if (answer == MIME_CANNOT && (message->flags & MESSAGE_REPORT) == 0) {
		transaction_refuse(transaction, carrier, reply_no_convert);
		transaction_close(transaction, carrier);
	}
	return TRANSACTION_WROTE;
}

/* Queues a command and counts its reply. False: no room. */
static bool transaction_put(struct carrier *carrier, const struct text *line)
{
	if (!stream_put(carrier->stream, text_view(line)))
		return false;
	carrier->replies_due++;
	return true;
}

static enum transaction_wrote transaction_write_reset(
        struct transaction *transaction, struct carrier *carrier)
{
	char memory[16];
	struct text line = TEXT_ON(memory);

	if (transaction->reset) {
		const bool written = write_word(&line, WRITE_RSET);
		check(written);
		if (!transaction_put(carrier, &line))
			return TRANSACTION_FULL;
	} else {
		transaction->owed = STEP_MAIL;
	}
	transaction->sent = STEP_MAIL;
	return TRANSACTION_WROTE;
}

struct view transaction_sender(const struct message *message, const struct carrier *carrier)
{
	const struct view sender = message_get(message, MESSAGE_SENDER);

	if (sender.bytes == 0)
		return carrier->notices;
	return message_author_is_open(message) && carrier->author.bytes > 0 ? carrier->author
	                                                                    : sender;
}

uint64_t transaction_bytes(const struct transaction *transaction)
{
	return body_bytes(transaction->job->message, transaction->author) +
	       transaction->prefix.bytes;
}

static enum transaction_wrote transaction_write_mail(
        struct transaction *transaction, struct carrier *carrier)
{
	const struct message *message = transaction->job->message;
	const struct capabilities *offers = &carrier->offers;
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);
	struct write_mail mail = {
		.sender = transaction_sender(message, carrier),
		.with_size = offers->size,
		.size = transaction_bytes(transaction),
		.smtputf8 = offers->smtputf8 && (message->flags & MESSAGE_SMTPUTF8) != 0,
	};

	if (offers->eightbitmime && (message->flags & (MESSAGE_8BIT | MESSAGE_8BITMIME)) != 0)
		mail.body = WRITE_BODY_8BITMIME;
	if (offers->dsn) {
		mail.ret = message->flags & (MESSAGE_RET_FULL | MESSAGE_RET_HEADERS);
		mail.envid = message_get(message, MESSAGE_ENVID);
	}
	/* It counts from when it is written, so nothing may hold it up behind that. */
	if (throttle_is_limited(carrier->lane->throttle) && !transaction->refused &&
	        stream_queued_total(carrier->stream) > stream_written_total(carrier->stream))
		return TRANSACTION_WAITS;
	if (transaction->refused) {
		transaction_close(transaction, carrier);
	} else if (!write_mail(&line, &mail)) {
		transaction_refuse(transaction, carrier, reply_sender);
		transaction->refused = true;
		transaction_close(transaction, carrier);
	} else if (!transaction_put(carrier, &line)) {
		return TRANSACTION_FULL;
	} else {
		transaction->begun = true;
		transaction->sent = STEP_RCPT;
		milestone_reached(MILESTONE_MAIL_WRITTEN);
		throttle_write(carrier->lane->throttle, loop_now(&carrier->judge->shard->loop),
		        &transaction->ticket);
	}
	return TRANSACTION_WROTE;
}

static enum transaction_wrote transaction_write_rcpt(
        struct transaction *transaction, struct carrier *carrier)
{
	struct job *job = transaction->job;
	struct owed *owed = &job_owed(job)[transaction->rcpt_sent];
	struct message_cursor cursor = transaction->to_send;
	struct message_recipient recipient;
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);

	if (transaction->rcpt_sent == job->owed_count || transaction->asked == transaction->most) {
		transaction->sent = STEP_DATA;
		return TRANSACTION_WROTE;
	}
	if (owed->outcome != OWED_PENDING || transaction->refused) {
		transaction->rcpt_sent++;
		return TRANSACTION_WROTE;
	}
	const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
	check(found);
	if ((transaction->domain.bytes > 0 &&
	            !view_equal_fold(rulebook_domain(recipient.address), transaction->domain)) ||
	        !transaction_may_ask(transaction, carrier, recipient.address)) {
		/* Another transaction's. */
		transaction->to_send = cursor;
		transaction->rcpt_sent++;
		return TRANSACTION_WROTE;
	}
	const struct write_rcpt rcpt = {
		.recipient = recipient.address,
		.notify = carrier->offers.dsn ? recipient.notify : 0,
		.orcpt = carrier->offers.dsn ? recipient.orcpt : VIEW(""),
	};
	if (!write_rcpt(&line, &rcpt)) {
		struct judge_case it;
		judge_case_refuse(&it, STAGE_RCPT, view_of(reply_recipient));
		judge_recipient(carrier->judge, carrier->lane, job, transaction->rcpt_sent,
		        recipient.address, &it, &transaction->judgement);
	} else if (transaction_put(carrier, &line)) {
		owed->mark = OWED_ASKED;
		transaction->asked++;
		transaction->external +=
		        transaction->external_most != TRANSACTION_ANY &&
		        routing_is_external(carrier->judge->shard->config, recipient.address);
	} else {
		return TRANSACTION_FULL;
	}
	transaction->to_send = cursor;
	transaction->rcpt_sent++;
	return TRANSACTION_WROTE;
}

static enum transaction_wrote transaction_write_data(
        struct transaction *transaction, struct carrier *carrier)
{
	char memory[64];
	struct text line = TEXT_ON(memory);
	bool written;

	/* Known already: nobody is there to read it. */
	if (transaction->heard == transaction->asked && transaction->accepted == 0) {
		carrier->dirty |= !transaction->refused;
		transaction_close(transaction, carrier);
		return TRANSACTION_WROTE;
	}
	if (transaction->bdat)
		written = write_bdat(&line, transaction_bytes(transaction), true);
	else
		written = write_word(&line, WRITE_DATA);
	check(written);
	if (!transaction_put(carrier, &line))
		return TRANSACTION_FULL;
	transaction->sent = STEP_BODY;
	return TRANSACTION_WROTE;
}

static enum transaction_wrote transaction_write_body(
        struct transaction *transaction, struct carrier *carrier)
{
	if (!transaction->bdat && !transaction->allowed)
		return TRANSACTION_WAITS;
	if (!transaction->bdat && transaction->accepted == 0) {
		/* 354 though no recipient was accepted: an empty message to nobody, as RFC 2920
		 * 3.1 has it, for the server waits for an end of data now. */
		if (!stream_put(carrier->stream, VIEW(".\r\n")))
			return TRANSACTION_FULL;
	} else if (body_send(&transaction->body, carrier->stream) == BODY_BLOCKED) {
		return TRANSACTION_FULL;
	}
	transaction_close(transaction, carrier);
	milestone_reached(MILESTONE_END_WRITTEN);
	return TRANSACTION_WROTE;
}
