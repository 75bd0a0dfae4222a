#include "engine/ops/cli.h"

#include "engine/ops/cli_route_names.h"
#include "engine/routing.h"
#include "engine/wire/byline.h"
#include "queue/address.h"
#include "queue/base/check.h"

#include <jansson.h>

static const char usage[] =
        "usage: sluice route --from ADDRESS --to ADDRESS... [--client IP] [--listener X]\n"
        "                    [--user NAME] [--header 'NAME: VALUE']... [--json]\n"
        "\n"
        "Says in whose name mail would go out by the configuration, which route it would take, "
        "and\n"
        "why, rule by rule. No engine need run.\n"
        "\n"
        "  --from ADDRESS    the sender as MAIL gives it; <> is the null sender\n"
        "  --to ADDRESS      a recipient; may be given several times\n"
        "  --client IP       the client's address (default: 127.0.0.1)\n"
        "  --listener X      where the mail comes in: a listener's address or name (default:\n"
        "                    the first)\n"
        "  --user NAME       whom the client signed in as (default: nobody)\n"
        "  --header TEXT     a header field, 'NAME: VALUE'; may be given several times\n"
        "  --json            one JSON object a recipient\n"
        "  --config FILE     the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help            this text\n"
        "\n"
        "Exit status: 0 every recipient has a route, 1 one has none or the configuration is\n"
        "wrong, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "client", required_argument, NULL, 'i' },
	{ "listener", required_argument, NULL, 'l' },
	{ "user", required_argument, NULL, 'u' },
	{ "header", required_argument, NULL, 'e' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

#define HEADER_BYTES_MAX 65536
static_assert(HEADER_BYTES_MAX + BYLINE_BYTES_MAX <= CLI_ROUTE_HEADER_MAX, "names have room");

struct question {
	const char *config_path;
	const char *from;
	const char *to[MESSAGE_RECIPIENTS_MAX];
	size_t to_count;
	const char *client;
	const char *listener;
	const char *user;
	char header_bytes[HEADER_BYTES_MAX];
	struct text header; /* as a message's begins */
	bool json;
	bool help;
};

/* What is asked about, as rules look at it. */
struct subject {
	const struct config *config;
	struct cli_route_names names;
	struct rulebook_mail mail; /* as it is named */
	struct rulebook_seen seen;
	char listener[ENDPOINT_TEXT_BYTES];
};

static bool complain(const char *what, const char *of)
{
	fprintf(stderr, "sluice route: %s%s%s%s; see sluice route --help\n", what,
	        of != NULL ? " \"" : "", of != NULL ? of : "", of != NULL ? "\"" : "");
	return false;
}

/* Reading the question. */

static bool is_address(const char *word)
{
	struct address address;

	return address_parse(view_of(word), true, &address) == ADDRESS_OK;
}

static bool take_header(struct question *question, const char *field)
{
	if (strchr(field, ':') == NULL || field[0] == ':' || strpbrk(field, "\r\n") != NULL)
		return complain("a header is NAME: VALUE, not", field);
	text_format(&question->header, "%s\r\n", field);
	return !question->header.overflow || complain("too many headers", NULL);
}

static bool take_option(struct question *question, int option)
{
	switch (option) {
	case 'c':
		question->config_path = optarg;
		return true;
	case 'f':
		question->from = strcmp(optarg, "<>") == 0 ? "" : optarg;
		return true; /* what is no address may become one */
	case 't':
		if (question->to_count == MESSAGE_RECIPIENTS_MAX)
			return complain("too many recipients", NULL);
		question->to[question->to_count++] = optarg;
		return is_address(optarg) || complain("no mail address:", optarg);
	case 'i':
		question->client = optarg;
		return true;
	case 'l':
		question->listener = optarg;
		return true;
	case 'u':
		question->user = optarg;
		return true;
	case 'e':
		return take_header(question, optarg);
	case 'j':
		question->json = true;
		return true;
	case 'h':
		question->help = true;
		return true;
	default:
		return false;
	}
}

static bool read_question(int argc, char **argv, struct question *question)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false))
		if (!take_option(question, option))
			return false;
	if (question->help)
		return true;
	if (!cli_has_no_words(argc, argv))
		return false;
	if (question->from == NULL || question->to_count == 0)
		return complain("right are --from and --to", NULL);
	return true;
}

