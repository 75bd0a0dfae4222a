/* sluice-mock: the mock Exchange Online as a program. See --help. */

#include "bench/mock.h"
#include "bench/mock_tenant_file.h"
#include "bench/mock_token_http.h"
#include "queue/base/check.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MOCK_MEMORY       (256 << 20) /* chunks: bodies pass through, replies wait */
#define MOCK_USERS_MAX    64
#define MOCK_ENDING_TURNS 10000 /* to end connections politely; then they end with us */

static const char usage[] =
        "Usage: sluice-mock [OPTION]...\n"
        "A mock Exchange Online: answers as the real one, stores nothing, keeps account.\n"
        "\n"
        "  --listen ADDRESS:PORT   where to listen (127.0.0.1:2526; port 0: any free one)\n"
        "  --interface NAME        submission, hve: demand STARTTLS and sign-in (default\n"
        "                          submission); direct, connector: the tenant's MX host,\n"
        "                          neither; mx: an old word for direct\n"
        "  --tenant FILE           JSON: mailboxes, limits, domains, connectors, moods of the\n"
        "                          service; see bench/README.md. Says who may sign in, and\n"
        "                          what limits there are\n"
        "  --certificate FILE      PEM; with --key offers STARTTLS\n"
        "  --key FILE              PEM\n"
        "  --no-tickets            no TLS session is resumed: every handshake is a whole one\n"
        "  --client-ca FILE        PEM: asks clients for a certificate from there, by which\n"
        "                          a tenant's connector may know them\n"
        "  --auth LIST             mechanisms; of LOGIN, XOAUTH2, PLAIN (LOGIN,XOAUTH2; none\n"
        "                          on direct and connector)\n"
        "  --user NAME:SECRET      who may sign in, with a password or token; default anyone\n"
        "  --lack WORD             don't offer one of EHLO's lines: PIPELINING, CHUNKING, ...\n"
        "  --size BYTES            largest message (157286400; 10485760 on hve)\n"
        "  --delay MS              every reply comes so many milliseconds later\n"
        "  --work MS               the reply to a message comes so many more later\n"
        "  --connections N         messages in flight on an identity before 432\n"
        "  --messages-per-minute N messages of an identity before 450\n"
        "  --rule RULE             refuses or disconnects; may be repeated. KEY=VALUE,KEY=VALUE\n"
        "                          (a comma between two, no space), the keys:\n"
        "                          stage=connect|ehlo|starttls|auth|mail|rcpt|data|eod|any\n"
        "                          reply=TEXT (421 closes behind it), or drop=before|after\n"
        "                          lie=garbage (the reply need be none), open (421 does not\n"
        "                          close), early, extra (before, behind the real one), drip\n"
        "                          match=TEXT in the arguments (at eod: the Message-ID)\n"
        "                          probability=0..1, limit=TIMES\n"
        "  --seed N                of the rules' dice\n"
        "  --token-listen ADDRESS:PORT  an HTTPS token endpoint, with --certificate and --key,\n"
        "                          whose tokens alone are then good for XOAUTH2; POST\n"
        "                          /mock/fault and others there change it while it runs\n"
        "  --token-tenant ID       whose endpoint it is; default any\n"
        "  --token-app ID[:SECRET] an app; may be repeated. Without a secret it signs in with\n"
        "                          --token-certificate, or is public\n"
        "  --token-certificate FILE  PEM, of all apps\n"
        "  --token-person USER:TOKEN  a mailbox, with its first refresh token\n"
        "  --token-lifetime S      seconds that tokens are good for (3600)\n"
        "  --token-fault FORM      as POST /mock/fault takes it: kind=hang&times=2\n"
        "  --account FILE          where the account goes at the end (standard output)\n"
        "  --help\n"
        "\n"
        "Prints event=ready when it listens. SIGUSR1 writes the account, SIGTERM ends and\n"
        "writes it. Exit 0 fine, 1 what was asked can't be done, 2 usage.\n";

struct options {
	struct mock_settings mock;
	struct mock_script script;
	struct endpoint listen;
	struct tls_server_settings tls;
	const char *users[MOCK_USERS_MAX];
	const char *account;
	const char *tenant;
	bool limits_given; /* of identities, which a tenant has its own word for */
	bool auth_given;
	struct mock_token tokens;
	struct mock_token_http *token_http;
};

static atomic_bool asked_end;
static atomic_bool asked_account;

