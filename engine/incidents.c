#include "engine/incidents.h"

#include "engine/routing.h"
#include "queue/base/check.h"

#include <strings.h>

static bool incidents_is_of_some(const struct incident *incident);
static bool incidents_is_to_outside(
        const struct incidents *incidents, const struct message *message);
static struct incidents_entry *incidents_find(
        struct incidents *incidents, const struct incident *about);
static struct incidents_entry *incidents_find_pair(const struct incidents *incidents,
        const struct lane *lane, const struct message *message, struct view sender);
static struct incidents_entry *incidents_add(
        struct incidents *incidents, const struct incident *incident, const struct lane *lane);
static struct incident incidents_describe(
        const struct incidents *incidents, const struct lane *lane, struct judge_case *it);
static void incidents_count(
        struct incidents *incidents, struct incidents_entry *entry, const struct incident *news);
static void incidents_end(struct incidents *incidents, struct incidents_entry *entry);
static bool incidents_place(
        const struct incidents *incidents, const struct incident *incident, struct lane *lane);
static bool incidents_tell(struct incidents *incidents, struct incidents_entry *entry);
static void incidents_timer_expired(struct timer *timer);

struct err incidents_init(struct incidents *incidents, struct shard *shard)
{
	*incidents = (struct incidents){
		.shard = shard,
		.timer.expired = incidents_timer_expired,
	};
	list_init(&incidents->known);
	const struct err err =
	        pool_init(&incidents->entries, sizeof(struct incidents_entry), INCIDENTS_MAX);
	if (failed(err))
		return err;
	return pool_init(&incidents->sheets, sizeof(struct incident_sheet), INCIDENT_SHEETS);
}

void incidents_finish(struct incidents *incidents)
{
	if (incidents->shard == NULL)
		return;
	loop_timer_stop(&incidents->shard->loop, &incidents->timer);
	if (incidents->sheets.memory != NULL) {
		incidents->sheets.taken = 0; /* what a stopped spooler has is never looked at */
		pool_finish(&incidents->sheets);
	}
	if (incidents->entries.memory == NULL)
		return;
	while (!list_is_empty(&incidents->known))
		pool_give(&incidents->entries, container_of(list_pop_first(&incidents->known),
		                                       struct incidents_entry, link));
	pool_finish(&incidents->entries);
}

void incidents_read(struct incidents *incidents, struct spool *spool)
{
	const struct wall wall = clock_wall();
	const struct mono now = clock_mono();
	char name[INCIDENT_BOOK_NAME_BYTES];

	for (size_t i = 0; i < INCIDENTS_MAX; i++) {
		struct incident incident;
		struct lane lane = { 0 };
		struct view record;

		if (failed(spool_read_note(spool, incident_book_name(i, name), &record)) ||
		        failed(incident_decode(&incident, record)) ||
		        !incident_is_open(&incident) ||
		        !incidents_place(incidents, &incident, &lane))
			continue;
		incident.count = 0;
		struct incidents_entry *entry = incidents_add(incidents, &incident, &lane);
		const int64_t left_ms = incident.until.ms - wall.ms;
		/* A clock that was set forward is no reason to wait for longer than ever. */
		if (entry != NULL && left_ms > 0)
			entry->until = mono_after(now, left_ms < INCIDENTS_PAIR_MOST_NS / NS_PER_MS
			                                       ? left_ms * NS_PER_MS
			                                       : INCIDENTS_PAIR_MOST_NS);
	}
}

/* Where it is, as things are configured today. False: nowhere. */
static bool incidents_place(
        const struct incidents *incidents, const struct incident *incident, struct lane *lane)
{
	const struct config_routes *routes = &incidents->shard->config->routes;

	for (size_t i = 0; i < routes->count; i++) {
		const struct config_identities *identities = &routes->at[i].identities;

		if (strcmp(routes->at[i].name, incident->route) != 0)
			continue;
		lane->route = (uint16_t)i;
		if (incident->identity[0] == '\0')
			return true;
		for (size_t j = 0; j < identities->count; j++) {
			lane->identity = (uint16_t)j;
			if (strcasecmp(identities->at[j].user, incident->identity) == 0)
				return true;
		}
	}
	return false;
}

/* What happens. */

void incidents_raise(
        struct incidents *incidents, const struct lane *lane, struct judge_case *it, bool route)
{
	struct incident news = incidents_describe(incidents, lane, it);

	if (route)
		news.identity[0] = '\0';
	else
		news.scope = SCOPE_IDENTITY;
	if (route && (news.scope == SCOPE_CONNECTION || news.scope == SCOPE_IDENTITY))
		news.scope = SCOPE_ROUTE;
	struct incidents_entry *entry = incidents_find(incidents, &news);
	if (entry != NULL)
		incidents_count(incidents, entry, &news);
	else
		(void)incidents_add(incidents, &news, lane);
}

void incidents_refuse(struct incidents *incidents, const struct lane *lane, struct judge_case *it,
        struct view name)
{
	const struct mono now = loop_now(&incidents->shard->loop);
	struct incident news = incidents_describe(incidents, lane, it);
	int64_t wait_ns = INCIDENTS_PAIR_FIRST_NS;

