/* Which route mail takes, and where the null sender can go. */
#include "engine/routing.h"
#include "tests/queue/spool_tools.h"

static struct depot *depot;
static struct shelf shelf;

static struct message *mail(const char *from, const char *to, const char *also)
{
	const char *const all[] = { to, also };
	struct message *message = message_create(&shelf, 0);

	assert_non_null(message);
	message_name(message, 1, (struct wall){ 1 });
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (size_t i = 0; i < 2 && all[i] != NULL; i++) {
		const struct message_recipient recipient = { .address = view_of(all[i]) };
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	assert_true(rope_append(&message->body, &shelf, VIEW("x\r\n"), 0));
	message_seal(message);
	return message;
}

static const char *const domains[] = { "contoso.com" };

static struct config settings(const struct config_route *routes, size_t count)
{
	return (struct config){
		.routes = { routes, count },
		.accepted_domains = { .at = domains, .count = 1 },
	};
}

enum { SUBMISSION, BY_ADDRESS, DIRECT, WITH_CERTIFICATE, WITH_NOTICES, DIRECT_NOTICES, KINDS };

static const struct config_route kinds[KINDS] = {
	[SUBMISSION] = { .interface = INTERFACE_SUBMISSION },
	[BY_ADDRESS] = { .interface = INTERFACE_CONNECTOR },
	[DIRECT] = { .interface = INTERFACE_DIRECT },
	[WITH_CERTIFICATE] = { .interface = INTERFACE_CONNECTOR, .tls.certificate = "c.pem" },
	[WITH_NOTICES] = { .interface = INTERFACE_SUBMISSION, .notices_from = "n@contoso.com" },
	[DIRECT_NOTICES] = { .interface = INTERFACE_DIRECT, .notices_from = "n@contoso.com" },
};

struct row {
	int routes[3]; /* KINDS ends them */
	const char *from;
	const char *to;
	const char *also;
	int route; /* -1: none */
	bool stands_in;
};

static const struct row rows[] = {
	{ { BY_ADDRESS, DIRECT, KINDS }, "a@x.test", "b@contoso.com", NULL, 0, false },
	{ { BY_ADDRESS, DIRECT, KINDS }, "", "b@contoso.com", NULL, 1, false },
	{ { BY_ADDRESS, DIRECT, KINDS }, "", "b@CONTOSO.com", NULL, 1, false },
	{ { BY_ADDRESS, DIRECT, KINDS }, "", "b@x.test", NULL, -1, false },
	{ { BY_ADDRESS, DIRECT, KINDS }, "", "b@contoso.com", "c@x.test", -1, false },
	{ { SUBMISSION, WITH_CERTIFICATE, KINDS }, "", "b@x.test", NULL, 1, false },
	{ { WITH_NOTICES, WITH_CERTIFICATE, KINDS }, "", "b@x.test", NULL, 1, false },
	{ { SUBMISSION, WITH_NOTICES, KINDS }, "", "b@x.test", NULL, 1, true },
	{ { SUBMISSION, WITH_NOTICES, KINDS }, "a@x.test", "b@x.test", NULL, 0, false },
	{ { SUBMISSION, DIRECT_NOTICES, KINDS }, "", "b@x.test", NULL, -1, false },
	{ { DIRECT_NOTICES, WITH_NOTICES, KINDS }, "", "b@x.test", NULL, 1, true },
	{ { SUBMISSION, KINDS }, "", "b", NULL, -1, false },
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct config_route routes[3];
		size_t count = 0;

		while (count < 3 && row->routes[count] != KINDS) {
			routes[count] = kinds[row->routes[count]];
			count++;
		}
		const struct config config = settings(routes, count);
		struct message *message = mail(row->from, row->to, row->also);
		const struct routing routing = routing_pick(&config, message);
		if (row->route < 0) {
			assert_false(routing.found);
		} else {
			assert_true(routing.found);
			assert_int_equal(routing.route, row->route);
			assert_int_equal(routing.mailbox != NULL, row->stands_in);
			assert_true(routing_suits(&config, routing.route, message));
		}
		if (row->from[0] == '\0' && row->also == NULL) {
			const struct routing report =
			        routing_pick_report(&config, view_of(row->to));
			assert_int_equal(report.found, routing.found);
			assert_int_equal(report.route, routing.route);
		}
		message_release(message, &shelf);
	}
}

static void what_suits_a_route(void **state)
{
	const struct config config = settings(kinds, KINDS);
	struct message *inside = mail("", "b@contoso.com", NULL);
	struct message *outside = mail("", "b@x.test", NULL);
	struct message *sent = mail("a@contoso.com", "b@x.test", NULL);

	(void)state;
	static const bool suits_inside[KINDS] = { false, false, true, true, true, true };
	static const bool suits_outside[KINDS] = { false, false, false, true, true, false };
	for (uint16_t i = 0; i < KINDS; i++) {
		assert_int_equal(routing_suits(&config, i, inside), suits_inside[i]);
		assert_int_equal(routing_suits(&config, i, outside), suits_outside[i]);
		assert_true(routing_suits(&config, i, sent));
		const struct view stands_in = routing_null_sender(&kinds[i]);
		assert_int_equal(stands_in.bytes > 0, i == WITH_NOTICES);
	}
	message_release(inside, &shelf);
	message_release(outside, &shelf);
	message_release(sent, &shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(what_suits_a_route),
	};

	if (failed(depot_create(&depot, 64 * CHUNK_BYTES)))
		return 1;
	shelf_init(&shelf, depot);
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	shelf_finish(&shelf);
	depot_destroy(depot);
	return status;
}
