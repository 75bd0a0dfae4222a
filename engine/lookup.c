#include "engine/lookup.h"

#include "queue/base/check.h"

#include <assert.h>

#define QUESTION_MX (LOOKUP_QUESTIONS - 1)

static const struct {
	int number;
	const char *word;
} lookup_types[] = {
#define X(name, number, word) [LOOKUP_##name] = { number, word },
	LOOKUP_TYPES(X)
#undef X
};
static_assert(sizeof lookup_types / sizeof lookup_types[0] == LOOKUP_TYPE_COUNT, "a row a type");

static void lookup_want(struct lookup *lookup, size_t question);
static void lookup_take_host(struct lookup *lookup, struct view name, uint16_t preference);
static void lookup_hear_mx(struct lookup *lookup, const struct lookup_answer *answer);
static size_t lookup_read_mx(struct lookup *lookup, const struct lookup_answer *answer);
static void lookup_rank_host(struct lookup *lookup, const struct rdata_mx *mx);
static void lookup_hear_address(struct lookup *lookup, struct lookup_host *host,
        enum lookup_type family, const struct lookup_answer *answer);
static void lookup_read_addresses(const struct lookup *lookup, struct lookup_host *host,
        enum lookup_type family, const struct lookup_answer *answer);
static void lookup_addressed(struct lookup *lookup, struct lookup_host *host);
static void lookup_hear_cname(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer);
static void lookup_hear_tlsa(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer);
static void lookup_read_tlsa(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer);
static const char *lookup_base(const struct lookup_host *host);
static size_t lookup_question(
        const struct lookup *lookup, const struct lookup_host *host, enum lookup_type type);
static bool lookup_counts(const struct lookup *lookup, const struct lookup_answer *answer);
static void lookup_complain(char why[LOOKUP_WHY_BYTES], enum lookup_type type, const char *name,
        const struct lookup_answer *answer);
static void lookup_conclude(struct lookup *lookup);
static bool lookup_keep(struct lookup *lookup, const struct lookup_host *host);

void lookup_ask_for(struct lookup *lookup, const struct config_route *settings)
{
	const struct config_route_tls *tls = &settings->tls;
	/* A named host's certificate says whether it is the right one, wherever DNS leads. */
	const bool checked = settings->host != NULL && tls->verify &&
	                     (tls->mode == ROUTE_TLS_REQUIRED || tls->mode == ROUTE_TLS_IMPLICIT);

	lookup->name = settings->host != NULL ? settings->host : settings->domain;
	lookup->mx = settings->host == NULL;
	lookup->port = (uint16_t)settings->port;
	lookup->dane = tls->dane;
	lookup->lenient =
	        tls->dane == ROUTE_DANE_OFF || (checked && tls->dane != ROUTE_DANE_REQUIRED);
}

void lookup_begin(struct lookup *lookup)
{
	const struct lookup question = {
		.name = lookup->name,
		.mx = lookup->mx,
		.lenient = lookup->lenient,
		.port = lookup->port,
		.dane = lookup->dane,
		.ttl_s = LOOKUP_TTL_MOST,
	};

	*lookup = question;
	if (lookup->mx)
		lookup_want(lookup, QUESTION_MX);
	else
		lookup_take_host(lookup, view_of(lookup->name), 0);
	check(lookup->open > 0);
}

static void lookup_want(struct lookup *lookup, size_t question)
{
	check(lookup->states[question] == LOOKUP_UNASKED);
	lookup->states[question] = LOOKUP_WANTED;
	lookup->open++;
}

static void lookup_take_host(struct lookup *lookup, struct view name, uint16_t preference)
{
	check(lookup->seen_count < HOSTS_MAX);
	struct lookup_host *host = &lookup->seen[lookup->seen_count++];
	struct text copy = TEXT_ON(host->name);

	host->preference = preference;
	host->is_signed = true;
	text_put(&copy, name);
	(void)text_string(&copy);
	lookup_want(lookup, lookup_question(lookup, host, LOOKUP_IPV6));
	lookup_want(lookup, lookup_question(lookup, host, LOOKUP_IPV4));
}

static size_t lookup_question(
        const struct lookup *lookup, const struct lookup_host *host, enum lookup_type type)
{
	return (size_t)(host - lookup->seen) * LOOKUP_OF_HOST + type;
}

