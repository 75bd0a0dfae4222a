#include "engine/hosts.h"

#include "queue/base/check.h"

#include <assert.h>

static_assert(HOSTS_MAX <= UINT8_MAX, "an address has its host in a byte");
static_assert(HOSTS_TLSA_BYTES <= UINT16_MAX, "a record has its place in two");

static void hosts_copy(struct hosts *into, const struct hosts *from, const struct host *host);
static bool hosts_same_tlsa(const struct hosts *a, const struct host *of_a, const struct hosts *b,
        const struct host *of_b);

struct host *hosts_add(struct hosts *hosts, struct view name, uint16_t preference)
{
	check(name.bytes <= RDATA_NAME_MAX);
	if (hosts->count == HOSTS_MAX)
		return NULL;
	struct host *host = &hosts->list[hosts->count++];
	*host = (struct host){
		.preference = preference,
		.tlsa_first = (uint16_t)hosts->tlsa_count,
	};
	memcpy(host->name, name.data, name.bytes);
	return host;
}

bool hosts_add_address(struct hosts *hosts, const struct endpoint *endpoint)
{
	check(hosts->count > 0);
	if (hosts->address_count == HOSTS_ADDRESSES_MAX)
		return false;
	hosts->addresses[hosts->address_count++] = (struct host_address){
		.endpoint = *endpoint,
		.host = (uint8_t)(hosts->count - 1),
	};
	return true;
}

bool hosts_add_tlsa(struct hosts *hosts, struct view rdata)
{
	check(hosts->count > 0);
	struct host *host = &hosts->list[hosts->count - 1];

	if (host->tlsa_count == HOSTS_TLSA_MAX || rdata.bytes > HOSTS_TLSA_BYTES - hosts->tlsa_used)
		return false;
	host->dane = HOST_DANE_RECORDS;
	host->tlsa_count++;
	hosts->tlsa[hosts->tlsa_count++] = (struct host_tlsa){
		.offset = (uint16_t)hosts->tlsa_used,
		.bytes = (uint16_t)rdata.bytes,
	};
	memcpy(hosts->tlsa_bytes + hosts->tlsa_used, rdata.data, rdata.bytes);
	hosts->tlsa_used += (uint32_t)rdata.bytes;
	return true;
}

const struct host *hosts_find(const struct hosts *hosts, const char *name)
{
	for (uint32_t i = 0; i < hosts->count; i++)
		if (strcmp(hosts->list[i].name, name) == 0)
			return &hosts->list[i];
	return NULL;
}

size_t hosts_tlsa(
        const struct hosts *hosts, const struct host *host, struct view records[HOSTS_TLSA_MAX])
{
	check(host->tlsa_count <= HOSTS_TLSA_MAX);
	check(host->tlsa_first + host->tlsa_count <= hosts->tlsa_count);
	for (size_t i = 0; i < host->tlsa_count; i++) {
		const struct host_tlsa *record = &hosts->tlsa[host->tlsa_first + i];
		records[i] = view_from(hosts->tlsa_bytes + record->offset, record->bytes);
	}
	return host->tlsa_count;
}

void hosts_shuffle(struct hosts *hosts, struct random *random)
{
	const struct hosts before = *hosts;
	uint8_t order[HOSTS_MAX] = { 0 };

	if (hosts->count < 2)
		return;
	for (uint32_t i = 0; i < hosts->count; i++)
		order[i] = (uint8_t)i;
	/* Fisher and Yates, within each run of equal preference. */
	for (uint32_t first = 0, last = 0; first < hosts->count; first = last) {
		while (last < hosts->count &&
		        hosts->list[last].preference == hosts->list[first].preference)
			last++;
		for (uint32_t i = last - 1; i > first; i--) {
			const uint32_t other =
			        first + (uint32_t)random_below(random, i - first + 1);
			const uint8_t moved = order[i];
			order[i] = order[other];
			order[other] = moved;
		}
	}
	*hosts = (struct hosts){ 0 };
	memcpy(hosts->domain, before.domain, sizeof hosts->domain);
	for (uint32_t i = 0; i < before.count; i++)
		hosts_copy(hosts, &before, &before.list[order[i]]);
}

/* There is room: it is the same number of each. */
static void hosts_copy(struct hosts *into, const struct hosts *from, const struct host *host)
{
	struct view records[HOSTS_TLSA_MAX];
	const size_t records_count = hosts_tlsa(from, host, records);
	struct host *copy = hosts_add(into, view_of(host->name), host->preference);
	bool fits = copy != NULL;

	check(fits);
	copy->dane = host->dane;
	memcpy(copy->base, host->base, sizeof copy->base);
	for (uint32_t i = 0; i < from->address_count; i++)
		if (&from->list[from->addresses[i].host] == host)
			fits &= hosts_add_address(into, &from->addresses[i].endpoint);
	for (size_t i = 0; i < records_count; i++)
		fits &= hosts_add_tlsa(into, records[i]);
	check(fits);
}

bool hosts_same(const struct hosts *a, const struct hosts *b)
{
	if (a->count != b->count || a->address_count != b->address_count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct host *of_a = &a->list[i];
		const struct host *of_b = hosts_find(b, of_a->name);
		if (of_b == NULL || of_a->preference != of_b->preference ||
		        of_a->dane != of_b->dane || !hosts_same_tlsa(a, of_a, b, of_b))
			return false;
	}
	return true;
}

/* Name servers give records in any order; so does hosts_same() take them. */
static bool hosts_same_tlsa(const struct hosts *a, const struct host *of_a, const struct hosts *b,
        const struct host *of_b)
{
	struct view records_a[HOSTS_TLSA_MAX];
	struct view records_b[HOSTS_TLSA_MAX];
	const size_t count = hosts_tlsa(a, of_a, records_a);

	if (hosts_tlsa(b, of_b, records_b) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		bool found = false;
		for (size_t j = 0; j < count; j++)
			found |= view_equal(records_a[i], records_b[j]);
		if (!found)
			return false;
	}
	return true;
}
