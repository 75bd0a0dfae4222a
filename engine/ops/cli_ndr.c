#include "engine/ops/cli.h"

#include "engine/ops/control_client.h"
#include "engine/request.h"
#include "engine/wire/ndr_reader.h"

#include <jansson.h>

static const char usage[] =
        "usage: sluice ndr [--json] [--config FILE] FILE...\n"
        "\n"
        "Hears what reports about mail (non-delivery reports, as Exchange Online sends them)\n"
        "say of mail that the running engine sent: matches it by Message-ID, says what it means,\n"
        "and stops what the same reply in a session would stop. Needs sent_memory.\n"
        "A FILE of - is standard input.\n"
        "\n"
        "  --json          one JSON object a line\n"
        "  --config FILE   the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help          this text\n"
        "\n"
        "Exit status: 0 each report was matched, 1 one was not, can't be read, or the engine\n"
        "can't be reached, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool read_file(const char *name, struct ndr *ndr)
{
	struct ndr_reader reader; /* some 50 KB: a command has a stack of its own */
	const bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "r");
	char buffer[16384];
	size_t bytes;

	if (file == NULL) {
		fprintf(stderr, "sluice ndr: %s: %m\n", name);
		return false;
	}
	ndr_reader_init(&reader, ndr);
	while ((bytes = fread(buffer, 1, sizeof buffer, file)) > 0)
		ndr_reader_feed(&reader, view_from(buffer, bytes));
	const bool good = ferror(file) == 0;
	if (!good)
		fprintf(stderr, "sluice ndr: %s: can't be read\n", name);
	if (!standard)
		(void)fclose(file);
	ndr_reader_finish(&reader);
	return good;
}

/* JSON takes UTF-8 alone, and nothing that counts is anything but ASCII. */
static json_t *plain(const char *text)
{
	char room[NDR_REPLY_MAX + 1];
	size_t bytes = 0;

	for (; bytes < sizeof room - 1 && text[bytes] != '\0'; bytes++)
		room[bytes] = (unsigned char)text[bytes] < 128 ? text[bytes] : '?';
	return json_stringn(room, bytes);
}

/* recipient NULL: the report names none. */
static json_t *question_of(const struct ndr *ndr, const struct ndr_recipient *recipient)
{
	json_t *ids = json_array();
	json_t *question = json_pack("{ss sb so so}", "verb", request_verb_word(REQUEST_REPORT),
	        "is_report", ndr->report, "message_ids", ids, "reporter", plain(ndr->reporter));

	for (size_t i = 0; i < ndr->id_count; i++)
		(void)json_array_append_new(ids, plain(ndr->ids[i]));
	if (recipient == NULL)
		return question;
	(void)json_object_set_new(question, "address", plain(recipient->address));
	(void)json_object_set_new(question, "original", plain(recipient->original));
	(void)json_object_set_new(question, "remote", plain(recipient->remote));
	(void)json_object_set_new(question, "status", plain(recipient->status));
	(void)json_object_set_new(question, "reply", plain(recipient->reply));
	(void)json_object_set_new(
	        question, "action", json_string(ndr_action_word(recipient->action)));
	return question;
}

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

static void print_row(const char *file, const json_t *row)
{
	cli_print_plain(file);
	printf(": %s", text_in(row, "result"));
	if (text_in(row, "id")[0] != '\0')
		printf(", message %s", text_in(row, "id"));
	putchar('\n');
	print_field(row, "result", "meaning");
	print_field(row, "to", "to");
	print_field(row, "action", "action");
	print_field(row, "sent", "sent");
	print_field(row, "route", "route");
	print_field(row, "identity", "identity");
	print_field(row, "reply", "reply");
	print_field(row, "cause", "cause");
	print_field(row, "meaning", "advice");
}

static bool hear(struct control_client *client, const char *file, json_t *question, bool json)
{
	json_t *answer = control_client_ask(client, question);
	struct view line;

	if (answer == NULL)
		return false;
	const bool matched = json_integer_value(json_object_get(answer, "count")) > 0;
	json_decref(answer);
	if (!control_client_row(client, &line))
		return false;
	if (json) {
		printf("%.*s\n", VIEW_ARGS(line));
		return matched;
	}
	json_t *row = json_loadb(line.data, line.bytes, 0, NULL);
	if (row == NULL)
		return false;
	print_row(file, row);
	json_decref(row);
	return matched;
}

static bool hear_file(struct control_client *client, const char *name, bool json)
{
	struct ndr ndr;
	bool fine = true;

	if (!read_file(name, &ndr))
		return false;
	if (ndr.recipient_count == 0)
		return hear(client, name, question_of(&ndr, NULL), json);
	for (size_t i = 0; i < ndr.recipient_count; i++)
		fine &= hear(client, name, question_of(&ndr, &ndr.recipients[i]), json);
	if (ndr.recipients_missed > 0)
		fprintf(stderr, "sluice ndr: %s: names %zu recipients more\n", name,
		        ndr.recipients_missed);
	return fine;
}

int cli_ndr(int argc, char **argv)
{
	const char *config = CLI_CONFIG_DEFAULT;
	bool json = false;
	bool fine = true;
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return CLI_FINE;
		default:
			return CLI_USAGE;
		}
	}
	if (optind == argc) {
		fputs("sluice ndr: which file? See sluice ndr --help\n", stderr);
		return CLI_USAGE;
	}
	struct control_client *client = control_client_open("ndr", config);
	if (client == NULL)
		return CLI_WRONG;
	for (int i = optind; i < argc; i++)
		fine &= hear_file(client, argv[i], json);
	control_client_close(client);
	return fine ? CLI_FINE : CLI_WRONG;
}
