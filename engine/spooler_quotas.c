#include "engine/spooler_inner.h"

#include "engine/portions.h"
#include "queue/base/check.h"

#include <assert.h>
#include <stdlib.h>

static_assert(QUOTA_RECORD_MAX <= THROTTLE_RECORD_MAX, "a note has room for a quota");

#define SPOOLER_QUOTA_TOLD_OF 24 /* of its period, between two lines that it is used up */

static const struct view name_prefix = VIEW_INIT("quotas/");

static bool spooler_has_quota(const struct spooler *spooler, size_t tenant);
static void spooler_read_quota(struct spooler *spooler, size_t tenant);
static void spooler_lend_portion(struct spooler *spooler, struct portion_sheet *sheet);
static void spooler_return_portion(struct spooler *spooler, struct portion_sheet *sheet);
static bool spooler_quota_is_last(const struct spooler *spooler);
static void spooler_write_quota(struct spooler *spooler, struct spooler_quota *own);
static void spooler_tell_used_up(struct spooler *spooler, const struct portion_sheet *sheet);

struct err spooler_quotas_open(struct spooler *spooler)
{
	const struct config_tenants *tenants = &spooler->shard.config->tenants;

	spooler->quotas = calloc(tenants->count + 1, sizeof *spooler->quotas);
	if (spooler->quotas == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < tenants->count; i++)
		if (spooler_has_quota(spooler, i))
			spooler_read_quota(spooler, i);
	return err_ok();
}

static bool spooler_has_quota(const struct spooler *spooler, size_t tenant)
{
	return spooler->shard.config->tenants.at[tenant].external_recipients_per_day.count !=
	       LIMIT_NONE;
}

static void spooler_read_quota(struct spooler *spooler, size_t tenant)
{
	const struct config_tenant *config = &spooler->shard.config->tenants.at[tenant];
	struct spooler_quota *own = &spooler->quotas[tenant];
	const struct quota_settings settings = {
		.count = config->external_recipients_per_day.count,
		.period_ns = config->external_recipients_per_day.period_ns,
		.guard = config->guard,
		.stop = config->stop,
	};
	struct text name = text_on(own->note.name, sizeof own->note.name);
	struct view record;

	list_init(&own->waiting);
	text_put(&name, name_prefix);
	for (const char *at = config->name; *at != '\0'; at++)
		text_put_byte(&name, byte_lower(*at));
	own->note.name_bytes = name.bytes;
	own->note.shard = FEED_NO_SHARD;
	own->note.owner = own;
	quota_init(&own->quota, &settings);
	if (failed(spool_read_note(spooler->spool, text_view(&name), &record)))
		return; /* there is none */
	const struct err err = quota_decode(&own->quota, clock_mono(), clock_wall(), record);
	if (!failed(err))
		return;
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "limits_damaged");
	log_word(&line, "tenant", config->name);
	log_err(&line, err);
	log_word(&line, "advice",
	        "What was sent before is not known: all that its limit allows counts as sent.");
	log_end(&line);
}

void spooler_hear_portion(struct spooler *spooler, struct portion_sheet *sheet, size_t shard)
{
	struct quota *quota = &spooler->quotas[sheet->tenant].quota;
	const struct mono now = loop_now(&spooler->shard.loop);

	sheet->shard = (uint16_t)shard;
	quota_spend(quota, now, sheet->spent);
	quota_give_back(quota, sheet->back);
	if (sheet->needed > 0)
		spooler_lend_portion(spooler, sheet);
	else
		spooler_return_portion(spooler, sheet);
}

/* Of what it needs as much as there is; or it waits for the record that allows it. */
static void spooler_lend_portion(struct spooler *spooler, struct portion_sheet *sheet)
{
	struct spooler_quota *own = &spooler->quotas[sheet->tenant];
	const struct mono now = loop_now(&spooler->shard.loop);
	const bool urgent = sheet->pot == PORTION_URGENT;

	const enum quota_answer answer =
	        quota_lend(&own->quota, now, urgent, sheet->needed, sheet->most, &sheet->granted);
	if (answer == QUOTA_RECORD) {
		list_push_last(&own->waiting, &sheet->link);
		return;
	}
	if (sheet->granted < sheet->needed) {
		sheet->until = quota_when(&own->quota, now, urgent, 1);
		/* Others may give back what they have, or tell that it was spent long ago. */
		if (own->quota.lent > 0)
			sheet->until = mono_earlier(
			        sheet->until, mono_after(now, 2 * PORTIONS_TELL_MOST_NS));
	}
	if (answer == QUOTA_SHORT)
		spooler_tell_used_up(spooler, sheet);
	spooler_return_portion(spooler, sheet);
}

