#include "engine/ops/cli.h"

#include "engine/config_report.h"
#include "engine/config_value.h"
#include "engine/ops/control_client.h"
#include "engine/ops/trace_json.h"
#include "engine/ops/trace_text.h"
#include "engine/request.h"
#include "queue/address.h"
#include "queue/base/date.h"

#include <jansson.h>
#include <stdlib.h>

#define PATH_BYTES    4096
#define LIMIT_DEFAULT 100
#define IDS_MAX       1000

static const char usage[] =
        "usage: sluice trace [--json] [--config FILE] ID...\n"
        "       sluice trace [--json] [--config FILE] [FILTER...]\n"
        "\n"
        "Says what happened to a message: from whom it came and how, what was changed in it,\n"
        "which route it takes and by which rule, each attempt with its mailbox, session and\n"
        "reply, what that means, what comes next, and how it ended. The relay keeps this for\n"
        "as long as trace.keep says, for messages that are long gone too. Times are in UTC.\n"
        "\n"
        "  --message-id ID   the message with this Message-ID\n"
        "  --from ADDRESS    messages from this sender, as MAIL said it or as it goes out;\n"
        "                    @DOMAIN: from this domain; <>: the null sender\n"
        "  --to ADDRESS      to this recipient; @DOMAIN: in this domain\n"
        "  --client ADDRESS  from this client's address\n"
        "  --since WHEN      accepted since then: 30m, 2h or 3d ago, or a time such as\n"
        "                    2026-11-24T03:15:00Z\n"
        "  --status WORD     queued, deferred, held, delivered, bounced, removed or rehearsed\n"
        "  --limit NUMBER    of those that match the newest so many (default: 100)\n"
        "  --json            one JSON object a line, a message each\n"
        "  --config FILE     the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help            this text\n"
        "\n"
        "Exit status: 0 found, 1 nothing was found or the spool can't be read, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "message-id", required_argument, NULL, 'm' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "client", required_argument, NULL, 'a' },
	{ "since", required_argument, NULL, 's' },
	{ "status", required_argument, NULL, 'u' },
	{ "limit", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct words {
	const char *config;
	struct trace_query query;
	uint64_t ids[IDS_MAX];
	bool filters;
	bool json;
	bool help;
};

static bool complain(const char *what, const char *value)
{
	fprintf(stderr, "sluice trace: %s \"%s\"; see sluice trace --help\n", what, value);
	return false;
}

/* An address without its <>; `may_be_null`: nothing in them is the null sender. */
static bool read_address(const char *value, bool may_be_null, struct view *address)
{
	struct view text = view_of(value);
	const bool brackets =
	        text.bytes >= 2 && text.data[0] == '<' && text.data[text.bytes - 1] == '>';

	*address = brackets ? view_first(view_skip(text, 1), text.bytes - 2) : text;
	return (address->bytes > 0 || (brackets && may_be_null)) || complain("no address", value);
}

static bool read_since(const char *value, struct wall *since)
{
	int64_t ago_ns;

	if (date_read_iso(view_of(value), since))
		return true;
	if (!config_value_read(CONFIG_KIND_DURATION, view_of(value), NULL, &ago_ns))
		return complain("no time, nor a duration such as 2h:", value);
	since->ms = clock_wall().ms - ago_ns / NS_PER_MS;
	return true;
}

static bool read_limit(const char *value, size_t *limit)
{
	uint64_t number;

	if (!view_to_u64(view_of(value), &number) || number < 1 || number > TRACE_FIND_MOST)
		return complain("right is a number from 1 to 100000, not", value);
	*limit = (size_t)number;
	return true;
}

static bool read_filter(struct words *words, int option)
{
	struct trace_query *query = &words->query;

	words->filters = true;
	switch (option) {
	case 'm':
		query->message_id = view_of(optarg);
		return query->message_id.bytes > 0 || complain("no Message-ID", optarg);
	case 'f':
		query->by_from = true;
		return read_address(optarg, true, &query->from);
	case 't':
		return read_address(optarg, false, &query->to);
	case 'a':
		query->client = view_of(optarg);
		return query->client.bytes > 0 || complain("no address", optarg);
	case 's':
		return read_since(optarg, &query->since);
	case 'u':
		return trace_status_parse(view_of(optarg), &query->status) ||
		       complain("no status", optarg);
	case 'l':
		return read_limit(optarg, &query->limit);
	default:
		return false;
	}
}

static bool read_ids(int argc, char **argv, struct words *words)
{
	struct trace_query *query = &words->query;

	for (; optind < argc; optind++) {
		if (query->id_count == IDS_MAX)
			return complain("too many ids, from", argv[optind]);
		if (!message_id_parse(view_of(argv[optind]), &words->ids[query->id_count]))
			return complain("no queue id:", argv[optind]);
		query->id_count++;
	}
	query->ids = words->ids;
	return query->id_count == 0 || !words->filters ||
	       complain("ids or filters, not both:", argv[argc - 1]);
}

static bool read_words(int argc, char **argv, struct words *words)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		if (option == 'c')
			words->config = optarg;
		else if (option == 'j')
			words->json = true;
		else if (option == 'h')
			words->help = true;
		else if (!read_filter(words, option))
			return false;
	}
	return words->help || read_ids(argc, argv, words);
}

