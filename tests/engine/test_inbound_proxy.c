#include "tests/engine/ingest_client.h"

#include "tests/engine/log_bench.h"

static struct house house;

static const struct config_network documentation = {
	.address = { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2 },
	.prefix_bits = 120,
};

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
/* For 192.0.2.`last`, or another address, and its port 43981. */
#define SAYS(address)   SIGNATURE "\x21\x11\x00\x0c" address "\x0a\x00\x00\x01\xab\xcd\x00\x19"
#define SAYS_FRIEND     SAYS("\xc0\x00\x02\x07")
#define SAYS_LOOPBACK   SAYS("\x7f\x00\x00\x01")
#define SAYS_SIX        SIGNATURE "\x21\x21\x00\x24" SIX SIX "\x01\x02\x00\x19"
#define SIX             "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"
#define SAYS_MAPPED     SIGNATURE "\x21\x21\x00\x24" MAPPED SIX "\x01\x02\x00\x19"
#define MAPPED          "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x07"
#define SAYS_ITSELF     SIGNATURE "\x20\x00\x00\x00"
#define SAYS_NO_ADDRESS SIGNATURE "\x21\x00\x00\x00"

/* A door for a proxy on loopback, and one that knows none; 192.0.2.0/24 may relay at both. */
static void prepare(void)
{
	house_prepare(&house);
	house.config.listeners.count = 2;
	for (size_t i = 0; i < 2; i++)
		house.listeners[i].allow = (struct config_networks){ &documentation, 1 };
	house.listeners[0].proxy = (struct config_networks){ &house_loopback, 1 };
}

struct said {
	struct view header;
	const char *hello; /* in the reply to EHLO */
	const char *rcpt;
};

static const struct said says[] = {
	{ VIEW_INIT(SAYS_FRIEND), "Hello [192.0.2.7]", "250 2.1.5" },
	{ VIEW_INIT(SAYS_MAPPED), "Hello [192.0.2.7]", "250 2.1.5" },
	{ VIEW_INIT(SAYS_LOOPBACK), "Hello [127.0.0.1]", "550 5.7.1" },
	{ VIEW_INIT(SAYS_SIX), "Hello [2001:db8::7]", "550 5.7.1" },
	{ VIEW_INIT(SAYS_ITSELF), "Hello [127.0.0.1]", "550 5.7.1" },
	{ VIEW_INIT(SAYS_NO_ADDRESS), "Hello [127.0.0.1]", "550 5.7.1" },
};

#define ENVELOPE      "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
#define ENVELOPE_LAST 11 /* lines of the greeting, and of the replies to those */

/* Whoever is said to be there is there; in pieces of any size, the client's words right behind. */
static void the_address_said_counts(void **state)
{
	(void)state;
	prepare();
	house_open(&house);
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
		for (size_t step = 1; step < 128; step += 42) {
			char memory[256];
			struct text text = TEXT_ON(memory);
			int fd = house_dial(&house, 0);
			text_put(&text, says[i].header);
			text_put(&text, VIEW(ENVELOPE));
			for (size_t at = 0; at < text.bytes; at += step) {
				house_send(&house, fd,
				        view_first(view_skip(text_view(&text), at), step));
				house_turn(&house);
			}
			const char *got = house_ask(&house, fd, "", ENVELOPE_LAST);
			assert_memory_equal(got, "220 relay.test ", 15);
			assert_non_null(strstr(got, says[i].hello));
			assert_non_null(strstr(got, says[i].rcpt));
			close(fd);
		}
	}
	house_close(&house);
}

static void the_address_said_is_written(void **state)
{
	(void)state;
	struct log_bench bench =
	        log_bench_setup((struct logger_options){ .level = LOG_INFO, .json = false });

	prepare();
	house.log = bench.log;
	house_open(&house);
	int fd = house_dial(&house, 0);
	house_send(&house, fd, VIEW(SAYS_FRIEND));
	(void)house_ask(&house, fd, ENVELOPE, ENVELOPE_LAST);
	(void)house_ask(&house, fd, "BDAT 6 LAST\r\nA: b\r\n", 1);
	assert_int_equal(house.mail_count, 1);
	assert_non_null(strstr(house.mail[0].body, "Received: from x ([192.0.2.7])\r\n"));
	close(fd);
	house_turn_some(&house);
	house_close(&house);
	const char *log = log_bench_drained(&bench);
	assert_non_null(strstr(log, "event=connected client=192.0.2.7:43981 proxy=127.0.0.1:"));
	assert_non_null(strstr(log, " client=192.0.2.7 protocol=ESMTP"));
	assert_null(strstr(log, "client=127.0.0.1"));
	log_bench_teardown(&bench);
}

