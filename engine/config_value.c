#include "engine/config_value.h"

#include "engine/config_arena.h"
#include "engine/config_idn.h"
#include "queue/address.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <assert.h>
#include <math.h>

#define ITEMS_OF_A_DEFAULT 8

struct unit {
	const char *word;
	uint64_t worth;
};

static const struct unit size_units[] = {
	{ "B", 1 },
	{ "KB", 1000 },
	{ "MB", 1000 * 1000 },
	{ "GB", 1000 * 1000 * 1000 },
	{ "TB", 1000ULL * 1000 * 1000 * 1000 },
	{ "KiB", 1ULL << 10 },
	{ "MiB", 1ULL << 20 },
	{ "GiB", 1ULL << 30 },
	{ "TiB", 1ULL << 40 },
	{ "", 1 },
};

static const struct unit duration_units[] = {
	{ "ms", NS_PER_MS },
	{ "s", NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "d", 86400 * NS_PER_S },
};

/* A word's place is its value less one: 0 is "unset" in every enumeration. */
static const char *const interface_words[] = {
#define X(name, word, ...) word,
	CONFIG_INTERFACES(X)
#undef X
};
static const char *const tls_mode_words[] = {
#define X(name, word, ...) word,
	CONFIG_TLS_MODES(X)
#undef X
};
static const char *const dane_words[] = {
#define X(name, word, ...) word,
	CONFIG_DANES(X)
#undef X
};
static const char *const auth_words[] = {
#define X(name, word, ...) word,
	CONFIG_AUTHS(X)
#undef X
};
static const char *const bare_lf_words[] = {
#define X(name, word, ...) word,
	CONFIG_BARE_LFS(X)
#undef X
};
static const char *const oldest_tls_words[] = {
#define X(name, word, ...) word,
	CONFIG_OLDEST_TLSS(X)
#undef X
};
static const char *const claim_by_words[] = {
#define X(name, word, ...) word,
	CONFIG_CLAIM_BYS(X)
#undef X
};
static const char *const in_doubt_words[] = {
#define X(name, word, ...) word,
	CONFIG_IN_DOUBTS(X)
#undef X
};
static const char *const learn_words[] = {
#define X(name, word, ...) word,
	CONFIG_LEARNS(X)
#undef X
};

static const char *const cloud_words[] = {
#define X(name, word, ...) word,
	CONFIG_CLOUDS(X)
#undef X
};
static const char *const flow_words[] = {
#define X(name, word, ...) word,
	CONFIG_FLOWS(X)
#undef X
};
static const char *const policy_words[] = {
#define X(name, word, ...) word,
	CONFIG_POLICIES(X)
#undef X
};

static const char *const kind_texts[CONFIG_KIND_COUNT] = {
#define X(kind, text) text,
	CONFIG_KINDS(X)
#undef X
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* The words of an enumeration, or none. */
static const char *const *words_of(enum config_kind kind, size_t *count)
{
	switch (kind) {
	case CONFIG_KIND_INTERFACE:
		*count = COUNT_OF(interface_words);
		return interface_words;
	case CONFIG_KIND_TLS_MODE:
		*count = COUNT_OF(tls_mode_words);
		return tls_mode_words;
	case CONFIG_KIND_DANE:
		*count = COUNT_OF(dane_words);
		return dane_words;
	case CONFIG_KIND_AUTH:
		*count = COUNT_OF(auth_words);
		return auth_words;
	case CONFIG_KIND_BARE_LF:
		*count = COUNT_OF(bare_lf_words);
		return bare_lf_words;
	case CONFIG_KIND_OLDEST_TLS:
		*count = COUNT_OF(oldest_tls_words);
		return oldest_tls_words;
	case CONFIG_KIND_CLAIM_BY:
		*count = COUNT_OF(claim_by_words);
		return claim_by_words;
	case CONFIG_KIND_IN_DOUBT:
		*count = COUNT_OF(in_doubt_words);
		return in_doubt_words;
	case CONFIG_KIND_LEARN:
		*count = COUNT_OF(learn_words);
		return learn_words;
	case CONFIG_KIND_CLOUD:
		*count = COUNT_OF(cloud_words);
		return cloud_words;
	case CONFIG_KIND_FLOW:
		*count = COUNT_OF(flow_words);
		return flow_words;
	case CONFIG_KIND_POLICY:
		*count = COUNT_OF(policy_words);
		return policy_words;
	default:
		*count = 0;
		return NULL;
	}
}

bool config_value_is_list(enum config_kind kind)
{
	return kind == CONFIG_KIND_NETWORKS || kind == CONFIG_KIND_DOMAINS ||
	       kind == CONFIG_KIND_RESOLVERS || kind == CONFIG_KIND_SENDERS ||
	       kind == CONFIG_KIND_WORDS || config_value_is_list_or_one(kind);
}

bool config_value_is_list_or_one(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_KIND_ROUTE_NAMES:
	case CONFIG_KIND_TEXTS:
	case CONFIG_KIND_CLIENTS:
	case CONFIG_KIND_DOMAIN_GLOBS:
	case CONFIG_KIND_RECIPIENTS:
	case CONFIG_KIND_RULE_SENDERS:
	case CONFIG_KIND_HEADERS:
	case CONFIG_KIND_MAPPINGS:
		return true;
	default:
		return false;
	}
}

