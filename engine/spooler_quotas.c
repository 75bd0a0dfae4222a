#include "engine/spooler_inner.h"

#include "engine/portions.h"
#include "queue/base/check.h"

#include <assert.h>
#include <stdlib.h>

static_assert(FEED_SHARDS_MAX <= ROTA_MAX, "a bit each");
static_assert(QUOTA_RECORD_MAX <= THROTTLE_RECORD_MAX, "a note has room for a quota");

#define SPOOLER_QUOTA_TOLD_OF 24 /* of its period, between two lines that it is used up */

static const struct view name_prefix = VIEW_INIT("quotas/");
static const char own_domain_advice[] =
        "Only mail from onmicrosoft.com addresses to other domains waits: give its senders "
        "addresses in a domain of your own, in their mailboxes or by names.";

static void spooler_stir_quota(struct spooler *spooler, struct spooler_quota *own);
static void spooler_keep_quota(struct spooler *spooler, struct spooler_quota *own);
static struct err spooler_rates_open(struct spooler *spooler);
static void spooler_read_quota(struct spooler *spooler, uint32_t index);
static void spooler_name_quota(const struct quota_row *row, struct text *name);
static void spooler_hear_exhausted(
        struct spooler *spooler, struct spooler_quota *own, const struct portion_sheet *sheet);
static void spooler_serve_quota(struct spooler *spooler, struct spooler_quota *own);
static bool spooler_lend_portion(struct spooler *spooler, struct portion_sheet *sheet);
static void spooler_return_portion(struct spooler *spooler, struct portion_sheet *sheet);
static bool spooler_quota_is_last(const struct spooler *spooler);
static void spooler_write_quota(struct spooler *spooler, struct spooler_quota *own);
static bool spooler_quota_wants(struct spooler *spooler, struct spooler_quota *own);
static void spooler_tell_used_up(struct spooler *spooler, const struct portion_sheet *sheet);

struct err spooler_quotas_open(struct spooler *spooler)
{
	const struct quota_plan *plan = spooler->shard.config->quotas;

	list_init(&spooler->quotas_busy);
	spooler->quotas = calloc(plan->count + 1, sizeof *spooler->quotas);
	if (spooler->quotas == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	spooler->quota_count = plan->count;
	for (uint32_t i = 0; i < plan->count; i++)
		spooler_read_quota(spooler, i);
	return spooler_rates_open(spooler);
}

/* Of each route: few, and looked for with each message. */
static struct err spooler_rates_open(struct spooler *spooler)
{
	const struct config *config = spooler->shard.config;

	spooler->rates = calloc(config->routes.count, sizeof *spooler->rates);
	if (spooler->rates == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (uint16_t route = 0; route < config->routes.count; route++) {
		size_t count = 0;
		for (uint32_t gate = 0; gate < gate_plan_count(config); gate++) {
			if (!gate_plan_has(config, gate, route))
				continue;
			check(count < SPOOLER_RATES_OF_ROUTE);
			spooler->rates[route].at[count++] =
			        &spooler->quotas[quota_plan_rate(config, gate)];
		}
	}
	return err_ok();
}

void spooler_count_sent(struct spooler *spooler, uint16_t route)
{
	const struct spooler_rates *rates = &spooler->rates[route];

	for (size_t i = 0; i < SPOOLER_RATES_OF_ROUTE && rates->at[i] != NULL; i++)
		if (quota_is_free(&rates->at[i]->quota))
			quota_count(&rates->at[i]->quota, loop_now(&spooler->shard.loop), 1);
}

void spooler_cut_rate(struct spooler *spooler, uint32_t gate)
{
	const uint32_t index = quota_plan_rate(spooler->shard.config, gate);
	struct spooler_quota *own = &spooler->quotas[index];
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text of = TEXT_ON(memory);

	if (!quota_cut(&own->quota, loop_now(&spooler->shard.loop)))
		return;
	spooler_stir_quota(spooler, own);
	quota_plan_name(own->row, &of);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "learned");
	log_text(&line, "of", text_view(&of));
	log_word(&line, "limit", "messages_per_minute");
	log_word(&line, "how", "cut");
	log_number(&line, "now", own->quota.rate.limit);
	log_end(&line);
}

static void spooler_read_quota(struct spooler *spooler, uint32_t index)
{
	const struct quota_row *row = &spooler->shard.config->quotas->rows[index];
	struct spooler_quota *own = &spooler->quotas[index];
	struct text name = text_on(own->note.name, sizeof own->note.name);
	struct view record;

	list_init(&own->waiting);
	spooler_name_quota(row, &name);
	own->note.name_bytes = name.bytes;
	own->note.shard = FEED_NO_SHARD;
	own->note.owner = own;
	own->row = row;
	quota_init(&own->quota, &row->settings);
	if (quota_is_cap(&own->quota) ||
	        failed(spool_read_note(spooler->spool, text_view(&name), &record)))
		return; /* there is none */
	const struct err err = quota_decode(&own->quota, clock_mono(), clock_wall(), record);
	if (!failed(err))
		return;
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text of = TEXT_ON(memory);
	quota_plan_name(row, &of);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "limits_damaged");
	log_text(&line, "of", text_view(&of));
	log_err(&line, err);
	log_word(&line, "advice",
	        "What was sent before is not known: all that its limit allows counts as sent.");
	log_end(&line);
}