/* The listener's address, as messages name it. */
static bool find_listener(
        const struct config *config, const char *word, char into[ENDPOINT_TEXT_BYTES])
{
	struct text text = text_on(into, ENDPOINT_TEXT_BYTES);
	struct endpoint endpoint = { .port = 0 };
	const bool is_endpoint = word != NULL && endpoint_parse(view_of(word), &endpoint);

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.at[i];

		if (word == NULL ||
		        (is_endpoint && endpoint_equal(&endpoint, &listener->address)) ||
		        strcasecmp(listener->name, word) == 0) {
			endpoint_format(&text, &listener->address);
			(void)text_string(&text);
			return true;
		}
	}
	return complain("no listener has the address or name", word);
}

static bool make_subject(
        struct subject *subject, const struct config *config, const struct question *question)
{
	subject->config = config;
	subject->mail = (struct rulebook_mail){
		.user = view_of(question->user),
		.has_client = true,
	};
	if (!endpoint_parse_address(view_of(question->client), &subject->mail.client))
		return complain("no IP address:", question->client);
	if (!find_listener(config, question->listener, subject->listener))
		return false;
	subject->mail.listener = view_of(subject->listener);
	cli_route_names_find(&subject->names, config, &subject->mail, question->from,
	        text_view(&question->header));
	subject->mail.sender = subject->names.sender;
	rulebook_see_text(config->rulebook, text_view(&subject->names.header), &subject->seen);
	subject->mail.seen = &subject->seen;
	return true;
}

/* Answering. */

static const char *fate_word(enum routing_fate fate)
{
	static const char *const words[] = {
		[ROUTING_TAKEN] = "taken",
		[ROUTING_OPEN] = "open",
		[ROUTING_KEPT] = "kept",
		[ROUTING_NOWHERE] = "refused",
	};

	return words[fate];
}

static const struct config_route *route_of(
        const struct subject *subject, const struct routing *routing)
{
	return &subject->config->routes.at[routing->route];
}

/* The rules that were asked before one decided: how many. */
static uint16_t asked_count(const struct subject *subject, const struct routing *routing)
{
	if (subject->names.refusal != NULL)
		return 0;
	return routing->rule == ROUTING_NO_RULE ? (uint16_t)subject->config->rules.count
	                                        : (uint16_t)(routing->rule + 1);
}

static json_t *rules_as_json(
        const struct subject *subject, const struct routing *routing, const char *to)
{
	json_t *rules = json_array();

	for (uint16_t i = 0; i < asked_count(subject, routing); i++) {
		const enum rulebook_reason reason =
		        rulebook_judge(subject->config->rulebook, i, &subject->mail, view_of(to));
		const bool matches = reason == RULEBOOK_MATCHES;

		json_array_append_new(rules,
		        json_pack("{si sb so}", "rule", (int)i, "matches", matches, "condition",
		                matches ? json_null()
		                        : json_string(rulebook_reason_words(reason))));
	}
	return rules;
}

static json_t *fallbacks_as_json(
        const struct subject *subject, const struct routing *routing, const char *to)
{
	json_t *fallbacks = json_array();
	uint16_t route = routing->route;

	while (routing->fate == ROUTING_TAKEN && routing_fallback(subject->config, route, &route))
		if (routing_carries(subject->config, route, subject->mail.sender, view_of(to)))
			json_array_append_new(
			        fallbacks, json_string(subject->config->routes.at[route].name));
	return fallbacks;
}

