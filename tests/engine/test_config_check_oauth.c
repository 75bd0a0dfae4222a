/* Tenants and tokens in the configuration: presets, inheritance, and what is not enough. */
#include "engine/config_check_oauth.h"

#include "queue/base/clock.h"
#include "tests/engine/config_rows.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	struct certificates certificates;
	char path[CERTIFICATES_PATH_BYTES]; /* of the configuration */
	char app[2][CERTIFICATES_PATH_BYTES];
	struct config *config;
	char wrong[CONFIG_ROWS_OUTPUT_BYTES];
	char notes[CONFIG_ROWS_OUTPUT_BYTES];
};

static int begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char path[CERTIFICATES_PATH_BYTES];

	assert_non_null(fixture);
	certificates_init(&fixture->certificates);
	certificates_make_app(
	        &fixture->certificates, "app", 2048, 90, fixture->app[0], fixture->app[1]);
	certificates_make_app(&fixture->certificates, "soon", 2048, 7, path, path);
	certificates_write_file(&fixture->certificates, "secret", "s\n", path);
	certificates_write_file(&fixture->certificates, "refresh", "r\n", path);
	certificates_write_file(&fixture->certificates, "program", "#!/bin/sh\n", path);
	assert_int_equal(chmod(path, 0700), 0);
	certificates_write_file(&fixture->certificates, "open", "o\n", path);
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(fixture->path, sizeof fixture->path, "%s/x.yaml", fixture->certificates.folder);
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	config_destroy(fixture->config);
	certificates_finish(&fixture->certificates);
	free(fixture);
	return 0;
}

static const struct config *load(struct fixture *fixture, const char *text)
{
	struct config_report report;

	config_destroy(fixture->config);
	fixture->config = NULL;
	memset(fixture->wrong, 0, sizeof fixture->wrong);
	memset(fixture->notes, 0, sizeof fixture->notes);
	config_report_init(&report);
	const struct err err =
	        config_load_text(&fixture->config, fixture->path, view_of(text), &report);
	config_rows_print(&report, CONFIG_WRONG, fixture->wrong);
	config_rows_print(&report, CONFIG_NOTE, fixture->notes);
	config_report_finish(&report);
	assert_int_equal(failed(err), fixture->config == NULL);
	return fixture->config;
}

static const struct config *load_right(struct fixture *fixture, const char *text)
{
	const struct config *config = load(fixture, text);

	if (config == NULL)
		fail_msg("refused:\n%s\n%s", text, fixture->wrong);
	return config;
}

static const struct config_identity *identity(const struct config *config, size_t route, size_t at)
{
	return &config->routes.at[route].identities.at[at];
}