/* "35MB": digits, then a unit. */
static bool read_quantity(
        struct view text, const struct unit *units, size_t units_count, uint64_t *result)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < text.bytes && byte_is_digit(text.data[digits]))
		digits++;
	if (!view_to_u64(view_first(text, digits), &number))
		return false;
	for (size_t i = 0; i < units_count; i++) {
		if (!view_equal(view_skip(text, digits), view_of(units[i].word)))
			continue;
		/* A duration is signed: neither may pass its half. */
		return !__builtin_mul_overflow(number, units[i].worth, result) &&
		       *result <= INT64_MAX;
	}
	return false;
}

static bool read_duration(struct view text, int64_t *result)
{
	uint64_t ns;

	if (!read_quantity(text, duration_units, COUNT_OF(duration_units), &ns))
		return false;
	*result = (int64_t)ns;
	return true;
}

/* 18:00; also 9:05. */
static bool read_clock(struct view text, uint32_t *result)
{
	const size_t colon = view_find(text, ':');
	uint64_t hour;
	uint64_t minute;

	if (colon == 0 || colon > 2 || text.bytes != colon + 3 ||
	        !view_to_u64(view_first(text, colon), &hour) ||
	        !view_to_u64(view_skip(text, colon + 1), &minute) || hour > 23 || minute > 59)
		return false;
	*result = (uint32_t)(hour * 60 + minute + 1);
	return true;
}

/* `period_ns` is that of a number without one; 0: a period has no place here. */
static bool read_limit(struct view text, int64_t period_ns, struct config_limit *result)
{
	struct config_limit limit = { .set = true, .count = LIMIT_NONE, .period_ns = period_ns };
	size_t slash = view_find(text, '/');

	if (!view_equal(text, VIEW("none"))) {
		if (!view_to_u64(view_first(text, slash), &limit.count))
			return false;
		if (limit.count == LIMIT_NONE)
			return false;
	}
	if (slash < text.bytes) {
		if (period_ns == 0)
			return false;
		if (!read_duration(view_skip(text, slash + 1), &limit.period_ns))
			return false;
		if (limit.period_ns == 0)
			return false;
	}
	*result = limit;
	return true;
}

static bool read_number(struct view text, uint32_t *result)
{
	uint64_t number;

	if (!view_to_u64(text, &number) || number > UINT32_MAX)
		return false;
	*result = (uint32_t)number;
	return true;
}

/* Digits with at most one point among them. */
static bool read_factor(struct view text, double *result)
{
	double factor = 0;
	double scale = 1;
	size_t point = view_find(text, '.');

	if (text.bytes == 0 || text.bytes > 15 || point == 0 || point + 1 == text.bytes)
		return false;
	for (size_t i = 0; i < text.bytes; i++) {
		if (i == point)
			continue;
		if (!byte_is_digit(text.data[i]))
			return false;
		factor = factor * 10 + (text.data[i] - '0');
		if (i > point)
			scale *= 10;
	}
	*result = factor / scale;
	return true;
}

static bool read_flag(struct view text, bool *result)
{
	bool is_true = view_equal(text, VIEW("true"));

	if (!is_true && !view_equal(text, VIEW("false")))
		return false;
	*result = is_true;
	return true;
}

