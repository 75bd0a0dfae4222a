#include "engine/io/crypto.h"
#include "engine/routing.h"
#include "engine/spooler_inner.h"
#include "engine/wire/header_walk.h"
#include "queue/base/check.h"

#include <assert.h>

#define SENT_LOOK_NS (1 * NS_PER_S)  /* so much may be more than is to be kept */
#define SENT_TOLD_NS (60 * NS_PER_S) /* between two warnings */

static_assert(SPOOL_SENT_KEY_BYTES <= CRYPTO_SHA256_BYTES, "the first bytes of a hash");
static_assert(SPOOL_SENT_ROUTE_MAX >= SPOOL_ROUTE_NAME_MAX, "a route's name fits");

static bool sent_message_id(const struct message *message, char key[SPOOL_SENT_KEY_BYTES]);
static void sent_set(char *into, size_t size, struct view text);
static void sent_recipients(struct spool_sent *sent, const struct job *job);

void spooler_sent_key(struct view message_id, char key[SPOOL_SENT_KEY_BYTES])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];

	crypto_sha256(message_id, hash);
	memcpy(key, hash, SPOOL_SENT_KEY_BYTES);
}

/* NULL: nobody had signed in. */
static const struct config_identity *sent_identity(
        const struct config_route *route, const struct job *job)
{
	return job->identity < route->identities.count ? &route->identities.at[job->identity]
	                                               : NULL;
}

void spooler_keep_sent(struct spooler *spooler, const struct job *job)
{
	const struct config *config = spooler->shard.config;
	const struct message *message = job->message;
	char key[SPOOL_SENT_KEY_BYTES];

	/* Of a report of ours nobody reports. */
	if (config->sent_memory.window_ns == 0 || job_tally(job).of[OWED_DELIVERED] == 0 ||
	        (message->flags & MESSAGE_REPORT) != 0 || job->route >= config->routes.count ||
	        !sent_message_id(message, key))
		return;
	const struct config_route *route = &config->routes.at[job->route];
	struct spool_sent *sent = batch_add_sent(&spooler->batch);
	memcpy(sent->key, key, sizeof key);
	sent->id = job->id;
	sent->number = job->number;
	sent->when = loop_wall(&spooler->shard.loop);
	sent_set(sent->route, sizeof sent->route, view_of(route->name));
	const struct config_identity *identity = sent_identity(route, job);
	sent_set(sent->identity, sizeof sent->identity,
	        view_of(identity != NULL ? identity->user : NULL));
	sent_set(sent->sender, sizeof sent->sender, routing_sender(route, identity, message));
	sent_recipients(sent, job);
}

/* False: it has none that stands in the first chunk of the message. */
static bool sent_message_id(const struct message *message, char key[SPOOL_SENT_KEY_BYTES])
{
	struct rope_cursor at = rope_start(&message->body);
	enum header_walk_news news = HEADER_WALK_FIELD;
	struct header_walk walk;
	struct view piece;
	struct view name;
	struct view value;

	if (!rope_next(&at, &piece))
		return false;
	header_walk_init(&walk);
	while (news == HEADER_WALK_FIELD) {
		news = header_walk_next(&walk, &piece, &name, &value);
		if (news != HEADER_WALK_FIELD || !view_equal_fold(name, VIEW("Message-ID")))
			continue;
		/* A report names it without what stands around it. */
		const struct view from = view_skip(value, view_find(value, '<'));
		const size_t end = view_find(from, '>');
		spooler_sent_key(end < from.bytes ? view_first(from, end + 1) : value, key);
		return true;
	}
	return false;
}

static void sent_set(char *into, size_t size, struct view text)
{
	const struct view kept = view_first(text, size - 1);

	if (kept.bytes > 0)
		memcpy(into, kept.data, kept.bytes);
	into[kept.bytes] = '\0';
}

static void sent_recipients(struct spool_sent *sent, const struct job *job)
{
	const struct owed *owed = job_owed_const(job);
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	sent->recipient_count = 0;
	for (size_t i = 0; i < job->owed_count; i++) {
		if (owed[i].outcome != OWED_DELIVERED)
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (sent->recipient_count < SPOOL_SENT_RECIPIENTS_MAX)
			sent->recipients[sent->recipient_count] =
			        spool_sent_print(recipient.address);
		sent->recipient_count++;
	}
}

static void sent_log_early(struct spooler *spooler, uint64_t early)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (!mono_reached(now, spooler->sent_told))
		return;
	spooler->sent_told = mono_after(now, SENT_TOLD_NS);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "sent_forgotten");
	log_number(&line, "early", early);
	log_word(&line, "advice",
	        "More mail was sent than sent_memory.most allows for the window: the oldest is "
	        "forgotten before its time, and a late refusal of it is not known.");
	log_end(&line);
}

void spooler_forget_sent(struct spooler *spooler)
{
	const struct config_sent_memory *memory = &spooler->shard.config->sent_memory;
	const struct loop *loop = &spooler->shard.loop;
	const struct wall since = { loop_wall(loop).ms - memory->window_ns / NS_PER_MS };
	uint64_t early;

	if (!spooler->sent_forgetting && !mono_reached(loop_now(loop), spooler->sent_look))
		return;
	spooler->sent_forgetting = false;
	spooler->sent_look = mono_after(loop_now(loop), SENT_LOOK_NS);
	spooler_forget_lates(spooler, since);
	if (!spool_sent_is_due(spooler->spool, since, memory->most, &early))
		return;
	if (early > 0)
		sent_log_early(spooler, early);
	batch_forget_sent(&spooler->batch, since, early);
}