static void spooler_return_portion(struct spooler *spooler, struct portion_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_PORTION, .portion = sheet };

	check(mailbox_put(spooler->delivery[sheet->shard].out, &letter)); /* room is kept for it */
}

/* Nobody has a portion any more. */
static bool spooler_quota_is_last(const struct spooler *spooler)
{
	return spooler_state(spooler) == SPOOLER_DRAINING &&
	       spooler->drained == spooler->ingest_count + spooler->delivery_count;
}

void spooler_keep_quotas(struct spooler *spooler)
{
	const struct mono now = loop_now(&spooler->shard.loop);
	const bool last = spooler_quota_is_last(spooler);

	for (size_t i = 0; i < spooler->shard.config->tenants.count; i++) {
		struct spooler_quota *own = &spooler->quotas[i];
		if (!spooler_has_quota(spooler, i) || own->quota.keeping ||
		        batch_notes_full(&spooler->batch))
			continue;
		/* Ahead of need in commits that happen anyway. */
		const bool wanted =
		        last ? !quota_is_closed(&own->quota)
		             : !list_is_empty(&own->waiting) ||
		                        (own->quota.open && !batch_is_empty(&spooler->batch));
		if (wanted && (last || quota_wants_record(&own->quota, now)))
			spooler_write_quota(spooler, own);
	}
}

static void spooler_write_quota(struct spooler *spooler, struct spooler_quota *own)
{
	const struct loop *loop = &spooler->shard.loop;

	own->note.record_bytes = quota_encode(&own->quota, loop_now(loop), loop_wall(loop),
	        spooler_quota_is_last(spooler),
	        (struct span){ own->note.record, sizeof own->note.record });
	batch_add_note(&spooler->batch, &own->note, FEED_NO_SHARD);
}

void spooler_kept_quota(struct spooler *spooler, struct note *note, bool kept)
{
	struct spooler_quota *own = note->owner;

	quota_kept(&own->quota, !kept);
	for (size_t left = own->waiting.count; left > 0 && kept; left--)
		spooler_lend_portion(spooler,
		        container_of(list_pop_first(&own->waiting), struct portion_sheet, link));
}

bool spooler_quotas_want(struct spooler *spooler)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	for (size_t i = 0; i < spooler->shard.config->tenants.count; i++) {
		struct spooler_quota *own = &spooler->quotas[i];
		if (!spooler_has_quota(spooler, i) || own->quota.keeping)
			continue;
		if (spooler_quota_is_last(spooler) ? !quota_is_closed(&own->quota)
		                                   : !list_is_empty(&own->waiting) &&
		                                             quota_wants_record(&own->quota, now))
			return true;
	}
	return false;
}

bool spooler_quotas_are_closed(const struct spooler *spooler)
{
	for (size_t i = 0; i < spooler->shard.config->tenants.count; i++)
		if (spooler_has_quota(spooler, i) && !quota_is_closed(&spooler->quotas[i].quota))
			return false;
	return true;
}

/* Once an hour of a day: it has room for a few now and then. */
static void spooler_tell_used_up(struct spooler *spooler, const struct portion_sheet *sheet)
{
	struct spooler_quota *own = &spooler->quotas[sheet->tenant];
	const struct loop *loop = &spooler->shard.loop;
	const struct mono now = loop_now(loop);

	if (!mono_reached(now, own->told_until))
		return;
	own->told_until = mono_after(now, own->quota.settings.period_ns / SPOOLER_QUOTA_TOLD_OF);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "quota_used_up");
	log_word(&line, "tenant", spooler->shard.config->tenants.at[sheet->tenant].name);
	log_word(&line, "limit", "external_recipients_per_day");
	log_number(&line, "of", own->quota.settings.count);
	log_number(&line, "used", quota_used(&own->quota, now));
	log_seconds(&line, "for", sheet->until.ns - now.ns);
	log_word(&line, "advice",
	        "Mail to other domains waits until some of what was sent is a day old; to "
	        "accepted_domains it goes on.");
	log_end(&line);
}