static void options_read(struct options *options, int argc, char **argv);
static _Noreturn void options_refuse(const char *why);
static bool option_interface(struct options *options, struct view word);
static bool option_set(struct options *options, int option, const char *value, struct text *why);
static bool option_mechanisms(struct mock_settings *settings, struct view list);
static bool option_lacks(struct mock_settings *settings, struct view word);
static bool option_ms(const char *value, int64_t *ns);
static int mock_run(struct options *options);
static bool mock_open_tokens(struct options *options, struct text *why);
static void mock_begin(struct loop *loop, struct mock *mock);
static bool account_write(const struct options *options, const struct mock *mock);
static sigset_t signals_of_interest(void);
static void *await_signals(void *io);

int main(int argc, char **argv)
{
	static struct options options;

	options_read(&options, argc, argv);
	return mock_run(&options);
}

enum option_name {
	OPTION_LISTEN = 256,
	OPTION_INTERFACE,
	OPTION_TENANT,
	OPTION_CLIENT_CA,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_NO_TICKETS,
	OPTION_AUTH,
	OPTION_USER,
	OPTION_LACK,
	OPTION_SIZE,
	OPTION_DELAY,
	OPTION_WORK,
	OPTION_CONNECTIONS,
	OPTION_MESSAGES,
	OPTION_RULE,
	OPTION_SEED,
	OPTION_ACCOUNT,
	OPTION_HELP,
	OPTION_TOKEN, /* and on: enum mock_token_option */
};

static const struct option option_table[] = {
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "tenant", required_argument, NULL, OPTION_TENANT },
	{ "client-ca", required_argument, NULL, OPTION_CLIENT_CA },
	{ "certificate", required_argument, NULL, OPTION_CERTIFICATE },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "no-tickets", no_argument, NULL, OPTION_NO_TICKETS },
	{ "auth", required_argument, NULL, OPTION_AUTH },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "lack", required_argument, NULL, OPTION_LACK },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "delay", required_argument, NULL, OPTION_DELAY },
	{ "work", required_argument, NULL, OPTION_WORK },
	{ "connections", required_argument, NULL, OPTION_CONNECTIONS },
	{ "messages-per-minute", required_argument, NULL, OPTION_MESSAGES },
	{ "rule", required_argument, NULL, OPTION_RULE },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "account", required_argument, NULL, OPTION_ACCOUNT },
#define X(name, word) { word, required_argument, NULL, OPTION_TOKEN + MOCK_TOKEN_OPTION_##name },
	MOCK_TOKEN_OPTIONS(X)
