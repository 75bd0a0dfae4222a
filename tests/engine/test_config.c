#include "engine/config.h"

#include "engine/config_arena.h"
#include "engine/config_report.h"
#include "engine/config_section.h"
#include "engine/rulebook.h"
#include "queue/base/clock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OUTPUT_BYTES 65536

/* One load: its result and what it said, as it is printed. */
struct loading {
	struct config *config;
	struct config_report report;
	char wrong[OUTPUT_BYTES];
	char notes[OUTPUT_BYTES];
};

static void print(struct config_report *report, enum config_remark remark, char *into)
{
	FILE *file = fmemopen(into, OUTPUT_BYTES, "w");

	assert_non_null(file);
	config_report_print(report, remark, file);
	fclose(file);
}

static struct loading *load(const char *path, const char *text)
{
	struct loading *loading = calloc(1, sizeof *loading);

	assert_non_null(loading);
	config_report_init(&loading->report);
	struct err err = config_load_text(&loading->config, path, view_of(text), &loading->report);
	print(&loading->report, CONFIG_WRONG, loading->wrong);
	print(&loading->report, CONFIG_NOTE, loading->notes);
	assert_int_equal(failed(err), loading->config == NULL);
	assert_int_equal(failed(err), loading->wrong[0] != '\0');
	return loading;
}

static void unload(struct loading *loading)
{
	config_destroy(loading->config);
	config_report_finish(&loading->report);
	free(loading);
}

/* Loads what must be right. */
static struct loading *load_right(const char *path, const char *text)
{
	struct loading *loading = load(path, text);

	if (loading->config == NULL)
		fail_msg("refused:\n%s\n%s", text, loading->wrong);
	return loading;
}

struct folder {
	char path[64];
	char config[128];
};

/* For tests alone: of relay.test, signed by itself, until 2126. */
static const char certificate_pem[] =
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBmTCCAT6gAwIBAgIUIghxJEWA4C0EHI8B6asnkSldPf8wCgYIKoZIzj0EAwIw\n"
        "FTETMBEGA1UEAwwKcmVsYXkudGVzdDAgFw0yNjExMjQwMzU2NTdaGA8yMTI2MTAz\n"
        "MTAzNTY1N1owFTETMBEGA1UEAwwKcmVsYXkudGVzdDBZMBMGByqGSM49AgEGCCqG\n"
        "SM49AwEHA0IABOM6Ar2Oz4ieIo7a5r3Stn663tHzTLqyKU/jaFTUhL2MZpRc83x/\n"
        "nyKCeMoriROXJsec7/rE3+RQPcl7+nkrF72jajBoMB0GA1UdDgQWBBRibbUraihl\n"
        "0o4DXjCnnsa4COBUJjAfBgNVHSMEGDAWgBRibbUraihl0o4DXjCnnsa4COBUJjAP\n"
        "BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCnJlbGF5LnRlc3QwCgYIKoZIzj0E\n"
        "AwIDSQAwRgIhALsmFDxuY7jByNUnvipJZJqAms037Z+wHF1Lz7CMmUJdAiEAj88U\n"
        "UAt0twh6570fwkRr0FqIxDF1gRia1uLEizOr7vs=\n"
        "-----END CERTIFICATE-----\n";
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaB00Q35sr9SB7i6C\n"
                              "esWdYtmSRZDdhtpi1KHVpO3fb4ahRANCAATjOgK9js+IniKO2ua90rZ+ut7R80y6\n"
                              "silP42hU1IS9jGaUXPN8f58ignjKK4kTlybHnO/6xN/kUD3Je/p5Kxe9\n"
                              "-----END PRIVATE KEY-----\n";

static void write_file(const struct folder *folder, const char *name, const char *text, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", folder->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static struct folder make_folder(void)
{
	struct folder folder = { .path = "sluice-config-XXXXXX" };

	assert_non_null(mkdtemp(folder.path));
	char path[PATH_MAX];
	assert_non_null(realpath(folder.path, path));
	snprintf(folder.config, sizeof folder.config, "%s/sluice.yaml", folder.path);
	return folder;
}

static void remove_folder(const struct folder *folder)
{
	static const char *const names[] = { "cert.pem", "key.pem", "ca.pem", "secret", "users",
		"sluice.yaml" };
	char path[256];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(folder->path), 0);
}

