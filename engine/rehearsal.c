#include "engine/rehearsal.h"

#include "engine/config_arena.h"
#include "engine/rulebook.h"
#include "engine/streams.h"
#include "queue/base/check.h"

#include <assert.h>
#include <string.h>

/* Of each entry two rules: its conditions, and whom it lets out. */
#define RULES_EACH 2

static_assert(CONFIG_REHEARSALS_MAX * RULES_EACH <= CONFIG_RULES_MAX, "a rulebook takes them all");

static struct rulebook_mail rehearsal_mail(const struct message *message);
static bool rehearsal_has_stream(const struct config_rehearsal *rehearsal, const char *stream);

void rehearsal_make(struct config *config)
{
	const size_t count = config->rehearsal.count;
	struct config_rules *rules;
	struct config_rule *at;

	if (count == 0)
		return;
	rules = config_arena_take(config->arena, sizeof *rules);
	at = config_arena_take(config->arena, count * RULES_EACH * sizeof *at);
	for (size_t i = 0; i < count; i++) {
		const struct config_rehearsal *rehearsal = &config->rehearsal.at[i];

		at[i * RULES_EACH] = (struct config_rule){
			.sender = rehearsal->sender,
			.listener = rehearsal->listener,
			.client = rehearsal->client,
			.user = rehearsal->user,
			.header = rehearsal->header,
		};
		at[i * RULES_EACH + 1] = (struct config_rule){ .recipient = rehearsal->only };
	}
	*rules = (struct config_rules){ at, count * RULES_EACH };
	config->rehearsalbook = rulebook_make_of(config, rules);
}

const struct config_rehearsal *rehearsal_find(
        const struct config *config, const struct message *message, uint8_t stream)
{
	const struct rulebook *book = config->rehearsalbook;
	struct rulebook_seen seen;

	if (book == NULL)
		return NULL;
	struct rulebook_mail mail = rehearsal_mail(message);
	mail.seen = &seen;
	if (book->header_count > 0)
		rulebook_see(book, &message->body, &seen);
	else
		rulebook_see_none(&seen);
	for (uint16_t i = 0; i < config->rehearsal.count; i++) {
		const struct config_rehearsal *rehearsal = &config->rehearsal.at[i];

		if (rulebook_judge(book, i * RULES_EACH, &mail, VIEW("")) == RULEBOOK_MATCHES &&
		        rehearsal_has_stream(rehearsal, streams_name(config, stream)))
			return rehearsal;
	}
	return NULL;
}

/* The sender as MAIL gave it, whatever became of it: the same at RCPT and after the header. */
static struct rulebook_mail rehearsal_mail(const struct message *message)
{
	const struct view original = message_get(message, MESSAGE_ORIGINAL);
	struct rulebook_mail mail = rulebook_mail_of(message);

	if (original.bytes > 0)
		mail.sender = original;
	return mail;
}

static bool rehearsal_has_stream(const struct config_rehearsal *rehearsal, const char *stream)
{
	for (size_t i = 0; i < rehearsal->stream.count; i++)
		if (strcmp(rehearsal->stream.at[i], stream) == 0)
			return true;
	return rehearsal->stream.count == 0;
}

bool rehearsal_lets_out(const struct config *config, const struct config_rehearsal *rehearsal,
        struct view recipient)
{
	const uint16_t rule = (uint16_t)((rehearsal - config->rehearsal.at) * RULES_EACH + 1);
	const struct rulebook_mail none = { 0 };

	if (rehearsal->to != NULL)
		return view_equal_fold(recipient, view_of(rehearsal->to));
	return rehearsal->only.count > 0 &&
	       rulebook_judge(config->rehearsalbook, rule, &none, recipient) == RULEBOOK_MATCHES;
}

/* Entries that hang on the header come behind those that stand in: the configuration is checked. */
struct view rehearsal_stand_in(const struct config *config, const struct message *message)
{
	if (config->rehearsalbook == NULL)
		return VIEW("");
	const struct rulebook_mail mail = rehearsal_mail(message);

	for (uint16_t i = 0; i < config->rehearsal.count; i++) {
		const struct config_rehearsal *rehearsal = &config->rehearsal.at[i];

		if (rulebook_judge(config->rehearsalbook, i * RULES_EACH, &mail, VIEW("")) !=
		        RULEBOOK_MATCHES)
			continue;
		return rehearsal->to != NULL ? view_of(rehearsal->to) : VIEW("");
	}
	return VIEW("");
}
