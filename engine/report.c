#include "engine/report.h"

#include "queue/base/check.h"
#include "queue/bounce.h"
#include "queue/verdict.h"

#include <stdlib.h>

/* Distinct replies are bounded by job.h; with their codes put back in front they fit here. */
#define REPORT_SCRATCH_BYTES ((REPLIES_CHUNKS_MAX + 2) * CHUNK_BYTES)

/* What RET=FULL gives back whole: beyond it the header alone, as for RET=HDRS. Few mailboxes would
 * take a larger report; and it has to fit in memory and in a message, next to what is said of each
 * recipient. */
#define REPORT_FULL_BYTES_MAX (UINT64_C(32) << 20)
#define REPORT_RECIPIENT_MAX  UINT64_C(32768) /* generously: the reply twice, and its meaning */
static_assert(
        REPORT_FULL_BYTES_MAX + MESSAGE_RECIPIENTS_MAX * REPORT_RECIPIENT_MAX < MESSAGE_BODY_MAX,
        "a report is a message");

/* Many recipients fare in a few ways: a note is put in words once. */
#define REPORT_NOTES_MAX 64

struct report_note {
	const char *text; /* the note's own, by which it is known */
	struct view reply;
	struct view advice;
};

struct report_maker {
	struct report_settings settings;
	struct report_note notes[REPORT_NOTES_MAX];
	size_t note_count;
	struct bounce_recipient recipients[MESSAGE_RECIPIENTS_MAX];
	char scratch[REPORT_SCRATCH_BYTES];
};

static bool report_action(
        const struct job *job, const struct owed *owed, enum bounce_action *action);
static size_t report_fill(struct report_maker *maker, const struct job *job);
static struct report_note report_explain(
        struct report_maker *maker, struct text *scratch, const struct reply_note *note);
static struct view report_reply(struct text *scratch, const struct reply_note *note);
static struct message *report_envelope(
        struct report_maker *maker, const struct message *original, struct shelf *shelf);

struct err report_create(struct report_maker **result, const struct report_settings *settings)
{
	struct report_maker *maker = calloc(1, sizeof *maker);

	if (maker == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	maker->settings = *settings;
	*result = maker;
	return err_ok();
}

void report_destroy(struct report_maker *maker)
{
	free(maker);
}

bool report_is_owed(const struct job *job)
{
	const struct owed *owed = job_owed_const(job);
	enum bounce_action action;

	if ((job->message->flags & MESSAGE_REPORT) != 0)
		return false;
	for (size_t i = 0; i < job->owed_count; i++)
		if (report_action(job, &owed[i], &action))
			return true;
	return false;
}

/* What the sender is to be told about this recipient; false: nothing. */
static bool report_action(
        const struct job *job, const struct owed *owed, enum bounce_action *action)
{
	if (owed->outcome == OWED_BOUNCED)
		*action = BOUNCE_FAILED;
	else if (owed->outcome == OWED_DELIVERED && (owed->flags & OWED_RELAYED) != 0)
		*action = BOUNCE_RELAYED;
	else
		return false;
	return bounce_wanted(message_reports_to(job->message), owed->notify, *action);
}

struct message *report_make(struct report_maker *maker, const struct job *job, uint64_t id,
        struct view mailbox, struct wall now, struct shelf *shelf)
{
	const struct message *original = job->message;
	char id_text[MESSAGE_ID_TEXT];
	char original_id_text[MESSAGE_ID_TEXT];
	struct bounce_needs needs;

