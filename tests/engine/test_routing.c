/* Which route mail takes: rules by tables, presets, and where the null sender can go. */
#include "engine/config_report.h"
#include "engine/routing.h"
#include "tests/queue/spool_tools.h"

static struct depot *depot;
static struct shelf shelf;

static struct config *configured(const char *rules)
{
	static const char routes[] =
	        "name: relay.test\n"
	        "listeners: [{address: 127.0.0.1:2525}, {address: 127.0.0.1:26, name: in.test}]\n"
	        "accepted_domains: [contoso.com, fabrikam.com]\n"
	        "routes:\n"
	        "  - {name: main, interface: connector, host: a.test, fallback: box}\n"
	        "  - {name: inside, interface: direct, host: a.test}\n"
	        "  - {name: box, interface: submission, notices_from: n@contoso.com}\n"
	        "  - {name: bulk, interface: hve}\n"
	        "  - {name: signed, interface: connector, host: a.test}\n";

	struct config_report report;
	struct config *config = NULL;
	char text[8192];

	assert_true(snprintf(text, sizeof text, "%s%s%s", routes,
	                    rules[0] == '\0' ? "" : "rules:\n", rules) < (int)sizeof text);
	config_report_init(&report);
	if (failed(config_load_text(&config, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

/* Each row's mail differs from `plain` in what it names. */
struct row {
	const char *rules;
	const char *to;
	const char *route; /* NULL: nowhere; "kept"; or "open MAIN": MAIN may take it */
	const char *from;
	const char *client;
	const char *listener;
	const char *user;
	const char *header; /* NULL: not there yet */
};

static const struct row rows[] = {
	/* Without rules: the first that can. */
	{ "", "b@x.test", "main" },
	{ "", "b@contoso.com", "main" },
	/* Domains, whole, with wildcards and by word. */
	{ "  - {recipient_domain: contoso.com, route: inside}", "b@CONTOSO.com", "inside" },
	{ "  - {recipient_domain: contoso.com, route: inside}", "b@a.contoso.com", "main" },
	{ "  - {recipient_domain: '*.x.test', route: box}", "b@a.x.test", "box" },
	{ "  - {recipient_domain: '*.x.test', route: box}", "b@c.a.X.test", "box" },
	{ "  - {recipient_domain: '*.x.test', route: box}", "b@x.test", "main" },
	{ "  - {recipient_domain: '*.x.test', route: box}", "b@ax.test", "main" },
	{ "  - {recipient_domain: [y.test, x.test], route: box}", "b@x.test", "box" },
	{ "  - {recipient_domain: internal, route: inside}", "b@fabrikam.com", "inside" },
	{ "  - {recipient_domain: internal, route: inside}", "b@x.test", "main" },
	{ "  - {recipient_domain: external, route: box}", "b@x.test", "box" },
	{ "  - {recipient_domain: external, route: box}", "b@contoso.com", "main" },
	{ "  - {recipient_domain: external, route: box}", "b@[192.0.2.1]", "box" },
	{ "  - {recipient_domain: [internal, external], route: box}", "b@x.test", "box" },
	/* The first rule that matches decides, wherever it is found. */
	{ "  - {recipient_domain: '*.test', route: box}\n"
	  "  - {recipient_domain: x.test, route: signed}",
	        "b@x.test", "box" },
	{ "  - {recipient_domain: x.test, route: signed}\n"
	  "  - {recipient_domain: '*.test', route: box}",
	        "b@x.test", "signed" },
	{ "  - {sender: z@z.test, route: signed}\n"
	  "  - {recipient_domain: x.test, route: box}",
	        "b@x.test", "box" },
	{ "  - {route: box}\n  - {recipient_domain: x.test, route: signed}", "b@x.test", "box" },
	/* Recipients. */
	{ "  - {recipient: B@x.test, route: box}", "b@X.test", "box" },
	{ "  - {recipient: b@x.test, route: box}", "c@x.test", "main" },
	{ "  - {recipient: '@x.test', route: box}", "c@x.test", "box" },
	{ "  - {recipient: [b@x.test, '@x.test'], route: box}", "b@x.test", "box" },
	{ "  - {recipient: c@x.test, recipient_domain: x.test, route: box}", "b@x.test", "main" },
	{ "  - {recipient: b@x.test, recipient_domain: x.test, route: box}", "b@x.test", "box" },
	/* Senders. */
	{ "  - {sender: app@z.test, route: box}", "b@x.test", "box", .from = "APP@z.test" },
	{ "  - {sender: app@z.test, route: box}", "b@x.test", "main", .from = "app2@z.test" },
	{ "  - {sender: '@z.test', route: box}", "b@x.test", "box", .from = "app2@Z.test" },
	{ "  - {sender: '@z.test', route: box}", "b@x.test", "main", .from = "a@a.z.test" },
	{ "  - {sender: '<>', route: box}", "b@x.test", "main" },
	{ "  - {sender: ['<>', a@z.test], route: box}", "b@x.test", "box", .from = "" },
	{ "  - {sender: '@z.test', route: signed}", "b@x.test", "box", .from = "" },
	/* Where it came in, from whom. */
	{ "  - {listener: in.test, route: box}", "b@x.test", "main" },
	{ "  - {listener: in.test, route: box}", "b@x.test", "box", .listener = "127.0.0.1:26" },
	{ "  - {listener: '127.0.0.1:26', route: box}", "b@x.test", "box",
	        .listener = "127.0.0.1:26" },
	{ "  - {listener: relay.test, route: box}", "b@x.test", "box" },
	{ "  - {client: 10.1.0.0/16, route: box}", "b@x.test", "box", .client = "10.1.2.3" },
	{ "  - {client: 10.1.0.0/16, route: box}", "b@x.test", "main", .client = "10.2.2.3" },
	{ "  - {client: ['::1', 10.2.2.3], route: box}", "b@x.test", "box", .client = "10.2.2.3" },
	{ "  - {client: 0.0.0.0/0, route: box}", "b@x.test", "main", .client = "" },
	{ "  - {user: [joe, Anna], route: box}", "b@x.test", "box", .user = "anna" },
	{ "  - {user: anna, route: box}", "b@x.test", "main" },
	/* Headers: before they are there, and then. */
	{ "  - {header: 'X-Way: fast*', route: box}", "b@x.test", "open box" },
	{ "  - {header: 'X-Way: fast*', route: box}", "b@x.test", "box",
	        .header = "x-way: FAST one" },
	{ "  - {header: 'X-Way: fast*', route: box}", "b@x.test", "main", .header = "X-Way: slow" },
	{ "  - {header: 'X-Way: fast*', route: box}", "b@x.test", "main", .header = "" },
	{ "  - {header: ['X-Way: a', 'X-Way: b'], route: box}", "b@x.test", "box",
	        .header = "X-Way: b" },
	{ "  - {header: 'X-Way: *', sender: z@z.test, route: box}", "b@x.test", "main" },
	{ "  - {header: 'X-Way: *', route: inside}\n  - {route: bulk}", "b@x.test", NULL },
	{ "  - {header: 'X-Way: *', route: inside}\n  - {route: box}", "b@x.test", "box" },
	{ "  - {header: 'X-Way: *', route: box}\n  - {route: bulk}", "b@x.test", "open box" },
	{ "  - {header: 'X-Way: *', route: box}\n  - {route: bulk}", "b@x.test", NULL,
	        .header = "X-Other: x" },
	/* Outside never takes a route that stays inside. */
	{ "  - {route: inside}", "b@x.test", NULL },
	{ "  - {route: inside}", "b@contoso.com", "inside" },
	{ "  - {route: bulk}", "b@x.test", NULL },
	{ "  - {route: bulk}", "b@contoso.com", "bulk" },
	{ "  - {route: [inside, box]}", "b@x.test", "box" },
	{ "  - {route: [inside, bulk]}", "b@x.test", NULL },
	/* All conditions of a rule. */
	{ "  - {recipient_domain: x.test, sender: '@z.test', client: 10.0.0.0/8, user: joe,"
	  " listener: in.test, route: box}",
	        "b@x.test", "box", .from = "a@z.test", .client = "10.1.1.1", .user = "joe",
	        .listener = "127.0.0.1:26" },
	{ "  - {recipient_domain: x.test, sender: '@z.test', client: 10.0.0.0/8, user: joe,"
	  " listener: in.test, route: box}",
	        "b@x.test", "main", .from = "a@z.test", .client = "10.1.1.1", .user = "jim",
	        .listener = "127.0.0.1:26" },
	/* The null sender: what can carry it; a mailbox; nobody. */
	{ "", "b@contoso.com", "inside", .from = "" },
	{ "", "b@x.test", "box", .from = "" },
	{ "  - {route: [main, box]}", "b@contoso.com", "box", .from = "" },
	{ "  - {route: main}", "b@x.test", "kept", .from = "" },
	{ "  - {route: inside}", "b@x.test", NULL, .from = "" },
	{ "  - {header: 'A: b', route: main}", "b@x.test", "open main", .from = "" },
};

static const char *text_or(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static struct rope body_of(const char *header)
{
	struct rope body = { 0 };

	assert_true(rope_append(&body, &shelf, view_of(header), 0));
	assert_true(rope_append(&body, &shelf, VIEW("\r\n\r\nX-Way: fast, but body\r\n"), 0));
	return body;
}

static void assert_routed(const struct config *config, const struct row *row)
{
	struct rulebook_mail mail = {
		.sender = view_of(text_or(row->from, "a@contoso.com")),
		.user = view_of(text_or(row->user, "")),
		.listener = view_of(text_or(row->listener, "127.0.0.1:2525")),
	};
	struct rulebook_seen seen;
	char room[128] = "nowhere";

	mail.has_client =
	        endpoint_parse_address(view_of(text_or(row->client, "127.0.0.1")), &mail.client);
	if (row->header != NULL) {
		struct rope body = body_of(row->header);
		rulebook_see(config->rulebook, &body, &seen);
		rope_free(&body, &shelf);
		mail.seen = &seen;
	}
	const struct routing routing = routing_decide(config, &mail, view_of(row->to));
	if (routing.fate == ROUTING_KEPT)
		snprintf(room, sizeof room, "kept");
	else if (routing.fate != ROUTING_NOWHERE)
		snprintf(room, sizeof room, "%s%s", routing.fate == ROUTING_OPEN ? "open " : "",
		        config->routes.at[routing.route].name);
	if (strcmp(room, text_or(row->route, "nowhere")) != 0)
		fail_msg("%s\n%s: %s, not %s", row->rules, row->to, room,
		        text_or(row->route, "nowhere"));
	if (routing.fate == ROUTING_TAKEN)
		assert_true(routing_carries(config, routing.route, mail.sender, view_of(row->to)));
}

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *config = configured(rows[i].rules);

		assert_routed(config, &rows[i]);
		config_destroy(config);
	}
}

/* A report goes by the rules too, and without the header that it does not have yet. */
static void reports(void **state)
{
	struct config *config = configured("  - {header: 'A: *', route: main}\n"
	                                   "  - {recipient_domain: y.test, route: main}\n");

	(void)state;
	struct routing routing = routing_pick_report(config, VIEW("a@contoso.com"));
	assert_int_equal(routing.fate, ROUTING_TAKEN);
	assert_int_equal(routing.route, 1);
	assert_null(routing.mailbox);
	routing = routing_pick_report(config, VIEW("a@x.test"));
	assert_int_equal(routing.fate, ROUTING_TAKEN);
	assert_int_equal(routing.route, 2);
	assert_string_equal(routing.mailbox, "n@contoso.com");
	routing = routing_pick_report(config, VIEW("a@y.test"));
	assert_int_equal(routing.fate, ROUTING_KEPT);
	assert_int_equal(routing.rule, 1);
	uint16_t fallback = 0;
	assert_true(routing_fallback(config, 0, &fallback));
	assert_int_equal(fallback, 2);
	assert_false(routing_fallback(config, 2, &fallback));
	config_destroy(config);
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

/* A rulebook that knows contoso.com for ours. */
static const struct rulebook *our_book(void)
{
	static struct rulebook_slot slots[2];
	static const struct rulebook book = { .slots = slots, .slot_mask = 1 };
	const struct view key = VIEW_INIT("contoso.com");

	slots[rulebook_hash(key) & 1] = (struct rulebook_slot){ .key = key, .accepted = true };
	return &book;
}

static bool suits(const struct config *config, uint16_t route, const char *from, const char *to,
        const char *also)
{
	const char *const all[] = { to, also };
	struct message *message = message_create(&shelf, 0);
	struct job job = { 0 };

	assert_non_null(message);
	message_name(message, 1, (struct wall){ 1 });
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (size_t i = 0; i < 2 && all[i] != NULL; i++) {
		const struct message_recipient recipient = { .address = view_of(all[i]) };
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	assert_true(rope_append(&message->body, &shelf, VIEW("x\r\n"), 0));
	message_seal(message);
	job_begin(&job, message, 0, route);
	assert_true(job_owe_all(&job, &shelf, 0));
	message_release(message, &shelf);
	const bool fits = routing_suits(config, route, &job);
	/* What has its end needs no route. */
	job_set_outcome(&job, job.owed_count - 1, OWED_DELIVERED, NULL, &shelf);
	if (job.owed_count == 1)
		assert_true(routing_suits(config, route, &job));
	job_clear(&job, &shelf);
	return fits;
}

static void what_suits_a_route(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		const char *also;
		bool suits[KINDS];
	} cases[] = {
		{ "", "b@contoso.com", NULL, { false, false, true, true, true, true } },
		{ "", "b@x.test", NULL, { false, false, false, true, true, false } },
		{ "", "b@contoso.com", "c@x.test", { false, false, false, true, true, false } },
		{ "a@x.test", "b@contoso.com", NULL, { true, true, true, true, true, true } },
		{ "a@x.test", "b@x.test", NULL, { true, true, false, true, true, false } },
		{ "a@x.test", "b@contoso.com", "c@x.test",
		        { true, true, false, true, true, false } },
	};
	const struct config config = {
		.routes = { kinds, KINDS },
		.rulebook = our_book(),
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (uint16_t route = 0; route < KINDS; route++)
			assert_int_equal(
			        suits(&config, route, cases[i].from, cases[i].to, cases[i].also),
			        cases[i].suits[route]);
	for (uint16_t route = 0; route < KINDS; route++)
		assert_int_equal(
		        routing_null_sender(&kinds[route]).bytes > 0, route == WITH_NOTICES);
}

static struct view sent_by(const struct config_route *route, const struct config_identity *identity,
        const char *from, bool open)
{
	static char room[128];
	struct message *message = message_create(&shelf, 0);
	const struct message_recipient recipient = { .address = VIEW("b@x.test") };

	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	if (open)
		message_open_author(message);
	assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	struct text text = TEXT_ON(room);
	text_put(&text, routing_sender(route, identity, message));
	message_release(message, &shelf);
	return text_view(&text);
}

/* An open author is the identity, or else notices_from, or else whom the message says. */
static void in_whose_name(void **state)
{
	static const struct config_identity mailbox = { .user = "m@contoso.com" };
	static const struct config_identity login = { .user = "CONTOSO\\relay" };
	static const struct config_route plain = { .interface = INTERFACE_CONNECTOR };
	static const struct config_route noticing = {
		.interface = INTERFACE_SUBMISSION,
		.notices_from = "n@contoso.com",
	};
	static const struct {
		const struct config_route *route;
		const struct config_identity *identity;
		const char *from;
		bool open;
		const char *sender;
	} cases[] = {
		{ &noticing, &mailbox, "a@x.test", false, "a@x.test" },
		{ &noticing, &mailbox, "a@x.test", true, "m@contoso.com" },
		{ &noticing, &login, "a@x.test", true, "n@contoso.com" },
		{ &noticing, NULL, "a@x.test", true, "n@contoso.com" },
		{ &noticing, &mailbox, "", true, "n@contoso.com" },
		{ &noticing, &mailbox, "", false, "n@contoso.com" },
		{ &plain, &mailbox, "a@x.test", true, "m@contoso.com" },
		{ &plain, &login, "a@x.test", true, "a@x.test" },
		{ &plain, NULL, "a@x.test", true, "a@x.test" },
		{ &plain, NULL, "", true, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(view_equal(
		        sent_by(cases[i].route, cases[i].identity, cases[i].from, cases[i].open),
		        view_of(cases[i].sender)));
}

/* High Volume Email tells inside from outside where it is told how. */
static void hve_without_a_list(void **state)
{
	static const struct config_route hve = { .interface = INTERFACE_HVE };
	static const char *const domains[] = { "contoso.com" };
	struct config config = { .routes = { &hve, 1 } };

	(void)state;
	assert_true(routing_carries(&config, 0, VIEW("a@b.c"), VIEW("b@x.test")));
	config.accepted_domains = (struct config_words){ domains, 1 };
	config.rulebook = our_book();
	assert_false(routing_carries(&config, 0, VIEW("a@b.c"), VIEW("b@x.test")));
	assert_true(routing_carries(&config, 0, VIEW("a@b.c"), VIEW("b@contoso.com")));
}

static void onmicrosoft(void **state)
{
	(void)state;
	assert_true(routing_is_onmicrosoft(VIEW("a@contoso.onmicrosoft.com")));
	assert_true(routing_is_onmicrosoft(VIEW("a@contoso.mail.OnMicrosoft.com")));
	assert_false(routing_is_onmicrosoft(VIEW("a@onmicrosoft.com")));
	assert_false(routing_is_onmicrosoft(VIEW("a@contoso-onmicrosoft.com")));
	assert_false(routing_is_onmicrosoft(VIEW("a@onmicrosoft.com.test")));
	assert_false(routing_is_onmicrosoft(VIEW("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(reports),
		cmocka_unit_test(what_suits_a_route),
		cmocka_unit_test(in_whose_name),
		cmocka_unit_test(hve_without_a_list),
		cmocka_unit_test(onmicrosoft),
	};

	if (failed(depot_create(&depot, 64 * CHUNK_BYTES)))
		return 1;
	shelf_init(&shelf, depot);
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	shelf_finish(&shelf);
	depot_destroy(depot);
	return status;
}
