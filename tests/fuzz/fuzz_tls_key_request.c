/* Requests to who holds private keys: whatever another process sends, it is refused, or it is what
 * that key may be asked for, and the answer is no more than that. */
#include "tests/engine/io/holder.h"
#include "tests/fuzz/fuzz.h"

static void open_holder(struct holder *holder)
{
	struct certificates certificates;

	certificates_init(&certificates);
	holder_init(holder, &certificates);
	certificates_finish(&certificates);
}

static uint16_t choose_version(struct view *input)
{
	static const uint16_t versions[] = { 0, 0x0300, 0x0301, 0x0303, 0x0304, UINT16_MAX };

	return versions[fuzz_choice(input) % (sizeof versions / sizeof versions[0])];
}

/* Mostly what there is. */
static uint16_t choose_bytes(struct view *input)
{
	static const uint16_t lengths[] = { 0, 1, TLS_KEY_INPUT_MAX, TLS_KEY_INPUT_MAX + 1 };
	const unsigned choice = fuzz_choice(input);

	if (choice < sizeof lengths / sizeof lengths[0])
		return lengths[choice];
	return (uint16_t)input->bytes;
}

static void check_refusal(const struct tls_key_answer *answer)
{
	for (size_t i = 0; i < TLS_KEY_OUTPUT_MAX; i++)
		check(answer->output[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct holder holder;
	static struct tls_key_request request;
	static struct tls_key_answer answer;
	struct view input = view_from(data, bytes);

	if (holder.keys[0] == NULL)
		open_holder(&holder);
	request = (struct tls_key_request){ 0 };
	request.key = (uint16_t)(fuzz_choice(&input) % HOLDER_COUNT);
	/* One more than there is of each: a unit test goes through the others. */
	request.op = (uint8_t)(fuzz_choice(&input) % (TLS_KEY_DECRYPT + 2));
	request.digest = (uint8_t)(fuzz_choice(&input) % (TLS_KEY_DIGEST_COUNT + 1));
	request.padding = (uint8_t)(fuzz_choice(&input) % (TLS_KEY_PADDING_COUNT + 1));
	request.client_version = choose_version(&input);
	request.negotiated_version = choose_version(&input);
	input = view_first(input, TLS_KEY_INPUT_MAX);
	request.bytes = choose_bytes(&input);
	memcpy(request.input, input.data, input.bytes);
	memset(&answer, 0xa5, sizeof answer);
	tls_key_answer(holder.keys[request.key], &request, &answer);
	check(answer.bytes <= TLS_KEY_OUTPUT_MAX);
	if (answer.bytes == 0) {
		check_refusal(&answer);
		return 0;
	}
	check(request.bytes > 0 && request.bytes <= TLS_KEY_INPUT_MAX);
	if (request.op == TLS_KEY_SIGN) {
		check(holder_is_confirmed(&holder, request.key, &request, &answer));
	} else {
		check(request.op == TLS_KEY_DECRYPT);
		check(request.key == HOLDER_RSA || request.key == HOLDER_RSA_OTHER);
		check(answer.bytes == TLS_KEY_SECRET_BYTES);
	}
	return 0;
}
