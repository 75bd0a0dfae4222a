/* From a name to its hosts: what is asked, and what the answers mean together. */
#include "engine/lookup.h"

#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FACTS_MAX   48
#define RECORDS_MAX 24
#define A           1
#define CNAME       5
#define MX          15
#define AAAA        28
#define TLSA        52

enum trust { UNSIGNED, SIGNED, FORGED };

/* What DNS says of a name and type; of what no fact tells, that there is no such name. */
struct fact {
	const char *name;
	int type;
	enum trust trust;
	bool failed;  /* SERVFAIL */
	bool nothing; /* the name is there, but no such record */
	const char *alias;
	uint32_t ttl_s;
	struct view records[RECORDS_MAX];
};

#define RECORD(bytes)                                                                              \
	{                                                                                          \
		bytes, sizeof(bytes) - 1                                                           \
	}
#define DIGEST  "0123456789abcdef0123456789abcdef"
#define EE      RECORD("\3\1\1" DIGEST)
#define TA      RECORD("\2\0\1" DIGEST)
#define PKIX_EE RECORD("\1\1\1" DIGEST)

/* Of this world every name that nothing is said of is signed not to be there. */
struct world {
	const struct fact *facts;
	size_t asked[FACTS_MAX];
	size_t unknown; /* questions about names that are not there */
	enum trust nowhere;
};

static struct lookup lookup;

static const struct fact *world_find(struct world *world, const char *name, int type)
{
	for (size_t i = 0; world->facts[i].name != NULL; i++)
		if (strcmp(world->facts[i].name, name) == 0 && world->facts[i].type == type) {
			world->asked[i]++;
			return &world->facts[i];
		}
	world->unknown++;
	return NULL;
}

static void world_answer(struct world *world, size_t question, const char *name, int type)
{
	const struct fact *fact = world_find(world, name, type);
	const enum trust trust = fact == NULL ? world->nowhere : fact->trust;
	struct lookup_answer answer = {
		.secure = trust == SIGNED,
		.bogus = trust == FORGED ? "signature expired" : NULL,
		.no_name = fact == NULL,
		.ttl_s = 60,
	};

	if (fact != NULL) {
		answer.failure = fact->failed ? "the name server failed" : NULL;
		answer.alias = fact->alias;
		answer.ttl_s = fact->ttl_s > 0 ? fact->ttl_s : 300;
		answer.data = fact->records;
		while (answer.count < RECORDS_MAX && fact->records[answer.count].data != NULL)
			answer.count++;
	}
	lookup_hear(&lookup, question, &answer);
}

/* Runs the lookup to its end. */
static struct world look(const struct fact *facts, const struct lookup *wanted, enum trust nowhere)
{
	struct world world = { .facts = facts, .nowhere = nowhere };
	char name[LOOKUP_NAME_BYTES];
	size_t question;
	int type;

	lookup = *wanted;
	if (lookup.port == 0)
		lookup.port = 25;
	if (lookup.dane == ROUTE_DANE_UNSET)
		lookup.dane = ROUTE_DANE_AUTO;
	lookup_begin(&lookup);
	while (!lookup_is_over(&lookup)) {
		assert_true(lookup_next(&lookup, &question, name, &type));
		world_answer(&world, question, name, type);
	}
	assert_false(lookup_next(&lookup, &question, name, &type));
	assert_true(lookup_is_over(&lookup));
	assert_int_equal(lookup.hosts.address_count == 0, lookup.why[0] != '\0');
	return world;
}