#undef X
	        { "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static void options_read(struct options *options, int argc, char **argv)
{
	char why_text[512];
	int option;
	int at;

	options->mock = (struct mock_settings){
		.interface = MOCK_SUBMISSION,
		.mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2),
		.users = options->users,
	};
	mock_token_init(&options->tokens);
	check(endpoint_parse(VIEW("127.0.0.1:2526"), &options->listen));
	while ((option = getopt_long(argc, argv, "h", option_table, &at)) != -1) {
		struct text why = TEXT_ON(why_text);

		if (option == OPTION_HELP || option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (option == '?' || !option_set(options, option, optarg, &why)) {
			if (option != '?')
				fprintf(stderr, "sluice-mock: --%s %s: %s\n", option_table[at].name,
				        optarg, why.bytes > 0 ? text_string(&why) : "not right");
			fputs("sluice-mock: see --help\n", stderr);
			exit(2);
		}
	}
	if (optind < argc)
		options_refuse("there are no arguments but options");
	if ((options->tls.certificate_file == NULL) != (options->tls.key_file == NULL))
		options_refuse("--certificate and --key go together");
	if (options->tls.client_ca_file != NULL && options->tls.certificate_file == NULL)
		options_refuse("--client-ca needs --certificate and --key");
	if (options->tokens.wanted && options->tls.certificate_file == NULL)
		options_refuse("--token-listen needs --certificate and --key");
	if (options->tokens.wanted)
		options->mock.tokens = &options->tokens;
	if (options->tenant != NULL && options->limits_given)
		options_refuse("--user, --connections and --messages-per-minute are said by the "
		               "--tenant");
}

static void options_refuse(const char *why)
{
	fprintf(stderr, "sluice-mock: %s; see --help\n", why);
	exit(2);
}

static bool option_set(struct options *options, int option, const char *value, struct text *why)
{
	struct mock_settings *mock = &options->mock;
	uint64_t number = 0;
	const bool is_number = view_to_u64(view_of(value), &number);

	if (option >= OPTION_TOKEN)
		return mock_token_set(
		        &options->tokens, (enum mock_token_option)(option - OPTION_TOKEN), value);

	switch (option) {
	case OPTION_LISTEN:
		return endpoint_parse(view_of(value), &options->listen);
	case OPTION_INTERFACE:
		return option_interface(options, view_of(value));
	case OPTION_TENANT:
		options->tenant = value;
		return true;
	case OPTION_CLIENT_CA:
		options->tls.client_ca_file = value;
		options->tls.asks_certificate = true;
		return true;
	case OPTION_CERTIFICATE:
		options->tls.certificate_file = value;
		return true;
	case OPTION_NO_TICKETS:
		options->tls.lacks_tickets = true;
		return true;
	case OPTION_KEY:
		options->tls.key_file = value;
		return true;
	case OPTION_AUTH:
		options->auth_given = true;
		return option_mechanisms(mock, view_of(value));
	case OPTION_USER:
		options->limits_given = true;
		if (mock->user_count == MOCK_USERS_MAX)
			return false;
		options->users[mock->user_count++] = value;
		return view_find(view_of(value), ':') < strlen(value);
	case OPTION_LACK:
		return option_lacks(mock, view_of(value));
	case OPTION_SIZE:
		mock->size_max = number;
		return is_number;
	case OPTION_DELAY:
		return option_ms(value, &mock->delay_ns);
	case OPTION_WORK:
		return option_ms(value, &mock->work_ns);
	case OPTION_CONNECTIONS:
		options->limits_given = true;
		mock->connections_max = (uint32_t)number;
		return is_number && number <= UINT32_MAX;
	case OPTION_MESSAGES:
		options->limits_given = true;
		mock->messages_minute_max = number;
		return is_number;
	case OPTION_RULE:
		return mock_script_add(&options->script, view_of(value), why);
	case OPTION_SEED:
		mock->seed = number;
		return is_number;
	case OPTION_ACCOUNT:
		options->account = value;
		return true;
	default:
		return false;
	}
}

/* "mx" offers sign-in as it always did; the real MX host does not. */
static bool option_interface(struct options *options, struct view word)
{
	struct mock_settings *mock = &options->mock;

	if (!mock_interface_from_word(word, &mock->interface))
		return false;
	if (!options->auth_given && !mock_interface_facts(mock->interface)->signs_in &&
	        !view_equal_fold(word, VIEW("mx")))
		mock->mechanisms = 0;
	return true;
}

static bool option_mechanisms(struct mock_settings *settings, struct view list)
{
	settings->mechanisms = 0;
	while (list.bytes > 0) {
		const size_t comma = view_find(list, ',');
		const enum signin_mechanism mechanism =
		        signin_mechanism_of(view_trim(view_first(list, comma)));
		if (mechanism == SIGNIN_NONE)
			return false;
		settings->mechanisms |= SIGNIN_BIT(mechanism);
		list = view_skip(list, comma < list.bytes ? comma + 1 : comma);
	}
	return true;
}

static bool option_lacks(struct mock_settings *settings, struct view word)
{
	static const struct view words[] = {
#define X(name, word) [MOCK_##name] = VIEW_INIT(word),
		MOCK_EXTENSIONS(X)
#undef X
	};

	for (int i = 0; i < MOCK_EXTENSION_COUNT; i++) {
		if (!view_equal_fold(words[i], word))
			continue;
		settings->lacks[i] = true;
		return true;
	}
	return false;
}

static bool option_ms(const char *value, int64_t *ns)
{
	char *end;
	const double ms = strtod(value, &end);

	*ns = (int64_t)(ms * (double)NS_PER_MS);
	return end != value && *end == '\0' && ms >= 0 && ms < 86400e3;
}

static int mock_run(struct options *options)
{
	static struct mock mock;
	static struct loop loop;
	const struct io_settings io_settings = IO_SETTINGS_DEFAULT;
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	char address[ENDPOINT_TEXT_BYTES];
	struct text at = TEXT_ON(address);
	struct depot *depot;
	struct shelf shelf;

	if (options->tenant != NULL &&
	        !mock_tenant_file_load(&options->mock.tenant, options->tenant, &why))
		goto fail;
	if (options->tls.certificate_file != NULL &&
	        failed(tls_context_server(&options->mock.tls, &options->tls, &why)))
		goto fail;
	if (failed(depot_create(&depot, MOCK_MEMORY))) {
		text_put(&why, VIEW("out of memory"));
		goto fail;
	}
	shelf_init(&shelf, depot);
	if (failed(loop_init(&loop, &io_settings, &shelf, &why)))
		goto fail;
	loop_start(&loop);
	if (failed(mock_init(&mock, &loop, &options->mock))) {
		text_put(&why, VIEW("out of memory"));
		goto fail;
	}
	mock.script = options->script;
	struct err err = mock_listen(&mock, &options->listen, false);
	endpoint_format(&at, &options->listen);
	if (failed(err)) {
		text_format(&why, "listen on %s: %s", text_string(&at),
		        err.code == ERR_SYSTEM ? strerror(err.detail) : err_text(err.code));
		goto fail;
	}
	/* Before there are other threads, which the signals are not for. */
	const sigset_t signals = signals_of_interest();
	pthread_t waiter;
	check(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
	if (!mock_open_tokens(options, &why))
		goto fail;
	check(pthread_create(&waiter, NULL, await_signals, loop.io) == 0);
	printf("event=ready address=%s\n", text_string(&at));
	fflush(stdout);

	while (!asked_end) {
		mock_begin(&loop, &mock);
		loop_end(&loop);
		if (atomic_exchange(&asked_account, false))
			(void)account_write(options, &mock); /* said on stderr */
	}
	check(pthread_join(waiter, NULL) == 0);
	mock_stop(&mock);
	mock_begin(&loop, &mock);
	for (int turn = 0; turn < MOCK_ENDING_TURNS && !mock_is_idle(&mock); turn++) {
		loop_end(&loop);
		mock_begin(&loop, &mock);
	}
	const bool written = account_write(options, &mock);
	mock_token_http_close(options->token_http);
	mock_token_finish(&options->tokens);
	if (mock_is_idle(&mock)) {
		mock_finish(&mock);
		mock_tenant_destroy(options->mock.tenant);
		loop_finish(&loop);
		tls_context_destroy(options->mock.tls);
		shelf_finish(&shelf);
		depot_destroy(depot);
	}
	return written ? 0 : 1;

fail:
	fprintf(stderr, "sluice-mock: %s\n", text_string(&why));
	return 1;
}

/* Where --token-listen says, if it does. */
static bool mock_open_tokens(struct options *options, struct text *why)
{
	struct endpoint at;
	char address[ENDPOINT_TEXT_BYTES];
	struct text text = TEXT_ON(address);

	if (!options->tokens.wanted)
		return true;
	if (failed(mock_token_http_open(&options->token_http, &options->tokens,
	            options->tls.certificate_file, options->tls.key_file, &at, why)))
		return false;
	endpoint_format(&text, &at);
	printf("event=token_listening address=%s\n", text_string(&text));
	return true;
}

/* A turn but for its end, where it would wait. */
static void mock_begin(struct loop *loop, struct mock *mock)
{
	loop_begin(loop);
	loop_run_completions(loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(loop);
	mock_work(mock);
}

static bool account_write(const struct options *options, const struct mock *mock)
{
	FILE *file = options->account == NULL ? stdout : fopen(options->account, "w");
	bool written =
	        file != NULL && mock_account_write(&mock->account, options->mock.tenant, file);

	if (file != NULL && file != stdout)
		written = fclose(file) == 0 && written;
	if (!written)
		fprintf(stderr, "sluice-mock: --account %s: %s\n",
		        options->account == NULL ? "(standard output)" : options->account,
		        strerror(errno));
	return written;
}

static sigset_t signals_of_interest(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	return signals;
}

/* A thread, and no handler: the thread sanitizer keeps a signal back that meets its thread within
 * io_uring's call, which it doesn't know, and an idle mock would never hear of it. Ends with the
 * signal that ends the mock. */
static void *await_signals(void *io)
{
	const sigset_t signals = signals_of_interest();
	int number = 0;

	while (number != SIGTERM && number != SIGINT) {
		check(sigwait(&signals, &number) == 0);
		if (number == SIGUSR1)
			atomic_store(&asked_account, true);
		else
			atomic_store(&asked_end, true);
		io_wake(NULL, io);
	}
	return NULL;
}