static void the_smallest_file_loads(void **state)
{
	(void)state;
	struct loading *loading = load_right("x.yaml", "routes:\n  - host: a.test\n");
	const struct config *config = loading->config;
	const struct config_route *route = &config->routes.at[0];

	assert_int_equal(config->routes.count, 1);
	assert_string_equal(route->host, "a.test");
	assert_string_equal(route->name, "connector");
	assert_int_equal(route->interface, INTERFACE_CONNECTOR);
	assert_int_equal(route->port, 25);
	assert_int_equal(route->tls.mode, ROUTE_TLS_OPTIONAL);
	assert_true(route->tls.verify);
	assert_string_equal(route->tls.name, "a.test");
	assert_true(route->connections.count == LIMIT_NONE);
	assert_int_equal(route->sessions, 20);
	assert_int_equal(route->pipeline, 16);
	assert_int_equal(route->idle_ns, 60 * NS_PER_S);
	assert_int_equal(config->listeners.count, 1);
	assert_int_equal(config->listeners.at[0].address.port, 2525);
	assert_int_equal(config->listeners.at[0].allow.count, 2);
	assert_int_equal(config->listeners.at[0].bare_lf, BARE_LF_REFUSE);
	assert_string_equal(config->listeners.at[0].name, config->name);
	assert_string_equal(config->spool.path, "/var/lib/sluice");
	assert_int_equal(config->limits.memory_bytes, 512 << 20);
	assert_int_equal(config->limits.message_bytes, 35 << 20);
	assert_int_equal(config->drain_ns, 30 * NS_PER_S);
	assert_int_equal(config->retry.give_up_after_ns, 2 * 86400 * NS_PER_S);
	assert_true(config->retry.factor == 2);
	assert_true(config->threads.ingest >= 1);
	assert_true(config->threads.delivery >= 1);
	assert_int_equal(config->dns.servers.count, 0);
	assert_string_equal(config->dns.hosts, "/etc/hosts");
	unload(loading);
}

/* CONTRACT.md's, word by word, but for trust_anchor's FILE and the folder of the spool. */
static const char contract[] =
        "spool:\n"
        "  path: /var/lib/sluice            # made 0700; holds data.mdb\n"
        "limits: {memory: 512MiB, message: 35MiB, recipients: 1000, connections: 20000}\n"
        "drain: 30s\n"
        "dns: {servers: [\"127.0.0.1@5353\"], trust_anchor: ca.pem, hosts: /etc/hosts}\n"
        "listeners:\n"
        "  - address: 127.0.0.1:2525        # or \"[::1]:2525\"\n"
        "    allow: [127.0.0.0/8, \"::1/128\"]  # who may relay without signing in\n"
        "    tls: {certificate: cert.pem, key: key.pem}   # offers STARTTLS\n"
        "    users_file: users              # name:hash lines (crypt(3))\n"
        "    bare_lf: refuse                # or repair\n"
        "routes:\n"
        "  - name: submission\n"
        "    interface: submission          # submission | direct | connector | hve\n"
        "    host: smtp.office365.com\n"
        "    port: 587\n"
        "    tls: {verify: true, ca_file: ca.pem}         # default: the system's roots\n"
        "    sessions: 20                   # most sessions on the route\n"
        "    pipeline: 16                   # most messages in flight on a session\n"
        "    connections: 3                 # limits\n"
        "    messages_per_minute: 30\n"
        "    recipients_per_day: 10000\n"
        "    recipients_per_message: 1000\n"
        "    notices_from: notify@contoso.com\n"
        "    identities:\n"
        "      - {user: notify@contoso.com, auth: login, secret_file: secret}\n"
        "accepted_domains: [contoso.com]\n"
        "retry: {first: 60s, most: 1h, factor: 2, give_up_after: 2d}\n"
        "threads: {ingest: 1, delivery: 1}  # default from the cores\n";

static void write_contract_files(const struct folder *folder)
{
	write_file(folder, "cert.pem", certificate_pem, 0644);
	write_file(folder, "ca.pem", certificate_pem, 0644);
	write_file(folder, "key.pem", key_pem, 0600);
	write_file(folder, "secret", "hunter2\n", 0600);
	write_file(folder, "users", "# users\nscanner:$1$abcdefgh$irWbblnpmw.5z7wgBnprh0\n", 0600);
}

