/* The keeper and a real endpoint: one request for many askers, fresh tokens, refresh tokens that
 * outlive everything, commands, failures in words, and nobody waiting for somebody else. */
#include "engine/keeper.h"

#include "engine/config_report.h"
#include "tests/engine/token_stand.h"

#include <sys/stat.h>
#include <unistd.h>

#define SHARDS 2

struct fixture {
	struct token_stand stand;
	char secret[CERTIFICATES_PATH_BYTES];
	char refresh[CERTIFICATES_PATH_BYTES];
	struct config *config;
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct keeper keeper;
	struct keeper_ask asks[4];
	struct timer tick; /* so that a turn never waits for long */
	size_t answered;   /* asks, all there ever were */
};

static void tick(struct timer *timer)
{
	(void)timer;
}

static int begin(void **state)
{
	static const struct io_settings io = { 64, 1, 4096 };
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(fixture);
	token_stand_open(&fixture->stand);
	assert_true(mock_token_set(
	        &fixture->stand.tokens, MOCK_TOKEN_OPTION_PERSON, "a@contoso.com:first"));
	certificates_write_file(
	        &fixture->stand.certificates, "secret", TOKEN_STAND_SECRET "\n", fixture->secret);
	certificates_write_file(
	        &fixture->stand.certificates, "refresh", "first\n", fixture->refresh);
	assert_false(failed(depot_create(&fixture->depot, 1 << 20)));
	shelf_init(&fixture->shelf, fixture->depot);
	assert_false(failed(loop_init(&fixture->loop, &io, &fixture->shelf, &why)));
	loop_start(&fixture->loop);
	fixture->tick.expired = tick;
	*state = fixture;
	return 0;
}

/* `identities`: the items of the list. The tenant has the endpoint, the app and its secret. */
static void start(struct fixture *fixture, const char *identities)
{
	char file[4096];
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct config_report report;

	snprintf(file, sizeof file,
	        "tenants: [{name: contoso, id: contoso.com, oauth: {client_id: app, "
	        "client_secret_file: %s, token_url: \"%s\", ca_file: %s}}]\n"
	        "routes: [{interface: submission, identities: [%s]}]\n",
	        fixture->secret, fixture->stand.url, fixture->stand.certificates.authority,
	        identities);
	config_report_init(&report);
	if (failed(config_load_text(&fixture->config, "x.yaml", view_of(file), &report))) {
		config_report_print(&report, CONFIG_WRONG, stderr);
		fail();
	}
	config_report_finish(&report);
	const struct keeper_settings settings = {
		.config = fixture->config,
		.depot = fixture->depot,
		.seed = 1,
	};
	assert_false(failed(keeper_init(&fixture->keeper, &settings, &why)));
	for (uint16_t i = 0; i < SHARDS; i++)
		assert_false(failed(helper_join(&fixture->keeper.helper, i, &fixture->loop, 2)));
	assert_false(failed(helper_start(&fixture->keeper.helper)));
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	helper_stop(&fixture->keeper.helper);
	for (uint16_t i = 0; i < SHARDS; i++)
		helper_leave(&fixture->keeper.helper, i, &fixture->loop);
	keeper_finish(&fixture->keeper);
	loop_timer_stop(&fixture->loop, &fixture->tick);
	loop_finish(&fixture->loop);
	shelf_finish(&fixture->shelf);
	depot_destroy(fixture->depot);
	config_destroy(fixture->config);
	token_stand_close(&fixture->stand);
	free(fixture);
	return 0;
}

/* Ask number i, for an identity, from the shard i % SHARDS. */
static void send_ask(struct fixture *fixture, size_t i, size_t identity)
{
	struct keeper_ask *ask = &fixture->asks[i];

	ask->identity = &fixture->config->routes.at[0].identities.at[identity];
	atomic_store(&ask->given_up, false);
	helper_ask(&fixture->keeper.helper, (uint16_t)(i % SHARDS), &ask->ask);
}

