#include "bench/stand_files.h"

#include "bench/histogram_json.h"
#include "bench/mock_saying.h"
#include "queue/base/check.h"
#include "queue/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_LEAST 10000
#define PORT_MOST  32000
#define PORT_TRIES 1000

static uint16_t port_free(struct random *random);
static void config_write(const struct stand *stand, FILE *file);
static void config_write_route(const struct stand *stand, FILE *file);
static void config_write_identity(FILE *file, unsigned number);
static void config_write_mailboxes(const struct stand *stand, FILE *file);
static void tenant_write(const struct stand *stand, FILE *file);
static struct err file_write(const struct stand *stand, const char *name,
        void (*write)(const struct stand *stand, FILE *file));
static void secret_write(const struct stand *stand, FILE *file);

struct err stand_files_ports(struct stand *stand)
{
	struct random random;

	random_seed(&random, (uint64_t)clock_mono().ns ^ (uint64_t)getpid() << 32);
	stand->mock_port = port_free(&random);
	do
		stand->sluice_port = port_free(&random);
	while (stand->sluice_port != 0 && stand->sluice_port == stand->mock_port);
	if (stand->mock_port == 0 || stand->sluice_port == 0)
		return err_make(ERR_SYSTEM, EADDRINUSE);
	return err_ok();
}

/* 0: none was found. */
static uint16_t port_free(struct random *random)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		const uint16_t port =
		        (uint16_t)(PORT_LEAST + random_below(random, PORT_MOST - PORT_LEAST));
		const struct sockaddr_in at = { .sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr = { htonl(INADDR_LOOPBACK) } };
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return 0;
		const bool is_free = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
		close(fd);
		if (is_free)
			return port;
	}
	return 0;
}

struct err stand_files_write(const struct stand *stand)
{
	struct err err = file_write(stand, "secret", secret_write);

	if (!failed(err) && stand->settings.mailboxes > 0)
		err = file_write(stand, "tenant.json", tenant_write);
	return failed(err) ? err : file_write(stand, "sluice.yaml", config_write);
}

static struct err file_write(const struct stand *stand, const char *name,
        void (*write)(const struct stand *stand, FILE *file))
{
	char path[STAND_PATH_MAX + 32];

	(void)snprintf(path, sizeof path, "%s/%s", stand->folder, name);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	FILE *file = fdopen(fd, "w");
	check(file != NULL);
	write(stand, file);
	return fclose(file) == 0 ? err_ok() : err_make(ERR_SYSTEM, errno);
}

static void secret_write(const struct stand *stand, FILE *file)
{
	(void)stand;
	fputs(STAND_SECRET "\n", file);
}

static void config_write(const struct stand *stand, FILE *file)
{
	const struct stand_settings *settings = &stand->settings;

	fprintf(file,
	        "name: bench.example\n"
	        "spool: {path: spool}\n"
	        "limits: {connections: %u, connections_per_client: %u}\n"
	        "listeners:\n"
	        "  - address: " STAND_ADDRESS ":%u\n"
	        "routes:\n"
	        "  - name: submission\n"
	        "    interface: submission\n"
	        "    host: localhost\n"
	        "    port: %u\n"
	        "    tls: {verify: true, ca_file: ca.pem}\n",
	        settings->connections, settings->connections, stand->sluice_port, stand->mock_port);
	if (settings->messages_per_session > 0)
		fprintf(file, "    messages_per_session: %u\n", settings->messages_per_session);
	if (settings->mailboxes > 0)
		config_write_mailboxes(stand, file);
	else
		config_write_route(stand, file);
	if (settings->remembers)
		fputs("sent_memory: {window: 2d}\n", file);
	fputs("retry: {first: 1s, most: 2s, factor: 1, give_up_after: 1d}\n", file);
	if (settings->ingest_threads == 0 && settings->delivery_threads == 0)
		return;
	fputs("threads:\n", file);
	if (settings->ingest_threads != 0)
		fprintf(file, "  ingest: %u\n", settings->ingest_threads);
	if (settings->delivery_threads != 0)
		fprintf(file, "  delivery: %u\n", settings->delivery_threads);
}

static void config_write_route(const struct stand *stand, FILE *file)
{
	fprintf(file,
	        "    sessions: %u\n"
	        "    pipeline: %u\n"
	        "    connections: none\n"
	        "    messages_per_minute: none\n"
	        "    recipients_per_day: none\n"
	        "    identities:\n",
	        stand->settings.sessions, stand->settings.pipeline);
	if (stand->settings.identities <= 1)
		fputs("      - {user: " STAND_USER ", auth: login, secret_file: secret}\n", file);
	for (unsigned i = 1; stand->settings.identities > 1 && i <= stand->settings.identities; i++)
		config_write_identity(file, i);
}

