#include "engine/transaction.h"

#include "engine/routing.h"
#include "engine/rulebook.h"
#include "engine/transaction_inner.h"
#include "queue/base/check.h"

#define AUTO_SUBMITTED "Auto-Submitted:"

static const struct view line_auto_submitted = VIEW_INIT(AUTO_SUBMITTED " auto-replied\r\n");

static const char reply_too_large[] = "552 5.3.4 The message is larger than the server takes";
static const char reply_no_utf8[] =
        "550 5.6.7 The server does not take internationalized mail (SMTPUTF8)";

static struct view transaction_prefix(const struct carrier *carrier, const struct message *message);
static struct view transaction_author(const struct carrier *carrier, const struct message *message);
static bool transaction_needs_utf8(const struct message *message, struct view sender);
static bool transaction_is_ascii(struct view view);
static void transaction_choose(struct transaction *transaction, struct carrier *carrier);
static void transaction_close_ticket(
        struct transaction *transaction, const struct carrier *carrier);
static bool transaction_took_probe(
        const struct transaction *transaction, const struct carrier *carrier);
static uint32_t transaction_counts(const struct transaction *transaction,
        const struct carrier *carrier, uint32_t recipients, enum quota_unit unit);
static uint32_t transaction_external(
        const struct transaction *transaction, const struct carrier *carrier);
static struct view transaction_first_domain(
        const struct transaction *transaction, const struct carrier *carrier);

bool transaction_begin(struct transaction *transaction, struct carrier *carrier, struct job *job,
        const struct admission *admission)
{
	const struct message *message = job->message;
	const struct throttle_ticket *ticket = &admission->throttle;
	uint32_t most =
	        ticket->recipients < carrier->rcpt_max ? ticket->recipients : carrier->rcpt_max;

	check(job->state == JOB_SENDING);
	check(ticket->open);
	if (job->at_once > 0 && job->at_once < most)
		most = job->at_once;
	*transaction = (struct transaction){
		.job = job,
		.sent = STEP_RSET,
		.owed = STEP_RSET,
		.most = (uint16_t)(most < job->owed_count ? most : job->owed_count),
		.to_send = message_recipients(message),
		.to_hear = message_recipients(message),
		.prefix = transaction_prefix(carrier, message),
		.author = transaction_author(carrier, message),
		.judgement.relayed = !carrier->offers.dsn,
		.ticket = *ticket,
		.external_most = TRANSACTION_ANY,
		.probe = admission->probe,
		.epoch = carrier->lane->epoch,
		.tries = admission->tries,
		.gates = gates_epoch(carrier->judge->gates, carrier->lane->route),
		.began = loop_now(&carrier->judge->shard->loop),
	};
	transaction->shares.count = admission->shares->count;
	for (uint32_t i = 0; i < admission->shares->count; i++) {
		transaction->shares.at[i] = admission->shares->at[i];
		const struct portions_share *share = &admission->shares->at[i];
		if (quota_unit_is_external(share->entry->row->unit) &&
		        share->ticket.count < transaction->external_most)
			transaction->external_most = share->ticket.count;
	}
	job->connection = carrier->connection;
	lane_begin(carrier->lane);
	transaction_choose(transaction, carrier);
	if (carrier->by_domain && job->owed_count > 1)
		transaction->domain = transaction_first_domain(transaction, carrier);
	if (carrier->size_max > 0 && transaction_bytes(transaction) > carrier->size_max)
		transaction_refuse(transaction, carrier, reply_too_large);
	else if (transaction_needs_utf8(message, transaction_sender(message, carrier)) &&
	         !carrier->offers.smtputf8)
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

/* Our own reports from notices_from have the line, and a client's may. */
static struct view transaction_prefix(const struct carrier *carrier, const struct message *message)
{
	struct rope_cursor at = rope_start(&message->body);
	struct view header = { 0 };

	if (!message_sender_is_null(message) || carrier->notices.bytes == 0 ||
	        (message->flags & MESSAGE_FROM_NOTICES) != 0)
		return VIEW("");
	(void)rope_next(&at, &header); /* what comes behind 16 KB of header is not looked for */
	header = view_first(header, view_find_fold(header, VIEW("\r\n\r\n")));
	if (view_starts_fold(header, VIEW(AUTO_SUBMITTED)) ||
	        view_contains_fold(header, VIEW("\r\n" AUTO_SUBMITTED)))
		return VIEW("");
	return line_auto_submitted;
}

/* A report that goes out from a mailbox is that one's. */
static struct view transaction_author(const struct carrier *carrier, const struct message *message)
{
	if (!message_author_is_open(message))
		return VIEW("");
	return message_sender_is_null(message) && carrier->notices.bytes > 0 ? carrier->notices
	                                                                     : carrier->author;
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
		judge_case_refuse(&it, STAGE_RCPT, view_of(reply_no_utf8));
		judge_recipient(carrier->judge, carrier->lane, job, i, recipient.address, &it,
		        &transaction->judgement);
	}
}