static bool is_name(struct view text)
{
	if (text.bytes == 0 || text.bytes > CONFIG_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < text.bytes; i++) {
		char c = byte_lower(text.data[i]);

		if (!byte_is_digit(c) && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static bool is_host(struct view text)
{
	struct endpoint endpoint;

	return address_is_domain(text, false) || endpoint_parse_address(text, &endpoint);
}

/* 127.0.0.1 or 127.0.0.1@5353, as libunbound takes it. */
static bool is_resolver(struct view text)
{
	struct endpoint endpoint;
	size_t at = view_find(text, '@');
	uint32_t port = 53;

	if (at < text.bytes && !read_number(view_skip(text, at + 1), &port))
		return false;
	return port >= 1 && port <= UINT16_MAX &&
	       endpoint_parse_address(view_first(text, at), &endpoint);
}

/* "98%", kept as 0.98. */
static bool read_percent(struct view text, double *result)
{
	double number;

	if (text.bytes < 2 || text.data[text.bytes - 1] != '%' ||
	        !read_factor(view_first(text, text.bytes - 1), &number))
		return false;
	*result = number / 100;
	return true;
}

/* contoso.com, *.contoso.com, internal or external. */
static bool is_domain_pattern(struct view text)
{
	const struct view wildcard = VIEW_INIT("*.");

	return address_is_domain(
	        view_starts_fold(text, wildcard) ? view_skip(text, wildcard.bytes) : text, true);
}

/* a@contoso.com or @contoso.com. */
static bool is_address_pattern(struct view text)
{
	struct address address;

	if (text.data[0] == '@')
		return address_is_domain(view_skip(text, 1), true);
	return address_parse(text, true, &address) == ADDRESS_OK;
}

/* "Name: pattern", and the pattern is not empty. */
static bool is_header_pattern(struct view text)
{
	const size_t colon = view_find(text, ':');

	if (colon == 0 || colon > CONFIG_HEADER_NAME_MAX || colon == text.bytes)
		return false;
	for (size_t i = 0; i < colon; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	const size_t bytes = view_trim(view_skip(text, colon + 1)).bytes;
	return bytes > 0 && bytes <= CONFIG_HEADER_PATTERN_MAX;
}

/* "a@old.com: b@contoso.com" or "@old.com: b@contoso.com". */
static bool is_mapping(struct view text)
{
	const size_t colon = view_find(text, ':');
	struct address address;

	if (colon == 0 || colon == text.bytes || !is_address_pattern(view_first(text, colon)))
		return false;
	return address_parse(view_trim(view_skip(text, colon + 1)), true, &address) == ADDRESS_OK;
}

static bool is_sender(struct view text)
{
	return view_equal(text, VIEW("*")) || is_address_pattern(text);
}

/* Printable, with a host behind the scheme: the library that opens it takes no less. */
static bool is_url(struct view text, struct view scheme)
{
	if (!view_starts_fold(text, scheme))
		return false;
	for (size_t i = 0; i < text.bytes; i++)
		if (text.data[i] <= ' ' || text.data[i] >= 127 || text.data[i] == '@' ||
		        text.data[i] == '"' || text.data[i] == '\\')
			return false;
	const char first = text.bytes > scheme.bytes ? byte_lower(text.data[scheme.bytes]) : '/';
	return byte_is_digit(first) || (first >= 'a' && first <= 'z') || first == '[';
}

/* A NUL would cut the text short in C, a line break or ^A would end what is said to a server, and
 * no other control has a place in any text of ours; but a header's pattern may ask for a tab. */
static bool has_control(struct view text)
{
	for (size_t i = 0; i < text.bytes; i++)
		if (((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') ||
		        text.data[i] == 0x7f)
			return true;
	return false;
}

static bool is_text(enum config_kind kind, struct view text)
{
	struct address address;

	if (text.bytes == 0 || has_control(text))
		return false;
	if (config_idn_concerns(kind) && !config_idn_is_known(kind, text))
		return false;
	switch (kind) {
	case CONFIG_KIND_NAME:
		return is_name(text);
	case CONFIG_KIND_HOST:
		return is_host(text);
	case CONFIG_KIND_DOMAIN:
		return address_is_domain(text, false);
	case CONFIG_KIND_ADDRESS:
		return address_parse(text, true, &address) == ADDRESS_OK;
	case CONFIG_KIND_TENANT_ID:
		return address_is_domain(text, false);
	case CONFIG_KIND_URL:
		return is_url(text, VIEW("https://"));
	case CONFIG_KIND_PROXY:
		return is_url(text, VIEW("https://")) || is_url(text, VIEW("http://"));
	case CONFIG_KIND_DOMAINS:
		return address_is_domain(text, true);
	case CONFIG_KIND_RESOLVERS:
		return is_resolver(text);
	case CONFIG_KIND_SENDERS:
		return is_sender(text);
	case CONFIG_KIND_ROUTE_NAMES:
		return is_name(text);
	case CONFIG_KIND_DOMAIN_GLOBS:
		return is_domain_pattern(text);
	case CONFIG_KIND_RULE_SENDERS:
		return view_equal(text, VIEW("<>")) || is_address_pattern(text);
	case CONFIG_KIND_RECIPIENTS:
		return is_address_pattern(text);
	case CONFIG_KIND_MAPPINGS:
		return is_mapping(text);
	case CONFIG_KIND_HEADERS:
		return is_header_pattern(text);
	default:
		return true;
	}
}

/* "10.0.0.0/8", or an address alone for a network of one. */
static bool read_network(struct view text, struct config_network *result)
{
	struct endpoint endpoint = { .port = 0 };
	size_t slash = view_find(text, '/');

	if (!endpoint_parse_address(view_first(text, slash), &endpoint))
		return false;
	uint32_t bits_most = endpoint_is_ipv4(&endpoint) ? 32 : 128;
	uint32_t bits = bits_most;
	if (slash < text.bytes && !read_number(view_skip(text, slash + 1), &bits))
		return false;
	if (bits > bits_most)
		return false;
	memcpy(result->address, endpoint.address, sizeof result->address);
	result->prefix_bits = bits + (128 - bits_most);
	return true;
}

static bool read_word(enum config_kind kind, struct view text, void *field)
{
	size_t count;
	const char *const *words = words_of(kind, &count);

	for (size_t i = 0; i < count; i++) {
		if (!view_equal(text, view_of(words[i])))
			continue;
		int value = (int)i + 1;
		memcpy(field, &value, sizeof value);
		return true;
	}
	return false;
}
static_assert(sizeof(enum route_interface) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum route_tls) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum route_dane) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum identity_auth) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum listener_bare_lf) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum route_learn) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum tenant_cloud) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum oauth_flow) == sizeof(int), "read_word() writes an int");
static_assert(sizeof(enum naming_policy) == sizeof(int), "read_word() writes an int");