static void config_write_identity(FILE *file, unsigned number)
{
	fprintf(file, "      - {user: m%u@contoso.com, auth: login, secret_file: secret}\n",
	        number);
}

/* The limits of a mailbox as they are, in the tenant's time. */
static void config_write_mailboxes(const struct stand *stand, FILE *file)
{
	fprintf(file,
	        "    messages_per_minute: 30/%ds\n"
	        "    recipients_per_day: 10000/%dm\n"
	        "    identities:\n",
	        60 / STAND_SPEED, 24 * 60 / STAND_SPEED);
	for (unsigned i = 1; i <= stand->settings.mailboxes; i++)
		config_write_identity(file, i);
}

static void tenant_write(const struct stand *stand, FILE *file)
{
	fprintf(file,
	        "{\"speed\": %d, \"counts\": \"mail\", \"accepted_domains\": [\"contoso.com\"],\n"
	        " \"external_recipients_per_day\": \"none\",\n"
	        " \"mailboxes\": [{\"name\": \"m#@contoso.com\", \"count\": %u, \"password\": "
	        "\"" STAND_SECRET "\", \"send_as\": [\"*\"]}]}\n",
	        STAND_SPEED, stand->settings.mailboxes);
}

struct err stand_files_certificates(const struct stand *stand)
{
	char authority_key[STAND_PATH_MAX + 32];
	char certificate[STAND_PATH_MAX + 32];
	char key[STAND_PATH_MAX + 32];
	char output[STAND_PATH_MAX + 32];
	const char *const authority[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Sluice bench",
		"-keyout", authority_key, "-out", stand->authority, NULL };
	const char *const server[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:localhost,IP:" STAND_ADDRESS, "-addext",
		"basicConstraints=critical,CA:false", "-CA", stand->authority, "-CAkey",
		authority_key, "-keyout", key, "-out", certificate, NULL };

	(void)snprintf(authority_key, sizeof authority_key, "%s/ca.key", stand->folder);
	(void)snprintf(certificate, sizeof certificate, "%s/mock.pem", stand->folder);
	(void)snprintf(key, sizeof key, "%s/mock.key", stand->folder);
	(void)snprintf(output, sizeof output, "%s/openssl.log", stand->folder);
	if (child_run(authority, output) && child_run(server, output))
		return err_ok();
	child_last_words(output);
	return err_make(ERR_NOT_FOUND, 0);
}

static uint64_t json_count(const json_t *root, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(root, key));
}

bool stand_files_account(const char *path, struct stand_account *account)
{
	json_t *root = json_load_file(path, 0, NULL);

	if (root == NULL)
		return false;
	const json_t *ids = json_object_get(root, "duplicate_ids");
	const json_t *tenant = json_object_get(root, "tenant");
	const json_t *refused = json_object_get(tenant, "refused");
	*account = (struct stand_account){
		.messages = json_count(root, "messages"),
		.distinct = json_count(root, "distinct"),
		.duplicates = json_count(root, "duplicates"),
		.refused = json_count(root, "refused"),
		.connections = json_count(root, "connections"),
		.tls_resumed = json_count(root, "tls_resumed"),
		.tried = json_count(tenant, "tried"),
		.throttled = json_count(refused, mock_saying_word(MOCK_SAYS_CONCURRENT)) +
		             json_count(refused, mock_saying_word(MOCK_SAYS_RATE)) +
		             json_count(refused, mock_saying_word(MOCK_SAYS_DAILY)),
		.over = json_count(tenant, "over"),
		.first = { (int64_t)json_count(root, "first_ns") },
		.last = { (int64_t)json_count(root, "last_ns") },
		.duplicate_id_count = json_array_size(ids),
	};
	account->duplicate_ids =
	        calloc(account->duplicate_id_count + 1, sizeof *account->duplicate_ids);
	check(account->duplicate_ids != NULL);
	for (size_t i = 0; i < account->duplicate_id_count; i++) {
		account->duplicate_ids[i] = strdup(json_string_value(json_array_get(ids, i)));
		check(account->duplicate_ids[i] != NULL);
	}
	const bool is_whole =
	        histogram_json_read(&account->latency, json_object_get(root, "latency"));
	json_decref(root);
	if (!is_whole)
		stand_account_finish(account);
	return is_whole;
}
