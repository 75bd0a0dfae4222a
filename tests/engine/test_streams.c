/* Which stream a message is of, and what the configuration makes of streams. */
#include "engine/streams.h"
#include "engine/config_report.h"
#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char form[] =
        "listeners: [{address: \"127.0.0.1:2525\"}, {address: \"127.0.0.1:2526\", name: "
        "bulk.c.d}]\n"
        "routes: [{host: a}]\n"
        "streams:\n"
        "- {name: codes, urgent: true, weight: 3, expire: 10m, sender: [otp@c.d, \"@codes.c.d\"]}\n"
        "- {name: news, weight: 5, pace: 300, listener: bulk.c.d}\n"
        "- {name: alarms, urgent: true, header: [\"X-Priority: 1*\", \"Precedence: urgent\"]}\n"
        "- {name: web, user: shop, client: 10.0.0.0/8}\n";

static struct config *config;
static struct depot *depot;
static struct shelf shelf;

static struct config *load(const char *text)
{
	struct config_report report;
	struct config *loaded = NULL;

	config_report_init(&report);
	if (failed(config_load_text(&loaded, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	return loaded;
}

static int begin(void **state)
{
	(void)state;
	config = load(form);
	assert_non_null(config);
	assert_false(failed(depot_create(&depot, 64 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	return 0;
}

static int end(void **state)
{
	(void)state;
	shelf_finish(&shelf);
	depot_destroy(depot);
	config_destroy(config);
	return 0;
}

static const char *stream_of(const struct config *of, const char *sender, const char *listener,
        const char *user, const char *client, const char *body)
{
	const struct message_recipient recipient = { .address = VIEW("x@y.z") };
	struct message *message = message_create(&shelf, 0);

	assert_non_null(message);
	message_name(message, 1, (struct wall){ 1 });
	assert_true(message_set(message, MESSAGE_SENDER, view_of(sender)));
	assert_true(message_set(message, MESSAGE_CLIENT, view_of(client)));
	assert_true(message_set(message, MESSAGE_USER, view_of(user)));
	assert_true(message_set(message, MESSAGE_LISTENER, view_of(listener)));
	assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	assert_true(rope_append(&message->body, &shelf, view_of(body), 0));
	message_seal(message);
	const uint8_t stream = streams_find(of, message);
	message_release(message, &shelf);
	return streams_name(of, stream);
}

static void test_the_first_that_matches(void **state)
{
	static const struct {
		const char *sender;
		const char *listener;
		const char *user;
		const char *client;
		const char *body;
		const char *stream;
	} rows[] = {
		{ "otp@c.d", "127.0.0.1:2525", "", "127.0.0.1", "a: b\r\n\r\nc\r\n", "codes" },
		{ "OTP@C.D", "127.0.0.1:2526", "", "127.0.0.1", "a: b\r\n\r\nc\r\n", "codes" },
		{ "x@codes.c.d", "127.0.0.1:2525", "", "127.0.0.1", "a: b\r\n\r\n", "codes" },
		{ "x@c.d", "127.0.0.1:2526", "", "127.0.0.1", "a: b\r\n\r\n", "news" },
		{ "x@c.d", "127.0.0.1:2525", "", "127.0.0.1", "x-priority: 1 (Highest)\r\n\r\n",
		        "alarms" },
		{ "x@c.d", "127.0.0.1:2525", "", "127.0.0.1", "a: b\r\n\r\nX-Priority: 1\r\n", "" },
		{ "x@c.d", "127.0.0.1:2525", "shop", "10.1.2.3", "a: b\r\n\r\n", "web" },
		{ "x@c.d", "127.0.0.1:2525", "shop", "11.1.2.3", "a: b\r\n\r\n", "" },
		{ "", "127.0.0.1:2525", "", "", "\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(stream_of(config, rows[i].sender, rows[i].listener,
		                            rows[i].user, rows[i].client, rows[i].body),
		        rows[i].stream);
}

static void test_what_is_made_of_them(void **state)
{
	const struct retry_settings base = { 1, 2, 2, 7000 };
	struct schedule_stream streams[SCHEDULE_STREAMS_MAX];
	struct retry_settings retries[SCHEDULE_STREAMS_MAX];

	(void)state;
	assert_int_equal(streams_count(config), 5);
	streams_fill(config, streams);
	assert_false(streams[0].urgent);
	assert_int_equal(streams[0].weight, 1);
	assert_true(streams[1].urgent);
	assert_int_equal(streams[1].weight, 3);
	assert_int_equal(streams[2].weight, 5);
	assert_int_equal(streams_at(config, 2)->pace.count, 300);
	streams_fill_retry(config, &base, retries);
	assert_int_equal(retries[0].give_up_after_ms, 7000);
	assert_int_equal(retries[1].give_up_after_ms, 600000);
	assert_int_equal(retries[1].first_ms, 1);
	assert_int_equal(retries[2].give_up_after_ms, 7000);
}

static void test_none(void **state)
{
	struct config *plain = load("routes: [{host: a}]\n");

	(void)state;
	assert_non_null(plain);
	assert_int_equal(streams_count(plain), 1);
	assert_string_equal(stream_of(plain, "a@b.c", "", "", "", "\r\n"), "");
	config_destroy(plain);
}

static void test_complaints(void **state)
{
	(void)state;
	assert_null(load("routes: [{host: a}]\nstreams: [{urgent: true}]\n"));
	assert_null(load("routes: [{host: a}]\nstreams: [{name: x}, {name: x}]\n"));
	assert_null(load("routes: [{host: a}]\nstreams: [{name: x, weight: 0}]\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_that_matches),
		cmocka_unit_test(test_what_is_made_of_them),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_complaints),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