/* Of the first recipient that is still to be asked for. */
static struct view transaction_first_domain(
        const struct transaction *transaction, const struct carrier *carrier)
{
	const struct job *job = transaction->job;
	struct message_cursor cursor = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	struct message_recipient recipient;

	for (size_t i = 0; i < job->owed_count; i++) {
		if (owed[i].outcome != OWED_PENDING)
			continue;
		const bool found = message_seek_recipient(&cursor, owed[i].index, &recipient);
		check(found);
		if (transaction_may_ask(transaction, carrier, recipient.address))
			return rulebook_domain(recipient.address);
	}
	return VIEW("");
}

void transaction_refuse(struct transaction *transaction, struct carrier *carrier, const char *reply)
{
	struct judge_case it;

	judge_case_refuse(&it, STAGE_MAIL, view_of(reply));
	judge_recipients(carrier->judge, carrier->lane, transaction->job, 1U << OWED_UNASKED, &it,
	        &transaction->judgement);
}

/* Asked for, and not only to be on the safe side: for the sender's address, or the header. */
static bool transaction_needs_utf8(const struct message *message, struct view sender)
{
	if ((message->flags & MESSAGE_SMTPUTF8) == 0)
		return false;
	return (message->flags & MESSAGE_HEADER_8BIT) != 0 || !transaction_is_ascii(sender);
}

static bool transaction_is_ascii(struct view view)
{
	for (size_t i = 0; i < view.bytes; i++)
		if ((unsigned char)view.data[i] > 127)
			return false;
	return true;
}

void transaction_pass(struct transaction *transaction)
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

void transaction_close(struct transaction *transaction, struct carrier *carrier)
{
	if (transaction->sent <= STEP_DATA)
		transaction->spared = true;
	if (transaction->sent == STEP_RSET)
		transaction->owed = TRANSACTION_OVER;
	transaction->sent = TRANSACTION_OVER;
	transaction->end_at = stream_queued_total(carrier->stream);
}

/* The end. */

bool transaction_is_over(const struct transaction *transaction, const struct stream *stream)
{
	return transaction_is_answered(transaction) && transaction_is_sent(transaction) &&
	       stream_written_total(stream) >= transaction->end_at;
}

void transaction_end(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf)
{
	struct shard *shard = carrier->judge->shard;

	if (transaction->begun)
		latency_add(&shard->counters->attempt_latency,
		        loop_now(&shard->loop).ns - transaction->began.ns);
	transaction_close_ticket(transaction, carrier);
	lane_end(carrier->lane);
	body_end(&transaction->body, shelf);
	judge_transaction(
	        carrier->judge, carrier->lane, MOVE(transaction->job), &transaction->judgement);
}

/* A recipient counts from MAIL on unless it was refused, alone or with the message; one that may
 * have got it counts. */
