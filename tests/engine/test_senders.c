/* Who may send in whose name: addresses before domains, own names always, and everybody where
 * nobody is bound. */
#include "engine/senders.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char form[] =
        "routes:\n"
        "- {name: pool, interface: submission, host: a, notices_from: own@c.d, identities: [\n"
        "   {user: own@c.d, secret_file: %1$s},\n"
        "   {user: shop@c.d, secret_file: %1$s,\n"
        "    senders: [news@c.d, \"@shop.c.d\", shop@c.d]},\n"
        "   {user: more@c.d, secret_file: %1$s, senders: [\"@SHOP.c.d\", \"*\"]}]}\n"
        "- {name: all, interface: submission, host: a, identities: [\n"
        "   {user: own@c.d, secret_file: %1$s, senders: [a@c.d]}]}\n"
        "- {name: none, interface: connector, host: a}\n";

static struct config *config;
static struct senders *senders;

static int begin(void **state)
{
	struct config_report report;
	char secret[] = "sluice-senders-XXXXXX";
	char text[2048];

	(void)state;
	const int fd = mkstemp(secret);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "s3cret", 6), 6);
	close(fd);
	(void)snprintf(text, sizeof text, form, secret);
	config_report_init(&report);
	const struct err err = config_load_text(&config, "x.yaml", view_of(text), &report);
	unlink(secret);
	if (failed(err))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_false(failed(err));
	assert_false(failed(senders_create(&senders, config)));
	return 0;
}

static int end(void **state)
{
	(void)state;
	senders_destroy(senders);
	config_destroy(config);
	return 0;
}

/* "0 2": the identities that may; "any" */
static const char *who(uint16_t route, const char *sender)
{
	static char memory[64];
	struct text into = TEXT_ON(memory);
	const uint32_t binding = senders_find(senders, route, view_of(sender));
	uint32_t count;

	if (binding == SENDERS_ANY)
		return "any";
	assert_true(binding < senders_count(senders));
	assert_int_equal(senders_route(senders, binding), route);
	const uint16_t *identities = senders_identities(senders, binding, &count);
	for (uint32_t i = 0; i < count; i++)
		text_format(&into, i == 0 ? "%u" : " %u", identities[i]);
	return text_string(&into);
}

static void test_finds_the_narrowest(void **state)
{
	static const struct {
		uint16_t route;
		const char *sender;
		const char *who;
	} rows[] = {
		{ 0, "own@c.d", "0" },
		{ 0, "OWN@C.d", "0" },
		{ 0, "shop@c.d", "1" },
		{ 0, "news@c.d", "1" },
		{ 0, "any.one@shop.C.D", "1 2" },
		{ 0, "x@other", "any" },
		{ 0, "x@c.d", "any" },
		{ 0, "news@c.de", "any" },
		{ 0, "news@c.", "any" },
		{ 0, "", "any" },
		{ 0, "no-domain", "any" },
		{ 1, "own@c.d", "0" },
		{ 1, "a@c.d", "0" },
		{ 1, "news@c.d", "any" },
		{ 2, "own@c.d", "any" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(who(rows[i].route, rows[i].sender), rows[i].who);
}

/* An open author binds to nobody; the null sender as what stands in for it. */
static void test_of_a_message(void **state)
{
	static const struct {
		const char *sender;
		bool open;
		const char *as; /* the same as this sender's */
	} rows[] = {
		{ "news@c.d", false, "news@c.d" },
		{ "news@c.d", true, "x@other" },
		{ "", false, "own@c.d" },
		{ "", true, "own@c.d" },
	};
	const struct message_recipient recipient = { .address = VIEW("b@x.test") };
	struct depot *depot;
	struct shelf shelf;

	(void)state;
	assert_false(failed(depot_create(&depot, 16 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message *message = message_create(&shelf, 0);

		assert_true(message_set(message, MESSAGE_SENDER, view_of(rows[i].sender)));
		if (rows[i].open)
			message_open_author(message);
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
		assert_int_equal(senders_bind(senders, config, 0, message),
		        senders_find(senders, 0, view_of(rows[i].as)));
		message_release(message, &shelf);
	}
	shelf_finish(&shelf);
	depot_destroy(depot);
}

static void test_who_takes_the_rest(void **state)
{
	const struct config_route *routes = config->routes.at;

	(void)state;
	assert_true(senders_takes_any(&routes[0], 0));
	assert_false(senders_takes_any(&routes[0], 1));
	assert_true(senders_takes_any(&routes[0], 2));
	/* Nobody else is there for it. */
	assert_true(senders_takes_any(&routes[1], 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_narrowest),
		cmocka_unit_test(test_of_a_message),
		cmocka_unit_test(test_who_takes_the_rest),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