static void turn(struct fixture *fixture)
{
	loop_begin(&fixture->loop);
	loop_run_completions(&fixture->loop, 64);
	loop_run_timers(&fixture->loop);
	for (uint16_t i = 0; i < SHARDS; i++)
		while (helper_answered(&fixture->keeper.helper, i) != NULL)
			fixture->answered++;
	loop_timer_after(&fixture->loop, &fixture->tick, NS_PER_MS);
	loop_end(&fixture->loop);
}

static void wait_answers(struct fixture *fixture, size_t answered)
{
	while (fixture->answered < answered)
		turn(fixture);
	assert_int_equal(fixture->answered, answered);
}

static struct keeper_ask *ask(struct fixture *fixture, size_t i, size_t identity)
{
	send_ask(fixture, i, identity);
	wait_answers(fixture, fixture->answered + 1);
	return &fixture->asks[i];
}

static void assert_good(struct fixture *fixture, const struct keeper_ask *answer)
{
	if (failed(answer->err))
		fail_msg("%s", answer->why);
	assert_true(mock_token_accepts(&fixture->stand.tokens, view_of(answer->identity->user),
	        view_from(answer->secret, answer->bytes), clock_wall().ms / 1000));
}

static void test_one_for_all(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "{user: a@contoso.com}, {user: b@contoso.com}");
	assert_int_equal(fixture->config->token_count, 1);
	for (size_t i = 0; i < 4; i++)
		send_ask(fixture, i, i / 2);
	wait_answers(fixture, 4);
	for (size_t i = 0; i < 4; i++)
		assert_good(fixture, &fixture->asks[i]);
	assert_good(fixture, ask(fixture, 0, 1));
	assert_int_equal(token_stand_requests(&fixture->stand), 1);
	keeper_wipe(&fixture->asks[0]);
	for (size_t i = 0; i < sizeof fixture->asks[0].secret; i++)
		assert_int_equal(fixture->asks[0].secret[i], 0);
}

static void test_refused_once(void **state)
{
	struct fixture *fixture = *state;
	struct keeper_ask *answer;

	start(fixture, "{user: a@contoso.com}, {user: b@contoso.com}");
	answer = ask(fixture, 0, 0);
	assert_good(fixture, answer);
	assert_int_equal(answer->serial, 1);
	(void)ask(fixture, 1, 1);
	token_stand_say(&fixture->stand, "revoke", "");
	for (size_t i = 0; i < 3; i++) {
		answer->refused = true;
		answer = ask(fixture, 0, 0);
		assert_good(fixture, answer);
		assert_int_equal(answer->serial, 2);
	}
	/* The other's was refused too, and there is a fresh one already. */
	fixture->asks[1].refused = true;
	assert_good(fixture, ask(fixture, 1, 1));
	assert_int_equal(token_stand_requests(&fixture->stand), 2);
}

static void test_wrong_secret(void **state)
{
	struct fixture *fixture = *state;
	const struct keeper_ask *answer;

	token_stand_say(&fixture->stand, "rotate", "secret=another");
	start(fixture, "{user: a@contoso.com}");
	for (size_t i = 0; i < 3; i++) {
		answer = ask(fixture, 0, 0);
		assert_true(failed(answer->err));
		assert_false(answer->transient);
		assert_true(answer->wait_ns > 0);
		assert_non_null(strstr(answer->why, "the client secret is wrong: AADSTS7000215"));
		assert_null(strstr(answer->why, TOKEN_STAND_SECRET));
		assert_non_null(strstr(answer->advice, "New client secret"));
	}
	assert_int_equal(token_stand_requests(&fixture->stand), 1);
	/* Mended, and somebody said so. */
	certificates_write_file(
	        &fixture->stand.certificates, "secret", "another\n", fixture->secret);
	do {
		fixture->asks[0].again = true;
		answer = ask(fixture, 0, 0);
		token_stand_pause();
	} while (failed(answer->err));
	assert_good(fixture, answer);
}

