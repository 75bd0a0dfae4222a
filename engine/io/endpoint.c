#include "engine/io/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>

static const uint8_t ENDPOINT_MAPPED[12] = { [10] = 0xff, [11] = 0xff };

static bool endpoint_parse_port(struct view text, uint16_t *port);

bool endpoint_parse(struct view text, struct endpoint *result)
{
	struct endpoint endpoint;
	struct view address = text;
	size_t colon = text.bytes;

	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	address.bytes = colon - 1;
	bool bracketed = address.bytes >= 2 && address.data[0] == '[' &&
	                 address.data[address.bytes - 1] == ']';
	if (bracketed)
		address = view_from(address.data + 1, address.bytes - 2);
	if (!endpoint_parse_address(address, &endpoint))
		return false;
	/* Without brackets "::1:25" would be an address of its own. */
	if (bracketed != (view_find(address, ':') < address.bytes))
		return false;
	if (!endpoint_parse_port(view_skip(text, colon), &endpoint.port))
		return false;
	*result = endpoint;
	return true;
}

static bool endpoint_parse_port(struct view text, uint16_t *port)
{
	uint64_t number;

	if (!view_to_u64(text, &number) || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool endpoint_parse_address(struct view text, struct endpoint *result)
{
	struct endpoint endpoint = { 0 };
	char string[ENDPOINT_TEXT_BYTES];

	size_t percent = view_find(text, '%');
	struct view scope = percent < text.bytes ? view_skip(text, percent + 1) : VIEW("");
	struct view address = view_first(text, percent);
	if (address.bytes >= sizeof string || scope.bytes >= IF_NAMESIZE)
		return false;
	memcpy(string, address.data, address.bytes);
	string[address.bytes] = '\0';
	if (inet_pton(AF_INET, string, endpoint.address + 12) == 1)
		memcpy(endpoint.address, ENDPOINT_MAPPED, sizeof ENDPOINT_MAPPED);
	else if (inet_pton(AF_INET6, string, endpoint.address) != 1)
		return false;
	if (percent < text.bytes) {
		memcpy(string, scope.data, scope.bytes);
		string[scope.bytes] = '\0';
		endpoint.scope = if_nametoindex(string);
		if (endpoint.scope == 0)
			return false;
	}
	*result = endpoint;
	return true;
}

void endpoint_format(struct text *text, const struct endpoint *endpoint)
{
	if (endpoint->local) {
		text_put(text, VIEW("local"));
		return;
	}
	bool bracketed = !endpoint_is_ipv4(endpoint);
	if (bracketed)
		text_put_byte(text, '[');
	endpoint_format_address(text, endpoint);
	if (bracketed)
		text_put_byte(text, ']');
	text_put_byte(text, ':');
	text_put_u64(text, endpoint->port);
}

void endpoint_format_address(struct text *text, const struct endpoint *endpoint)
{
	char string[INET6_ADDRSTRLEN];
	char name[IF_NAMESIZE];

	if (endpoint->local) {
		text_put(text, VIEW("local"));
		return;
	}
	if (endpoint_is_ipv4(endpoint))
		inet_ntop(AF_INET, endpoint->address + 12, string, sizeof string);
	else
		inet_ntop(AF_INET6, endpoint->address, string, sizeof string);
	text_put(text, view_of(string));
	if (endpoint->scope != 0 && if_indextoname(endpoint->scope, name) != NULL) {
		text_put_byte(text, '%');
		text_put(text, view_of(name));
	}
}

bool endpoint_is_ipv4(const struct endpoint *endpoint)
{
	return memcmp(endpoint->address, ENDPOINT_MAPPED, sizeof ENDPOINT_MAPPED) == 0;
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (endpoint_is_ipv4(endpoint))
		return endpoint->address[12] == 127;
	return memcmp(endpoint->address, one, sizeof one) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a->address, b->address, sizeof a->address) == 0 && a->port == b->port &&
	       a->scope == b->scope && a->local == b->local;
}

bool endpoint_within(
        const struct endpoint *endpoint, const uint8_t network[16], unsigned prefix_bits)
{
	size_t whole = prefix_bits / 8;
	unsigned rest = prefix_bits % 8;

	if (endpoint->local || prefix_bits > 128)
		return false;
	if (memcmp(endpoint->address, network, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	return ((endpoint->address[whole] ^ network[whole]) >> (8 - rest)) == 0;
}
