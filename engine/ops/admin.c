#include "engine/ops/admin.h"

#include "engine/io/crypto.h"
#include "engine/ops/metrics.h"
#include "engine/secret_file.h"
#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BACKLOG       16
#define REQUEST_BYTES 16384 /* libmicrohttpd's memory of a connection: a long request line fits */
#define BEARER        "Bearer "
#define METRICS_TYPE  "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_TYPE     "text/plain; charset=utf-8"

struct admin {
	struct admin_settings settings;
	struct MHD_Daemon *daemon; /* NULL: not started; then the socket is ours */
	int socket;
	int statm; /* /proc/self/statm, which can't be opened later; -1: there is none */
	int spool; /* the spool's folder */
	int64_t started_ms;
	bool has_token;
	uint8_t token[CRYPTO_SHA256_BYTES]; /* its hash */
};

struct answer {
	unsigned status;
	const char *type;
	FILE *body;
};

static struct err read_token(struct admin *admin, struct text *why);
static struct err listen_at(struct admin *admin, const struct endpoint *endpoint);
static socklen_t address_of(const struct endpoint *endpoint, struct sockaddr_storage *address);
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *data, size_t *bytes, void **state);
static enum MHD_Result answer_page(
        struct admin *admin, struct MHD_Connection *connection, const char *url);
static enum MHD_Result send_page(
        struct MHD_Connection *connection, const struct answer *answer, struct view text);
static bool is_let_in(const struct admin *admin, struct MHD_Connection *connection);
static enum MHD_Result say(
        struct MHD_Connection *connection, unsigned status, const char *header, const char *value);
static void look_at_process(const struct admin *admin, struct metrics_process *process);

/* The pages. */

static void page_health(struct admin *admin, const struct survey *survey, struct answer *answer)
{
	const bool well = survey->running || survey->draining;

	(void)admin;
	answer->status = well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	fputs(well ? "alive\n" : "the spool's disk failed: see the log\n", answer->body);
}

static void page_ready(struct admin *admin, const struct survey *survey, struct answer *answer)
{
	(void)admin;
	answer->status = survey->running ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	fputs(survey->running      ? "ready\n"
	        : survey->draining ? "ending\n"
	                           : "the spool's disk failed: see the log\n",
	        answer->body);
}

static void page_metrics(struct admin *admin, const struct survey *survey, struct answer *answer)
{
	struct metrics_process process;

	look_at_process(admin, &process);
	answer->type = METRICS_TYPE;
	metrics_print(answer->body, survey, &process);
}

static const struct page {
	const char *url;
	bool open; /* to whoever has no token */
	void (*make)(struct admin *admin, const struct survey *survey, struct answer *answer);
} pages[] = {
	{ "/metrics", false, page_metrics },
	{ "/healthz", true, page_health },
	{ "/readyz", true, page_ready },
};

/* Its life. */

struct err admin_open(
        struct admin **result, const struct admin_settings *settings, struct text *why)
{
	const struct config *config = settings->config;
	char memory[ENDPOINT_TEXT_BYTES];
	struct text place = TEXT_ON(memory);

	*result = NULL;
	if (config->admin.address.port == 0)
		return err_ok();
	struct admin *admin = calloc(1, sizeof *admin);
	if (admin == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	admin->settings = *settings;
	admin->started_ms = clock_wall().ms;
	admin->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	admin->spool = open(config->spool.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	admin->socket = -1;
	struct err err = read_token(admin, why);
	if (!failed(err)) {
		err = listen_at(admin, &config->admin.address);
		endpoint_format(&place, &config->admin.address);
		if (failed(err))
			text_format(why, "cannot listen on %s for admin: %s", text_string(&place),
			        strerrordesc_np(err.detail));
	}
	if (failed(err)) {
		admin_close(admin);
		return err;
	}
	*result = admin;
	return err_ok();
}

static struct err read_token(struct admin *admin, struct text *why)
{
	const char *path = admin->settings.config->admin.token_file;
	char token[ADMIN_TOKEN_MAX + 1];
	size_t bytes;

	if (path == NULL)
		return err_ok();
	const struct err err = secret_file_read(path, (struct span){ token, sizeof token }, &bytes);
	if (failed(err)) {
		text_format(why, "admin.token_file: %s: %s", path, secret_file_why(err));
		return err;
	}
	crypto_sha256(view_from(token, bytes), admin->token);
	crypto_wipe(token, sizeof token);
	admin->has_token = true;
	return err_ok();
}

static struct err listen_at(struct admin *admin, const struct endpoint *endpoint)
{
	const int yes = 1;
	struct sockaddr_storage address;
	const socklen_t bytes = address_of(endpoint, &address);

	admin->socket = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (admin->socket < 0)
		return err_make(ERR_SYSTEM, errno);
	if (setsockopt(admin->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
	        bind(admin->socket, (const struct sockaddr *)&address, bytes) != 0 ||
	        listen(admin->socket, BACKLOG) != 0)
		return err_make(ERR_SYSTEM, errno);
	return err_ok();
}

static socklen_t address_of(const struct endpoint *endpoint, struct sockaddr_storage *address)
{
	*address = (struct sockaddr_storage){ 0 };
	if (endpoint_is_ipv4(endpoint)) {
		struct sockaddr_in *in = (void *)address;

		in->sin_family = AF_INET;
		in->sin_port = htons(endpoint->port);
		memcpy(&in->sin_addr, endpoint->address + 12, sizeof in->sin_addr);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (void *)address;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(endpoint->port);
	memcpy(&in6->sin6_addr, endpoint->address, sizeof in6->sin6_addr);
	return sizeof *in6;
}

struct err admin_start(struct admin *admin)
{
	sigset_t all;
	sigset_t before;

	if (admin == NULL)
		return err_ok();
	/* Its thread inherits the mask: signals are the main thread's. */
	check(sigfillset(&all) == 0);
	check(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
	admin->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
	        NULL, handle, admin, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)admin->socket,
	        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS_MAX,
	        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)ADMIN_TIMEOUT_S,
	        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES, MHD_OPTION_END);
	check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return admin->daemon != NULL ? err_ok() : err_make(ERR_SYSTEM, errno);
}

void admin_close(struct admin *admin)
{
	if (admin == NULL)
		return;
	if (admin->daemon != NULL)
		MHD_stop_daemon(admin->daemon); /* and closes the socket */
	else if (admin->socket >= 0)
		close(admin->socket);
	if (admin->statm >= 0)
		close(admin->statm);
	if (admin->spool >= 0)
		close(admin->spool);
	free(admin);
}

/* Answers. */

/* Called for the head, then for each part of a body, then at the end; only that is answered. */
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *data, size_t *bytes, void **state)
{
	static char seen;

	(void)version;
	(void)data;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW,
		        "GET, HEAD");
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	if (*bytes > 0) {
		*bytes = 0; /* a GET has none that matters */
		return MHD_YES;
	}
	return answer_page(argument, connection, url);
}