	struct message *report = report_envelope(maker, original, shelf);
	if (report == NULL)
		return NULL;
	message_name(report, id, now);
	const struct bounce bounce = {
		.id = view_of(message_id_format(id, id_text)),
		.reporter = maker->settings.reporter,
		.mailbox = mailbox,
		.now = now,
		.sender = message_reports_to(original),
		.original_id = view_of(message_id_format(original->id, original_id_text)),
		.envid = message_get(original, MESSAGE_ENVID),
		.arrived = original->received,
		.full = (original->flags & MESSAGE_RET_FULL) != 0 &&
		        original->body_bytes <= REPORT_FULL_BYTES_MAX,
		.original = &original->body,
		.recipients = maker->recipients,
		.recipient_count = report_fill(maker, job),
	};
	if (!bounce_write(&bounce, &report->body, shelf, maker->settings.reserve, &needs)) {
		message_release(report, shelf);
		return NULL;
	}
	report->flags |= MESSAGE_REPORT;
	if (mailbox.bytes > 0)
		report->flags |= MESSAGE_FROM_NOTICES;
	if (needs.eight_bit)
		report->flags |= MESSAGE_8BIT | MESSAGE_8BITMIME;
	if (needs.smtputf8)
		report->flags |= MESSAGE_SMTPUTF8 | MESSAGE_HEADER_8BIT;
	message_seal(report);
	return report;
}

/* From the null sender to the sender of the original, by the name that it had. Where a null sender
 * can't go, the session that sends it writes notices_from instead (engine/outbound). */
static struct message *report_envelope(
        struct report_maker *maker, const struct message *original, struct shelf *shelf)
{
	const struct message_recipient to = {
		.address = message_reports_to(original),
		.notify = NOTIFY_NEVER,
	};
	struct message *report = message_create(shelf, maker->settings.reserve);

	if (report == NULL)
		return NULL;
	bool whole = message_set(report, MESSAGE_HELO, maker->settings.reporter) &&
	             message_set(report, MESSAGE_PROTOCOL, VIEW("LOCAL")) &&
	             message_add_recipient(report, shelf, maker->settings.reserve, &to);
	if (!whole) {
		message_release(report, shelf);
		return NULL;
	}
	return report;
}

static size_t report_fill(struct report_maker *maker, const struct job *job)
{
	struct text scratch = TEXT_ON(maker->scratch);
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	size_t count = 0;

	maker->note_count = 0;
	for (size_t i = 0; i < job->owed_count; i++) {
		struct bounce_recipient *told = &maker->recipients[count];
		struct message_recipient recipient;
		struct reply_note note;
		enum bounce_action action;

		if (!report_action(job, &owed[i], &action))
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		*told = (struct bounce_recipient){
			.address = recipient.address,
			.original = recipient.orcpt,
			.action = action,
			.last_attempt = job->last_attempt,
			.expired = (owed[i].flags & OWED_EXPIRED) != 0,
		};
		count++;
		if (!job_reply(job, i, &note))
			continue;
		const struct report_note words = report_explain(maker, &scratch, &note);
		told->reply = words.reply;
		told->advice = words.advice;
		told->remote = note.server;
		told->status = (struct enhanced){ note.status[0], note.status[1], note.status[2] };
	}
	check(count > 0);
	return count;
}

static struct report_note report_explain(
        struct report_maker *maker, struct text *scratch, const struct reply_note *note)
{
	const size_t known =
	        maker->note_count < REPORT_NOTES_MAX ? maker->note_count : REPORT_NOTES_MAX;

	for (size_t i = 0; i < known; i++)
		if (maker->notes[i].text == note->text.data)
			return maker->notes[i];
	struct report_note words = { .text = note->text.data, .reply = note->text };
	if (note->code > 0) { /* our own words need no explaining */
		words.reply = report_reply(scratch, note);
		words.advice = view_of(verdict_judge((enum stage)note->stage, words.reply).advice);
	}
	maker->notes[maker->note_count++ % REPORT_NOTES_MAX] = words;
	return words;
}

/* The reply as the server said it: code and enhanced code in front of the text again. */
static struct view report_reply(struct text *scratch, const struct reply_note *note)
{
	size_t start = scratch->bytes;

	if (note->code > 0) {
		text_put_u64(scratch, note->code);
		text_put_byte(scratch, ' ');
	}
	if (note->status[0] > 0)
		text_format(
		        scratch, "%u.%u.%u ", note->status[0], note->status[1], note->status[2]);
	text_put(scratch, note->text);
	if (scratch->overflow)
		return note->text; /* without its codes: those have their own place too */
	return view_from(scratch->data + start, scratch->bytes - start);
}
