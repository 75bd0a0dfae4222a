#include "engine/ops/cli.h"
#include "engine/ops/doctor.h"

#include "queue/address.h"
#include "queue/base/check.h"

#include <stdlib.h>

#define WHY_BYTES 1024

static const char usage[] =
        "usage: sluice doctor [--config FILE] [--json] [OPTION...] [ROUTE]\n"
        "       sluice doctor [--config FILE] [--json] --client ADDRESS\n"
        "\n"
        "Goes the way that mail of a route, or of each, would go: DNS, connection, greeting,\n"
        "STARTTLS, certificate, token, sign-in of each mailbox, MAIL as each configured sender;\n"
        "and says of each step what came of it, what that means and what to do. Nothing is\n"
        "sent but by --send. With --client it says what each listener would offer a device at\n"
        "that address.\n"
        "\n"
        "  --identity USER   this mailbox alone\n"
        "  --from ADDRESS    MAIL's sender, in place of those that are configured\n"
        "  --to ADDRESS      try RCPT with this recipient too\n"
        "  --send            send a message, to --to\n"
        "  --client ADDRESS  say what the listeners offer there\n"
        "  --json            one JSON object a line for each step\n"
        "  --config FILE     the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help            this text\n"
        "\n"
        "Exit status: 0 all is well, 1 something is wrong, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "identity", required_argument, NULL, 'i' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "send", no_argument, NULL, 's' },
	{ "client", required_argument, NULL, 'C' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct wish {
	const char *path;
	const char *identity;
	const char *from;
	const char *to;
	const char *route;
	struct endpoint client;
	bool by_client;
	bool send;
	bool json;
	bool help;
};

static bool read_address(const char *option, const char *word, const char **into)
{
	struct address address;

	if (address_parse(view_of(word), false, &address) == ADDRESS_OK) {
		*into = word;
		return true;
	}
	fprintf(stderr, "sluice doctor: %s %s; right is an address such as user@contoso.com\n",
	        option, word);
	return false;
}

static bool read_client(const char *word, struct wish *wish)
{
	wish->by_client = endpoint_parse_address(view_of(word), &wish->client);
	if (!wish->by_client)
		fprintf(stderr,
		        "sluice doctor: --client %s; right is an address such as 192.168.1.17\n",
		        word);
	return wish->by_client;
}

static bool read_option(int option, struct wish *wish)
{
	switch (option) {
	case 'c':
		wish->path = optarg;
		return true;
	case 'i':
		wish->identity = optarg;
		return true;
	case 'f':
		return read_address("--from", optarg, &wish->from);
	case 't':
		return read_address("--to", optarg, &wish->to);
	case 's':
		wish->send = true;
		return true;
	case 'C':
		return read_client(optarg, wish);
	case 'j':
		wish->json = true;
		return true;
	case 'h':
		wish->help = true;
		return true;
	default:
		return false;
	}
}

static bool read_wish(int argc, char **argv, struct wish *wish)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		if (!read_option(option, wish))
			return false;
		if (wish->help)
			return true;
	}
	if (optind < argc)
		wish->route = argv[optind++];
	if (wish->send && wish->to == NULL) {
		fprintf(stderr, "sluice doctor: --send wants --to; see sluice doctor --help\n");
		return false;
	}
	return cli_has_no_words(argc, argv);
}

static bool knows_identity(const struct config *config, const struct wish *wish)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];

		if (wish->route != NULL && strcmp(route->name, wish->route) != 0)
			continue;
		for (size_t j = 0; j < route->identities.count; j++)
			if (view_equal_fold(
			            view_of(route->identities.at[j].user), view_of(wish->identity)))
				return true;
	}
	return false;
}

/* Names that lead nowhere would make a report of nothing. */
static bool is_right(const struct config *config, const struct wish *wish)
{
	uint16_t index;

	if (wish->route != NULL && !config_find_route(config, wish->route, &index)) {
		fprintf(stderr, "sluice doctor: no route is named \"%s\"; right is one of routes\n",
		        wish->route);
		return false;
	}
	if (wish->identity != NULL && !knows_identity(config, wish)) {
		fprintf(stderr, "sluice doctor: no identity of %s is \"%s\"\n",
		        wish->route != NULL ? wish->route : "any route", wish->identity);
		return false;
	}
	return true;
}

static int run(const struct config *config, const struct wish *wish)
{
	struct doctor_report report = { .file = stdout, .json = wish->json };
	struct desk *desk = calloc(1, sizeof *desk);
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	const struct doctor doctor = {
		.config = config,
		.desk = desk,
		.report = &report,
		.identity = wish->identity,
		.from = wish->from,
		.to = wish->to,
		.send = wish->send,
	};

	check(desk != NULL);
	if (wish->by_client) {
		doctor_see_client(&doctor, &wish->client);
		free(desk);
		return CLI_FINE;
	}
	/* What can't be opened ends with the program. */
	if (!desk_open(desk, config, true, &why)) {
		fprintf(stderr, "sluice doctor: %s\n",
		        why.bytes > 0 ? text_string(&why) : "out of memory");
		return CLI_WRONG;
	}
	for (size_t i = 0; i < config->routes.count; i++)
		if (wish->route == NULL || strcmp(config->routes.at[i].name, wish->route) == 0)
			doctor_see_route(&doctor, &config->routes.at[i]);
	desk_close(desk);
	free(desk);
	return report.wrong_count > 0 ? CLI_WRONG : CLI_FINE;
}

int cli_doctor(int argc, char **argv)
{
	struct wish wish = { .path = CLI_CONFIG_DEFAULT };

	if (!read_wish(argc, argv, &wish))
		return CLI_USAGE;
	if (wish.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	struct config *config = cli_load(wish.path);
	if (config == NULL)
		return CLI_WRONG;
	const int status = is_right(config, &wish) ? run(config, &wish) : CLI_WRONG;
	config_destroy(config);
	return status;
}
