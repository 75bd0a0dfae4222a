#include "bench/mock_tenant.h"

#include "queue/base/check.h"

#include <math.h>
#include <stdlib.h>

#define SECONDS_MINUTE 60.0
#define SECONDS_DAY    86400.0
#define INDEX_FIRST    64 /* a power of two; doubled at half full */

static void *tenant_grow(void *array, size_t count, size_t bytes);
static void tenant_finish_strings(struct mock_strings *strings);
static void tenant_add_string(struct mock_strings *strings, struct view text);
static bool tenant_has_string(const struct mock_strings *strings, struct view text);
static uint64_t tenant_hash(struct view name);
static size_t tenant_place(const struct mock_tenant *tenant, struct view name);
static void tenant_index_grow(struct mock_tenant *tenant);
static void tenant_change(struct mock_tenant *tenant, const struct mock_change *change);
static void tenant_report(struct mock_tenant *tenant, struct mock_bounce *bounce);
static struct mono tenant_moment(const struct mock_tenant *tenant, double seconds);
static bool tenant_name_covers(struct view pattern, struct view name);

void mock_tenant_create(struct mock_tenant **result, const struct mock_tenant_settings *settings)
{
	struct mock_tenant *tenant = tenant_grow(NULL, 1, sizeof *tenant);

	check(settings->speed > 0);
	*tenant = (struct mock_tenant){ .settings = *settings, .began = MONO_NEVER };
	if (settings->ndr_folder != NULL) {
		tenant->ndr_folder = strdup(settings->ndr_folder);
		check(tenant->ndr_folder != NULL);
	}
	tenant->settings.ndr_folder = tenant->ndr_folder;
	random_seed(&tenant->random, settings->seed);
	tenant->periods = (struct mock_periods){
		.minute_ns = mock_tenant_ns(tenant, SECONDS_MINUTE),
		.day_ns = mock_tenant_ns(tenant, SECONDS_DAY),
		.strikes_ns = mock_tenant_ns(tenant, settings->strikes_s),
	};
	const uint64_t external = settings->external_per_day == 0
	                                  ? mock_tenant_external_limit(settings->licences)
	                                  : settings->external_per_day;
	mock_meter_init(&tenant->external, external, tenant->periods.day_ns);
	mock_meter_init(
	        &tenant->onmicrosoft, settings->onmicrosoft_per_day, tenant->periods.day_ns);
	mock_sources_init(&tenant->sources,
	        settings->source_minute / (double)tenant->periods.minute_ns,
	        settings->source_burst);
	tenant->bounces = tenant_grow(NULL, MOCK_BOUNCES_KEPT, sizeof *tenant->bounces);
	tenant_index_grow(tenant);
	*result = tenant;
}

void mock_tenant_destroy(struct mock_tenant *tenant)
{
	if (tenant == NULL)
		return;
	for (size_t i = 0; i < tenant->mailbox_count; i++) {
		mock_mailbox_finish(tenant->mailboxes[i]);
		free(tenant->mailboxes[i]);
	}
	for (size_t i = 0; i < tenant->bounce_count; i++)
		mock_bounce_finish(&tenant->bounces[i]);
	tenant_finish_strings(&tenant->domains);
	tenant_finish_strings(&tenant->banned);
	tenant_finish_strings(&tenant->unknown);
	mock_meter_finish(&tenant->external);
	mock_meter_finish(&tenant->onmicrosoft);
	free(tenant->mailboxes);
	free(tenant->index);
	free(tenant->connectors);
	free(tenant->spells);
	free(tenant->changes);
	free(tenant->bounces);
	free(tenant->ndr_folder);
	free(tenant);
}

static void *tenant_grow(void *array, size_t count, size_t bytes)
{
	void *grown = reallocarray(array, count, bytes);

	check(grown != NULL);
	return grown;
}

static void tenant_finish_strings(struct mock_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->at[i]);
	free(strings->at);
}

static void tenant_add_string(struct mock_strings *strings, struct view text)
{
	strings->at = tenant_grow(strings->at, strings->count + 1, sizeof *strings->at);
	strings->at[strings->count] = strndup(text.data, text.bytes);
	check(strings->at[strings->count] != NULL);
	strings->count++;
}

static bool tenant_has_string(const struct mock_strings *strings, struct view text)
{
	for (size_t i = 0; i < strings->count; i++)
		if (view_equal_fold(view_of(strings->at[i]), text))
			return true;
	return false;
}

