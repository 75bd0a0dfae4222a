#include "engine/transaction.h"

#include "engine/wire/write.h"
#include "queue/base/check.h"

/* The longest command: RCPT with an address, NOTIFY and ORCPT at their maxima. */
#define LINE_BYTES 1280

static const char reply_too_large[] = "552 5.3.4 The message is larger than the server takes";
static const char reply_no_utf8[] =
        "550 5.6.7 The server does not take internationalized mail (SMTPUTF8)";
static const char reply_no_convert[] =
        "554 5.6.3 The server takes no 8-bit mail, and this can't be converted";
static const char reply_sender[] = "550 5.1.7 The sender's address can't be written in SMTP";
static const char reply_recipient[] = "550 5.1.3 The address can't be written in SMTP";

static void transaction_refuse(
        struct transaction *transaction, struct carrier *carrier, const char *reply);
static bool transaction_needs_utf8(const struct message *message);
static bool transaction_is_ascii(struct view view);
static void transaction_choose(struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_prepare(
        struct transaction *transaction, struct carrier *carrier, struct shelf *shelf);
static void transaction_close(struct transaction *transaction, struct carrier *carrier);
static bool transaction_put(struct carrier *carrier, const struct text *line);
static enum transaction_wrote transaction_write_reset(
        struct transaction *transaction, struct carrier *carrier);
static struct view transaction_sender(const struct message *message, const struct carrier *carrier);
static enum transaction_wrote transaction_write_mail(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_rcpt(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_data(
        struct transaction *transaction, struct carrier *carrier);
static enum transaction_wrote transaction_write_body(
        struct transaction *transaction, struct carrier *carrier);
static void transaction_pass(struct transaction *transaction);
static bool transaction_was_asked(
        const struct transaction *transaction, const struct judge_case *it);
static void transaction_hear_mail(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it);
static void transaction_hear_rcpt(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it);
static void transaction_hear_data(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it);
static void transaction_hear_end(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it);

bool transaction_begin(struct transaction *transaction, struct carrier *carrier, struct job *job)
{
	const struct message *message = job->message;
	uint32_t most = carrier->rcpt_max;

	check(job->state == JOB_SENDING);
	if (job->at_once > 0 && job->at_once < most)
		most = job->at_once;
	*transaction = (struct transaction){
		.job = job,
		.sent = STEP_RSET,
		.owed = STEP_RSET,
		.most = (uint16_t)(most < job->owed_count ? most : job->owed_count),
		.to_send = message_recipients(message),
		.to_hear = message_recipients(message),
		.judgement.relayed = !carrier->offers.dsn,
	};
	carrier->lane->in_flight++;
	transaction_choose(transaction, carrier);
	if (carrier->size_max > 0 && message->body_bytes > carrier->size_max)
		transaction_refuse(transaction, carrier, reply_too_large);
	else if (transaction_needs_utf8(message) && !carrier->offers.smtputf8)
		transaction_refuse(transaction, carrier, reply_no_utf8);
	if (job_tally(job).of[OWED_PENDING] == 0) {
		transaction_close(transaction, carrier);
		return false;
	}
	job->last_attempt = loop_wall(&carrier->judge->shard->loop);
	if (job->first_attempt.ms == 0)
		job->first_attempt = job->last_attempt;
	return true;
}

/* Marks the recipients afresh, and settles what each of them needs by itself. */
static void transaction_choose(struct transaction *transaction, struct carrier *carrier)
{
	struct job *job = transaction->job;
	struct message_cursor cursor = message_recipients(job->message);
	struct owed *owed = job_owed(job);

	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;
		struct judge_case it;

		owed[i].mark = OWED_UNASKED;
		if (owed[i].outcome != OWED_PENDING || carrier->offers.smtputf8)
			continue;
		const bool found = message_seek_recipient(&cursor, owed[i].index, &recipient);
		check(found);
		if (transaction_is_ascii(recipient.address))
			continue;
		judge_refuse(&it, STAGE_RCPT, view_of(reply_no_utf8));
		judge_recipient(carrier->judge, carrier->lane, job, i, recipient.address, &it,
		        &transaction->judgement);
	}
}

/* Our own refusal, of every recipient that is left. */
static void transaction_refuse(
        struct transaction *transaction, struct carrier *carrier, const char *reply)
{
	struct judge_case it;

	judge_refuse(&it, STAGE_MAIL, view_of(reply));
	judge_recipients(carrier->judge, carrier->lane, transaction->job, 1U << OWED_UNASKED, &it,
	        &transaction->judgement);
}

/* Asked for, and not only to be on the safe side: the sender's address, or perhaps a header. */
static bool transaction_needs_utf8(const struct message *message)
{
	if ((message->flags & MESSAGE_SMTPUTF8) == 0)
		return false;
	return (message->flags & MESSAGE_8BIT) != 0 ||
	       !transaction_is_ascii(message_get(message, MESSAGE_SENDER));
}

static bool transaction_is_ascii(struct view view)
{
	for (size_t i = 0; i < view.bytes; i++)
		if ((unsigned char)view.data[i] > 127)
			return false;
	return true;
}

/* Writing. */

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
		body_begin(&transaction->body, message, !transaction->bdat);
		transaction->scanning = convert && body_convert_begin(&transaction->body, shelf);
		if (convert && !transaction->scanning)
			return TRANSACTION_WORKS;
	}
	if (transaction->scanning && !body_convert_scan(&transaction->body, shelf, &answer))
		return TRANSACTION_WORKS;
	transaction->prepared = true;
	if (answer == MIME_CANNOT) {
		transaction_refuse(transaction, carrier, reply_no_convert);
		transaction_close(transaction, carrier);
	}
	return TRANSACTION_WROTE;
}