/* The hosts in order: "NAME/PREFERENCE DANE:RECORDS ADDRESSES, ...". */
static const char *hosts_in_words(void)
{
	static const char *const dane[] = { "none", "tls", "records" };
	static char memory[4096];
	struct text text = TEXT_ON(memory);
	const struct hosts *hosts = &lookup.hosts;

	for (uint32_t i = 0; i < hosts->count; i++) {
		const struct host *host = &hosts->list[i];
		text_format(&text, "%s%s/%u %s", i > 0 ? ", " : "", host->name, host->preference,
		        dane[host->dane]);
		if (host->tlsa_count > 0)
			text_format(&text, ":%u@%s", host->tlsa_count, host->base);
		for (uint32_t j = 0; j < hosts->address_count; j++) {
			if (hosts->addresses[j].host != i)
				continue;
			text_put_byte(&text, ' ');
			endpoint_format_address(&text, &hosts->addresses[j].endpoint);
			assert_int_equal(hosts->addresses[j].endpoint.port, lookup.port);
		}
	}
	return text_string(&text);
}

#define assert_holds(text, part)                                                                   \
	do {                                                                                       \
		if (strstr(text, part) == NULL)                                                    \
			fail_msg("\"%s\" is wanted in \"%s\"", part, text);                        \
	} while (0)

static const struct lookup domain = { .name = "c.test", .mx = true };
static const struct lookup host = { .name = "a.test" };

