/* One attempt at a time: how long a token is good, and what each kind of failure is called. */
#include "engine/token_fetch.h"

#include "engine/wire/base64.h"
#include "tests/engine/token_stand.h"

struct fixture {
	struct token_stand stand;
	char secret[CERTIFICATES_PATH_BYTES];
	struct token_http *http;
	struct config_oauth oauth;
	struct token_fetch fetch;
	char memory[TOKEN_FETCH_BYTES];
};

static int begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	token_stand_open(&fixture->stand);
	certificates_write_file(
	        &fixture->stand.certificates, "secret", TOKEN_STAND_SECRET "\n", fixture->secret);
	assert_false(failed(token_http_create(&fixture->http)));
	fixture->oauth = (struct config_oauth){
		.flow = FLOW_CLIENT_CREDENTIALS,
		.client_id = "app",
		.client_secret_file = fixture->secret,
		.token_url = fixture->stand.url,
		.scope = "https://outlook.office365.com/.default",
		.ca_file = fixture->stand.certificates.authority,
		.timeout_ns = TOKEN_STAND_PATIENCE,
	};
	fixture->fetch.http = fixture->http;
	fixture->fetch.memory = (struct span){ fixture->memory, sizeof fixture->memory };
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	token_fetch_end(&fixture->fetch);
	token_http_destroy(fixture->http);
	token_stand_close(&fixture->stand);
	free(fixture);
	return 0;
}

static struct token_fetch *fetch(struct fixture *fixture)
{
	static const struct token_fetch_unsaved none;
	struct token_fetch *one = &fixture->fetch;

	token_fetch_end(one);
	token_fetch_begin(one, &fixture->oauth, &none, false, clock_mono(), clock_wall());
	while (!one->done) {
		token_http_work(fixture->http);
		token_fetch_work(one, clock_mono(), clock_wall());
		token_stand_pause();
	}
	return one;
}

static void test_token(void **state)
{
	struct fixture *fixture = *state;
	const struct token_fetch *one = fetch(fixture);

	assert_null(one->error);
	assert_int_equal(one->lifetime_s, 3600);
	assert_string_equal(one->claims.rights, "SMTP.SendAsApp");
	/* Nothing of it stays behind. */
	token_fetch_end(&fixture->fetch);
	for (size_t i = 0; i < sizeof fixture->memory; i++)
		assert_int_equal(fixture->memory[i], 0);
}

static void assert_failed(struct fixture *fixture, const char *word, const char *text)
{
	const struct token_fetch *one = fetch(fixture);

	assert_non_null(one->error);
	if (word != NULL)
		assert_string_equal(one->error->word, word);
	if (strstr(one->text, text) == NULL)
		fail_msg("%s", one->text);
}

static void test_failures(void **state)
{
	struct fixture *fixture = *state;

	token_stand_say(&fixture->stand, "fault", "kind=garbage&times=1");
	assert_failed(fixture, NULL, "/oauth2/v2.0/token answers 200");
	token_stand_say(&fixture->stand, "fault", "kind=broken&retry_after=9&times=1");
	assert_failed(fixture, NULL, "answers 503");
	assert_int_equal(fixture->fetch.retry_after_s, 9);
	token_stand_say(&fixture->stand, "fault", "kind=huge&times=1");
	assert_failed(fixture, NULL, "answers 200");
	token_stand_say(&fixture->stand, "fault", "kind=refuse&code=53003&times=1");
	assert_failed(fixture, NULL, "AADSTS53003: As it was told to.");
	assert_int_equal(fixture->fetch.error->code, 53003);
	fixture->oauth.client_secret_file = "/nonexistent";
	assert_failed(fixture, "file", "/nonexistent: No such file");
	fixture->oauth.client_secret_file = NULL;
	fixture->oauth.certificate = fixture->secret;
	fixture->oauth.key = fixture->secret;
	assert_failed(fixture, "key", fixture->secret);
	fixture->oauth.certificate = NULL;
	fixture->oauth.token_url = "https://localhost:1/";
	assert_failed(fixture, "unreachable", "connect");
}

static void set_command(struct fixture *fixture, const char *const *words)
{
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	fixture->oauth.flow = FLOW_COMMAND;
	fixture->oauth.command = (struct config_words){ words, count };
}

/* A JWT that says when it ends. */
static void make_token(int64_t expires_s, char *into, size_t bytes)
{
	struct text text = text_on(into, bytes);
	char payload[64];

	snprintf(payload, sizeof payload, "{\"exp\":%lld}", (long long)expires_s);
	text_put(&text, VIEW("e30."));
	base64_url_encode(&text, view_of(payload));
	text_put(&text, VIEW(".x"));
	(void)text_string(&text);
}

