#include "engine/ops/cli.h"

#include "engine/ops/control_talk.h"
#include "engine/ops/control_client.h"
#include "queue/address.h"
#include "queue/message.h"

#include <jansson.h>

static const char usage[] =
        "usage: sluice queue list|count [--json] [FILTER...]\n"
        "       sluice queue show ID [--json]\n"
        "       sluice queue retry|hold|release|bounce|remove ID...\n"
        "       sluice queue retry|hold|release|bounce|remove --all [FILTER...]\n"
        "\n"
        "Asks the running engine about its queue, or changes it.\n"
        "\n"
        "  list      one message a line: id, since when, state, attempts, size, who to whom,\n"
        "            when it is tried next, and what the server said last; a message that\n"
        "            takes several routes has a line for each\n"
        "  count     the number of messages not yet settled\n"
        "  show      one message, with what was said of each recipient\n"
        "  retry     try now, whatever the time of the next attempt\n"
        "  hold      keep, and don't try until released\n"
        "  release   end a hold\n"
        "  bounce    give up now and tell the sender\n"
        "  remove    take out of the queue and tell nobody\n"
        "\n"
        "  --json          list, show: one JSON object a line\n"
        "  --all           every message that passes the filters\n"
        "  --route NAME    only what waits for this route\n"
        "  --from ADDRESS  only from this sender; @DOMAIN: from this domain; <>: the null\n"
        "                  sender\n"
        "  --to ADDRESS    only with this recipient; @DOMAIN: in this domain\n"
        "  --in-doubt      only what may have arrived, though no answer came\n"
        "  --config FILE   the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help          this text\n"
        "\n"
        "Exit status: 0 done, 1 the engine can't be reached or a message is not there (or a hold\n"
        "is on it, or off), 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "all", no_argument, NULL, 'a' },
	{ "route", required_argument, NULL, 'r' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "in-doubt", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* What an act did, for its last line; by verb. */
static const char *const done_words[REQUEST_VERB_COUNT] = {
	[REQUEST_RETRY] = "tried now",
	[REQUEST_HOLD] = "held",
	[REQUEST_RELEASE] = "released",
	[REQUEST_BOUNCE] = "bounced",
	[REQUEST_REMOVE] = "removed",
};

struct query {
	enum request_verb verb;
	const char *config;
	const char *route;
	const char *from;
	const char *to;
	bool in_doubt;
	bool json;
	bool all;
	bool help;
	char **ids;
	size_t ids_count;
	char from_room[ADDRESS_BYTES_MAX + 1];
	char to_room[ADDRESS_BYTES_MAX + 1];
};

static bool read_option(struct query *query, int option)
{
	switch (option) {
	case 'c':
		query->config = optarg;
		return true;
	case 'j':
		query->json = true;
		return true;
	case 'a':
		query->all = true;
		return true;
	case 'r':
		query->route = optarg;
		return true;
	case 'f':
		query->from = optarg;
		return true;
	case 't':
		query->to = optarg;
		return true;
	case 'd':
		query->in_doubt = true;
		return true;
	case 'h':
		query->help = true;
		return true;
	default:
		return false;
	}
}

static bool complain(const char *what)
{
	fprintf(stderr, "sluice queue: %s; see sluice queue --help\n", what);
	return false;
}

/* "<a@b>" as logs and mail programs write it is a@b. False: nothing is left of it. */
static bool read_address(const char *option, const char **value, char *room, size_t room_bytes)
{
	struct view address = view_of(*value);
	const bool brackets = address.bytes >= 2 && address.data[0] == '<' &&
	                      address.data[address.bytes - 1] == '>';

	if (brackets)
		address = view_first(view_skip(address, 1), address.bytes - 2);
	if (address.bytes >= room_bytes) {
		fprintf(stderr, "sluice queue: %s: no address is that long\n", option);
		return false;
	}
	/* Only a sender can be null, and that is written <>: a variable that is not set must not
	 * choose what is removed. */
	if (address.bytes == 0 && (!brackets || strcmp(option, "--from") != 0)) {
		fprintf(stderr, "sluice queue: %s needs an address%s; see sluice queue --help\n",
		        option, strcmp(option, "--from") == 0 ? "; the null sender is <>" : "");
		return false;
	}
	snprintf(room, room_bytes, "%.*s", VIEW_ARGS(address));
	*value = room;
	return true;
}

static bool read_filters(struct query *query)
{
	if (query->route != NULL && query->route[0] == '\0')
		return complain("--route needs a name");
	if (query->from != NULL &&
	        !read_address("--from", &query->from, query->from_room, sizeof query->from_room))
		return false;
	return query->to == NULL ||
	       read_address("--to", &query->to, query->to_room, sizeof query->to_room);
}

static bool check_query(const struct query *query)
{
	const bool looks = query->verb == REQUEST_LIST || query->verb == REQUEST_COUNT;
	const bool filters =
	        query->route != NULL || query->from != NULL || query->to != NULL || query->in_doubt;
	uint64_t id;

	for (size_t i = 0; i < query->ids_count; i++)
		if (!message_id_parse(view_of(query->ids[i]), &id)) {
			fprintf(stderr, "sluice queue: \"%s\" is no queue id\n", query->ids[i]);
			return false;
		}
	if (looks)
		return query->ids_count == 0 || complain("list and count take filters, not ids");
	if (query->verb == REQUEST_SHOW)
		return (query->ids_count == 1 && !query->all && !filters) ||
		       complain("show takes one id");
	if (query->all == (query->ids_count > 0))
		return complain("which messages? Right are ids, or --all");
	return !filters || query->all || complain("filters need --all");
}

static bool read_query(int argc, char **argv, struct query *query)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false))
		if (!read_option(query, option))
			return false;
	if (query->help)
		return true;
	if (optind >= argc)
		return complain("what about it? Right is list, count, show, retry, hold, release, "
		                "bounce or remove");
	if (!request_verb_parse(view_of(argv[optind]), &query->verb) ||
	        query->verb >= REQUEST_INCIDENTS) {
		fprintf(stderr, "sluice queue: no verb \"%s\"; see sluice queue --help\n",
		        argv[optind]);
		return false;
	}
	query->ids = argv + optind + 1;
	query->ids_count = (size_t)(argc - optind - 1);
	return read_filters(query) && check_query(query);
}