	check(name.bytes > 0);
	news.scope = SCOPE_IDENTITY;
	incident_set(news.sender, sizeof news.sender, name);
	struct incidents_entry *entry = incidents_find(incidents, &news);
	if (entry == NULL)
		entry = incidents_add(incidents, &news, lane);
	else
		incidents_count(incidents, entry, &news);
	if (entry == NULL)
		return;
	/* The rest of what was under way gets the same answer: that is no further setback. */
	if (!entry->trying && !mono_reached(now, entry->until))
		return;
	entry->trying = false;
	for (uint32_t i = 0; i < entry->incident.setbacks && wait_ns < INCIDENTS_PAIR_MOST_NS; i++)
		wait_ns *= 2;
	if (wait_ns > INCIDENTS_PAIR_MOST_NS)
		wait_ns = INCIDENTS_PAIR_MOST_NS;
	entry->incident.setbacks++;
	entry->until = mono_after(now, wait_ns);
}

void incidents_taken(struct incidents *incidents, const struct lane *lane, uint32_t epoch,
        const struct message *message, struct view sender)
{
	const int64_t old_ms = loop_wall(&incidents->shard->loop).ms - INCIDENTS_OLD_MS;
	struct incidents_names names;

	if (list_is_empty(&incidents->known))
		return;
	if (incidents->pairs > 0)
		incidents_names_read(&names, message, sender);
	list_each_safe(link, &incidents->known) {
		struct incidents_entry *entry = container_of(link, struct incidents_entry, link);
		const struct incident *incident = &entry->incident;

		if (entry->over || entry->route != lane->route)
			continue;
		if (incident->identity[0] != '\0' && entry->identity != lane->identity)
			continue;
		if (incidents_is_of_some(incident) && incident->last.ms > old_ms &&
		        (!incidents_is_to_outside(incidents, message) ||
		                (incident->cause == CAUSE_MOERA_RATE &&
		                        !routing_is_onmicrosoft(sender))))
			continue;
		/* What began before the lane was held says nothing about that. */
		if (incident_is_pair(incident)
		                ? incidents_names_have(&names, view_of(incident->sender))
		                : epoch == lane->epoch)
			incidents_end(incidents, entry);
	}
}

/* It stands in the way of mail to other domains alone, or even of that from some addresses, so
 * other mail ends nothing. */
static bool incidents_is_of_some(const struct incident *incident)
{
	return incident->scope == SCOPE_RECIPIENT ||
	       (incident->scope == SCOPE_TENANT && incident->cause == CAUSE_MOERA_RATE) ||
	       (incident->scope == SCOPE_TENANT && incident->cause == CAUSE_TENANT_RATE &&
	               verdict_is_external(view_of(incident->reply)));
}

static bool incidents_is_to_outside(
        const struct incidents *incidents, const struct message *message)
{
	struct message_cursor cursor = message_recipients(message);
	struct message_recipient recipient;

	while (message_next_recipient(&cursor, &recipient))
		if (!routing_is_external(incidents->shard->config, recipient.address))
			return false;
	return true;
}

void incidents_opened(struct incidents *incidents, uint16_t route)
{
	list_each_safe(link, &incidents->known) {
		struct incidents_entry *entry = container_of(link, struct incidents_entry, link);
		const struct incident *incident = &entry->incident;

		if (!entry->over && entry->route == route && incident->identity[0] == '\0' &&
		        (incident->scope == SCOPE_TENANT || incident->scope == SCOPE_SOURCE_IP))
			incidents_end(incidents, entry);
	}
}

/* The mailbox, the reply and what it means; of no sender. */
static struct incident incidents_describe(
        const struct incidents *incidents, const struct lane *lane, struct judge_case *it)
{
	const struct config_route *route = &incidents->shard->config->routes.at[lane->route];
	const struct wall now = loop_wall(&incidents->shard->loop);
	struct incident incident = {
		.cause = it->verdict.cause,
		.scope = it->verdict.scope,
		.first = now,
		.last = now,
		.count = 1,
	};

	incident_set(incident.route, sizeof incident.route, view_of(route->name));
	if (lane->identity < route->identities.count)
		incident_set(incident.identity, sizeof incident.identity,
		        view_of(route->identities.at[lane->identity].user));
	incident_set(incident.reply, sizeof incident.reply,
	        it->reply != NULL ? it->reply->whole : it->note.text);
	incident_set(incident.advice, sizeof incident.advice, view_of(it->verdict.advice));
	return incident;
}

/* What is known. */

static struct incidents_entry *incidents_find(
        struct incidents *incidents, const struct incident *about)
{
	list_each(link, &incidents->known) {
		struct incidents_entry *entry = container_of(link, struct incidents_entry, link);
		if (!entry->over && incident_is_same(&entry->incident, about))
			return entry;
	}
	return NULL;
}

