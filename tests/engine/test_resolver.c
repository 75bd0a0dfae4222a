/* Names become hosts: literal ones, of the hosts file, of a name server that the test plays. */
#include "engine/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct resolver resolver;
	char hosts[32];
	char server[32]; /* 127.0.0.1@port */
	const char *servers[1];
	int socket;
	atomic_bool stopping;
	pthread_t thread;
	struct resolver_ask ask;
	struct timer tick;
};

#define MX   15
#define AAAA 28
#define A    1

static bool is_about(const unsigned char *packet, const char *name, size_t bytes)
{
	return memcmp(packet + 12, name, bytes) == 0;
}

#define IS_ABOUT(name) is_about(packet, name, sizeof name)

static size_t put_record(
        unsigned char *packet, size_t at, unsigned type, const void *data, size_t data_bytes)
{
	const unsigned char head[] = { 0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 77, 0,
		(unsigned char)data_bytes };

	memcpy(packet + at, head, sizeof head);
	memcpy(packet + at + sizeof head, data, data_bytes);
	packet[7]++;
	return at + sizeof head + data_bytes;
}

/* Answers queries for two.example (two addresses of each family), v4.example (one of IPv4),
 * mx.example (v4 and two by MX), null.example (a null MX), broken.example (SERVFAIL),
 * silent.example (not at all); and says of all else that there is no such name. */
static size_t answer(unsigned char *packet, size_t bytes)
{
	static const unsigned char ipv6[] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 1 };
	static const unsigned char ipv4[] = { 192, 0, 2, 1 };
	size_t at = 12;
	size_t count = 0;

	while (at < bytes && packet[at] != 0)
		at += packet[at] + 1U;
	if (at + 5 > bytes)
		return 0;
	const unsigned type = packet[at + 2];
	const bool two = IS_ABOUT("\3two\7example");
	const bool four = IS_ABOUT("\2v4\7example");
	const bool mx = IS_ABOUT("\2mx\7example");
	const bool null = IS_ABOUT("\4null\7example");
	if (IS_ABOUT("\6silent\7example"))
		return 0;
	bytes = at + 5; /* without what EDNS added */
	packet[2] = 0x85;
	packet[3] = two || four || mx || null ? 0x80 : 0x83;
	if (IS_ABOUT("\6broken\7example"))
		packet[3] = 0x82;
	memset(packet + 6, 0, 6);
	if ((two && type == AAAA) || (type == A && (two || four)))
		count = two ? 2 : 1;
	for (size_t i = 0; i < count; i++) {
		bytes = put_record(packet, bytes, type, type == AAAA ? ipv6 : ipv4,
		        type == AAAA ? sizeof ipv6 : sizeof ipv4);
		packet[bytes - 1] += (unsigned char)i;
	}
	if (mx && type == MX) {
		/* The second ends in a compression pointer, to the example of the question. */
		static const char worse[] = "\0\24\3two\7example";
		static const char best[] = "\0\12\2v4\xc0\x0f";
		bytes = put_record(packet, bytes, MX, worse, sizeof worse);
		bytes = put_record(packet, bytes, MX, best, sizeof best - 1);
	}
	if (null && type == MX)
		bytes = put_record(packet, bytes, MX, "\0\0", 3);
	return bytes;
}

static void *serve(void *argument)
{
	struct fixture *fixture = argument;
	unsigned char packet[2048];

	while (!atomic_load(&fixture->stopping)) {
		struct pollfd poll_fd = { .fd = fixture->socket, .events = POLLIN };
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof from;

		if (poll(&poll_fd, 1, 20) <= 0)
			continue;
		const ssize_t bytes =
		        recvfrom(fixture->socket, packet, 512, 0, (void *)&from, &from_bytes);
		const size_t answer_bytes = bytes > 12 ? answer(packet, (size_t)bytes) : 0;
		if (answer_bytes > 0)
			(void)sendto(fixture->socket, packet, answer_bytes, 0, (void *)&from,
			        from_bytes);
	}
	return NULL;
}

static int begin_unstarted(void **state)
{
	static const struct io_settings settings = { 64, 1, 4096 };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t at_bytes = sizeof at;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(fixture);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fixture->socket = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fixture->socket, (void *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fixture->socket, (void *)&at, &at_bytes), 0);
	(void)snprintf(fixture->server, sizeof fixture->server, "127.0.0.1@%u", ntohs(at.sin_port));
	(void)snprintf(fixture->hosts, sizeof fixture->hosts, "hosts-%d", (int)getpid());
	FILE *hosts = fopen(fixture->hosts, "w");
	assert_non_null(hosts);
	assert_true(fputs("192.0.2.9 known.example\n", hosts) >= 0);
	assert_int_equal(fclose(hosts), 0);
	assert_int_equal(pthread_create(&fixture->thread, NULL, serve, fixture), 0);

	fixture->servers[0] = fixture->server;
	const struct config_dns dns = {
		.servers = { fixture->servers, 1 },
		.hosts = fixture->hosts,
	};
	assert_false(failed(depot_create(&fixture->depot, 1 << 20)));
	if (failed(resolver_init(&fixture->resolver, &dns, fixture->depot, &why)))
		fail_msg("%s", text_string(&why));
	shelf_init(&fixture->shelf, fixture->depot);
	assert_false(failed(loop_init(&fixture->loop, &settings, &fixture->shelf, &why)));
	loop_start(&fixture->loop);
	assert_false(failed(helper_join(&fixture->resolver.helper, 0, &fixture->loop, 1)));
	*state = fixture;
	return 0;
}