static void transaction_close_ticket(struct transaction *transaction, const struct carrier *carrier)
{
	const struct job *job = transaction->job;
	struct throttle_ticket *ticket = &transaction->ticket;
	uint32_t counted = 0;

	for (size_t i = 0; i < job->owed_count && !transaction->denied; i++) {
		const struct owed *owed = &job_owed_const(job)[i];
		counted += owed->mark == OWED_ACCEPTED || owed->mark == OWED_ASKED;
	}
	if (transaction->begun && counted < ticket->recipients)
		throttle_spare(carrier->lane->throttle, ticket, ticket->recipients - counted);
	throttle_end(carrier->lane->throttle, ticket);
	for (uint32_t i = 0; i < transaction->shares.count; i++)
		portions_end(carrier->judge->portions, &transaction->shares.at[i],
		        transaction_counts(transaction, carrier, counted,
		                transaction->shares.at[i].entry->row->unit));
	gates_end(carrier->judge->gates, carrier->lane->route, transaction->tries,
	        transaction->taken);
	if (transaction->probe != GATES_NONE)
		gates_end_recipient(carrier->judge->gates, transaction->probe,
		        transaction_took_probe(transaction, carrier));
}

/* Whoever it tried the gate for was delivered to. */
static bool transaction_took_probe(
        const struct transaction *transaction, const struct carrier *carrier)
{
	const struct job *job = transaction->job;
	struct message_cursor cursor = message_recipients(job->message);
	struct message_recipient recipient;
	uint32_t gate;

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed_const(job)[i];
		if (owed->outcome != OWED_DELIVERED)
			continue;
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		(void)gates_look_recipient(carrier->judge->gates, recipient.address, &gate);
		if (gate == transaction->probe)
			return true;
	}
	return false;
}

/* What it counts for in a quota; `recipients` of it count. */
static uint32_t transaction_counts(const struct transaction *transaction,
        const struct carrier *carrier, uint32_t recipients, enum quota_unit unit)
{
	if (!transaction->begun)
		return 0;
	switch (unit) {
	case QUOTA_EXTERNAL:
	case QUOTA_ONMICROSOFT:
		return recipients > 0 ? transaction_external(transaction, carrier) : 0;
	case QUOTA_RECIPIENTS:
		return recipients;
	case QUOTA_MESSAGES:
	case QUOTA_RATE:
		return 1;
	default:
		return 0; /* it is over */
	}
}

static uint32_t transaction_external(
        const struct transaction *transaction, const struct carrier *carrier)
{
	const struct job *job = transaction->job;
	struct message_cursor cursor = message_recipients(job->message);
	uint32_t counted = 0;

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed_const(job)[i];
		struct message_recipient recipient;

		if (owed->mark != OWED_ACCEPTED && owed->mark != OWED_ASKED)
			continue;
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		counted += routing_is_external(carrier->judge->shard->config, recipient.address);
	}
	return counted;
}

bool transaction_may_ask(
        const struct transaction *transaction, const struct carrier *carrier, struct view recipient)
{
	struct gates *gates = carrier->judge->gates;
	uint32_t gate;

	if (transaction->external >= transaction->external_most &&
	        routing_is_external(carrier->judge->shard->config, recipient))
		return false;
	if (!gates_any_recipient(gates))
		return true;
	return gates_look_recipient(gates, recipient, &gate) == GATES_OPEN ||
	       gate == transaction->probe;
}

void transaction_lose(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf,
        const struct transaction_loss *loss)
{
	const bool sent = transaction_is_sent(transaction) && !transaction->spared &&
	                  loss->begun >= transaction->end_at;
	const bool open = !transaction_is_answered(transaction) && !transaction->refused;
	struct judge_case it;

	if (open) {
		judge_case_say(&it, outbound_step_stage(transaction->owed), loss->text);
		judge_remark(carrier->judge, transaction->job, &it);
	}
	/* Answered to the last recipient and refused: then nobody is in doubt. */
	const bool hopeless = transaction->owed >= STEP_DATA && transaction->accepted == 0;
	if (open && sent && !hopeless)
		judge_in_doubt(
		        carrier->judge, carrier->lane, transaction->job, &transaction->judgement);
	transaction->judgement.restarted |= open && loss->first;
	transaction_end(transaction, carrier, shelf);
}