/* Of those that stand in the message's way, the one that does so for longest. */
static struct incidents_entry *incidents_find_pair(const struct incidents *incidents,
        const struct lane *lane, const struct message *message, struct view sender)
{
	struct incidents_entry *found = NULL;
	struct incidents_names names;

	if (incidents->pairs == 0)
		return NULL;
	incidents_names_read(&names, message, sender);
	list_each(link, &incidents->known) {
		struct incidents_entry *entry = container_of(link, struct incidents_entry, link);

		if (entry->over || entry->route != lane->route ||
		        entry->identity != lane->identity || !incident_is_pair(&entry->incident) ||
		        !incidents_names_have(&names, view_of(entry->incident.sender)))
			continue;
		if (found == NULL || entry->until.ns > found->until.ns)
			found = entry;
	}
	return found;
}

/* NULL: there is no place. */
static struct incidents_entry *incidents_add(
        struct incidents *incidents, const struct incident *incident, const struct lane *lane)
{
	struct incidents_entry *entry = pool_take(&incidents->entries);

	if (entry == NULL)
		return NULL;
	entry->incident = *incident;
	entry->route = lane->route;
	entry->identity = lane->identity;
	entry->told = MONO_NEVER;
	list_push_last(&incidents->known, &entry->link);
	incidents->pairs += incident_is_pair(incident);
	incidents->wanting += incident->count > 0;
	return entry;
}

static void incidents_count(
        struct incidents *incidents, struct incidents_entry *entry, const struct incident *news)
{
	const struct wall until = entry->incident.until;
	const uint32_t setbacks = entry->incident.setbacks;

	incidents->wanting += entry->incident.count == 0;
	if (entry->incident.count == 0)
		entry->incident.first = news->first;
	incident_add(&entry->incident, news);
	entry->incident.until = until;
	entry->incident.setbacks = setbacks;
}

static void incidents_end(struct incidents *incidents, struct incidents_entry *entry)
{
	incidents->wanting += entry->incident.count == 0;
	incidents->pairs -= incident_is_pair(&entry->incident);
	entry->over = true;
}

/* Pairs. */

int64_t incidents_bar_ns(const struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender)
{
	const struct mono now = loop_now(&incidents->shard->loop);
	const struct incidents_entry *entry = incidents_find_pair(incidents, lane, message, sender);

	return entry == NULL || mono_reached(now, entry->until) ? 0 : entry->until.ns - now.ns;
}

struct view incidents_words(const struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender)
{
	const struct incidents_entry *entry = incidents_find_pair(incidents, lane, message, sender);

	return entry == NULL ? VIEW("") : view_of(entry->incident.reply);
}

void incidents_try(struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender)
{
	struct incidents_entry *entry = incidents_find_pair(incidents, lane, message, sender);

	if (entry == NULL)
		return;
	entry->trying = true;
	entry->until = mono_after(loop_now(&incidents->shard->loop), INCIDENTS_PROBE_NS);
}

void incidents_resume(struct incidents *incidents)
{
	list_each(link, &incidents->known)
		container_of(link, struct incidents_entry, link)->until = (struct mono){ 0 };
}

/* Telling. */

void incidents_work(struct incidents *incidents)
{
	struct loop *loop = &incidents->shard->loop;
	struct mono next = MONO_NEVER;

	if (incidents->wanting == 0 || incidents->shard->drained)
		return;
	list_each_safe(link, &incidents->known) {
		struct incidents_entry *entry = container_of(link, struct incidents_entry, link);
		const struct mono when = entry->told.ns == MONO_NEVER.ns
		                                 ? loop_now(loop)
		                                 : mono_after(entry->told, INCIDENTS_TELL_NS);

		if (entry->incident.count == 0 && !entry->over)
			continue;
		if (!mono_reached(loop_now(loop), when)) {
			next = mono_earlier(next, when);
			continue;
		}
		if (!incidents_tell(incidents, entry))
			break; /* a sheet that comes back makes the next turn */
	}
	loop_timer_set(loop, &incidents->timer, next);
}

/* False: all sheets are under way. */
static bool incidents_tell(struct incidents *incidents, struct incidents_entry *entry)
{
	struct shard *shard = incidents->shard;
	struct incident_sheet *sheet = pool_take(&incidents->sheets);
	const struct letter letter = { .kind = LETTER_INCIDENT, .sheet = sheet };

	if (sheet == NULL)
		return false;
	if (entry->until.ns > 0) {
		const int64_t left_ns = entry->until.ns - loop_now(&shard->loop).ns;
		entry->incident.until.ms = loop_wall(&shard->loop).ms + left_ns / NS_PER_MS;
	}
	sheet->incident = entry->incident;
	sheet->over = entry->over;
	entry->incident.count = 0;
	entry->told = loop_now(&shard->loop);
	incidents->wanting--;
	if (entry->over) {
		list_remove(&incidents->known, &entry->link);
		pool_give(&incidents->entries, entry);
	}
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* there is room for all sheets */
	return true;
}

void incidents_told(struct incidents *incidents, struct incident_sheet *sheet)
{
	pool_give(&incidents->sheets, sheet);
}

static void incidents_timer_expired(struct timer *timer)
{
	(void)timer; /* it is enough that the loop turned: incidents_work() looks again */
}