static int begin(void **state)
{
	(void)begin_unstarted(state);
	struct fixture *fixture = *state;
	assert_false(failed(resolver_start(&fixture->resolver)));
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	helper_stop(&fixture->resolver.helper);
	helper_leave(&fixture->resolver.helper, 0, &fixture->loop);
	resolver_finish(&fixture->resolver);
	loop_finish(&fixture->loop);
	shelf_finish(&fixture->shelf);
	depot_destroy(fixture->depot);
	atomic_store(&fixture->stopping, true);
	assert_int_equal(pthread_join(fixture->thread, NULL), 0);
	assert_int_equal(close(fixture->socket), 0);
	(void)remove(fixture->hosts);
	free(fixture);
	return 0;
}

static struct lookup *look_up_by(struct fixture *fixture, const char *name, bool mx)
{
	struct helper_ask *answered = NULL;

	fixture->ask.lookup.name = name;
	fixture->ask.lookup.mx = mx;
	fixture->ask.lookup.port = 25;
	fixture->ask.lookup.dane = ROUTE_DANE_AUTO;
	helper_ask(&fixture->resolver.helper, 0, &fixture->ask.ask);
	while (answered == NULL) {
		loop_begin(&fixture->loop);
		loop_run_completions(&fixture->loop, 64);
		answered = helper_answered(&fixture->resolver.helper, 0);
		if (answered == NULL)
			loop_end(&fixture->loop);
	}
	return &fixture->ask.lookup;
}

static struct lookup *look_up(struct fixture *fixture, const char *host)
{
	return look_up_by(fixture, host, false);
}

static void assert_address(const struct lookup *lookup, size_t at, const char *wanted)
{
	char memory[ENDPOINT_TEXT_BYTES];
	struct text text = TEXT_ON(memory);

	assert_true(at < lookup->hosts.address_count);
	endpoint_format(&text, &lookup->hosts.addresses[at].endpoint);
	assert_string_equal(text_string(&text), wanted);
}

static void test_literal(void **state)
{
	static struct lookup lookup = { .name = "127.0.0.1", .port = 2525 };

	(void)state;
	assert_true(resolver_literal(&lookup));
	assert_int_equal(lookup.hosts.address_count, 1);
	assert_address(&lookup, 0, "127.0.0.1:2525");
	assert_string_equal(lookup.hosts.list[0].name, "127.0.0.1");
	lookup.name = "::1";
	assert_true(resolver_literal(&lookup));
	assert_int_equal(lookup.hosts.address_count, 1);
	assert_address(&lookup, 0, "[::1]:2525");
	lookup.name = "mail.example";
	assert_false(resolver_literal(&lookup));
	/* A domain is a name, whatever it looks like. */
	lookup.name = "192.0.2.1";
	lookup.mx = true;
	assert_false(resolver_literal(&lookup));
}

static void test_hosts_file(void **state)
{
	const struct lookup *lookup = look_up(*state, "known.example");

	assert_int_equal(lookup->hosts.address_count, 1);
	assert_address(lookup, 0, "192.0.2.9:25");
	assert_false(lookup->secure);
}

static void test_both_families_alternate(void **state)
{
	const struct lookup *lookup = look_up(*state, "two.example");
	const struct host_address *addresses = lookup->hosts.addresses;

	assert_int_equal(lookup->hosts.address_count, 4);
	assert_true(endpoint_is_ipv4(&addresses[1].endpoint));
	assert_true(endpoint_is_ipv4(&addresses[3].endpoint));
	assert_false(endpoint_is_ipv4(&addresses[0].endpoint));
	assert_false(endpoint_is_ipv4(&addresses[2].endpoint));
	assert_true(lookup->ttl_s <= 77);
	assert_false(lookup->secure);
}

static void test_one_family(void **state)
{
	const struct lookup *lookup = look_up(*state, "v4.example");

	assert_int_equal(lookup->hosts.address_count, 1);
	assert_address(lookup, 0, "192.0.2.1:25");
}