/* No more of it will be written. */
static void transaction_close(struct transaction *transaction, struct carrier *carrier)
{
	if (transaction->sent <= STEP_DATA)
		transaction->spared = true;
	if (transaction->sent == STEP_RSET)
		transaction->owed = TRANSACTION_OVER;
	transaction->sent = TRANSACTION_OVER;
	transaction->end_at = stream_queued_total(carrier->stream);
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

/* Where the null sender can't go, a mailbox stands in for it (engine/routing.h). */
static struct view transaction_sender(const struct message *message, const struct carrier *carrier)
{
	const struct view sender = message_get(message, MESSAGE_SENDER);

	return sender.bytes == 0 ? carrier->notices : sender;
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
		.size = message->body_bytes,
		.smtputf8 = offers->smtputf8 && (message->flags & MESSAGE_SMTPUTF8) != 0,
	};

	if (offers->eightbitmime && (message->flags & (MESSAGE_8BIT | MESSAGE_8BITMIME)) != 0)
		mail.body = WRITE_BODY_8BITMIME;
	if (offers->dsn) {
		mail.ret = message->flags & (MESSAGE_RET_FULL | MESSAGE_RET_HEADERS);
		mail.envid = message_get(message, MESSAGE_ENVID);
	}
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
	const struct write_rcpt rcpt = {
		.recipient = recipient.address,
		.notify = carrier->offers.dsn ? recipient.notify : 0,
		.orcpt = carrier->offers.dsn ? recipient.orcpt : VIEW(""),
	};
	if (!write_rcpt(&line, &rcpt)) {
		struct judge_case it;
		judge_refuse(&it, STAGE_RCPT, view_of(reply_recipient));
		judge_recipient(carrier->judge, carrier->lane, job, transaction->rcpt_sent,
		        recipient.address, &it, &transaction->judgement);
	} else if (transaction_put(carrier, &line)) {
		owed->mark = OWED_ASKED;
		transaction->asked++;
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
		written = write_bdat(&line, transaction->job->message->body_bytes, true);
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
	return TRANSACTION_WROTE;
}

/* Hearing. */

enum transaction_heard transaction_hear(
        struct transaction *transaction, struct carrier *carrier, const struct reply *reply)
{
	struct judge_case it;
	bool retire = false;

	transaction_pass(transaction);
	if (carrier->replies_due == 0 || transaction_is_answered(transaction))
		return TRANSACTION_BROKEN;
	judge_hear(&it, outbound_step_stage(transaction->owed), reply, carrier->server);
	if (!transaction_was_asked(transaction, &it))
		return TRANSACTION_BROKEN;
	carrier->replies_due--;
	/* What follows from a refusal within the transaction is no news of its own. */
	const bool counts = !transaction->refused &&
	                    (transaction->owed < STEP_DATA || transaction->accepted > 0);
	if (counts && it.verdict.outcome != OUTCOME_PROCEED)
		retire = judge_lane(carrier->judge, carrier->lane, &it);
	switch ((enum outbound_step)transaction->owed) {
	case STEP_RSET:
	case STEP_MAIL:
		transaction_hear_mail(transaction, carrier, &it);
		break;
	case STEP_RCPT:
		transaction_hear_rcpt(transaction, carrier, &it);
		break;
	case STEP_DATA:
		transaction_hear_data(transaction, carrier, &it);
		break;
	default:
		check(transaction->owed == STEP_END);
		transaction_hear_end(transaction, carrier, &it);
		break;
	}
	transaction_pass(transaction);
	return retire ? TRANSACTION_RETIRE : TRANSACTION_STAY;
}

/* Goes past rows that have no reply. */
static void transaction_pass(struct transaction *transaction)
{
	if (transaction->owed == STEP_MAIL && transaction_is_sent(transaction) &&
	        !transaction->begun)
		transaction->owed = TRANSACTION_OVER;
	if (transaction->owed != STEP_RCPT || transaction->heard < transaction->asked ||
	        transaction->sent <= STEP_RCPT)
		return;
	if (transaction->spared)
		transaction->owed = TRANSACTION_OVER;
	else if (transaction->sent > STEP_DATA)
		transaction->owed = transaction->bdat ? STEP_END : STEP_DATA;
}

/* A reply to what was not written, or of a kind that has no place there, is none. */
static bool transaction_was_asked(
        const struct transaction *transaction, const struct judge_case *it)
{
	const unsigned class = (unsigned)it->verdict.code / 100;

	switch ((enum outbound_step)transaction->owed) {
	case STEP_RCPT:
		return transaction->heard < transaction->asked && class != 3;
	case STEP_DATA:
		return transaction->sent > STEP_DATA && class != 2;
	case STEP_END:
		/* A refusal may come before the body's end; a success that does is a lie. */
		return transaction->sent >= (class == 2 ? TRANSACTION_OVER : STEP_BODY) &&
		       class != 3;
	default:
		return transaction->sent > transaction->owed && class != 3;
	}
}

static void transaction_hear_mail(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it)
{
	if (it->verdict.outcome == OUTCOME_PROCEED) {
		if (transaction->owed == STEP_RSET)
			carrier->dirty = false;
	} else if (!transaction->refused) {
		judge_recipients(carrier->judge, carrier->lane, transaction->job,
		        1U << OWED_UNASKED | 1U << OWED_ASKED, it, &transaction->judgement);
		transaction->refused = true;
	}
	transaction->owed = transaction->owed == STEP_RSET ? STEP_MAIL : STEP_RCPT;
}

static void transaction_hear_rcpt(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it)
{
	struct job *job = transaction->job;
	struct owed *owed = job_owed(job);
	struct message_recipient recipient;

	transaction->heard++;
	if (transaction->refused)
		return;
	while (owed[transaction->rcpt_owed].mark != OWED_ASKED)
		transaction->rcpt_owed++;
	const uint16_t at = transaction->rcpt_owed++;
	check(at < transaction->rcpt_sent);
	if (it->verdict.outcome == OUTCOME_PROCEED) {
		owed[at].mark = OWED_ACCEPTED;
		transaction->accepted++;
		return;
	}
	const bool found =
	        message_seek_recipient(&transaction->to_hear, owed[at].index, &recipient);
	check(found);
	judge_recipient(carrier->judge, carrier->lane, job, at, recipient.address, it,
	        &transaction->judgement);
}

static void transaction_hear_data(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it)
{
	if (it->verdict.outcome == OUTCOME_PROCEED) {
		transaction->allowed = true;
		transaction->owed = STEP_END;
		carrier->replies_due++; /* the end of the data, which comes for sure now */
		return;
	}
	if (transaction->accepted > 0)
		judge_recipients(carrier->judge, carrier->lane, transaction->job,
		        1U << OWED_ACCEPTED, it, &transaction->judgement);
	carrier->dirty |= !transaction->refused;
	transaction_close(transaction, carrier);
	transaction->owed = TRANSACTION_OVER;
}

static void transaction_hear_end(
        struct transaction *transaction, struct carrier *carrier, struct judge_case *it)
{
	const bool taken = it->verdict.outcome == OUTCOME_PROCEED;

	/* An end of data clears the transaction whatever its reply; BDAT only by success. */
	carrier->dirty = transaction->bdat && !taken;
	if (transaction->accepted > 0 && !transaction->refused) {
		judge_recipients(carrier->judge, carrier->lane, transaction->job,
		        1U << OWED_ACCEPTED, it, &transaction->judgement);
		if (taken)
			lane_succeed(carrier->lane);
	}
	transaction->owed = TRANSACTION_OVER;
}

/* The end. */

bool transaction_is_over(const struct transaction *transaction, const struct stream *stream)
{
	return transaction_is_answered(transaction) && transaction_is_sent(transaction) &&
	       stream_written_total(stream) >= transaction->end_at;
}

void transaction_end(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf)
{
	check(carrier->lane->in_flight > 0);
	carrier->lane->in_flight--;
	body_end(&transaction->body, shelf);
	judge_transaction(
	        carrier->judge, carrier->lane, MOVE(transaction->job), &transaction->judgement);
}

void transaction_lose(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf,
        const struct transaction_loss *loss)
{
	const bool sent = transaction_is_sent(transaction) && !transaction->spared &&
	                  loss->begun >= transaction->end_at;
	const bool open = !transaction_is_answered(transaction) && !transaction->refused;
	struct judge_case it;

	if (open) {
		judge_say(&it, outbound_step_stage(transaction->owed), loss->text);
		judge_remark(carrier->judge, transaction->job, &it);
	}
	/* Answered to the last recipient and refused: then nobody is in doubt. */
	const bool hopeless = transaction->owed >= STEP_DATA && transaction->accepted == 0;
	if (open && sent && !loss->refused && !hopeless) {
		judge_in_doubt(carrier->judge, carrier->lane, transaction->job);
		transaction->judgement.restarted = true;
	}
	transaction->judgement.restarted |= open && loss->first;
	transaction_end(transaction, carrier, shelf);
}
