#include "engine/spooler_inner.h"

#include "queue/base/check.h"

#include <strings.h>

/* Rows of one Message-ID that are looked at: a message to many recipients, sent in parts. */
#define LATE_ROWS_MAX 64

static bool late_find(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, struct late *late);
static void late_refuse(struct spooler *spooler, const struct ndr_recipient *recipient,
        const struct config_route *route, struct late *late);
static const struct config_route *late_route(
        const struct spooler *spooler, const struct spool_sent *sent, uint16_t *index);
static bool late_is_about_lanes(const struct verdict *verdict);
static enum late_fate late_tell(
        struct spooler *spooler, const struct ndr_recipient *recipient, const struct late *late);
static void late_log(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, const struct late *late, const char *source);

void spooler_hear_late(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, const char *source, struct late *late)
{
	struct counters *counters = spooler->shard.counters;

	memset(late, 0, sizeof *late);
	if (!ndr->report || recipient == NULL) {
		late->fate = LATE_NONE;
	} else if (!late_find(spooler, ndr, recipient, late)) {
		late->fate = LATE_UNKNOWN;
	} else {
		uint16_t index;
		const struct config_route *route = late_route(spooler, &late->sent, &index);
		const struct view host =
		        route != NULL && route->host != NULL ? view_of(route->host) : VIEW("");

		late->verdict = verdict_judge(STAGE_ANY, view_of(recipient->reply));
		late->foreign = !late_is_own(ndr, recipient, host);
		late->fate = LATE_NOTED;
		if (recipient->action == NDR_FAILED)
			late_refuse(spooler, recipient, route, late);
	}
	if (late->fate <= LATE_UNKNOWN)
		counters_add(counters, reports_disbelieved, 1);
	else if (late->fate < LATE_AGAIN && recipient->action == NDR_FAILED)
		counters_add(counters, refusals_late, 1);
	late_log(spooler, ndr, recipient, late, source);
}

/* It is kept if it is heard, and heard if it is kept: one that comes again has missed nothing. */
static void late_refuse(struct spooler *spooler, const struct ndr_recipient *recipient,
        const struct config_route *route, struct late *late)
{
	const enum late_kept kept = spooler_look_late(spooler, late, recipient);

	if (kept == LATE_KEPT_AGAIN) {
		late->fate = LATE_AGAIN;
		late->kept = true;
		return;
	}
	if (kept == LATE_KEPT_BUSY) {
		late->fate = LATE_BUSY;
		return;
	}
	if (recipient->reply[0] != '\0' && !late->foreign && route != NULL &&
	        late_is_about_lanes(&late->verdict))
		late->fate = late_tell(spooler, recipient, late);
	if (late->fate != LATE_BUSY && kept == LATE_KEPT_ROOM)
		spooler_keep_late(spooler, late, recipient);
}

/* Of several rows the one that was sent to this recipient, else the last. */
static bool late_find(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, struct late *late)
{
	const struct view original = view_of(recipient->original);
	bool found = false;

	for (size_t i = 0; i < ndr->id_count && !late->known; i++) {
		struct spool_sent_place place = { 0 };
		struct spool_sent sent = { 0 };

		spooler_sent_key(view_of(ndr->ids[i]), sent.key);
		for (int rows = 0; rows < LATE_ROWS_MAX && !late->known; rows++) {
			if (failed(spool_find_sent(spooler->spool, &place, &sent)))
				break;
			late->known = spool_sent_has(&sent, view_of(recipient->address)) ||
			              (original.bytes > 0 && spool_sent_has(&sent, original));
			late->sent = sent;
			found = true;
		}
		if (found)
			break; /* a less likely id is another message's */
	}
	return found;
}

/* NULL: there is no such route any more. */
static const struct config_route *late_route(
        const struct spooler *spooler, const struct spool_sent *sent, uint16_t *index)
{
	const struct config *config = spooler->shard.config;

	return config_find_route(config, sent->route, index) ? &config->routes.at[*index] : NULL;
}

/* Not the message or a recipient, nor one connection that was made by others. */
static bool late_is_about_lanes(const struct verdict *verdict)
{
	return verdict->scope != SCOPE_MESSAGE && verdict->scope != SCOPE_RECIPIENT &&
	       verdict->scope != SCOPE_CONNECTION;
}