static void the_contracts_example_loads(void **state)
{
	(void)state;
	struct folder folder = make_folder();

	write_contract_files(&folder);
	struct loading *loading = load_right(folder.config, contract);
	const struct config_route *route = &loading->config->routes.at[0];
	char joined[256];
	snprintf(joined, sizeof joined, "%s/secret", folder.path);
	assert_string_equal(route->identities.at[0].secret_file, joined);
	assert_int_equal(route->identities.at[0].auth, IDENTITY_AUTH_LOGIN);
	assert_int_equal(route->identities.at[0].messages_per_minute.count, 30);
	assert_int_equal(route->identities.at[0].messages_per_minute.period_ns, 60 * NS_PER_S);
	assert_int_equal(route->identities.at[0].recipients_per_day.period_ns, 86400 * NS_PER_S);
	assert_int_equal(route->identities.at[0].connections.period_ns, 0);
	assert_string_equal(loading->config->dns.servers.at[0], "127.0.0.1@5353");
	assert_true(rulebook_is_internal(loading->config->rulebook, VIEW("CONTOSO.com")));
	assert_false(rulebook_is_internal(loading->config->rulebook, VIEW("a.contoso.com")));
	unload(loading);
	remove_folder(&folder);
}

/* One account, whatever the case of its name and however many routes it is on. */
static void accounts_are_numbered(void **state)
{
	(void)state;
	struct folder folder = make_folder();
	char text[2048];

	write_contract_files(&folder);
	snprintf(text, sizeof text,
	        "routes:\n"
	        "- {name: one, interface: submission, host: a, identities: [\n"
	        "    {user: b@c.d, secret_file: secret}, {user: a@c.d, secret_file: secret}]}\n"
	        "- {name: two, interface: hve, host: a, identities: [\n"
	        "    {user: A@C.D, secret_file: secret}, {user: z@c.d, secret_file: secret}]}\n"
	        "- {name: three, interface: connector, host: a}\n");
	struct loading *loading = load_right(folder.config, text);
	const struct config_route *routes = loading->config->routes.at;
	assert_int_equal(loading->config->account_count, 3);
	assert_int_equal(routes[0].accounts[1], routes[1].accounts[0]);
	assert_int_not_equal(routes[0].accounts[0], routes[0].accounts[1]);
	assert_int_not_equal(routes[1].accounts[0], routes[1].accounts[1]);
	/* As many sessions as their mailboxes may have messages under way, where more than 20. */
	assert_int_equal(routes[0].sessions, 20);
	assert_true(config_identity_is_limited(&routes[0].identities.at[0]));
	assert_false(config_identity_is_limited(&routes[1].identities.at[0]));
	assert_true(routes[0].stop > 0.979 && routes[0].stop < 0.981);
	assert_true(routes[0].guard > 0.009 && routes[0].guard < 0.011);
	assert_int_equal(routes[0].learn, LEARN_DOWN);
	unload(loading);
	remove_folder(&folder);
}

static void what_makes_a_copy(void **state)
{
	(void)state;
	struct loading *loading = load_right("/x/sluice.yaml", "routes: [{host: a}]\n");
	assert_int_equal(loading->config->idempotency.by, CLAIM_BY_KEY);
	assert_true(loading->config->idempotency.window_ns == 24 * 3600 * NS_PER_S);
	assert_int_equal(loading->config->idempotency.most, 1000000);
	assert_true(loading->config->sent_memory.window_ns == 0);
	unload(loading);
	loading = load_right("/x/sluice.yaml", "routes: [{host: a}]\n"
	                                       "idempotency: {by: message_id, window: 1h}\n");
	assert_int_equal(loading->config->idempotency.by, CLAIM_BY_MESSAGE_ID);
	assert_true(loading->config->idempotency.window_ns == 3600 * NS_PER_S);
	unload(loading);
	loading = load_right("/x/sluice.yaml", "routes: [{host: a}]\nidempotency: {by: off}\n");
	assert_int_equal(loading->config->idempotency.by, CLAIM_BY_OFF);
	unload(loading);
}

/* Where reports are heard, what they are about is known. */
static void what_was_sent(void **state)
{
	(void)state;
	struct loading *loading = load_right(
	        "/x/sluice.yaml", "routes: [{host: a}]\nlisteners: [{ndr_address: ndr@c.test}]\n");
	assert_true(loading->config->sent_memory.window_ns == 48 * 3600 * NS_PER_S);
	unload(loading);
}