static void test_addresses_alternate(void **state)
{
	static const struct fact facts[] = {
		{ "a.test", AAAA, .ttl_s = 77,
		        .records = { RECORD("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		                RECORD("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2") } },
		{ "a.test", A, .ttl_s = 99,
		        .records = { RECORD("\xc0\0\2\1"), RECORD("short"), RECORD("\xc0\0\2\2"),
		                RECORD("\xc0\0\2\3") } },
		{ NULL },
	};

	(void)state;
	look(facts, &host, UNSIGNED);
	assert_string_equal(hosts_in_words(),
	        "a.test/0 none 2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3");
	assert_int_equal(lookup.ttl_s, 77);
	assert_false(lookup.secure);
	assert_string_equal(lookup.hosts.domain, "");
}

static void test_one_family_fails(void **state)
{
	static const struct fact facts[] = {
		{ "a.test", AAAA, .failed = true },
		{ "a.test", A, .records = { RECORD("\xc0\0\2\1") } },
		{ NULL },
	};

	(void)state;
	look(facts, &host, UNSIGNED);
	assert_string_equal(hosts_in_words(), "a.test/0 none 192.0.2.1");
}

static void test_failures_in_words(void **state)
{
	static const struct fact failed[] = { { "a.test", AAAA, .failed = true },
		{ "a.test", A, .failed = true }, { NULL } };
	static const struct fact nothing[] = { { "a.test", AAAA, .nothing = true },
		{ "a.test", A, .nothing = true }, { NULL } };
	static const struct fact forged[] = {
		{ "a.test", AAAA, FORGED, .records = { RECORD("0123456789abcdef") } },
		{ "a.test", A, FORGED, .records = { RECORD("\xc0\0\2\1") } },
		{ NULL },
	};
	static const struct fact none[] = { { NULL } };

	(void)state;
	look(failed, &host, UNSIGNED);
	assert_string_equal(lookup.why, "address of a.test: the name server failed");
	look(nothing, &host, UNSIGNED);
	assert_string_equal(lookup.why, "address of a.test: the name has none");
	look(none, &host, UNSIGNED);
	assert_string_equal(lookup.why, "address of a.test: there is no such name");
	assert_false(lookup.distrusted);
	look(forged, &host, UNSIGNED);
	assert_string_equal(lookup.why, "address of a.test: its DNSSEC signature is not valid "
	                                "(signature expired)");
	assert_true(lookup.distrusted);
	/* Where nothing hangs on it, a forged answer is an unsigned one. */
	look(forged, &(struct lookup){ .name = "a.test", .lenient = true }, UNSIGNED);
	assert_int_equal(lookup.hosts.address_count, 2);
	assert_int_equal(lookup.hosts.list[0].dane, HOST_DANE_NONE);
}

/* MX. */

#define ONE "\3one\1c\4test\0"
#define TWO "\3two\1c\4test\0"

static void test_preferences(void **state)
{
	static const struct fact facts[] = {
		{ "c.test", MX, .ttl_s = 50,
		        .records = { RECORD("\0\x14" TWO), RECORD("\0\xa\5three\1c\4test\0"),
		                RECORD("\0\xa" ONE), RECORD("\0\1\1.\0"), RECORD("\0\5\0"),
		                RECORD("\0\x1e" ONE) } },
		{ "one.c.test", A, .records = { RECORD("\xc0\0\2\1") } },
		{ "two.c.test", A, .records = { RECORD("\xc0\0\2\2") } },
		{ "three.c.test", A, .failed = true },
		{ NULL },
	};

	(void)state;
	look(facts, &domain, UNSIGNED);
	assert_string_equal(
	        hosts_in_words(), "one.c.test/10 none 192.0.2.1, two.c.test/20 none 192.0.2.2");
	assert_string_equal(lookup.hosts.domain, "c.test");
	assert_int_equal(lookup.ttl_s, 50);
	assert_int_equal(lookup.seen_count, 3);
	assert_string_equal(lookup.seen[0].why, "address of three.c.test: the name server failed");
	assert_string_equal(lookup.seen[1].why, "");
}

static void test_no_mx(void **state)
{
	static const struct fact facts[] = {
		{ "c.test", MX, .nothing = true },
		{ "c.test", A, .records = { RECORD("\xc0\0\2\1") } },
		{ NULL },
	};

	(void)state;
	look(facts, &domain, UNSIGNED);
	assert_string_equal(hosts_in_words(), "c.test/0 none 192.0.2.1");
}

static void test_mx_that_lead_nowhere(void **state)
{
	static const struct {
		struct fact fact;
		const char *why;
		bool final;
	} cases[] = {
		{ { "c.test", MX, .records = { RECORD("\0\0\0") } }, "takes no mail (a null MX",
		        true },
		{ { "c.test", MX, .records = { RECORD("\0\1\1 \0") } }, "no record names a host",
		        true },
		{ { "c.test", MX, .failed = true }, "MX of c.test: the name server failed", false },
		{ { "c.test", MX, FORGED, .records = { RECORD("\0\0" ONE) } },
		        "MX of c.test: its DNSSEC signature is not valid", false },
		{ { "x.test", MX }, "MX of c.test: there is no such name", true },
		{ { "c.test", MX, .records = { RECORD("\0\1" ONE), RECORD("\0\2" TWO) } },
		        "address of one.c.test: there is no such name; and 1 more", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct fact facts[] = { cases[i].fact, { NULL } };
		look(facts, &domain, UNSIGNED);
		assert_holds(lookup.why, cases[i].why);
		assert_int_equal(lookup.final, cases[i].final);
	}
}

/* The best of many, whatever their order. */
static void test_many_mx(void **state)
{
	enum { COUNT = 24 };
	static char records[COUNT][16];
	static struct fact facts[COUNT + 2];
	static char names[COUNT][16];

	(void)state;
	facts[0] = (struct fact){ "c.test", MX };
	for (int i = 0; i < COUNT; i++) {
		const int preference = (i * 7) % COUNT;
		const int bytes = snprintf(
		        records[i], sizeof records[i], "%c%c\3m%02d\1c", 0, preference, preference);
		facts[0].records[i] = view_from(records[i], (size_t)bytes + 1);
		(void)snprintf(names[i], sizeof names[i], "m%02d.c", preference);
		facts[i + 1] = (struct fact){ names[i], A, .records = { RECORD("\xc0\0\2\1") } };
	}
	look(facts, &domain, UNSIGNED);
	assert_int_equal(lookup.hosts.count, HOSTS_MAX);
	for (int i = 0; i < HOSTS_MAX; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "m%02d.c", i);
		assert_string_equal(lookup.hosts.list[i].name, name);
		assert_int_equal(lookup.hosts.list[i].preference, i);
	}
}

/* At each bound, and one beyond it: what passes it is left out. */
static void test_bounds_of_hosts(void **state)
{
	static const size_t counts[][2] = { { HOSTS_MAX - 1, HOSTS_MAX - 1 },
		{ HOSTS_MAX, HOSTS_MAX }, { HOSTS_MAX + 1, HOSTS_MAX } };
	static char records[HOSTS_MAX + 1][16];
	static char names[HOSTS_MAX + 1][16];

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct fact facts[HOSTS_MAX + 3] = { { "c.test", MX } };
		for (size_t j = 0; j < counts[i][0]; j++) {
			const int bytes = snprintf(
			        records[j], sizeof records[j], "%c%c\3m%02zu\1c", 0, (int)j, j);
			facts[0].records[j] = view_from(records[j], (size_t)bytes + 1);
			(void)snprintf(names[j], sizeof names[j], "m%02zu.c", j);
			facts[j + 1] =
			        (struct fact){ names[j], A, .records = { RECORD("\xc0\0\2\1") } };
		}
		look(facts, &domain, UNSIGNED);
		assert_int_equal(lookup.hosts.count, counts[i][1]);
		assert_int_equal(lookup.hosts.address_count, counts[i][1]);
	}
}

static void test_bounds_of_addresses(void **state)
{
	enum { BEYOND = HOSTS_HOST_ADDRESSES_MAX + 1 };
	static char four[BEYOND][4];
	static char six[BEYOND][16];

	(void)state;
	for (size_t count = HOSTS_HOST_ADDRESSES_MAX - 1; count <= BEYOND; count++) {
		const size_t kept = count < BEYOND ? count : HOSTS_HOST_ADDRESSES_MAX;
		struct fact facts[] = { { "a.test", A }, { "a.test", AAAA }, { NULL } };
		for (size_t i = 0; i < count; i++) {
			four[i][0] = 10;
			four[i][3] = six[i][15] = (char)(i + 1);
			six[i][0] = 0x20;
			facts[0].records[i] = view_from(four[i], sizeof four[i]);
			facts[1].records[i] = view_from(six[i], sizeof six[i]);
		}
		look(facts, &host, UNSIGNED);
		assert_int_equal(lookup.hosts.count, 1);
		assert_int_equal(lookup.hosts.address_count, 2 * kept);
		/* The first ones of each family. */
		for (size_t i = 0; i < lookup.hosts.address_count; i++)
			assert_in_range(lookup.hosts.addresses[i].endpoint.address[15], 1, kept);
	}
}

/* Of all hosts together: the best come first. */
static void test_bounds_of_all_addresses(void **state)
{
	enum { COUNT = HOSTS_ADDRESSES_MAX / HOSTS_HOST_ADDRESSES_MAX + 1 };
	static char records[COUNT][16];
	static char names[COUNT][16];
	static char four[HOSTS_HOST_ADDRESSES_MAX][4];
	static struct fact facts[COUNT + 2];

	(void)state;
	facts[0] = (struct fact){ "c.test", MX };
	for (size_t i = 0; i < HOSTS_HOST_ADDRESSES_MAX; i++) {
		four[i][0] = 10;
		four[i][3] = (char)(i + 1);
	}
	for (size_t i = 0; i < COUNT; i++) {
		const int bytes =
		        snprintf(records[i], sizeof records[i], "%c%c\3m%02zu\1c", 0, (int)i, i);
		facts[0].records[i] = view_from(records[i], (size_t)bytes + 1);
		(void)snprintf(names[i], sizeof names[i], "m%02zu.c", i);
		facts[i + 1] = (struct fact){ names[i], A };
		for (size_t j = 0; j < HOSTS_HOST_ADDRESSES_MAX; j++)
			facts[i + 1].records[j] = view_from(four[j], sizeof four[j]);
	}
	look(facts, &domain, UNSIGNED);
	assert_int_equal(lookup.hosts.address_count, HOSTS_ADDRESSES_MAX);
	for (size_t i = 0; i < HOSTS_ADDRESSES_MAX; i++)
		assert_int_equal(lookup.hosts.addresses[i].host, i / HOSTS_HOST_ADDRESSES_MAX);
}

/* DANE. */

#define MX_SIGNED                                                                                  \
	{                                                                                          \
		"c.test", MX, SIGNED, .records = { RECORD("\0\xa" ONE) }                           \
	}
#define ONE_SIGNED                                                                                 \
	{                                                                                          \
		"one.c.test", A, SIGNED, .records = { RECORD("\xc0\0\2\1") }                       \
	}
#define ONE_TLSA "_25._tcp.one.c.test"

static void test_dane(void **state)
{
	static const struct {
		struct fact facts[6];
		const char *hosts; /* or */
		const char *why;
	} cases[] = {
		/* All is signed. */
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED, .records = { EE, TA } } },
		        "one.c.test/10 records:2@one.c.test 192.0.2.1", NULL },
		/* Some can't be used. */
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED, .records = { PKIX_EE, EE } } },
		        "one.c.test/10 records:1@one.c.test 192.0.2.1", NULL },
		/* None can. */
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED, .records = { PKIX_EE } } },
		        "one.c.test/10 tls 192.0.2.1", NULL },
		/* Signed that there are none: no name, or no record. */
		{ { MX_SIGNED, ONE_SIGNED }, "one.c.test/10 none 192.0.2.1", NULL },
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED, .nothing = true } },
		        "one.c.test/10 none 192.0.2.1", NULL },
		/* Not signed: anybody may have written them. */
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, UNSIGNED, .records = { EE } } },
		        "one.c.test/10 none 192.0.2.1", NULL },
		/* A forger would hide them. */
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, FORGED, .records = { EE } } }, NULL,
		        "TLSA records of one.c.test: its DNSSEC signature is not valid" },
		{ { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED, .failed = true } }, NULL,
		        "TLSA records of one.c.test: the name server failed" },
		/* As many as are looked at, and more. */
		{ { MX_SIGNED, ONE_SIGNED,
		          { ONE_TLSA, TLSA, SIGNED,
		                  .records = { EE, EE, EE, EE, EE, EE, EE, EE } } },
		        "one.c.test/10 records:8@one.c.test 192.0.2.1", NULL },
		{ { MX_SIGNED, ONE_SIGNED,
		          { ONE_TLSA, TLSA, SIGNED,
		                  .records = { EE, EE, EE, EE, EE, EE, EE, EE, EE } } },
		        NULL, "too many" },
		/* Signed records are not asked for where MX or address are not. */
		{ { { "c.test", MX, UNSIGNED, .records = { RECORD("\0\xa" ONE) } }, ONE_SIGNED,
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE } } },
		        "one.c.test/10 none 192.0.2.1", NULL },
		{ { MX_SIGNED, { "one.c.test", A, UNSIGNED, .records = { RECORD("\xc0\0\2\1") } },
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE } } },
		        "one.c.test/10 none 192.0.2.1", NULL },
		/* Signed that there is no MX: the domain itself. */
		{ { { "c.test", MX, SIGNED, .nothing = true },
		          { "c.test", A, SIGNED, .records = { RECORD("\xc0\0\2\1") } },
		          { "_25._tcp.c.test", TLSA, SIGNED, .records = { EE } } },
		        "c.test/0 records:1@c.test 192.0.2.1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		look(cases[i].facts, &domain, SIGNED);
		if (cases[i].hosts != NULL)
			assert_string_equal(hosts_in_words(), cases[i].hosts);
		else
			assert_holds(lookup.why, cases[i].why);
	}
}

