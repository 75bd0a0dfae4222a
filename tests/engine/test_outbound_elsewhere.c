/* A host with several addresses: where a session goes when one of them is of no use. */
#include "tests/engine/office.h"
#include "tests/engine/phrases.h"

/* The hosts that the route has now. */
struct scene {
	size_t closed; /* addresses of "closed.example", of preference 10: nobody listens there */
	bool open;     /* "open.example", of preference 20: the server */
	uint8_t dane;  /* of the latter */
};

static struct hosts hosts;

static void set(struct rig *rig, const struct scene *scene)
{
	struct dispatch_route *route = &rig->delivery.dispatch.routes[0];
	struct endpoint endpoint;

	assert_true(endpoint_parse(VIEW("127.0.0.1:1"), &endpoint));
	hosts = (struct hosts){ 0 };
	if (scene->closed > 0)
		assert_non_null(hosts_add(&hosts, VIEW("closed.example"), 10));
	for (size_t i = 0; i < scene->closed; i++) {
		endpoint.address[15] = (uint8_t)(i + 1);
		assert_true(hosts_add_address(&hosts, &endpoint));
	}
	endpoint.address[15] = 1;
	endpoint.port = rig->server.port;
	if (scene->open) {
		struct host *host = hosts_add(&hosts, VIEW("open.example"), 20);
		assert_non_null(host);
		host->dane = scene->dane;
		assert_true(hosts_add_address(&hosts, &endpoint));
	}
	target_set(&route->target, &hosts, &rig->delivery.shard.random);
	route->known_until = MONO_NEVER;
}

static void test_the_next_one(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN MESSAGE TAKEN BYE, NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	set(rig, &(struct scene){ .closed = 2, .open = true });
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(rig->settled[0]->attempts, 0);
	/* Nobody heard of the others: no door was shut, nothing was counted as failed. */
	assert_int_equal(atomic_load(&rig->counters.sessions_failed), 0);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 1);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

/* All of them: it is told once, by the last. */
static void test_none(void **state)
{
	static const char *const scripts[] = { NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	set(rig, &(struct scene){ .closed = 3 });
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0), "connect to 127.0.0.3:1"));
	assert_int_equal(atomic_load(&rig->counters.sessions_failed), 1);
	for (size_t i = 0; i < 3; i++)
		assert_true(rig->delivery.dispatch.routes[0].target.addresses[i].suspect);
	rig_destroy(rig);
}

/* The server is back: the next session finds it, though all are avoided still. */
static void test_all_are_avoided(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN BYE, NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);
	struct target *target = &rig->delivery.dispatch.routes[0].target;
	const struct mono before = { clock_mono().ns - NS_PER_S };

	(void)state;
	set(rig, &(struct scene){ .closed = 2, .open = true });
	for (uint32_t i = 0; i < 3; i++)
		target_blame(target, &target->hosts.addresses[i].endpoint, mono_after(before, i));
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_destroy(rig);
}

/* An address that greets us and takes nothing is as bad as before. */
static void test_trusted_by_what_it_took(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE
		"> 250 2.1.0 ok\n> 550 5.1.1 nobody\n> 503 5.5.1 no\n< RSET\n" RESET MESSAGE TAKEN
		        BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);
	struct target *target = &rig->delivery.dispatch.routes[0].target;

	(void)state;
	set(rig, &(struct scene){ .open = true });
	target_blame(target, &target->hosts.addresses[0].endpoint, (struct mono){ 0 });
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	assert_true(target->addresses[0].suspect);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_false(target->addresses[0].suspect);
	rig_destroy(rig);
}

/* A session does not go on for ever. */
static void test_tries_are_bounded(void **state)
{
	static const char *const scripts[] = { NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);
	const struct target *target = &rig->delivery.dispatch.routes[0].target;
	size_t suspects = 0;

	(void)state;
	set(rig, &(struct scene){ .closed = TARGET_TRIES_MAX + 3 });
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	for (size_t i = 0; i < TARGET_TRIES_MAX + 3; i++)
		suspects += target->addresses[i].suspect;
	assert_int_equal(suspects, TARGET_TRIES_MAX);
	rig_destroy(rig);
}

