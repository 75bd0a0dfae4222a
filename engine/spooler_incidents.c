#include "engine/spooler_inner.h"

#include "queue/base/check.h"

#include <assert.h>

static_assert(INCIDENT_RECORD_MAX <= THROTTLE_RECORD_MAX, "a note has room for an incident");
static_assert(INCIDENT_BOOK_NAME_BYTES <= SPOOL_NOTE_NAME_MAX, "and for the name of its place");

static bool spooler_knows_incident(const struct spooler *spooler, const struct incident *incident);
static void spooler_count_incidents(struct spooler *spooler);
static void spooler_log_incident(
        struct spooler *spooler, const struct incident *incident, const char *event);

void spooler_read_incidents(struct spooler *spooler)
{
	for (size_t i = 0; i < INCIDENTS_MAX; i++) {
		char name[INCIDENT_BOOK_NAME_BYTES];
		struct incident incident;
		struct view record;

		/* One that can't be read is opened anew by the next refusal. */
		if (failed(spool_read_note(spooler->spool, incident_book_name(i, name), &record)) ||
		        failed(incident_decode(&incident, record)))
			continue;
		incident_book_restore(&spooler->book, i, &incident);
		if (!incident_is_open(&incident) || spooler_knows_incident(spooler, &incident))
			continue;
		/* Nothing takes that way any more. */
		(void)incident_book_close(&spooler->book, &incident, clock_wall());
		spooler_log_incident(spooler, &incident, "incident_closed");
	}
	spooler_count_incidents(spooler);
}

static void spooler_count_incidents(struct spooler *spooler)
{
	uint64_t open = 0;

	for (size_t i = 0; i < INCIDENTS_MAX; i++)
		open += spooler->book.used[i] && incident_is_open(&spooler->book.at[i]);
	atomic_store(&spooler->incidents_open, open);
}

uint64_t spooler_incident_count(const struct spooler *spooler)
{
	return atomic_load(&spooler->incidents_open);
}

/* Whether its route and mailbox are configured. */
static bool spooler_knows_incident(const struct spooler *spooler, const struct incident *incident)
{
	const struct config_routes *routes = &spooler->shard.config->routes;

	for (size_t i = 0; i < routes->count; i++) {
		const struct config_identities *identities = &routes->at[i].identities;

		if (strcmp(routes->at[i].name, incident->route) != 0)
			continue;
		if (incident->identity[0] == '\0')
			return true;
		for (size_t j = 0; j < identities->count; j++)
			if (view_equal_fold(
			            view_of(identities->at[j].user), view_of(incident->identity)))
				return true;
	}
	return false;
}

void spooler_hear_incident(struct spooler *spooler, struct incident_sheet *sheet, size_t shard)
{
	const struct letter letter = { .kind = LETTER_INCIDENT, .sheet = sheet };
	const struct incident *news = &sheet->incident;
	size_t place = INCIDENTS_MAX;
	bool opened = false;

	if (news->count > 0)
		(void)incident_book_raise(&spooler->book, news, &opened);
	if (opened)
		spooler_log_incident(spooler, news, "incident_opened");
	if (sheet->over)
		place = incident_book_close(&spooler->book, news, loop_wall(&spooler->shard.loop));
	if (place < INCIDENTS_MAX)
		spooler_log_incident(spooler, &spooler->book.at[place], "incident_closed");
	spooler_count_incidents(spooler);
	check(mailbox_put(spooler->delivery[shard].out, &letter)); /* room is kept for it */
}

static void spooler_log_incident(
        struct spooler *spooler, const struct incident *incident, const char *event)
{
	char memory[INCIDENT_COMMAND_MAX];
	struct text command = TEXT_ON(memory);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, event);

	log_word(&line, "cause", cause_word(incident->cause));
	log_word(&line, "scope", scope_word(incident->scope));
	log_word(&line, "route", incident->route);
	if (incident->identity[0] != '\0')
		log_word(&line, "identity", incident->identity);
	if (incident_is_pair(incident))
		log_word(&line, "sender", incident->sender);
	if (incident_is_open(incident)) {
		log_word(&line, "reply", incident->reply);
		log_word(&line, "advice", incident->advice);
		if (incident_put_command(incident, &command))
			log_text(&line, "command", text_view(&command));
	} else {
		log_number(&line, "count", incident->count);
		log_seconds(&line, "for", (incident->closed.ms - incident->first.ms) * NS_PER_MS);
	}
	log_end(&line);
}

void spooler_keep_incidents(struct spooler *spooler)
{
	struct note *page = &spooler->page;
	char name[INCIDENT_BOOK_NAME_BYTES];

	if (spooler->page_turning || batch_notes_full(&spooler->batch) ||
	        !incident_book_next_dirty(&spooler->book, &spooler->page_place))
		return;
	const struct view view = incident_book_name(spooler->page_place, name);
	memcpy(page->name, view.data, view.bytes);
	page->name_bytes = view.bytes;
	page->record_bytes = incident_encode(&spooler->book.at[spooler->page_place],
	        (struct span){ page->record, sizeof page->record });
	spooler->page_turning = true;
	batch_add_note(&spooler->batch, page, 0);
}

void spooler_kept_incident(struct spooler *spooler, bool kept)
{
	spooler->page_turning = false;
	if (!kept)
		incident_book_soil(&spooler->book, spooler->page_place);
}

void spooler_list_incidents(struct spooler *spooler, struct request *request)
{
	request_put_incidents(request, &spooler->book, request->all);
}