static json_t *question_of(const struct query *query, enum request_verb verb)
{
	return json_pack("{ss ss* ss* ss* sb}", "verb", request_verb_word(verb), "route",
	        query->route, "from", query->from, "to", query->to, "in_doubt", query->in_doubt);
}

static const char *text_in(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

/* "2026-11-24T03:15:03.123Z" to the second. */
static void print_time(const char *text)
{
	printf("%.19sZ", text);
}

static void print_line(const json_t *row)
{
	const json_t *recipients = json_object_get(row, "recipients");
	const char *first = json_string_value(json_array_get(recipients, 0));
	const char *next = text_in(row, "next_attempt");

	printf("%s  ", text_in(row, "id"));
	print_time(text_in(row, "received"));
	printf("  %-8s  %3lld  %9lld  ", text_in(row, "state"),
	        (long long)json_integer_value(json_object_get(row, "attempts")),
	        (long long)json_integer_value(json_object_get(row, "bytes")));
	printf("<");
	cli_print_plain(text_in(row, "from"));
	printf("> to <");
	cli_print_plain(first != NULL ? first : "");
	printf(">");
	if (json_array_size(recipients) > 1)
		printf(" and %zu more", json_array_size(recipients) - 1);
	if (next[0] != '\0') {
		printf(", next ");
		print_time(next);
	}
	if (text_in(row, "reply")[0] != '\0') {
		printf(": ");
		cli_print_plain(text_in(row, "reply"));
	}
	putchar('\n');
}

static void print_whole(const json_t *row)
{
	static const char *const keys[] = { "id", "route", "from", "state", "received",
		"next_attempt" };
	const json_t *owed;
	size_t i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		printf("%-13s ", keys[i]);
		cli_print_plain(text_in(row, keys[i]));
		putchar('\n');
	}
	printf("%-13s %lld\n", "bytes",
	        (long long)json_integer_value(json_object_get(row, "bytes")));
	printf("%-13s %lld\n", "attempts",
	        (long long)json_integer_value(json_object_get(row, "attempts")));
	json_array_foreach(json_object_get(row, "owed"), i, owed)
	{
		printf("%-13s ", "recipient");
		cli_print_plain(text_in(owed, "address"));
		printf(" %s", text_in(owed, "state"));
		if (text_in(owed, "reply")[0] != '\0') {
			printf(": ");
			cli_print_plain(text_in(owed, "reply"));
		}
		putchar('\n');
	}
}

/* The verbs. */

struct listing {
	const struct query *query;
	uint64_t messages;
	uint64_t rows;
	char last_id[MESSAGE_ID_TEXT]; /* where the next page begins */
	json_int_t last_job;
};

static void print_row(const struct listing *listing, const json_t *row, struct view line)
{
	const bool shown = listing->query->verb == REQUEST_SHOW;

	if (listing->query->json) {
		printf("%.*s\n", VIEW_ARGS(line));
	} else if (shown) {
		if (listing->rows > 0)
			putchar('\n'); /* on another route */
		print_whole(row);
	} else {
		print_line(row);
	}
}

/* False: the row makes no sense, or the answer broke off. */
static bool take_row(struct listing *listing, struct view line)
{
	json_t *row = json_loadb(line.data, line.bytes, 0, NULL);

	if (row == NULL)
		return false;
	listing->messages += strcmp(listing->last_id, text_in(row, "id")) != 0;
	snprintf(listing->last_id, sizeof listing->last_id, "%s", text_in(row, "id"));
	listing->last_job = json_integer_value(json_object_get(row, "job"));
	if (listing->query->verb != REQUEST_COUNT)
		print_row(listing, row, line);
	listing->rows++;
	json_decref(row);
	return true;
}