bool lookup_next(struct lookup *lookup, size_t *question, char name[LOOKUP_NAME_BYTES], int *type)
{
	struct text text = text_on(name, LOOKUP_NAME_BYTES);
	size_t at = 0;

	while (at < LOOKUP_QUESTIONS && lookup->states[at] != LOOKUP_WANTED)
		at++;
	if (at == LOOKUP_QUESTIONS)
		return false;
	const enum lookup_type asked = at == QUESTION_MX ? LOOKUP_MX : at % LOOKUP_OF_HOST;
	const struct lookup_host *host = &lookup->seen[at / LOOKUP_OF_HOST];
	if (asked == LOOKUP_MX)
		text_put(&text, view_of(lookup->name));
	else if (asked == LOOKUP_TLSA)
		text_format(&text, "_%u._tcp.%s", lookup->port, lookup_base(host));
	else
		text_put(&text, view_of(host->name));
	check(!text.overflow);
	(void)text_string(&text);
	lookup->states[at] = LOOKUP_ASKED;
	*question = at;
	*type = lookup_types[asked].number;
	return true;
}

static const char *lookup_base(const struct lookup_host *host)
{
	return host->at_alias ? host->alias : host->name;
}

void lookup_hear(struct lookup *lookup, size_t question, const struct lookup_answer *answer)
{
	check(question < LOOKUP_QUESTIONS);
	check(lookup->states[question] == LOOKUP_ASKED);
	check(lookup->open > 0);
	lookup->states[question] = LOOKUP_UNASKED;
	lookup->open--;
	if (answer->failure == NULL && answer->ttl_s < lookup->ttl_s)
		lookup->ttl_s = answer->ttl_s;
	lookup->distrusted |= answer->bogus != NULL;
	if (question == QUESTION_MX) {
		lookup_hear_mx(lookup, answer);
		return;
	}
	struct lookup_host *host = &lookup->seen[question / LOOKUP_OF_HOST];
	switch ((enum lookup_type)(question % LOOKUP_OF_HOST)) {
	case LOOKUP_IPV6:
	case LOOKUP_IPV4:
		lookup_hear_address(lookup, host, question % LOOKUP_OF_HOST, answer);
		break;
	case LOOKUP_CNAME:
		lookup_hear_cname(lookup, host, answer);
		break;
	case LOOKUP_TLSA:
		lookup_hear_tlsa(lookup, host, answer);
		break;
	default:
		check(false);
	}
}

/* Whether the answer, be it that there is nothing, is to be believed as far as it goes. */
static bool lookup_counts(const struct lookup *lookup, const struct lookup_answer *answer)
{
	return answer->failure == NULL && (answer->bogus == NULL || lookup->lenient);
}

/* The first complaint stands: both families' are the same, as a rule. */
static void lookup_complain(char why[LOOKUP_WHY_BYTES], enum lookup_type type, const char *name,
        const struct lookup_answer *answer)
{
	struct text text = text_on(why, LOOKUP_WHY_BYTES);

	if (why[0] != '\0')
		return;
	text_format(&text, "%s of %s: ", lookup_types[type].word, name);
	if (answer->bogus != NULL)
		text_format(&text, "its DNSSEC signature is not valid (%s)", answer->bogus);
	else if (answer->failure != NULL)
		text_put(&text, view_of(answer->failure));
	else if (answer->no_name)
		text_put(&text, VIEW("there is no such name"));
	else
		text_put(&text, VIEW("the name has none"));
	(void)text_string(&text);
}

/* MX. */

static void lookup_hear_mx(struct lookup *lookup, const struct lookup_answer *answer)
{
	struct text why = TEXT_ON(lookup->why);

	lookup->secure = answer->secure;
	if (!lookup_counts(lookup, answer) || answer->no_name) {
		lookup_complain(lookup->why, LOOKUP_MX, lookup->name, answer);
		lookup->final = lookup_counts(lookup, answer);
		return;
	}
	if (answer->count == 0) {
		/* RFC 5321 5.1: it is its own mail host. */
		lookup_take_host(lookup, view_of(lookup->name), 0);
		return;
	}
	const size_t null_count = lookup_read_mx(lookup, answer);
	if (lookup->seen_count > 0)
		return;
	if (null_count > 0)
		text_format(&why, "MX of %s: the domain takes no mail (a null MX, RFC 7505)",
		        lookup->name);
	else
		text_format(&why, "MX of %s: no record names a host", lookup->name);
	(void)text_string(&why);
	lookup->final = true;
}