/* "quotas/contoso" for a tenant's external recipients, "quotas/route/a/messages_per_minute". */
static void spooler_name_quota(const struct quota_row *row, struct text *name)
{
	static const char *const owners[] = {
		[QUOTA_OF_TENANT] = "tenant",
		[QUOTA_OF_ROUTE] = "route",
		[QUOTA_OF_SOURCE] = "source",
	};
	const char *of = row->name == NULL ? "" : row->name;

	text_put(name, name_prefix);
	if (row->unit != QUOTA_EXTERNAL)
		text_format(name, "%s/", owners[row->owner]);
	for (const char *at = of; *at != '\0'; at++)
		text_put_byte(name, byte_lower(*at));
	if (row->unit != QUOTA_EXTERNAL)
		text_format(name, "/%s", row->key);
}

void spooler_hear_portion(struct spooler *spooler, struct portion_sheet *sheet, size_t shard)
{
	struct spooler_quota *own = &spooler->quotas[sheet->quota];
	const struct mono now = loop_now(&spooler->shard.loop);

	check(sheet->quota < spooler->quota_count);
	sheet->shard = (uint16_t)shard;
	spooler_stir_quota(spooler, own);
	quota_spend(&own->quota, now, sheet->spent);
	quota_give_back(&own->quota, sheet->back);
	if (sheet->exhausted)
		spooler_hear_exhausted(spooler, own, sheet);
	const bool served = sheet->needed > 0 && !quota_is_free(&own->quota) &&
	                    (own->row->unit != QUOTA_IN_FLIGHT ||
	                            rota_serve(&own->rota, now, (unsigned)shard,
	                                    (unsigned)spooler->delivery_count,
	                                    own->quota.settings.count - own->quota.lent));
	if (!served) {
		spooler_return_portion(spooler, sheet);
		return;
	}
	list_push_last(&own->waiting, &sheet->link);
	spooler_serve_quota(spooler, own);
}

static void spooler_hear_exhausted(
        struct spooler *spooler, struct spooler_quota *own, const struct portion_sheet *sheet)
{
	const struct mono now = loop_now(&spooler->shard.loop);
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text of = TEXT_ON(memory);

	if (!quota_exhaust(&own->quota, now, sheet->began, sheet->wait_ns, sheet->late))
		return;
	quota_plan_name(own->row, &of);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "quota_refused");
	log_text(&line, "of", text_view(&of));
	log_word(&line, "limit", own->row->key);
	if (!quota_is_cap(&own->quota))
		log_number(&line, "used", quota_used(&own->quota, now));
	log_seconds(&line, "for", own->quota.shut_until.ns - now.ns);
	log_word(&line, "advice",
	        own->row->unit == QUOTA_ONMICROSOFT
	                ? own_domain_advice
	                : "Mail to other domains waits, then one message finds out; to "
	                  "accepted_domains it goes on. Others may send for this tenant too.");
	log_end(&line);
}

/* One after the other, as far as it reaches. */
static void spooler_serve_quota(struct spooler *spooler, struct spooler_quota *own)
{
	while (!list_is_empty(&own->waiting)) {
		struct portion_sheet *sheet =
		        container_of(list_first(&own->waiting), struct portion_sheet, link);
		if (!spooler_lend_portion(spooler, sheet))
			return;
		list_remove(&own->waiting, &sheet->link);
		spooler_return_portion(spooler, sheet);
	}
}

/* Of what it needs as much as there is. False: it waits for the record that allows it. */
static bool spooler_lend_portion(struct spooler *spooler, struct portion_sheet *sheet)
{
	struct spooler_quota *own = &spooler->quotas[sheet->quota];
	const struct mono now = loop_now(&spooler->shard.loop);
	const bool urgent = sheet->pot == PORTION_URGENT;

	const enum quota_answer answer =
	        quota_lend(&own->quota, now, urgent, sheet->needed, sheet->most, &sheet->granted);
	if (answer == QUOTA_RECORD)
		return false;
	if (sheet->granted < sheet->needed) {
		sheet->until = quota_when(&own->quota, now, urgent, 1);
		/* Others may give back what they have, or tell that it was spent long ago. */
		if (own->quota.lent > 0)
			sheet->until = mono_earlier(
			        sheet->until, mono_after(now, 2 * PORTIONS_TELL_MOST_NS));
	}
	if (answer == QUOTA_SHORT)
		spooler_tell_used_up(spooler, sheet);
	return true;
}