static void test_missing_file(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "{user: a@contoso.com}");
	assert_int_equal(unlink(fixture->secret), 0);
	const struct keeper_ask *answer = ask(fixture, 0, 0);
	assert_true(failed(answer->err));
	assert_non_null(strstr(answer->why, "secret: No such file"));
	assert_int_equal(token_stand_requests(&fixture->stand), 0);
}

static void test_busy_endpoint(void **state)
{
	struct fixture *fixture = *state;

	token_stand_say(&fixture->stand, "fault", "kind=busy&retry_after=3000&times=1");
	start(fixture, "{user: a@contoso.com}");
	const struct keeper_ask *answer = ask(fixture, 0, 0);
	assert_true(failed(answer->err));
	assert_true(answer->transient);
	assert_true(answer->wait_ns > 2900 * NS_PER_S);
	fixture->asks[0].again = true;
	assert_true(failed(ask(fixture, 0, 0)->err));
	assert_int_equal(token_stand_requests(&fixture->stand), 1);
}

#define PUBLIC "{user: a@contoso.com, oauth: {client_id: public, refresh_token_file: %s}}"

static void start_refresh(struct fixture *fixture)
{
	char identity[512];

	snprintf(identity, sizeof identity, PUBLIC, fixture->refresh);
	start(fixture, identity);
}

static void read_refresh(const struct fixture *fixture, char *into, size_t bytes)
{
	FILE *file = fopen(fixture->refresh, "re");

	assert_non_null(file);
	assert_non_null(fgets(into, (int)bytes, file));
	assert_int_equal(fclose(file), 0);
}

