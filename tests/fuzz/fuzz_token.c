/* What a token endpoint or a command says, and what a token says of itself: whatever the bytes,
 * nothing is read beyond them, and what is taken for a token can be signed in with. */
#include "engine/json_read.h"
#include "engine/token_claims.h"
#include "engine/token_reply.h"
#include "engine/wire/base64.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 16384

static void check_reply(const struct token_reply *reply)
{
	check(reply->granted || reply->error[0] != '\0');
	check(reply->expires_in_s >= 0);
	check(reply->expires_in_s <= TOKEN_LIFETIME_MOST_S);
	check(memchr(reply->error, '\0', sizeof reply->error) != NULL);
	check(memchr(reply->description, '\0', sizeof reply->description) != NULL);
	check(memchr(reply->trace_id, '\0', sizeof reply->trace_id) != NULL);
	if (!reply->granted)
		return;
	check(reply->access_token.bytes > 0);
	fuzz_check_safe(reply->access_token);
	fuzz_check_safe(reply->refresh_token);
}

static void check_claims(struct view token)
{
	struct token_claims claims;

	token_claims_read(&claims, token);
	check(claims.readable || claims.audience[0] == '\0');
	check(claims.expires_s >= 0);
	(void)token_claims_hint(&claims, FLOW_CLIENT_CREDENTIALS); /* reads each of them */
}

/* A payload as the fuzzer writes it, so that it need not find base64. */
static void check_payload(struct view payload)
{
	static char memory[2 * FUZZ_MAX];
	struct text token = TEXT_ON(memory);

	text_put(&token, VIEW("e30."));
	base64_url_encode(&token, payload);
	text_put(&token, VIEW(".x"));
	check_claims(text_view(&token));
}

static void check_array(struct view text)
{
	struct json_reader reader = json_read_array(text);
	struct view key;
	struct view value;
	size_t members = 0;

	while (json_read_next(&reader, &key, &value)) {
		check(value.bytes > 0);
		check(value.data >= text.data);
		check(value.data + value.bytes <= text.data + text.bytes);
		members++;
	}
	check(members <= text.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static char memory[FUZZ_MAX];
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	const struct span span = { memory, fuzz_choice(&input) % 4 == 0 ? 16 : sizeof memory };
	struct token_reply reply;

	if (token_reply_parse(&reply, input, span))
		check_reply(&reply);
	if (token_reply_parse_output(&reply, input, span))
		check_reply(&reply);
	check_claims(input);
	check_payload(input);
	check_array(input);
	return 0;
}