static void a_file_is_found_and_read(void **state)
{
	(void)state;
	struct folder folder = make_folder();
	struct config_report report;
	struct config *config;

	config_report_init(&report);
	assert_true(failed(config_load(&config, folder.config, &report)));
	assert_null(config);
	assert_int_equal(report.wrong_count, 1);
	config_report_finish(&report);
	write_file(&folder, "sluice.yaml", "routes: [{host: a.test}]\n", 0644);
	assert_false(failed(config_load(&config, folder.config, &report)));
	assert_string_equal(config->path, folder.config);
	config_destroy(config);
	/* A folder is not a file. */
	assert_true(failed(config_load(&config, folder.path, &report)));
	config_report_finish(&report);
	remove_folder(&folder);
}

/* Each wrong file, the line of a complaint, and words of it. */
static const struct wrong {
	const char *text;
	unsigned line;
	const char *words;
} wrongs[] = {
	{ "", 1, "empty" },
	{ "# nothing\n", 1, "empty" },
	{ "- a\n", 1, "KEY: VALUE" },
	{ "drain: 5s\n", 1, "at least one with a host" },
	{ "routes: []\n", 1, "at least one with a host" },
	{ "routes: here\n", 1, "right is a list" },
	{ "routes:\n  - here\n", 2, "KEY: VALUE" },
	{ "routes:\n  - host: [\n", 3, "not YAML" },
	{ "routes:\n  - host: \"a\n", 3, "not YAML" },
	{ "routes:\n\t- host: a\n", 2, "not YAML" },
	{ "routes:\n  - host: a.test\n---\nmore: 1\n", 4, "second document" },
	{ "routes:\n  - host: *nowhere\n", 2, "not YAML" },
	{ "routes:\n  - host: a.test\n    prot: 25\n", 3, "did you mean \"port\"" },
	{ "routes:\n  - host: a.test\n    \"\": 25\n", 3, "unknown key" },
	{ "routes:\n  - host: a.test\n    [a]: 25\n", 3, "unknown key a list" },
	{ "base: &b {host: a.test}\nroutes:\n  - <<: *b\n", 3, "unknown key \"<<\"" },
	{ "zzz: 1\nroutes: [{host: a.test}]\n", 1, "right is one of name, spool" },
	{ "routes: [{host: a.test}]\nroutes: [{host: b.test}]\n", 2, "twice, first in line 1" },
	{ "routes: [{host: a.test, port: many}]\n", 1,
	        "routes[0].port: \"many\" is wrong; right is a whole number, from 1 to 65535" },
	{ "routes: [{host: a.test, port: 70000}]\n", 1, "65535" },
	{ "routes: [{host: a.test, port: 0}]\n", 1, "65535" },
	{ "routes: [{host: a.test, port: -1}]\n", 1, "65535" },
	{ "routes: [{host: a.test, port: [25]}]\n", 1, "a list is wrong" },
	{ "routes: [{host: a.test, port: {a: 1}}]\n", 1, "a section is wrong" },
	{ "routes: [{host: a.test, port: }]\n", 1, "nothing is wrong" },
	{ "routes: [{host: ~}]\n", 1, "nothing is wrong" },
	{ "routes: [{host: a b}]\n", 1, "host name or an IP address" },
	{ "routes: [{host: a.test, interface: pigeon}]\n", 1,
	        "\"pigeon\" is wrong; right is submission, direct, connector or hve" },
	{ "routes: [{interface: connector}]\n", 1, "host and domain are missing" },
	{ "routes: [{interface: direct}]\n", 1, "host and domain are missing" },
	{ "routes: [{host: a.test}, {host: b.test}]\n", 1, "named \"connector\" already" },
	{ "routes: [{host: a.test, name: a/b}]\n", 1, "letters, digits" },
	{ "routes: [{host: a.test, idle: 30}]\n", 1, "a duration such as" },
	{ "routes: [{host: a.test, connections: 3/1s}]\n", 1, "a number or none" },
	{ "routes: [{host: a.test, connections: 0}]\n", 1, "at least 1" },
	{ "routes: [{host: a.test, messages_per_minute: 3/x}]\n", 1, "NUMBER/PERIOD" },
	{ "routes: [{host: a.test, messages_per_minute: 3/0s}]\n", 1, "NUMBER/PERIOD" },
	{ "routes: [{host: a.test, messages_per_minute: 0/1s}]\n", 1, "at least 1" },
	{ "routes: [{host: a.test, notices_from: nobody}]\n", 1, "a mail address" },
	{ "routes: [{host: a.test, tls: {ca_file: missing.pem}}]\n", 1,
	        "can't read missing.pem: No such file" },
	{ "routes: [{host: a.test, tls: {verify: yes}}]\n", 1, "true or false" },
	{ "routes: [{host: a.test, tls: {mode: none}, identities: [{user: a}]}]\n", 1,
	        "in the clear" },
	{ "routes: [{host: a.test, identities: [{user: a}]}]\n", 1, "secret_file is missing" },
	{ "routes: [{host: a.test, identities: [{auth: xoauth2}]}]\n", 1, "holds the token" },
	{ "routes: [{host: a.test, identities: [{user: a}, {user: A}]}]\n", 1, "same user" },
	{ "routes: [{host: a.test, identities: [{secret_file: missing}]}]\n", 1,
	        "user is missing" },
	{ "routes: [{host: a.test}]\nlisteners: []\n", 2, "at least one" },
	{ "routes: [{host: a.test}]\nlisteners: [{address: nowhere}]\n", 2, "\"nowhere\"" },
	{ "routes: [{host: a.test}]\nlisteners: [{}, {}]\n", 2, "has it already" },
	{ "routes: [{host: a.test}]\nlisteners: [{allow: 10.0.0.0/8}]\n", 2, "networks such as" },
	{ "routes: [{host: a.test}]\nlisteners: [{allow: [10.0.0.0/33]}]\n", 2, "/33" },
	{ "routes: [{host: a.test}]\nlisteners: [{allow: [\"::/129\"]}]\n", 2, "/129" },
	{ "routes: [{host: a.test}]\nlisteners: [{allow: [[a]]}]\n", 2, "a list is wrong" },
	{ "routes: [{host: a.test}]\nlisteners: [{bare_lf: keep}]\n", 2, "refuse or repair" },
	{ "routes: [{host: a.test}]\nlisteners: [{tls: {implicit: true}}]\n", 2, "needs cert" },
	{ "routes: [{host: a.test}]\nlisteners: [{tls: {key: /etc/hosts}}]\n", 2,
	        "certificate is missing" },
	{ "routes: [{host: a.test}]\nlisteners: [{users_file: /etc/hosts}]\n", 1, "NAME:HASH" },
	{ "routes: [{host: a.test}]\nlimits: {memory: 1}\n", 2, "from 4MiB to 1TiB" },
	{ "routes: [{host: a.test}]\nlimits: {memory: 4GiB, message: 256MiB}\n", 2,
	        "from 64KiB to 255MiB" },
	{ "routes: [{host: a.test}]\nlimits: {memory: 16MiB, message: 8MiB}\n", 2,
	        "at most 7/16 of" },
	{ "routes: [{host: a.test}]\nretry: {first: soon}\n", 2, "soon" },
	{ "routes: [{host: a.test}]\nretry: {first: 2h, most: 1h}\n", 2, "shorter than" },
	{ "routes: [{host: a.test}]\nretry: {factor: 0.5}\n", 2, "from 1 to 10" },
	{ "routes: [{host: a.test}]\nretry: {factor: 1.}\n", 2, "1.5" },
	{ "routes: [{host: a.test}]\nspool: {path: /etc/hosts}\n", 2, "not a folder" },
	{ "routes: [{host: a.test}]\nspool: {path: /etc/hosts/spool}\n", 2, "Not a directory" },
	{ "routes: [{host: a.test}]\nspool: {path: missing/spool/}\n", 2,
	        "missing/spool/ can't be made: there is no missing" },
	{ "routes: [{host: a.test, identities: [{user: a@b.c, secret_file: /proc/version}]}]\n", 1,
	        "/proc/version is empty; right is the password" },
	{ "routes: [{host: a.test}]\ndns: {servers: [localhost]}\n", 2, "127.0.0.1@5353" },
	{ "routes: [{host: a.test}]\naccepted_domains: [a b]\n", 2, "domains such as" },
	{ "routes: [{host: a.test}]\ndrain: \"30\\es\"\n", 2, "\"30?s\" is wrong" },
};

