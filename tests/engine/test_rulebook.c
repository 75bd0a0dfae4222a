/* Rules looked up by domain match as rules walked one by one do, whatever they are. */
#include "engine/config_report.h"
#include "engine/rulebook.h"
#include "queue/base/random.h"
#include "tests/queue/spool_tools.h"

static struct config *configured(const char *rules)
{
	static char text[1 << 17];
	struct config_report report;
	struct config *config = NULL;

	assert_true(snprintf(text, sizeof text,
	                    "name: relay.test\n"
	                    "accepted_domains: [a.test, x.b.test]\n"
	                    "routes: [{name: far, host: far.test}]\n"
	                    "rules:\n%s",
	                    rules) < (int)sizeof text);
	config_report_init(&report);
	if (failed(config_load_text(&config, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static const char *const domains[] = { "a.test", "b.test", "x.b.test", "y.x.b.test", "c.test",
	"test", "y.c.test", "[192.0.2.1]" };
static const char *const patterns[] = { "a.test", "B.test", "x.b.test", "'*.b.test'", "'*.test'",
	"'*.x.B.test'", "internal", "external", "c.test" };
static const char *const addresses[] = { "u@a.test", "'@b.test'", "v@x.b.test", "'@y.x.b.test'",
	"U@c.test", "'@nowhere.test'" };
static const char *const senders[] = { "'<>'", "u@a.test", "'@b.test'", "'@c.test'" };
static const char *const headers[] = { "'X-A: 1'", "'X-A: 2*'", "'X-B: *'" };
static const char *const users[] = { "ann", "bob" };

#define DRAW(random, words) words[random_below(random, sizeof words / sizeof words[0])]

static void put_list(struct random *random, struct text *text, const char *key,
        const char *const *words, size_t count)
{
	if (random_below(random, 3) != 0)
		return;
	text_format(text, "%s: [", key);
	for (size_t n = 1 + random_below(random, 3); n > 0; n--)
		text_format(text, "%s%s", words[random_below(random, count)], n > 1 ? ", " : "");
	text_format(text, "], ");
}

#define PUT_LIST(random, text, key, words)                                                         \
	put_list(random, text, key, words, sizeof words / sizeof words[0])

static void draw_rules(struct random *random, struct text *text)
{
	for (size_t n = 1 + random_below(random, 12); n > 0; n--) {
		text_format(text, "  - {");
		PUT_LIST(random, text, "recipient_domain", patterns);
		PUT_LIST(random, text, "recipient", addresses);
		PUT_LIST(random, text, "sender", senders);
		PUT_LIST(random, text, "user", users);
		PUT_LIST(random, text, "header", headers);
		text_format(text, "route: far}\n");
	}
}

static void assert_same_walk(const struct rulebook *book, const struct rulebook_mail *mail,
        struct view recipient, const char *rules)
{
	struct rulebook_walk walk;
	enum rulebook_reason reason = RULEBOOK_HEADER;
	uint16_t found = 0;

	rulebook_begin(&walk, book, mail, recipient);
	bool more = rulebook_next(&walk, &found, &reason);
	for (uint16_t i = 0; i < book->config->rules.count; i++) {
		const enum rulebook_reason plain = rulebook_judge(book, i, mail, recipient);

		if (plain != RULEBOOK_MATCHES && plain != RULEBOOK_OPEN)
			continue;
		if (!more || found != i || reason != plain)
			fail_msg("%sto %.*s: rule %u is not found", rules, VIEW_ARGS(recipient), i);
		more = rulebook_next(&walk, &found, &reason);
	}
	if (more)
		fail_msg("%sto %.*s: rule %u is found", rules, VIEW_ARGS(recipient), found);
}

static void looking_up_is_walking(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (int world = 0; world < 300; world++) {
		char rules[8192];
		struct text text = TEXT_ON(rules);

		draw_rules(&random, &text);
		struct config *config = configured(text_string(&text));
		for (int i = 0; i < 60; i++) {
			char to[64];
			struct rulebook_seen seen;
			struct rulebook_mail mail = {
				.sender = view_of(random_below(&random, 3) == 0 ? "" : "u@b.test"),
				.user = view_of(DRAW(&random, users)),
			};

			rulebook_see_text(config->rulebook,
			        view_of(random_below(&random, 2) == 0 ? "X-A: 2nd\r\n" : ""),
			        &seen);
			if (random_below(&random, 2) == 0)
				mail.seen = &seen;
			snprintf(to, sizeof to, "%s@%s", random_below(&random, 2) == 0 ? "u" : "V",
			        DRAW(&random, domains));
			assert_same_walk(config->rulebook, &mail, view_of(to), rules);
		}
		config_destroy(config);
	}
}

static void inside_and_outside(void **state)
{
	struct config *config = configured("  - {route: far}\n");
	const struct rulebook *book = config->rulebook;

	(void)state;
	assert_true(rulebook_is_internal(book, VIEW("A.TEST")));
	assert_true(rulebook_is_internal(book, VIEW("x.b.test")));
	assert_false(rulebook_is_internal(book, VIEW("b.test")));
	assert_false(rulebook_is_internal(book, VIEW("y.a.test")));
	assert_false(rulebook_is_internal(book, VIEW("")));
	assert_false(rulebook_is_internal(NULL, VIEW("a.test")));
	assert_true(book->decides);
	assert_true(view_equal(rulebook_domain(VIEW("\"a@b\"@c.d")), VIEW("c.d")));
	assert_true(view_equal(rulebook_domain(VIEW("postmaster")), VIEW("")));
	config_destroy(config);
}

static void nothing_to_decide(void **state)
{
	static const struct {
		const char *routes;
		bool decides;
	} cases[] = {
		{ "routes: [{host: a.test}]\n", false },
		{ "routes: [{host: a.test}, {host: a.test, interface: direct}]\n", false },
		{ "routes: [{host: a.test, interface: hve}]\n", false },
		{ "routes: [{host: a.test, interface: hve}]\naccepted_domains: [a.test]\n", true },
		{ "routes: [{host: a.test, interface: direct}]\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config_report report;
		struct config *config = NULL;

		config_report_init(&report);
		assert_false(failed(
		        config_load_text(&config, "x.yaml", view_of(cases[i].routes), &report)));
		config_report_finish(&report);
		assert_int_equal(config->rulebook->decides, cases[i].decides);
		config_destroy(config);
	}
}

/* Thousands of domains in one rule and in one each, and the deepest domain that there can be. */
static void many(void **state)
{
	static char rules[1 << 16];
	struct text text = TEXT_ON(rules);
	struct rulebook_walk walk;
	enum rulebook_reason reason;
	const struct rulebook_mail mail = { 0 };
	uint16_t rule;

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_format(&text, "  - {recipient_domain: d%d.test, route: far}\n", i);
	text_format(&text, "  - {recipient_domain: [e0.test");
	for (int i = 1; i < 1000; i++)
		text_format(&text, ", e%d.test", i);
	text_format(&text, ", '*.deep'], route: far}\n");
	assert_false(text.overflow);
	struct config *config = configured(text_string(&text));
	for (int i = 0; i < 1000; i++) {
		char to[32];

		snprintf(to, sizeof to, "u@d%d.test", i);
		rulebook_begin(&walk, config->rulebook, &mail, view_of(to));
		assert_true(rulebook_next(&walk, &rule, &reason));
		assert_int_equal(rule, i);
		to[2] = 'e';
		rulebook_begin(&walk, config->rulebook, &mail, view_of(to));
		assert_true(rulebook_next(&walk, &rule, &reason));
		assert_int_equal(rule, 1000);
		assert_false(rulebook_next(&walk, &rule, &reason));
	}
	char deep[MESSAGE_ADDRESS_MAX];
	struct text address = TEXT_ON(deep);
	text_put(&address, VIEW("u@"));
	for (int i = 0; i < 125; i++)
		text_put(&address, VIEW("a."));
	text_put(&address, VIEW("deep"));
	rulebook_begin(&walk, config->rulebook, &mail, text_view(&address));
	assert_true(rulebook_next(&walk, &rule, &reason));
	assert_int_equal(rule, 1000);
	config_destroy(config);
}

static void a_message_says_it_all(void **state)
{
	struct depot *depot;
	struct shelf shelf;

	(void)state;
	assert_false(failed(depot_create(&depot, 64 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	struct message *message = message_create(&shelf, 0);
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("a@b.c")));
	assert_true(message_set(message, MESSAGE_CLIENT, VIEW("2001:db8::1")));
	assert_true(message_set(message, MESSAGE_USER, VIEW("ann")));
	assert_true(message_set(message, MESSAGE_LISTENER, VIEW("127.0.0.1:25")));
	struct rulebook_mail mail = rulebook_mail_of(message);
	assert_true(view_equal(mail.sender, VIEW("a@b.c")));
	assert_true(view_equal(mail.user, VIEW("ann")));
	assert_true(view_equal(mail.listener, VIEW("127.0.0.1:25")));
	assert_true(mail.has_client);
	assert_int_equal(mail.client.address[15], 1);
	assert_null(mail.seen);
	message_release(message, &shelf);
	message = message_create(&shelf, 0);
	mail = rulebook_mail_of(message);
	assert_false(mail.has_client);
	message_release(message, &shelf);
	shelf_finish(&shelf);
	depot_destroy(depot);
}

/* Across the chunks of a long header, and no further than the bound. */
static void long_headers(void **state)
{
	struct config *config = configured("  - {header: 'X-Late: y', route: far}\n");
	struct depot *depot;
	struct shelf shelf;

	(void)state;
	assert_false(failed(depot_create(&depot, 64 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	for (int kilobytes = 0; kilobytes <= 512; kilobytes += 64) {
		struct rope body = { 0 };
		struct rulebook_seen seen;

		for (int i = 0; i < kilobytes * 16; i++)
			assert_true(rope_append(&body, &shelf,
			        VIEW("X-Filler: "
			             "0123456789012345678901234567890123456789012345678901\r\n"),
			        0));
		assert_true(rope_append(&body, &shelf, VIEW("X-Late:\r\n y\r\n\r\nbody"), 0));
		rulebook_see(config->rulebook, &body, &seen);
		assert_int_equal(seen.bits[0], kilobytes < 256 ? 1 : 0);
		rope_free(&body, &shelf);
	}
	shelf_finish(&shelf);
	depot_destroy(depot);
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looking_up_is_walking),
		cmocka_unit_test(inside_and_outside),
		cmocka_unit_test(nothing_to_decide),
		cmocka_unit_test(many),
		cmocka_unit_test(a_message_says_it_all),
		cmocka_unit_test(long_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