/* Mailboxes */

static uint64_t tenant_hash(struct view name)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < name.bytes; i++)
		hash = (hash ^ (unsigned char)byte_lower(name.data[i])) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

/* Where the name is in the index, or would be put. */
static size_t tenant_place(const struct mock_tenant *tenant, struct view name)
{
	const size_t mask = tenant->index_size - 1;
	size_t at = (size_t)tenant_hash(name) & mask;

	while (tenant->index[at] != 0 &&
	        !view_equal_fold(view_of(tenant->mailboxes[tenant->index[at] - 1]->name), name))
		at = (at + 1) & mask;
	return at;
}

static void tenant_index_grow(struct mock_tenant *tenant)
{
	free(tenant->index);
	tenant->index_size = tenant->index_size == 0 ? INDEX_FIRST : 2 * tenant->index_size;
	tenant->index = calloc(tenant->index_size, sizeof *tenant->index);
	check(tenant->index != NULL);
	for (size_t i = 0; i < tenant->mailbox_count; i++)
		tenant->index[tenant_place(tenant, view_of(tenant->mailboxes[i]->name))] = i + 1;
}

struct mock_mailbox *mock_tenant_mailbox(const struct mock_tenant *tenant, struct view name)
{
	const size_t found = tenant->index[tenant_place(tenant, name)];

	return found == 0 ? NULL : tenant->mailboxes[found - 1];
}

struct mock_mailbox *mock_tenant_add_mailbox(
        struct mock_tenant *tenant, struct view name, struct view password, struct view token)
{
	if (mock_tenant_mailbox(tenant, name) != NULL)
		return NULL;
	if (tenant->mailbox_count + 1 > tenant->index_size / 2)
		tenant_index_grow(tenant);
	struct mock_mailbox *mailbox = tenant_grow(NULL, 1, sizeof *mailbox);
	mock_mailbox_init(mailbox, name, password, token, &tenant->periods);
	mailbox->counts_mail = tenant->settings.counts == MOCK_COUNTS_MAIL;
	mock_host_pick(&mailbox->host, MOCK_HOST_BACK, &tenant->random);
	tenant->mailboxes = tenant_grow(
	        tenant->mailboxes, tenant->mailbox_count + 1, sizeof *tenant->mailboxes);
	tenant->mailboxes[tenant->mailbox_count] = mailbox;
	tenant->index[tenant_place(tenant, name)] = ++tenant->mailbox_count;
	return mailbox;
}

/* Building */

void mock_tenant_add_domain(struct mock_tenant *tenant, struct view domain)
{
	tenant_add_string(&tenant->domains, domain);
}

void mock_tenant_ban(struct mock_tenant *tenant, struct view sender)
{
	tenant_add_string(&tenant->banned, sender);
}

void mock_tenant_add_unknown(struct mock_tenant *tenant, struct view recipient)
{
	tenant_add_string(&tenant->unknown, recipient);
}

void mock_tenant_add_connector(struct mock_tenant *tenant, const struct mock_connector *connector)
{
	check(connector->network_count <= MOCK_NETWORKS_MAX);
	tenant->connectors = tenant_grow(
	        tenant->connectors, tenant->connector_count + 1, sizeof *tenant->connectors);
	tenant->connectors[tenant->connector_count++] = *connector;
}

void mock_tenant_add_spell(struct mock_tenant *tenant, const struct mock_spell *spell)
{
	check(spell->probability >= 0);
	tenant->spells =
	        tenant_grow(tenant->spells, tenant->spell_count + 1, sizeof *tenant->spells);
	tenant->spells[tenant->spell_count++] = *spell;
}

void mock_tenant_add_change(struct mock_tenant *tenant, const struct mock_change *change)
{
	check(tenant->change_next == 0);
	tenant->changes =
	        tenant_grow(tenant->changes, tenant->change_count + 1, sizeof *tenant->changes);
	size_t at = tenant->change_count++;
	for (; at > 0 && tenant->changes[at - 1].at_s > change->at_s; at--)
		tenant->changes[at] = tenant->changes[at - 1];
	tenant->changes[at] = *change;
}

/* Time */