static void test_lifetimes(void **state)
{
	struct fixture *fixture = *state;
	const int64_t now_s = clock_wall().ms / 1000;
	char token[256];
	const char *const words[] = { "/bin/echo", token, NULL };

	set_command(fixture, words);
	make_token(now_s + 1000, token, sizeof token);
	assert_null(fetch(fixture)->error);
	assert_in_range(fixture->fetch.lifetime_s, 900, 1000);
	make_token(now_s - 5, token, sizeof token);
	assert_failed(fixture, "expired", "it ended");
	make_token(now_s + 100000000, token, sizeof token);
	assert_null(fetch(fixture)->error);
	assert_int_equal(fixture->fetch.lifetime_s, TOKEN_LIFETIME_MOST_S);
	snprintf(token, sizeof token, "opaque");
	assert_null(fetch(fixture)->error);
	assert_int_equal(fixture->fetch.lifetime_s, TOKEN_LIFETIME_UNSAID_S);
	/* What the answer says goes before what the token says. */
	snprintf(token, sizeof token, "{\"access_token\":\"x\",\"expires_in\":77}");
	assert_null(fetch(fixture)->error);
	assert_int_equal(fixture->fetch.lifetime_s, 77);
}

static void test_commands(void **state)
{
	static const char *const largest[] = { "/bin/sh", "-c",
		"head -c 8192 /dev/zero | tr '\\0' x", NULL };
	static const char *const long_words[] = { "/bin/sh", "-c",
		"head -c 8193 /dev/zero | tr '\\0' x", NULL };
	static const char *const refusing[] = { "/bin/echo",
		"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: dead\"}",
		NULL };
	static const char *const talking[] = { "/bin/echo", "two words", NULL };
	static const char *const missing[] = { "/nonexistent", NULL };
	struct fixture *fixture = *state;

	set_command(fixture, largest);
	assert_null(fetch(fixture)->error);
	assert_int_equal(fixture->fetch.reply.access_token.bytes, TOKEN_BYTES_MAX);
	set_command(fixture, long_words);
	assert_failed(fixture, "too_long", "8193 bytes");
	set_command(fixture, refusing);
	assert_failed(fixture, NULL, "AADSTS700082: dead");
	assert_int_equal(fixture->fetch.error->code, 700082);
	set_command(fixture, talking);
	assert_failed(fixture, "command", "neither a token nor a JSON object");
	set_command(fixture, missing);
	assert_failed(fixture, "command", "/nonexistent: No such file");
}

/* A refresh token that was taken, and stored with a line end, can be read again. */
static void test_largest_refresh_token(void **state)
{
	static char token[TOKEN_BYTES_MAX + 3];
	struct fixture *fixture = *state;
	char path[CERTIFICATES_PATH_BYTES];

	memset(token, 'r', TOKEN_BYTES_MAX);
	token[TOKEN_BYTES_MAX] = '\n';
	certificates_write_file(&fixture->stand.certificates, "refresh", token, path);
	fixture->oauth.flow = FLOW_REFRESH_TOKEN;
	fixture->oauth.client_secret_file = NULL;
	fixture->oauth.client_id = "public";
	fixture->oauth.scope = "https://outlook.office.com/SMTP.Send";
	fixture->oauth.refresh_token_file = path;
	assert_failed(fixture, NULL, "AADSTS");
	memcpy(token + TOKEN_BYTES_MAX, "rr\n", 3);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(token, 1, sizeof token, file), sizeof token);
	assert_int_equal(fclose(file), 0);
	assert_failed(fixture, "file", path);
}

static void test_outdated(void **state)
{
	struct fixture *fixture = *state;
	char path[CERTIFICATES_PATH_BYTES];

	certificates_write_file(&fixture->stand.certificates, "refresh", "stale\n", path);
	fixture->oauth.flow = FLOW_REFRESH_TOKEN;
	fixture->oauth.client_secret_file = NULL;
	fixture->oauth.client_id = "public";
	fixture->oauth.scope = "https://outlook.office.com/SMTP.Send";
	fixture->oauth.refresh_token_file = path;
	assert_failed(fixture, NULL, "AADSTS50173");
	assert_false(token_fetch_is_outdated(&fixture->fetch));
	certificates_write_file(&fixture->stand.certificates, "refresh", "other\n", path);
	assert_true(token_fetch_is_outdated(&fixture->fetch));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_token),
		TEST(test_failures),
		TEST(test_lifetimes),
		TEST(test_commands),
		TEST(test_outdated),
		TEST(test_largest_refresh_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
