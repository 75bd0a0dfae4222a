/* Names become addresses: literal ones, of the hosts file, of a name server that the test plays. */
#include "engine/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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
};

/* Answers queries for two.example (two addresses of each family), v4.example (one of IPv4), and
 * says of all else that there is no such name. */
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
	const bool two = memcmp(packet + 12, "\3two\7example", 13) == 0;
	const bool four = memcmp(packet + 12, "\2v4\7example", 12) == 0;
	bytes = at + 5; /* without what EDNS added */
	packet[2] = 0x85;
	packet[3] = two || four ? 0x80 : 0x83;
	memset(packet + 6, 0, 6);
	if ((two && type == 28) || (type == 1 && (two || four)))
		count = two ? 2 : 1;
	packet[7] = (unsigned char)count;
	for (size_t i = 0; i < count; i++) {
		const size_t length = type == 28 ? sizeof ipv6 : sizeof ipv4;
		const unsigned char head[] = { 0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 77,
			0, (unsigned char)length };
		memcpy(packet + bytes, head, sizeof head);
		bytes += sizeof head;
		memcpy(packet + bytes, type == 28 ? ipv6 : ipv4, length);
		bytes += length;
		packet[bytes - 1] += (unsigned char)i;
	}
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
		if (bytes > 12)
			(void)sendto(fixture->socket, packet, answer(packet, (size_t)bytes), 0,
			        (void *)&from, from_bytes);
	}
	return NULL;
}

static int begin(void **state)
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
	assert_false(failed(helper_start(&fixture->resolver.helper)));
	*state = fixture;
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

static struct resolver_ask *look_up(struct fixture *fixture, const char *host)
{
	struct helper_ask *answered = NULL;

	fixture->ask.host = host;
	fixture->ask.port = 25;
	helper_ask(&fixture->resolver.helper, 0, &fixture->ask.ask);
	while (answered == NULL) {
		loop_begin(&fixture->loop);
		loop_run_completions(&fixture->loop, 64);
		answered = helper_answered(&fixture->resolver.helper, 0);
		if (answered == NULL)
			loop_end(&fixture->loop);
	}
	return &fixture->ask;
}

static void assert_address(const struct resolver_ask *ask, size_t at, const char *wanted)
{
	char memory[ENDPOINT_TEXT_BYTES];
	struct text text = TEXT_ON(memory);

	assert_true(at < ask->count);
	endpoint_format(&text, &ask->addresses[at]);
	assert_string_equal(text_string(&text), wanted);
}

static void test_literal(void **state)
{
	struct resolver_ask ask = { .host = "127.0.0.1", .port = 2525 };

	(void)state;
	assert_true(resolver_literal(&ask));
	assert_int_equal(ask.count, 1);
	assert_address(&ask, 0, "127.0.0.1:2525");
	ask.host = "::1";
	assert_true(resolver_literal(&ask));
	assert_address(&ask, 0, "[::1]:2525");
	ask.host = "mail.example";
	assert_false(resolver_literal(&ask));
}

static void test_hosts_file(void **state)
{
	const struct resolver_ask *ask = look_up(*state, "known.example");

	assert_int_equal(ask->count, 1);
	assert_address(ask, 0, "192.0.2.9:25");
}

static void test_both_families_alternate(void **state)
{
	const struct resolver_ask *ask = look_up(*state, "two.example");

	assert_int_equal(ask->count, 4);
	assert_true(endpoint_is_ipv4(&ask->addresses[1]));
	assert_true(endpoint_is_ipv4(&ask->addresses[3]));
	assert_false(endpoint_is_ipv4(&ask->addresses[0]));
	assert_false(endpoint_is_ipv4(&ask->addresses[2]));
	assert_true(ask->ttl_s <= 77);
	assert_false(ask->secure);
}

static void test_one_family(void **state)
{
	const struct resolver_ask *ask = look_up(*state, "v4.example");

	assert_int_equal(ask->count, 1);
	assert_address(ask, 0, "192.0.2.1:25");
}

static void test_no_such_name(void **state)
{
	const struct resolver_ask *ask = look_up(*state, "nobody.example");

	assert_int_equal(ask->count, 0);
	assert_string_equal(ask->why, "no such name");
	/* And the next answer is not spoiled by it. */
	ask = look_up(*state, "v4.example");
	assert_int_equal(ask->count, 1);
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
		cmocka_unit_test_setup_teardown(test_no_such_name, begin, end),
		cmocka_unit_test(test_wrong_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