static bool find_spool(const char *config, struct text *folder)
{
	struct config_report report;

	config_report_init(&report);
	const bool found = config_find_spool(config, folder, &report);
	if (!found)
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	return found;
}

/* What the journal alone has comes into the tables, if somebody runs who can do that. */
static void bring(const char *folder)
{
	struct control_client *client = control_client_reach("trace", folder);

	if (client == NULL) {
		fprintf(stderr,
		        "sluice trace: the engine is not running; what only its journal has is "
		        "told after a start, or sluice spool check\n");
		return;
	}
	json_decref(control_client_ask(
	        client, json_pack("{ss}", "verb", request_verb_word(REQUEST_TIDY))));
	control_client_close(client);
}

static void print(const struct trace_messages *messages, bool json)
{
	static struct trace_story story;

	for (size_t i = 0; i < messages->count; i++) {
		trace_story_read(&story, &messages->at[i]);
		if (json) {
			trace_json_print(&story, stdout);
			continue;
		}
		if (i > 0)
			putchar('\n');
		trace_text_print(&story);
	}
}

static int look(const struct words *words, const char *folder)
{
	struct trace_reader *reader = NULL;
	struct trace_messages messages = { 0 };
	struct err err = trace_reader_open(&reader, folder);

	if (!failed(err))
		err = trace_find(reader, &words->query, &messages);
	trace_reader_close(reader);
	if (failed(err) && err.code != ERR_NOT_FOUND) {
		const char *reason = err.code == ERR_SYSTEM ? strerrordesc_np(err.detail) : NULL;
		fprintf(stderr, "sluice trace: can't read %s: %s\n", folder,
		        reason != NULL ? reason : err_text(err.code));
		return CLI_WRONG;
	}
	print(&messages, words->json);
	const bool all = words->query.id_count == 0 ? messages.count > 0
	                                            : messages.count == words->query.id_count;
	if (!all)
		fprintf(stderr, "sluice trace: %s\n",
		        messages.count > 0
		                ? "not all of them are in the trace"
		                : "nothing of it is in the trace; see trace.keep and trace.size");
	trace_find_free(&messages);
	return all ? CLI_FINE : CLI_WRONG;
}

int cli_trace(int argc, char **argv)
{
	static struct words words = { .config = CLI_CONFIG_DEFAULT };
	char folder_bytes[PATH_BYTES];
	struct text folder = TEXT_ON(folder_bytes);

	words.query = (struct trace_query){ .status = TRACE_STATUS_ANY, .limit = LIMIT_DEFAULT };
	if (!read_words(argc, argv, &words))
		return CLI_USAGE;
	if (words.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	if (!find_spool(words.config, &folder))
		return CLI_WRONG;
	bring(text_string(&folder));
	return look(&words, text_string(&folder));
}