static void test_rotation(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	char before[256];
	char after[256];

	start_refresh(fixture);
	assert_good(fixture, ask(fixture, 0, 0));
	read_refresh(fixture, before, sizeof before);
	assert_string_not_equal(before, "first\n");
	assert_int_equal(stat(fixture->refresh, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	fixture->asks[0].refused = true;
	assert_good(fixture, ask(fixture, 0, 0));
	read_refresh(fixture, after, sizeof after);
	assert_string_not_equal(before, after);
}

/* It can't be stored: the new one is used from memory, until somebody stores another. */
static void test_not_stored(void **state)
{
	struct fixture *fixture = *state;
	char beside[CERTIFICATES_PATH_BYTES + 8];
	char text[256];

	start_refresh(fixture);
	token_stand_say(&fixture->stand, "lifetime", "seconds=1");
	snprintf(beside, sizeof beside, "%s.new", fixture->refresh);
	assert_int_equal(mkdir(beside, 0700), 0);
	/* By the third, the endpoint has long forgotten the one in the file. */
	for (uint64_t serial = 1; serial < 5; serial++) {
		do {
			assert_false(failed(ask(fixture, 0, 0)->err));
			token_stand_pause();
		} while (fixture->asks[0].serial < serial);
		read_refresh(fixture, text, sizeof text);
		assert_string_equal(text, "first\n");
	}
	assert_int_equal(rmdir(beside), 0);
	const uint64_t serial = fixture->asks[0].serial;
	do {
		assert_false(failed(ask(fixture, 0, 0)->err));
		token_stand_pause();
	} while (fixture->asks[0].serial == serial);
	read_refresh(fixture, text, sizeof text);
	assert_string_not_equal(text, "first\n");
}

/* Another process rotates while our request is on its way: its heir is tried at once. */
static void test_outdated(void **state)
{
	struct fixture *fixture = *state;

	certificates_write_file(
	        &fixture->stand.certificates, "refresh", "stale\n", fixture->refresh);
	token_stand_say(&fixture->stand, "fault", "kind=hang&times=0");
	start_refresh(fixture);
	send_ask(fixture, 0, 0);
	while (token_stand_requests(&fixture->stand) == 0)
		turn(fixture);
	certificates_write_file(
	        &fixture->stand.certificates, "refresh", "first\n", fixture->refresh);
	token_stand_say(&fixture->stand, "fault", "kind=none");
	wait_answers(fixture, 1);
	assert_good(fixture, &fixture->asks[0]);
	assert_int_equal(token_stand_requests(&fixture->stand), 2);
}

static void test_command(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "{user: a@contoso.com, oauth: {command: [/bin/echo, a.token]}}, "
	               "{user: b@contoso.com, oauth: {command: [/bin/echo, a.token]}}, "
	               "{user: c@contoso.com, oauth: {command: [/bin/echo, "
	               "'{\"access_token\":\"json\",\"expires_in\":60}']}}, "
	               "{user: d@contoso.com, oauth: {command: [/bin/sh, -c, 'exit 7']}}");
	assert_int_equal(fixture->config->token_count, 3);
	const struct keeper_ask *answer = ask(fixture, 0, 0);
	assert_int_equal(answer->bytes, 7);
	assert_memory_equal(answer->secret, "a.token", 7);
	answer = ask(fixture, 1, 2);
	assert_int_equal(answer->bytes, 4);
	assert_memory_equal(answer->secret, "json", 4);
	answer = ask(fixture, 2, 3);
	assert_true(failed(answer->err));
	assert_true(answer->transient);
	assert_non_null(strstr(answer->why, "/bin/sh: it ended with status 7"));
	assert_int_equal(token_stand_requests(&fixture->stand), 0);
}

/* Whose endpoint hangs waits, and nobody else; and is let go when the engine stops. */
static void test_hanging(void **state)
{
	struct fixture *fixture = *state;

	token_stand_say(&fixture->stand, "fault", "kind=hang&client=public");
	char identities[512];

	snprintf(identities, sizeof identities,
	        "{user: a@contoso.com, oauth: {client_id: public, client_secret_file: %s}}, "
	        "{user: b@contoso.com}",
	        fixture->secret);
	start(fixture, identities);
	send_ask(fixture, 0, 0);
	send_ask(fixture, 1, 0);
	while (token_stand_requests(&fixture->stand) == 0)
		turn(fixture);
	assert_good(fixture, ask(fixture, 2, 1));
	assert_int_equal(fixture->answered, 1);
	atomic_store(&fixture->asks[0].given_up, true);
	wait_answers(fixture, 2);
	assert_true(failed(fixture->asks[0].err));
	assert_true(fixture->asks[0].transient);
	atomic_store(&fixture->asks[1].given_up, true);
	wait_answers(fixture, 3);
	assert_int_equal(token_stand_requests(&fixture->stand), 2);
}

/* Renewed by itself, ahead of its end, as long as it is in use. */
static void test_renewal(void **state)
{
	struct fixture *fixture = *state;

	token_stand_say(&fixture->stand, "lifetime", "seconds=2");
	start(fixture, "{user: a@contoso.com}");
	assert_false(failed(ask(fixture, 0, 0)->err));
	while (token_stand_requests(&fixture->stand) < 2)
		token_stand_pause();
	/* The answer may still be on its way. */
	while (fixture->asks[0].serial < 2)
		assert_false(failed(ask(fixture, 0, 0)->err));
}

static void test_wrong_service(void **state)
{
	struct fixture *fixture = *state;

	start(fixture,
	        "{user: a@contoso.com, oauth: {scope: \"https://graph.microsoft.com/.default\"}}");
	const struct keeper_ask *answer = ask(fixture, 0, 0);
	assert_false(failed(answer->err));
	assert_non_null(strstr(answer->hint, "This token is for Microsoft Graph"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_for_all),
		TEST(test_refused_once),
		TEST(test_wrong_secret),
		TEST(test_missing_file),
		TEST(test_busy_endpoint),
		TEST(test_rotation),
		TEST(test_not_stored),
		TEST(test_outdated),
		TEST(test_command),
		TEST(test_hanging),
		TEST(test_renewal),
		TEST(test_wrong_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
