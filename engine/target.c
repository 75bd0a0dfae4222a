#include "engine/target.h"

#include "queue/base/check.h"

static bool target_is_avoided(const struct target *target, uint32_t address, struct mono now);
static uint16_t target_preference(const struct target *target, uint32_t address);
static uint32_t target_find(const struct target *target, const struct endpoint *endpoint);
static uint32_t target_least_avoided(const struct target *target);

void target_set(struct target *target, const struct hosts *hosts, struct random *random)
{
	struct target_address addresses[HOSTS_ADDRESSES_MAX] = { 0 };
	struct hosts known = *hosts;

	check(hosts->address_count > 0);
	hosts_shuffle(&known, random);
	for (uint32_t i = 0; i < known.address_count; i++) {
		const uint32_t before = target_find(target, &known.addresses[i].endpoint);
		if (before < target->hosts.address_count)
			addresses[i] = target->addresses[before];
	}
	target->hosts = known;
	memcpy(target->addresses, addresses, sizeof addresses);
}

void target_clear(struct target *target)
{
	target->hosts = (struct hosts){ 0 };
}

bool target_is_known(const struct target *target)
{
	return target->hosts.address_count > 0;
}

/* hosts.address_count: it is none of them. */
static uint32_t target_find(const struct target *target, const struct endpoint *endpoint)
{
	uint32_t at = 0;

	while (at < target->hosts.address_count &&
	        !endpoint_equal(&target->hosts.addresses[at].endpoint, endpoint))
		at++;
	return at;
}

const struct host_address *target_pick(struct target *target, struct mono now)
{
	const uint32_t count = target->hosts.address_count;
	uint32_t best = count;

	check(count > 0);
	for (uint32_t i = 0; i < count; i++) {
		/* By turns: the first to be looked at is another one each time. */
		const uint32_t at = (target->turn + i) % count;
		if (target_is_avoided(target, at, now))
			continue;
		if (best == count ||
		        target_preference(target, at) < target_preference(target, best))
			best = at;
	}
	if (best == count)
		best = target_least_avoided(target);
	target->turn = (best + 1) % count;
	/* One session is to find out whether it has recovered. */
	if (target->addresses[best].suspect)
		target->addresses[best].avoided_until = mono_after(now, TARGET_AVOID_NS);
	return &target->hosts.addresses[best];
}

static bool target_is_avoided(const struct target *target, uint32_t address, struct mono now)
{
	return !mono_reached(now, target->addresses[address].avoided_until);
}

static uint16_t target_preference(const struct target *target, uint32_t address)
{
	return target->hosts.list[target->hosts.addresses[address].host].preference;
}

static uint32_t target_least_avoided(const struct target *target)
{
	uint32_t least = 0;

	for (uint32_t i = 1; i < target->hosts.address_count; i++)
		if (target->addresses[i].avoided_until.ns <
		        target->addresses[least].avoided_until.ns)
			least = i;
	return least;
}

bool target_has_other(const struct target *target, struct mono since)
{
	const struct mono tried = mono_after(since, TARGET_AVOID_NS);

	for (uint32_t i = 0; i < target->hosts.address_count; i++)
		if (target->addresses[i].avoided_until.ns < tried.ns)
			return true;
	return false;
}

void target_blame(struct target *target, const struct endpoint *endpoint, struct mono now)
{
	const uint32_t at = target_find(target, endpoint);

	if (at == target->hosts.address_count)
		return;
	target->addresses[at] = (struct target_address){
		.avoided_until = mono_after(now, TARGET_AVOID_NS),
		.suspect = true,
	};
}

void target_trust(struct target *target, const struct endpoint *endpoint)
{
	const uint32_t at = target_find(target, endpoint);

	if (at < target->hosts.address_count)
		target->addresses[at] = (struct target_address){ 0 };
}

bool target_requires_tls(const struct target *target, const struct host *host)
{
	return target->route->tls.mode == ROUTE_TLS_REQUIRED || host->dane != HOST_DANE_NONE;
}

struct tls_peer target_peer(const struct config_route *route, const struct hosts *hosts,
        const struct host *host, struct view records[HOSTS_TLSA_MAX])
{
	const char *name = route->tls.name;
	struct tls_peer peer = { .host = view_of(name != NULL ? name : host->name) };

	if (host->dane != HOST_DANE_RECORDS)
		return peer;
	/* The names that RFC 7672 3.2.2 gives: that of the records, and the domain whose signed MX
	 * led here. */
	peer.host = view_of(host->base);
	peer.alias = view_of(hosts->domain);
	peer.tlsa = records;
	peer.tlsa_count = hosts_tlsa(hosts, host, records);
	return peer;
}