/* One page; `more`: another follows. */
static bool take_page(struct control_client *client, struct listing *listing, bool *more)
{
	json_t *question = question_of(listing->query, REQUEST_LIST);
	struct view line;

	if (listing->last_id[0] != '\0') {
		json_object_set_new(question, "after", json_string(listing->last_id));
		json_object_set_new(question, "after_job", json_integer(listing->last_job));
	}
	json_t *answer = control_client_ask(client, question);
	if (answer == NULL)
		return false;
	json_int_t rows = json_integer_value(json_object_get(answer, "rows"));
	*more = json_is_true(json_object_get(answer, "more")) && rows > 0;
	json_decref(answer);
	for (json_int_t i = 0; i < rows; i++)
		if (!control_client_row(client, &line) || !take_row(listing, line))
			return false;
	return true;
}

static int list(struct control_client *client, const struct query *query)
{
	struct listing listing = { .query = query };
	bool more = true;

	while (more)
		if (!take_page(client, &listing, &more))
			return CLI_WRONG;
	if (query->verb == REQUEST_COUNT)
		printf("%llu\n", (unsigned long long)listing.messages);
	return CLI_FINE;
}

static int count(struct control_client *client, const struct query *query)
{
	/* Counting by filter is looking at each. */
	if (query->route != NULL || query->from != NULL || query->to != NULL || query->in_doubt)
		return list(client, query);
	json_t *answer = control_client_ask(client, question_of(query, REQUEST_COUNT));
	if (answer == NULL)
		return CLI_WRONG;
	printf("%lld\n", (long long)json_integer_value(json_object_get(answer, "count")));
	json_decref(answer);
	return CLI_FINE;
}

static json_t *ids_from(const struct query *query, size_t start)
{
	json_t *ids = json_array();

	for (size_t i = start; i < query->ids_count && i < start + CONTROL_IDS_MAX; i++)
		json_array_append_new(ids, json_string(query->ids[i]));
	return ids;
}

static int show(struct control_client *client, const struct query *query)
{
	struct listing listing = { .query = query };
	json_t *question = question_of(query, REQUEST_SHOW);
	size_t rows = 0;
	struct view line;

	json_object_set_new(question, "ids", ids_from(query, 0));
	json_t *answer = control_client_ask(client, question);
	if (answer == NULL)
		return CLI_WRONG;
	json_decref(answer);
	for (; control_client_row(client, &line) && take_row(&listing, line); rows++)
		continue;
	if (rows > 0)
		return CLI_FINE;
	fprintf(stderr, "sluice queue: %s is not in the queue\n", query->ids[0]);
	return CLI_WRONG;
}

/* As many questions as the ids need; one for --all. */
static int act(struct control_client *client, const struct query *query)
{
	uint64_t taken = 0;
	uint64_t under_way = 0;

	for (size_t start = 0; start == 0 || start < query->ids_count; start += CONTROL_IDS_MAX) {
		json_t *question = question_of(query, query->verb);

		if (query->all)
			json_object_set_new(question, "all", json_true());
		else
			json_object_set_new(question, "ids", ids_from(query, start));
		json_t *answer = control_client_ask(client, question);
		if (answer == NULL)
			return CLI_WRONG;
		taken += (uint64_t)json_integer_value(json_object_get(answer, "count"));
		under_way += (uint64_t)json_integer_value(json_object_get(answer, "under_way"));
		json_decref(answer);
	}
	const uint64_t done = taken - under_way;
	printf("%llu message%s %s\n", (unsigned long long)done, done == 1 ? "" : "s",
	        done_words[query->verb]);
	if (under_way > 0)
		fprintf(stderr,
		        "sluice queue: %llu more with a server now: %s once it has answered, "
		        "unless delivered by then, or Sluice is killed\n",
		        (unsigned long long)under_way, done_words[query->verb]);
	if (!query->all && taken < query->ids_count)
		fprintf(stderr,
		        "sluice queue: %llu of %zu: the others are not in the queue, or there is "
		        "nothing to %s\n",
		        (unsigned long long)taken, query->ids_count,
		        request_verb_word(query->verb));
	else if (under_way == 0)
		return CLI_FINE;
	return CLI_WRONG;
}

int cli_queue(int argc, char **argv)
{
	struct query query = { .config = CLI_CONFIG_DEFAULT };

	if (!read_query(argc, argv, &query))
		return CLI_USAGE;
	if (query.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	struct control_client *client = control_client_open("queue", query.config);
	if (client == NULL)
		return CLI_WRONG;
	int status;
	switch (query.verb) {
	case REQUEST_LIST:
		status = list(client, &query);
		break;
	case REQUEST_COUNT:
		status = count(client, &query);
		break;
	case REQUEST_SHOW:
		status = show(client, &query);
		break;
	default:
		status = act(client, &query);
		break;
	}
	control_client_close(client);
	return status;
}