static void spooler_return_portion(struct spooler *spooler, struct portion_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_PORTION, .portion = sheet };
	struct quota *quota = &spooler->quotas[sheet->quota].quota;

	sheet->free = quota_is_free(quota);
	if (sheet->exhausted)
		sheet->until = quota_when(quota, loop_now(&spooler->shard.loop), true, 1);
	check(mailbox_put(spooler->delivery[sheet->shard].out, &letter)); /* room is kept for it */
}

/* Nobody has a portion any more. */
static bool spooler_quota_is_last(const struct spooler *spooler)
{
	return spooler_state(spooler) == SPOOLER_DRAINING &&
	       spooler->drained == spooler->ingest_count + spooler->delivery_count;
}

static void spooler_stir_quota(struct spooler *spooler, struct spooler_quota *own)
{
	if (!quota_is_cap(&own->quota) && !link_is_linked(&own->link))
		list_push_last(&spooler->quotas_busy, &own->link);
}

void spooler_keep_quotas(struct spooler *spooler)
{
	struct list *busy = &spooler->quotas_busy;

	if (spooler_quota_is_last(spooler))
		for (uint32_t i = 0; i < spooler->quota_count; i++)
			spooler_stir_quota(spooler, &spooler->quotas[i]);
	for (size_t left = busy->count; left > 0; left--) {
		struct spooler_quota *own =
		        container_of(list_pop_first(busy), struct spooler_quota, link);
		struct quota *quota = &own->quota;

		spooler_keep_quota(spooler, own);
		/* What nobody has any of, nor waits for, is looked at when somebody asks. */
		if (quota->keeping || quota->lent > 0 || !list_is_empty(&own->waiting) ||
		        spooler_quota_wants(spooler, own))
			spooler_stir_quota(spooler, own);
	}
}

static void spooler_keep_quota(struct spooler *spooler, struct spooler_quota *own)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (own->quota.keeping || batch_notes_full(&spooler->batch))
		return;
	/* Ahead of need in commits that happen anyway. */
	const bool ahead = own->quota.open && !spooler_quota_is_last(spooler) &&
	                   !batch_is_empty(&spooler->batch) && quota_wants_record(&own->quota, now);
	if (ahead || spooler_quota_wants(spooler, own))
		spooler_write_quota(spooler, own);
}

/* A record has to be written, whatever else is. */
static bool spooler_quota_wants(struct spooler *spooler, struct spooler_quota *own)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (quota_is_cap(&own->quota) || own->quota.keeping)
		return false;
	if (spooler_quota_is_last(spooler))
		return !quota_is_closed(&own->quota);
	return (own->quota.changed || !list_is_empty(&own->waiting)) &&
	       quota_wants_record(&own->quota, now);
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
	if (kept)
		spooler_serve_quota(spooler, own);
}

bool spooler_quotas_want(struct spooler *spooler)
{
	list_each(link, &spooler->quotas_busy) {
		if (spooler_quota_wants(spooler, container_of(link, struct spooler_quota, link)))
			return true;
	}
	return false;
}

bool spooler_quotas_are_closed(const struct spooler *spooler)
{
	for (uint32_t i = 0; i < spooler->quota_count; i++)
		if (!quota_is_cap(&spooler->quotas[i].quota) &&
		        !quota_is_closed(&spooler->quotas[i].quota))
			return false;
	return true;
}

void spooler_resume_quotas(struct spooler *spooler)
{
	for (uint32_t i = 0; i < spooler->quota_count; i++)
		if (quota_resume(&spooler->quotas[i].quota))
			spooler_stir_quota(spooler, &spooler->quotas[i]);
}

/* Once an hour of a day: it has room for a few now and then. */
static void spooler_tell_used_up(struct spooler *spooler, const struct portion_sheet *sheet)
{
	struct spooler_quota *own = &spooler->quotas[sheet->quota];
	const struct quota_row *row = own->row;
	const struct loop *loop = &spooler->shard.loop;
	const struct mono now = loop_now(loop);
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text of = TEXT_ON(memory);

	/* One of a minute is used up all the time. */
	if ((!quota_unit_is_external(row->unit) && row->unit != QUOTA_RECIPIENTS) ||
	        !mono_reached(now, own->told_until))
		return;
	own->told_until = mono_after(now, row->settings.period_ns / SPOOLER_QUOTA_TOLD_OF);
	quota_plan_name(row, &of);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "quota_used_up");
	log_text(&line, "of", text_view(&of));
	log_word(&line, "limit", row->key);
	log_number(&line, "most", row->settings.count);
	log_number(&line, "used", quota_used(&own->quota, now));
	log_seconds(&line, "for", sheet->until.ns - now.ns);
	if (row->unit == QUOTA_EXTERNAL)
		log_word(&line, "advice",
		        "Mail to other domains waits until some of what was sent is a day old; to "
		        "accepted_domains it goes on.");
	else if (row->unit == QUOTA_ONMICROSOFT)
		log_word(&line, "advice", own_domain_advice);
	log_end(&line);
}