static void print_json(const struct subject *subject, const struct routing *routing, const char *to)
{
	const struct config_route *route = route_of(subject, routing);
	const bool taken = routing->fate == ROUTING_TAKEN;
	const bool internal =
	        rulebook_is_internal(subject->config->rulebook, rulebook_domain(view_of(to)));
	json_t *object = json_pack("{ss so ss sb so ss ss? ss? ss? ss? ss? so}", "from",
	        subject->names.from, "names", cli_route_names_as_json(&subject->names), "to", to,
	        "internal", internal, "rules", rules_as_json(subject, routing, to), "fate",
	        fate_word(routing->fate), "route", taken ? route->name : NULL, "interface",
	        taken ? config_interface_word(route->interface) : NULL, "host",
	        taken ? route->host : NULL, "domain", taken ? route->domain : NULL, "mailbox",
	        routing->mailbox, "fallback", fallbacks_as_json(subject, routing, to));

	check(object != NULL);
	json_object_set_new(object, "rule",
	        routing->rule == ROUTING_NO_RULE ? json_null() : json_integer(routing->rule));
	if (taken)
		json_object_set_new(object, "port", json_integer(route->port));
	json_dumpf(object, stdout, JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(object);
}

/* The routes that were asked, up to the one that takes it. */
static void print_choice(
        const struct subject *subject, const struct routing *routing, const char *to)
{
	const struct config *config = subject->config;
	const bool by_rule = routing->rule != ROUTING_NO_RULE;
	const struct rulebook_rule *rule = by_rule ? &config->rulebook->rules[routing->rule] : NULL;
	const size_t count = by_rule ? rule->route_count : config->routes.count;
	const bool internal = rulebook_is_internal(config->rulebook, rulebook_domain(view_of(to)));

	for (size_t i = 0; i < count; i++) {
		const uint16_t index = by_rule ? rule->routes[i] : (uint16_t)i;
		const struct config_route *route = &config->routes.at[index];

		if (routing->fate == ROUTING_TAKEN && index == routing->route)
			return;
		printf("  %s: no, it %s\n", route->name,
		        routing_takes(config, route, internal) ? "can't carry the null sender"
		                                               : "goes to accepted_domains alone");
	}
}

static void print_fallbacks(
        const struct subject *subject, const struct routing *routing, const char *to)
{
	const struct config *config = subject->config;
	uint16_t route = routing->route;

	while (routing_fallback(config, route, &route))
		printf("  fallback: %s%s\n", config->routes.at[route].name,
		        routing_carries(config, route, subject->mail.sender, view_of(to))
		                ? ""
		                : ", but it can't carry this");
}

static void print_author(const struct config_route *route)
{
	if (route->identities.count > 0)
		printf("  sent from: whichever of its identities takes it, of %zu\n",
		        route->identities.count);
	else
		printf("  sent from: %s, for the route has no identities\n", route->notices_from);
}

static void print_lines(
        const struct subject *subject, const struct routing *routing, const char *to)
{
	const struct config_route *route = route_of(subject, routing);
	const bool internal =
	        rulebook_is_internal(subject->config->rulebook, rulebook_domain(view_of(to)));

	printf("to %s (%s)\n", to, internal ? "internal" : "external");
	for (uint16_t i = 0; i < asked_count(subject, routing); i++) {
		const enum rulebook_reason reason =
		        rulebook_judge(subject->config->rulebook, i, &subject->mail, view_of(to));
		if (reason == RULEBOOK_MATCHES)
			printf("  rules[%u]: matches\n", i);
		else
			printf("  rules[%u]: no, by %s\n", i, rulebook_reason_words(reason));
	}
	if (routing->rule == ROUTING_NO_RULE)
		printf("  no rule matches: the first route that can carry it\n");
	print_choice(subject, routing, to);
	switch (routing->fate) {
	case ROUTING_TAKEN:
		printf("  route: %s (%s, %s%s port %u)\n", route->name,
		        config_interface_word(route->interface),
		        route->host != NULL ? "" : "MX of ",
		        route->host != NULL ? route->host : route->domain, route->port);
		if (routing->mailbox != NULL)
			printf("  sent from: %s, which stands in for the null sender\n",
			        routing->mailbox);
		if (subject->names.naming.opens && subject->mail.sender.bytes > 0)
			print_author(route);
		print_fallbacks(subject, routing, to);
		break;
	case ROUTING_KEPT:
		printf("  no route: it is kept, for sluice queue release\n");
		break;
	default:
		printf("  no route: the recipient is refused\n");
		break;
	}
}

static bool answer_recipient(
        const struct subject *subject, const struct question *question, const char *to)
{
	struct routing routing = { .fate = ROUTING_NOWHERE, .rule = ROUTING_NO_RULE };

	if (subject->names.refusal == NULL)
		routing = routing_decide(subject->config, &subject->mail, view_of(to));
	if (question->json)
		print_json(subject, &routing, to);
	else if (subject->names.refusal == NULL)
		print_lines(subject, &routing, to);
	return routing.fate == ROUTING_TAKEN;
}

static int answer(const struct config *config, const struct question *question)
{
	int status = CLI_FINE;
	struct subject subject;

	if (!make_subject(&subject, config, question))
		return CLI_USAGE;
	if (!question->json)
		cli_route_names_print(&subject.names);
	for (size_t i = 0; i < question->to_count; i++)
		if (!answer_recipient(&subject, question, question->to[i]))
			status = CLI_WRONG;
	return status;
}

int cli_route(int argc, char **argv)
{
	struct question question = {
		.config_path = CLI_CONFIG_DEFAULT,
		.client = "127.0.0.1",
	};
	question.header = text_on(question.header_bytes, sizeof question.header_bytes);
	if (!read_question(argc, argv, &question))
		return CLI_USAGE;
	if (question.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	struct config *config = cli_load(question.config_path);
	if (config == NULL)
		return CLI_WRONG;
	const int status = answer(config, &question);
	config_destroy(config);
	return status;
}
