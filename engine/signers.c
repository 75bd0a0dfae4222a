#include "engine/signers.h"

#include "engine/config_keys.h"
#include "engine/io/crypto.h"
#include "engine/io/packets.h"
#include "queue/base/check.h"

#include <stdlib.h>

static struct err signers_load(
        struct signers *signers, const struct config_keys *keys, struct text *why);
static void *signer_run(void *argument);

struct err signers_open(struct signers *signers, const struct config *config,
        struct keeper_ends *ends, struct text *why)
{
	struct config_keys keys;

	*signers = (struct signers){ .count = 0 };
	if (ends->signer_count == 0)
		return err_ok();
	struct err err = config_keys_open(&keys, config);
	if (failed(err))
		return err;
	err = signers_load(signers, &keys, why);
	config_keys_close(&keys);
	if (failed(err))
		return err;
	signers->at = calloc(ends->signer_count, sizeof *signers->at);
	if (signers->at == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	signers->count = ends->signer_count;
	for (size_t i = 0; i < signers->count; i++)
		signers->at[i] = (struct signer){ .signers = signers, .end = ends->signers[i] };
	ends->signer_count = 0;
	return err_ok();
}

static struct err signers_load(
        struct signers *signers, const struct config_keys *keys, struct text *why)
{
	struct err err = err_ok();

	signers->keys = calloc(keys->count, sizeof(struct tls_key *));
	if (signers->keys == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < keys->count && !failed(err); i++) {
		err = tls_key_load(&signers->keys[i], keys->keys[i], keys->certificates[i], why);
		signers->key_count = i + 1;
	}
	return err;
}

struct err signers_start(struct signers *signers)
{
	for (size_t i = 0; i < signers->count; i++) {
		struct signer *signer = &signers->at[i];
		const int error = pthread_create(&signer->thread, NULL, signer_run, signer);

		if (error != 0)
			return err_make(ERR_SYSTEM, error);
		signer->started = true;
	}
	return err_ok();
}

void signers_join(struct signers *signers)
{
	for (size_t i = 0; i < signers->count; i++) {
		if (signers->at[i].started)
			check(pthread_join(signers->at[i].thread, NULL) == 0);
		signers->at[i].started = false;
	}
}

void signers_close(struct signers *signers)
{
	signers_join(signers);
	for (size_t i = 0; i < signers->count; i++)
		packets_close(&signers->at[i].end);
	for (size_t i = 0; i < signers->key_count; i++)
		tls_key_destroy(signers->keys[i]);
	free(MOVE(signers->at));
	free(MOVE(signers->keys));
	signers->count = signers->key_count = 0;
}

static void *signer_run(void *argument)
{
	struct signer *signer = argument;
	const struct signers *signers = signer->signers;
	struct tls_key_request request;
	struct tls_key_answer answer;
	size_t bytes;

	(void)pthread_setname_np(pthread_self(), "signer");
	while (!failed(packets_receive(signer->end,
	        (struct span){ (char *)&request, sizeof request }, PACKETS_FOR_EVER, &bytes))) {
		answer.bytes = 0;
		if (bytes < TLS_KEY_REQUEST_HEAD || bytes - TLS_KEY_REQUEST_HEAD != request.bytes)
			break;
		if (request.key < signers->key_count)
			tls_key_answer(signers->keys[request.key], &request, &answer);
		const struct err err = packets_send(signer->end,
		        view_from((const char *)&answer, TLS_KEY_ANSWER_HEAD + answer.bytes));
		crypto_wipe(&answer, sizeof answer); /* it may be a premaster secret */
		if (failed(err))
			break;
	}
	/* The engine must not wait for what never comes. */
	packets_close(&signer->end);
	return NULL;
}
