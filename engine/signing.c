#include "engine/signing.h"

#include "engine/io/packets.h"
#include "queue/base/check.h"

static bool signing_ask(struct tls_keys_door *door, const struct tls_key_request *request,
        struct tls_key_answer *answer);
static struct signing_pair *signing_take(struct signing *signing);
static bool pair_ask(struct signing_pair *pair, const struct tls_key_request *request,
        struct tls_key_answer *answer);

void signing_init(struct signing *signing, struct keeper_ends *ends)
{
	*signing = (struct signing){ .door.ask = signing_ask, .count = ends->signer_count };
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
	const bool answered = pair_ask(pair, request, answer);
	/* What comes late would be taken for the next answer. */
	atomic_store(&pair->state, answered ? SIGNING_FREE : SIGNING_DEAD);
	return answered;
}

static struct signing_pair *signing_take(struct signing *signing)
{
	for (size_t i = 0; i < signing->count; i++) {
		int state = SIGNING_FREE;

		if (atomic_compare_exchange_strong(&signing->pairs[i].state, &state, SIGNING_BUSY))
			return &signing->pairs[i];
	}
	return NULL;
}

static bool pair_ask(struct signing_pair *pair, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	size_t bytes = 0;

	return !failed(packets_send(pair->end,
	               view_from((const char *)request, TLS_KEY_REQUEST_HEAD + request->bytes))) &&
	       !failed(packets_receive(pair->end, (struct span){ (char *)answer, sizeof *answer },
	               SIGNING_WAIT_MS, &bytes)) &&
	       bytes >= TLS_KEY_ANSWER_HEAD && bytes - TLS_KEY_ANSWER_HEAD == answer->bytes;
}