/* Records of any length: as many bytes as are kept, and one more. A host without them all is left
 * out, and is not taken for one that has none. */
static void test_bounds_of_tlsa_bytes(void **state)
{
	static char record[HOSTS_TLSA_BYTES + 1] = { 3, 0, 0 }; /* a whole certificate */
	struct fact facts[] = { MX_SIGNED, ONE_SIGNED, { ONE_TLSA, TLSA, SIGNED }, { NULL } };

	(void)state;
	memset(record + 3, 'x', sizeof record - 3);
	facts[2].records[0] = view_from(record, HOSTS_TLSA_BYTES);
	look(facts, &domain, SIGNED);
	assert_string_equal(hosts_in_words(), "one.c.test/10 records:1@one.c.test 192.0.2.1");
	facts[2].records[0].bytes++;
	look(facts, &domain, SIGNED);
	assert_int_equal(lookup.hosts.address_count, 0);
	assert_holds(lookup.why, "too many");
}

static void test_not_asked_for(void **state)
{
	static const struct fact facts[] = {
		{ "c.test", MX, UNSIGNED, .records = { RECORD("\0\xa" ONE) } },
		ONE_SIGNED,
		{ ONE_TLSA, TLSA, SIGNED, .records = { EE } },
		{ NULL },
	};
	struct world world = look(facts, &domain, SIGNED);

	(void)state;
	assert_int_equal(world.asked[2], 0);
	world = look(facts + 1, &(struct lookup){ .name = "one.c.test", .dane = ROUTE_DANE_OFF },
	        SIGNED);
	assert_int_equal(world.asked[1], 0);
	assert_string_equal(hosts_in_words(), "one.c.test/0 none 192.0.2.1");
	/* A named host has them too; at its own port. */
	look(facts + 1, &(struct lookup){ .name = "one.c.test" }, SIGNED);
	assert_string_equal(hosts_in_words(), "one.c.test/0 records:1@one.c.test 192.0.2.1");
	world = look(facts + 1, &(struct lookup){ .name = "one.c.test", .port = 587 }, SIGNED);
	assert_int_equal(world.asked[1], 0);
	assert_string_equal(hosts_in_words(), "one.c.test/0 none 192.0.2.1");
}

