/* The real body of the seam against a real endpoint: what is asked, what is taken, what is not. */
#include "engine/token_http.h"

#include "tests/engine/token_stand.h"

#define FORM                                                                                       \
	"grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fx%2F.default"             \
	"&client_secret=s3cret+of+an+app"

struct fixture {
	struct token_stand stand;
	struct token_http *http;
	char answer[4096];
};

static int begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	token_stand_open(&fixture->stand);
	assert_false(failed(token_http_create(&fixture->http)));
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	token_http_destroy(fixture->http);
	token_stand_close(&fixture->stand);
	free(fixture);
	return 0;
}

static struct token_http_request request_of(struct fixture *fixture)
{
	return (struct token_http_request){
		.url = fixture->stand.url,
		.ca_file = fixture->stand.certificates.authority,
		.timeout_ns = TOKEN_STAND_PATIENCE,
		.form = VIEW(FORM),
		.into = { fixture->answer, sizeof fixture->answer },
	};
}

static void finish(struct fixture *fixture, struct token_http_request *request)
{
	while (!request->done) {
		token_http_work(fixture->http);
		token_stand_pause();
	}
	assert_null(request->transfer);
}

static void ask(struct fixture *fixture, struct token_http_request *request)
{
	token_http_begin(fixture->http, request);
	finish(fixture, request);
}

static void test_granted(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);

	ask(fixture, &request);
	assert_string_equal(request.why, "");
	assert_int_equal(request.status, 200);
	assert_true(request.bytes > 100);
	assert_memory_equal(fixture->answer, "{\"token_type\":\"Bearer\"", 22);
	/* And again, over the connection that is kept or another. */
	ask(fixture, &request);
	assert_int_equal(request.status, 200);
	assert_int_equal(token_stand_requests(&fixture->stand), 2);
}

static void test_statuses(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);

	token_stand_say(&fixture->stand, "fault", "kind=busy&retry_after=17&times=1");
	ask(fixture, &request);
	assert_int_equal(request.status, 429);
	assert_int_equal(request.retry_after_s, 17);
	token_stand_say(&fixture->stand, "fault", "kind=broken&times=1");
	ask(fixture, &request);
	assert_int_equal(request.status, 503);
	assert_int_equal(request.retry_after_s, 0);
	/* A redirection is an answer like any other: nobody follows it. */
	token_stand_say(&fixture->stand, "fault", "kind=redirect&times=1");
	ask(fixture, &request);
	assert_int_equal(request.status, 302);
	assert_int_equal(token_stand_requests(&fixture->stand), 3);
}

static void test_too_long(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);

	token_stand_say(&fixture->stand, "fault", "kind=huge&times=1");
	ask(fixture, &request);
	assert_int_equal(request.status, 0);
	assert_string_equal(request.why, "the answer is too long for one of a token endpoint");
}

static void test_not_trusted(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);
	char url[256];

	/* The system's roots don't know our authority. */
	request.ca_file = NULL;
	ask(fixture, &request);
	assert_int_equal(request.status, 0);
	assert_non_null(strstr(request.why, "certificate"));
	/* Another name than the certificate's. */
	request = request_of(fixture);
	snprintf(url, sizeof url, "https://[::ffff:127.0.0.1]:%u/contoso.com/oauth2/v2.0/token",
	        fixture->stand.at.port);
	request.url = url;
	ask(fixture, &request);
	assert_int_equal(request.status, 0);
	assert_int_equal(token_stand_requests(&fixture->stand), 0);
}

static void test_other_schemes(void **state)
{
	static const char *const urls[] = { "http://localhost:1/", "file:///etc/hosts", "",
		"https://user:word@localhost:1/", "ftp://localhost:1/" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct token_http_request request = request_of(fixture);
		request.url = urls[i];
		ask(fixture, &request);
		assert_int_equal(request.status, 0);
		assert_int_equal(request.bytes, 0);
		assert_true(strlen(request.why) > 0);
	}
}

static void test_environment(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);

	/* Nobody listens there: whoever obeyed would get nowhere. */
	assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	ask(fixture, &request);
	assert_int_equal(request.status, 200);
	assert_int_equal(unsetenv("https_proxy"), 0);
	assert_int_equal(unsetenv("ALL_PROXY"), 0);
	request.proxy = "http://127.0.0.1:1";
	ask(fixture, &request);
	assert_int_equal(request.status, 0);
}

/* One that hangs holds up no other, and ends by its time or by being let go. */
static void test_hanging(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request hanging[3];
	struct token_http_request request = request_of(fixture);

	token_stand_say(&fixture->stand, "fault", "kind=hang&client=nobody");
	for (size_t i = 0; i < 3; i++) {
		hanging[i] = request_of(fixture);
		hanging[i].form = VIEW("client_id=nobody");
		if (i == 0)
			hanging[i].timeout_ns = NS_PER_S;
		token_http_begin(fixture->http, &hanging[i]);
	}
	ask(fixture, &request);
	assert_int_equal(request.status, 200);
	finish(fixture, &hanging[0]);
	assert_int_equal(hanging[0].status, 0);
	assert_non_null(strstr(hanging[0].why, "timed out"));
	assert_false(hanging[1].done);
	token_http_cancel(fixture->http, &hanging[1]);
	token_http_cancel(fixture->http, &hanging[1]);
	token_stand_say(&fixture->stand, "fault", "kind=none");
	finish(fixture, &hanging[2]);
	assert_int_equal(hanging[2].status, 503);
}

static void test_nobody_there(void **state)
{
	struct fixture *fixture = *state;
	struct token_http_request request = request_of(fixture);

	request.url = "https://localhost:1/token";
	ask(fixture, &request);
	assert_int_equal(request.status, 0);
	assert_non_null(strstr(request.why, "connect"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_granted),
		TEST(test_statuses),
		TEST(test_too_long),
		TEST(test_not_trusted),
		TEST(test_other_schemes),
		TEST(test_environment),
		TEST(test_hanging),
		TEST(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
