#include "engine/ops/cli_route_names.h"

#include "engine/inbound_reply.h"
#include "engine/wire/byline.h"
#include "engine/wire/header.h"
#include "queue/address.h"
#include "queue/base/check.h"

#include <jansson.h>

#include <stdio.h>

static void names_write_header(struct cli_route_names *names, struct view header);

void cli_route_names_find(struct cli_route_names *names, const struct config *config,
        const struct rulebook_mail *mail, const char *from, struct view header)
{
	struct address address;
	const bool is_null = from[0] == '\0';
	const bool impossible =
	        !is_null && address_parse(view_of(from), true, &address) != ADDRESS_OK;
	struct header read;

	names->config = config;
	names->from = from;
	names->mail = *mail;
	names->mail.sender = impossible ? VIEW("") : view_of(from);
	names->naming = naming_decide(config, &names->mail);
	header_init(&read);
	header_feed(&read, header);
	header_finish(&read);
	names->stays_null = is_null && read.is_report;
	names->sender = names->naming.sender.bytes > 0 && !names->stays_null ? names->naming.sender
	                                                                     : names->mail.sender;
	names->refusal = NULL;
	if (names->naming.refuses)
		names->refusal = inbound_reply_text(INBOUND_REPLY_NOT_ALLOWED);
	else if (impossible && names->naming.sender.bytes == 0)
		names->refusal = "501 5.1.7 Bad sender address syntax";
	names_write_header(names, header);
}

/* As the engine stores it, and rules see it. */
static void names_write_header(struct cli_route_names *names, struct view header)
{
	const struct naming *naming = &names->naming;
	char room[CLI_ROUTE_HEADER_MAX];
	struct text kept = TEXT_ON(room);
	struct byline byline;
	struct view piece;

	names->header = text_on(names->header_bytes, sizeof names->header_bytes);
	if (naming->from.bytes == 0) {
		text_put(&names->header, header);
		return;
	}
	byline_init(&byline, naming_byline(naming), naming->from, true);
	while (byline_read(&byline, &header, &piece))
		text_put(&kept, piece);
	if (byline_finish(&byline, &piece))
		text_put(&kept, piece);
	byline_put(&byline, names->mail.sender, &names->header);
	text_put(&names->header, text_view(&kept));
	check(!names->header.overflow);
}

/* The entries that were asked: how many. */
static uint16_t names_asked_count(const struct cli_route_names *names)
{
	return names->naming.entry == NAMING_NONE ? (uint16_t)names->config->names.count
	                                          : (uint16_t)(names->naming.entry + 1);
}

static enum rulebook_reason names_judge(const struct cli_route_names *names, uint16_t entry)
{
	return rulebook_judge(names->config->naming_book->rules, entry, &names->mail, VIEW(""));
}

static const char *names_policy(const struct cli_route_names *names)
{
	return config_policy_word(names->naming.entry == NAMING_NONE
	                                  ? POLICY_AS_IS
	                                  : names->config->names.at[names->naming.entry].policy);
}

static json_t *names_text(struct view view)
{
	return json_stringn(view.data, view.bytes);
}

json_t *cli_route_names_as_json(const struct cli_route_names *names)
{
	const struct naming *naming = &names->naming;
	const bool named = naming->entry != NAMING_NONE;
	json_t *entries = json_array();

	for (uint16_t i = 0; i < names_asked_count(names); i++) {
		const enum rulebook_reason reason = names_judge(names, i);
		const bool matches = reason == RULEBOOK_MATCHES;

		json_array_append_new(entries,
		        json_pack("{si sb so}", "entry", (int)i, "matches", matches, "condition",
		                matches ? json_null()
		                        : json_string(rulebook_reason_words(reason))));
	}
	json_t *object = json_pack("{so so ss sb so so ss ss?}", "entries", entries, "entry",
	        named ? json_integer(naming->entry) : json_null(), "policy", names_policy(names),
	        "by_identity", naming->opens, "sender",
	        names->refusal != NULL ? json_null() : names_text(names->sender), "header_from",
	        naming->from.bytes > 0 && !naming->opens ? names_text(naming->from) : json_null(),
	        "header_from_when",
	        naming->from.bytes == 0 ? "never" : (naming->replaces ? "always" : "impossible"),
	        "reply", names->refusal);
	check(object != NULL);
	return object;
}

static void names_print_sender(const struct cli_route_names *names)
{
	const struct naming *naming = &names->naming;
	const bool missing = names->mail.sender.bytes == 0;

	if (names->stays_null)
		printf("  sender: stays null, for this is a report\n");
	else if (naming->opens)
		printf("  sender: becomes the identity's that sends it; until then, for rules and "
		       "our reports, it is %.*s%s\n",
		        VIEW_ARGS(names->sender), missing ? ", for it is empty or impossible" : "");
	else if (naming->sender.bytes > 0)
		printf("  sender: becomes %.*s%s\n", VIEW_ARGS(naming->sender),
		        missing ? ", for it is empty or impossible" : "");
	else if (missing)
		printf("  sender: stays null\n");
	else
		printf("  sender: stays %.*s, which the mailbox that sends needs Send As for, "
		       "unless it is its own\n",
		        VIEW_ARGS(names->sender));
}

static void names_print_from(const struct cli_route_names *names)
{
	const struct naming *naming = &names->naming;

	if (naming->from.bytes == 0)
		printf("  From: stays\n");
	else if (naming->replaces)
		printf("  From: becomes %.*s, under the name that it has; what it was goes to "
		       "Reply-To, unless there is one, and X-Sluice-Original-From\n",
		        VIEW_ARGS(naming->opens ? VIEW("the same") : naming->from));
	else
		printf("  From: stays, unless it is missing or impossible: then it becomes %.*s\n",
		        VIEW_ARGS(naming->from));
}

void cli_route_names_print(const struct cli_route_names *names)
{
	if (names->config->names.count == 0 && names->refusal == NULL)
		return;
	printf("from %s\n", names->from[0] != '\0' ? names->from : "<>");
	for (uint16_t i = 0; i < names_asked_count(names); i++) {
		const enum rulebook_reason reason = names_judge(names, i);

		if (reason == RULEBOOK_MATCHES)
			printf("  names[%u]: matches\n", i);
		else
			printf("  names[%u]: no, by %s\n", i, rulebook_reason_words(reason));
	}
	if (names->naming.entry == NAMING_NONE)
		printf("  no entry matches: as_is\n");
	else
		printf("  policy: %s\n", names_policy(names));
	if (names->refusal != NULL) {
		printf("  refused: %s\n", names->refusal);
		return;
	}
	names_print_sender(names);
	names_print_from(names);
}