static void test_aliases(void **state)
{
	static const struct {
		struct fact facts[6];
		const char *hosts;
	} cases[] = {
		/* Signed all the way: the alias' records first, then the name's own. */
		{ { MX_SIGNED,
		          { "one.c.test", A, SIGNED, .alias = "d.test",
		                  .records = { RECORD("\xc0\0\2\1") } },
		          { "_25._tcp.d.test", TLSA, SIGNED, .records = { EE } },
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE, EE } } },
		        "one.c.test/10 records:1@d.test 192.0.2.1" },
		{ { MX_SIGNED,
		          { "one.c.test", A, SIGNED, .alias = "d.test",
		                  .records = { RECORD("\xc0\0\2\1") } },
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE, EE } } },
		        "one.c.test/10 records:2@one.c.test 192.0.2.1" },
		/* Out of a signed zone: the name's own. */
		{ { MX_SIGNED,
		          { "one.c.test", A, UNSIGNED, .alias = "d.test",
		                  .records = { RECORD("\xc0\0\2\1") } },
		          { "one.c.test", CNAME, SIGNED, .records = { RECORD("\1d\4test\0") } },
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE } } },
		        "one.c.test/10 records:1@one.c.test 192.0.2.1" },
		/* Nothing is signed. */
		{ { MX_SIGNED,
		          { "one.c.test", A, UNSIGNED, .alias = "d.test",
		                  .records = { RECORD("\xc0\0\2\1") } },
		          { "one.c.test", CNAME, UNSIGNED, .records = { RECORD("\1d\4test\0") } },
		          { ONE_TLSA, TLSA, SIGNED, .records = { EE } } },
		        "one.c.test/10 none 192.0.2.1" },
		/* The alias can't be shown to be unsigned. */
		{ { MX_SIGNED,
		          { "one.c.test", A, UNSIGNED, .alias = "d.test",
		                  .records = { RECORD("\xc0\0\2\1") } },
		          { "one.c.test", CNAME, FORGED, .records = { RECORD("\1d\4test\0") } } },
		        "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		look(cases[i].facts, &domain, SIGNED);
		assert_string_equal(hosts_in_words(), cases[i].hosts);
	}
}

