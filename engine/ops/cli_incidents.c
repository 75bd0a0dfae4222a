#include "engine/ops/cli.h"

#include "engine/ops/control_client.h"
#include "engine/request.h"

#include <jansson.h>

static const char usage[] =
        "usage: sluice incidents [--json] [--all] [--config FILE]\n"
        "\n"
        "Says what stops mail and only a person can mend: what Exchange Online refuses to whom,\n"
        "since when, how often and in which words, what that means, and the command that an\n"
        "administrator can end it with, where there is one. Mail waits meanwhile.\n"
        "\n"
        "  --all           those that are over too\n"
        "  --json          one JSON object a line\n"
        "  --config FILE   the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help          this text\n"
        "\n"
        "Exit status: 0 done (there may be none), 1 the engine can't be reached, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "all", no_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char *text_in(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

static void print_field(const json_t *row, const char *title, const char *key)
{
	if (text_in(row, key)[0] == '\0')
		return;
	printf("  %-9s ", title);
	cli_print_plain(text_in(row, key));
	putchar('\n');
}

/* "2026-11-24T03:15:03.123Z" to the second. */
static void print_times(const json_t *row)
{
	printf("  %-9s %.19sZ to %.19sZ, %lld times\n", "seen", text_in(row, "first"),
	        text_in(row, "last"), (long long)json_integer_value(json_object_get(row, "count")));
	if (text_in(row, "closed")[0] != '\0')
		printf("  %-9s %.19sZ\n", "closed", text_in(row, "closed"));
	else if (text_in(row, "next_try")[0] != '\0')
		printf("  %-9s %.19sZ\n", "next try", text_in(row, "next_try"));
}

static void print_incident(const json_t *row)
{
	printf("%s: %s, route ", text_in(row, "state"), text_in(row, "cause"));
	cli_print_plain(text_in(row, "route"));
	if (text_in(row, "identity")[0] != '\0') {
		printf(", identity ");
		cli_print_plain(text_in(row, "identity"));
	}
	if (text_in(row, "sender")[0] != '\0') {
		printf(", sender ");
		cli_print_plain(text_in(row, "sender"));
	}
	putchar('\n');
	print_times(row);
	print_field(row, "reply", "reply");
	print_field(row, "meaning", "advice");
	print_field(row, "command", "command");
}

static int list(struct control_client *client, bool json, bool all)
{
	json_t *answer = control_client_ask(client,
	        json_pack("{ss sb}", "verb", request_verb_word(REQUEST_INCIDENTS), "all", all));
	if (answer == NULL)
		return CLI_WRONG;
	const json_int_t rows = json_integer_value(json_object_get(answer, "rows"));
	json_decref(answer);
	for (json_int_t i = 0; i < rows; i++) {
		struct view line;

		if (!control_client_row(client, &line))
			return CLI_WRONG;
		if (json) {
			printf("%.*s\n", VIEW_ARGS(line));
			continue;
		}
		json_t *row = json_loadb(line.data, line.bytes, 0, NULL);
		if (row == NULL)
			return CLI_WRONG;
		print_incident(row);
		json_decref(row);
	}
	return CLI_FINE;
}

int cli_incidents(int argc, char **argv)
{
	const char *config = CLI_CONFIG_DEFAULT;
	bool json = false;
	bool all = false;
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'a':
			all = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return CLI_FINE;
		default:
			return CLI_USAGE;
		}
	}
	if (!cli_has_no_words(argc, argv))
		return CLI_USAGE;
	struct control_client *client = control_client_open("incidents", config);
	if (client == NULL)
		return CLI_WRONG;
	const int status = list(client, json, all);
	control_client_close(client);
	return status;
}