static void test_failures(void **state)
{
	const struct lookup *lookup = look_up(*state, "nobody.example");

	assert_int_equal(lookup->hosts.address_count, 0);
	assert_string_equal(lookup->why, "address of nobody.example: there is no such name");
	lookup = look_up(*state, "broken.example");
	assert_string_equal(
	        lookup->why, "address of broken.example: the name server failed (SERVFAIL)");
	lookup = look_up_by(*state, "broken.example", true);
	assert_string_equal(lookup->why, "MX of broken.example: the name server failed (SERVFAIL)");
	lookup = look_up_by(*state, "null.example", true);
	assert_non_null(strstr(lookup->why, "takes no mail"));
	assert_true(lookup->final);
	/* A name that DNS can't be asked for. */
	lookup = look_up(*state, "a..b");
	assert_int_equal(lookup->hosts.address_count, 0);
	assert_true(lookup->why[0] != '\0');
	/* And the next answer is not spoiled by it. */
	lookup = look_up(*state, "v4.example");
	assert_int_equal(lookup->hosts.address_count, 1);
}

static void test_mx(void **state)
{
	const struct lookup *lookup = look_up_by(*state, "mx.example", true);

	assert_string_equal(lookup->why, "");
	assert_int_equal(lookup->hosts.count, 2);
	assert_string_equal(lookup->hosts.list[0].name, "v4.example");
	assert_int_equal(lookup->hosts.list[0].preference, 10);
	assert_string_equal(lookup->hosts.list[1].name, "two.example");
	assert_int_equal(lookup->hosts.address_count, 5);
	assert_address(lookup, 0, "192.0.2.1:25");
	/* Without MX records it is its own host. */
	lookup = look_up_by(*state, "v4.example", true);
	assert_int_equal(lookup->hosts.count, 1);
	assert_string_equal(lookup->hosts.list[0].name, "v4.example");
}

/* Keeps a loop from waiting. */
static void on_tick(struct timer *timer)
{
	struct fixture *fixture = container_of(timer, struct fixture, tick);

	loop_timer_after(&fixture->resolver.helper.loop, timer, NS_PER_MS);
}

/* Whoever asks is answered in time, though the servers say nothing. */
static void test_silence(void **state)
{
	struct fixture *fixture = *state;
	struct helper *helper = &fixture->resolver.helper;

	loop_start(&helper->loop);
	fixture->tick.expired = on_tick;
	on_tick(&fixture->tick);
	fixture->ask.lookup.name = "silent.example";
	helper_ask(helper, 0, &fixture->ask.ask);
	do
		resolver_turn(helper);
	while (fixture->ask.lookup.open == 0);
	assert_null(helper_answered(helper, 0));
	assert_true(fixture->ask.until.ns > clock_mono().ns);
	fixture->ask.until = clock_mono();
	resolver_turn(helper);
	assert_ptr_equal(helper_answered(helper, 0), &fixture->ask.ask);
	assert_string_equal(fixture->ask.lookup.why,
	        "address of silent.example: no name server answered in time");
	assert_true(list_is_empty(&fixture->resolver.asks));
	/* The library has let go of it: what comes later is for nobody. */
	for (int i = 0; i < 3; i++) {
		struct resolver_ask *ask = &fixture->ask;
		*ask = (struct resolver_ask){ .lookup = { .name = "v4.example" } };
		helper_ask(helper, 0, &ask->ask);
		do
			resolver_turn(helper);
		while (helper_answered(helper, 0) == NULL);
		assert_int_equal(ask->lookup.hosts.address_count, 1);
	}
	loop_timer_stop(&helper->loop, &fixture->tick);
}

/* Where the first lookup found none, libevent ended the process. */
static void test_no_descriptors(void **state)
{
	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	const struct rlimit none = { .rlim_cur = 3, .rlim_max = files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	const struct lookup *lookup = look_up(*state, "known.example");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_address(lookup, 0, "192.0.2.9:25");
	/* And one that has to be asked for, once there are some. */
	assert_int_equal(look_up(*state, "two.example")->hosts.address_count, 4);
}

static void test_wrong_settings(void **state)
{
	static const char *const servers[] = { "not an address" };
	const struct config_dns wrong_server = { .servers = { servers, 1 } };
	const struct config_dns wrong_hosts = { .hosts = "no-such-file" };
	const struct config_dns *const wrong[] = { &wrong_server, &wrong_hosts };
	struct depot *depot;

	(void)state;
	assert_false(failed(depot_create(&depot, 1 << 20)));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct resolver *resolver = calloc(1, sizeof *resolver);
		char sentence[256];
		struct text why = TEXT_ON(sentence);

		assert_non_null(resolver);
		assert_true(failed(resolver_init(resolver, wrong[i], depot, &why)));
		assert_true(why.bytes > 0);
		resolver_finish(resolver);
		free(resolver);
	}
	depot_destroy(depot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literal),
		cmocka_unit_test_setup_teardown(test_hosts_file, begin, end),
		cmocka_unit_test_setup_teardown(test_both_families_alternate, begin, end),
		cmocka_unit_test_setup_teardown(test_one_family, begin, end),
		cmocka_unit_test_setup_teardown(test_failures, begin, end),
		cmocka_unit_test_setup_teardown(test_mx, begin, end),
		cmocka_unit_test_setup_teardown(test_silence, begin_unstarted, end),
		cmocka_unit_test_setup_teardown(test_no_descriptors, begin, end),
		cmocka_unit_test(test_wrong_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