int64_t mock_tenant_ns(const struct mock_tenant *tenant, double seconds)
{
	const double ns = seconds * (double)NS_PER_S / tenant->settings.speed;

	check(ns >= 0);
	check(ns < (double)(INT64_MAX / 2));
	return ns < 1 && seconds > 0 ? 1 : (int64_t)ns;
}

static struct mono tenant_moment(const struct mock_tenant *tenant, double seconds)
{
	return mono_after(tenant->began, mock_tenant_ns(tenant, seconds));
}

void mock_tenant_start(struct mock_tenant *tenant, struct mono now)
{
	if (tenant->began.ns == MONO_NEVER.ns)
		tenant->began = now;
}

void mock_tenant_advance(struct mock_tenant *tenant, struct mono now)
{
	while (tenant->change_next < tenant->change_count &&
	        mono_reached(now, tenant_moment(tenant, tenant->changes[tenant->change_next].at_s)))
		tenant_change(tenant, &tenant->changes[tenant->change_next++]);
	while (tenant->bounce_next < tenant->bounce_count &&
	        mono_reached(now, tenant->bounces[tenant->bounce_next].due))
		tenant_report(tenant, &tenant->bounces[tenant->bounce_next++]);
}

struct mono mock_tenant_wanted(const struct mock_tenant *tenant)
{
	struct mono wanted = MONO_NEVER;

	if (tenant->change_next < tenant->change_count)
		wanted = tenant_moment(tenant, tenant->changes[tenant->change_next].at_s);
	if (tenant->bounce_next < tenant->bounce_count)
		wanted = mono_earlier(wanted, tenant->bounces[tenant->bounce_next].due);
	return wanted;
}

static void tenant_change(struct mock_tenant *tenant, const struct mock_change *change)
{
	if (change->is_factor)
		mock_tenant_scale_limit(tenant, change->mailbox, change->limit, change->factor);
	else
		mock_tenant_set_limit(tenant, change->mailbox, change->limit, change->value);
}

/* Limits */

static struct mock_meter *tenant_meter(struct mock_tenant *tenant, enum mock_limit limit)
{
	return limit == MOCK_LIMIT_EXTERNAL ? &tenant->external : &tenant->onmicrosoft;
}

void mock_tenant_set_limit(struct mock_tenant *tenant, struct mock_mailbox *mailbox,
        enum mock_limit limit, uint64_t value)
{
	if (limit >= MOCK_LIMITS_MAILBOX)
		tenant_meter(tenant, limit)->limit = value;
	else if (mailbox != NULL)
		mock_mailbox_set_limit(mailbox, limit, value);
	else
		for (size_t i = 0; i < tenant->mailbox_count; i++)
			mock_mailbox_set_limit(tenant->mailboxes[i], limit, value);
}

void mock_tenant_scale_limit(struct mock_tenant *tenant, struct mock_mailbox *mailbox,
        enum mock_limit limit, double factor)
{
	if (limit >= MOCK_LIMITS_MAILBOX)
		tenant_meter(tenant, limit)->limit =
		        mock_mailbox_scaled(tenant_meter(tenant, limit)->limit_first, factor);
	else if (mailbox != NULL)
		mock_mailbox_scale_limit(mailbox, limit, factor);
	else
		for (size_t i = 0; i < tenant->mailbox_count; i++)
			mock_mailbox_scale_limit(tenant->mailboxes[i], limit, factor);
}

uint64_t mock_tenant_external_limit(uint64_t licences)
{
	return (uint64_t)llround(500 * pow((double)licences, 0.7) + 9500);
}

uint64_t mock_tenant_over(const struct mock_tenant *tenant)
{
	uint64_t over = tenant->external.over + tenant->onmicrosoft.over;

	for (size_t i = 0; i < tenant->mailbox_count; i++) {
		const struct mock_mailbox *mailbox = tenant->mailboxes[i];
		over += mailbox->connections_over + mailbox->messages.over +
		        mailbox->recipients.over;
	}
	return over;
}

static bool tenant_is_onmicrosoft(struct view address)
{
	return view_ends_fold(address, VIEW(".onmicrosoft.com"));
}

enum mock_limit mock_tenant_external_full(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count)
{
	if (count == 0)
		return MOCK_LIMIT_COUNT;
	if (!mock_meter_fits(&tenant->external, now, count))
		return MOCK_LIMIT_EXTERNAL;
	return tenant_is_onmicrosoft(sender) && !mock_meter_fits(&tenant->onmicrosoft, now, count)
	               ? MOCK_LIMIT_ONMICROSOFT
	               : MOCK_LIMIT_COUNT;
}