static enum MHD_Result answer_page(
        struct admin *admin, struct MHD_Connection *connection, const char *url)
{
	const struct page *page = NULL;
	struct answer answer = { .status = MHD_HTTP_OK, .type = TEXT_TYPE };
	struct survey survey;
	char *text = NULL;
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		if (strcmp(url, pages[i].url) == 0)
			page = &pages[i];
	if ((page == NULL || !page->open) && !is_let_in(admin, connection))
		return say(connection, MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		        "Bearer realm=\"sluice\"");
	if (page == NULL)
		return say(connection, MHD_HTTP_NOT_FOUND, NULL, NULL);
	if (failed(survey_open(&survey, admin->settings.config)))
		return MHD_NO; /* closes the connection */
	admin->settings.survey(admin->settings.owner, &survey);
	answer.body = open_memstream(&text, &bytes);
	if (answer.body != NULL)
		page->make(admin, &survey, &answer);
	survey_close(&survey);
	if (answer.body == NULL || fclose(answer.body) != 0) {
		free(text);
		return MHD_NO;
	}
	return send_page(connection, &answer, view_from(text, bytes));
}

/* Takes the text. */
static enum MHD_Result send_page(
        struct MHD_Connection *connection, const struct answer *answer, struct view text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	        text.bytes, (void *)text.data, MHD_RESPMEM_MUST_FREE);

	if (response == NULL) {
		free((void *)text.data);
		return MHD_NO;
	}
	enum MHD_Result done =
	        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	if (done == MHD_YES)
		done = MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (done == MHD_YES)
		done = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return done;
}

static bool is_let_in(const struct admin *admin, struct MHD_Connection *connection)
{
	const char *given = MHD_lookup_connection_value(
	        connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	uint8_t hash[CRYPTO_SHA256_BYTES];

	if (!admin->has_token)
		return true;
	if (given == NULL || strncasecmp(given, BEARER, strlen(BEARER)) != 0)
		return false;
	crypto_sha256(view_of(given + strlen(BEARER)), hash);
	return crypto_equal(view_from((const char *)hash, sizeof hash),
	        view_from((const char *)admin->token, sizeof admin->token));
}

/* A status alone, with its words. */
static enum MHD_Result say(
        struct MHD_Connection *connection, unsigned status, const char *header, const char *value)
{
	char words[64];
	const int bytes = snprintf(words, sizeof words, "%s\n", MHD_get_reason_phrase_for(status));
	struct MHD_Response *response =
	        MHD_create_response_from_buffer((size_t)bytes, words, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		return MHD_NO;
	enum MHD_Result done =
	        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, TEXT_TYPE);
	if (done == MHD_YES && header != NULL)
		done = MHD_add_response_header(response, header, value);
	if (done == MHD_YES)
		done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

/* What can't be found out is 0. */
static void look_at_process(const struct admin *admin, struct metrics_process *process)
{
	static const char *const files[] = { "data.mdb", "journal" };
	unsigned long long resident = 0;
	struct rusage used = { 0 };
	struct statvfs disk = { 0 };
	char text[128] = "";

	if (pread(admin->statm, text, sizeof text - 1, 0) > 0)
		(void)sscanf(text, "%*u %llu", &resident);
	(void)getrusage(RUSAGE_SELF, &used);
	(void)fstatvfs(admin->spool, &disk);
	*process = (struct metrics_process){
		.started_ms = admin->started_ms,
		.cpu_ns = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * NS_PER_S +
		          (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000,
		.resident_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE),
		.disk_bytes = (uint64_t)disk.f_bavail * disk.f_frsize,
	};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct stat file;

		if (fstatat(admin->spool, files[i], &file, 0) == 0)
			process->spool_bytes += (uint64_t)file.st_blocks * 512;
	}
}