bool config_value_read(
        enum config_kind kind, struct view text, struct config_arena *arena, void *field)
{
	check(!config_value_is_list(kind));
	switch (kind) {
	case CONFIG_KIND_NUMBER:
		return read_number(text, field);
	case CONFIG_KIND_FLAG:
		return read_flag(text, field);
	case CONFIG_KIND_FACTOR:
		return read_factor(text, field);
	case CONFIG_KIND_PERCENT:
		return read_percent(text, field);
	case CONFIG_KIND_SIZE:
		return read_quantity(text, size_units, COUNT_OF(size_units), field);
	case CONFIG_KIND_DURATION:
		return read_duration(text, field);
	case CONFIG_KIND_CLOCK:
		return read_clock(text, field);
	case CONFIG_KIND_LIMIT:
		return read_limit(text, 0, field);
	case CONFIG_KIND_LIMIT_MINUTE:
		return read_limit(text, 60 * NS_PER_S, field);
	case CONFIG_KIND_LIMIT_DAY:
		return read_limit(text, 86400 * NS_PER_S, field);
	case CONFIG_KIND_ENDPOINT:
		return endpoint_parse(text, field);
	case CONFIG_KIND_INTERFACE:
	case CONFIG_KIND_TLS_MODE:
	case CONFIG_KIND_DANE:
	case CONFIG_KIND_AUTH:
	case CONFIG_KIND_BARE_LF:
	case CONFIG_KIND_OLDEST_TLS:
	case CONFIG_KIND_LEARN:
	case CONFIG_KIND_CLOUD:
	case CONFIG_KIND_FLOW:
	case CONFIG_KIND_POLICY:
	case CONFIG_KIND_CLAIM_BY:
	case CONFIG_KIND_IN_DOUBT:
		return read_word(kind, text, field);
	default:
		break;
	}
	if (!is_text(kind, text))
		return false;
	*(const char **)field = config_arena_copy(arena, text);
	return true;
}