static void test_clouds(void **state)
{
	static const struct {
		const char *cloud;
		const char *host;
		const char *token_url;
		const char *scope;
	} cases[] = {
		{ "worldwide", "smtp.office365.com",
		        "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token",
		        "https://outlook.office365.com/.default" },
		{ "gcc_high", "smtp.office365.us",
		        "https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token",
		        "https://outlook.office365.us/.default" },
		{ "dod", "outlook-dod.office365.us",
		        "https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token",
		        "https://outlook-dod.office365.us/.default" },
		{ "china", "smtp.partner.outlook.cn",
		        "https://login.partner.microsoftonline.cn/contoso.com/oauth2/v2.0/token",
		        "https://partner.outlook.cn/.default" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[1024];
		snprintf(text, sizeof text,
		        "tenants: [{id: contoso.com, cloud: %s, oauth: {client_id: a, "
		        "client_secret_file: secret}}]\n"
		        "routes: [{interface: submission, identities: [{user: a@contoso.com}]}]\n",
		        cases[i].cloud);
		const struct config *config = load_right(*state, text);
		const struct config_identity *one = identity(config, 0, 0);
		assert_string_equal(config->tenants.at[0].name, "contoso.com");
		assert_string_equal(config->routes.at[0].host, cases[i].host);
		assert_int_equal(one->auth, IDENTITY_AUTH_XOAUTH2);
		assert_int_equal(one->oauth.flow, FLOW_CLIENT_CREDENTIALS);
		assert_string_equal(one->oauth.token_url, cases[i].token_url);
		assert_string_equal(one->oauth.scope, cases[i].scope);
		assert_ptr_equal(one->oauth.tenancy, &config->tenants.at[0]);
		assert_int_equal(one->oauth.timeout_ns, 30 * NS_PER_S);
		assert_int_equal(one->oauth.margin_ns, 300 * NS_PER_S);
	}
}

static void test_other_presets(void **state)
{
	struct fixture *fixture = *state;
	const struct config *config = load_right(fixture,
	        "tenants:\n"
	        "  - {name: one, id: 9c1f3a52-0000-4000-8000-00000000c0de}\n"
	        "  - {name: two, cloud: china, id: two.cn}\n"
	        "routes:\n"
	        "  - {interface: hve, identities: [{user: a, oauth: {client_id: c, "
	        "refresh_token_file: refresh}}]}\n"
	        "  - {name: b, interface: submission, tenant: two, identities: [{user: a, "
	        "secret_file: secret}]}\n"
	        "  - {name: c, interface: submission, tenant: Two, host: own.test, identities: "
	        "[{user: a, secret_file: secret}]}\n");

	assert_string_equal(config->routes.at[0].host, "smtp.hve.mx.microsoft");
	assert_string_equal(identity(config, 0, 0)->oauth.token_url,
	        "https://login.microsoftonline.com/9c1f3a52-0000-4000-8000-00000000c0de/oauth2/"
	        "v2.0/token");
	assert_string_equal(identity(config, 0, 0)->oauth.scope,
	        "https://outlook.office.com/SMTP.Send offline_access");
	assert_int_equal(identity(config, 0, 0)->oauth.margin_ns, 900 * NS_PER_S);
	assert_string_equal(config->routes.at[1].host, "smtp.partner.outlook.cn");
	assert_ptr_equal(config->routes.at[1].tenancy, &config->tenants.at[1]);
	assert_string_equal(config->routes.at[2].host, "own.test");
	/* Without a tenant, and with a password, all is as it was. */
	config = load_right(fixture, "routes: [{interface: submission, identities: [{user: a, "
	                             "secret_file: secret}]}]\n");
	assert_string_equal(config->routes.at[0].host, "smtp.office365.com");
	assert_null(config->routes.at[0].tenancy);
	assert_int_equal(identity(config, 0, 0)->auth, IDENTITY_AUTH_PASSWORD);
	assert_int_equal(config->token_count, 0);
}

/* The nearest level that says something says it; secret and certificate go together. */
static void test_inheritance(void **state)
{
	struct fixture *fixture = *state;
	const struct config *config = load_right(fixture,
	        "tenants:\n"
	        "  - {name: one, id: one.test, oauth: {client_id: app1, client_secret_file: "
	        "secret, timeout: 7s}}\n"
	        "routes:\n"
	        "  - name: r\n"
	        "    interface: submission\n"
	        "    oauth: {client_id: app2, client_secret_file: secret, scope: own}\n"
	        "    identities:\n"
	        "      - {user: a}\n"
	        "      - {user: b, oauth: {client_id: app3, certificate: app.pem, key: app.key}}\n"
	        "      - {user: c, oauth: {refresh_token_file: refresh, margin: 6m}}\n"
	        "      - {user: d, oauth: {command: [program, x]}}\n"
	        "      - {user: e, auth: xoauth2, secret_file: secret}\n"
	        "      - {user: f, auth: login, secret_file: secret}\n"
	        "      - {user: g, oauth: {token_url: \"https://own.test/t\"}}\n"
	        "      - {user: h, oauth: {client_id: public, refresh_token_file: refresh}}\n");
	const struct config_oauth *a = &identity(config, 0, 0)->oauth;
	const struct config_oauth *b = &identity(config, 0, 1)->oauth;
	const struct config_oauth *c = &identity(config, 0, 2)->oauth;
	const struct config_oauth *d = &identity(config, 0, 3)->oauth;
	char program[CERTIFICATES_PATH_BYTES + 16];

	assert_int_equal(a->flow, FLOW_CLIENT_CREDENTIALS);
	assert_string_equal(a->client_id, "app2");
	assert_string_equal(a->scope, "own");
	assert_int_equal(a->timeout_ns, 7 * NS_PER_S);
	assert_string_equal(b->client_id, "app3");
	assert_string_equal(b->certificate, fixture->app[0]);
	assert_null(b->client_secret_file);
	assert_int_equal(c->flow, FLOW_REFRESH_TOKEN);
	assert_non_null(c->client_secret_file);
	assert_int_equal(c->margin_ns, 360 * NS_PER_S);
	assert_int_equal(d->flow, FLOW_COMMAND);
	snprintf(program, sizeof program, "%s/program", fixture->certificates.folder);
	assert_string_equal(d->command.at[0], program);
	assert_string_equal(d->command.at[1], "x");
	assert_null(d->command.at[2]);
	assert_int_equal(identity(config, 0, 4)->oauth.flow, FLOW_FILE);
	assert_int_equal(identity(config, 0, 5)->auth, IDENTITY_AUTH_LOGIN);
	assert_string_equal(identity(config, 0, 6)->oauth.token_url, "https://own.test/t");
	/* Another app's secret is not this one's. */
	assert_null(identity(config, 0, 7)->oauth.client_secret_file);
}

static void test_numbers(void **state)
{
	struct fixture *fixture = *state;
	const struct config *config = load_right(fixture,
	        "tenants: [{id: a.test, oauth: {client_id: app, client_secret_file: secret}}, "
	        "{id: b.test, oauth: {client_id: app, client_secret_file: secret}}]\n"
	        "routes:\n"
	        "  - {name: x, interface: submission, identities: [{user: a}, {user: b}, {user: "
	        "c, oauth: {client_id: other, client_secret_file: secret}}, {user: p, secret_file: "
	        "secret}]}\n"
	        "  - {name: y, interface: hve, identities: [{user: a}, {user: d, oauth: "
	        "{refresh_token_file: refresh}}, {user: e, oauth: {command: [/bin/echo, 1]}}, "
	        "{user: f, oauth: {command: [/bin/echo, 1]}}, {user: g, oauth: {command: "
	        "[/bin/echo, 2]}}]}\n"
	        "  - {name: z, interface: submission, tenant: b.test, identities: [{user: a}]}\n");
	const uint32_t shared = identity(config, 0, 0)->token;

	assert_int_equal(config->token_count, 6);
	assert_int_equal(identity(config, 0, 1)->token, shared);
	assert_int_equal(identity(config, 1, 0)->token, shared);
	assert_int_not_equal(identity(config, 0, 2)->token, shared);
	assert_int_not_equal(identity(config, 2, 0)->token, shared);
	assert_int_equal(identity(config, 1, 2)->token, identity(config, 1, 3)->token);
	assert_int_not_equal(identity(config, 1, 2)->token, identity(config, 1, 4)->token);
}

#define ROUTE(identity) "routes: [{interface: submission, identities: [{user: a, " identity "}]}]\n"

static const struct {
	const char *text;
	unsigned line;
	const char *complaint;
} wrongs[] = {
	{ "tenants: [{}]\n" ROUTE("secret_file: secret"), 1, "right are a name and the id" },
	{ "tenants: [{id: 'a b'}]\n" ROUTE("secret_file: secret"), 1, "a GUID" },
	{ "tenants: [{id: a.test}, {name: A.test}]\n" ROUTE("secret_file: secret"), 1,
	        "named \"A.test\" already" },
	{ "tenants: [{id: a.test, cloud: moon}]\n" ROUTE("secret_file: secret"), 1,
	        "worldwide, gcc_high, dod or china" },
	{ "routes: [{interface: submission, tenant: none}]\n", 1, "no tenant is named \"none\"" },
	{ "tenants: [{id: a.test, cloud: china}]\nroutes: [{interface: hve}]\n", 2,
	        "host is missing" },
	{ ROUTE("oauth: {client_secret_file: secret}"), 1, "client_id is missing" },
	{ ROUTE("oauth: {client_id: x, client_secret_file: secret}"), 1,
	        "the token endpoint is not known" },
	{ ROUTE("auth: xoauth2, oauth: {client_id: x, flow: client_credentials}"), 1,
	        "credential is missing" },
	{ "tenants: [{id: a.test, oauth: {client_id: x, client_secret_file: secret}}]\n" ROUTE(
	          "oauth: {client_id: y}"),
	        2, "credential is missing" },
	{ ROUTE("oauth: {flow: refresh_token}"), 1, "refresh_token_file is missing" },
	{ ROUTE("oauth: {flow: command}"), 1, "command is missing" },
	{ ROUTE("oauth: {flow: file}"), 1, "holds the token, or oauth" },
	{ ROUTE("auth: login"), 1, "holds the password, or oauth" },
	{ ROUTE("auth: xoauth2, oauth: {flow: file}"), 1, "holds the token, or oauth" },
	{ ROUTE("oauth: {refresh_token_file: missing}"), 1, "missing: No such file" },
	{ ROUTE("oauth: {client_secret_file: missing}"), 1, "missing: No such file" },
	{ ROUTE("oauth: {client_secret_file: open}"), 1, "others can read" },
	{ ROUTE("oauth: {refresh_token_file: open}"), 1, "others can read" },
	{ ROUTE("oauth: {certificate: app.pem}"), 1, "key is missing" },
	{ ROUTE("oauth: {key: app.key}"), 1, "certificate is missing" },
	{ ROUTE("oauth: {certificate: app.pem, key: soon.key}"), 1, "another certificate" },
	{ ROUTE("oauth: {certificate: secret, key: app.key}"), 1, "no certificate" },
	{ ROUTE("oauth: {certificate: app.pem, key: app.key, client_secret_file: secret}"), 1,
	        "right is one of them" },
	{ ROUTE("oauth: {command: [missing]}"), 1, "no program that we may run" },
	{ ROUTE("oauth: {command: [secret]}"), 1, "no program that we may run" },
	{ ROUTE("oauth: {command: 'echo x'}"), 1, "a program's path and its arguments" },
	{ ROUTE("oauth: {token_url: \"http://a.test/\"}"), 1, "begins with https://" },
	{ ROUTE("oauth: {token_url: \"https://\"}"), 1, "begins with https://" },
	{ ROUTE("oauth: {token_url: \"https://u:p@a.test/\"}"), 1, "begins with https://" },
	{ ROUTE("oauth: {proxy: \"socks://a\"}"), 1, "http:// or https://" },
	{ ROUTE("oauth: {timeout: 1h}"), 1, "from 1s to 5m" },
	{ ROUTE("oauth: {margin: 1m}"), 1, "from 5m to 30m" },
	{ ROUTE("oauth: {flow: password}"), 1, "client_credentials, refresh_token" },
	{ ROUTE("auth: login, secret_file: secret, oauth: {command: [program]}"), 1,
	        "auth is login, which takes no token" },
	{ ROUTE("secret_file: secret, oauth: {command: [program]}"), 1,
	        "the flow command does not use it" },
	{ ROUTE("oauth: {client_ident: x}"), 1, "did you mean \"client_id\"?" },
};

static void test_wrongs(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		char place[CERTIFICATES_PATH_BYTES + 16];

		assert_null(load(fixture, wrongs[i].text));
		snprintf(place, sizeof place, "%s:%u: ", fixture->path, wrongs[i].line);
		if (strstr(fixture->wrong, wrongs[i].complaint) == NULL ||
		        strncmp(fixture->wrong, place, strlen(place)) != 0)
			fail_msg("%s\nis said to be:\n%s", wrongs[i].text, fixture->wrong);
	}
}

static void test_notes(void **state)
{
	struct fixture *fixture = *state;

	(void)load_right(fixture,
	        "tenants: [{id: a.test, oauth: {client_id: x, certificate: soon.pem, key: "
	        "soon.key}}]\n" ROUTE("auth: xoauth2"));
	assert_non_null(strstr(fixture->notes, "tenants[0].oauth.certificate: it ends in "));
	(void)load_right(fixture,
	        "tenants: [{id: a.test, oauth: {client_id: x, certificate: app.pem, key: "
	        "app.key}}]\n" ROUTE("auth: xoauth2"));
	assert_null(strstr(fixture->notes, "it ends in"));
	assert_null(strstr(fixture->notes, "TLS has this key too"));
	(void)load_right(fixture,
	        "listeners: [{tls: {certificate: app.pem, key: app.key}}]\n"
	        "tenants: [{id: a.test, oauth: {client_id: x, certificate: app.pem, key: "
	        "app.key}}]\n" ROUTE("auth: xoauth2"));
	assert_non_null(strstr(fixture->notes, "tenants[0].oauth.key: TLS has this key too"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clouds),
		TEST(test_other_presets),
		TEST(test_inheritance),
		TEST(test_numbers),
		TEST(test_wrongs),
		TEST(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
