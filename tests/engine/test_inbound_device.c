#include "engine/inbound_device.h"

#include "tests/engine/ingest_client.h"
#include "tests/engine/log_bench.h"

static struct house house;
static struct log_bench bench;

static const struct config_network elsewhere = { .address = { 0x20, 0x01 }, .prefix_bits = 16 };

/* Nobody, whom no profile knows; loopback by `first`; a second that would let all in. */
static struct config_old_device devices[3];

static void begin(struct config_old_device first)
{
	house_prepare(&house);
	bench = log_bench_setup(logger_options_default());
	house.log = bench.log;
	devices[0] = (struct config_old_device){ .name = "nobody",
		.networks = { &elsewhere, 1 },
		.tolerant = true,
		.bare_lf = BARE_LF_REPAIR };
	devices[1] = first;
	devices[1].name = "scanner 3";
	devices[1].networks = (struct config_networks){ &house_loopback, 1 };
	devices[2] = devices[0];
	devices[2].networks = devices[1].networks;
	house.listeners[0].old_devices = (struct config_old_devices){ devices, 3 };
	/* One that knows no old devices. */
	house.config.listeners.count = 2;
}

static void end(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	house_close(&house);
	log_bench_teardown(&bench);
}

static size_t uses(const char *used)
{
	return log_bench_count(log_bench_drained(&bench), used);
}

#define SAY(fd, text, begins)                                                                      \
	do {                                                                                       \
		const char *got_ = house_ask(&house, (fd), (text), 1);                             \
		if (strncmp(got_, (begins), strlen(begins)) != 0)                                  \
			fail_msg("after %s wanted %s, got %s", (text), (begins), got_);            \
	} while (0)

static int dial(size_t door)
{
	const int fd = house_dial(&house, door);

	SAY(fd, "", "220 ");
	return fd;
}

static void tolerated_grammar(void **state)
{
	(void)state;
	begin((struct config_old_device){ .tolerant = true });
	house_open(&house);
	/* Elsewhere, and on what is no command of a device, all is as ever. */
	int fd = dial(1);
	SAY(fd, "MAIL FROM <a@b.test>\r\n", "503 5.5.1 Say EHLO");
	SAY(fd, "HELO\r\n", "501 5.5.4");
	SAY(fd, "HELO x\r\n", "250");
	SAY(fd, "MAIL FROM <a@b.test>\r\n", "501 5.5.4");
	close(fd);
	fd = dial(0);
	SAY(fd, "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say EHLO");
	SAY(fd, "DATA\r\n", "503");
	SAY(fd, "MAILFROM:<a@b.test>\r\n", "250 2.1.0");
	SAY(fd, "RCPT TO Joe <c@d.test>\r\n", "250 2.1.5");
	SAY(fd, "RCPT TO nobody\r\n", "501 5.5.4 Syntax: RCPT");
	SAY(fd, "DATA\r\n", "354");
	SAY(fd, "A: b\r\n\r\nMAIL FROM <x@y.test>\r\n.\r\n", "250 2.0.0 queued");
	assert_int_equal(house.mail_count, 1);
	assert_string_equal(house.mail[0].sender, "a@b.test");
	assert_non_null(strstr(house.mail[0].body, "from [127.0.0.1] "));
	SAY(fd, "EHLO\r\n", "250-relay.test Hello");
	SAY(fd, "POST / HTTP/1.1\r\n", "421 4.7.0");
	assert_int_equal(uses("event=old_device name=\"scanner 3\" client=127.0.0.1:"), 1);
	assert_int_equal(uses("used=tolerant"), 1);
	end(fd);
}

static void repaired_line_ends(void **state)
{
	(void)state;
	begin((struct config_old_device){ .bare_lf = BARE_LF_REPAIR });
	house_open(&house);
	int fd = dial(1);
	SAY(fd, "HELO x\n", "500 5.5.2");
	close(fd);
	/* In the content alone; in a chunk alone; and in commands. */
	for (int way = 0; way < 3; way++) {
		fd = dial(0);
		SAY(fd, way == 2 ? "HELO x\n" : "HELO x\r\n", "250");
		SAY(fd, "MAIL FROM:<a@b.test>\r\n", "250");
		SAY(fd, "RCPT TO:<c@d.test>\r\n", "250");
		if (way == 1) {
			SAY(fd, "BDAT 9 LAST\r\nA: b\n\nx\r\n", "250 2.0.0 queued");
		} else {
			SAY(fd, "DATA\r\n", "354");
			SAY(fd, way == 0 ? "A: b\n\nx\n.\nx\r\n.\r\n" : "A: b\r\n\r\nx\r\n.\r\n",
			        "250 2.0.0 queued");
		}
		assert_int_equal(uses("used=bare_lf"), way + 1);
		close(fd);
	}
	fd = dial(0);
	SAY(fd, "HELO x\r\n", "250");
	SAY(fd, "MAILFROM:<a@b.test>\r\n", "500");
	assert_int_equal(uses("event=old_device"), 3);
	end(fd);
}

/* What everybody may is no use of a profile, and what a profile refuses is refused. */
static void what_the_listener_allows_is_not_logged(void **state)
{
	(void)state;
	begin((struct config_old_device){ .bare_lf = BARE_LF_REPAIR });
	house.listeners[0].bare_lf = BARE_LF_REPAIR;
	house_open(&house);
	int fd = dial(0);
	SAY(fd, "HELO x\n", "250");
	assert_int_equal(uses("event=old_device"), 0);
	end(fd);
	begin((struct config_old_device){ .bare_lf = BARE_LF_REFUSE });
	house.listeners[0].bare_lf = BARE_LF_REPAIR;
	house_open(&house);
	fd = dial(0);
	SAY(fd, "HELO x\n", "500 5.5.2");
	end(fd);
}

#define RIGHT "AGFubmEAc2VjcmV0" /* \0anna\0secret */

static void sign_in_without_tls(void **state)
{
	(void)state;
	begin((struct config_old_device){ .auth_without_tls = true });
	house_add_users(&house, &house.listeners[0]);
	house.listeners[1].users_file = house.users_path;
	house_open(&house);
	int fd = dial(1);
	assert_null(strstr(house_ask(&house, fd, "EHLO x\r\n", 8), "AUTH"));
	SAY(fd, "AUTH PLAIN " RIGHT "\r\n", "538 5.7.11");
	close(fd);
	fd = dial(0);
	assert_non_null(strstr(house_ask(&house, fd, "EHLO x\r\n", 9), "250-AUTH PLAIN LOGIN"));
	assert_int_equal(uses("event=old_device"), 0);
	SAY(fd, "AUTH PLAIN " RIGHT "\r\n", "235 2.7.0");
	assert_int_equal(uses("used=auth_without_tls"), 1);
	end(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerated_grammar),
		cmocka_unit_test(repaired_line_ends),
		cmocka_unit_test(what_the_listener_allows_is_not_logged),
		cmocka_unit_test(sign_in_without_tls),
	};

	return cmocka_run_group_tests_name("inbound_device", tests, NULL, NULL);
}