/* The best hosts, in order of preference. Gives how many records named the root instead. */
static size_t lookup_read_mx(struct lookup *lookup, const struct lookup_answer *answer)
{
	size_t null_count = 0;
	struct rdata_mx mx;

	for (size_t i = 0; i < answer->count; i++) {
		if (!rdata_read_mx(answer->data[i], &mx))
			continue;
		if (mx.host[0] == '\0')
			null_count++;
		else
			lookup_rank_host(lookup, &mx);
	}
	const uint32_t count = lookup->seen_count;
	lookup->seen_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct lookup_host host = lookup->seen[i];
		lookup->seen[i] = (struct lookup_host){ 0 };
		lookup_take_host(lookup, view_of(host.name), host.preference);
	}
	return null_count;
}

/* Names and preferences alone are set so far. A host that is named twice has its better one. */
static void lookup_rank_host(struct lookup *lookup, const struct rdata_mx *mx)
{
	struct lookup_host *seen = lookup->seen;
	uint32_t place = 0;

	while (place < lookup->seen_count && seen[place].preference <= mx->preference &&
	        strcmp(seen[place].name, mx->host) != 0)
		place++;
	if (place == HOSTS_MAX ||
	        (place < lookup->seen_count && seen[place].preference <= mx->preference))
		return;
	uint32_t end = place;
	while (end < lookup->seen_count && strcmp(seen[end].name, mx->host) != 0)
		end++;
	if (end == lookup->seen_count && end < HOSTS_MAX)
		lookup->seen_count++;
	else if (end == HOSTS_MAX)
		end--; /* the worst goes */
	memmove(&seen[place + 1], &seen[place], (end - place) * sizeof *seen);
	seen[place].preference = mx->preference;
	memcpy(seen[place].name, mx->host, sizeof mx->host);
}

/* Addresses. */

static void lookup_hear_address(struct lookup *lookup, struct lookup_host *host,
        enum lookup_type family, const struct lookup_answer *answer)
{
	const enum lookup_type other = family == LOOKUP_IPV6 ? LOOKUP_IPV4 : LOOKUP_IPV6;

	if (lookup_counts(lookup, answer) && answer->count > 0)
		lookup_read_addresses(lookup, host, family, answer);
	/* That nobody could answer says more than that one family has no address. */
	if (!lookup_counts(lookup, answer))
		host->why[0] = '\0';
	if (host->found_count[family] == 0)
		lookup_complain(host->why, family, host->name, answer);
	if (lookup->states[lookup_question(lookup, host, other)] == LOOKUP_UNASKED)
		lookup_addressed(lookup, host);
}

static void lookup_read_addresses(const struct lookup *lookup, struct lookup_host *host,
        enum lookup_type family, const struct lookup_answer *answer)
{
	const size_t bytes = family == LOOKUP_IPV4 ? 4 : 16;
	struct text alias = TEXT_ON(host->alias);

	host->is_signed &= answer->secure;
	if (answer->alias != NULL && strlen(answer->alias) <= RDATA_NAME_MAX)
		text_put(&alias, view_of(answer->alias));
	(void)text_string(&alias);
	for (size_t i = 0; i < answer->count; i++) {
		uint8_t *count = &host->found_count[family];
		if (answer->data[i].bytes != bytes || *count == HOSTS_HOST_ADDRESSES_MAX)
			continue;
		struct endpoint *address = &host->found[family][(*count)++];
		*address = (struct endpoint){ .port = lookup->port };
		if (family == LOOKUP_IPV4)
			memset(address->address + 10, 0xff, 2);
		memcpy(address->address + 16 - bytes, answer->data[i].data, bytes);
	}
}

/* Both families are answered. */
static void lookup_addressed(struct lookup *lookup, struct lookup_host *host)
{
	if (host->found_count[LOOKUP_IPV6] + host->found_count[LOOKUP_IPV4] == 0)
		return; /* it has been said why */
	host->why[0] = '\0';
	if (!lookup->mx)
		lookup->secure = host->is_signed;
	if (lookup->dane == ROUTE_DANE_OFF || (lookup->mx && !lookup->secure))
		return;
	host->at_alias = host->is_signed && host->alias[0] != '\0';
	if (host->is_signed)
		lookup_want(lookup, lookup_question(lookup, host, LOOKUP_TLSA));
	else if (host->alias[0] != '\0')
		/* The alias leads out of a signed zone; the host's own name may be within one
		 * (RFC 7672 2.1.3). */
		lookup_want(lookup, lookup_question(lookup, host, LOOKUP_CNAME));
}

static void lookup_hear_cname(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer)
{
	if (!lookup_counts(lookup, answer))
		lookup_complain(host->why, LOOKUP_CNAME, host->name, answer);
	else if (answer->secure)
		lookup_want(lookup, lookup_question(lookup, host, LOOKUP_TLSA));
}

/* TLSA. */