static void what_is_wrong_is_named_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct loading *loading = load("x.yaml", wrongs[i].text);
		char place[64];

		snprintf(place, sizeof place, "x.yaml:%u: ", wrongs[i].line);
		if (strstr(wrongs[i].words, "NAME:HASH") != NULL)
			snprintf(place, sizeof place, "/etc/hosts:");
		if (loading->config != NULL || strstr(loading->wrong, place) == NULL ||
		        strstr(loading->wrong, wrongs[i].words) == NULL)
			fail_msg("%s\nexpected %s...%s, got:\n%s", wrongs[i].text, place,
			        wrongs[i].words, loading->wrong);
		unload(loading);
	}
}

static void every_mistake_is_told_in_order(void **state)
{
	(void)state;
	struct loading *loading = load("x.yaml", "drain: soon\n"
	                                         "limits:\n"
	                                         "  hops: 0\n"
	                                         "  idel: 5m\n"
	                                         "routes:\n"
	                                         "  - host: a.test\n"
	                                         "    sessions: few\n");

	assert_int_equal(loading->report.wrong_count, 4);
	const char *drain = strstr(loading->wrong, "x.yaml:1: drain");
	const char *hops = strstr(loading->wrong, "x.yaml:3: limits.hops");
	const char *idle = strstr(loading->wrong, "x.yaml:4: limits: unknown key \"idel\"");
	const char *sessions = strstr(loading->wrong, "x.yaml:7: routes[0].sessions");
	assert_non_null(drain);
	assert_true(drain < hops);
	assert_true(hops < idle);
	assert_true(idle < sessions);
	unload(loading);
}