/* Not a byte is said to them, and the log has the reason. */
static void what_is_no_header_ends_the_connection(void **state)
{
	static const struct {
		struct view say;
		const char *reason;
	} rows[] = {
		{ VIEW_INIT("EHLO x\r\n"), "it says something else than a PROXY header" },
		{ VIEW_INIT("PROXY TCP4 192.0.2.7 10.0.0.1 43981 25\r\nEHLO x\r\n"),
		        "it speaks version 1" },
		{ VIEW_INIT(SIGNATURE "\x21\x11\xff\xff"), "is too long" },
		{ VIEW_INIT(SIGNATURE "\x21\x11\x00\x04\xc0\x00\x02\x07"), "too short" },
		{ VIEW_INIT(SIGNATURE "\x22\x11\x00\x0c"), "unknown command" },
		{ VIEW_INIT("\x16\x03\x01\x02\x00"), "something else" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char memory[64];
		struct text got = TEXT_ON(memory);
		struct log_bench bench = log_bench_setup(
		        (struct logger_options){ .level = LOG_INFO, .json = false });

		prepare();
		house.log = bench.log;
		house_open(&house);
		int fd = house_dial(&house, 0);
		house_send(&house, fd, rows[i].say);
		house_await_end(&house, fd, &got);
		assert_int_equal(got.bytes, 0);
		close(fd);
		house_turn_some(&house);
		assert_int_equal(house.counters.connections_refused, 1);
		house_close(&house);
		const char *log = log_bench_drained(&bench);
		const char *line = strstr(log, "event=proxy_refused level=warning proxy=127.0.0.1");
		assert_non_null(line);
		assert_non_null(strstr(line, rows[i].reason));
		assert_non_null(strstr(log, "event=closed reason=\""));
		assert_null(strstr(log, "event=connected"));
		log_bench_teardown(&bench);
	}
}

static void who_leaves_within_the_header_was_never_there(void **state)
{
	(void)state;
	prepare();
	house_open(&house);
	for (size_t bytes = 0; bytes < 28; bytes += 9) {
		char memory[64];
		struct text got = TEXT_ON(memory);
		int fd = house_dial(&house, 0);
		house_send(&house, fd, view_first(VIEW(SAYS_FRIEND), bytes));
		house_turn_some(&house);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		house_await_end(&house, fd, &got);
		assert_int_equal(got.bytes, 0);
		assert_int_equal(doorman_count(house.doors->doorman), 0);
		close(fd);
	}
	house_close(&house);
}

/* From elsewhere it is garbage, and the client stays who it is. */
static void nobody_else_says_who_it_is(void **state)
{
	(void)state;
	for (size_t repair = 0; repair < 2; repair++) {
		prepare();
		house.listeners[1].bare_lf = repair == 1 ? BARE_LF_REPAIR : BARE_LF_REFUSE;
		house_open(&house);
		char memory[2048];
		struct text got = TEXT_ON(memory);
		int fd = house_dial(&house, 1);
		house_send(&house, fd, VIEW(SAYS_FRIEND "\r\n" ENVELOPE "QUIT\r\n"));
		house_await_end(&house, fd, &got);
		assert_memory_equal(got.data, "220 relay.test ", 15);
		assert_non_null(strstr(text_string(&got), "\n500 5.5.2 "));
		assert_null(strstr(text_string(&got), "192.0.2.7"));
		assert_null(strstr(text_string(&got), "\n250 2.1.5"));
		close(fd);
		house_turn_some(&house);
		house_close(&house);
	}
}

/* One that is full shuts out nobody else behind the same proxy. */
static void limits_are_those_of_the_address_said(void **state)
{
	(void)state;
	prepare();
	house.config.limits.connections_per_client = 1;
	house_open(&house);
	int fds[4];
	static const struct {
		struct view header;
		const char *greeting;
	} rows[] = {
		{ VIEW_INIT(SAYS_FRIEND), "220 " },
		{ VIEW_INIT(SAYS_FRIEND), "421 4.3.2 Too many connections from your address" },
		{ VIEW_INIT(SAYS_SIX), "220 " },
		{ VIEW_INIT(SAYS_MAPPED), "421 4.3.2 Too many connections from your address" },
	};
	for (size_t i = 0; i < 4; i++) {
		fds[i] = house_dial(&house, 0);
		house_send(&house, fds[i], rows[i].header);
		const char *got = house_ask(&house, fds[i], "", 1);
		assert_memory_equal(got, rows[i].greeting, strlen(rows[i].greeting));
	}
	assert_int_equal(doorman_count(house.doors->doorman), 2);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
	house_turn_until(&house, doorman_count(house.doors->doorman) == 0);
	/* It has left: its place is free. */
	int fd = house_dial(&house, 0);
	house_send(&house, fd, VIEW(SAYS_FRIEND));
	assert_memory_equal(house_ask(&house, fd, "", 1), "220 ", 4);
	close(fd);
	house_close(&house);
}

/* The shard drains while a header is awaited: nothing is left hanging. */
static void a_header_that_never_comes_stops_no_drain(void **state)
{
	(void)state;
	const struct letter drain = { .kind = LETTER_DRAIN };

	prepare();
	house_open(&house);
	int fd = house_dial(&house, 0);
	house_send(&house, fd, view_first(VIEW(SAYS_FRIEND), 5));
	house_turn_until(&house, house.ingest.sessions.count == 1);
	house_give(&house, &drain);
	house_turn_until(&house, house.drained);
	close(fd);
	house_close(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_address_said_counts),
		cmocka_unit_test(the_address_said_is_written),
		cmocka_unit_test(what_is_no_header_ends_the_connection),
		cmocka_unit_test(who_leaves_within_the_header_was_never_there),
		cmocka_unit_test(nobody_else_says_who_it_is),
		cmocka_unit_test(limits_are_those_of_the_address_said),
		cmocka_unit_test(a_header_that_never_comes_stops_no_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