static void lookup_hear_tlsa(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer)
{
	/* Here nothing is lenient: the addresses were signed, so this answer can be, too. */
	if (answer->failure != NULL || answer->bogus != NULL) {
		lookup_complain(host->why, LOOKUP_TLSA, lookup_base(host), answer);
	} else if (answer->count > 0 && answer->secure) {
		lookup_read_tlsa(lookup, host, answer);
	} else if (host->at_alias) {
		host->at_alias = false;
		lookup_want(lookup, lookup_question(lookup, host, LOOKUP_TLSA));
	}
}

static void lookup_read_tlsa(
        struct lookup *lookup, struct lookup_host *host, const struct lookup_answer *answer)
{
	struct text why = TEXT_ON(host->why);

	host->dane = HOST_DANE_TLS;
	for (size_t i = 0; i < answer->count; i++) {
		const struct view record = answer->data[i];
		if (!rdata_tlsa_is_usable(record))
			continue;
		if (host->tlsa_count == HOSTS_TLSA_MAX ||
		        record.bytes > HOSTS_TLSA_BYTES - lookup->tlsa_used) {
			text_format(&why, "TLSA records of %s: too many, or too large (%zu)",
			        lookup_base(host), answer->count);
			(void)text_string(&why);
			return;
		}
		uint8_t *place = lookup->tlsa_bytes + lookup->tlsa_used;
		memcpy(place, record.data, record.bytes);
		lookup->tlsa_used += (uint32_t)record.bytes;
		host->tlsa[host->tlsa_count++] = view_from(place, record.bytes);
		host->dane = HOST_DANE_RECORDS;
	}
}

/* The end. */

void lookup_give_up(struct lookup *lookup, const char *failure)
{
	const struct lookup_answer answer = { .failure = failure };

	/* An answer may lead to more questions; those lead no further. */
	while (lookup->open > 0)
		for (size_t i = 0; i < LOOKUP_QUESTIONS; i++) {
			if (lookup->states[i] == LOOKUP_UNASKED)
				continue;
			lookup->states[i] = LOOKUP_ASKED;
			lookup_hear(lookup, i, &answer);
		}
}

bool lookup_is_over(struct lookup *lookup)
{
	if (lookup->open > 0)
		return false;
	if (lookup->hosts.count == 0 && lookup->why[0] == '\0')
		lookup_conclude(lookup);
	return true;
}

static void lookup_conclude(struct lookup *lookup)
{
	struct text domain = TEXT_ON(lookup->hosts.domain);
	struct text why = TEXT_ON(lookup->why);

	text_put(&domain, view_of(lookup->mx ? lookup->name : NULL));
	(void)text_string(&domain);
	for (uint32_t i = 0; i < lookup->seen_count; i++) {
		struct lookup_host *host = &lookup->seen[i];
		if (host->why[0] == '\0' && lookup->dane == ROUTE_DANE_REQUIRED &&
		        host->dane != HOST_DANE_RECORDS) {
			struct text text = TEXT_ON(host->why);
			text_format(&text,
			        "TLSA records of %s: there are none that DNSSEC signs and we can "
			        "use, which the route requires",
			        host->name);
			(void)text_string(&text);
		}
		if (host->why[0] == '\0')
			(void)lookup_keep(lookup, host);
	}
	if (lookup->hosts.address_count > 0)
		return;
	text_put(&why, view_of(lookup->seen[0].why));
	if (lookup->seen_count > 1)
		text_format(&why, "; and %u more hosts that can't be used", lookup->seen_count - 1);
	(void)text_string(&why);
}

/* Addresses alternate, so that a family that leads nowhere costs one attempt in two. False: there
 * was no more room; what is worth most is there. */
static bool lookup_keep(struct lookup *lookup, const struct lookup_host *host)
{
	struct hosts *hosts = &lookup->hosts;
	bool fits = hosts->address_count < HOSTS_ADDRESSES_MAX;

	if (!fits)
		return false;
	struct host *kept = hosts_add(hosts, view_of(host->name), host->preference);
	check(kept != NULL); /* as many were looked at */
	kept->dane = host->dane;
	memcpy(kept->base, lookup_base(host), sizeof kept->base);
	for (size_t i = 0; i < HOSTS_HOST_ADDRESSES_MAX; i++)
		for (size_t family = 0; family < LOOKUP_FAMILIES; family++)
			if (i < host->found_count[family])
				fits &= hosts_add_address(hosts, &host->found[family][i]);
	for (size_t i = 0; i < host->tlsa_count; i++) {
		const bool kept_record = hosts_add_tlsa(hosts, host->tlsa[i]);
		check(kept_record); /* the same bounds */
	}
	return fits;
}
