#include "engine/transaction_inner.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

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

enum transaction_heard transaction_hear(
        struct transaction *transaction, struct carrier *carrier, const struct reply *reply)
{
	const struct judge_origin origin = {
		.ticket = &transaction->ticket,
		.epoch = transaction->epoch,
		.gates = transaction->gates,
		.began = transaction->began,
		.job = transaction->job,
	};
	struct judge_case it;
	bool retire = false;

	transaction_pass(transaction);
	if (carrier->replies_due == 0 || transaction_is_answered(transaction))
		return TRANSACTION_BROKEN;
	judge_case_hear(&it, outbound_step_stage(transaction->owed), reply, carrier->server);
	it.connection = carrier->connection;
	if (!transaction_was_asked(transaction, &it))
		return TRANSACTION_BROKEN;
	judge_denied(carrier->judge, carrier->lane, &it, transaction->job->message,
	        transaction_sender(transaction->job->message, carrier));
	carrier->replies_due--;
	if (reply->code != 421)
		judge_answer(carrier->judge, carrier->lane);
	/* What follows from a refusal within the transaction is no news of its own. */
	const bool counts = !transaction->refused &&
	                    (transaction->owed < STEP_DATA || transaction->accepted > 0);
	if (counts && it.verdict.outcome != OUTCOME_PROCEED)
		retire = judge_lane(carrier->judge, carrier->lane, &it, &origin);
	carrier->refused |= counts && reply->code / 100 == 5;
	carrier->elsewhere |= retire && it.verdict.outcome == OUTCOME_RETRY_OTHER_SESSION;
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

/* A reply to what was not written, or of a kind that has no place there, is none. */
static bool transaction_was_asked(
        const struct transaction *transaction, const struct judge_case *it)
{
	const unsigned class = (unsigned)it->verdict.code / 100;

	switch ((enum outbound_step)transaction->owed) {
	case STEP_RSET:
		/* Nobody refuses RSET (RFC 5321 4.1.1.5): that would be another one's reply. */
		return transaction->sent > STEP_RSET && (class == 2 || it->verdict.code == 421);
	case STEP_RCPT:
		return transaction->heard < transaction->asked && class != 3;
	case STEP_DATA:
		return transaction->sent > STEP_DATA && class != 2;
	case STEP_END:
		/* A refusal may come before the body's end; a success that does is a lie, and one
		 * that speaks of an address (2.1.X) is a reply to RCPT that came once too often. */
		if (class == 2 && it->verdict.enhanced.class == 2 &&
		        it->verdict.enhanced.subject == 1)
			return false;
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
		transaction->denied = true;
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
	transaction->denied = true;
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
		if (taken) {
			milestone_reached(MILESTONE_TAKEN);
			carrier->useful = true;
			transaction->taken = true;
			if (!judge_taken(carrier->judge, carrier->lane, &transaction->ticket,
			            transaction->epoch, transaction->tries))
				incidents_taken(carrier->judge->incidents, carrier->lane,
				        transaction->epoch, transaction->job->message,
				        transaction_sender(transaction->job->message, carrier));
		}
	}
	transaction->denied = !taken;
	transaction->owed = TRANSACTION_OVER;
}