/* Signed TLSA records, none of which can be used, ask for TLS all the same. */
static void test_records_ask_for_tls(void **state)
{
	static const char *const scripts[] = { GREET OFFER ALL "end\n", NULL };
	struct rig *rig = rig_begin("", "tls: {mode: optional}", scripts);

	(void)state;
	set(rig, &(struct scene){ .open = true, .dane = HOST_DANE_TLS });
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0),
	        "open.example: it does not offer STARTTLS, which its signed TLSA records"));
	rig_stop(rig);
	assert_null(strstr(rig->server.heard, "MAIL"));
	rig_destroy(rig);
}

static void secure_with(struct office *office, const char *of, enum tls_auth wanted)
{
	static const char *const scripts[] = { SECURE OFFER ALL MESSAGE TAKEN BYE, NULL };
	static const char *const refused[] = {
		GREET ONLY "STARTTLS\n< STARTTLS\n> 220 2.0.0 go\ntls!\n", NULL
	};
	struct rig *rig = office->rig;
	struct dispatch_route *route;
	char record[CERTIFICATES_TLSA_BYTES];

	server_start(&rig->server, wanted == TLS_AUTH_NONE ? refused : scripts);
	rig_init_with(rig, "", "tls: {mode: optional, verify: false}", NULL, &office->keeper);
	set(rig, &(struct scene){ .open = true });
	route = &rig->delivery.dispatch.routes[0];
	const size_t bytes = certificates_tlsa(of, 3, 1, 1, record);
	assert_true(hosts_add_tlsa(&hosts, view_from(record, bytes)));
	memcpy(hosts.list[0].base, "open.example", sizeof "open.example");
	target_set(&route->target, &hosts, &rig->delivery.shard.random);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
}

/* Whatever the route says of certificates, the records decide. */
static void test_records_match(void **state)
{
	struct office *office = *state;

	secure_with(office, office->leaf, TLS_AUTH_DANE_EE);
	rig_assert_outcomes(office->rig, 0, "D");
}

static void test_records_do_not_match(void **state)
{
	struct office *office = *state;

	secure_with(office, office->certificates.authority, TLS_AUTH_NONE);
	rig_assert_outcomes(office->rig, 0, "F");
	assert_non_null(strstr(
	        rig_reply(office->rig, 0, 0), "matches none of the TLSA records of open.example"));
	rig_stop(office->rig);
	assert_null(strstr(office->rig->server.heard, "MAIL"));
}

/* DNS says something else while a session is on its way: no policy that is out of date is used. */
static void test_a_host_that_went(void **state)
{
	static const char *const scripts[] = { GREET OFFER ALL "end\n", NULL };
	struct rig *rig = rig_begin("", "tls: {mode: optional}", scripts);
	struct dispatch *dispatch = &rig->delivery.dispatch;

	(void)state;
	set(rig, &(struct scene){ .open = true });
	rig_post(rig, "x\r\n");
	while (atomic_load(&rig->counters.sessions_opened) == 0)
		rig_turn(rig);
	set(rig, &(struct scene){ .closed = 1 });
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	rig_stop(rig);
	assert_null(strstr(rig->server.heard, "MAIL"));
	assert_int_equal(dispatch->sessions.taken, 0);
	rig_destroy(rig);
}

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, office_open, office_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_one),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_all_are_avoided),
		cmocka_unit_test(test_trusted_by_what_it_took),
		cmocka_unit_test(test_tries_are_bounded),
		cmocka_unit_test(test_records_ask_for_tls),
		cmocka_unit_test(test_a_host_that_went),
		OFFICE_TEST(test_records_match),
		OFFICE_TEST(test_records_do_not_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