static void files_are_looked_at(void **state)
{
	(void)state;
	struct folder folder = make_folder();

	write_contract_files(&folder);
	write_file(&folder, "secret", "hunter2\n", 0644);
	struct loading *loading = load(folder.config, contract);
	assert_non_null(strstr(loading->wrong, "chmod 600"));
	unload(loading);

	/* A group may: root:sluice 0640 is what a service wants. */
	write_file(&folder, "secret", "hunter2\n", 0640);
	unload(load_right(folder.config, contract));

	write_file(&folder, "key.pem", "no key\n", 0600);
	loading = load(folder.config, contract);
	assert_non_null(strstr(loading->wrong, ":9: listeners[0].tls: "));
	unload(loading);

	write_file(&folder, "key.pem", key_pem, 0600);
	write_file(&folder, "ca.pem", "no certificate\n", 0600);
	loading = load(folder.config, contract);
	assert_non_null(strstr(loading->wrong, ":17: routes[0].tls: "));
	unload(loading);

	write_file(&folder, "ca.pem", certificate_pem, 0600);
	write_file(&folder, "users", "# one\nscanner\n", 0600);
	loading = load(folder.config, contract);
	assert_non_null(strstr(loading->wrong, "users:2: no NAME:HASH"));
	unload(loading);
	remove_folder(&folder);
}

static void presets_come_by_interface(void **state)
{
	(void)state;
	struct loading *loading = load_right("x.yaml",
	        "routes:\n"
	        "  - interface: submission\n"
	        "  - {interface: hve, messages_per_minute: 5/1s}\n"
	        "  - {interface: direct, host: mx.test}\n"
	        "  - {interface: connector, host: mx.test, tls: {verify: true}}\n"
	        "  - {name: bare, host: mx.test, tls: {verify: false}}\n"
	        "  - {name: free, interface: submission, connections: none, port: 25}\n"
	        "  - {name: open, interface: submission, tls: {mode: none}}\n");
	const struct config_route *routes = loading->config->routes.at;

	assert_string_equal(routes[0].host, "smtp.office365.com");
	assert_int_equal(routes[0].port, 587);
	assert_int_equal(routes[0].connections.count, 3);
	assert_int_equal(routes[0].messages_per_minute.count, 30);
	assert_int_equal(routes[0].recipients_per_day.count, 10000);
	assert_int_equal(routes[0].recipients_per_message.count, 1000);
	assert_int_equal(routes[0].tls.mode, ROUTE_TLS_REQUIRED);
	assert_string_equal(routes[1].host, "smtp.hve.mx.microsoft");
	assert_true(routes[1].connections.count == LIMIT_NONE);
	assert_int_equal(routes[1].messages_per_minute.count, 5);
	assert_int_equal(routes[1].messages_per_minute.period_ns, NS_PER_S);
	assert_int_equal(routes[1].message_bytes, 10 * 1000 * 1000);
	assert_int_equal(routes[1].tls.mode, ROUTE_TLS_REQUIRED);
	assert_int_equal(routes[2].port, 25);
	assert_int_equal(routes[2].tls.mode, ROUTE_TLS_OPTIONAL);
	assert_true(routes[2].messages_per_minute.count == LIMIT_NONE);
	assert_int_equal(routes[3].tls.mode, ROUTE_TLS_REQUIRED);
	assert_int_equal(routes[4].tls.mode, ROUTE_TLS_OPTIONAL);
	assert_true(routes[5].connections.count == LIMIT_NONE);
	assert_int_equal(routes[5].messages_per_minute.count, 30);
	assert_int_equal(routes[5].port, 25);
	assert_int_equal(routes[6].tls.mode, ROUTE_TLS_NONE);
	assert_non_null(strstr(loading->notes, "all mail takes the first"));
	assert_non_null(strstr(loading->notes, "routes[1]: carries 10000000 bytes"));
	assert_non_null(strstr(loading->notes, "routes[0]: Exchange Online takes no submission"));
	unload(loading);
}