void mock_tenant_external_try(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count)
{
	mock_meter_try(&tenant->external, now, count);
	if (tenant_is_onmicrosoft(sender))
		mock_meter_try(&tenant->onmicrosoft, now, count);
}

void mock_tenant_external_take(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count)
{
	mock_meter_take(&tenant->external, now, count);
	if (tenant_is_onmicrosoft(sender))
		mock_meter_take(&tenant->onmicrosoft, now, count);
}

/* What it knows */

bool mock_tenant_accepts(const struct mock_tenant *tenant, struct view domain)
{
	return tenant_has_string(&tenant->domains, domain);
}

bool mock_tenant_bans(const struct mock_tenant *tenant, struct view sender)
{
	return tenant_has_string(&tenant->banned, sender);
}

bool mock_tenant_lacks(const struct mock_tenant *tenant, struct view recipient)
{
	return tenant_has_string(&tenant->unknown, recipient);
}

bool mock_tenant_knows_certificate(const struct mock_tenant *tenant, struct view name)
{
	for (size_t i = 0; i < tenant->connector_count; i++) {
		const struct view wanted = view_of(tenant->connectors[i].certificate);
		if (wanted.bytes > 0 &&
		        (tenant_name_covers(wanted, name) || tenant_name_covers(name, wanted)))
			return true;
	}
	return false;
}

/* "*.contoso.com" covers one label more. */
static bool tenant_name_covers(struct view pattern, struct view name)
{
	if (pattern.bytes < 2 || pattern.data[0] != '*' || pattern.data[1] != '.')
		return view_equal_fold(pattern, name);
	const size_t dot = view_find(name, '.');
	return dot > 0 && dot < name.bytes &&
	       view_equal_fold(view_skip(pattern, 1), view_skip(name, dot));
}

bool mock_tenant_knows_address(const struct mock_tenant *tenant, const struct endpoint *address)
{
	for (size_t i = 0; i < tenant->connector_count; i++) {
		const struct mock_connector *connector = &tenant->connectors[i];
		for (size_t j = 0; j < connector->network_count; j++)
			if (endpoint_within(address, connector->networks[j].address,
			            connector->networks[j].bits))
				return true;
	}
	return false;
}

bool mock_tenant_is_busy(struct mock_tenant *tenant, enum stage stage, struct mono now)
{
	for (size_t i = 0; i < tenant->spell_count; i++) {
		const struct mock_spell *spell = &tenant->spells[i];
		double probability = spell->probability;

		if (spell->stage != stage ||
		        !mono_reached(now, tenant_moment(tenant, spell->from_s)) ||
		        mono_reached(now, tenant_moment(tenant, spell->to_s)))
			continue;
		if (tenant->in_flight < spell->in_flight)
			probability *= (double)tenant->in_flight / (double)spell->in_flight;
		if (mock_tenant_roll(tenant, probability))
			return true;
	}
	return false;
}

bool mock_tenant_roll(struct mock_tenant *tenant, double probability)
{
	return probability > 0 && random_unit(&tenant->random) < probability;
}

/* Late refusals */

void mock_tenant_bounce(struct mock_tenant *tenant, struct mock_bounce *bounce, struct mono now)
{
	bounce->number = ++tenant->late;
	bounce->due = mono_after(now, mock_tenant_ns(tenant, tenant->settings.report_s));
	if (tenant->bounce_count == MOCK_BOUNCES_KEPT) {
		tenant_report(tenant, bounce); /* at once: there is no room to wait in */
		mock_bounce_finish(bounce);
		return;
	}
	tenant->bounces[tenant->bounce_count++] = *bounce;
	*bounce = (struct mock_bounce){ 0 };
}

/* A report that is itself refused has nobody to go to. */
static void tenant_report(struct mock_tenant *tenant, struct mock_bounce *bounce)
{
	char room[512];
	struct text why = TEXT_ON(room);

	if (tenant->ndr_folder == NULL || bounce->sender[0] == '\0')
		return;
	bounce->written = mock_bounce_save(bounce, tenant->ndr_folder, &why);
	if (bounce->written)
		return;
	tenant->reports_failed++;
	fprintf(stderr, "sluice-mock: %s\n", text_string(&why));
}