static enum late_fate late_tell(
        struct spooler *spooler, const struct ndr_recipient *recipient, const struct late *late)
{
	struct late_sheet *sheet = NULL;
	uint16_t index;
	const struct config_route *route = late_route(spooler, &late->sent, &index);

	for (size_t i = 0; i < LATE_SHEETS && sheet == NULL; i++)
		if (!spooler->late_sheets[i].used)
			sheet = &spooler->late_sheets[i];
	if (sheet == NULL)
		return LATE_BUSY;
	*sheet = (struct late_sheet){ .used = true, .route = index, .sent = late->sent.when };
	memcpy(sheet->sender, late->sent.sender, sizeof sheet->sender);
	memcpy(sheet->reply, recipient->reply, sizeof sheet->reply);
	for (size_t i = 0; i < route->identities.count && !sheet->signed_in; i++) {
		sheet->signed_in =
		        strcasecmp(route->identities.at[i].user, late->sent.identity) == 0;
		sheet->identity = (uint16_t)i;
	}
	/* A mailbox that is not configured any more stops nobody. */
	if (route->identities.count > 0 && !sheet->signed_in) {
		sheet->used = false;
		return LATE_NOTED;
	}
	list_push_last(&spooler->lates, &sheet->link);
	return LATE_ACTED;
}

static void late_log(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, const struct late *late, const char *source)
{
	const bool matched = late->fate > LATE_UNKNOWN;
	const bool refused = matched && recipient->action == NDR_FAILED;
	struct log_line line = log_begin(spooler->shard.log, refused ? LOG_WARNING : LOG_INFO,
	        !matched  ? "report_disbelieved"
	        : refused ? "late_refusal"
	                  : "late_report");

	if (matched)
		log_message(&line, late->sent.id);
	if (recipient != NULL) {
		log_word(&line, "to", recipient->address);
		log_word(&line, "action", ndr_action_word(recipient->action));
		log_word(&line, "status", recipient->status);
		log_word(&line, "reply", recipient->reply);
	}
	log_word(&line, "source", source);
	if (ndr->reporter[0] != '\0')
		log_word(&line, "reporter", ndr->reporter);
	if (!matched) {
		if (ndr->id_count > 0)
			log_word(&line, "message_id", ndr->ids[0]);
		log_word(&line, "reason", late_text(late->fate));
		log_end(&line);
		return;
	}
	log_word(&line, "route", late->sent.route);
	if (late->sent.identity[0] != '\0')
		log_word(&line, "identity", late->sent.identity);
	log_word(&line, "known", late->known ? "yes" : "no");
	log_word(&line, "effect", late_word(late->fate));
	if (refused) {
		log_word(&line, "kept", late->kept ? "yes" : "no");
		log_word(&line, "cause", cause_word(late->verdict.cause));
		log_word(&line, "advice", late->verdict.advice);
	}
	log_end(&line);
}

void spooler_send_lates(struct spooler *spooler)
{
	for (size_t left = spooler->lates.count; left > 0; left--) {
		struct late_sheet *sheet =
		        container_of(list_pop_first(&spooler->lates), struct late_sheet, link);
		const struct letter letter = { .kind = LETTER_LATE, .late = sheet };

		/* What a shard that drains would hold, it doesn't need any more. */
		if (sheet->shard == spooler->delivery_count ||
		        spooler_state(spooler) != SPOOLER_RUNNING) {
			sheet->used = false;
			continue;
		}
		if (spooler_tell(spooler, sheet->shard, &letter))
			continue;
		spooler->stalled = true;
		list_push_last(&spooler->lates, &sheet->link);
	}
}

void spooler_late_heard(struct spooler *spooler, struct late_sheet *sheet)
{
	check(sheet->used);
	sheet->shard++;
	list_push_last(&spooler->lates, &sheet->link);
}

void spooler_answer_late(struct spooler *spooler, struct request *request)
{
	const struct ndr *ndr = request->report;

	check(ndr != NULL);
	spooler_hear_late(spooler, ndr, ndr->recipient_count > 0 ? &ndr->recipients[0] : NULL,
	        "command", &request->late);
	request->count = request->late.fate > LATE_UNKNOWN ? 1 : 0;
}
