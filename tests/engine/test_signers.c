#include "engine/signers.h"

#include "engine/io/packets.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct certificates certificates;
static char certificate[CERTIFICATES_PATH_BYTES];
static char key[CERTIFICATES_PATH_BYTES];
static struct config_listener listener;
static const struct config config = { .listeners = { &listener, 1 },
	.threads = { .ingest = 1, .delivery = 1 } };

static int begin(void **state)
{
	(void)state;
	certificates_init(&certificates);
	certificates_make_kind(&certificates, "P-256", "signers", certificate, key);
	listener.tls = (struct config_listener_tls){ .certificate = certificate, .key = key };
	return 0;
}

static int end(void **state)
{
	(void)state;
	certificates_finish(&certificates);
	return 0;
}

/* What no engine writes ends the signer that hears it, and no other. */
static void other_packets_end_one(void **state)
{
	struct tls_key_request request = { .op = TLS_KEY_SIGN, .digest = TLS_KEY_DIGEST_SHA256 };
	struct tls_key_answer answer;
	struct keeper_ends ours;
	struct keeper_ends theirs;
	struct signers signers;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	size_t bytes;
	const struct span room = { (char *)&answer, sizeof answer };

	(void)state;
	for (int row = 0; row < 3; row++) {
		assert_false(failed(keeper_ends_open(&ours, &theirs, &config)));
		assert_false(failed(signers_open(&signers, &config, &theirs, &why)));
		assert_false(failed(signers_start(&signers)));
		assert_int_equal(signers.count, 2);
		/* Shorter than a request's beginning; than it says; longer than it says. */
		request.bytes = row == 1 ? 9 : 8;
		const size_t sent[] = { TLS_KEY_REQUEST_HEAD - 1, TLS_KEY_REQUEST_HEAD + 8,
			TLS_KEY_REQUEST_HEAD + 9 };
		assert_false(failed(packets_send(
		        ours.signers[0], view_from((const char *)&request, sent[row]))));
		assert_int_equal(
		        packets_receive(ours.signers[0], room, PACKETS_FOR_EVER, &bytes).code,
		        ERR_CLOSED);
		request.bytes = 8;
		assert_false(failed(packets_send(ours.signers[1],
		        view_from((const char *)&request, TLS_KEY_REQUEST_HEAD + 8))));
		assert_false(
		        failed(packets_receive(ours.signers[1], room, PACKETS_FOR_EVER, &bytes)));
		assert_true(answer.bytes > 0);
		assert_int_equal(bytes, TLS_KEY_ANSWER_HEAD + answer.bytes);
		keeper_ends_close(&ours);
		signers_close(&signers);
		keeper_ends_close(&theirs);
	}
}

static void what_is_wrong_is_named(void **state)
{
	struct keeper_ends ours;
	struct keeper_ends theirs;
	struct signers signers;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	(void)state;
	listener.tls.key = "nowhere.key";
	assert_false(failed(keeper_ends_open(&ours, &theirs, &config)));
	assert_true(failed(signers_open(&signers, &config, &theirs, &why)));
	assert_non_null(strstr(text_string(&why), "nowhere.key"));
	signers_close(&signers);
	keeper_ends_close(&ours);
	keeper_ends_close(&theirs);
	listener.tls.key = key;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_packets_end_one),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("signers", tests, begin, end);
}
