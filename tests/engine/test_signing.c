#include "engine/signing.h"

#include "engine/io/packets.h"
#include "engine/signers.h"
#include "tests/engine/io/holder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define SIGNERS 3
#define ASKERS  3
#define ROUNDS  20

static struct certificates certificates;
static struct holder holder;
static struct signing signing;

static int begin(void **state)
{
	(void)state;
	certificates_init(&certificates);
	holder_init(&holder, &certificates);
	return 0;
}

static int end(void **state)
{
	(void)state;
	holder_finish(&holder);
	certificates_finish(&certificates);
	return 0;
}

static struct tls_key_request request_of(enum holder_key key, const char *message)
{
	struct tls_key_request request = { .key = (uint16_t)key,
		.op = TLS_KEY_SIGN,
		.digest = TLS_KEY_DIGEST_SHA256,
		.bytes = (uint16_t)strlen(message) };

	memcpy(request.input, message, request.bytes);
	return request;
}

static bool ask(const struct tls_key_request *request, struct tls_key_answer *answer)
{
	return signing.door.ask(&signing.door, request, answer);
}

/* Signers with the holder's keys, as the keeper has them once it has read them. */
static void open_signers(struct signers *signers, struct keeper_ends *ours)
{
	*ours = (struct keeper_ends){ .life = -1, .secrets = -1, .passwords = -1 };
	*signers = (struct signers){ .keys = calloc(HOLDER_COUNT, sizeof(struct tls_key *)),
		.at = calloc(SIGNERS, sizeof(struct signer)) };
	assert_non_null(signers->keys);
	assert_non_null(signers->at);
	memcpy(signers->keys, holder.keys, sizeof holder.keys);
	signers->key_count = HOLDER_COUNT;
	signers->count = ours->signer_count = SIGNERS;
	for (size_t i = 0; i < SIGNERS; i++) {
		int both[2];

		assert_false(failed(packets_pair(both)));
		ours->signers[i] = both[0];
		signers->at[i] = (struct signer){ .signers = signers, .end = both[1] };
	}
	assert_false(failed(signers_start(signers)));
}

static void close_signers(struct signers *signers)
{
	signers->key_count = 0; /* they are the holder's */
	signers_close(signers);
}

static void *sign_on(void *argument)
{
	const enum holder_key key = *(const enum holder_key *)argument;
	const struct tls_key_request request = request_of(key, "what is to be signed");
	struct tls_key_answer answer;
	intptr_t right = 0;

	for (int i = 0; i < ROUNDS; i++)
		right += ask(&request, &answer) &&
		         holder_is_confirmed(&holder, key, &request, &answer);
	return (void *)right;
}

/* As many as there are signers, all at once, each with a key of its own. */
static void each_gets_its_own_signature(void **state)
{
	enum holder_key keys[ASKERS] = { HOLDER_P256, HOLDER_P384, HOLDER_P256 };
	pthread_t askers[ASKERS];
	struct signers signers;
	struct keeper_ends ours;

	(void)state;
	open_signers(&signers, &ours);
	signing_init(&signing, &ours);
	assert_int_equal(ours.signer_count, 0);
	for (size_t i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&askers[i], NULL, sign_on, &keys[i]), 0);
	for (size_t i = 0; i < ASKERS; i++) {
		void *right;
		assert_int_equal(pthread_join(askers[i], &right), 0);
		assert_int_equal((intptr_t)right, ROUNDS);
	}
	signing_finish(&signing);
	close_signers(&signers);
}

/* A number that no key has is refused, and the next request is answered. */
static void others_keys_are_refused(void **state)
{
	const struct tls_key_request good = request_of(HOLDER_P256, "good");
	struct tls_key_request bad = request_of(HOLDER_P256, "bad");
	struct tls_key_answer answer;
	struct signers signers;
	struct keeper_ends ours;

	(void)state;
	open_signers(&signers, &ours);
	signing_init(&signing, &ours);
	bad.key = HOLDER_COUNT;
	assert_true(ask(&bad, &answer));
	assert_int_equal(answer.bytes, 0);
	assert_true(ask(&good, &answer));
	assert_true(holder_is_confirmed(&holder, HOLDER_P256, &good, &answer));
	signing_finish(&signing);
	close_signers(&signers);
}

/* A pair whose other end is gone, or answers what is none, is given up; then there is none left. */
static void without_signers_it_fails(void **state)
{
	const struct tls_key_request request = request_of(HOLDER_P256, "x");
	struct tls_key_answer answer;
	struct keeper_ends ours = { .life = -1, .secrets = -1, .passwords = -1 };
	int theirs[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int both[2];

		assert_false(failed(packets_pair(both)));
		ours.signers[i] = both[0];
		theirs[i] = both[1];
	}
	ours.signer_count = 2;
	signing_init(&signing, &ours);
	packets_close(&theirs[0]);
	assert_false(failed(packets_send(theirs[1], VIEW("no answer"))));
	for (int i = 0; i < 3; i++)
		assert_false(ask(&request, &answer));
	packets_close(&theirs[1]);
	signing_finish(&signing);
}

/* A keeper that was stopped for a while: whoever waited then fails, and it goes on afterwards. */
static void an_answer_that_comes_late(void **state)
{
	struct tls_key_request request = request_of(HOLDER_P256, "x");
	struct tls_key_answer answer = { .bytes = 4, .output = "late" };
	struct keeper_ends ours = { .life = -1, .secrets = -1, .passwords = -1 };
	const struct view sent =
	        view_from((const char *)&answer, TLS_KEY_ANSWER_HEAD + answer.bytes);
	int both[2];

	(void)state;
	assert_false(failed(packets_pair(both)));
	ours.signers[0] = both[0];
	ours.signer_count = 1;
	signing_init(&signing, &ours);
	signing.wait_ms = 1;
	struct tls_key_answer got;
	assert_false(ask(&request, &got));
	assert_false(ask(&request, &got)); /* it is still owed, so nothing is asked */
	assert_false(failed(packets_send(both[1], sent)));
	memcpy(answer.output, "mine", 4);
	assert_false(failed(packets_send(both[1], sent)));
	assert_true(ask(&request, &got));
	assert_memory_equal(got.output, "mine", 4);
	size_t bytes;
	for (int asked = 0; asked < 2; asked++)
		assert_false(failed(packets_receive(
		        both[1], (struct span){ (char *)&request, sizeof request }, 0, &bytes)));
	assert_true(failed(packets_receive(
	        both[1], (struct span){ (char *)&request, sizeof request }, 0, &bytes)));
	packets_close(&both[1]);
	signing_finish(&signing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own_signature),
		cmocka_unit_test(others_keys_are_refused),
		cmocka_unit_test(without_signers_it_fails),
		cmocka_unit_test(an_answer_that_comes_late),
	};

	return cmocka_run_group_tests_name("signing", tests, begin, end);
}