bool config_value_read_list(enum config_kind kind, const struct view *items, size_t count,
        struct config_arena *arena, void *field, size_t *wrong)
{
	check(config_value_is_list(kind));
	if (kind == CONFIG_KIND_NETWORKS || kind == CONFIG_KIND_CLIENTS) {
		struct config_network *networks =
		        config_arena_take(arena, count * sizeof *networks);

		for (*wrong = 0; *wrong < count; (*wrong)++)
			if (!read_network(items[*wrong], &networks[*wrong]))
				return false;
		*(struct config_networks *)field = (struct config_networks){ networks, count };
		return true;
	}
	const size_t forms = config_idn_concerns(kind) ? 1 + CONFIG_IDN_FORMS : 1;
	const char **words = config_arena_take(arena, count * forms * sizeof *words);
	for (*wrong = 0; *wrong < count; (*wrong)++) {
		if (!is_text(kind, items[*wrong]))
			return false;
		words[*wrong] = config_arena_copy(arena, items[*wrong]);
	}
	if (config_idn_concerns(kind))
		count = config_idn_add_forms(kind, items, count, arena, words);
	*(struct config_words *)field = (struct config_words){ words, count };
	return true;
}

void config_value_read_default(
        enum config_kind kind, const char *text, struct config_arena *arena, void *field)
{
	if (!config_value_is_list(kind)) {
		check(config_value_read(kind, view_of(text), arena, field));
		return;
	}
	struct view items[ITEMS_OF_A_DEFAULT];
	struct view rest = view_of(text);
	size_t count = 0;
	size_t wrong;

	while (rest.bytes > 0) {
		size_t comma = view_find(rest, ',');

		check(count < ITEMS_OF_A_DEFAULT);
		items[count++] = view_trim(view_first(rest, comma));
		rest = view_skip(rest, comma < rest.bytes ? comma + 1 : comma);
	}
	check(config_value_read_list(kind, items, count, arena, field, &wrong));
}

/* What bounds compare; a limit of none is beyond every number. */
static double measure(enum config_kind kind, const void *field)
{
	switch (kind) {
	case CONFIG_KIND_NUMBER:
		return *(const uint32_t *)field;
	case CONFIG_KIND_FACTOR:
	case CONFIG_KIND_PERCENT:
		return *(const double *)field;
	case CONFIG_KIND_SIZE:
		return (double)*(const uint64_t *)field;
	case CONFIG_KIND_DURATION:
		return (double)*(const int64_t *)field;
	case CONFIG_KIND_LIMIT:
	case CONFIG_KIND_LIMIT_MINUTE:
	case CONFIG_KIND_LIMIT_DAY:
		return (double)((const struct config_limit *)field)->count;
	default:
		return NAN;
	}
}

static double bound(enum config_kind kind, const char *text)
{
	union {
		uint32_t number;
		double factor;
		uint64_t size;
		int64_t duration;
		struct config_limit limit;
	} value;

	check(config_value_read(kind, view_of(text), NULL, &value));
	return measure(kind, &value);
}

bool config_value_is_within(
        enum config_kind kind, const void *field, const char *least, const char *most)
{
	if (least != NULL && measure(kind, field) < bound(kind, least))
		return false;
	return most == NULL || measure(kind, field) <= bound(kind, most);
}

void config_value_describe(
        struct text *text, enum config_kind kind, const char *least, const char *most)
{
	size_t count;
	const char *const *words = words_of(kind, &count);

	if (words == NULL)
		text_format(text, "%s", kind_texts[kind]);
	for (size_t i = 0; i < count; i++) {
		const char *joint = i + 1 < count ? ", " : " or ";

		text_format(text, "%s%s", i == 0 ? "" : joint, words[i]);
	}
	if (least != NULL && most != NULL)
		text_format(text, ", from %s to %s", least, most);
	else if (least != NULL)
		text_format(text, ", at least %s", least);
}

const char *config_interface_word(enum route_interface interface)
{
	check(interface != INTERFACE_UNSET);
	return interface_words[interface - 1];
}

const char *config_auth_word(enum identity_auth auth)
{
	check(auth != IDENTITY_AUTH_UNSET);
	return auth_words[auth - 1];
}

const char *config_flow_word(enum oauth_flow flow)
{
	check(flow != FLOW_UNSET);
	return flow_words[flow - 1];
}

const char *config_policy_word(enum naming_policy policy)
{
	check(policy != POLICY_UNSET);
	return policy_words[policy - 1];
}
