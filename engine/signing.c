#include "engine/signing.h"

#include "engine/io/crypto.h"
#include "engine/io/packets.h"
#include "queue/base/check.h"

static bool signing_ask(struct tls_keys_door *door, const struct tls_key_request *request,
        struct tls_key_answer *answer);
static struct signing_pair *signing_take(struct signing *signing);
static struct err pair_ask(struct signing_pair *pair, int wait_ms,
        const struct tls_key_request *request, struct tls_key_answer *answer);
static struct err pair_settle(struct signing_pair *pair);
static void pair_give(struct signing_pair *pair, struct err err);

void signing_init(struct signing *signing, struct keeper_ends *ends)
{
	*signing = (struct signing){
		.door.ask = signing_ask, .count = ends->signer_count, .wait_ms = SIGNING_WAIT_MS
	};
	for (size_t i = 0; i < signing->count; i++) {
		signing->pairs[i].end = ends->signers[i];
		atomic_init(&signing->pairs[i].state, SIGNING_FREE);
	}
	ends->signer_count = 0;
}

void signing_finish(struct signing *signing)
{
	for (size_t i = 0; i < signing->count; i++) {
		check(atomic_load(&signing->pairs[i].state) != SIGNING_BUSY);
		packets_close(&signing->pairs[i].end);
	}
	signing->count = 0;
}

static bool signing_ask(struct tls_keys_door *door, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	struct signing *signing = container_of(door, struct signing, door);
	struct signing_pair *pair = signing_take(signing);

	if (pair == NULL)
		return false;
	const struct err err = pair_ask(pair, signing->wait_ms, request, answer);
	pair_give(pair, err);
	return !failed(err);
}

/* NULL: all are in use, or owe an answer. */
static struct signing_pair *signing_take(struct signing *signing)
{
	for (size_t i = 0; i < signing->count; i++) {
		struct signing_pair *pair = &signing->pairs[i];
		int state = SIGNING_FREE;

		if (!atomic_compare_exchange_strong(&pair->state, &state, SIGNING_BUSY))
			continue;
		const struct err err = pair_settle(pair);
		if (!failed(err))
			return pair;
		pair_give(pair, err);
	}
	return NULL;
}

/* What comes late would be taken for the next answer. ERR_LIMIT: it has not come yet. */
static struct err pair_settle(struct signing_pair *pair)
{
	struct tls_key_answer late;
	struct err err = err_ok();
	size_t bytes = 0;

	if (!pair->owed)
		return err;
	err = packets_receive(pair->end, (struct span){ (char *)&late, sizeof late }, 0, &bytes);
	crypto_wipe(&late, sizeof late); /* it may be a premaster secret */
	pair->owed = failed(err);
	return err;
}

/* ERR_LIMIT: the time was up. */
static struct err pair_ask(struct signing_pair *pair, int wait_ms,
        const struct tls_key_request *request, struct tls_key_answer *answer)
{
	size_t bytes = 0;

	struct err err = packets_send(
	        pair->end, view_from((const char *)request, TLS_KEY_REQUEST_HEAD + request->bytes));
	if (failed(err))
		return err_make(ERR_CLOSED, 0);
	err = packets_receive(
	        pair->end, (struct span){ (char *)answer, sizeof *answer }, wait_ms, &bytes);
	pair->owed = err.code == ERR_LIMIT;
	if (!failed(err) &&
	        (bytes < TLS_KEY_ANSWER_HEAD || bytes - TLS_KEY_ANSWER_HEAD != answer->bytes))
		return err_make(ERR_FORMAT, 0);
	return err;
}

/* For the next, unless its other end is gone or answers what is none. */
static void pair_give(struct signing_pair *pair, struct err err)
{
	const bool lives = !failed(err) || err.code == ERR_LIMIT;

	atomic_store(&pair->state, lives ? SIGNING_FREE : SIGNING_DEAD);
}