static void test_dane_required(void **state)
{
	static const struct lookup required = {
		.name = "c.test", .mx = true, .dane = ROUTE_DANE_REQUIRED
	};
	static const struct fact with[] = { MX_SIGNED, ONE_SIGNED,
		{ ONE_TLSA, TLSA, SIGNED, .records = { EE } }, { NULL } };
	static const struct fact useless[] = { MX_SIGNED, ONE_SIGNED,
		{ ONE_TLSA, TLSA, SIGNED, .records = { PKIX_EE } }, { NULL } };
	static const struct fact without[] = { MX_SIGNED, ONE_SIGNED, { NULL } };

	(void)state;
	look(with, &required, SIGNED);
	assert_string_equal(hosts_in_words(), "one.c.test/10 records:1@one.c.test 192.0.2.1");
	look(useless, &required, SIGNED);
	assert_holds(lookup.why, "which the route requires");
	look(without, &required, SIGNED);
	assert_holds(lookup.why, "which the route requires");
}

/* A host is left out, and the next one serves. */
static void test_the_next_host(void **state)
{
	static const struct fact facts[] = {
		{ "c.test", MX, SIGNED, .records = { RECORD("\0\xa" ONE), RECORD("\0\x14" TWO) } },
		ONE_SIGNED,
		{ ONE_TLSA, TLSA, FORGED, .records = { EE } },
		{ "two.c.test", A, SIGNED, .records = { RECORD("\xc0\0\2\2") } },
		{ NULL },
	};

	(void)state;
	look(facts, &domain, SIGNED);
	assert_string_equal(hosts_in_words(), "two.c.test/20 none 192.0.2.2");
	assert_holds(lookup.seen[0].why, "not valid");
}