static void identities_inherit_from_their_route(void **state)
{
	(void)state;
	struct folder folder = make_folder();

	write_file(&folder, "secret", "hunter2\n", 0600);
	struct loading *loading = load_right(folder.config,
	        "routes:\n"
	        "  - host: a.test\n"
	        "    messages_per_minute: 60\n"
	        "    identities:\n"
	        "      - &one {user: a@b.c, secret_file: secret, connections: 7}\n"
	        "  - name: second\n"
	        "    interface: connector\n"
	        "    host: a.test\n"
	        "    identities: [*one, {user: d@e.f, secret_file: secret}]\n");
	const struct config_route *routes = loading->config->routes.at;

	/* A route with identities is a submission unless it says otherwise. */
	assert_int_equal(routes[0].interface, INTERFACE_SUBMISSION);
	assert_int_equal(routes[0].identities.at[0].connections.count, 7);
	assert_int_equal(routes[0].identities.at[0].messages_per_minute.count, 60);
	assert_int_equal(routes[0].identities.at[0].recipients_per_day.count, 10000);
	assert_int_equal(routes[0].identities.at[0].auth, IDENTITY_AUTH_PASSWORD);
	/* Signing in on another interface brings no limits, but it brings TLS. */
	assert_int_equal(routes[1].identities.at[0].connections.count, 7);
	assert_true(routes[1].identities.at[1].connections.count == LIMIT_NONE);
	assert_true(routes[1].identities.at[1].recipients_per_day.count == LIMIT_NONE);
	assert_int_equal(routes[1].tls.mode, ROUTE_TLS_REQUIRED);
	unload(loading);
	remove_folder(&folder);
}

static void defaults_follow_their_neighbours(void **state)
{
	(void)state;
	struct loading *loading = load_right("x.yaml", "name: relay.test\n"
	                                               "routes: [{host: 192.0.2.1}]\n"
	                                               "limits: {memory: 16MiB}\n"
	                                               "retry: {first: 2h}\n"
	                                               "dns:\n"
	                                               "listeners: [{allow: []}, {address: "
	                                               "\"[::1]:26\", name: in.test}]\n");
	const struct config *config = loading->config;

	/* What EHLO will say; it is told. */
	assert_int_equal(config->limits.message_bytes, 7 << 20);
	assert_non_null(strstr(loading->notes, "x.yaml:3: note: limits.memory: with so little "
	                                       "of it, messages of more than 7340032 bytes"));
	assert_int_equal(config->retry.most_ns, config->retry.first_ns);
	assert_string_equal(config->listeners.at[0].name, "relay.test");
	assert_string_equal(config->listeners.at[1].name, "in.test");
	assert_int_equal(config->listeners.at[0].allow.count, 0);
	unload(loading);
	loading = load_right("x.yaml", "routes: [{host: a.test}]\nretry: {most: 10s}\n");
	assert_int_equal(loading->config->retry.first_ns, 10 * NS_PER_S);
	unload(loading);
}

static bool allows(const struct config *config, const char *address)
{
	struct endpoint endpoint = { .port = 0 };

	assert_true(endpoint_parse_address(view_of(address), &endpoint));
	return config_networks_contain(&config->listeners.at[0].allow, &endpoint);
}

