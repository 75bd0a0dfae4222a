/* Recipients that no route can take, at RCPT and at the end of the data. */
#include "engine/config_report.h"
#include "tests/engine/ingest_client.h"

static struct house house;
static struct config *loaded;

static void open_with(const char *text)
{
	struct config_report report;

	config_report_init(&report);
	if (failed(config_load_text(&loaded, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(loaded);
	house_prepare(&house);
	house.config.routes = loaded->routes;
	house.config.rules = loaded->rules;
	house.config.accepted_domains = loaded->accepted_domains;
	house.config.rulebook = loaded->rulebook;
	house_open(&house);
}

static void close_all(void)
{
	house_close(&house);
	config_destroy(MOVE(loaded));
}

static void part(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

#define ASK(fd, say, begins)                                                                       \
	assert_memory_equal(house_ask(&house, (fd), (say), 1), (begins), strlen(begins))

static int greeted(void)
{
	const int fd = house_dial(&house, 0);

	ASK(fd, NULL, "220");
	ASK(fd, "HELO client.test\r\n", "250");
	return fd;
}

static void outside_is_refused_at_rcpt(void **state)
{
	(void)state;
	open_with("routes: [{interface: direct, host: a.test}]\naccepted_domains: [in.test]\n");
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@in.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "550 5.4.4 No route takes mail to this recipient");
	ASK(fd, "DATA\r\n", "503");
	ASK(fd, "RCPT TO:<b@in.test>\r\n", "250");
	ASK(fd, "RCPT TO:<c@x.test>\r\n", "550 5.4.4");
	ASK(fd, "RCPT TO:<postmaster>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "S: x\r\n\r\nx\r\n.\r\n", "250 2.0.0 queued as");
	assert_string_equal(house.mail[0].recipients, "b@in.test postmaster@in.test");
	assert_string_equal(house.mail[0].ways, "0 0");
	assert_int_equal(house.counters.recipients_refused, 2);
	part(fd);
	close_all();
}

static void rules_send_each_its_way(void **state)
{
	(void)state;
	open_with("routes: [{name: a, host: a.test}, {name: b, host: b.test}]\n"
	          "rules: [{recipient_domain: b.test, route: b}, {sender: '@b.test', route: b}]\n");
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@a.test>\r\n", "250");
	ASK(fd, "RCPT TO:<x@a.test>\r\n", "250");
	ASK(fd, "RCPT TO:<x@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<y@a.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "S: x\r\n\r\nx\r\n.\r\n", "250 2.0.0 queued as");
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<x@a.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "S: x\r\n\r\nx\r\n.\r\n", "250 2.0.0 queued as");
	assert_string_equal(house.mail[0].ways, "0 1 0");
	assert_string_equal(house.mail[1].ways, "1");
	part(fd);
	close_all();
}

/* What hangs on the header is decided when that is there. */
static void the_header_decides_at_the_end(void **state)
{
	(void)state;
	open_with("routes: [{name: a, host: a.test}, {name: d, interface: direct, host: d.test}]\n"
	          "accepted_domains: [in.test]\n"
	          "rules: [{header: 'X-Inside: *', route: d}, {header: 'X-Out: *', route: a},\n"
	          "        {route: d}]\n");
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@in.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "S: x\r\n\r\nX-Out: no header\r\n.\r\n", "550 5.4.4 No route takes this message");
	ASK(fd, "MAIL FROM:<a@in.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@in.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "X-Out: 1\r\n\r\nx\r\n.\r\n", "250 2.0.0 queued as");
	assert_string_equal(house.mail[0].ways, "0 0");
	/* One of them has a way: the other's sender is told. */
	ASK(fd, "MAIL FROM:<a@in.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@in.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "x-inside: 1\r\n\r\nx\r\n.\r\n", "250 2.0.0 queued as");
	assert_string_equal(house.mail[1].ways, "N 1");
	assert_int_equal(house.counters.messages_refused, 1);
	part(fd);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_is_refused_at_rcpt),
		cmocka_unit_test(rules_send_each_its_way),
		cmocka_unit_test(the_header_decides_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