/* Giving up at any point ends it, with nothing less safe than before. */
static void test_giving_up(void **state)
{
	static const struct fact facts[] = { MX_SIGNED, ONE_SIGNED,
		{ ONE_TLSA, TLSA, SIGNED, .records = { EE } }, { NULL } };

	(void)state;
	for (int answers = 0; answers < 5; answers++) {
		struct world world = { .facts = facts, .nowhere = SIGNED };
		char name[LOOKUP_NAME_BYTES];
		size_t question;
		int type;
		lookup = (struct lookup){
			.name = "c.test", .mx = true, .port = 25, .dane = ROUTE_DANE_AUTO
		};
		lookup_begin(&lookup);
		for (int i = 0; i < answers && lookup_next(&lookup, &question, name, &type); i++)
			world_answer(&world, question, name, type);
		lookup_give_up(&lookup, "no answer came");
		assert_true(lookup_is_over(&lookup));
		if (answers < 4)
			assert_holds(lookup.why, "no answer came");
		else
			assert_int_equal(lookup.hosts.list[0].dane, HOST_DANE_RECORDS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_alternate),
		cmocka_unit_test(test_one_family_fails),
		cmocka_unit_test(test_failures_in_words),
		cmocka_unit_test(test_preferences),
		cmocka_unit_test(test_no_mx),
		cmocka_unit_test(test_mx_that_lead_nowhere),
		cmocka_unit_test(test_many_mx),
		cmocka_unit_test(test_bounds_of_hosts),
		cmocka_unit_test(test_bounds_of_addresses),
		cmocka_unit_test(test_bounds_of_all_addresses),
		cmocka_unit_test(test_bounds_of_tlsa_bytes),
		cmocka_unit_test(test_dane),
		cmocka_unit_test(test_not_asked_for),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_dane_required),
		cmocka_unit_test(test_the_next_host),
		cmocka_unit_test(test_giving_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