static void networks_say_who_may_relay(void **state)
{
	(void)state;
	struct loading *loading = load_right("x.yaml",
	        "routes: [{host: a.test}]\n"
	        "listeners: [{allow: [10.1.0.0/16, 192.0.2.7, \"2001:db8::/32\"]}]\n");

	assert_true(allows(loading->config, "10.1.2.3"));
	assert_false(allows(loading->config, "10.2.2.3"));
	assert_true(allows(loading->config, "192.0.2.7"));
	assert_true(allows(loading->config, "::ffff:192.0.2.7"));
	assert_false(allows(loading->config, "192.0.2.8"));
	assert_true(allows(loading->config, "2001:db8:1::1"));
	assert_false(allows(loading->config, "2001:db9::1"));
	unload(loading);
	loading = load_right(
	        "x.yaml", "routes: [{host: a.test}]\nlisteners: [{allow: [0.0.0.0/0]}]\n");
	assert_non_null(strstr(loading->notes, "an open relay"));
	assert_true(allows(loading->config, "10.1.2.3"));
	assert_false(allows(loading->config, "2001:db8:1::1"));
	unload(loading);
}

/* Whatever a file is cut to, it is read or refused, and never more than that. */
static void a_cut_file_does_no_harm(void **state)
{
	(void)state;
	struct folder folder = make_folder();
	char text[sizeof contract];

	write_contract_files(&folder);
	for (size_t bytes = 0; bytes < sizeof contract; bytes += 7) {
		memcpy(text, contract, bytes);
		text[bytes] = '\0';
		unload(load(folder.config, text));
	}
	remove_folder(&folder);
}

/* An anchor inside itself, and lists of lists of aliases: the schema's depth bounds the walk. */
static void aliases_are_bounded(void **state)
{
	(void)state;
	unload(load("x.yaml", "routes: &r [*r]\n"));
	unload(load("x.yaml", "routes: &r [{host: a.test, identities: *r}]\n"));
	unload(load("x.yaml", "dns: &d {servers: *d}\nroutes: [{host: a.test}]\n"));
	struct loading *loading =
	        load_right("x.yaml", "routes: [{host: &h a.test}, {name: b, host: *h}]\n");
	assert_string_equal(loading->config->routes.at[1].host, "a.test");
	unload(loading);
}

/* Each default of the schema is a value of its kind, within its bounds. */
static void defaults_lie_within_bounds(void **state)
{
	(void)state;
	_Alignas(16) char field[256];
	struct config_arena *arena = config_arena_create();

	for (int shape = CONFIG_KIND_COUNT; shape < CONFIG_SECTION_END; shape++) {
		const struct config_section *section = config_section_of(shape);

		for (size_t i = 0; i < section->keys_count; i++) {
			const struct config_key *key = &section->keys[i];

			assert_true(strlen(key->help) > 0);
			if (key->default_text == NULL)
				continue;
			config_value_read_default(
			        (enum config_kind)key->shape, key->default_text, arena, field);
			assert_true(config_value_is_within(
			        (enum config_kind)key->shape, field, key->least, key->most));
		}
	}
	config_arena_destroy(arena);
}

static void the_nearest_key_is_near(void **state)
{
	(void)state;
	const struct config_section *route = config_section_of(CONFIG_KIND_ROUTE);

	assert_string_equal(config_section_nearest(route, VIEW("Host")), "host");
	assert_string_equal(config_section_nearest(route, VIEW("pipelines")), "pipeline");
	assert_string_equal(
	        config_section_nearest(route, VIEW("message_per_minute")), "messages_per_minute");
	assert_null(config_section_nearest(route, VIEW("x")));
	assert_null(config_section_nearest(route, VIEW("")));
	assert_null(config_section_nearest(route, VIEW("password")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_file_loads),
		cmocka_unit_test(the_contracts_example_loads),
		cmocka_unit_test(accounts_are_numbered),
		cmocka_unit_test(what_makes_a_copy),
		cmocka_unit_test(what_was_sent),
		cmocka_unit_test(a_file_is_found_and_read),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(every_mistake_is_told_in_order),
		cmocka_unit_test(files_are_looked_at),
		cmocka_unit_test(presets_come_by_interface),
		cmocka_unit_test(identities_inherit_from_their_route),
		cmocka_unit_test(defaults_follow_their_neighbours),
		cmocka_unit_test(networks_say_who_may_relay),
		cmocka_unit_test(a_cut_file_does_no_harm),
		cmocka_unit_test(aliases_are_bounded),
		cmocka_unit_test(defaults_lie_within_bounds),
		cmocka_unit_test(the_nearest_key_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
